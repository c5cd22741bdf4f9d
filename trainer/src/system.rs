//! Named systems: a Hamiltonian as text, its settings, a sampler of initial states, and ground truth.
//!
//! A system is a formula that `hnn_exporter::expression` parses, so that data, truth and export share one definition.
//! [`generate`] integrates it to a stated, computed accuracy. Nothing here knows learning.

mod catalogue;
mod chain;
mod field;
mod generate;
mod protocol;
mod start;
mod truth;

use std::collections::BTreeMap;

use hnn_exporter::dynamics::{DynamicsError, Model};
use hnn_exporter::evaluate::EvaluateError;
use hnn_exporter::expression::{self, ExpressionError};

use crate::data::DataError;
use crate::random::Stream;

pub use catalogue::SYSTEMS;
pub(crate) use field::tensor;
pub use field::{Energy, Field, ModelField};
pub use generate::{Attained, Generated, TRUTH_TOLERANCE, fresh_starts, generate};
pub(crate) use protocol::spaced;
pub use protocol::{MAX_ROWS, Protocol};
use start::Start;
pub use truth::{MAX_REFINEMENTS, Truth, integrate};

/// A constant of a formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// Name in the formula.
    pub name: &'static str,
    /// Value unless another is set.
    pub value: f64,
    /// What it is, with its unit.
    pub meaning: &'static str,
}

/// A Hamiltonian with a name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct System {
    /// What a user types.
    pub name: &'static str,
    /// One line about it.
    pub description: &'static str,
    /// H(q, p).
    pub expression: &'static str,
    /// Constants of the formula.
    pub settings: &'static [Setting],
    /// Degrees of freedom n, under the settings that are given here; [`System::degrees`] under others.
    pub dof: usize,
    /// Data made unless something else is asked for.
    pub protocol: Protocol,
    /// Data of a published experiment, where [`published`](Self::published) names one; else the same as `protocol`.
    pub reference: Protocol,
    /// Whose data `reference` follows.
    pub published: Option<&'static str>,
    /// Length of the motions it is judged by, in seconds: the whole of what is asked of a model, or, where motion is chaotic,
    /// as long as the truth is known to [`TRUTH_TOLERANCE`].
    pub judged_over: f64,
    /// Largest error of any coordinate of made data, before noise; above [`TRUTH_TOLERANCE`] where close encounters among
    /// thousands of motions amplify rounding beyond it.
    pub tolerance: f64,
    /// Identical bodies the coordinates belong to, body after body, where the system is made of such.
    pub bodies: Option<usize>,
    start: Start,
}

/// Values for some of a system's settings.
pub type Settings = BTreeMap<String, f64>;

/// Why a system cannot be found, built or integrated.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// No system of that name.
    #[error("no system `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// All names.
        known: String,
    },
    /// No setting of that name.
    #[error("system `{system}` has no setting `{name}`; it has {known}")]
    Setting {
        /// The system.
        system: &'static str,
        /// What was asked for.
        name: String,
        /// All settings.
        known: String,
    },
    /// A protocol that cannot be followed.
    #[error("{0}")]
    Protocol(String),
    /// The formula does not parse.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The formula gives no model.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// The oracle could not evaluate.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The made data do not fit together.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The motion leaves the finite numbers.
    #[error("the motion is no longer finite at t = {time}")]
    NotFinite {
        /// Last time at which it was.
        time: f64,
    },
    /// Steps become too short to arrive.
    #[error("the motion takes more than {tries} steps and comes no further than t = {time}; shorten the horizon")]
    Stuck {
        /// How far it came, s.
        time: f64,
        /// Steps tried.
        tries: usize,
    },
    /// Refinement does not reach the tolerance: the motion is chaotic, singular or too long.
    #[error(
        "the motion is known only to {attained:.1e} over {horizon} s, {tolerance:.0e} was asked for; shorten the horizon"
    )]
    Tolerance {
        /// Difference between the last two refinements.
        attained: f64,
        /// What was asked for.
        tolerance: f64,
        /// Length of the motion.
        horizon: f64,
    },
}

/// The system of that name.
///
/// # Errors
/// [`SystemError::Unknown`] listing the names.
pub fn find(name: &str) -> Result<&'static System, SystemError> {
    SYSTEMS.iter().find(|system| system.name == name).ok_or_else(|| {
        let known = SYSTEMS.iter().map(|system| format!("`{}`", system.name)).collect::<Vec<_>>().join(", ");
        SystemError::Unknown { name: name.to_owned(), known }
    })
}

impl System {
    /// All settings, those in `given` replaced.
    ///
    /// # Errors
    /// [`SystemError::Setting`] where a name is not one of this system's.
    pub fn settings_with(&self, given: &Settings) -> Result<Settings, SystemError> {
        let mut all: Settings = self.settings.iter().map(|setting| (setting.name.to_owned(), setting.value)).collect();
        for (name, value) in given {
            let Some(slot) = all.get_mut(name) else {
                let known = self.settings.iter().map(|setting| format!("`{}`", setting.name)).collect::<Vec<_>>();
                return Err(SystemError::Setting { system: self.name, name: name.clone(), known: known.join(", ") });
            };
            *slot = *value;
        }
        Ok(all)
    }

    /// The model of the formula under these settings.
    ///
    /// # Errors
    /// [`SystemError`] for an unknown setting or a formula that is no model.
    pub fn model(&self, given: &Settings) -> Result<Model, SystemError> {
        let settings = self.settings_with(given)?;
        match self.start {
            Start::Chain => chain::model(&settings),
            _ => Ok(expression::parse(self.expression, &settings)?),
        }
    }

    /// Degrees of freedom n under these settings.
    ///
    /// # Errors
    /// [`SystemError`] for an unknown setting, or one that gives no system.
    pub fn degrees(&self, given: &Settings) -> Result<usize, SystemError> {
        match self.start {
            Start::Chain => Ok(2 * chain::links(&self.settings_with(given)?)?),
            _ => Ok(self.dof),
        }
    }

    /// The constraints g(q) = 0 that the motion keeps, as formulas in q1 … qn; none for most systems.
    ///
    /// # Errors
    /// As [`System::degrees`].
    pub fn constraints(&self, given: &Settings) -> Result<Vec<String>, SystemError> {
        match self.start {
            Start::Chain => chain::constraints(&self.settings_with(given)?),
            _ => Ok(Vec::new()),
        }
    }

    /// Draws an initial state `[q…, p…]` from every stream.
    ///
    /// # Errors
    /// As [`System::start`].
    pub fn starts(&self, given: &Settings, streams: &mut [Stream]) -> Result<Vec<Vec<f64>>, SystemError> {
        match self.start {
            Start::Chain => chain::starts(&self.settings_with(given)?, streams),
            _ => streams.iter_mut().map(|stream| self.start(given, stream)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
