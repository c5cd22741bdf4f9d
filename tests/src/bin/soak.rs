//! Long runs of the bundled models on the runtime, as tables in Markdown: does the energy drift, over how many steps, for which
//! kind of state; and does a billion steps lead back.
//!
//! Gates nothing. Times are recorded, never judged.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hnn_firmware_common::MODELS;
use hnn_runtime::format::MAX_DOF;
use hnn_runtime::integrate::{Compensated, LEAPFROG};
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Lattice, Program, SchemeId, State, Stepper as _, TrajectoryHash};

/// A separable network learned from data.
const MODEL: &str = "pendulum_network";
/// A formula, for what takes longest.
const FORMULA: &str = "pendulum_formula";
/// Schemes and kinds of states with the steps each is run for.
const RUNS: [(SchemeId, Kind, u32); 6] = [
    (SchemeId::Leapfrog, Kind::Plain, 100_000_000),
    (SchemeId::Leapfrog, Kind::Compensated, 100_000_000),
    (SchemeId::Leapfrog, Kind::Lattice, 100_000_000),
    (SchemeId::Yoshida4, Kind::Plain, 20_000_000),
    (SchemeId::BlanesMoan4, Kind::Lattice, 20_000_000),
    (SchemeId::Midpoint, Kind::Plain, 5_000_000),
];
/// Parts of a run whose mean energies are compared.
const PARTS: u32 = 20;
/// Student's 97.5 % quantile for `PARTS − 2` degrees of freedom.
const STUDENT: f64 = 2.101;
/// Iterations of the implicit scheme.
const ITERATIONS: u32 = 8;
/// Steps of the lattice forward, and then back.
const RETURN_STEPS: u32 = 1_000_000_000;

/// Kinds of states.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    Compensated,
    Lattice,
}

/// A state of one of the kinds, on its way.
enum Motion {
    Plain(Box<State<f32, MAX_DOF>>),
    Compensated(Box<Compensated<MAX_DOF>>),
    Lattice(Box<Lattice<MAX_DOF>>),
}

/// What one run showed.
struct Outcome {
    /// Largest |H − H₀|.
    error_max: f64,
    /// Mean of H − H₀ over each part of the run.
    means: Vec<f64>,
    hash: u64,
    seconds: f64,
}

fn main() -> Result<()> {
    let program = bundled(MODEL)?;
    println!("# Long runs\n");
    println!(
        "Written by `cargo xtask soak`: `{MODEL}` of the firmware examples, start q = 1, p = 0, dt = {} s. The slope is that of \
         least squares over the means of H − H₀ in {PARTS} parts of a run, ± half its 95 % confidence interval; H is evaluated in f32.\n",
        program.dt()
    );
    println!("| scheme | state | steps | max abs(H - H0) | slope per step | trajectory hash | ns per step |");
    println!("|---|---|---|---|---|---|---|");
    for (scheme, kind, steps) in RUNS {
        let outcome = run(&program, scheme, kind, steps)?;
        let (slope, interval) = slope(&outcome.means, f64::from(steps / PARTS));
        println!(
            "| {} | {} | {steps} | {:.3e} | {slope:.1e} ± {interval:.1e} | {:016x} | {:.0} |",
            scheme.name(),
            format!("{kind:?}").to_lowercase(),
            outcome.error_max,
            outcome.hash,
            outcome.seconds * 1e9 / f64::from(steps)
        );
    }
    let seconds = there_and_back()?;
    println!(
        "\n{RETURN_STEPS} leapfrog steps of `{FORMULA}` on the lattice and as many back led to the initial bits; {:.0} ns per step.",
        seconds * 1e9 / (2.0 * f64::from(RETURN_STEPS))
    );
    Ok(())
}

fn bundled(name: &str) -> Result<Program<'static>> {
    let model = MODELS.iter().find(|model| model.name == name).with_context(|| format!("no model `{name}`"))?;
    Ok(Program::parse(model.blob)?)
}

fn start(program: &Program<'_>) -> Result<State<f32, MAX_DOF>> {
    Ok(State::new(&vec![1.0; program.dof()], &vec![0.0; program.dof()])?)
}

fn run(program: &Program<'_>, scheme: SchemeId, kind: Kind, steps: u32) -> Result<Outcome> {
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(program, &mut workspace)?;
    let stepper = AnyStepper::new(program, scheme, ITERATIONS)?;
    let first = start(program)?;
    let mut motion = match kind {
        Kind::Plain => Motion::Plain(Box::new(first.clone())),
        Kind::Compensated => Motion::Compensated(Box::new(Compensated::new(first.clone()))),
        Kind::Lattice => Motion::Lattice(Box::new(Lattice::new(&first)?)),
    };
    let mut hash = TrajectoryHash::new();
    let started = Instant::now();
    let initial = f64::from(model.energy(first.q(), first.p()));
    let (mut error_max, mut means) = (0.0_f64, Vec::new());
    for _ in 0..PARTS {
        let mut sum = 0.0;
        for _ in 0..steps / PARTS {
            let state = match &mut motion {
                Motion::Plain(state) => {
                    stepper.step(&mut model, &mut **state, &[], program.dt())?;
                    State::clone(state)
                }
                Motion::Compensated(state) => {
                    state.step(stepper.explicit(program)?, &mut model.separable()?, &[], program.dt())?;
                    state.state().clone()
                }
                Motion::Lattice(state) => {
                    state.step(stepper.explicit(program)?, &mut model.separable()?, &[], program.dt())?;
                    state.state()
                }
            };
            hash.update(&state);
            let error = f64::from(model.energy(state.q(), state.p())) - initial;
            error_max = error_max.max(error.abs());
            sum += error;
        }
        means.push(sum / f64::from(steps / PARTS));
    }
    Ok(Outcome { error_max, means, hash: hash.value(), seconds: started.elapsed().as_secs_f64() })
}

/// Least-squares slope per step of the means of equal parts, and half its 95 % confidence interval.
fn slope(means: &[f64], steps_per_part: f64) -> (f64, f64) {
    let count = f64::from(PARTS);
    let times = || (0..PARTS).map(|part| f64::from(part) - (count - 1.0) / 2.0);
    let mean = means.iter().sum::<f64>() / count;
    let spread: f64 = times().map(|time| time * time).sum();
    let slope = times().zip(means).map(|(time, value)| time * (value - mean)).sum::<f64>() / spread;
    let residual: f64 = times().zip(means).map(|(time, value)| (value - mean - slope * time).powi(2)).sum();
    let error = (residual / (count - 2.0) / spread).sqrt();
    (slope / steps_per_part, STUDENT * error / steps_per_part)
}

/// Steps a lattice state forward and back, and insists on the initial bits; gives the seconds it took.
fn there_and_back() -> Result<f64> {
    let program = bundled(FORMULA)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let first = Lattice::<1>::new(&State::new(&[1.0], &[0.0])?)?;
    let (mut state, dt) = (first.clone(), program.dt());
    let started = Instant::now();
    for _ in 0..RETURN_STEPS {
        state.step(&LEAPFROG, &mut model.separable()?, &[], dt)?;
    }
    ensure!(state != first, "nothing moved");
    for _ in 0..RETURN_STEPS {
        state.undo(&LEAPFROG, &mut model.separable()?, &[], dt)?;
    }
    ensure!(state == first, "{RETURN_STEPS} steps forward and back missed the initial state");
    Ok(started.elapsed().as_secs_f64())
}
