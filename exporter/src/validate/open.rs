//! Which engine evaluates a file: the one place that knows them all, and what was compiled in.

use super::engine::{Engine, EngineError, EngineKind};
use super::reference::Reference;

/// Opens an ONNX file in an engine.
///
/// # Errors
/// [`EngineError`] where the engine is missing, refuses the file, or takes no ONNX files (the runtime takes `model.hnn`,
/// see [`super::Runtime`]).
pub fn open(kind: EngineKind, file: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    match kind {
        EngineKind::Reference => Ok(Box::new(Reference::read(file)?)),
        EngineKind::Runtime => Err(EngineError::Missing {
            engine: kind,
            reason: "the runtime executes model.hnn; export the ONNX file first".to_owned(),
        }),
        EngineKind::Tract => open_tract(file),
        EngineKind::Ort => open_ort(file),
    }
}

#[cfg(feature = "tract")]
fn open_tract(file: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(super::tract::Tract::read(file)?))
}

#[cfg(not(feature = "tract"))]
fn open_tract(_: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    Err(EngineError::Missing { engine: EngineKind::Tract, reason: "built without feature `tract`".to_owned() })
}

#[cfg(feature = "ort")]
fn open_ort(file: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(super::ort::Ort::read(file)?))
}

#[cfg(not(feature = "ort"))]
fn open_ort(_: &[u8]) -> Result<Box<dyn Engine>, EngineError> {
    Err(EngineError::Missing { engine: EngineKind::Ort, reason: "built without feature `ort`".to_owned() })
}
