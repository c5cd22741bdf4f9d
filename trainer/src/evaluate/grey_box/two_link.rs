//! The arm of two driven links in a vertical plane, angles relative to the link before, the first from hanging:
//! M(q) q̈ = u + offset − friction(q̇) − C(q, q̇) − ∂V/∂q, with
//! M = [[a + 2c cos q₂, b + c cos q₂], [b + c cos q₂, d]], C = c sin q₂ [−2 q̇₁q̇₂ − q̇₂², q̇₁²] and
//! V = −g₁ cos q₁ − g₂ cos(q₁ + q₂).
//!
//! d = b for bare links; the inertia of a geared motor at the second joint is seen by that joint alone. Spong, Hutchinson and
//! Vidyasagar, *Robot Modeling and Control* (2006), section 7.4.

use super::least_squares::{self, GreyBoxFit};
use super::{friction, runge_kutta};
use crate::data::Dataset;
use crate::evaluate::{EvaluationError, Predictor};

/// Length of the windows it is fitted to, s.
pub const TWO_LINK_WINDOW_S: f64 = 0.25;
/// ln a, ln b, c, ln d, g₁, g₂, √ of viscous and of Coulomb friction and offset of each joint.
const STARTS: [&[f64]; 3] = [
    &[-2.0, -3.5, 0.02, -3.5, 3.0, 0.8, 0.1, 0.1, 0.2, 0.2, 0.0, 0.0],
    &[-2.5, -4.5, 0.01, -4.0, 2.0, 0.5, 0.2, 0.2, 0.3, 0.3, 0.0, 0.0],
    &[-1.0, -2.5, 0.05, -2.0, 5.0, 2.0, 0.1, 0.1, 0.3, 0.3, 0.0, 0.0],
];

/// An arm of two links with viscous and Coulomb friction in its joints.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoLink {
    /// a, b, c, d, kg·m².
    pub inertia: [f64; 4],
    /// g₁, g₂, N·m.
    pub gravity: [f64; 2],
    /// Viscous friction of each joint, N·m·s.
    pub viscous: [f64; 2],
    /// Coulomb friction of each joint, N·m.
    pub coulomb: [f64; 2],
    /// Constant torque of each joint, N·m.
    pub offset: [f64; 2],
}

impl TwoLink {
    /// Fits its numbers to windows of [`TWO_LINK_WINDOW_S`] of recordings with two positions, two velocities and two inputs.
    ///
    /// # Errors
    /// [`EvaluationError::Mismatch`] for other data, [`EvaluationError::Fit`] where no start converges.
    pub fn fit(data: &Dataset) -> Result<GreyBoxFit<Self>, EvaluationError> {
        least_squares::fit(data, TWO_LINK_WINDOW_S, &STARTS, Self::from_parameters)
    }

    fn from_parameters(parameters: &[f64]) -> Self {
        let at = |index: usize| parameters.get(index).copied().unwrap_or(0.0);
        let squares = |first: usize| [at(first).powi(2), at(first + 1).powi(2)];
        Self {
            inertia: [at(0).exp(), at(1).exp(), at(2), at(3).exp()],
            gravity: [at(4), at(5)],
            viscous: squares(6),
            coulomb: squares(8),
            offset: [at(10), at(11)],
        }
    }

    fn acceleration(&self, q: &[f64; 2], v: &[f64; 2], u: &[f64]) -> [f64; 2] {
        let ([a, b, c, d], [g1, g2]) = (self.inertia, self.gravity);
        let (sin, cos) = q[1].sin_cos();
        let (m11, m12, m22) = (a + 2.0 * c * cos, b + c * cos, d);
        let lower = g2 * (q[0] + q[1]).sin();
        let weight = [g1 * q[0].sin() + lower, lower];
        let coriolis = [-c * sin * (2.0 * v[0] * v[1] + v[1] * v[1]), c * sin * v[0] * v[0]];
        let torque: [f64; 2] = std::array::from_fn(|at| {
            u[at] + self.offset[at] - friction(self.viscous[at], self.coulomb[at], v[at]) - coriolis[at] - weight[at]
        });
        let determinant = m11 * m22 - m12 * m12;
        [(m22 * torque[0] - m12 * torque[1]) / determinant, (m11 * torque[1] - m12 * torque[0]) / determinant]
    }
}

impl Predictor for TwoLink {
    fn dof(&self) -> usize {
        2
    }

    fn inputs(&self) -> usize {
        2
    }

    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError> {
        for (state, (u, dt)) in x.chunks_exact_mut(4).zip(u.chunks_exact(2).zip(dt)) {
            runge_kutta::advance(state, *dt, |q, v| self.acceleration(q, v, u));
        }
        Ok(())
    }
}
