//! How to train: the method, and the numbers it takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{FitError, MAX_STEPS};
use crate::execute::{Device, Precision};

/// Strongest weight decay.
const MAX_WEIGHT_DECAY: f64 = 1000.0;

/// How a loss is made small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Method {
    /// Stochastic gradient descent with cosine decay. Kingma and Ba (2015).
    #[default]
    #[serde(rename = "adam")]
    Adam,
    /// Limited-memory BFGS on all data at once. Nocedal and Wright (2006), section 7.2.
    #[serde(rename = "lbfgs")]
    Lbfgs,
    /// In closed form, see [`sample`](super::sample); one step.
    #[serde(rename = "sampled")]
    Sampled,
    /// The closed form, then Adam from there.
    #[serde(rename = "sampled+adam")]
    SampledAdam,
    /// The closed form, then L-BFGS from there.
    #[serde(rename = "sampled+lbfgs")]
    SampledLbfgs,
}

impl Method {
    /// Every method, in the order of the listing.
    pub const ALL: [Self; 5] = [Self::Adam, Self::Lbfgs, Self::Sampled, Self::SampledAdam, Self::SampledLbfgs];

    /// Whether it begins in closed form.
    #[must_use]
    pub fn samples(self) -> bool {
        matches!(self, Self::Sampled | Self::SampledAdam | Self::SampledLbfgs)
    }

    /// Whether steps by the gradient of the loss are taken.
    #[must_use]
    pub fn descends(self) -> bool {
        self != Self::Sampled
    }

    /// Whether its steps are those of L-BFGS, which see all of the data and choose their own length.
    #[must_use]
    pub fn is_quasi_newton(self) -> bool {
        matches!(self, Self::Lbfgs | Self::SampledLbfgs)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::Lbfgs => "lbfgs",
            Self::Sampled => "sampled",
            Self::SampledAdam => "sampled+adam",
            Self::SampledLbfgs => "sampled+lbfgs",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = FitError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            FitError::Setting(format!("unknown fit `{name}`; known are {known}"))
        })
    }
}

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How the loss is made small.
    pub method: Method,
    /// Optimiser steps; a fit in closed form takes one, whatever stands here.
    pub steps: u64,
    /// Rows or windows per step; all of them where absent.
    pub batch: Option<usize>,
    /// Learning rate at the first step.
    pub rate: f64,
    /// Learning rate at the last step, as a fraction of the first.
    pub final_rate: f64,
    /// Learning rate of first states, in deviations of the data.
    pub start_rate: f64,
    /// Pull of network weights towards 0, decoupled from the gradient; physical parameters and biases are not pulled.
    pub weight_decay: f64,
    /// Largest norm of the gradient; longer ones are shortened.
    pub clip: Option<f64>,
    /// Steps between judgements on held-out data, metrics and checkpoints.
    pub judge_every: u64,
    /// Judgements without improvement after which training stops.
    pub patience: Option<u64>,
    /// Precision of the tensors.
    pub precision: Precision,
    /// Where they are computed.
    pub device: Device,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Adam,
            steps: 2000,
            batch: None,
            rate: 3e-3,
            final_rate: 0.01,
            start_rate: 1e-2,
            weight_decay: 0.0,
            clip: Some(1.0),
            judge_every: 50,
            patience: None,
            precision: Precision::F32,
            device: Device::Flex,
            seed: 0,
        }
    }
}

impl Settings {
    /// Steps that are taken in all.
    #[must_use]
    pub fn steps_in_all(&self) -> u64 {
        if self.method.descends() { self.steps } else { 1 }
    }

    pub(super) fn check(&self) -> Result<(), FitError> {
        let refuse = |message: &str| Err(FitError::Setting(message.to_owned()));
        let positive = |value: f64| value.is_finite() && value > 0.0;
        match self {
            s if s.steps == 0 || s.steps > MAX_STEPS => refuse("training takes at least one step and at most 2^32"),
            s if s.batch == Some(0) => refuse("a batch has at least one row"),
            s if !positive(s.rate) || !positive(s.start_rate) => refuse("learning rates are positive"),
            s if !(0.0..=1.0).contains(&s.final_rate) => refuse("the final rate is a fraction between 0 and 1"),
            s if !(0.0..=MAX_WEIGHT_DECAY).contains(&s.weight_decay) => refuse("weight decay lies between 0 and 1000"),
            s if s.clip.is_some_and(|norm| !positive(norm)) => refuse("gradients are clipped to a positive norm"),
            s if s.method.is_quasi_newton() && (s.batch.is_some() || s.weight_decay > 0.0) => {
                refuse("L-BFGS takes all of the data at each step, and no weight decay: use `--fit adam` for those")
            }
            s if s.judge_every == 0 => refuse("training is judged every step or less often"),
            _ => Ok(()),
        }
    }
}
