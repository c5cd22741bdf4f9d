//! A model is replaced while another runs, and power fails at every word of the replacement in turn.
//!
//! A pendulum is stepped once between any two attempts: what an attempt does must not be seen in its motion. The last attempt is not
//! disturbed, and the next boot steps the new model on from where the old one was.

use hnn_runtime::{AnyStepper, Compiled, Error, State, Stepper as _, TrajectoryHash, Workspace};

use crate::control::name;
use crate::controller::WORKSPACE_LEN;
use crate::flash::{Power, SimulatedFlash};
use crate::report::Report;
use crate::slots::{Boot, InstallError, Running, Slots};
use crate::{Console, learned};

/// Words of a slot.
const SLOT_WORDS: usize = 384;
/// Bits that the word keeps at which power fails.
const UNCHANGED: u32 = 0x5555_5555;
/// Where the motion begins.
const START: (f32, f32) = (1.0, 0.0);

type Flash = SimulatedFlash<SLOT_WORDS>;
type Motion = State<f32, 1>;

/// Installs a model, then another with power failing at every word. Returns whether the first ran on until all of the second was
/// there.
pub fn update(console: &mut impl Console) -> bool {
    let mut report = Report(console);
    let good = match replace(&mut report) {
        Ok(good) => good,
        Err(error) => {
            report.word("error ").word(name(error)).end();
            false
        }
    };
    report.word("done").end();
    good
}

fn replace(report: &mut Report<'_, impl Console>) -> Result<bool, Error> {
    let mut slots = Slots::new(Flash::new(), Flash::new());
    let mut good = slots.boot(|_| true).spare.install(learned::OTHER_LOAD, |_| true) == Ok(0);
    let mut motion = Motion::new(&[START.0], &[START.1])?;
    let mut hash = TrajectoryHash::new();

    let mut attempts = 0;
    let installed = loop {
        let Boot { running, mut spare } = slots.boot(|_| true);
        good &= step(running, &mut motion)? == Some(0);
        hash.update(&motion);
        spare.flash().supply(Power { words_left: Some(attempts), unchanged: UNCHANGED });
        let outcome = spare.install(learned::PENDULUM, |_| true);
        spare.flash().supply(Power::ON);
        match outcome {
            Err(InstallError::Flash(_)) => attempts += 1,
            other => break other,
        }
    };
    report.word("attempts_torn").count(u64::from(attempts)).end();
    report.word("motion_of_the_old_model").hexadecimal(hash.value(), 16).end();
    good &= installed == Ok(1) && hash == undisturbed(attempts)?;

    let Boot { running, .. } = slots.boot(|_| true);
    good &= step(running, &mut motion)? == Some(1);
    report.word("first_step_of_the_new_model");
    for value in motion.q().iter().chain(motion.p()) {
        report.bits(*value);
    }
    report.end();
    Ok(good)
}

/// One step of what was booted; returns its sequence number.
fn step(running: Option<Running<'_>>, motion: &mut Motion) -> Result<Option<u32>, Error> {
    let Some(Running { sequence, program }) = running else { return Ok(None) };
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    AnyStepper::for_program(&program)?.step(&mut model, motion, &[0.0], program.dt())?;
    Ok(Some(sequence))
}

/// The motion of the old model by itself, over one step more than there were torn attempts.
fn undisturbed(attempts: u32) -> Result<TrajectoryHash, Error> {
    let program = hnn_runtime::Program::parse(learned::OTHER_LOAD)?;
    let mut motion = Motion::new(&[START.0], &[START.1])?;
    let mut hash = TrajectoryHash::new();
    for _ in 0..=attempts {
        step(Some(Running { sequence: 0, program }), &mut motion)?;
        hash.update(&motion);
    }
    Ok(hash)
}
