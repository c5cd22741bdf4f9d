//! One file, evaluated once on arrays of any type by any engine: what `hnn run` does.
//!
//! Integers and truth values are known before the file is read, so they may be shapes, axes or masks. Real numbers are given
//! to the graph. Where the file can be read with a batch it is, and the runtime then computes row by row; otherwise every
//! input is taken literally, with the shape of its array.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::engine::{Engine, EngineError, EngineKind};
use super::{Function, Outputs, Reference, open};
use crate::graph::{Dim, Graph, Tensor};
use crate::limited::{ReadError, read_limited};
use crate::onnx::{self, Argument, Declaration, MAX_FILE_BYTES, ReadOptions, Signature, Stored};

/// An ONNX file: its bytes, and where it lies if it is on a disk, for weights in files beside it.
#[derive(Debug, Clone)]
pub struct Subject {
    pub(super) bytes: Vec<u8>,
    pub(super) path: Option<PathBuf>,
}

impl Subject {
    /// A file in memory.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, path: None }
    }

    /// A file that was read from `path`.
    #[must_use]
    pub fn at(path: &Path, bytes: Vec<u8>) -> Self {
        Self { bytes, path: Some(path.to_owned()) }
    }

    /// Reads a file of at most [`MAX_FILE_BYTES`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        Ok(Self::at(path, read_limited(path, MAX_FILE_BYTES as u64)?))
    }

    fn directory(&self) -> Option<PathBuf> {
        self.path.as_deref().and_then(Path::parent).map(Path::to_owned)
    }
}

/// Evaluates all outputs of a file on the arrays of that name; arrays it does not ask for are left aside.
///
/// # Errors
/// [`EngineError`] where an input is missing or has another type or shape than the file declares, and where the engine is
/// missing, refuses the file or fails on it.
pub fn evaluate(
    kind: EngineKind,
    subject: &Subject,
    arrays: &BTreeMap<String, Stored>,
) -> Result<Outputs, EngineError> {
    let signature = onnx::signature(&subject.bytes)?;
    let given = matching(kind, &signature, arrays)?;
    let reals: Vec<(&str, &Tensor)> = given
        .iter()
        .filter_map(|(declared, array)| match array {
            Stored::Reals(tensor) => Some((declared.name.as_str(), tensor)),
            Stored::Integers(_) => None,
        })
        .collect();
    match kind {
        EngineKind::Reference => Reference::new(&graph(subject, &given)?)?.run(&reals),
        EngineKind::Runtime => Function::new(&graph(subject, &given)?)?.run(&reals),
        EngineKind::Tract | EngineKind::Ort => {
            let mut known = BTreeMap::new();
            for (declared, array) in &given {
                if let Stored::Integers(integers) = array {
                    let numbers = integers.numbers().map_err(|error| EngineError::failed(kind, error))?;
                    known.insert(declared.name.clone(), numbers);
                }
            }
            open::with_known(kind, subject, known)?.run(&reals)
        }
    }
}

/// The arrays in the order of the inputs they belong to, each of the type that is declared.
fn matching<'a>(
    kind: EngineKind,
    signature: &'a Signature,
    arrays: &'a BTreeMap<String, Stored>,
) -> Result<Vec<(&'a Declaration, &'a Stored)>, EngineError> {
    let mut given = Vec::new();
    for declared in &signature.inputs {
        let Some(array) = arrays.get(&declared.name) else {
            let names: Vec<&str> = arrays.keys().map(String::as_str).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("input {declared} is missing; the arrays given are {found}");
            return Err(EngineError::failed(kind, message));
        };
        let (fits, found) = match (declared.element.as_str(), array) {
            ("FLOAT" | "DOUBLE" | "FLOAT16" | "BFLOAT16", array) => {
                (matches!(array, Stored::Reals(_)), "integers or truth values")
            }
            ("BOOL", Stored::Integers(known)) => (known.is_truth(), "integers"),
            (_, Stored::Integers(known)) => (!known.is_truth(), "truth values"),
            (_, Stored::Reals(_)) => (false, "real numbers"),
        };
        if !fits {
            return Err(EngineError::failed(kind, format!("input {declared} is given {found}")));
        }
        if let Stored::Integers(known) = array
            && !declared.admits(known.shape())
        {
            let message = format!("input {declared} is given an array of shape {:?}", known.shape());
            return Err(EngineError::failed(kind, message));
        }
        given.push((declared, array));
    }
    Ok(given)
}

/// The graph of a file: with a batch where every input is real and the arrays agree on one, literal otherwise.
fn graph(subject: &Subject, given: &[(&Declaration, &Stored)]) -> Result<Graph, EngineError> {
    let options = ReadOptions { directory: subject.directory(), ..ReadOptions::default() };
    let reals: Option<Vec<(&Declaration, &Tensor)>> = given
        .iter()
        .map(|(declared, array)| match array {
            Stored::Reals(tensor) => Some((*declared, tensor)),
            Stored::Integers(_) => None,
        })
        .collect();
    if let Some(reals) = reals
        && let Ok(imported) = onnx::read_with(&subject.bytes, &options)
    {
        // Another number of rows than the file fixes is for the engine to cut into pieces, or to refuse.
        let is_declared = reals.iter().all(|(declared, tensor)| declared.admits(tensor.shape()));
        if !is_declared || agree_on_a_batch(&imported.graph, &reals) {
            return Ok(imported.graph);
        }
    }
    let argument = |array: &Stored| match array {
        Stored::Reals(tensor) => Argument::Reals(tensor.shape().to_vec()),
        Stored::Integers(known) => Argument::Known(known.clone()),
    };
    let arguments = given.iter().map(|(declared, array)| (declared.name.clone(), argument(array))).collect();
    Ok(onnx::read_with(&subject.bytes, &ReadOptions { arguments: Some(arguments), ..options })?.graph)
}

fn agree_on_a_batch(graph: &Graph, reals: &[(&Declaration, &Tensor)]) -> bool {
    let mut batch = None;
    reals.iter().all(|(declared, tensor)| {
        let Some(id) = graph.leaf(&declared.name) else { return true };
        let (dims, found) = (graph.shape(id).dims(), tensor.shape());
        dims.len() == found.len()
            && dims.iter().zip(found).all(|(dim, found)| match dim {
                Dim::Fixed(len) => len == found,
                Dim::Batch => batch.get_or_insert(*found) == found,
            })
    })
}
