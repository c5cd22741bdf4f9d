//! What the interpreter computes of a model, line by line: the account that generated programs are held to.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use hnn_exporter::emit::Check;
use hnn_runtime::format::MAX_DOF;
use hnn_runtime::model::{Model as _, Separable as _};
use hnn_runtime::{AnyStepper, Compiled, Error, Program, State, Stepper as _, TrajectoryHash};

use super::{Generated, STEPS};

/// Steps of a check.
const CHECK_STEPS: u32 = 16;

fn line(text: &mut String, key: &str, values: &[f32]) {
    text.push_str(key);
    for value in values {
        let _ = write!(text, " {:08x}", value.to_bits());
    }
    text.push('\n');
}

/// Energy, field, parts and one step at every point, then the hash of a long run from the first.
///
/// # Errors
/// Where the blob is refused.
pub fn interpreted(subject: &Generated) -> Result<String> {
    let words = subject.blob();
    let refused = |error: Error| anyhow!("{}: {error}", subject.name);
    let program = Program::parse(&words).map_err(refused)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace).map_err(refused)?;
    let stepper = AnyStepper::for_program(&program).map_err(refused)?;
    let n = program.dof();
    let mut text = format!("model {}\n", subject.name);
    for point in subject.points() {
        let (q, p, u) = (&point[..n], &point[n..2 * n], &point[2 * n..]);
        let energy = model.energy(q, p);
        line(&mut text, "energy", &[energy]);
        let mut rates = vec![0.0; 2 * n];
        let (dq, dp) = rates.split_at_mut(n);
        model.field(q, p, u, dq, dp);
        line(&mut text, "field", &rates);
        if let Ok(mut separable) = model.separable() {
            let (dq, dp) = rates.split_at_mut(n);
            separable.velocity(p, dq);
            separable.force(q, u, dp);
            line(&mut text, "parts", &rates);
        }
        if !point[..2 * n].iter().all(|value| value.is_finite()) {
            text.push_str("start is not finite\n");
            continue;
        }
        let mut state = State::<f32, MAX_DOF>::new(q, p).map_err(refused)?;
        let stepped = stepper.step(&mut model, &mut state, u, subject.dt);
        match stepped {
            Ok(residual) => line(&mut text, "step", &[&[residual][..], state.q(), state.p()].concat()),
            Err(error) => {
                text.push_str(if error == Error::NonFinite { "not finite" } else { "too stiff" });
                line(&mut text, "", &[state.q(), state.p()].concat());
            }
        }
    }
    let point = &subject.points()[0];
    let mut state = State::<f32, MAX_DOF>::new(&point[..n], &point[n..2 * n]).map_err(refused)?;
    let mut hash = TrajectoryHash::new();
    hash.update(&state);
    let mut failures = 0_u32;
    for _ in 0..STEPS {
        failures += u32::from(stepper.step(&mut model, &mut state, &point[2 * n..], subject.dt).is_err());
        hash.update(&state);
    }
    let _ = writeln!(text, "hash {:016x} failures {failures}", hash.value());
    Ok(text)
}

/// A few steps from the first point, as a generated file carries them.
///
/// # Errors
/// Where the blob is refused, or a step fails.
pub fn check(subject: &Generated) -> Result<Check> {
    let words = subject.blob();
    let refused = |error: Error| anyhow!("{}: {error}", subject.name);
    let program = Program::parse(&words).map_err(refused)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace).map_err(refused)?;
    let stepper = AnyStepper::for_program(&program).map_err(refused)?;
    let n = program.dof();
    let mut point = subject.points().swap_remove(0);
    let u = point.split_off(2 * n);
    let mut state = State::<f32, MAX_DOF>::new(&point[..n], &point[n..]).map_err(refused)?;
    let mut hash = TrajectoryHash::new();
    hash.update(&state);
    for _ in 0..CHECK_STEPS {
        stepper.step(&mut model, &mut state, &u, subject.dt).map_err(refused)?;
        hash.update(&state);
    }
    Ok(Check { x0: point, u, steps: CHECK_STEPS, hash: hash.value() })
}
