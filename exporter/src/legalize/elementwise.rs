//! Arithmetic and functions of one number, with the broadcasting that graph and ONNX share.

use super::{ANY, Attribute, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Binary, Function, Graph, NodeId, Op, Tensor};

pub(super) const ROWS: &[Row] = &[
    Row("Abs", 1, 1, &[], function),
    Row("Acos", 1, 1, &[], function),
    Row("Acosh", 1, 1, &[], function),
    Row("Add", 2, 2, &[], binary),
    Row("Asin", 1, 1, &[], function),
    Row("Asinh", 1, 1, &[], function),
    Row("Atan", 1, 1, &[], function),
    Row("Atanh", 1, 1, &[], function),
    Row("Ceil", 1, 1, &[], function),
    Row("Clip", 1, 3, &["max", "min"], clip),
    Row("Cos", 1, 1, &[], function),
    Row("Cosh", 1, 1, &[], function),
    Row("Div", 2, 2, &[], binary),
    Row("Erf", 1, 1, &[], function),
    Row("Exp", 1, 1, &[], function),
    Row("Floor", 1, 1, &[], function),
    Row("Log", 1, 1, &[], function),
    Row("Max", 1, ANY, &[], variadic),
    Row("Mean", 1, ANY, &[], mean),
    Row("Min", 1, ANY, &[], variadic),
    Row("Mish", 1, 1, &[], function),
    Row("Mul", 2, 2, &[], binary),
    Row("Neg", 1, 1, &[], function),
    Row("Pow", 2, 2, &[], pow),
    Row("Reciprocal", 1, 1, &[], function),
    Row("Relu", 1, 1, &[], function),
    Row("Round", 1, 1, &[], function),
    Row("Sigmoid", 1, 1, &[], function),
    Row("Sign", 1, 1, &[], function),
    Row("Sin", 1, 1, &[], function),
    Row("Sinh", 1, 1, &[], function),
    Row("Softplus", 1, 1, &[], function),
    Row("Softsign", 1, 1, &[], function),
    Row("Sqrt", 1, 1, &[], function),
    Row("Sub", 2, 2, &[], binary),
    Row("Sum", 1, ANY, &[], variadic),
    Row("Tan", 1, 1, &[], function),
    Row("Tanh", 1, 1, &[], function),
];

/// Largest integer exponent that is written as repeated multiplication.
const MAX_INTEGER_EXPONENT: i32 = 16;
/// From this operator set on the bounds of Clip are inputs.
const CLIP_BY_INPUTS: i64 = 11;

/// A function of one number; the graph's names are those of the specification in lower case.
fn function(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    Ok(one(match operator.kind {
        "Neg" => graph.neg(x)?,
        "Reciprocal" => graph.reciprocal(x)?,
        kind => {
            let function = Function::named(&kind.to_ascii_lowercase()).ok_or(LegalizeError::Unknown)?;
            function.build(graph, x)?
        }
    }))
}

/// a + b, a − b, a · b, a / b.
fn binary(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let name = operator.kind.to_ascii_lowercase();
    let function = Binary::ALL.iter().find(|function| function.name() == name).ok_or(LegalizeError::Unknown)?;
    Ok(one(graph.add(Op::Binary(*function), &[operator.node(0)?, operator.node(1)?])?))
}

/// Sum, largest or smallest of any number of tensors, taken from the left.
fn variadic(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let function = match operator.kind {
        "Max" => Binary::Max,
        "Min" => Binary::Min,
        _ => Binary::Add,
    };
    Ok(one(from_the_left(graph, operator, function)?))
}

/// (a + b + …) / count.
fn mean(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let total = from_the_left(graph, operator, Binary::Add)?;
    let count = graph.scalar(operator.inputs.len() as f64)?;
    Ok(one(graph.div(total, count)?))
}

fn from_the_left(graph: &mut Graph, operator: &Operator<'_>, function: Binary) -> Result<NodeId> {
    let mut result = operator.node(0)?;
    for position in 1..operator.inputs.len() {
        result = graph.add(Op::Binary(function), &[result, operator.node(position)?])?;
    }
    Ok(result)
}

/// aᵇ; a small integer b becomes multiplications, ½ a square root, so that derivatives exist for negative a and at 0.
fn pow(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let base = operator.node(0)?;
    let exponent = operator.number(graph, 1)?;
    let shape = graph.shape(base).clone();
    let keeps_shape = shape.broadcast(graph.shape(exponent))? == shape;
    let uniform = graph.constant_value(exponent).and_then(Tensor::uniform).filter(|_| keeps_shape);
    if uniform == Some(0.5) {
        return Ok(one(graph.sqrt(base)?));
    }
    Ok(one(match uniform.and_then(small_integer) {
        Some(0) => {
            let unit = graph.scalar(1.0)?;
            graph.broadcast(unit, shape)?
        }
        Some(power) => graph.powi(base, power)?,
        None => graph.pow(base, exponent)?,
    }))
}

/// The value as an exponent to multiply out.
fn small_integer(value: f64) -> Option<i32> {
    (-MAX_INTEGER_EXPONENT..=MAX_INTEGER_EXPONENT).find(|power| f64::from(*power) == value)
}

/// min(max(x, low), high), either bound optional; both are attributes in older operator sets.
fn clip(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let by_inputs = operator.opset >= CLIP_BY_INPUTS;
    if (by_inputs && !operator.attributes.is_empty()) || (!by_inputs && operator.inputs.len() > 1) {
        let place = if by_inputs { "inputs" } else { "attributes" };
        return Err(LegalizeError::refused(format!("the bounds of Clip are {place} in opset {}", operator.opset)));
    }
    let mut result = operator.node(0)?;
    for (position, name, function) in [(1, "min", Binary::Max), (2, "max", Binary::Min)] {
        let bound = match (operator.optional(position), operator.attributes.get(name)) {
            (Some(_), _) => Some(operator.node(position)?),
            (None, Some(Attribute::Real(bound))) => Some(graph.scalar(*bound)?),
            (None, Some(_)) => return Err(LegalizeError::refused(format!("attribute `{name}` must be a number"))),
            (None, None) => None,
        };
        if let Some(bound) = bound {
            result = graph.add(Op::Binary(function), &[result, bound])?;
        }
    }
    Ok(one(result))
}
