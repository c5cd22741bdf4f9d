//! ONNX Runtime, loaded dynamically, so that building and running need no library.
//!
//! The library is the one `ORT_DYLIB_PATH` names, else the one that `cargo xtask setup` puts into the user's cache. A
//! library that is missing or does not fit is an error, never a panic.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use half::f16;
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType};

use super::batches::{self, Declared};
use super::engine::{Engine, EngineError, EngineKind, input};
use super::once::Subject;
use crate::graph::Tensor as Values;
use crate::onnx::Precision;

/// Environment variable that names the library.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// A model in ONNX Runtime.
#[derive(Debug)]
pub struct Ort {
    session: Session,
    /// Inputs that are the same in every run.
    known: BTreeMap<String, Values>,
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::failed(EngineKind::Ort, error)
}

/// Where the library is looked for.
#[must_use]
pub fn library_path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home)?;
    let name = format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Some(cache.join("hnn").join("onnxruntime").join(name))
}

/// The library and its environment, loaded once per process.
fn environment() -> Result<&'static Environment, EngineError> {
    static ENVIRONMENT: OnceLock<Result<Environment, String>> = OnceLock::new();
    let loaded = ENVIRONMENT.get_or_init(|| {
        let path = library_path().ok_or("no home directory to look for the library in")?;
        if !path.is_file() {
            return Err(format!("there is no library at {}", path.display()));
        }
        let builder = ort::init_from(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        builder.with_name("hnn").with_telemetry(false).build().map_err(|error| error.to_string())
    });
    loaded.as_ref().map_err(|reason| EngineError::Missing {
        engine: EngineKind::Ort,
        reason: format!("{reason}; run `cargo xtask setup`, or set {LIBRARY_VARIABLE} to the library's path"),
    })
}

impl Ort {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`EngineError::Missing`] without the library, [`EngineError::Failed`] where it does not accept the file.
    pub fn read(file: &[u8]) -> Result<Self, EngineError> {
        Self::open(&Subject::new(file.to_vec()), BTreeMap::new())
    }

    /// Reads the ONNX file at `path`, and weights in files beside it.
    ///
    /// # Errors
    /// As [`Ort::read`].
    pub fn read_at(path: &Path) -> Result<Self, EngineError> {
        Self::open(&Subject::at(path, Vec::new()), BTreeMap::new())
    }

    /// Reads an ONNX file, and weights in files beside it where it lies on a disk; `known` holds the inputs that are the
    /// same in every run.
    ///
    /// # Errors
    /// As [`Ort::read`].
    pub(super) fn open(subject: &Subject, known: BTreeMap<String, Values>) -> Result<Self, EngineError> {
        let builder = Session::builder(environment()?).map_err(failed)?;
        // One thread: sums then have one order, and small models gain nothing from more.
        let mut builder = builder.with_intra_threads(1).map_err(failed)?;
        let session = match &subject.path {
            Some(path) => builder.commit_from_file(path),
            None => builder.commit_from_memory(&subject.bytes),
        };
        Ok(Self { session: session.map_err(failed)?, known })
    }
}

impl Engine for Ort {
    fn kind(&self) -> EngineKind {
        EngineKind::Ort
    }

    fn version(&self) -> String {
        // The library's build information names no release; the file that the well-known name links to does.
        let file = library_path().and_then(|path| path.canonicalize().ok());
        let name = file.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        format!("ONNX Runtime, {}", name.unwrap_or_default())
    }

    fn run(&mut self, inputs: &[(&str, &Values)]) -> Result<Vec<(String, Values)>, EngineError> {
        batches::run(&self.declared(), inputs, |inputs| self.evaluate(inputs))
    }
}

impl Ort {
    /// Inputs as the file declares them; a length that is not positive is open.
    fn declared(&self) -> Vec<Declared> {
        let known = |len: &i64| usize::try_from(*len).ok().filter(|len| *len > 0);
        let inputs = self.session.inputs().iter();
        inputs
            .map(|outlet| {
                let shape = outlet.dtype().tensor_shape().map(|shape| shape.iter().map(known).collect());
                (outlet.name().to_owned(), shape)
            })
            .collect()
    }

    /// Wall-clock time of each of `repetitions` runs on inputs that are converted once, before the first.
    ///
    /// # Errors
    /// As [`Engine::run`]. Every input must have the shape the file declares, batch included.
    pub fn time(&mut self, inputs: &[(&str, &Values)], repetitions: usize) -> Result<Vec<Duration>, EngineError> {
        let given = self.given(inputs)?;
        let mut times = Vec::with_capacity(repetitions);
        for _ in 0..repetitions {
            let views: Vec<(&str, SessionInputValue<'_>)> =
                given.iter().map(|(name, value)| (name.as_str(), value.view().into())).collect();
            let begun = Instant::now();
            let results = self.session.run(views).map_err(failed)?;
            drop(results);
            times.push(begun.elapsed());
        }
        Ok(times)
    }

    /// The inputs as the file wants them.
    fn given(&self, inputs: &[(&str, &Values)]) -> Result<Vec<(String, DynValue)>, EngineError> {
        let mut given = Vec::new();
        for outlet in self.session.inputs() {
            let values = match self.known.get(outlet.name()) {
                Some(known) => known,
                None => input(EngineKind::Ort, inputs, outlet.name())?,
            };
            let shape = values.shape().to_vec();
            let numbers = values.data().iter();
            let value = match outlet.dtype().tensor_type() {
                Some(TensorElementType::Float64) => {
                    Tensor::from_array((shape, values.data().to_vec())).map(Tensor::into_dyn)
                }
                Some(TensorElementType::Float16) => {
                    let data: Vec<f16> = numbers.map(|value| f16::from_f64(Precision::F16.round(*value))).collect();
                    Tensor::from_array((shape, data)).map(Tensor::into_dyn)
                }
                // Whole numbers, because integers and truth values are where they come from.
                Some(TensorElementType::Int64) => {
                    Tensor::from_array((shape, numbers.map(|value| *value as i64).collect::<Vec<_>>()))
                        .map(Tensor::into_dyn)
                }
                Some(TensorElementType::Int32) => {
                    Tensor::from_array((shape, numbers.map(|value| *value as i32).collect::<Vec<_>>()))
                        .map(Tensor::into_dyn)
                }
                Some(TensorElementType::Bool) => {
                    Tensor::from_array((shape, numbers.map(|value| *value != 0.0).collect::<Vec<_>>()))
                        .map(Tensor::into_dyn)
                }
                _ => {
                    let data: Vec<f32> = numbers.map(|value| *value as f32).collect();
                    Tensor::from_array((shape, data)).map(Tensor::into_dyn)
                }
            };
            given.push((outlet.name().to_owned(), value.map_err(failed)?));
        }
        Ok(given)
    }

    fn evaluate(&mut self, inputs: &[(&str, &Values)]) -> Result<Vec<(String, Values)>, EngineError> {
        let given = self.given(inputs)?;
        let results = self.session.run(given).map_err(failed)?;
        let mut outputs = Vec::new();
        for (name, value) in results.iter() {
            let (shape, data): (_, Vec<f64>) = match value.dtype().tensor_type() {
                Some(TensorElementType::Float64) => {
                    let (shape, data) = value.try_extract_tensor::<f64>().map_err(failed)?;
                    (shape, data.to_vec())
                }
                Some(TensorElementType::Float16) => {
                    let (shape, data) = value.try_extract_tensor::<f16>().map_err(failed)?;
                    (shape, data.iter().map(|value| f64::from(*value)).collect())
                }
                Some(TensorElementType::Int64) => {
                    let (shape, data) = value.try_extract_tensor::<i64>().map_err(failed)?;
                    (shape, data.iter().map(|value| *value as f64).collect())
                }
                Some(TensorElementType::Int32) => {
                    let (shape, data) = value.try_extract_tensor::<i32>().map_err(failed)?;
                    (shape, data.iter().map(|value| f64::from(*value)).collect())
                }
                Some(TensorElementType::Bool) => {
                    let (shape, data) = value.try_extract_tensor::<bool>().map_err(failed)?;
                    (shape, data.iter().map(|value| f64::from(u8::from(*value))).collect())
                }
                _ => {
                    let (shape, data) = value.try_extract_tensor::<f32>().map_err(failed)?;
                    (shape, data.iter().map(|value| f64::from(*value)).collect())
                }
            };
            let shape = shape.iter().map(|len| usize::try_from(*len).unwrap_or_default()).collect();
            outputs.push((name.to_owned(), Values::new(shape, data)?));
        }
        Ok(outputs)
    }
}
