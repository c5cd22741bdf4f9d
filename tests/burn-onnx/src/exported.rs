//! What is exported of a case, for the build script, which hands the files to burn-onnx, and for the test, which knows the
//! right answers.

use anyhow::Result;
use hnn_exporter::dynamics::{self, Scheme, StepLength};
use hnn_exporter::graph::Graph;

use crate::conformance::cases::Case;

/// A graph of a case; the names are those of the exported files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    /// `H`, `[batch, 1]`.
    Hamiltonian,
    /// `dx`, `[batch, 2n]`.
    Field,
    /// `x_next`, `[batch, 2n]`, and the residual of an implicit scheme.
    Step,
    /// `hessian`, `[batch, 2n, 2n]`.
    Hessian,
}

impl Exported {
    /// Every graph.
    pub const ALL: [Self; 4] = [Self::Hamiltonian, Self::Field, Self::Step, Self::Hessian];

    /// Name of the file of a case, without its ending.
    #[must_use]
    pub fn file(self, case: &Case) -> String {
        let what = match self {
            Self::Hamiltonian => "hamiltonian",
            Self::Field => "field",
            Self::Step => "step",
            Self::Hessian => "hessian",
        };
        format!("{}_{what}", case.name)
    }

    /// The graph as derived, before optimisation.
    ///
    /// # Errors
    /// Where it cannot be derived.
    pub fn graph(self, case: &Case) -> Result<Graph> {
        Ok(match self {
            Self::Hamiltonian => dynamics::hamiltonian(&case.model),
            Self::Field => dynamics::field(&case.model),
            Self::Step => dynamics::step(&case.model, scheme(case), StepLength::Scalar),
            Self::Hessian => dynamics::hessian(&case.model),
        }?)
    }
}

/// The scheme a case is stepped with.
#[must_use]
pub fn scheme(case: &Case) -> Scheme {
    if case.separable { Scheme::Leapfrog } else { Scheme::Midpoint { iterations: 8 } }
}
