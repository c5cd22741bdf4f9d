//! What training makes small.
//!
//! `field` compares the model's vector field with given derivatives. `rollout` runs the deployment scheme itself over windows
//! of the data at the data's own time steps and compares states, so that it needs no derivatives; where states are noisy,
//! each window's first state is learned along with the weights. `errors-in-variables` is the field loss at states that are unknown, too.
//! All are means of squares in units of the data. A rollout may have stages, of which one is current.
//! This module knows graphs through the executor only, and no optimiser.

mod chains;
mod field;
mod robust;
mod rollout;
mod stages;
mod states;
#[cfg(test)]
mod tests;
mod unroll;
mod windows;

use std::collections::HashMap;

use hnn_exporter::dynamics::{DynamicsError, Scheme};
use hnn_exporter::graph::GraphError;
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Second};
use crate::execute::{Arithmetic, ExecuteError, Real};
use crate::learned::Motion;
use crate::tangent::Tangent;

use field::FieldLoss;
pub use robust::Robust;
use rollout::RolloutLoss;
pub use stages::MAX_STAGES;
use states::StateLoss;

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
#[serde(tag = "name", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Settings {
    /// Mean of ((dx − dx_data)/deviation of dx)².
    Field,
    /// The same at the most plausible states, each tied to its measurement by the noise that is found in the data.
    ErrorsInVariables,
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
    /// Equal steps of the scheme that make one of these: data sampled so coarsely that the scheme's own error would be learned
    /// need more than one. What is deployed then takes the short steps.
    pub substeps: usize,
    /// Steps between the starts of windows.
    pub shift: usize,
    /// Learns each window's first state instead of trusting its measurement.
    pub learned_starts: bool,
    /// Weight of a learned start's distance to its measurement, relative to that of any later state.
    pub start_weight: f64,
    /// Error, in typical changes, beyond which the loss grows more slowly than its square, as `robust` says.
    pub robust_from: Option<f64>,
    /// How it grows there. One that redescends begins with a larger scale, which shrinks in stages.
    pub robust: Robust,
    /// Weight of errors of q relative to those of p.
    pub position_weight: f64,
    /// Weight of the field loss at the predicted states, 0 for none. Where derivatives are given, they are compared where the
    /// motion passed, not where noise put it.
    pub derivative_weight: f64,
    /// Multiple shooting: windows that follow each other, and this weight on the gap between the end of one and the learned
    /// first state of the next, relative to that of a state's error.
    pub shooting_weight: Option<f64>,
    /// Steps of a window in each stage of training, growing up to `steps`; empty where there is one stage.
    pub curriculum: Vec<usize>,
}

impl Settings {
    /// Whether derivatives of the states are compared everywhere, so that data without need them computed.
    #[must_use]
    pub fn needs_derivatives(&self) -> bool {
        matches!(self, Self::Field | Self::ErrorsInVariables)
    }

    /// Stages of training, at least 1.
    #[must_use]
    pub fn stages(&self) -> usize {
        match self {
            Self::Field | Self::ErrorsInVariables => 1,
            Self::Rollout(rollout) => stages::count(rollout),
        }
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            scheme: Scheme::Leapfrog,
            steps: 20,
            step_seconds: None,
            substeps: 1,
            shift: 10,
            learned_starts: false,
            start_weight: 1.0,
            robust_from: None,
            robust: Robust::PseudoHuber,
            position_weight: 1.0,
            derivative_weight: 0.0,
            shooting_weight: None,
            curriculum: Vec::new(),
        }
    }
}

mod scheme_name {
    //! A scheme in a configuration file is its name, with its iterations where they are not the usual ones: `midpoint:4`.
    use hnn_exporter::dynamics::Scheme;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(scheme: &Scheme, serializer: S) -> Result<S::Ok, S::Error> {
        let usual = scheme.to_string().parse::<Scheme>().is_ok_and(|usual| usual == *scheme);
        if usual {
            serializer.collect_str(scheme)
        } else {
            serializer.collect_str(&format_args!("{scheme}:{}", scheme.iterations()))
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scheme, D::Error> {
        let text = String::deserialize(deserializer)?;
        let Some((name, iterations)) = text.split_once(':') else { return text.parse().map_err(D::Error::custom) };
        let iterations = iterations.parse().map_err(D::Error::custom)?;
        name.parse::<Scheme>().and_then(|scheme| scheme.with_iterations(iterations)).map_err(D::Error::custom)
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
    /// 1 where the next row starts at the end of this one, `[rows − 1, 1]`.
    joints: Option<Real>,
}

/// A loss over a dataset, in one of its stages.
#[derive(Debug)]
pub struct Objective {
    stages: Vec<Kind>,
    stage: usize,
    arithmetic: Arithmetic,
}

#[derive(Debug)]
enum Kind {
    Field(Box<FieldLoss>),
    States(Box<StateLoss>),
    Rollout(Box<RolloutLoss>),
}

impl Objective {
    /// Prepares the loss of `model` on `data`, in positions and velocities where these were measured; `reference` gives the units errors are measured in (the training data,
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
        let tangent = model.energy().filter(|_| data.names.second == Second::Velocity).map(Tangent);
        let model = tangent.as_ref().map_or(model, |tangent| tangent as &dyn Motion);
        let stages = match settings {
            Settings::Field => vec![Kind::Field(Box::new(FieldLoss::new(model, data, reference, arithmetic)?))],
            Settings::ErrorsInVariables => {
                vec![Kind::States(Box::new(StateLoss::new(model, data, reference, arithmetic)?))]
            }
            Settings::Rollout(rollout) => {
                let stage = |stage: &Rollout| {
                    Ok(Kind::Rollout(Box::new(RolloutLoss::new(stage, rollout, model, data, reference, arithmetic)?)))
                };
                stages::of(rollout)?.iter().map(stage).collect::<Result<_, LossError>>()?
            }
        };
        Ok(Self { stages, stage: 0, arithmetic: arithmetic.clone() })
    }

    fn kind(&self) -> &Kind {
        &self.stages[self.stage]
    }

    /// Goes to the stage in which optimiser step `step` of `steps` is taken; whether that is another one than before.
    ///
    /// Items, starts and batches are those of the stage.
    pub fn enter(&mut self, step: u64, steps: u64) -> bool {
        let before = self.stage;
        self.stage = stages::at(step, steps, self.stages.len());
        before != self.stage
    }

    /// Whether no other stage follows.
    #[must_use]
    pub fn in_last_stage(&self) -> bool {
        self.stage + 1 == self.stages.len()
    }

    /// For each learned first state (2n numbers) of this stage, that of the previous stage at the same row of data.
    #[must_use]
    pub fn carried_starts(&self) -> Vec<Option<usize>> {
        let slots = |kind: &Kind| if let Kind::Rollout(rollout) = kind { rollout.slots() } else { Vec::new() };
        let previous = self.stage.checked_sub(1).map(|stage| slots(&self.stages[stage])).unwrap_or_default();
        let known: HashMap<(usize, usize), usize> =
            previous.iter().enumerate().filter_map(|(at, slot)| Some(((*slot)?, at))).collect();
        slots(self.kind()).iter().map(|slot| slot.and_then(|slot| known.get(&slot).copied())).collect()
    }

    /// Number of rows, windows, or chains of windows.
    #[must_use]
    pub fn items(&self) -> usize {
        match self.kind() {
            Kind::Field(field) => field.items(),
            Kind::States(states) => states.field.items(),
            Kind::Rollout(rollout) => rollout.items(),
        }
    }

    /// Learned numbers per item: 2n for each learned first state, else 0.
    #[must_use]
    pub fn start_width(&self) -> usize {
        match self.kind() {
            Kind::Field(_) | Kind::States(_) => 0,
            Kind::Rollout(rollout) => rollout.start_width(),
        }
    }

    /// Names of the parameters the loss depends on.
    #[must_use]
    pub fn parameters(&self) -> Vec<&str> {
        match self.kind() {
            Kind::Field(field) => field.executor.parameters().collect(),
            Kind::States(states) => states.field.executor.parameters().collect(),
            Kind::Rollout(rollout) => rollout.executor.parameters().collect(),
        }
    }

    /// Uploads some items.
    #[must_use]
    pub fn gather(&self, items: &[usize]) -> Batch {
        match self.kind() {
            Kind::Field(field) => field.gather(items, &self.arithmetic),
            Kind::States(states) => states.field.gather(items, &self.arithmetic),
            Kind::Rollout(rollout) => rollout.gather(items, &self.arithmetic),
        }
    }

    /// The loss of a batch, one element.
    ///
    /// `starts` are the learned offsets of first states, `[items, start_width]` in typical changes, where there are such.
    ///
    /// # Errors
    /// [`LossError::Execute`] where a parameter is missing or has the wrong shape.
    pub fn loss(
        &self,
        batch: &Batch,
        starts: Option<Real>,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Real, LossError> {
        match self.kind() {
            Kind::Field(field) => field.loss(batch, parameter),
            Kind::States(states) => states.loss(batch, &self.arithmetic, parameter),
            Kind::Rollout(rollout) => rollout.loss(batch, starts, parameter),
        }
    }

    /// Noise of each coordinate `[q…, p…]` as the fitted motion sees it, physical units: the deviation of all data from the rollout of
    /// this stage; `None` for losses without a motion.
    ///
    /// # Errors
    /// [`LossError::Execute`] where a parameter is missing or has the wrong shape.
    pub fn residuals(
        &self,
        starts: &[f64],
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Option<Vec<f64>>, LossError> {
        match self.kind() {
            Kind::Field(_) | Kind::States(_) => Ok(None),
            Kind::Rollout(rollout) => rollout.residuals(starts, parameter, &self.arithmetic).map(Some),
        }
    }
}

impl Batch {
    /// What is given of a name.
    fn input(&self, name: &str) -> Option<Real> {
        self.inputs.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor.clone())
    }
}

/// Rows of a matrix `[_ × width]` by their indices.
fn gather_rows(
    arithmetic: &Arithmetic,
    values: &[f64],
    width: usize,
    rows: impl ExactSizeIterator<Item = usize>,
) -> Real {
    let count = rows.len();
    let picked: Vec<f64> = rows.flat_map(|row| values[row * width..(row + 1) * width].iter().copied()).collect();
    arithmetic.upload(&[count, width], &picked)
}

/// Weighted mean of squares, or of a robust function of them from an error on.
fn mean_error(error: Real, batch: &Batch, robust: Option<(Robust, f64)>) -> Real {
    let square = error.clone() * error;
    let size = match robust {
        Some((robust, from)) => robust.of_squares(square, from),
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
