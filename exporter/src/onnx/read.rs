//! Reads an ONNX model as a graph.
//!
//! Inputs keep their names and order. A symbolic first dimension is the batch. So is a fixed one, if it is the same for all
//! inputs of rank 2 or more: exporters freeze the batch of their example, and rows do not mix. Where that reading fails the
//! file is taken literally, for one row if their number is open, and [`crate::import`] puts the batch in; that rows of an
//! open batch stay apart is then found by evaluating. Weights become constants in f64, or
//! parameters. Functions of the file are expanded where they are called. Everything without an exact meaning here is
//! refused by name.

mod attribute;
mod external;
mod names;
mod node;
mod note;
mod options;
mod reader;
mod rows;
mod settle;
mod structure;
mod tensor;

use super::OnnxError;
use crate::graph::Graph;
pub use node::{MAX_CALL_DEPTH, MAX_EXPANDED_NODES};
pub use note::warnings;
pub use options::{Argument, Imported, Note, ReadOptions, Weights};
use reader::{Leading, Reader};
pub use reader::{MAX_GRAPH_ELEMENTS, MAX_KNOWN_ELEMENTS};
pub use settle::MAX_SETTLED_WORK;
use structure::Structure;
pub use tensor::{MAX_STORED_ELEMENTS, Stored, tensor};

/// Most bytes of a file, read or written: four times what the largest blob holds.
pub const MAX_FILE_BYTES: usize = 1 << 26;
/// Most nodes of a file.
pub const MAX_FILE_NODES: usize = 1 << 16;
/// Most stored tensors of a file.
pub const MAX_FILE_TENSORS: usize = 1 << 16;
/// Most messages, texts and lists of a file, those within others included.
pub const MAX_FILE_PARTS: usize = 1 << 20;
/// Most bytes of a file once it is decoded, by the sizes of its messages.
pub const MAX_DECODED_BYTES: usize = 1 << 28;
/// Longest name.
pub const MAX_NAME_BYTES: usize = 1 << 10;

/// Reads a model of opset [`super::MIN_OPSET`] to [`super::MAX_OPSET`], all in one file, with constant weights.
///
/// # Errors
/// [`OnnxError`] where the file is damaged or exceeds a limit, or has something without a meaning here; the message names
/// the node, its inputs and what to do.
pub fn read(bytes: &[u8]) -> Result<Graph, OnnxError> {
    Ok(read_with(bytes, &ReadOptions::default())?.graph)
}

/// As [`read()`], with what `options` ask for.
///
/// # Errors
/// As [`read()`]; also where an argument is missing, or a weight lies outside the folder of the file.
pub fn read_with(bytes: &[u8], options: &ReadOptions) -> Result<Imported, OnnxError> {
    let model = super::scan::decode(bytes)?;
    let structure = Structure::new(&model)?;
    let read = |leading: Leading| Reader::new(&structure, options, leading).model();
    let leading = if options.arguments.is_some() { Leading::Literal } else { structure.leading() };
    let refusal = match read(leading) {
        Err(refusal) if !matches!(refusal, OnnxError::Limit { .. }) => refusal,
        settled => return settled,
    };
    // What stands in the way of any reading is told as such; what only the batch does is kept for later.
    let imported = match leading {
        Leading::Frozen(_) => read(Leading::Literal)?,
        Leading::Symbolic => {
            let one = read(Leading::Open(1))?;
            match read(Leading::Open(rows::ROWS)) {
                Ok(many) if rows::stay_apart(&one, &many) => one,
                _ => return Err(refusal),
            }
        }
        Leading::Literal | Leading::Open(_) => return Err(refusal),
    };
    Ok(Imported { not_batched: Some(refusal), ..imported })
}

fn within(what: &str, found: usize, limit: usize) -> Result<(), OnnxError> {
    if found <= limit { Ok(()) } else { Err(OnnxError::limit(what, found, limit)) }
}
