//! Störmer–Verlet for any Hamiltonian, separable or not: leapfrog whose halves are implicit, with a fixed number of iterations.
//!
//! p½ = p + ½dt·f(q, p½), q' = q + ½dt·(v(q, p½) + v(q', p½)), p' = p½ + ½dt·f(q', p½), v = ∂H/∂p and f = −∂H/∂q + G u. Order 2,
//! reversible and symplectic up to the residual, which is returned. Where H = T(p) + V(q) nothing is left to iterate and it
//! is leapfrog.

use super::midpoint::{larger, replace};
use super::{Stepper, add_scaled, scratch};
use crate::error::Error;
use crate::format::MAX_ITERATIONS;
use crate::model::Model;
use crate::scalar::Scalar;
use crate::state::State;

/// Iterations of each implicit half unless another number is asked for. They contract by ½dt·|∂²H/∂q∂p|: by what mixes q and p
/// alone, where those of the midpoint rule contract by the whole Hessian.
pub const STORMER_VERLET_ITERATIONS: u32 = 6;

/// Implicit Störmer–Verlet, the generalised leapfrog (E. Hairer et al., Geometric Numerical Integration, 2nd ed., theorem VI.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StormerVerlet {
    iterations: u32,
}

impl Default for StormerVerlet {
    fn default() -> Self {
        Self { iterations: STORMER_VERLET_ITERATIONS }
    }
}

impl StormerVerlet {
    /// The scheme with this many iterations of either half: 2·iterations + 2 evaluations of the field per step.
    ///
    /// # Errors
    /// [`Error::Iterations`] for 0 or more than [`MAX_ITERATIONS`].
    pub const fn new(iterations: u32) -> Result<Self, Error> {
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(Error::Iterations);
        }
        Ok(Self { iterations })
    }

    /// Iterations of either half.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }
}

impl<M: Model<S>, S: Scalar, const N: usize> Stepper<M, S, N> for StormerVerlet {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let start = state.clone();
        let (mut dq, mut dp) = ([S::ZERO; N], [S::ZERO; N]);
        let (dq, dp) = (scratch(&mut dq, start.dof())?, scratch(&mut dp, start.dof())?);
        let half = S::HALF * dt;
        let (mut change_p, mut change_q) = (S::ZERO, S::ZERO);
        for _ in 0..self.iterations {
            model.field(&start.q, &state.p, u, dq, dp);
            change_p = replace(&mut state.p, &start.p, half, dp);
        }
        model.field(&start.q, &state.p, u, dq, dp);
        let mut middle = start.q;
        add_scaled(&mut middle, half, dq);
        // The velocity at the start is the first guess of that at the end.
        replace(&mut state.q, &middle, half, dq);
        for _ in 0..self.iterations {
            model.field(&state.q, &state.p, u, dq, dp);
            change_q = replace(&mut state.q, &middle, half, dq);
        }
        model.field(&state.q, &state.p, u, dq, dp);
        add_scaled(&mut state.p, half, dp);
        Ok(larger(change_q, change_p))
    }
}
