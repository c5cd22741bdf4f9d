//! The implicit midpoint rule with a fixed number of iterations: for any Hamiltonian, separable or not.
//!
//! x' = x + dt·f((x + x')/2, u), solved by fixed-point iteration from x. Order 2, reversible and symplectic up to the
//! residual, which is returned; the cost does not depend on the data.

use super::{MIDPOINT_ITERATIONS, Stepper, scratch};
use crate::error::Error;
use crate::format::MAX_ITERATIONS;
use crate::model::Model;
use crate::scalar::Scalar;
use crate::state::State;

/// Implicit midpoint (E. Hairer et al., Geometric Numerical Integration, 2nd ed., (I.1.7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImplicitMidpoint {
    iterations: u32,
}

impl Default for ImplicitMidpoint {
    fn default() -> Self {
        Self { iterations: MIDPOINT_ITERATIONS }
    }
}

impl ImplicitMidpoint {
    /// The rule with this many evaluations of the field per step.
    ///
    /// # Errors
    /// [`Error::Iterations`] for 0 or more than [`MAX_ITERATIONS`].
    pub const fn new(iterations: u32) -> Result<Self, Error> {
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(Error::Iterations);
        }
        Ok(Self { iterations })
    }

    /// Evaluations of the field per step.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }
}

impl<M: Model<S>, S: Scalar, const N: usize> Stepper<M, S, N> for ImplicitMidpoint {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let start = state.clone();
        let mut middle = state.clone();
        let (mut dq, mut dp) = ([S::ZERO; N], [S::ZERO; N]);
        let (dq, dp) = (scratch(&mut dq, start.dof())?, scratch(&mut dp, start.dof())?);
        let mut residual = S::ZERO;
        for _ in 0..self.iterations {
            average(&mut middle.q, &start.q, &state.q);
            average(&mut middle.p, &start.p, &state.p);
            model.field(&middle.q, &middle.p, u, dq, dp);
            let change_q = replace(&mut state.q, &start.q, dt, dq);
            let change_p = replace(&mut state.p, &start.p, dt, dp);
            residual = larger(change_q, change_p);
        }
        Ok(residual)
    }
}

pub(super) fn average<S: Scalar>(middle: &mut [S], start: &[S], end: &[S]) {
    for ((middle, start), end) in middle.iter_mut().zip(start).zip(end) {
        *middle = (*start + *end) * S::HALF;
    }
}

/// values ← start + h·rates; returns the largest change of a value.
pub(super) fn replace<S: Scalar>(values: &mut [S], start: &[S], h: S, rates: &[S]) -> S {
    let mut change = S::ZERO;
    for ((value, start), rate) in values.iter_mut().zip(start).zip(rates) {
        let next = *start + h * *rate;
        change = larger(change, (next - *value).abs());
        *value = next;
    }
    change
}

pub(super) fn larger<S: Scalar>(a: S, b: S) -> S {
    if b > a { b } else { a }
}
