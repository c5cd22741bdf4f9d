//! How much of what a model is asked about lies where its training data were.

use hnn_exporter::density::Density;

use super::metrics::{finite, quantile};
use super::{CoverageReport, EvaluationError};
use crate::data::{Dataset, as_f64};

/// Scores every row of `data`; 1 is the edge of the training data, see [`Density`].
///
/// # Errors
/// [`EvaluationError::Mismatch`] where the dimensions differ.
pub fn coverage(density: &Density, data: &Dataset, source: &str) -> Result<CoverageReport, EvaluationError> {
    let width = 2 * data.dof;
    if density.states() != width {
        let message = format!("the density has {} coordinates, the data {width}", density.states());
        return Err(EvaluationError::Mismatch(message));
    }
    let rows = data.rows();
    let scores: Vec<f64> = rows.x.chunks_exact(width).map(|state| density.score(state)).collect();
    let outside = rows.x.chunks_exact(width).filter(|state| density.is_outside(state)).count();
    Ok(CoverageReport {
        source: source.to_owned(),
        rows: rows.count,
        outside_fraction: as_f64(outside) / as_f64(rows.count.max(1)),
        score_median: finite(quantile(&scores, 0.5)),
        score_max: finite(quantile(&scores, 1.0)),
    })
}
