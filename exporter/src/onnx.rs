//! ONNX files: the only place that names protobuf.
//!
//! [`write()`] turns a graph into a file that ONNX Runtime, tract, burn and vendor tools read; [`read()`] turns a file, this
//! crate's own or another's, into a graph. What an operator of another's file means is decided in [`crate::legalize`].
//! Both check sizes against named limits, so a hostile file is an [`OnnxError`], never a panic or an exhausted memory.
//!
//! Weights kept in a second file next to the model (external data) are read from the folder that [`ReadOptions`] names.

mod census;
pub mod profile;
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    dead_code,
    reason = "generated from the schema; only what `read` and `write` touch is used"
)]
mod proto;
mod read;
mod rollout;
mod scan;
mod signature;
mod write;

pub use census::operators;
pub use profile::Profile;
pub use read::{
    Argument, Imported, MAX_CALL_DEPTH, MAX_DECODED_BYTES, MAX_EXPANDED_NODES, MAX_FILE_BYTES, MAX_FILE_NODES,
    MAX_FILE_PARTS, MAX_FILE_TENSORS, MAX_GRAPH_ELEMENTS, MAX_KNOWN_ELEMENTS, MAX_NAME_BYTES, MAX_SETTLED_WORK,
    MAX_STORED_ELEMENTS, Note, ReadOptions, Stored, Weights, read, read_with, tensor, warnings,
};
pub use rollout::read_rollout;
pub use signature::{Declaration, Extent, Signature, signature};
pub use write::{
    Batch, MIN_WRITTEN_IR_VERSION, MIN_WRITTEN_OPSET, OPERATORS, Precision, RolloutPort, STEPS, WriteOptions, Written,
    ir_version, rollout_ports, write, write_listing, write_rollout,
};

use crate::graph::GraphError;

/// Oldest opset that is read; [`MIN_WRITTEN_OPSET`] is the oldest written.
pub const MIN_OPSET: i64 = 7;
/// Newest opset that is written and read: the newest that ONNX Runtime 1.31 accepts.
pub const MAX_OPSET: i64 = 26;
/// Oldest file format that is read; [`MIN_WRITTEN_IR_VERSION`] is the oldest written.
pub const MIN_IR_VERSION: i64 = 3;
/// Newest file format that is written and read: the newest that ONNX Runtime 1.31 accepts.
pub const MAX_IR_VERSION: i64 = 13;

/// Why a file cannot be read or a graph cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OnnxError {
    /// The bytes are not an ONNX model.
    #[error("not an ONNX file, or a damaged one: {0}")]
    Malformed(String),
    /// The file, or a part of it, exceeds a limit.
    #[error("{what}: {found} exceeds the limit of {limit}")]
    Limit {
        /// What is too large.
        what: String,
        /// How large it is.
        found: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Something that this version does not read or write.
    #[error("{what} is not supported: {remedy}")]
    Unsupported {
        /// What was found, and where.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// A node that cannot be understood.
    #[error("node `{node}` ({operator} of {inputs}): {message}")]
    Node {
        /// Name of the node, or of its first output where it has none.
        node: String,
        /// The ONNX operator.
        operator: String,
        /// Names of its inputs, joined by commas.
        inputs: String,
        /// What is wrong with it, and what to do.
        message: String,
    },
    /// A weight, input or output that cannot be understood.
    #[error("`{name}`: {message}")]
    Value {
        /// Its name in the file.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// The graph cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl OnnxError {
    fn value(name: &str, message: impl Into<String>) -> Self {
        Self::Value { name: name.to_owned(), message: message.into() }
    }

    fn unsupported(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), remedy: remedy.into() }
    }

    fn limit(what: impl Into<String>, found: usize, limit: usize) -> Self {
        Self::Limit { what: what.into(), found, limit }
    }
}

#[cfg(test)]
pub(crate) mod tests;
