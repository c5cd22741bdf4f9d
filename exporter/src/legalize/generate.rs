//! Tensors of numbers made of a shape or of a few numbers that are known while a file is read.

use super::types::{is_integer_type, is_number_type};
use super::{Attribute, Integers, LegalizeError, Length, Operator, Result, Row, Value, one};
use crate::graph::{Dim, Graph, Shape, Tensor};

pub(super) const ROWS: &[Row] = &[
    Row("ConstantOfShape", 1, 1, &["value"], constant_of_shape),
    Row("EyeLike", 1, 1, &["dtype", "k"], identity_matrix),
    Row("Range", 3, 3, &["stash_type"], range),
];

/// Most numbers of one range, and most elements of one identity matrix.
const MAX_GENERATED: usize = 1 << 16;
/// Most elements that a repeated number is written out to; beyond that it is stretched.
const MAX_REPEATED: usize = 1 << 12;

/// One number at every place of a shape; the batch may be its first dimension.
fn constant_of_shape(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let value = match operator.attributes.get("value") {
        None => 0.0,
        Some(Attribute::Tensor(tensor)) => match tensor.data() {
            [value] => *value,
            _ => return Err(LegalizeError::refused("attribute `value` must hold one element")),
        },
        Some(_) => return Err(LegalizeError::refused("attribute `value` must be a tensor of numbers")),
    };
    let dim = |length: &Length| match length {
        Length::Batch => Ok(Dim::Batch),
        Length::Known(len) => {
            usize::try_from(*len).map(Dim::Fixed).map_err(|_| LegalizeError::refused(format!("a length of {len}")))
        }
    };
    let dims = operator.integers(0)?.values().iter().map(dim).collect::<Result<Vec<_>>>()?;
    let shape = Shape::new(dims)?;
    if !shape.is_batched() && shape.row_len() <= MAX_REPEATED {
        return Ok(one(graph.constant(Tensor::full(&shape.row(), value)?)?));
    }
    let value = graph.scalar(value)?;
    Ok(one(graph.broadcast(value, shape)?))
}

/// A matrix of the shape of x with 1 on its `k`-th diagonal and 0 elsewhere.
fn identity_matrix(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let shape = match operator.required(0)? {
        Value::Integers(integers) => integers.shape().to_vec(),
        Value::Node(id) if graph.shape(*id).is_batched() => {
            return Err(LegalizeError::refused("the number of its rows is the batch; make it of a fixed size"));
        }
        Value::Node(id) => graph.shape(*id).row(),
    };
    let [rows, columns] = shape[..] else {
        return Err(LegalizeError::refused("its input is no matrix"));
    };
    let len = rows.saturating_mul(columns);
    if len > MAX_GENERATED {
        return Err(LegalizeError::refused(format!("{len} elements exceed the limit of {MAX_GENERATED}")));
    }
    let ahead = operator.integer("k", 0)?;
    let signed = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    let on_diagonal = |at: usize| signed(at % columns) - signed(at / columns) == ahead;
    match operator.attributes.get("dtype") {
        Some(Attribute::Integer(to)) if is_integer_type(*to) => {
            let values = (0..len).map(|at| Length::Known(i64::from(on_diagonal(at)))).collect();
            Ok(vec![Value::Integers(Integers::new(shape, values)?)])
        }
        Some(Attribute::Integer(to)) if !is_number_type(*to) => {
            Err(LegalizeError::refused(format!("element type {to}; supported are numbers and integers")))
        }
        _ => {
            let values = (0..len).map(|at| f64::from(u8::from(on_diagonal(at)))).collect();
            Ok(one(graph.constant(Tensor::new(shape, values)?)?))
        }
    }
}

/// start, start + delta, … up to but without the limit.
fn range(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mut bounds = [0.0; 3];
    for (position, bound) in bounds.iter_mut().enumerate() {
        let node = operator.node(position)?;
        let known = graph.constant_value(node).filter(|tensor| tensor.data().len() == 1).and_then(Tensor::uniform);
        *bound = known.ok_or_else(|| {
            LegalizeError::refused(format!(
                "input {position} is not one number that the file fixes; the length of a range cannot depend on the state"
            ))
        })?;
    }
    let [start, limit, delta] = bounds;
    let count = ((limit - start) / delta).ceil();
    // NaN comes of a step of 0 between equal bounds, and of infinite ones.
    if count.is_nan() || count > MAX_GENERATED as f64 {
        return Err(LegalizeError::refused(format!("{start} to {limit} in steps of {delta}: no range, or too long")));
    }
    let values: Vec<f64> =
        (0..MAX_GENERATED).map(|at| at as f64).take_while(|at| *at < count).map(|at| start + at * delta).collect();
    Ok(one(graph.constant(Tensor::new(vec![values.len()], values)?)?))
}
