//! The device program: the model lowered to a blob and executed by the runtime, in f32.

use anyhow::{Context, Result};
use hnn_exporter::emit::blob;
use hnn_exporter::graph::Tensor;
use hnn_exporter::lower::lower;
use hnn_exporter::validate::{Engine as _, Part, Runtime};

use super::{DT, Executor, Question, arguments, scheme};
use crate::cases::Case;

/// The blob on `hnn-runtime`.
#[derive(Debug)]
pub struct Blob;

impl Executor for Blob {
    fn name(&self) -> &'static str {
        "blob on the runtime"
    }

    fn tolerance(&self) -> f64 {
        1e-5
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        let part = match question {
            Question::Energy => Part::Hamiltonian,
            Question::Field => Part::Field,
            Question::Step => Part::Step,
            Question::Hessian | Question::Jacobian => return Ok(None),
        };
        let words = blob(&lower(&case.model)?, scheme(case), DT as f32);
        let mut program = Runtime::new(&words, part)?;
        // The step takes all there is: x, dt, and u where the model has inputs.
        let arguments = arguments(case, &Question::Step.graph(case)?)?;
        let arguments: Vec<(&str, &Tensor)> = arguments.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let (_, first) = program.run(&arguments)?.into_iter().next().context("the program gives no result")?;
        Ok(Some(first))
    }
}
