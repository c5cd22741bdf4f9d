//! Operators that join, cut, repeat and reorder the elements of a row.

use super::integers::Length;
use super::{ANY, Attribute, LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Comparison, Dim, Graph, NodeId, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("Concat", 1, ANY, &["axis"], concat),
    Row("Dropout", 1, 3, &["ratio", "seed"], dropout),
    Row("Expand", 2, 2, &[], expand),
    Row("Split", 1, 2, &["axis", "num_outputs", "split"], split),
    Row("Tile", 2, 2, &[], tile),
    Row("Transpose", 1, 1, &["perm"], transpose),
];

/// First opset in which the mask of a Dropout holds truth values.
const TRUTH_MASK_OPSET: i64 = 10;

/// Join along an axis.
fn concat(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let count = operator.inputs.len();
    let parts = (0..count).map(|position| operator.node(position)).collect::<Result<Vec<_>>>()?;
    let Some(Attribute::Integer(axis)) = operator.attributes.get("axis") else {
        return Err(LegalizeError::refused("attribute `axis` is missing"));
    };
    let axis = axis_of(*axis, graph.shape(parts[0]).rank())?;
    if graph.shape(parts[0]).dims()[axis] == Dim::Batch {
        return Err(LegalizeError::refused("it joins along the batch; rows must not mix, so join along another axis"));
    }
    Ok(one(graph.concat(&parts, axis)?))
}

/// Consecutive parts of an axis, one per result.
fn split(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axis = axis_of(operator.integer("axis", 0)?, graph.shape(x).rank())?;
    let Some(len) = graph.shape(x).len(axis) else {
        return Err(LegalizeError::refused("it splits the batch; rows must not mix"));
    };
    if let Some(Attribute::Integer(count)) = operator.attributes.get("num_outputs")
        && usize::try_from(*count) != Ok(operator.output_count)
    {
        let named = operator.output_count;
        return Err(LegalizeError::refused(format!("`num_outputs` is {count}, the file names {named} results of it")));
    }
    let parts = match operator.known(1, "split")? {
        Some(parts) => {
            let length = |part: &i64| {
                usize::try_from(*part).map_err(|_| LegalizeError::refused(format!("a part of length {part}")))
            };
            parts.iter().map(length).collect::<Result<Vec<_>>>()?
        }
        None => {
            // The last part is smaller where the length does not divide (opset 18).
            let size = len.div_ceil(operator.output_count.max(1));
            let part = |index: usize| len.saturating_sub(index.saturating_mul(size)).min(size);
            (0..operator.output_count).map(part).collect::<Vec<_>>()
        }
    };
    let total = parts.iter().try_fold(0usize, |sum, part| sum.checked_add(*part));
    if total != Some(len) {
        return Err(LegalizeError::refused(format!("parts {parts:?} do not make up {len}")));
    }
    let mut start = 0;
    let mut results = Vec::new();
    for part in parts {
        results.push(Value::Node(graph.slice(x, axis, start, part)?));
        start += part;
    }
    Ok(results)
}

/// The value itself, as in inference; a mask that keeps everything.
fn dropout(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let trains = operator.optional(2).is_some() && operator.integers(2)?.known()? != [0];
    if trains {
        return Err(LegalizeError::refused("it is in training, where it drops at random; export after `model.eval()`"));
    }
    if operator.output_count == 1 {
        return Ok(one(x));
    }
    if operator.opset < TRUTH_MASK_OPSET {
        return Err(LegalizeError::refused("its mask holds numbers before opset 10; do not use it, or export newer"));
    }
    let shape = graph.shape(x).clone();
    let zero = graph.scalar(0.0)?;
    let zeros = graph.broadcast(zero, shape)?;
    let mask = graph.compare(Comparison::Equal, zeros, zero)?;
    Ok(vec![Value::Node(x), Value::Node(mask)])
}

/// Dimensions permuted; without an order they are reversed.
fn transpose(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let rank = graph.shape(x).rank();
    let order = match operator.known(1, "perm")? {
        Some(order) => order.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).rev().collect(),
    };
    if graph.shape(x).is_batched() && order.first() != Some(&0) {
        return Err(LegalizeError::refused("it moves the batch; keep it the first dimension (permute from axis 1 on)"));
    }
    if order.iter().copied().eq(0..rank) {
        return Ok(one(x));
    }
    Ok(one(graph.transpose(x, &order)?))
}

/// Dimensions of length 1 stretched, leading ones added.
fn expand(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let dim = |length: &Length| match length {
        Length::Batch => Ok(Dim::Batch),
        Length::Known(length) => usize::try_from(*length)
            .map(Dim::Fixed)
            .map_err(|_| LegalizeError::refused(format!("cannot stretch to length {length}"))),
    };
    let target = Shape::new(operator.integers(1)?.values().iter().map(dim).collect::<Result<Vec<_>>>()?)?;
    let shape = graph.shape(x).broadcast(&target)?;
    Ok(one(graph.broadcast(x, shape)?))
}

/// Every axis repeated as a whole.
fn tile(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mut result = operator.node(0)?;
    let repeats = operator.integers(1)?.values();
    if repeats.len() != graph.shape(result).rank() {
        let (given, shape) = (repeats.len(), graph.shape(result));
        return Err(LegalizeError::refused(format!("{given} repeats for the axes of {shape}")));
    }
    for (axis, count) in repeats.iter().enumerate() {
        let count = match count {
            Length::Known(count) => usize::try_from(*count).ok(),
            Length::Batch => None,
        };
        let Some(count) = count else {
            return Err(LegalizeError::refused(format!("axis {axis} is not repeated a known number of times")));
        };
        result = repeat(graph, result, axis, count)?;
    }
    Ok(one(result))
}

/// An axis stretched where it has length 1; otherwise a new axis before it is stretched, and both are merged.
fn repeat(graph: &mut Graph, x: NodeId, axis: usize, count: usize) -> Result<NodeId> {
    let shape = graph.shape(x).clone();
    let Some(len) = shape.len(axis) else {
        return if count == 1 { Ok(x) } else { Err(LegalizeError::refused("it repeats the rows of the batch")) };
    };
    if count == 1 {
        return Ok(x);
    }
    let mut dims = shape.dims().to_vec();
    dims[axis] = Dim::Fixed(len.saturating_mul(count));
    let to = Shape::new(dims)?;
    if len == 1 {
        return Ok(graph.broadcast(x, to)?);
    }
    let (before, after) = (&shape.dims()[..axis], &shape.dims()[axis..]);
    let batch = before.iter().copied().filter(|dim| *dim == Dim::Batch);
    let lens = |dims: &[Dim]| Shape::new(dims.to_vec()).map(|shape| shape.row_len());
    let (outer, inner) = (lens(before)?, lens(after)?);
    let block =
        |count: usize| Shape::new(batch.clone().chain([outer, count, inner].into_iter().map(Dim::Fixed)).collect());
    let (single, repeated) = (block(1)?, block(count)?);
    let flat = graph.reshape(x, single)?;
    let stretched = graph.broadcast(flat, repeated)?;
    Ok(graph.reshape(stretched, to)?)
}
