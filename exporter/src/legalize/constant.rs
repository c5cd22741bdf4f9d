//! Values the file fixes, changes of element type, and what is read off shapes.

use super::integers::{Integers, Length};
use super::{Attribute, LegalizeError, Operator, Result, Row, Value, is_integer_type, is_number_type, one};
use crate::graph::{Dim, Graph, Kind, NodeId, Tensor};

pub(super) const ROWS: &[Row] = &[
    Row("Cast", 1, 1, &["round_mode", "saturate", "to"], cast),
    Row("CastLike", 2, 2, &["round_mode", "saturate"], cast_like),
    Row("Constant", 0, 0, &["value", "value_float", "value_floats", "value_int", "value_ints"], constant),
    Row("Identity", 1, 1, &[], identity),
    Row("Shape", 1, 1, &["end", "start"], shape),
    Row("Size", 1, 1, &[], size),
];

/// The value of exactly one attribute.
fn constant(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mut attributes = operator.attributes.values();
    let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
        return Err(LegalizeError::refused("it needs one attribute that holds its value"));
    };
    Ok(vec![match attribute {
        Attribute::Integer(value) => Value::Integers(Integers::scalar(Length::Known(*value))),
        Attribute::Integers(values) => {
            let values: Vec<Length> = values.iter().map(|value| Length::Known(*value)).collect();
            Value::Integers(Integers::new(vec![values.len()], values)?)
        }
        Attribute::IntegerTensor(integers) => Value::Integers(integers.clone()),
        Attribute::Real(value) => Value::Node(graph.scalar(*value)?),
        Attribute::Reals(values) => Value::Node(graph.constant(Tensor::new(vec![values.len()], values.clone())?)?),
        Attribute::Tensor(tensor) => Value::Node(graph.constant(tensor.clone())?),
        Attribute::Text(_) => return Err(LegalizeError::refused("texts have no meaning here")),
    }])
}

/// The input itself.
fn identity(_: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    Ok(vec![operator.required(0)?.clone()])
}

/// Numbers stay what they are, in f64; truth values become 0 and 1; known integers become numbers.
fn cast(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let to = operator.integer("to", 0)?;
    if is_number_type(to) {
        return as_number(graph, operator.required(0)?);
    }
    match operator.required(0)? {
        Value::Node(id) if to == super::BOOL => Ok(one(as_truth(graph, *id)?)),
        Value::Node(_) if is_integer_type(to) => Err(LegalizeError::refused(
            "integers that depend on the state are not supported; compute with float, and round with Floor or Round",
        )),
        _ => Err(LegalizeError::refused(format!(
            "a cast to element type {to}; supported are float, float16, bfloat16, double, bool and the integers"
        ))),
    }
}

/// To the element type of the second input.
fn cast_like(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    match (operator.required(0)?, operator.required(1)?) {
        (value, Value::Node(like)) if graph.node(*like).ty.kind == Kind::Real => as_number(graph, value),
        (Value::Node(id), Value::Node(_)) => Ok(one(as_truth(graph, *id)?)),
        (Value::Integers(integers), Value::Integers(like)) => Ok(vec![Value::Integers(integers.cast(like.element()))]),
        _ => Err(LegalizeError::refused("a cast between integers and values that depend on the state")),
    }
}

fn as_number(graph: &mut Graph, value: &Value) -> Result<Vec<Value>> {
    Ok(one(match value {
        Value::Integers(integers) => graph.constant(integers.numbers()?)?,
        Value::Node(id) if graph.node(*id).ty.kind == Kind::Real => *id,
        Value::Node(id) => {
            let (yes, no) = (graph.scalar(1.0)?, graph.scalar(0.0)?);
            graph.select(*id, yes, no)?
        }
    }))
}

/// Everything but 0 is true, NaN included.
fn as_truth(graph: &mut Graph, id: NodeId) -> Result<NodeId> {
    if graph.node(id).ty.kind == Kind::Truth {
        return Ok(id);
    }
    let (zero, one) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
    let is_zero = graph.compare(crate::graph::Comparison::Equal, id, zero)?;
    let distance = graph.select(is_zero, zero, one)?;
    Ok(graph.compare(crate::graph::Comparison::Greater, distance, zero)?)
}

/// The lengths of a value, from `start` to `end`.
fn shape(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let lengths: Vec<Length> = graph.shape(operator.node(0)?).dims().iter().map(|dim| Length::from(*dim)).collect();
    let (start, end) = operator.shape_range(lengths.len())?;
    Ok(vec![Value::Integers(Integers::list(lengths[start..end].to_vec()))])
}

/// The number of elements of a value.
fn size(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let shape = graph.shape(operator.node(0)?);
    let len = Length::from(Dim::Fixed(shape.row_len()));
    let len = match (shape.is_batched(), shape.row_len()) {
        (false, _) => len,
        (true, 1) => Length::Batch,
        (true, _) => return Err(LegalizeError::refused("the size of a value with a batch; take the size of one row")),
    };
    Ok(vec![Value::Integers(Integers::scalar(len))])
}
