//! The textbook pendulum with friction, to compare a learned model with.
//!
//! I q̈ = −m g l sin q − b q̇ − c (2/π) atan(100 q̇) + offset + u. Its five numbers are fitted to open-loop windows by
//! Levenberg–Marquardt under a soft-L1 loss (ρ(z) = 2(√(1+z) − 1), which lets windows that fall to the wrong side of the
//! upright position count less). The state is [q, q̇]: recordings with velocities. It knows no learned model.

use std::f64::consts::FRAC_2_PI;

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{DMatrix, DVector, Dyn, Matrix, U1, Vector};

use super::window::{Window, cut, predict};
use super::{EvaluationError, GreyBoxReport, Predictor};
use crate::data::Dataset;

/// Length of the windows the grey box is fitted to, s.
pub const FIT_WINDOW_S: f64 = 0.5;
/// Position errors well above this, in rad, count linearly instead of squared.
pub const SOFT_L1_SCALE: f64 = 0.3;

/// Longest Runge–Kutta step, s. Coulomb friction makes rates up to 200 c/(π I), about 150 s⁻¹; stable up to 0.018 s.
const STEP_MAX_S: f64 = 0.006;
/// Most Runge–Kutta steps per row.
const SUBSTEPS_MAX: u32 = 1000;
/// Relative change of objective and parameters at which the fit ends.
const FIT_TOLERANCE: f64 = 1e-9;
/// Sharpness of the smoothed Coulomb friction, s/rad.
const SHARPNESS: f64 = 100.0;
/// Parameters: ln I, m g l, √b, √c, offset, so that inertia and friction cannot turn negative.
const PARAMETERS: usize = 5;
/// Starts of the fit: the landscape of windows that pass the upright has more than one valley.
const STARTS: [[f64; PARAMETERS]; 3] =
    [[-2.3, 2.0, 0.2, 0.3, 0.0], [-1.6, 4.0, 0.1, 0.5, 0.0], [-3.0, 1.0, 0.1, 0.2, 0.0]];

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

/// A fitted grey box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreyBoxFit {
    /// The optimum.
    pub grey_box: GreyBox,
    /// Half the sum of the soft-L1 losses there.
    pub objective: f64,
    /// Evaluations of all residuals, those for derivatives not counted.
    pub evaluations: usize,
}

impl GreyBox {
    fn acceleration(&self, q: f64, v: f64, u: f64) -> f64 {
        let friction = self.viscous * v + self.coulomb * FRAC_2_PI * (SHARPNESS * v).atan();
        (u + self.offset - self.gravity * q.sin() - friction) / self.inertia
    }

    /// Classical Runge–Kutta steps of at most [`STEP_MAX_S`] with `u` held.
    fn advance(&self, [q, v]: [f64; 2], u: f64, dt: f64) -> [f64; 2] {
        let steps = (1..SUBSTEPS_MAX).find(|steps| dt <= STEP_MAX_S * f64::from(*steps)).unwrap_or(SUBSTEPS_MAX);
        let h = dt / f64::from(steps);
        let (mut q, mut v) = (q, v);
        for _ in 0..steps {
            let a1 = self.acceleration(q, v, u);
            let (v2, a2) = (v + h / 2.0 * a1, self.acceleration(q + h / 2.0 * v, v + h / 2.0 * a1, u));
            let (v3, a3) = (v + h / 2.0 * a2, self.acceleration(q + h / 2.0 * v2, v + h / 2.0 * a2, u));
            let (v4, a4) = (v + h * a3, self.acceleration(q + h * v3, v + h * a3, u));
            q += h / 6.0 * (v + 2.0 * v2 + 2.0 * v3 + v4);
            v += h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4);
        }
        if q.is_finite() && v.is_finite() { [q, v] } else { [f64::NAN; 2] }
    }

    /// Fits the five numbers to windows of [`FIT_WINDOW_S`] of recordings with one position, one velocity and one input.
    ///
    /// # Errors
    /// [`EvaluationError::Mismatch`] for other data, [`EvaluationError::Fit`] where no start converges.
    pub fn fit(data: &Dataset) -> Result<GreyBoxFit, EvaluationError> {
        let windows = cut(data, FIT_WINDOW_S);
        if (data.dof, data.inputs) != (1, 1) || windows.is_empty() {
            let message = format!(
                "a pendulum has one position and one input, the data have {} and {}, in {} windows of {FIT_WINDOW_S} s",
                data.dof,
                data.inputs,
                windows.len()
            );
            return Err(EvaluationError::Mismatch(message));
        }
        let mut best: Option<GreyBoxFit> = None;
        let mut failure = String::new();
        for start in STARTS {
            let problem = Problem { data, windows: &windows, parameters: DVector::from_row_slice(&start) };
            let (solved, report) = LevenbergMarquardt::new().with_tol(FIT_TOLERANCE).minimize(problem);
            if !report.termination.was_successful() {
                failure = format!("{:?}", report.termination);
            } else if best.is_none_or(|best| report.objective_function < best.objective) {
                best = Some(GreyBoxFit {
                    grey_box: grey_box(solved.parameters.as_slice()),
                    objective: report.objective_function,
                    evaluations: report.number_of_evaluations,
                });
            }
        }
        best.ok_or(EvaluationError::Fit(failure))
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
            state.copy_from_slice(&self.advance([state[0], state[1]], *u, *dt));
        }
        Ok(())
    }
}

impl From<GreyBoxFit> for GreyBoxReport {
    fn from(fit: GreyBoxFit) -> Self {
        let GreyBox { inertia, gravity, viscous, coulomb, offset } = fit.grey_box;
        let (objective, evaluations) = (fit.objective, fit.evaluations);
        Self { inertia, gravity, viscous, coulomb, offset, objective, evaluations }
    }
}

fn grey_box(parameters: &[f64]) -> GreyBox {
    let at = |index: usize| parameters.get(index).copied().unwrap_or(0.0);
    GreyBox { inertia: at(0).exp(), gravity: at(1), viscous: at(2).powi(2), coulomb: at(3).powi(2), offset: at(4) }
}

/// sign(r)·s·√ρ((r/s)²), whose square is the soft-L1 loss: plain least squares of these minimises it.
fn soft_l1(residual: f64) -> f64 {
    let scaled = residual / SOFT_L1_SCALE;
    // √(1+z) − 1 without cancellation.
    let excess = scaled * scaled / ((1.0 + scaled * scaled).sqrt() + 1.0);
    SOFT_L1_SCALE * (2.0 * excess).sqrt().copysign(residual)
}

struct Problem<'a> {
    data: &'a Dataset,
    windows: &'a [Window],
    parameters: DVector<f64>,
}

impl Problem<'_> {
    fn residuals_at(&self, parameters: &[f64]) -> Option<Vec<f64>> {
        let mut residuals = Vec::new();
        let visit = |_: &Window, _: usize, predicted: &[f64], measured: &[f64]| {
            residuals.push(soft_l1(predicted[0] - measured[0]));
        };
        predict(self.data, &mut grey_box(parameters), self.windows, visit).ok()?;
        residuals.iter().all(|residual| residual.is_finite()).then_some(residuals)
    }
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Problem<'_> {
    type ResidualStorage = Owned<f64, Dyn, U1>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn, U1>;

    fn set_params(&mut self, x: &Vector<f64, Dyn, Self::ParameterStorage>) {
        self.parameters.copy_from(x);
    }

    fn params(&self) -> Vector<f64, Dyn, Self::ParameterStorage> {
        self.parameters.clone()
    }

    fn residuals(&self) -> Option<Vector<f64, Dyn, Self::ResidualStorage>> {
        Some(DVector::from_vec(self.residuals_at(self.parameters.as_slice())?))
    }

    /// Central differences: five parameters, and residuals exact to rounding.
    fn jacobian(&self) -> Option<Matrix<f64, Dyn, Dyn, Self::JacobianStorage>> {
        let mut columns = Vec::new();
        for index in 0..PARAMETERS {
            let moved = |step: f64| {
                let mut parameters = self.parameters.clone();
                parameters[index] += step;
                self.residuals_at(parameters.as_slice())
            };
            let step = 1e-6 * self.parameters[index].abs().max(0.1);
            let (above, below) = (moved(step)?, moved(-step)?);
            columns.push(DVector::from_iterator(
                above.len(),
                above.iter().zip(&below).map(|(above, below)| (above - below) / (2.0 * step)),
            ));
        }
        Some(DMatrix::from_columns(&columns))
    }
}
