//! What a field and a step cost, in instructions that the machine counts itself, at two states.
//!
//! For cores that have such a counter. Whether the cost may depend on the state is for who reads what is printed.

use core::hint::black_box;

use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Error, Program, State, Stepper as _, Workspace};

use crate::control::{INPUT, MAX_DOF, MAX_INPUTS, MAX_WORKSPACE, name};
use crate::measure::STATES;
use crate::report::Report;
use crate::{Console, Example};

/// Counts of a field and of a step.
type Cost = [u32; 2];

/// Counts every model by `instructions`, which tells how many were executed so far, modulo 2³². Returns whether all went well.
pub fn cost(models: &[Example], console: &mut impl Console, mut instructions: impl FnMut() -> u32) -> bool {
    let mut report = Report(console);
    let mut good = true;
    for example in models {
        report.word("model ").word(example.name).end();
        match STATES.map(|state| one(example.blob, state, &mut instructions)) {
            [Ok(first), Ok(second)] => {
                for [field, step] in [first, second] {
                    report.word("instructions").count(field.into()).count(step.into()).end();
                }
            }
            [Err(error), _] | [_, Err(error)] => {
                report.word("error ").word(name(error)).end();
                good = false;
            }
        }
    }
    report.word("done").end();
    good
}

fn one(blob: &[u32], (q, p): (f32, f32), instructions: &mut impl FnMut() -> u32) -> Result<Cost, Error> {
    let program = Program::parse(blob)?;
    let mut workspace = Workspace::<MAX_WORKSPACE>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let stepper = AnyStepper::for_program(&program)?;
    let (q, p, u) = ([q; MAX_DOF], [p; MAX_DOF], [INPUT; MAX_INPUTS]);
    let dof = program.dof();
    let (q, p) = (q.get(..dof).unwrap_or_default(), p.get(..dof).unwrap_or_default());
    let u = u.get(..program.inputs()).unwrap_or_default();
    let (mut dq, mut dp) = ([0.0; MAX_DOF], [0.0; MAX_DOF]);
    let mut state = State::<f32, MAX_DOF>::new(q, p)?;

    let start = instructions();
    black_box(&mut model).field(black_box(q), black_box(p), black_box(u), &mut dq, &mut dp);
    black_box((&dq, &dp));
    let field = instructions().wrapping_sub(start);
    let start = instructions();
    stepper.step(black_box(&mut model), black_box(&mut state), black_box(u), program.dt())?;
    black_box(&state);
    Ok([field, instructions().wrapping_sub(start)])
}
