//! Counts the parts of a file before any of it is decoded.
//!
//! An empty message takes two bytes of a file and hundreds in memory, so the limits of [`super::read()`] have to hold before
//! the decoder allocates. Only tags and lengths are looked at, without recursion: what is to be scanned waits in a list.
//! A file passes that the decoder accepts, unless it exceeds a limit or holds groups, which ONNX does not have.

use super::{MAX_FILE_NODES, MAX_FILE_PARTS, MAX_FILE_TENSORS, OnnxError};

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

/// Checks the number of nodes, tensors and parts of a file, wherever in it they are.
///
/// # Errors
/// [`OnnxError::Limit`], or [`OnnxError::Malformed`] where a tag or a length is none.
pub(super) fn check_parts(bytes: &[u8]) -> Result<(), OnnxError> {
    let (mut nodes, mut tensors, mut parts) = (0usize, 0usize, 0usize);
    let mut waiting = vec![(Message::Model, bytes)];
    while let Some((message, mut rest)) = waiting.pop() {
        while !rest.is_empty() {
            let (number, content) = field(&mut rest)?;
            let Some(content) = content else { continue };
            let child = message.child(number);
            parts += 1;
            nodes += usize::from(child == Message::Node);
            tensors += usize::from(child == Message::Tensor);
            for (what, found, limit) in [
                ("nodes", nodes, MAX_FILE_NODES),
                ("tensors", tensors, MAX_FILE_TENSORS),
                ("parts of the file", parts, MAX_FILE_PARTS),
            ] {
                if found > limit {
                    return Err(OnnxError::limit(what, found, limit));
                }
            }
            if child != Message::Other && !content.is_empty() {
                waiting.push((child, content));
            }
        }
    }
    Ok(())
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
