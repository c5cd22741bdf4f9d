//! Writes a graph as an ONNX model.
//!
//! The file has the operators one would choose by hand: a dense layer is one Gemm with its bias, an adjoint layer a MatMul
//! of the very same weights, a sum that keeps its axis one ReduceSum. Every weight is stored once. Names are C identifiers,
//! nodes carry a line that says what they compute, shapes of intermediate values are left out (some tools trip over
//! symbolic ones), and only operators are used whose signature is the same from opset 13 to 26.
//!
//! It does not simplify: run [`crate::optimize`] first.

mod document;
mod elementwise;
mod matmul;
mod rewire;
mod structure;
mod writer;

use std::collections::BTreeMap;

use prost::Message;

use super::{MAX_FILE_BYTES, MAX_IR_VERSION, MAX_OPSET, MIN_IR_VERSION, MIN_OPSET, OnnxError};
use crate::graph::{Graph, Op};
use writer::Writer;

/// Floating-point format of a file's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits, what engines and the device compute in.
    #[default]
    F32,
    /// 64 bits. ONNX Runtime has no f64 kernels for Softplus, Erf and Atan.
    F64,
}

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
    /// Version of the operator set, [`MIN_OPSET`] to [`MAX_OPSET`].
    pub opset: i64,
    /// Version of the file format, [`MIN_IR_VERSION`] to [`MAX_IR_VERSION`].
    pub ir_version: i64,
    /// Floating-point format of inputs, weights and outputs.
    pub precision: Precision,
    /// Length of the leading dimension.
    pub batch: Batch,
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
            ir_version: 8,
            precision: Precision::F32,
            batch: Batch::Dynamic,
            name: "model".to_owned(),
            description: String::new(),
            metadata: BTreeMap::new(),
        }
    }
}

/// Writes `graph` as an ONNX model with the graph's inputs, in their order, and its outputs.
///
/// # Errors
/// [`OnnxError`] where a parameter has no value yet, a name is no C identifier, a weight is beyond the range of f32, an
/// option is out of range, or a value has no ONNX encoding (an empty dimension, a truth value as output).
pub fn write(graph: &Graph, options: &WriteOptions) -> Result<Vec<u8>, OnnxError> {
    check_options(options)?;
    let mut writer = Writer::new(graph, options)?;
    for id in graph.ids() {
        if writer.plan().is_needed(id) && !matches!(graph.node(id).op, Op::Input(..) | Op::Constant(..)) {
            writer.node(id)?;
        }
    }
    let graph_proto = writer.finish()?;
    let bytes = document::model(graph_proto, options).encode_to_vec();
    if bytes.len() > MAX_FILE_BYTES {
        return Err(OnnxError::limit("the written file", bytes.len(), MAX_FILE_BYTES));
    }
    Ok(bytes)
}

fn check_options(options: &WriteOptions) -> Result<(), OnnxError> {
    let range = |what: &str, value: i64, low: i64, high: i64| {
        if (low..=high).contains(&value) {
            Ok(())
        } else {
            Err(OnnxError::unsupported(format!("{what} {value}"), format!("choose {low} to {high}")))
        }
    };
    range("opset", options.opset, MIN_OPSET, MAX_OPSET)?;
    range("IR version", options.ir_version, MIN_IR_VERSION, MAX_IR_VERSION)?;
    if options.batch == Batch::Fixed(0) {
        return Err(OnnxError::unsupported("a batch of 0", "choose 1 or more, or the dynamic batch"));
    }
    writer::check_identifier(&options.name)
}
