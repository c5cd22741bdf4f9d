//! Long runs of the bundled model on the runtime, as a table in Markdown: does the energy drift, over how many steps.
//!
//! Gates nothing. Times are recorded, never judged.

use std::time::Instant;

use anyhow::{Context, Result};
use hnn_firmware_common::MODELS;
use hnn_runtime::format::MAX_DOF;
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Program, SchemeId, State, Stepper as _, TrajectoryHash};

/// A separable network learned from data.
const MODEL: &str = "pendulum_network";
/// Schemes with the steps each is run for.
const RUNS: [(SchemeId, u32); 3] =
    [(SchemeId::Leapfrog, 100_000_000), (SchemeId::Yoshida4, 20_000_000), (SchemeId::Midpoint, 5_000_000)];
/// Parts of a run whose mean energies are compared.
const PARTS: u32 = 10;
/// Iterations of the implicit scheme.
const ITERATIONS: u32 = 8;

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
    let model = MODELS.iter().find(|model| model.name == MODEL).with_context(|| format!("no model `{MODEL}`"))?;
    let program = Program::parse(model.blob)?;
    println!("# Long runs\n");
    println!(
        "Written by `cargo xtask soak`: `{MODEL}` of the firmware examples, start q = 1, p = 0, dt = {} s.\n",
        program.dt()
    );
    println!(
        "| scheme | steps | max abs(H - H0) | mean H - H0, first tenth | last tenth | trajectory hash | ns per step |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (scheme, steps) in RUNS {
        let outcome = run(&program, scheme, steps)?;
        let (first, last) =
            (outcome.means.first().copied().unwrap_or(0.0), outcome.means.last().copied().unwrap_or(0.0));
        println!(
            "| {} | {steps} | {:.3e} | {first:.3e} | {last:.3e} | {:016x} | {:.0} |",
            scheme.name(),
            outcome.error_max,
            outcome.hash,
            outcome.seconds * 1e9 / f64::from(steps)
        );
    }
    Ok(())
}

fn run(program: &Program<'_>, scheme: SchemeId, steps: u32) -> Result<Outcome> {
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(program, &mut workspace)?;
    let stepper = AnyStepper::new(program, scheme, ITERATIONS)?;
    let dof = program.dof();
    let mut state = State::<f32, MAX_DOF>::new(&vec![1.0; dof], &vec![0.0; dof])?;
    let mut hash = TrajectoryHash::new();
    let started = Instant::now();
    let start = f64::from(model.energy(state.q(), state.p()));
    let (mut error_max, mut means) = (0.0_f64, Vec::new());
    for _ in 0..PARTS {
        let mut sum = 0.0;
        for _ in 0..steps / PARTS {
            stepper.step(&mut model, &mut state, &[], program.dt())?;
            hash.update(&state);
            let error = f64::from(model.energy(state.q(), state.p())) - start;
            error_max = error_max.max(error.abs());
            sum += error;
        }
        means.push(sum / f64::from(steps / PARTS));
    }
    Ok(Outcome { error_max, means, hash: hash.value(), seconds: started.elapsed().as_secs_f64() })
}
