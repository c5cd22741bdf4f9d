//! Products, for every row: as a product of the whole batch with a weight where there is one, as a traced layer is.

use super::{Arg, Value, full, row, squeezed};
use crate::graph::{Graph, GraphError, NodeId, Op};

type Built = Result<NodeId, GraphError>;

/// Rows and columns of the last two dimensions, once transposed.
fn matrix(arg: &Arg, transposed: bool) -> (usize, usize) {
    match arg.lengths[..] {
        [.., rows, cols] if transposed => (cols, rows),
        [.., rows, cols] => (rows, cols),
        _ => (1, 1),
    }
}

/// Whether an argument is one matrix: its leading dimensions, if any, have length 1.
fn is_one_matrix(arg: &Arg) -> bool {
    arg.lengths.iter().rev().skip(2).all(|len| *len == 1)
}

/// The product of two arguments, at least one of them per row, with the result of `lengths` squeezed.
pub(super) fn multiply(
    target: &mut Graph,
    [lhs, rhs]: [&Arg; 2],
    [flip_lhs, flip_rhs]: [bool; 2],
    lengths: &[usize],
) -> Built {
    let ((rows, inner), (_, cols)) = (matrix(lhs, flip_lhs), matrix(rhs, flip_rhs));
    let result = match (lhs.value, rhs.value) {
        // v W: a row vector per row of the batch, times a weight.
        (Value::PerRow(vector), Value::Shared(weight)) if rows == 1 && is_one_matrix(lhs) && is_one_matrix(rhs) => {
            by_weight(target, vector, weight, flip_rhs, inner)?
        }
        // W v = (vᵀ Wᵀ)ᵀ: a column vector per row of the batch.
        (Value::Shared(weight), Value::PerRow(vector)) if cols == 1 && is_one_matrix(lhs) && is_one_matrix(rhs) => {
            by_weight(target, vector, weight, !flip_lhs, inner)?
        }
        // A matrix per row of the batch, as many vectors as it has rows, times a weight.
        (Value::PerRow(_), Value::Shared(weight)) if !flip_lhs && is_one_matrix(rhs) => {
            let (matrices, weight) = (lhs.unsqueezed(target)?, one_matrix(target, weight)?);
            target.add(Op::MatMul { transpose_lhs: false, transpose_rhs: flip_rhs }, &[matrices, weight])?
        }
        // vᵀ w of two vectors per row of the batch.
        (Value::PerRow(a), Value::PerRow(b)) if rows == 1 && cols == 1 && is_one_matrix(lhs) && is_one_matrix(rhs) => {
            let products = target.mul(a, b)?;
            let axes: Vec<usize> = (1..target.shape(products).rank()).collect();
            target.sum(products, &axes)?
        }
        _ => {
            let rank = lhs.lengths.len().max(rhs.lengths.len());
            let (a, b) = (padded(target, lhs, rank)?, padded(target, rhs, rank)?);
            target.add(Op::MatMul { transpose_lhs: flip_lhs, transpose_rhs: flip_rhs }, &[a, b])?
        }
    };
    target.reshape(result, squeezed(lengths)?)
}

/// `[batch, inner] · W`, W transposed first or not.
fn by_weight(target: &mut Graph, vector: NodeId, weight: NodeId, flip: bool, inner: usize) -> Built {
    let vectors = target.reshape(vector, full(&[inner])?)?;
    let weight = one_matrix(target, weight)?;
    target.add(Op::MatMul { transpose_lhs: false, transpose_rhs: flip }, &[vectors, weight])
}

/// A shared matrix without leading dimensions.
fn one_matrix(target: &mut Graph, weight: NodeId) -> Built {
    let lengths = row(target, weight);
    let last = lengths.len().saturating_sub(2);
    target.reshape(weight, crate::graph::Shape::fixed(&lengths[last..])?)
}

/// With leading dimensions of length 1 up to `rank`, behind the batch where there is one.
fn padded(target: &mut Graph, arg: &Arg, rank: usize) -> Built {
    match arg.value {
        Value::Shared(id) => Ok(id),
        Value::PerRow(id) => {
            let lengths = [vec![1; rank - arg.lengths.len()], arg.lengths.clone()].concat();
            target.reshape(id, full(&lengths)?)
        }
    }
}
