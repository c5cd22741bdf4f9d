//! Faults in the simulated pendulum, and the observer that is to notice them.
//!
//! The observer is commissioned on a machine that is well, under one torque; then it watches, under another, a machine to which
//! something happens, once for every fault. Position and velocity are measured with noise.

use hnn_runtime::math::{max, sin};
use hnn_runtime::{Compiled, Error, Program, Workspace};

use crate::control::name;
use crate::controller::WORKSPACE_LEN;
use crate::noise::Noise;
use crate::observer::{Calibration, EnergyObserver};
use crate::plant::{Motion, Pendulum};
use crate::report::Report;
use crate::{Console, learned};

use super::TORQUE_MAX;

/// A tick of the observer, s: energies change slower than a regulator has to act.
const DT: f32 = 5e-3;
const TICKS_PER_SECOND: u32 = 200;
/// Length of the commissioning, s, and of its beginning that is not counted, while the account settles.
const COMMISSIONING: u32 = 60;
const SETTLING: u32 = 2;
/// Length of the watch, s, and when the fault begins.
const WATCH: u32 = 20;
const FAULT_AT: u32 = 10;
/// Deviations of the sensors' noise, rad and rad/s.
const NOISE: [f32; 2] = [0.002, 0.05];
/// The torque's angular frequency at the beginning, rad/s, and its rise per second: from above through the resonance, whose swings
/// widen. The watch sees no motion that the commissioning did not.
const COMMISSIONED: [f32; 2] = [4.5, -0.04];
const WATCHED: [f32; 2] = [3.8, -0.02];

const COMMISSIONING_SEED: u64 = 1;

/// What happens to the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// More viscous friction, N m s.
    Friction(f32),
    /// A shift of the measured angle, rad.
    Offset(f32),
    /// Another mass at the end, kg.
    Mass(f32),
}

/// What the observer made of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Watch {
    /// Largest residual before the fault, in units of H.
    pub quiet_max: f32,
    /// Ticks from the beginning of the watch to the first flag.
    pub flagged: Option<u32>,
}

impl Watch {
    /// Tick of the watch at which the fault begins.
    pub const FAULT_TICK: u32 = FAULT_AT * TICKS_PER_SECOND;
    /// Length of a tick, ms.
    pub const TICK_MS: u32 = 1000 / TICKS_PER_SECOND;

    /// Whether the flag came after the fault, and only then.
    #[must_use]
    pub fn is_right(&self, fault: Fault) -> bool {
        match self.flagged {
            None => fault == Fault::None,
            Some(tick) => fault != Fault::None && tick >= Self::FAULT_TICK,
        }
    }
}

/// No fault, and three of them. Returns whether the observer was right each time.
pub fn fault(console: &mut impl Console) -> bool {
    let runs = [
        ("no fault", Fault::None),
        ("viscous friction times three", Fault::Friction(3.0 * Pendulum::EXAMPLE.viscous)),
        ("angle off by 0.1 rad", Fault::Offset(0.1)),
        ("a fifth more mass", Fault::Mass(1.2 * Pendulum::EXAMPLE.mass)),
    ];
    let mut report = Report(console);
    let band = match commission(learned::PENDULUM, COMMISSIONING_SEED) {
        Ok(band) => band,
        Err(error) => {
            report.word("error ").word(name(error)).end();
            return false;
        }
    };
    report.word("band").bits(band).end();
    let mut good = true;
    for (seed, (title, fault)) in (COMMISSIONING_SEED + 1..).zip(runs) {
        report.word("run ").word(title).end();
        match watch(learned::PENDULUM, band, fault, seed) {
            Ok(watch) => {
                report.word("residual_max_before").bits(watch.quiet_max).end();
                match watch.flagged {
                    Some(tick) => report.word("flagged_ms").count(u64::from(Watch::TICK_MS * tick)).end(),
                    None => report.word("not_flagged").end(),
                }
                good &= watch.is_right(fault);
            }
            Err(error) => {
                report.word("error ").word(name(error)).end();
                good = false;
            }
        }
    }
    report.word("fault_begins_ms").count(u64::from(Watch::TICK_MS * Watch::FAULT_TICK)).end();
    report.word("done").end();
    good
}

/// The half width of the band, in units of H, as a machine that is well shows it; `seed` is that of the sensors' noise.
///
/// # Errors
/// Where the blob is refused, or needs more workspace than there is.
pub fn commission(blob: &[u32], seed: u64) -> Result<f32, Error> {
    let mut calibration = Calibration::new();
    let settled = SETTLING * TICKS_PER_SECOND;
    observe(blob, Bench::new(seed, COMMISSIONED), COMMISSIONING, |tick, residual, _| {
        if tick >= settled {
            calibration.take(residual);
        }
    })?;
    Ok(calibration.band())
}

/// Watches a machine to which a fault happens at [`Watch::FAULT_TICK`], with the band of a commissioning.
///
/// # Errors
/// As [`commission`].
pub fn watch(blob: &[u32], band: f32, fault: Fault, seed: u64) -> Result<Watch, Error> {
    let mut watch = Watch { quiet_max: 0.0, flagged: None };
    observe(blob, Bench::new(seed, WATCHED), WATCH, |tick, residual, bench| {
        if tick < Watch::FAULT_TICK {
            watch.quiet_max = max(watch.quiet_max, residual.abs());
        }
        if residual.abs() > band {
            watch.flagged = watch.flagged.or(Some(tick));
        }
        if tick + 1 == Watch::FAULT_TICK {
            bench.suffer(fault);
        }
    })?;
    Ok(watch)
}

/// Runs the observer of a model on a bench for some seconds and shows each tick's residual.
fn observe(
    blob: &[u32],
    mut bench: Bench,
    seconds: u32,
    mut see: impl FnMut(u32, f32, &mut Bench),
) -> Result<(), Error> {
    let program = Program::parse(blob)?;
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let mut observer = EnergyObserver::new(DT);
    for tick in 0..seconds * TICKS_PER_SECOND {
        let (measured, torque) = bench.tick(tick);
        let residual = observer.update(&mut model, measured, torque);
        see(tick, residual, &mut bench);
    }
    Ok(())
}

/// The machine on its bench: a motor, two sensors.
struct Bench {
    machine: Pendulum,
    motion: Motion,
    offset: f32,
    noise: Noise,
    /// Angular frequency of the torque at the beginning, and its rise.
    drive: [f32; 2],
}

impl Bench {
    fn new(seed: u64, drive: [f32; 2]) -> Self {
        Self { machine: Pendulum::EXAMPLE, motion: Motion::REST, offset: 0.0, noise: Noise::new(seed), drive }
    }

    /// Measures, then lets the motor work for a tick; returns what was measured and the torque.
    fn tick(&mut self, tick: u32) -> ([f32; 2], f32) {
        let [angle_noise, velocity_noise] = NOISE.map(|deviation| deviation * self.noise.sample());
        let measured = [self.motion.angle + self.offset + angle_noise, self.motion.velocity + velocity_noise];
        let time = DT * tick as f32;
        let [frequency, rise] = self.drive;
        let torque = TORQUE_MAX * sin((frequency + 0.5 * rise * time) * time);
        self.machine.advance(&mut self.motion, torque, DT);
        (measured, torque)
    }

    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::None => {}
            Fault::Friction(viscous) => self.machine.viscous = viscous,
            Fault::Offset(offset) => self.offset = offset,
            Fault::Mass(mass) => self.machine = self.machine.carrying(mass),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Watch, commission, watch};
    use crate::learned::PENDULUM;
    use crate::plant::Pendulum;

    const SEEDS: core::ops::Range<u64> = 100..110;

    #[test]
    fn a_machine_that_is_well_is_never_flagged() {
        for seed in SEEDS {
            let band = commission(PENDULUM, seed).unwrap();
            let found = watch(PENDULUM, band, Fault::None, seed + 1000).unwrap();
            assert!(found.flagged.is_none() && found.quiet_max < band, "seed {seed}: {found:?}, band {band}");
        }
    }

    #[test]
    fn faults_are_flagged_within_seconds_and_not_before_they_happen() {
        let faults = [
            Fault::Friction(3.0 * Pendulum::EXAMPLE.viscous),
            Fault::Offset(0.1),
            Fault::Mass(1.2 * Pendulum::EXAMPLE.mass),
        ];
        for seed in SEEDS {
            let band = commission(PENDULUM, seed).unwrap();
            for fault in faults {
                let found = watch(PENDULUM, band, fault, seed + 1000).unwrap();
                assert!(found.is_right(fault), "seed {seed}, {fault:?}: {found:?}");
                assert!(found.flagged.is_some_and(|tick| tick < Watch::FAULT_TICK + 1000), "{fault:?}: {found:?}");
            }
        }
    }

    #[test]
    fn a_fault_as_small_as_the_models_own_error_is_not_seen() {
        let band = commission(PENDULUM, 1).unwrap();
        let found = watch(PENDULUM, band, Fault::Offset(0.002), 2).unwrap();
        assert_eq!(found.flagged, None);
    }
}
