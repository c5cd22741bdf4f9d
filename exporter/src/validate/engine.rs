//! What evaluates a graph: the reference and everything that is compared with it.
//!
//! An engine takes and gives tensors of f64, whatever it computes in; f32 values pass through f64 unchanged. It is opened
//! for one file and may be asked any number of times.

use std::fmt;
use std::str::FromStr;

use crate::evaluate::EvaluateError;
use crate::graph::{GraphError, Tensor};
use crate::onnx::OnnxError;

/// Evaluates one file.
pub trait Engine {
    /// Which engine this is.
    fn kind(&self) -> EngineKind;

    /// Name and release of what computes, for reports.
    fn version(&self) -> String;

    /// Evaluates all outputs: name and value, rows first.
    ///
    /// # Errors
    /// [`EngineError`] where an input is missing or does not fit, or the engine fails.
    fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>, EngineError>;
}

/// The engines there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// The f64 oracle of this crate, on the graph as read from the file.
    Reference,
    /// `hnn-runtime`, what runs on the device, to the bit.
    Runtime,
    /// The tract inference engine.
    Tract,
    /// ONNX Runtime, loaded dynamically.
    Ort,
}

impl EngineKind {
    /// Every engine, in the order of reports.
    pub const ALL: &[Self] = &[Self::Reference, Self::Runtime, Self::Tract, Self::Ort];

    /// The name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Runtime => "runtime",
            Self::Tract => "tract",
            Self::Ort => "ort",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for EngineKind {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| EngineError::Unknown(text.to_owned()))
    }
}

/// Why an engine cannot evaluate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No engine has this name.
    #[error("no engine is called `{0}`; engines are reference, runtime, tract and ort")]
    Unknown(String),
    /// The engine is not there: not compiled in, or its library cannot be loaded.
    #[error("engine `{engine}` is not available: {reason}")]
    Missing {
        /// The engine.
        engine: EngineKind,
        /// Why, and what to do.
        reason: String,
    },
    /// The engine refuses the file or fails on it.
    #[error("engine `{engine}`: {message}")]
    Failed {
        /// The engine.
        engine: EngineKind,
        /// What it says.
        message: String,
    },
    /// The file cannot be read as a graph.
    #[error(transparent)]
    File(#[from] OnnxError),
    /// The reference refuses the inputs.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A result is no tensor.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl EngineError {
    /// The engine failed with this message.
    pub(super) fn failed(engine: EngineKind, message: impl fmt::Display) -> Self {
        // The alternate form includes the causes where the message is an error chain.
        Self::Failed { engine, message: format!("{message:#}") }
    }
}

/// The input of that name.
pub(super) fn input<'a>(
    engine: EngineKind,
    inputs: &[(&str, &'a Tensor)],
    name: &str,
) -> Result<&'a Tensor, EngineError> {
    let found = inputs.iter().find(|(known, _)| *known == name).map(|(_, tensor)| *tensor);
    found.ok_or_else(|| EngineError::failed(engine, format!("input `{name}` is missing")))
}
