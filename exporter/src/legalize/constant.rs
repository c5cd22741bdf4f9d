//! Values the file fixes, and changes of element type.

use super::integers::{Integers, Length};
use super::{Attribute, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Graph, Kind, Tensor};

pub(super) const ROWS: &[Row] = &[
    Row("Cast", 1, 1, &["to", "saturate", "round_mode"], cast),
    Row("Constant", 0, 0, &["value", "value_float", "value_floats", "value_int", "value_ints"], constant),
    Row("Identity", 1, 1, &[], identity),
    Row("Shape", 1, 1, &["start", "end"], shape),
];

// Numbers of element types in the specification.
const FLOAT: i64 = 1;
const INT32: i64 = 6;
const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// The value of exactly one attribute.
pub(super) fn constant(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mut attributes = operator.attributes.values();
    let (Some(attribute), None) = (attributes.next(), attributes.next()) else {
        return Err(LegalizeError::refused("it needs one attribute that holds its value"));
    };
    Ok(vec![match attribute {
        Attribute::Integer(value) => Value::Integers(Integers::scalar(Length::Known(*value))),
        Attribute::Integers(values) => Value::Integers(Integers::of(values)),
        Attribute::IntegerTensor(integers) => Value::Integers(integers.clone()),
        Attribute::Real(value) => Value::Node(graph.scalar(*value)?),
        Attribute::Reals(values) => Value::Node(graph.constant(Tensor::new(vec![values.len()], values.clone())?)?),
        Attribute::Tensor(tensor) => Value::Node(graph.constant(tensor.clone())?),
        Attribute::Text(_) => return Err(LegalizeError::refused("texts have no meaning here")),
    }])
}

/// The input itself.
pub(super) fn identity(_: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    Ok(vec![operator.required(0)?.clone()])
}

/// Numbers stay what they are, in f64; truth values become 0 and 1; fixed integers become numbers.
pub(super) fn cast(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let to = operator.integer("to", 0)?;
    match (operator.required(0)?, to) {
        (Value::Node(id), FLOAT | DOUBLE) if graph.node(*id).ty.kind == Kind::Real => Ok(one(*id)),
        (Value::Node(id), FLOAT | DOUBLE) => {
            let (yes, no) = (graph.scalar(1.0)?, graph.scalar(0.0)?);
            Ok(one(graph.select(*id, yes, no)?))
        }
        (Value::Integers(integers), FLOAT | DOUBLE) => {
            let numbers: Vec<f64> = integers.known()?.into_iter().map(|value| value as f64).collect();
            let shape = if integers.is_scalar() { vec![] } else { vec![numbers.len()] };
            Ok(one(graph.constant(Tensor::new(shape, numbers)?)?))
        }
        (Value::Integers(integers), INT32 | INT64) => Ok(vec![Value::Integers(integers.clone())]),
        _ => Err(LegalizeError::refused(format!(
            "a cast to element type {to}; supported are float (1) and double (11), and int32, int64 of shapes"
        ))),
    }
}

/// The lengths of a value, from `start` to `end`.
pub(super) fn shape(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let lengths = graph.shape(operator.node(0)?).dims().iter().map(|dim| Length::from(*dim)).collect();
    let (start, end) = (operator.integer("start", 0)?, operator.integer("end", i64::MAX)?);
    Ok(vec![Value::Integers(Integers::list(lengths).part(start, end))])
}
