//! Well-known methods that are not symplectic, to compare with; not meant for deployment.

use super::{Stepper, add_scaled, scratch};
use crate::error::Error;
use crate::model::Model;
use crate::scalar::Scalar;
use crate::state::State;

/// Explicit Euler, order 1: x' = x + dt·f(x, u). Its energy error grows without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplicitEuler;

/// The classical Runge–Kutta method, order 4 (W. Kutta, Z. Math. Phys. 46 (1901) 435). Its energy error drifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RungeKutta4;

impl<M: Model<S>, S: Scalar, const N: usize> Stepper<M, S, N> for ExplicitEuler {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let (mut dq, mut dp) = ([S::ZERO; N], [S::ZERO; N]);
        let (dq, dp) = (scratch(&mut dq, state.dof())?, scratch(&mut dp, state.dof())?);
        model.field(&state.q, &state.p, u, dq, dp);
        add_scaled(&mut state.q, dt, dq);
        add_scaled(&mut state.p, dt, dp);
        Ok(S::ZERO)
    }
}

impl<M: Model<S>, S: Scalar, const N: usize> Stepper<M, S, N> for RungeKutta4 {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let (mut dq, mut dp) = ([S::ZERO; N], [S::ZERO; N]);
        let (dq, dp) = (scratch(&mut dq, state.dof())?, scratch(&mut dp, state.dof())?);
        let (mut sum_q, mut sum_p) = ([S::ZERO; N], [S::ZERO; N]);
        let start = state.clone();
        let half = S::HALF * dt;
        // (weight of the slope, distance to the point where the next slope is taken)
        for (weight, ahead) in [(1.0, half), (2.0, half), (2.0, dt), (1.0, S::ZERO)] {
            model.field(&state.q, &state.p, u, dq, dp);
            add_scaled(&mut sum_q, S::from_f64(weight), dq);
            add_scaled(&mut sum_p, S::from_f64(weight), dp);
            state.clone_from(&start);
            add_scaled(&mut state.q, ahead, dq);
            add_scaled(&mut state.p, ahead, dp);
        }
        state.clone_from(&start);
        let sixth = dt / S::from_f64(6.0);
        add_scaled(&mut state.q, sixth, &sum_q);
        add_scaled(&mut state.p, sixth, &sum_p);
        Ok(S::ZERO)
    }
}
