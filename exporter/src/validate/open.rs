//! Which engine evaluates a file: the one place that knows them all, and what was compiled in.

use std::collections::BTreeMap;

use super::Function;
use super::engine::{Engine, EngineError, EngineKind};
use super::once::Subject;
use super::reference::Reference;
use crate::graph::Tensor;
use crate::onnx;

/// Opens an ONNX file in an engine.
///
/// # Errors
/// [`EngineError`] where the engine is missing or refuses the file. The runtime computes what the graph of the file says;
/// for what lies in a `model.hnn` see [`super::Runtime`].
pub fn open(kind: EngineKind, file: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    match kind {
        EngineKind::Reference => Ok(Box::new(Reference::read(file)?)),
        EngineKind::Runtime => Ok(Box::new(Function::new(&onnx::read(file)?)?)),
        EngineKind::Tract | EngineKind::Ort => with_known(kind, &Subject::new(file.to_vec()), BTreeMap::new()),
    }
}

/// Opens a file, some of whose inputs are known, in an engine that reads ONNX files by itself.
pub(super) fn with_known(
    kind: EngineKind,
    subject: &Subject,
    known: BTreeMap<String, Tensor>,
) -> Result<Box<dyn Engine>, EngineError> {
    match kind {
        EngineKind::Tract => open_tract(subject, known),
        EngineKind::Ort => open_ort(subject, known),
        EngineKind::Reference | EngineKind::Runtime => {
            Err(EngineError::failed(kind, "what is known has to be so when the file is read"))
        }
    }
}

#[cfg(feature = "tract")]
fn open_tract(subject: &Subject, known: BTreeMap<String, Tensor>) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(super::tract::Tract::open(subject, known)?))
}

#[cfg(not(feature = "tract"))]
fn open_tract(_: &Subject, _: BTreeMap<String, Tensor>) -> Result<Box<dyn Engine>, EngineError> {
    Err(EngineError::Missing { engine: EngineKind::Tract, reason: "built without feature `tract`".to_owned() })
}

#[cfg(feature = "ort")]
fn open_ort(subject: &Subject, known: BTreeMap<String, Tensor>) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(super::ort::Ort::open(subject, known)?))
}

#[cfg(not(feature = "ort"))]
fn open_ort(_: &Subject, _: BTreeMap<String, Tensor>) -> Result<Box<dyn Engine>, EngineError> {
    Err(EngineError::Missing { engine: EngineKind::Ort, reason: "built without feature `ort`".to_owned() })
}
