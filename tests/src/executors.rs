//! Ways to compute what a model says: each executor answers questions about a case, or says that it cannot.
//!
//! The oracle answers all of them and is what the others are compared with. A new engine is one implementation of
//! [`Executor`] and one row of the list in `tests/conformance.rs`.

mod blob;
mod engine;
mod graph;

use anyhow::Result;
use hnn_exporter::dynamics::{self, Model, Scheme, StepLength};
use hnn_exporter::graph::{Graph, Tensor};
use hnn_exporter::optimize::optimize;

pub use blob::Blob;
pub use engine::OnnxEngine;
pub use graph::{OnnxReread, Optimised, Oracle, TextForm};

use crate::cases::Case;

/// Step length of [`Question::Step`] in seconds; exact in f32.
pub const DT: f64 = 1.0 / 64.0;

/// Something a model can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `H`, `[batch, 1]`.
    Energy,
    /// `dx`, `[batch, 2n]`.
    Field,
    /// `x_next`, `[batch, 2n]`, after one leapfrog step; by the midpoint rule where H does not split.
    Step,
    /// `hessian`, `[batch, 2n, 2n]`.
    Hessian,
    /// `jacobian`, `[batch, 2n, 2n]`.
    Jacobian,
}

impl Question {
    /// Every question.
    pub const ALL: [Self; 5] = [Self::Energy, Self::Field, Self::Step, Self::Hessian, Self::Jacobian];

    /// The graph that answers it, as derived, before optimisation.
    ///
    /// # Errors
    /// Where the graph cannot be derived.
    pub fn graph(self, case: &Case) -> Result<Graph> {
        let model: &Model = &case.model;
        Ok(match self {
            Self::Energy => dynamics::hamiltonian(model),
            Self::Field => dynamics::field(model),
            Self::Step => dynamics::step(model, scheme(case), StepLength::Scalar),
            Self::Hessian => dynamics::hessian(model),
            Self::Jacobian => dynamics::jacobian(model),
        }?)
    }

    /// The same graph as it is exported.
    ///
    /// # Errors
    /// Where the graph cannot be derived or optimised.
    pub fn optimised_graph(self, case: &Case) -> Result<Graph> {
        Ok(optimize(&self.graph(case)?)?)
    }
}

/// The scheme a case is stepped with.
#[must_use]
pub fn scheme(case: &Case) -> Scheme {
    if case.model.constraints() > 0 {
        return Scheme::RATTLE;
    }
    if case.separable { Scheme::Leapfrog } else { Scheme::Midpoint { iterations: 8 } }
}

/// Values of a graph's inputs, by name.
///
/// # Errors
/// Where the case's states cannot be sampled.
pub fn arguments(case: &Case, graph: &Graph) -> Result<Vec<(String, Tensor)>> {
    let mut arguments = Vec::new();
    for (name, _) in graph.inputs() {
        let value = match name {
            dynamics::STATE => case.states()?,
            dynamics::STEP_LENGTH => Tensor::scalar(DT),
            _ => match case.inputs()? {
                Some(inputs) => inputs,
                None => anyhow::bail!("case {} has no value for `{name}`", case.name),
            },
        };
        arguments.push((name.to_owned(), value));
    }
    Ok(arguments)
}

/// A way to compute.
pub trait Executor {
    /// What messages call it.
    fn name(&self) -> &'static str;

    /// The bound c in |a − b| ≤ c·(|b| + rms of b).
    fn tolerance(&self) -> f64;

    /// The first output of the question's graph at the case's states; `None` where this executor has no such answer.
    ///
    /// # Errors
    /// Where it should have one and fails.
    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>>;
}

/// Where `found` differs from `expected` by more than `tolerance`·(|expected| + rms), in words.
#[must_use]
pub fn disagreement(found: &Tensor, expected: &Tensor, tolerance: f64) -> Option<String> {
    if found.shape() != expected.shape() {
        return Some(format!("shape {:?} instead of {:?}", found.shape(), expected.shape()));
    }
    let len = expected.data().len().max(1) as f64;
    let rms = (expected.data().iter().map(|value| value * value).sum::<f64>() / len).sqrt();
    let pairs = found.data().iter().zip(expected.data()).enumerate();
    // Negated, so that NaN counts as a disagreement.
    let mut bad = pairs.filter(|(_, (a, b))| {
        let agrees = (*a - *b).abs() <= tolerance * (b.abs() + rms);
        !agrees
    });
    bad.next().map(|(index, (a, b))| format!("element {index} is {a:e} instead of {b:e} (rms {rms:e})"))
}
