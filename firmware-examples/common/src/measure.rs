//! One evaluation of the field and one step of every model, each between two marks that a tracing emulator sees.
//!
//! Two states for each, chosen apart: where the counts of both agree, cost does not depend on the data. What is printed is the
//! names and the bits of the results, in the order of the marks.

use core::hint::black_box;

use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Error, Program, State, Stepper as _, Workspace};

use crate::control::{INPUT, MAX_DOF, MAX_INPUTS, name};
use crate::report::Report;
use crate::{Console, Example};

/// Elements of workspace, enough for every model that is measured.
const WORKSPACE_LEN: usize = 1024;
/// Every coordinate, and every momentum, of the states at which is measured.
pub const STATES: [(f32, f32); 2] = [(0.3, -0.7), (-2.5, 1.9)];

/// Where counting begins; the argument keeps the two marks apart for the linker.
#[inline(never)]
pub fn measure_begin() {
    black_box(0_u32);
}

/// Where counting ends.
#[inline(never)]
pub fn measure_end() {
    black_box(1_u32);
}

/// Measures every model. Returns whether all went well.
pub fn measure(models: &[Example], console: &mut impl Console) -> bool {
    let mut report = Report(console);
    let mut good = true;
    for example in models {
        report.word("model ").word(example.name).end();
        if let Err(error) = one(example.blob, &mut report) {
            report.word("error ").word(name(error)).end();
            good = false;
        }
    }
    report.word("done").end();
    good
}

fn one(blob: &[u32], report: &mut Report<'_, impl Console>) -> Result<(), Error> {
    let program = Program::parse(blob)?;
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let stepper = AnyStepper::for_program(&program)?;
    let (dof, dt) = (program.dof(), program.dt());
    report.word("blob_bytes").count(4 * blob.len() as u64).end();
    report.word("workspace_bytes").count(4 * program.workspace_len() as u64).end();
    let inputs = [INPUT; MAX_INPUTS];
    let u = inputs.get(..program.inputs()).unwrap_or_default();
    for (q, p) in STATES {
        let (q, p) = ([q; MAX_DOF], [p; MAX_DOF]);
        let (q, p) = (q.get(..dof).unwrap_or_default(), p.get(..dof).unwrap_or_default());
        let (mut dq, mut dp) = ([0.0; MAX_DOF], [0.0; MAX_DOF]);
        measure_begin();
        model.field(q, p, u, &mut dq, &mut dp);
        measure_end();
        report.word("field");
        for value in dq.iter().take(dof).chain(dp.iter().take(dof)) {
            report.bits(*value);
        }
        report.end();
        let mut state = State::<f32, MAX_DOF>::new(q, p)?;
        measure_begin();
        stepper.step(&mut model, &mut state, u, dt)?;
        measure_end();
        report.word("step");
        for value in state.q().iter().chain(state.p()) {
            report.bits(*value);
        }
        report.end();
    }
    Ok(())
}
