//! What a run knows of the noise in its data: `noise.json`.

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::data::{Dataset, noise};

/// Noise levels of every coordinate, physical units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseReport {
    /// Layout of this file.
    pub version: u32,
    /// Names of the coordinates `[q…, p…]`.
    pub names: Vec<String>,
    /// By differences of neighbouring rows, before training ([`crate::data::noise`]); null where there are too few.
    pub differences: Vec<Option<f64>>,
    /// By deviations from the trained motion ([`crate::fit::residual_noise`]); null for losses without motions. Where these are
    /// larger than the differences say, the model or the scheme does not describe the data.
    pub residuals: Option<Vec<f64>>,
}

impl NoiseReport {
    /// Both estimates of the training data.
    #[must_use]
    pub fn new(train: &Dataset, residuals: Option<Vec<f64>>) -> Self {
        let names = train.names.q.iter().chain(&train.names.p).cloned().collect();
        Self { version: VERSION, names, differences: noise(train).x, residuals }
    }

    /// The residuals with their names, on one line.
    #[must_use]
    pub fn residual_levels(&self) -> Option<String> {
        let levels = self.names.iter().zip(self.residuals.as_ref()?);
        Some(levels.map(|(name, level)| format!("{name} {level:.3e}")).collect::<Vec<_>>().join(", "))
    }
}
