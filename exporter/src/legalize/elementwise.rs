//! Operators that work element by element, with the broadcasting that graph and ONNX share.

use super::{ANY, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Binary, Comparison, Graph, NodeId, Op, Unary};

pub(super) const ROWS: &[Row] = &[
    Row("Abs", 1, 1, &[], unary),
    Row("Add", 2, 2, &[], binary),
    Row("Atan", 1, 1, &[], unary),
    Row("Clip", 1, 3, &[], clip),
    Row("Cos", 1, 1, &[], unary),
    Row("Div", 2, 2, &[], binary),
    Row("Equal", 2, 2, &[], compare),
    Row("Erf", 1, 1, &[], unary),
    Row("Exp", 1, 1, &[], unary),
    Row("Greater", 2, 2, &[], compare),
    Row("GreaterOrEqual", 2, 2, &[], compare),
    Row("Less", 2, 2, &[], compare),
    Row("LessOrEqual", 2, 2, &[], compare),
    Row("Log", 1, 1, &[], unary),
    Row("Max", 1, ANY, &[], variadic),
    Row("Min", 1, ANY, &[], variadic),
    Row("Mul", 2, 2, &[], binary),
    Row("Neg", 1, 1, &[], unary),
    Row("Pow", 2, 2, &[], pow),
    Row("Reciprocal", 1, 1, &[], unary),
    Row("Relu", 1, 1, &[], relu),
    Row("Sigmoid", 1, 1, &[], unary),
    Row("Sign", 1, 1, &[], unary),
    Row("Sin", 1, 1, &[], unary),
    Row("Softplus", 1, 1, &[], unary),
    Row("Sqrt", 1, 1, &[], unary),
    Row("Sub", 2, 2, &[], binary),
    Row("Sum", 1, ANY, &[], variadic),
    Row("Tanh", 1, 1, &[], unary),
    Row("Where", 3, 3, &[], choose),
];

/// Largest integer exponent that is written as repeated multiplication.
const MAX_INTEGER_EXPONENT: i32 = 16;

/// One number to one number.
pub(super) fn unary(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    // The graph's names are those of the specification in lower case.
    let name = operator.kind.to_ascii_lowercase();
    let function = Unary::ALL.iter().find(|function| function.name() == name).ok_or(LegalizeError::Unknown)?;
    Ok(one(graph.add(Op::Unary(*function), &[operator.node(0)?])?))
}

/// a + b, a − b, a · b, a / b.
pub(super) fn binary(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let name = operator.kind.to_ascii_lowercase();
    let function = Binary::ALL.iter().find(|function| function.name() == name).ok_or(LegalizeError::Unknown)?;
    Ok(one(graph.add(Op::Binary(*function), &[operator.node(0)?, operator.node(1)?])?))
}

/// Sum, largest or smallest of any number of tensors, taken from the left.
pub(super) fn variadic(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let function = match operator.kind {
        "Max" => Binary::Max,
        "Min" => Binary::Min,
        _ => Binary::Add,
    };
    let mut result = operator.node(0)?;
    for position in 1..operator.inputs.len() {
        result = graph.add(Op::Binary(function), &[result, operator.node(position)?])?;
    }
    Ok(one(result))
}

/// aᵇ; a small integer b becomes multiplications, ½ a square root, so that derivatives exist for negative a.
pub(super) fn pow(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let base = operator.node(0)?;
    let exponent = match operator.required(1)? {
        Value::Integers(integers) => {
            let [value] = integers.known()?[..] else {
                return Err(LegalizeError::refused("a list of integer exponents; give one, or floats"));
            };
            graph.scalar(value as f64)?
        }
        Value::Node(id) => *id,
    };
    let keeps_shape = graph.shape(base).broadcast(graph.shape(exponent))? == *graph.shape(base);
    let uniform = graph.constant_value(exponent).and_then(crate::graph::Tensor::uniform).filter(|_| keeps_shape);
    Ok(one(match uniform {
        Some(0.5) => graph.sqrt(base)?,
        Some(value) => match small_integer(value) {
            Some(power) => graph.powi(base, power)?,
            None => graph.pow(base, exponent)?,
        },
        None => graph.pow(base, exponent)?,
    }))
}

/// The value as an exponent to multiply out; 0 is left to the power function, whose result has the shape of its base.
fn small_integer(value: f64) -> Option<i32> {
    (-MAX_INTEGER_EXPONENT..=MAX_INTEGER_EXPONENT).find(|power| *power != 0 && f64::from(*power) == value)
}

/// max(x, 0).
pub(super) fn relu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let zero = graph.scalar(0.0)?;
    Ok(one(graph.max(operator.node(0)?, zero)?))
}

/// min(max(x, low), high), either bound optional.
pub(super) fn clip(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mut result = operator.node(0)?;
    if operator.optional(1).is_some() {
        result = graph.max(result, operator.node(1)?)?;
    }
    if operator.optional(2).is_some() {
        result = graph.min(result, operator.node(2)?)?;
    }
    Ok(one(result))
}

/// a > b, a ≥ b, a = b, and the mirrored ones with their sides exchanged.
pub(super) fn compare(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (a, b) = (operator.node(0)?, operator.node(1)?);
    let (comparison, a, b): (Comparison, NodeId, NodeId) = match operator.kind {
        "Greater" => (Comparison::Greater, a, b),
        "GreaterOrEqual" => (Comparison::GreaterOrEqual, a, b),
        "Less" => (Comparison::Greater, b, a),
        "LessOrEqual" => (Comparison::GreaterOrEqual, b, a),
        _ => (Comparison::Equal, a, b),
    };
    Ok(one(graph.compare(comparison, a, b)?))
}

/// condition ? a : b.
pub(super) fn choose(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    Ok(one(graph.select(operator.node(0)?, operator.node(1)?, operator.node(2)?)?))
}
