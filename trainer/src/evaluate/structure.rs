//! What a learned energy says about its system that no trajectory shows: where it rests, and what it conserves.

use hnn_exporter::dynamics::Model;
use serde::{Deserialize, Serialize};

use super::{ConservedQuantity, Equilibrium, EvaluationError, Region, conserved, equilibria};

/// Equilibria and conserved quantities of a learned energy, beside those of the true one where it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructureReport {
    /// Equilibria in the data's region; definitions at [`equilibria`].
    pub equilibria: Vec<Equilibrium>,
    /// Those of the true energy in the same region.
    pub true_equilibria: Option<Vec<Equilibrium>>,
    /// Momenta and how well they are conserved; definitions at [`conserved`].
    pub conserved: Vec<ConservedQuantity>,
}

/// Examines a model, its weights bound, and the truth in the same region.
///
/// # Errors
/// As [`equilibria`] and [`conserved`].
pub fn structure(
    model: &Model,
    truth: Option<&Model>,
    region: &Region<'_>,
) -> Result<StructureReport, EvaluationError> {
    Ok(StructureReport {
        equilibria: equilibria(model, region)?,
        true_equilibria: truth.map(|truth| equilibria(truth, region)).transpose()?,
        conserved: conserved(model, truth, region.states)?,
    })
}
