//! Levenberg–Marquardt over open-loop windows, from several starts.
//!
//! Soft-L1, ρ(z) = 2(√(1+z) − 1), lets windows that fall to the wrong side of the upright position count less.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{DMatrix, DVector, Dyn, Matrix, U1, Vector};

use crate::data::Dataset;
use crate::evaluate::window::{Window, cut, predict};
use crate::evaluate::{EvaluationError, Predictor};

/// Position errors well above this, in rad, count linearly instead of squared.
pub const SOFT_L1_SCALE: f64 = 0.3;
/// Relative change of objective and parameters at which the fit ends.
const FIT_TOLERANCE: f64 = 1e-9;

/// A fitted machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GreyBoxFit<M> {
    /// The optimum.
    pub grey_box: M,
    /// Half the sum of the soft-L1 losses there.
    pub objective: f64,
    /// Evaluations of all residuals, those for derivatives not counted.
    pub evaluations: usize,
}

/// The best of the fits that converge from these starts, to windows of `seconds`.
pub(super) fn fit<M: Predictor + 'static>(
    data: &Dataset,
    seconds: f64,
    starts: &[&[f64]],
    machine: fn(&[f64]) -> M,
) -> Result<GreyBoxFit<M>, EvaluationError> {
    let example = machine(starts.first().copied().unwrap_or_default());
    let windows = cut(data, seconds);
    if (data.dof, data.inputs) != (example.dof(), example.inputs()) || windows.is_empty() {
        return Err(EvaluationError::Mismatch(format!(
            "this grey box has {} position(s) and {} input(s), the data have {} and {}, in {} windows of {seconds} s",
            example.dof(),
            example.inputs(),
            data.dof,
            data.inputs,
            windows.len()
        )));
    }
    let mut best: Option<GreyBoxFit<M>> = None;
    let mut failure = String::new();
    for start in starts {
        let problem = Problem { data, windows: &windows, machine, parameters: DVector::from_row_slice(start) };
        let (solved, report) = LevenbergMarquardt::new().with_tol(FIT_TOLERANCE).minimize(problem);
        if !report.termination.was_successful() {
            failure = format!("{:?}", report.termination);
        } else if best.as_ref().is_none_or(|best| report.objective_function < best.objective) {
            best = Some(GreyBoxFit {
                grey_box: machine(solved.parameters.as_slice()),
                objective: report.objective_function,
                evaluations: report.number_of_evaluations,
            });
        }
    }
    best.ok_or(EvaluationError::Fit(failure))
}

/// sign(r)·s·√ρ((r/s)²), whose square is the soft-L1 loss: plain least squares of these minimises it.
fn soft_l1(residual: f64) -> f64 {
    let scaled = residual / SOFT_L1_SCALE;
    // √(1+z) − 1 without cancellation.
    let excess = scaled * scaled / ((1.0 + scaled * scaled).sqrt() + 1.0);
    SOFT_L1_SCALE * (2.0 * excess).sqrt().copysign(residual)
}

struct Problem<'a, M> {
    data: &'a Dataset,
    windows: &'a [Window],
    machine: fn(&[f64]) -> M,
    parameters: DVector<f64>,
}

impl<M: Predictor> Problem<'_, M> {
    fn residuals_at(&self, parameters: &[f64]) -> Option<Vec<f64>> {
        let mut residuals = Vec::new();
        let visit = |_: &Window, _: usize, predicted: &[f64], measured: &[f64]| {
            residuals.extend(predicted.iter().zip(measured).map(|(predicted, measured)| soft_l1(predicted - measured)));
        };
        predict(self.data, &mut (self.machine)(parameters), self.windows, visit).ok()?;
        residuals.iter().all(|residual| residual.is_finite()).then_some(residuals)
    }
}

impl<M: Predictor> LeastSquaresProblem<f64, Dyn, Dyn> for Problem<'_, M> {
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

    /// Central differences: few parameters, and residuals exact to rounding.
    fn jacobian(&self) -> Option<Matrix<f64, Dyn, Dyn, Self::JacobianStorage>> {
        let mut columns = Vec::new();
        for index in 0..self.parameters.len() {
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
