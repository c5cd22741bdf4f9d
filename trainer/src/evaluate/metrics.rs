//! Numbers that summarise errors. Each says over what it averages.

use super::MotionMetrics;
use super::timing::{confidence_interval, phase_rate_errors, valid_seconds};
use crate::data::as_f64;

/// A motion survives while its energy error is within this fraction of |H(x(0))|.
pub const SURVIVAL_FRACTION: f64 = 0.1;

/// Predicted and true motions from the same starts, at the same evenly spaced times.
#[derive(Debug, Clone, Copy)]
pub struct Motions<'a> {
    /// Predicted states, `[times × rows × 2n]`.
    pub predicted: &'a [f64],
    /// True states, `[times × rows × 2n]`.
    pub truth: &'a [f64],
    /// True H of the predicted states, `[times × rows]`.
    pub energy: &'a [f64],
    /// Number of motions.
    pub rows: usize,
    /// Time of the last state; the first is at 0.
    pub horizon: f64,
}

impl Motions<'_> {
    pub(super) fn times(&self) -> usize {
        self.energy.len() / self.rows.max(1)
    }

    pub(super) fn states<'a>(&self, of: &'a [f64], row: usize) -> impl Iterator<Item = &'a [f64]> {
        let width = of.len() / self.energy.len().max(1);
        of.chunks_exact(width.max(1)).skip(row).step_by(self.rows.max(1))
    }

    /// H(x̂(t)) − H(x(0)) of one motion.
    fn energy_errors(&self, row: usize) -> Vec<f64> {
        (0..self.times()).map(|at| self.energy[at * self.rows + row] - self.energy[row]).collect()
    }

    /// Compared times before the energy error of one motion first exceeds its bound.
    fn survived(&self, row: usize) -> usize {
        let bound = SURVIVAL_FRACTION * self.energy[row].abs();
        // Written so that NaN ends it, too.
        self.energy_errors(row).iter().take_while(|error| error.abs() <= bound).count()
    }

    /// Upward passages of q₁ through its mean within the first `times`.
    fn cycles(&self, row: usize, times: usize) -> usize {
        let first: Vec<f64> = self.states(self.predicted, row).take(times).map(|state| state[0]).collect();
        let centre = mean(first.iter().copied());
        first.windows(2).filter(|pair| pair[0] < centre && pair[1] >= centre).count()
    }
}

/// Summarises the errors of motions.
///
/// Over all times (the start included) and motions: energy MSE = mean of (H(x̂(t)) − H(x(0)))², coordinate MSE = mean,
/// over the 2n coordinates too, of (x̂(t) − x(t))². Medians are over motions, of each motion's own mean. The drift is the
/// mean over motions of the least-squares slope of H(x̂(t)) − H(x(0)). A motion survives until its energy error first
/// exceeds [`SURVIVAL_FRACTION`] of |H(x(0))|; its cycles are the upward passages of q₁ through its mean until then. It is
/// valid until its state error, each coordinate in units of its own deviation, first exceeds [`VALID_BELOW`](super::VALID_BELOW)
/// in the root mean square. The phase rate is the angular frequency of q₁ between its first and last such passage; its error
/// is relative to the true one.
#[must_use]
pub fn motion_metrics(motions: &Motions<'_>) -> MotionMetrics {
    let rows = 0..motions.rows;
    let energies: Vec<Vec<f64>> = rows.clone().map(|row| motions.energy_errors(row)).collect();
    let energy_mse: Vec<f64> = energies.iter().map(|errors| mean(errors.iter().map(|error| error * error))).collect();
    let coordinate_mse = rows.clone().map(|row| {
        let pairs = motions.states(motions.predicted, row).zip(motions.states(motions.truth, row));
        mean(pairs.flat_map(|(predicted, truth)| predicted.iter().zip(truth)).map(|(a, b)| (a - b).powi(2)))
    });
    let coordinate_mse: Vec<f64> = coordinate_mse.collect();
    let diverged = energies.iter().filter(|errors| errors.iter().any(|error| !error.is_finite())).count();
    let largest = energies.iter().flatten().fold(0.0f64, |max, error| max.max(error.abs()));
    let survived: Vec<usize> = rows.clone().map(|row| motions.survived(row)).collect();
    let last = as_f64(motions.times().saturating_sub(1).max(1));
    // The last time before the bound was exceeded; 0 where the first step already exceeds it.
    let seconds: Vec<f64> =
        survived.iter().map(|times| motions.horizon * as_f64(times.saturating_sub(1)) / last).collect();
    let slopes: Vec<f64> = energies.iter().map(|errors| slope(errors, motions.horizon)).collect();
    let phase: Vec<f64> = phase_rate_errors(motions).iter().map(|error| error.abs()).collect();
    let cycles: Vec<f64> = rows.map(|row| as_f64(motions.cycles(row, survived[row]))).collect();
    MotionMetrics {
        energy_mse: finite(mean(energy_mse.iter().copied())),
        energy_mse_median: finite(quantile(&energy_mse, 0.5)),
        coordinate_mse: finite(mean(coordinate_mse.iter().copied())),
        coordinate_mse_median: finite(quantile(&coordinate_mse, 0.5)),
        energy_error_max: if diverged == 0 { finite(largest) } else { None },
        energy_drift_per_s: finite(mean(slopes.iter().copied())),
        energy_drift_interval: confidence_interval(&slopes),
        valid_s_median: finite(quantile(&valid_seconds(motions), 0.5)),
        survived_s_median: finite(quantile(&seconds, 0.5)),
        survived_cycles_median: finite(quantile(&cycles, 0.5)),
        phase_rate_error_median: finite(quantile(&phase, 0.5)),
        relative_error: finite(super::relative_error(motions)),
        diverged,
    }
}

/// The `level` quantile, interpolated linearly between order statistics (type 7 of Hyndman and Fan, 1996).
///
/// Values that are not numbers count as larger than all others. NaN for no values.
#[must_use]
pub fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|value| if value.is_nan() { f64::INFINITY } else { *value }).collect();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let position = level.clamp(0.0, 1.0) * as_f64(last);
    let below = (0..last).take_while(|at| as_f64(at + 1) <= position).count();
    let fraction = position - as_f64(below);
    let above = sorted[(below + 1).min(last)];
    if fraction > 0.0 { sorted[below] + fraction * (above - sorted[below]) } else { sorted[below] }
}

/// Mean; NaN for no values.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for value in values {
        sum += value;
        count += 1;
    }
    sum / as_f64(count)
}

/// Slope of the least-squares line through evenly spaced values from 0 to `horizon`.
fn slope(values: &[f64], horizon: f64) -> f64 {
    let last = as_f64(values.len().saturating_sub(1).max(1));
    let (mut product, mut square) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let time = horizon * (as_f64(at) / last - 0.5);
        product += time * value;
        square += time * time;
    }
    product / square
}

/// JSON knows no infinity and no NaN: what is not finite is null.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
