//! Writes a graph as an ONNX model.
//!
//! The file has the operators one would choose by hand: a dense layer is one Gemm with its bias, an adjoint layer a MatMul
//! of the very same weights, a sum that keeps its axis one ReduceSum, an activation with branches one operator in f32. Every
//! weight is stored once. Names are C identifiers, nodes carry a line that says what they compute, shapes of intermediate
//! values are left out (some tools trip over symbolic ones), and every operator has one signature over all opsets that are
//! written ([`OPERATORS`]).
//!
//! It does not simplify: run [`crate::optimize`] first. Where a [`Profile`] or the precision forbids the usual encoding,
//! the file has another of the same meaning, and [`Written::changes`] says so.

mod activation;
mod decompose;
mod document;
mod elementwise;
mod matmul;
mod operators;
mod precision;
mod rewire;
mod rollout;
mod structure;
mod writer;

use std::collections::BTreeMap;

use prost::Message;

use super::proto::GraphProto;
use super::{MAX_FILE_BYTES, MAX_IR_VERSION, MAX_OPSET, OnnxError, Profile};
use crate::graph::{Graph, MAX_ELEMENTS};
pub use operators::OPERATORS;
pub use precision::Precision;
pub use rollout::{RolloutPort, STEPS, rollout_ports, write_rollout};
use writer::Writer;

/// Oldest opset that is written: the first in which ReduceSum takes its axes as an input.
pub const MIN_WRITTEN_OPSET: i64 = 13;
/// Oldest file format that is written.
pub const MIN_WRITTEN_IR_VERSION: i64 = 7;
/// Rows of a profile that knows no dynamic batch, unless a number is asked for.
const STATIC_BATCH: usize = 1;

/// Length of the leading dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Batch {
    /// Unknown until run time; named `batch`.
    #[default]
    Dynamic,
    /// Always this many rows.
    Fixed(usize),
}

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Version of the operator set, [`MIN_WRITTEN_OPSET`] to [`MAX_OPSET`].
    pub opset: i64,
    /// Version of the file format, [`MIN_WRITTEN_IR_VERSION`] to [`MAX_IR_VERSION`]; the one released with the opset where
    /// nothing is said.
    pub ir_version: Option<i64>,
    /// Floating-point format of inputs, weights and outputs.
    pub precision: Precision,
    /// Length of the leading dimension.
    pub batch: Batch,
    /// Who will read the file.
    pub profile: Profile,
    /// Name of the graph, a C identifier.
    pub name: String,
    /// What the model computes, for people.
    pub description: String,
    /// Metadata of the model; `hnn.` is put before every key.
    pub metadata: BTreeMap<String, String>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            opset: 17,
            ir_version: None,
            precision: Precision::F32,
            batch: Batch::Dynamic,
            profile: Profile::Standard,
            name: "model".to_owned(),
            description: String::new(),
            metadata: BTreeMap::new(),
        }
    }
}

impl WriteOptions {
    /// The file format that is written.
    #[must_use]
    pub fn ir_version(&self) -> i64 {
        self.ir_version.unwrap_or_else(|| ir_version(self.opset))
    }

    /// The leading dimension that is written: a profile without dynamic shapes makes it 1 where nothing else is asked for.
    #[must_use]
    pub fn batch_written(&self) -> Batch {
        match self.batch {
            Batch::Dynamic if self.profile.limits().static_batch => Batch::Fixed(STATIC_BATCH),
            batch => batch,
        }
    }
}

/// The file format that was released with an opset. Table of versions of the `onnx` package, releases 1.8 to 1.21.
#[must_use]
pub fn ir_version(opset: i64) -> i64 {
    match opset {
        ..=14 => 7,
        15..=18 => 8,
        19..=20 => 9,
        21..=22 => 10,
        23 => 11,
        24 => 12,
        _ => 13,
    }
}

/// A file, and what in it is not the usual encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// What was decomposed or changed for the profile or the precision, or is not run everywhere, one line each.
    pub changes: Vec<String>,
}

/// Writes `graph` as an ONNX model with the graph's inputs, in their order, and its outputs.
///
/// # Errors
/// [`OnnxError`] where a parameter has no value yet, a name is no C identifier, a weight is beyond the range of the
/// precision, an option is out of range, the profile forbids something that cannot be decomposed, or a value has no ONNX
/// encoding (an empty dimension, a truth value as output).
pub fn write(graph: &Graph, options: &WriteOptions) -> Result<Vec<u8>, OnnxError> {
    write_listing(graph, options).map(|written| written.bytes)
}

/// [`write()`], with what was decomposed or changed.
///
/// # Errors
/// As [`write()`].
pub fn write_listing(graph: &Graph, options: &WriteOptions) -> Result<Written, OnnxError> {
    check_options(options)?;
    let (graph, changes) = Writer::new(graph, options)?.write()?;
    encode(graph, changes, options)
}

/// The model around a graph, as bytes.
fn encode(graph: GraphProto, mut changes: Vec<String>, options: &WriteOptions) -> Result<Written, OnnxError> {
    if options.batch != options.batch_written() {
        let profile = options.profile;
        changes.insert(0, format!("the batch is fixed at {STATIC_BATCH}: profile `{profile}` has no dynamic shapes"));
    }
    let bytes = document::model(graph, options).encode_to_vec();
    if bytes.len() > MAX_FILE_BYTES {
        return Err(OnnxError::limit("the written file", bytes.len(), MAX_FILE_BYTES));
    }
    Ok(Written { bytes, changes })
}

fn check_options(options: &WriteOptions) -> Result<(), OnnxError> {
    let range = |what: &str, value: i64, low: i64, high: i64| {
        if (low..=high).contains(&value) {
            Ok(())
        } else {
            Err(OnnxError::unsupported(format!("{what} {value}"), format!("choose {low} to {high}")))
        }
    };
    let (profile, limits) = (options.profile, options.profile.limits());
    range("opset", options.opset, MIN_WRITTEN_OPSET, MAX_OPSET)?;
    range(&format!("in profile `{profile}`, opset"), options.opset, MIN_WRITTEN_OPSET, limits.opset_max)?;
    range("IR version", options.ir_version(), MIN_WRITTEN_IR_VERSION, MAX_IR_VERSION)?;
    if !limits.precisions.contains(&options.precision) {
        let known: Vec<&str> = limits.precisions.iter().map(|precision| precision.name()).collect();
        let what = format!("precision {} in profile `{profile}`", options.precision);
        return Err(OnnxError::unsupported(what, format!("choose {}", known.join(" or "))));
    }
    match options.batch {
        Batch::Fixed(0) => {
            return Err(OnnxError::unsupported("a batch of 0", "choose 1 or more, or the dynamic batch"));
        }
        Batch::Fixed(rows) if rows > MAX_ELEMENTS => return Err(OnnxError::limit("the batch", rows, MAX_ELEMENTS)),
        _ => {}
    }
    writer::check_identifier(&options.name)
}
