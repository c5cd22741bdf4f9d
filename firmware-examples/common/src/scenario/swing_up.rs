//! Swing-up of the simulated pendulum: hanging at rest, brought upright by a motor that cannot lift it, and held there.
//!
//! The controller sees an encoder's angle and nothing else, once a tick.

use hnn_runtime::math::{max, min};
use hnn_runtime::{Program, Workspace};

use crate::balance::turned;
use crate::controller::{Controller, Failure, Settings, WORKSPACE_LEN};
use crate::plant::{Motion, Pendulum};
use crate::report::Report;
use crate::{Console, learned};

use super::{DT, SCALES, TICKS_PER_SECOND, TORQUE_MAX};

/// Length of a run, s.
const SECONDS: u32 = 12;
/// As far from the top, in rad, counts as upright.
const UPRIGHT: f32 = 0.1;
/// Ticks between two printed states.
const PRINT_EVERY: u32 = 500;

/// A model, a machine and a motor.
#[derive(Debug, Clone, Copy)]
pub struct SwingUpRun<'a> {
    /// What is printed before everything else.
    pub title: &'a str,
    /// The controller's model.
    pub blob: &'a [u32],
    /// The machine.
    pub machine: Pendulum,
    /// Most torque of its motor, N m; the controller is made for [`TORQUE_MAX`] all the same.
    pub torque_max: f32,
}

impl SwingUpRun<'_> {
    /// The learned model on the machine that it was learned from.
    pub const LEARNED: Self =
        SwingUpRun { title: "learned", blob: learned::PENDULUM, machine: Pendulum::EXAMPLE, torque_max: TORQUE_MAX };
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Tick from which on the pendulum was upright to the end.
    pub upright_from: Option<u32>,
    /// Times the regulator took over.
    pub catches: u32,
}

/// The swing-up with the learned model, and two that must not do as well: without torque, and with a model of another load.
/// Returns whether the first stood, and the second never did.
pub fn swing_up(console: &mut impl Console) -> bool {
    let learned = SwingUpRun::LEARNED;
    let idle = SwingUpRun { title: "without torque", torque_max: 0.0, ..learned };
    let other = SwingUpRun { title: "model of another load", blob: learned::OTHER_LOAD, ..learned };
    let mut report = Report(console);
    let [stood, fell, _] = [learned, idle, other].map(|run| run.perform(&mut report));
    report.word("done").end();
    stood.is_ok_and(|outcome| outcome.upright_from.is_some())
        && fell.is_ok_and(|outcome| outcome.upright_from.is_none())
}

impl SwingUpRun<'_> {
    /// Runs and prints.
    ///
    /// # Errors
    /// Where the blob is refused, or makes no controller.
    fn perform(&self, report: &mut Report<'_, impl Console>) -> Result<Outcome, Failure> {
        report.word("run ").word(self.title).end();
        let outcome = self.simulate(report);
        match outcome {
            Ok(Outcome { upright_from: Some(tick), catches }) => {
                report.word("upright_from_ms").count(u64::from(tick)).word(" catches").count(u64::from(catches)).end();
            }
            Ok(Outcome { upright_from: None, catches }) => {
                report.word("never_upright catches").count(u64::from(catches)).end();
            }
            Err(failure) => report.word("error ").word(failure.name()).end(),
        }
        outcome
    }

    fn simulate(&self, report: &mut Report<'_, impl Console>) -> Result<Outcome, Failure> {
        let program = Program::parse(self.blob)?;
        let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
        let mut motion = Motion::REST;
        let settings = Settings { torque_max: TORQUE_MAX, scales: SCALES, dt: DT };
        let mut controller = Controller::new(&program, &mut workspace, settings, motion.encoded())?;
        let [k0, k1] = controller.swing_up().balance().gain();
        report.word("gain").bits(k0).bits(k1).end();

        let (mut outcome, mut was_balancing) = (Outcome { upright_from: None, catches: 0 }, false);
        let mut until_print = 1;
        for tick in 0..SECONDS * TICKS_PER_SECOND {
            let torque = controller.tick(motion.encoded());
            let is_balancing = controller.swing_up().is_balancing();
            if is_balancing && !was_balancing {
                outcome.catches += 1;
            }
            was_balancing = is_balancing;
            let applied = max(min(torque, self.torque_max), -self.torque_max);
            self.machine.advance(&mut motion, applied, DT);
            let is_upright = turned(motion.angle, core::f32::consts::PI).abs() < UPRIGHT;
            outcome.upright_from = if is_upright { outcome.upright_from.or(Some(tick)) } else { None };
            until_print -= 1;
            if until_print == 0 {
                until_print = PRINT_EVERY;
                report.word("state").count(u64::from(tick)).bits(motion.angle).bits(motion.velocity).bits(torque).end();
            }
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;

    use super::{Outcome, SwingUpRun};
    use crate::Console;
    use crate::plant::Pendulum;
    use crate::report::Report;
    use crate::scenario::TORQUE_MAX;

    struct Text(String);

    impl Console for Text {
        fn write(&mut self, text: &[u8]) {
            self.0.push_str(str::from_utf8(text).unwrap());
        }
    }

    fn outcome(run: SwingUpRun<'_>) -> Outcome {
        run.perform(&mut Report(&mut Text(String::new()))).unwrap()
    }

    #[test]
    fn the_motor_cannot_lift_the_pendulum_and_the_learned_model_brings_it_up_in_six_seconds() {
        assert!(TORQUE_MAX < 0.25 * Pendulum::EXAMPLE.gravity_torque());
        let Outcome { upright_from, catches } = outcome(SwingUpRun::LEARNED);
        assert!(upright_from.is_some_and(|tick| tick < 6000) && catches == 1, "{upright_from:?}, {catches} catches");
    }

    #[test]
    fn a_machine_that_is_a_fifth_heavier_or_lighter_or_has_more_friction_than_the_model_is_brought_up_as_well() {
        let worn = Pendulum { viscous: 5.0 * Pendulum::EXAMPLE.viscous, ..Pendulum::EXAMPLE };
        for machine in [Pendulum::EXAMPLE.carrying(0.4), Pendulum::EXAMPLE.carrying(0.6), worn] {
            let Outcome { upright_from, .. } = outcome(SwingUpRun { machine, ..SwingUpRun::LEARNED });
            assert!(upright_from.is_some_and(|tick| tick < 8000), "{machine:?}: {upright_from:?}");
        }
    }

    #[test]
    fn without_torque_or_with_the_model_of_another_load_it_is_never_upright() {
        let idle = outcome(SwingUpRun { torque_max: 0.0, ..SwingUpRun::LEARNED });
        assert_eq!(idle, Outcome { upright_from: None, catches: 0 });
        let other = outcome(SwingUpRun { blob: crate::learned::OTHER_LOAD, ..SwingUpRun::LEARNED });
        assert_eq!(other.upright_from, None);
    }
}
