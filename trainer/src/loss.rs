//! What training makes small.
//!
//! `field` compares the model's vector field with given derivatives. `rollout` runs the deployment scheme itself over windows
//! of the data at the data's own time steps and compares states, so that it needs no derivatives; where states are noisy,
//! each window's first state is learned along with the weights. Both are means of squares in units of the data.
//! This module knows graphs through the executor only, and no optimiser.

mod field;
mod rollout;
#[cfg(test)]
mod tests;
mod windows;

use hnn_exporter::dynamics::{DynamicsError, Scheme};
use hnn_exporter::graph::GraphError;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::execute::{Arithmetic, ExecuteError, Real};
use crate::learned::Motion;

use field::FieldLoss;
use rollout::RolloutLoss;

/// Most steps of a rollout window.
pub const MAX_WINDOW_STEPS: usize = 2048;
/// Most windows cut from a dataset.
pub const MAX_WINDOWS: usize = 1 << 20;

/// Why a loss cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LossError {
    /// A setting is out of range or the data lack what the loss needs.
    #[error("{0}")]
    Setting(String),
    /// The model cannot be stepped as asked.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// A graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A graph could not be evaluated.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
}

/// Which loss, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase", deny_unknown_fields)]
pub enum Settings {
    /// Mean of ((dx − dx_data)/deviation of dx)².
    Field,
    /// Mean over a window of ((x − x_data)/typical change of x within a window)².
    Rollout(Rollout),
}

/// How windows are cut and compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rollout {
    /// The scheme the model is trained through, and best deployed with.
    #[serde(with = "scheme_name")]
    pub scheme: Scheme,
    /// Steps of one window.
    pub steps: usize,
    /// Length of a step in seconds, met as nearly as a whole number of rows allows; one row where absent. The input is
    /// averaged over a step. Longer steps train faster, and a window of many rows becomes possible.
    pub step_seconds: Option<f64>,
    /// Steps between the starts of windows.
    pub shift: usize,
    /// Learns each window's first state instead of trusting its measurement.
    pub learned_starts: bool,
    /// Weight of a learned start's distance to its measurement, relative to that of any later state.
    pub start_weight: f64,
    /// Error, in typical changes, beyond which the loss grows linearly instead of quadratically (pseudo-Huber).
    pub robust_from: Option<f64>,
    /// Weight of errors of q relative to those of p.
    pub position_weight: f64,
    /// Weight of the field loss at the predicted states, 0 for none. Where derivatives are given, they are compared where the
    /// motion passed, not where noise put it.
    pub derivative_weight: f64,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            scheme: Scheme::Leapfrog,
            steps: 20,
            step_seconds: None,
            shift: 10,
            learned_starts: false,
            start_weight: 1.0,
            robust_from: None,
            position_weight: 1.0,
            derivative_weight: 0.0,
        }
    }
}

mod scheme_name {
    //! A scheme in a configuration file is its name.
    use hnn_exporter::dynamics::Scheme;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(scheme: &Scheme, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(scheme)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scheme, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Tensors of some items of the data: rows of states, or windows.
#[derive(Debug, Clone)]
pub struct Batch {
    inputs: Vec<(&'static str, Real)>,
    target: Real,
    weight: Real,
    weight_sum: f64,
    starts: bool,
    derivatives: Option<Real>,
}

/// A loss over a dataset.
#[derive(Debug)]
pub struct Objective {
    kind: Kind,
    arithmetic: Arithmetic,
}

#[derive(Debug)]
enum Kind {
    Field(Box<FieldLoss>),
    Rollout(Box<RolloutLoss>),
}

impl Objective {
    /// Prepares the loss of `model` on `data`; `reference` gives the units errors are measured in (the training data,
    /// also where `data` are held out).
    ///
    /// # Errors
    /// [`LossError`] where data lack times or derivatives, a setting is out of range, or the scheme does not fit the model.
    pub fn new(
        settings: &Settings,
        model: &dyn Motion,
        data: &Dataset,
        reference: &Dataset,
        arithmetic: &Arithmetic,
    ) -> Result<Self, LossError> {
        let kind = match settings {
            Settings::Field => Kind::Field(Box::new(FieldLoss::new(model, data, reference, arithmetic)?)),
            Settings::Rollout(rollout) => {
                Kind::Rollout(Box::new(RolloutLoss::new(rollout, model, data, reference, arithmetic)?))
            }
        };
        Ok(Self { kind, arithmetic: arithmetic.clone() })
    }

    /// Number of rows or windows.
    #[must_use]
    pub fn items(&self) -> usize {
        match &self.kind {
            Kind::Field(field) => field.items(),
            Kind::Rollout(rollout) => rollout.items(),
        }
    }

    /// Learned numbers per item: 2n where starts are learned, else 0.
    #[must_use]
    pub fn start_width(&self) -> usize {
        match &self.kind {
            Kind::Field(_) => 0,
            Kind::Rollout(rollout) => rollout.start_width(),
        }
    }

    /// Names of the parameters the loss depends on.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Field(field) => field.executor.parameters().collect(),
            Kind::Rollout(rollout) => rollout.executor.parameters().collect(),
        }
    }

    /// Uploads some items.
    #[must_use]
    pub fn gather(&self, items: &[usize]) -> Batch {
        match &self.kind {
            Kind::Field(field) => field.gather(items, &self.arithmetic),
            Kind::Rollout(rollout) => rollout.gather(items, &self.arithmetic),
        }
    }

    /// The loss of a batch, one element.
    ///
    /// `starts` are the learned offsets of first states, `[items, 2n]` in typical changes, where there are such.
    ///
    /// # Errors
    /// [`LossError::Execute`] where a parameter is missing or has the wrong shape.
    pub fn loss(
        &self,
        batch: &Batch,
        starts: Option<Real>,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Real, LossError> {
        match &self.kind {
            Kind::Field(field) => field.loss(batch, parameter),
            Kind::Rollout(rollout) => rollout.loss(batch, starts, parameter),
        }
    }
}

/// Weighted mean of squares, or of the pseudo-Huber function 2δ²(√(1 + e²/δ²) − 1), which is e² for small e.
fn mean_error(error: Real, batch: &Batch, robust_from: Option<f64>) -> Real {
    let square = error.clone() * error;
    let size = match robust_from {
        Some(delta) => ((square / (delta * delta) + 1.0).sqrt() - 1.0) * (2.0 * delta * delta),
        None => square,
    };
    sum_all(size * batch.weight.clone()) / batch.weight_sum
}

/// The sum of all elements, kept at the common rank.
fn sum_all(x: Real) -> Real {
    x.sum().reshape([1; crate::execute::RANK])
}

/// 1/deviation per column, 1 where a column never changes.
fn inverse_deviations(values: &[f64], width: usize) -> Vec<f64> {
    let inverse = |deviation: &f64| if *deviation > 0.0 { 1.0 / deviation } else { 1.0 };
    crate::data::Moments::of(values, width).deviation.iter().map(inverse).collect()
}
