//! Operators that move elements within a row.

use super::integers::{Integers, Length, clamp};
use super::{ANY, Attribute, LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Dim, Graph, NodeId, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("Concat", 1, ANY, &["axis"], concat),
    Row("Expand", 2, 2, &[], expand),
    Row("Gather", 2, 2, &["axis"], gather),
    Row("Pad", 2, 4, &["mode"], pad),
    Row("Slice", 3, 5, &[], slice),
    Row("Split", 1, 2, &["axis", "num_outputs"], split),
    Row("Transpose", 1, 1, &["perm"], transpose),
];

/// Most elements that one Gather picks.
const MAX_GATHERED: usize = 4096;

/// Join along an axis.
pub(super) fn concat(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let lists: Vec<&Integers> = operator
        .inputs
        .iter()
        .filter_map(|value| if let Some(Value::Integers(list)) = value { Some(list) } else { None })
        .collect();
    if lists.len() == operator.inputs.len() {
        return Ok(vec![Value::Integers(Integers::joined(&lists)?)]);
    }
    let parts = (0..operator.inputs.len()).map(|position| operator.node(position)).collect::<Result<Vec<_>>>()?;
    let Some(Attribute::Integer(axis)) = operator.attributes.get("axis") else {
        return Err(LegalizeError::refused("attribute `axis` is missing"));
    };
    let axis = axis_of(*axis, graph.shape(parts[0]).rank())?;
    Ok(one(graph.concat(&parts, axis)?))
}

/// Consecutive elements of axes, in steps of 1.
pub(super) fn slice(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let starts = operator.integers(1)?.known()?;
    let ends = operator.integers(2)?.known()?;
    let axes = match operator.optional(3) {
        Some(_) => operator.integers(3)?.known()?,
        None => (0i64..).take(starts.len()).collect(),
    };
    let steps = if operator.optional(4).is_some() { operator.integers(4)?.known()? } else { vec![1; starts.len()] };
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(LegalizeError::refused("starts, ends, axes and steps differ in length"));
    }
    if steps.iter().any(|step| *step != 1) {
        return Err(LegalizeError::refused("only steps of 1 are supported; pick elements one by one"));
    }
    if let Value::Integers(integers) = operator.required(0)? {
        let ([start], [end]) = (starts.as_slice(), ends.as_slice()) else {
            return Err(LegalizeError::refused("integers of rank 2"));
        };
        return Ok(vec![Value::Integers(integers.part(*start, *end))]);
    }
    let mut result = operator.node(0)?;
    for ((start, end), axis) in starts.iter().zip(&ends).zip(&axes) {
        result = slice_axis(graph, operator, result, axis_of(*axis, graph.shape(result).rank())?, (*start, *end))?;
    }
    Ok(one(result))
}

fn slice_axis(
    graph: &mut Graph,
    operator: &Operator<'_>,
    x: NodeId,
    axis: usize,
    (start, end): (i64, i64),
) -> Result<NodeId> {
    let Some(len) = graph.shape(x).len(axis) else {
        // Ends beyond any length are how exporters write "to the end".
        let whole = start == 0 && (end >= i64::from(i32::MAX) || operator.frozen_batch.is_some_and(|rows| end >= rows));
        return if whole {
            Ok(x)
        } else {
            Err(LegalizeError::refused("it takes some rows of the batch; rows must not mix"))
        };
    };
    let (start, end) = clamp(start, end, len);
    if start >= end {
        return Err(LegalizeError::refused(format!("{start}..{end} of axis {axis} is empty")));
    }
    Ok(graph.slice(x, axis, start, end - start)?)
}

/// Consecutive parts of an axis, one per result.
pub(super) fn split(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
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
    if total != Some(len) || parts.contains(&0) {
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

/// Elements of an axis at fixed indices.
pub(super) fn gather(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let indices = operator.integers(1)?;
    if let Value::Integers(integers) = operator.required(0)? {
        return Ok(vec![Value::Integers(integers.at(indices)?)]);
    }
    let x = operator.node(0)?;
    let axis = axis_of(operator.integer("axis", 0)?, graph.shape(x).rank())?;
    let Some(len) = graph.shape(x).len(axis) else {
        return Err(LegalizeError::refused("it picks rows of the batch; rows must not mix"));
    };
    let known = indices.known()?;
    if known.is_empty() || known.len() > MAX_GATHERED {
        return Err(LegalizeError::refused(format!("{} indices, supported are 1 to {MAX_GATHERED}", known.len())));
    }
    let mut parts = Vec::new();
    for index in known {
        parts.push(graph.slice(x, axis, axis_of(index, len)?, 1)?);
    }
    let picked = graph.concat(&parts, axis)?;
    if !indices.is_scalar() {
        return Ok(one(picked));
    }
    let mut dims = graph.shape(picked).dims().to_vec();
    dims.remove(axis);
    Ok(one(graph.reshape(picked, Shape::new(dims)?)?))
}

/// Dimensions permuted; without an order they are reversed.
pub(super) fn transpose(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let rank = graph.shape(x).rank();
    let order = match operator.known(1, "perm")? {
        Some(order) => order.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).rev().collect(),
    };
    Ok(one(graph.transpose(x, &order)?))
}

/// Dimensions of length 1 stretched, leading ones added.
pub(super) fn expand(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
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

/// Zeros before and after along axes.
pub(super) fn pad(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    match operator.attributes.get("mode") {
        None => {}
        Some(Attribute::Text(mode)) if mode == "constant" => {}
        Some(mode) => return Err(LegalizeError::refused(format!("mode {mode:?}; only `constant` is supported"))),
    }
    let mut result = operator.node(0)?;
    if operator.optional(2).is_some() {
        let fill = operator.node(2)?;
        if graph.constant_value(fill).and_then(crate::graph::Tensor::uniform) != Some(0.0) {
            return Err(LegalizeError::refused("it pads with something else than 0"));
        }
    }
    let rank = graph.shape(result).rank();
    let axes = match operator.known(3, "axes")? {
        Some(axes) => axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    let amounts = operator.integers(1)?.known()?;
    if amounts.len() != 2 * axes.len() {
        return Err(LegalizeError::refused(format!("{} amounts for {} axes", amounts.len(), axes.len())));
    }
    for (position, axis) in axes.iter().enumerate() {
        let (before, after) = (usize::try_from(amounts[position]), usize::try_from(amounts[axes.len() + position]));
        let (Ok(before), Ok(after)) = (before, after) else {
            return Err(LegalizeError::refused("a negative amount; cut with Slice"));
        };
        result = graph.pad(result, *axis, before, after)?;
    }
    Ok(one(result))
}
