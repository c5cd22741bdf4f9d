//! The textbook pendulum with friction: I q̈ = −m g l sin q − b q̇ − c (2/π) atan(100 q̇) + offset + u.

use super::least_squares::{self, GreyBoxFit};
use super::{friction, runge_kutta};
use crate::data::Dataset;
use crate::evaluate::{EvaluationError, GreyBoxReport, Predictor};

/// Length of the windows the grey box is fitted to, s.
pub const FIT_WINDOW_S: f64 = 0.5;
/// ln I, m g l, √b, √c, offset, so that inertia and friction cannot turn negative. Three starts: the landscape of windows that
/// pass the upright has more than one valley.
const STARTS: [&[f64]; 3] = [&[-2.3, 2.0, 0.2, 0.3, 0.0], &[-1.6, 4.0, 0.1, 0.5, 0.0], &[-3.0, 1.0, 0.1, 0.2, 0.0]];

/// A pendulum with viscous and Coulomb friction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreyBox {
    /// I, kg·m².
    pub inertia: f64,
    /// m·g·l, N·m.
    pub gravity: f64,
    /// b, N·m·s.
    pub viscous: f64,
    /// c, N·m.
    pub coulomb: f64,
    /// Constant torque, N·m.
    pub offset: f64,
}

impl GreyBox {
    fn acceleration(&self, q: f64, v: f64, u: f64) -> f64 {
        let resistance = friction(self.viscous, self.coulomb, v);
        (u + self.offset - self.gravity * q.sin() - resistance) / self.inertia
    }

    /// Fits the five numbers to windows of [`FIT_WINDOW_S`] of recordings with one position, one velocity and one input.
    ///
    /// # Errors
    /// [`EvaluationError::Mismatch`] for other data, [`EvaluationError::Fit`] where no start converges.
    pub fn fit(data: &Dataset) -> Result<GreyBoxFit<Self>, EvaluationError> {
        least_squares::fit(data, FIT_WINDOW_S, &STARTS, Self::from_parameters)
    }

    fn from_parameters(parameters: &[f64]) -> Self {
        let at = |index: usize| parameters.get(index).copied().unwrap_or(0.0);
        Self { inertia: at(0).exp(), gravity: at(1), viscous: at(2).powi(2), coulomb: at(3).powi(2), offset: at(4) }
    }
}

impl Predictor for GreyBox {
    fn dof(&self) -> usize {
        1
    }

    fn inputs(&self) -> usize {
        1
    }

    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError> {
        for (state, (u, dt)) in x.chunks_exact_mut(2).zip(u.iter().zip(dt)) {
            runge_kutta::advance(state, *dt, |q: &[f64; 1], v| [self.acceleration(q[0], v[0], *u)]);
        }
        Ok(())
    }
}

impl From<GreyBoxFit<GreyBox>> for GreyBoxReport {
    fn from(fit: GreyBoxFit<GreyBox>) -> Self {
        let GreyBox { inertia, gravity, viscous, coulomb, offset } = fit.grey_box;
        let (objective, evaluations) = (fit.objective, fit.evaluations);
        Self { inertia, gravity, viscous, coulomb, offset, objective, evaluations }
    }
}
