//! The same elements in another shape; the batch stays the first dimension.

use super::integers::Length;
use super::{LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Dim, Graph, MAX_RANK, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("Flatten", 1, 1, &["axis"], flatten),
    Row("Reshape", 2, 2, &["allowzero"], reshape),
    Row("Squeeze", 1, 2, &["axes"], squeeze),
    Row("Unsqueeze", 1, 2, &["axes"], unsqueeze),
];

/// Reshape: 0 keeps the input's length at that place, one −1 is worked out.
fn reshape(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let from = graph.shape(x).clone();
    let keep_zero = operator.integer("allowzero", 0)? == 0;
    let target = operator.integers(1)?.values();
    let mut dims = Vec::new();
    let mut unknown = None;
    for (position, length) in target.iter().enumerate() {
        dims.push(match length {
            Length::Batch => Dim::Batch,
            Length::Known(length) if position == 0 && operator.frozen_batch == Some(*length) && from.is_batched() => {
                Dim::Batch
            }
            Length::Known(0) if keep_zero => *from.dims().get(position).ok_or_else(|| {
                LegalizeError::refused(format!("length 0 at place {position} keeps a length that {from} does not have"))
            })?,
            Length::Known(-1) => {
                if unknown.replace(position).is_some() {
                    return Err(LegalizeError::refused("two lengths are −1"));
                }
                Dim::Fixed(1)
            }
            Length::Known(length) => Dim::Fixed(
                usize::try_from(*length)
                    .map_err(|_| LegalizeError::refused(format!("length {length} at place {position}")))?,
            ),
        });
    }
    if let Some(position) = unknown {
        dims[position] = worked_out(&from, &dims, position)?;
    }
    Ok(one(graph.reshape(x, Shape::new(dims)?)?))
}

/// The length that −1 stands for, given all others.
fn worked_out(from: &Shape, dims: &[Dim], position: usize) -> Result<Dim> {
    let mut others = dims.iter().filter_map(|dim| if let Dim::Fixed(len) = dim { Some(*len) } else { None });
    let others = others.try_fold(1usize, usize::checked_mul).unwrap_or(0);
    let batch_is_placed = dims.contains(&Dim::Batch);
    if from.is_batched() && !batch_is_placed {
        if position == 0 && others == from.row_len() {
            return Ok(Dim::Batch);
        }
        return Err(LegalizeError::refused(format!(
            "it mixes the batch of {from} with other dimensions; keep the batch as the first dimension"
        )));
    }
    if others == 0 || !from.row_len().is_multiple_of(others) {
        return Err(LegalizeError::refused(format!("−1 at place {position} has no solution for {from}")));
    }
    Ok(Dim::Fixed(from.row_len() / others))
}

/// Dimensions of length 1 removed.
fn squeeze(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let shape = graph.shape(x).clone();
    let axes = match operator.known(1, "axes")? {
        Some(axes) => axes.iter().map(|axis| axis_of(*axis, shape.rank())).collect::<Result<Vec<_>>>()?,
        None => (0..shape.rank()).filter(|axis| shape.len(*axis) == Some(1)).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| shape.len(**axis) != Some(1)) {
        return Err(LegalizeError::refused(format!("axis {axis} of {shape} is not of length 1")));
    }
    let kept = shape.dims().iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, dim)| *dim);
    Ok(one(graph.reshape(x, Shape::new(kept.collect())?)?))
}

/// Dimensions of length 1 put in; axes count in the result.
fn unsqueeze(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let axes = operator.known(1, "axes")?.ok_or_else(|| LegalizeError::refused("`axes` is missing"))?;
    let x = operator.node(0)?;
    let rank = graph.shape(x).rank().saturating_add(axes.len());
    if rank > MAX_RANK {
        return Err(LegalizeError::refused(format!("rank {rank} exceeds the limit of {MAX_RANK}")));
    }
    let axes = axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?;
    let mut rest = graph.shape(x).dims().to_vec().into_iter();
    let dims = (0..rank).filter_map(|axis| if axes.contains(&axis) { Some(Dim::Fixed(1)) } else { rest.next() });
    let dims: Vec<Dim> = dims.collect();
    if dims.len() != rank {
        return Err(LegalizeError::refused(format!("axes {axes:?} name one twice")));
    }
    Ok(one(graph.reshape(x, Shape::new(dims)?)?))
}

/// Dimensions before and from an axis merged into two.
fn flatten(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let shape = graph.shape(x).clone();
    // The axis may be the rank itself: everything goes before it.
    let axis = match operator.integer("axis", 1)? {
        end if usize::try_from(end) == Ok(shape.rank()) => shape.rank(),
        axis => axis_of(axis, shape.rank())?,
    };
    let (before, after) = shape.dims().split_at(axis);
    let lengths = |dims: &[Dim]| Shape::new(dims.to_vec()).map(|shape| shape.row_len());
    let first = match before {
        [Dim::Batch, rest @ ..] if lengths(rest)? == 1 => Dim::Batch,
        _ if shape.is_batched() => {
            return Err(LegalizeError::refused("it merges the batch with other dimensions; flatten from axis 1"));
        }
        _ => Dim::Fixed(lengths(before)?),
    };
    let second = Dim::Fixed(lengths(after)?);
    Ok(one(graph.reshape(x, Shape::new(vec![first, second])?)?))
}
