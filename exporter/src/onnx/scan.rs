//! Counts the parts of a file, and what they take in memory, before any of it is decoded.
//!
//! An empty message takes two bytes of a file and up to thousands in memory, so the limits of [`super::read()`] have to hold
//! before the decoder allocates. Only tags and lengths are looked at, without recursion: what is to be scanned waits in a list.
//! A file passes that the decoder accepts, unless it exceeds a limit or holds groups, which ONNX does not have.

use std::mem::size_of;

use super::proto::{
    AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, TensorShapeProto,
    TrainingInfoProto, TypeProto, ValueInfoProto, type_proto,
};
use super::{MAX_DECODED_BYTES, MAX_FILE_BYTES, MAX_FILE_NODES, MAX_FILE_PARTS, MAX_FILE_TENSORS, OnnxError};

/// Most bytes in memory that one byte of a file may become; the smallest useful attribute, an integer, takes about half.
const MAX_GROWTH: usize = 256;
/// Bytes in memory that any file may take.
const FREE_BYTES: usize = 1 << 20;
/// Bytes in memory of a text, or of the largest message that is not told apart here; its content comes on top.
const OTHER_BYTES: usize = 64;

/// The messages that are scanned; any other only counts as a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Training,
    Function,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    Other,
}

/// Decodes a file within the limits of [`super::read()`].
///
/// # Errors
/// [`OnnxError::Limit`] beyond one of them, [`OnnxError::Malformed`] where the bytes are no ONNX model.
pub(super) fn decode(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    decode_checked(Message::Model, bytes)
}

/// As [`decode()`], a tensor that is alone in its file.
///
/// # Errors
/// As [`decode()`].
pub(super) fn decode_tensor(bytes: &[u8]) -> Result<TensorProto, OnnxError> {
    decode_checked(Message::Tensor, bytes)
}

fn decode_checked<M: prost::Message + Default>(message: Message, bytes: &[u8]) -> Result<M, OnnxError> {
    check("the file's length", bytes.len(), MAX_FILE_BYTES)?;
    check_parts(message, bytes)?;
    M::decode(bytes).map_err(|error| OnnxError::Malformed(error.to_string()))
}

impl Message {
    /// The message in field `number` of this one; the numbers are those of `onnx.proto`.
    fn child(self, number: u64) -> Self {
        match (self, number) {
            (Self::Model, 7) | (Self::Training, 1 | 2) | (Self::Attribute, 6 | 11) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Self::Tensor,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::SparseTensor,
            (Self::Graph, 11..=13) | (Self::Function, 12) => Self::ValueInfo,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::ValueInfo, 2) | (Self::Attribute, 14 | 15) => Self::Type,
            (Self::Type, 1 | 8) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => Self::Other,
        }
    }
}

impl Message {
    /// What one such message takes in memory, and each number in it.
    fn bytes(self) -> usize {
        match self {
            Self::Model => size_of::<ModelProto>(),
            Self::Training => size_of::<TrainingInfoProto>(),
            Self::Function => size_of::<FunctionProto>(),
            Self::Graph => size_of::<GraphProto>(),
            Self::Node => size_of::<NodeProto>(),
            Self::Attribute => size_of::<AttributeProto>(),
            Self::Tensor => size_of::<TensorProto>(),
            Self::SparseTensor => size_of::<SparseTensorProto>(),
            Self::ValueInfo => size_of::<ValueInfoProto>(),
            Self::Type => size_of::<TypeProto>(),
            Self::TensorType => size_of::<type_proto::Tensor>(),
            Self::Shape => size_of::<TensorShapeProto>(),
            Self::Other => OTHER_BYTES,
        }
    }

    /// What the content of field `number`, which is not scanned, takes in memory.
    fn content_bytes(self, number: u64, len: usize) -> usize {
        len.saturating_mul(match (self, number) {
            // Packed numbers of one byte become eight.
            (Self::Tensor, 1 | 5 | 7 | 11) | (Self::Attribute, 8) | (Self::SparseTensor, 3) => size_of::<i64>(),
            // Lists of messages or texts, of which one takes at least two bytes: device configurations, quantization
            // annotations, and types that are no tensors.
            (Self::Model, 26) | (Self::Node, 10) | (Self::Graph, 14) | (Self::Type, 4 | 5 | 9) => OTHER_BYTES,
            _ => 1,
        })
    }
}

/// Checks the number of nodes, tensors and parts of a file, wherever in it they are, and their size in memory.
///
/// # Errors
/// [`OnnxError::Limit`], or [`OnnxError::Malformed`] where a tag or a length is none.
fn check_parts(message: Message, bytes: &[u8]) -> Result<(), OnnxError> {
    let (mut nodes, mut tensors, mut parts, mut memory) = (0usize, 0usize, 0usize, 0usize);
    let memory_limit = MAX_DECODED_BYTES.min(FREE_BYTES + MAX_GROWTH * bytes.len());
    let mut waiting = vec![(message, bytes)];
    while let Some((message, mut rest)) = waiting.pop() {
        while !rest.is_empty() {
            let (number, content) = field(&mut rest)?;
            let child = message.child(number);
            memory += match content {
                None => size_of::<i64>(),
                Some(content) if child == Message::Other => OTHER_BYTES + message.content_bytes(number, content.len()),
                Some(_) => child.bytes(),
            };
            let Some(content) = content else {
                check("bytes of the file in memory", memory, memory_limit)?;
                continue;
            };
            parts += 1;
            nodes += usize::from(child == Message::Node);
            tensors += usize::from(child == Message::Tensor);
            check("nodes", nodes, MAX_FILE_NODES)?;
            check("tensors", tensors, MAX_FILE_TENSORS)?;
            check("parts of the file", parts, MAX_FILE_PARTS)?;
            check("bytes of the file in memory", memory, memory_limit)?;
            if child != Message::Other && !content.is_empty() {
                waiting.push((child, content));
            }
        }
    }
    Ok(())
}

fn check(what: &str, found: usize, limit: usize) -> Result<(), OnnxError> {
    if found <= limit { Ok(()) } else { Err(OnnxError::limit(what, found, limit)) }
}

/// The next field's number, and its content where that has a length of its own.
fn field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Option<&'a [u8]>), OnnxError> {
    let tag = varint(rest)?;
    let number = tag >> 3;
    let content = match tag & 7 {
        0 => {
            varint(rest)?;
            None
        }
        1 => {
            take(rest, 8)?;
            None
        }
        2 => {
            let len = varint(rest)?;
            Some(take(rest, len)?)
        }
        5 => {
            take(rest, 4)?;
            None
        }
        wire => return Err(OnnxError::Malformed(format!("field {number} has wire type {wire}"))),
    };
    Ok((number, content))
}

fn take<'a>(rest: &mut &'a [u8], len: u64) -> Result<&'a [u8], OnnxError> {
    let parts = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
    let (taken, left) = parts.ok_or_else(|| OnnxError::Malformed(format!("{len} bytes are wanted, fewer are left")))?;
    *rest = left;
    Ok(taken)
}

/// A number in groups of seven bits, the lowest first.
fn varint(rest: &mut &[u8]) -> Result<u64, OnnxError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?.iter().copied().next().unwrap_or_default();
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(OnnxError::Malformed("a number of more than ten bytes".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_useful_parts_are_far_from_the_limit() {
        // An attribute `a` of type integer takes 13 bytes; a node with one input, one output and a type about as many.
        for (bytes, message) in [(13, Message::Attribute), (13, Message::Node), (8, Message::Tensor)] {
            let size = message.bytes();
            assert!(2 * size < MAX_GROWTH * bytes, "{message:?} takes {size} bytes");
        }
    }
}
