//! The field loss with errors in the states as well as in the derivatives.
//!
//! Where states are noisy, regression on them shrinks the field: in the linear case by var x / (var x + σ²). Here the true state of
//! every row is unknown, too, tied to its measurement by the noise level: orthogonal distance regression, which for a linear
//! field is total least squares (Boggs and Rogers, *Orthogonal distance regression*, 1990, equation 1.4; Fuller, *Measurement
//! error models*, 1987). The states are eliminated in every evaluation, each by Gauss–Newton steps of its own: at their optimum the
//! gradient in the weights is the partial one (Golub and Pereyra, *Variable projection*, 1973). Noise levels of states and
//! derivatives are those that [`crate::data::noise`] finds in the training data.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use hnn_exporter::differentiate;
use hnn_exporter::dynamics::STATE;
use hnn_exporter::graph::GraphError;
use hnn_exporter::optimize::optimize;

use super::field::FieldLoss;
use super::{Batch, LossError, inverse_deviations};
use crate::data::{Dataset, as_f64, noise};
use crate::execute::{Arithmetic, Executor, Real, download};
use crate::learned::Motion;

/// Least noise of derivatives, relative to their deviation, per relative noise of the states. Exact derivatives would ask for
/// states that give them exactly, far away where the field is still wrong; with this floor f, f² = 4 % of the uncorrected
/// shrinkage stays.
const FLOOR: f64 = 0.2;
/// And where the states are exact, too: then nothing is corrected.
const LEAST: f64 = 1e-9;
/// Gauss–Newton steps for a state; a linear field needs one.
const NEWTON_STEPS: usize = 2;
/// Largest distance of a state from its measurement, in deviations of the noise: beyond, the field is wrong and not the state.
const DISTANCE_MAX: f64 = 4.0;

#[derive(Debug)]
pub(super) struct StateLoss {
    pub(super) field: FieldLoss,
    /// `dx` and `jacobian` of the field.
    slopes: Executor,
    width: usize,
    levels: Levels,
    /// Weight of each derivative, mean 1, `[1, 2n]`.
    derivative_weight: Real,
}

impl StateLoss {
    pub(super) fn new(
        model: &dyn Motion,
        data: &Dataset,
        reference: &Dataset,
        arithmetic: &Arithmetic,
    ) -> Result<Self, LossError> {
        let width = 2 * data.dof;
        let field = FieldLoss::new(model, data, reference, arithmetic)?;
        let levels = Levels::of(reference)?;
        let mut graph = model.field()?;
        let missing = || GraphError::Name("a field has the input `x` and the output `dx`".to_owned());
        let (dx, x) = (graph.output("dx").ok_or_else(missing)?, graph.leaf(STATE).ok_or_else(missing)?);
        let jacobian = differentiate::jacobian(&mut graph, dx, x)?;
        graph.set_output("jacobian", jacobian);
        let slopes = Executor::new(&optimize(&graph)?, &["dx", "jacobian"], arithmetic)?;
        let derivative_weight = arithmetic.upload(&[1, width], &levels.weights);
        Ok(Self { field, slopes, width, levels, derivative_weight })
    }

    pub(super) fn loss(
        &self,
        batch: &Batch,
        arithmetic: &Arithmetic,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Real, LossError> {
        let (moves, square) = self.nearest(batch, arithmetic, parameter)?;
        let mut moved = moved_by(batch, &moves);
        moved.weight = moved.weight * self.derivative_weight.clone();
        let error = self.field.loss(&moved, parameter)?;
        Ok(error + self.levels.tie * square / batch.weight_sum)
    }

    /// How far the most plausible state of each row lies from its measurement, `[rows, 2n]` in physical units, and the sum of squares
    /// of that in deviations of the noise.
    fn nearest(
        &self,
        batch: &Batch,
        arithmetic: &Arithmetic,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<(Real, f64), LossError> {
        let target = download(&batch.target)?;
        let mut offsets = vec![0.0; target.len()];
        let physical = |offsets: &[f64]| -> Real {
            let values = offsets.iter().enumerate().map(|(at, offset)| offset * self.levels.states[at % self.width]);
            arithmetic.upload(&[offsets.len() / self.width, self.width], &values.collect::<Vec<f64>>())
        };
        for _ in 0..NEWTON_STEPS {
            let moved = moved_by(batch, &physical(&offsets));
            let value = |name: &str| moved.input(name).or_else(|| parameter(name).map(Real::detach));
            let found = self.slopes.run(&value)?;
            let [dx, jacobian] = &found[..] else { break };
            let (dx, jacobian) = (download(dx)?, download(jacobian)?);
            let rows = offsets.chunks_exact_mut(self.width).zip(jacobian.chunks_exact(self.width * self.width));
            for ((offset, jacobian), (dx, target)) in
                rows.zip(dx.chunks_exact(self.width).zip(target.chunks_exact(self.width)))
            {
                self.levels.improve(offset, jacobian, dx, target);
            }
        }
        Ok((physical(&offsets), offsets.iter().map(|offset| offset * offset).sum()))
    }
}

/// The batch at other states.
fn moved_by(batch: &Batch, moves: &Real) -> Batch {
    let mut moved = batch.clone();
    for (_, state) in moved.inputs.iter_mut().filter(|(name, _)| *name == STATE) {
        *state = state.clone() + moves.clone();
    }
    moved
}

/// What the noise in the data says about units and weights.
#[derive(Debug, PartialEq)]
struct Levels {
    /// Noise of each state: the unit of offsets.
    states: Vec<f64>,
    /// Weight of each derivative, mean 1.
    weights: Vec<f64>,
    /// 1/deviation of each derivative.
    inverse: Vec<f64>,
    /// Weight of an offset of one noise deviation relative to an error of one deviation of the derivative.
    tie: f64,
}

impl Levels {
    /// With rⱼ the noise of derivative j over its deviation: weights λ²/rⱼ² whose mean is 1, and tie λ², so that the loss is
    /// λ²/2n times minus twice the log-likelihood per row.
    fn of(reference: &Dataset) -> Result<Self, LossError> {
        let unknown = || {
            let message = "errors in the states are judged by the noise in the data, which needs times and at least 8 times three neighbouring rows";
            LossError::Setting(message.to_owned())
        };
        let (found, rows, width) = (noise(reference), reference.rows(), 2 * reference.dof);
        let states = found.x.into_iter().collect::<Option<Vec<f64>>>().ok_or_else(unknown)?;
        let derivatives = found.dx.and_then(|dx| dx.into_iter().collect::<Option<Vec<f64>>>()).ok_or_else(unknown)?;
        let relative: f64 =
            states.iter().zip(inverse_deviations(&rows.x, width)).map(|(noise, inverse)| noise * inverse).sum();
        let floor = FLOOR * relative / as_f64(width);
        let inverse = inverse_deviations(&rows.dx.unwrap_or_default(), width);
        let level = |(noise, inverse): (&f64, &f64)| (noise * inverse).max(floor).max(LEAST);
        let relative: Vec<f64> = derivatives.iter().zip(&inverse).map(level).collect();
        let tie = as_f64(width) / relative.iter().map(|level| 1.0 / (level * level)).sum::<f64>();
        Ok(Self { states, weights: relative.iter().map(|level| tie / (level * level)).collect(), inverse, tie })
    }

    /// One Gauss–Newton step for min |W(dx(x + Sδ) − target)|² + tie |δ|² of one row, from the values at the present δ:
    /// `(AᵀA + tie) δ = Aᵀ(A δ₀ − W e)` with `A = W J S`. The matrix is positive definite.
    fn improve(&self, offset: &mut [f64], jacobian: &[f64], dx: &[f64], target: &[f64]) {
        let width = offset.len();
        let weight = |row: usize| self.weights[row].sqrt() * self.inverse[row];
        let a = Mat::from_fn(width, width, |row, column| {
            weight(row) * jacobian[row * width + column] * self.states[column]
        });
        let error = Mat::from_fn(width, 1, |row, _| weight(row) * (dx[row] - target[row]));
        let before = Mat::from_fn(width, 1, |row, _| offset[row]);
        let right = a.transpose() * (&a * &before - error);
        let mut normal = a.transpose() * &a;
        (0..width).for_each(|at| normal[(at, at)] += self.tie);
        // Not positive definite only where the field is not finite: the loss will say so.
        let Ok(factor) = normal.llt(Side::Lower) else { return };
        let solved = factor.solve(&right);
        for (at, value) in offset.iter_mut().enumerate() {
            *value = solved[(at, 0)].clamp(-DISTANCE_MAX, DISTANCE_MAX);
        }
    }
}
