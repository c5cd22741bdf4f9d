//! What members disagree about, and whether that says how wrong they are.
//!
//! The spread of the field over members at a state is an estimate of its error there. Where the truth is known the estimate is
//! checked: by its size (the ratio of error to spread is 1 where it is calibrated) and by its order (their rank correlation).
//! Lakshminarayanan, Pritzel and Blundell, *Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles*
//! (2017), section 2.4.

use hnn_exporter::dynamics::Model;
use serde::{Deserialize, Serialize};

use crate::data::as_f64;
use crate::evaluate::EvaluationError;
use crate::system::{Field, ModelField};

/// Spreads of the error within which it should lie in most states.
const WITHIN: f64 = 2.0;

/// An ensemble and what its members disagree about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnsembleReport {
    /// Every member, in the order of their numbers.
    pub members: Vec<MemberReport>,
    /// Number of the member of the lowest held-out loss.
    pub best: usize,
    /// Disagreement at several sets of states.
    pub disagreement: Vec<DisagreementReport>,
}

/// A member of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberReport {
    /// Seed of its training.
    pub seed: u64,
    /// Held-out loss of its best weights.
    pub held_out_loss: Option<f64>,
}

/// Disagreement over the field at some states; definitions at [`disagreement`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisagreementReport {
    /// What the states are.
    pub states: String,
    /// How many.
    pub rows: usize,
    /// Root mean square of the spread.
    pub spread_rms: f64,
    /// Largest spread.
    pub spread_max: f64,
    /// Root mean square of the error of the mean field, where the truth is known.
    pub error_rms: Option<f64>,
    /// Error over spread, both root mean squares: 1 where the spread is calibrated, more where it is too small.
    pub error_over_spread: Option<f64>,
    /// Part of the states whose error is within two spreads.
    pub within_two_spreads: Option<f64>,
    /// Spearman's rank correlation of spread and error.
    pub rank_correlation: Option<f64>,
}

/// States at which to ask.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    /// What the states are, in words.
    pub name: &'a str,
    /// States `[rows × 2n]`.
    pub x: &'a [f64],
    /// Inputs `[rows × m]`.
    pub u: &'a [f64],
}

/// Measures the disagreement of members, their weights bound, at the states of `probe`.
///
/// With f̄ the mean field of K members and rᵢ the root mean square of its coordinate i over the states, the spread at x is
/// s² = mean over i of Σₖ (fₖᵢ − f̄ᵢ)²/((K − 1) rᵢ²), the error e² = mean over i of (f̄ᵢ − fᵢ)²/rᵢ² with f the true field.
///
/// # Errors
/// [`EvaluationError`] for fewer than two members, no states, or dimensions that differ.
pub fn disagreement(
    members: &[Model],
    truth: Option<&Model>,
    probe: &Probe<'_>,
) -> Result<DisagreementReport, EvaluationError> {
    let width = members.first().map_or(0, |model| 2 * model.dof());
    let alike = members.iter().all(|model| (2 * model.dof(), model.inputs()) == (width, members[0].inputs()));
    if members.len() < 2 || !alike || probe.x.is_empty() || !probe.x.len().is_multiple_of(width) {
        let message = format!("{} members cannot disagree at {} numbers", members.len(), probe.x.len());
        return Err(EvaluationError::Mismatch(message));
    }
    let fields = members.iter().map(|model| field(model, probe)).collect::<Result<Vec<_>, _>>()?;
    let count = as_f64(members.len());
    let mean: Vec<f64> =
        (0..probe.x.len()).map(|at| fields.iter().map(|field| field[at]).sum::<f64>() / count).collect();
    let units = units(&mean, width);
    let deviation = |at: usize| fields.iter().map(|field| (field[at] - mean[at]).powi(2)).sum::<f64>() / (count - 1.0);
    let spread = per_row(&(0..mean.len()).map(deviation).collect::<Vec<_>>(), &units);
    let report = DisagreementReport {
        states: probe.name.to_owned(),
        rows: spread.len(),
        spread_rms: root_mean_square(&spread),
        spread_max: spread.iter().copied().fold(0.0, f64::max),
        error_rms: None,
        error_over_spread: None,
        within_two_spreads: None,
        rank_correlation: None,
    };
    let Some(truth) = truth else { return Ok(report) };
    let squares: Vec<f64> =
        field(truth, probe)?.iter().zip(&mean).map(|(truth, mean)| (truth - mean).powi(2)).collect();
    let error = per_row(&squares, &units);
    let within = error.iter().zip(&spread).filter(|(error, spread)| **error <= WITHIN * **spread).count();
    Ok(DisagreementReport {
        error_rms: Some(root_mean_square(&error)),
        error_over_spread: error_ratio(&error, &spread),
        within_two_spreads: Some(as_f64(within) / as_f64(error.len())),
        rank_correlation: correlation(&ranks(&spread), &ranks(&error)),
        ..report
    })
}

/// Root mean square of errors over that of spreads; `None` where there is no spread.
fn error_ratio(errors: &[f64], spreads: &[f64]) -> Option<f64> {
    Some(root_mean_square(errors) / root_mean_square(spreads)).filter(|ratio| ratio.is_finite())
}

fn field(model: &Model, probe: &Probe<'_>) -> Result<Vec<f64>, EvaluationError> {
    let mut field = ModelField::new(model)?;
    if model.inputs() > 0 {
        field.hold(probe.u);
    }
    let mut dx = vec![0.0; probe.x.len()];
    field.evaluate(probe.x, &mut dx)?;
    Ok(dx)
}

/// Root mean square of each column; 1 for one that is 0 throughout.
fn units(values: &[f64], width: usize) -> Vec<f64> {
    let column = |at: usize| values.iter().skip(at).step_by(width).copied().collect::<Vec<f64>>();
    let unit = |at: usize| root_mean_square(&column(at));
    (0..width).map(|at| Some(unit(at)).filter(|unit| *unit > 0.0).unwrap_or(1.0)).collect()
}

/// Root of the mean over columns of squares in their units, for every row.
fn per_row(squares: &[f64], units: &[f64]) -> Vec<f64> {
    let scaled = |row: &[f64]| row.iter().zip(units).map(|(square, unit)| square / (unit * unit)).sum::<f64>();
    squares.chunks_exact(units.len()).map(|row| (scaled(row) / as_f64(units.len())).sqrt()).collect()
}

fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / as_f64(values.len().max(1))).sqrt()
}

/// Rank of every value, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut begin = 0;
    while begin < order.len() {
        let alike = |at: &usize| values[*at].to_bits() == values[order[begin]].to_bits();
        let end = begin + order[begin..].iter().take_while(|at| alike(at)).count();
        let rank = as_f64(begin + end - 1) / 2.0;
        order[begin..end].iter().for_each(|at| ranks[*at] = rank);
        begin = end;
    }
    ranks
}

/// Pearson's correlation; `None` where one of them does not vary.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / as_f64(values.len().max(1));
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>();
    let square = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    Some(product / (square(a, mean_a) * square(b, mean_b)).sqrt()).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_ties_and_their_correlation_is_spearmans() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        // Without ties 1 − 6 Σd²/(n(n² − 1)): d = (0, 1, 1, 0).
        let found = correlation(&ranks(&[1.0, 2.0, 3.0, 4.0]), &ranks(&[1.0, 9.0, 4.0, 16.0])).unwrap();
        assert!((found - (1.0 - 12.0 / 60.0)).abs() < 1e-14);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
