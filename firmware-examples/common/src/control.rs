//! The control loop: check, bind, step, report.
//!
//! Energy is measured by the model itself at every step. Its error is what a symplectic scheme keeps bounded and a wrong
//! build would not.

use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Error, Program, State, Stepper as _, TrajectoryHash, Workspace};

use crate::Example;
use crate::report::{Console, Report};

/// Degrees of freedom this firmware has room for.
pub const MAX_DOF: usize = 2;
/// Inputs this firmware has room for.
pub const MAX_INPUTS: usize = 1;
/// Workspace elements this firmware has room for; a larger program is refused at start.
pub const MAX_WORKSPACE: usize = 512;
/// Every coordinate at the start.
pub const INITIAL_POSITION: f32 = 1.0;
/// Every momentum at the start.
pub const INITIAL_MOMENTUM: f32 = 0.0;
/// Every input, held throughout.
pub const INPUT: f32 = 0.25;

/// Steps between two printed states of a run of `steps`.
#[must_use]
pub const fn checkpoint_every(steps: u32) -> u32 {
    if steps < 10 { 1 } else { steps / 10 }
}

/// Steps every model with its own scheme and step length, and prints what happened. Returns whether all went well.
pub fn run(models: &[Example], steps: u32, console: &mut impl Console) -> bool {
    let mut report = Report(console);
    let mut good = true;
    for example in models {
        report.word("model ").word(example.name).end();
        if let Err(error) = simulate(example.blob, steps, &mut report) {
            report.word("error ").word(name(error)).end();
            good = false;
        }
    }
    report.word("done").end();
    good
}

fn simulate(blob: &[u32], steps: u32, report: &mut Report<'_, impl Console>) -> Result<(), Error> {
    let program = Program::parse(blob)?;
    let mut workspace = Workspace::<MAX_WORKSPACE>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let stepper = AnyStepper::for_program(&program)?;
    let dt = program.dt();
    let (q, p, u) = ([INITIAL_POSITION; MAX_DOF], [INITIAL_MOMENTUM; MAX_DOF], [INPUT; MAX_INPUTS]);
    let (q, p) = (q.get(..program.dof()).unwrap_or_default(), p.get(..program.dof()).unwrap_or_default());
    let u = u.get(..program.inputs()).unwrap_or_default();
    let mut state = State::<f32, MAX_DOF>::new(q, p)?;

    report.word("blob_bytes").count(4 * blob.len() as u64).end();
    report.word("workspace_bytes").count(4 * program.workspace_len() as u64).end();
    report.word("scheme ").word(program.scheme().name()).end();
    report.word("dt").bits(dt).end();
    let energy_start = model.energy(state.q(), state.p());
    let mut energy_error_max = 0.0_f32;
    let mut hash = TrajectoryHash::new();
    hash.update(&state);
    checkpoint(report, 0, &state, energy_start);
    let mut until_checkpoint = checkpoint_every(steps);
    for step in 1..=steps {
        stepper.step(&mut model, &mut state, u, dt)?;
        hash.update(&state);
        let energy = model.energy(state.q(), state.p());
        let error = (energy - energy_start).abs();
        if error > energy_error_max {
            energy_error_max = error;
        }
        until_checkpoint -= 1;
        if until_checkpoint == 0 {
            until_checkpoint = checkpoint_every(steps);
            checkpoint(report, step, &state, energy);
        }
    }
    report.word("energy_error_max").bits(energy_error_max).end();
    report.word("energy_error_max_nano").count((energy_error_max * 1e9) as u64).end();
    report.word("trajectory_hash").hexadecimal(hash.value(), 16).end();
    Ok(())
}

/// One line: the step's number, the bits of q, of p, and of H.
fn checkpoint(report: &mut Report<'_, impl Console>, step: u32, state: &State<f32, MAX_DOF>, energy: f32) {
    report.word("state").count(u64::from(step));
    for value in state.q().iter().chain(state.p()) {
        report.bits(*value);
    }
    report.bits(energy).end();
}

/// The error in a word; the details are for a host, which has room for them.
pub(crate) fn name(error: Error) -> &'static str {
    match error {
        Error::WorkspaceTooSmall { .. } => "workspace too small",
        Error::StateLength => "too many degrees of freedom",
        Error::InputLength => "too many inputs",
        Error::NonFinite => "the state is no longer finite",
        Error::DampingTooStiff => "damping too strong for the step",
        _ => "the blob was refused",
    }
}
