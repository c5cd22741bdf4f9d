//! The graphs an export can hold: their names, files and origins.

use crate::dynamics::{self, DynamicsError, Model, Scheme, StepLength};
use crate::graph::Graph;

/// A graph that can be written as ONNX; [`crate::dynamics`] gives the meaning of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphKind {
    /// x → H
    Hamiltonian,
    /// x, u → dx
    Field,
    /// x, dt, u → x_next
    Step,
    /// x → second derivatives of H
    Hessian,
    /// x, u → derivatives of the field
    Jacobian,
    /// x, v → second derivatives of H times v
    Hvp,
    /// x → v = ∂H/∂p
    Velocity,
    /// q, v → p, where H is quadratic in p
    Momentum,
    /// x, dt of every step, u of every step → x after every step
    Rollout,
}

impl GraphKind {
    /// What an export has unless something else is asked for, and what validation compares.
    pub const DEFAULT: [Self; 3] = [Self::Hamiltonian, Self::Field, Self::Step];

    /// What is also compiled for a device, as a function of its own; `model.hnn` answers for the default graphs.
    pub const FUNCTIONS: [Self; 2] = [Self::Velocity, Self::Momentum];

    /// Every graph there is.
    pub const ALL: [Self; 9] = [
        Self::Hamiltonian,
        Self::Field,
        Self::Step,
        Self::Hessian,
        Self::Jacobian,
        Self::Hvp,
        Self::Velocity,
        Self::Momentum,
        Self::Rollout,
    ];

    /// Name of the graph, and of its file without `.onnx`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hamiltonian => "hamiltonian",
            Self::Field => "field",
            Self::Step => "step",
            Self::Hessian => "hessian",
            Self::Jacobian => "jacobian",
            Self::Hvp => "hvp",
            Self::Velocity => "velocity",
            Self::Momentum => "momentum",
            Self::Rollout => "rollout",
        }
    }

    /// What it takes and gives.
    #[must_use]
    pub fn signature(self) -> &'static str {
        match self {
            Self::Hamiltonian => "x → H",
            Self::Field => "x, u → dx",
            Self::Step => "x, dt, u → x_next",
            Self::Hessian => "x → second derivatives of H",
            Self::Jacobian => "x, u → derivatives of the field",
            Self::Hvp => "x, v → second derivatives of H times v",
            Self::Velocity => "x → v = ∂H/∂p",
            Self::Momentum => "q, v → p, where H is quadratic in p",
            Self::Rollout => "x, dt of every step, u of every step → x after every step",
        }
    }

    /// Name of its file.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{}.onnx", self.name())
    }

    /// Name of the file of its device function, for [`Self::FUNCTIONS`].
    #[must_use]
    pub fn function_name(self) -> String {
        format!("{}.hnn", self.name())
    }

    /// Whether the file depends on the scheme and its time step.
    #[must_use]
    pub fn is_stepped(self) -> bool {
        matches!(self, Self::Step | Self::Rollout)
    }

    /// The graph, not yet optimized; of a rollout the step that it repeats.
    ///
    /// # Errors
    /// [`DynamicsError::NotSeparable`] for a scheme that does not suit the model, where the graph is stepped;
    /// [`DynamicsError::NotAModel`] for the momentum of an H that is not quadratic in p.
    pub fn derive(self, model: &Model, scheme: Scheme) -> Result<Graph, DynamicsError> {
        match self {
            Self::Hamiltonian => dynamics::hamiltonian(model),
            Self::Field => dynamics::field(model),
            Self::Step | Self::Rollout => dynamics::step(model, scheme, StepLength::Scalar),
            Self::Hessian => dynamics::hessian(model),
            Self::Jacobian => dynamics::jacobian(model),
            Self::Hvp => dynamics::hvp(model),
            Self::Velocity => dynamics::velocity(model),
            Self::Momentum => dynamics::momentum(model),
        }
    }
}
