//! What the training data look like, for normalisation, for the manifest of an export, and to recognise them again.

use hnn_exporter::density::Density;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{VERSION, hexadecimal};
use crate::architecture::Scaling;
use crate::data::{Dataset, MAX_SAMPLES, Moments, Second, samples, statistics};

/// Column-wise moments, as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MomentsSummary {
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Standard deviation of each column.
    pub deviation: Vec<f64>,
    /// Smallest value of each column.
    pub min: Vec<f64>,
    /// Largest value of each column.
    pub max: Vec<f64>,
}

/// Summary of a training dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSummary {
    /// Layout of this file.
    pub version: u32,
    /// Names of the positions.
    pub q: Vec<String>,
    /// Names of the momenta, as `Names::p` where these were measured.
    pub p: Vec<String>,
    /// Names of the inputs.
    pub u: Vec<String>,
    /// What was measured beside the positions. Moments, samples and density are of `[q…, p…]` in either case: of velocities, by
    /// the mass matrix that was learned last.
    pub second: Second,
    /// Whether it was measured at all.
    pub second_is_measured: bool,
    /// Number of trajectories.
    pub trajectories: usize,
    /// Number of rows.
    pub rows: usize,
    /// Median time step in seconds, where time was recorded.
    pub dt_median: Option<f64>,
    /// Moments of `[q…, p…]`.
    pub x: MomentsSummary,
    /// Moments of `u`.
    pub inputs: MomentsSummary,
    /// Units inside the model.
    pub scaling: Scaling,
    /// Some states `[q…, p…]`, one per row.
    pub samples_x: Vec<Vec<f64>>,
    /// The inputs of these rows.
    pub samples_u: Vec<Vec<f64>>,
    /// SHA-256 of all numbers, in hexadecimal.
    pub fingerprint: String,
    /// Where in state space the data were; absent where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
}

impl DataSummary {
    /// Summarises training data as they were measured, the same in the states of the energy ([`with_momenta`]), and the units
    /// measured on them.
    ///
    /// [`with_momenta`]: crate::tangent::with_momenta
    #[must_use]
    pub fn new(measured: &Dataset, data: &Dataset, scaling: &Scaling) -> Self {
        let statistics = statistics(data);
        let samples = samples(data, MAX_SAMPLES);
        let rows = |values: &[f64], width: usize| -> Vec<Vec<f64>> {
            (0..samples.count).map(|row| values[row * width..(row + 1) * width].to_vec()).collect()
        };
        Self {
            version: VERSION,
            q: data.names.q.clone(),
            p: data.names.p.clone(),
            u: data.names.u.clone(),
            second: measured.names.second,
            second_is_measured: measured.names.second_is_measured,
            trajectories: data.trajectories.len(),
            rows: data.row_count(),
            dt_median: statistics.dt_median,
            x: moments(statistics.x),
            inputs: moments(statistics.u),
            scaling: scaling.clone(),
            samples_x: rows(&samples.x, 2 * data.dof),
            samples_u: rows(&samples.u, data.inputs),
            fingerprint: fingerprint(measured),
            density: None,
        }
    }

    /// The same with the density score of the data.
    #[must_use]
    pub fn with_density(self, density: Option<Density>) -> Self {
        Self { density, ..self }
    }
}

fn moments(moments: Moments) -> MomentsSummary {
    let Moments { mean, deviation, min, max } = moments;
    MomentsSummary { mean, deviation, min, max }
}

/// SHA-256 over the bits of all times, states, inputs and derivatives: the same data, whatever the file was called.
#[must_use]
pub fn fingerprint(data: &Dataset) -> String {
    let mut hash = Sha256::new();
    for one in &data.trajectories {
        let derivative = one.derivative.as_deref().unwrap_or_default();
        for block in [&one.time[..], &one.q, &one.p, &one.u, derivative] {
            hash.update((block.len() as u64).to_le_bytes());
            block.iter().for_each(|value| hash.update(value.to_le_bytes()));
        }
    }
    hexadecimal(&hash.finalize())
}
