//! Operators that work element by element: one ONNX operator each, but for Softplus in f64.

use super::super::OnnxError;
use super::Precision;
use super::activation::Activation;
use super::document::real_attribute;
use super::writer::{Draft, Writer};
use crate::graph::{Binary, Comparison, NodeId, Op, Unary};

/// Writes a unary, binary, comparison or selection node.
pub(super) fn write(writer: &mut Writer<'_>, id: NodeId) -> Result<(), OnnxError> {
    let names = writer.values(id)?;
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let op = &writer.graph().node(id).op;
    if let (Op::Unary(Unary::Softplus), [x], Precision::F64) = (op, inputs.as_slice(), writer.options().precision) {
        return softplus(writer, id, x);
    }
    if let (Op::Unary(Unary::Erf | Unary::Atan), Precision::F64) = (op, writer.options().precision) {
        writer.change(format!("{} stays: ONNX Runtime has none in f64 and refuses the file", op.name()));
    }
    let (operator, formula) = match (op, inputs.as_slice()) {
        (Op::Unary(function), [x]) => unary(*function, x),
        (Op::Binary(function), [a, b]) => binary(*function, a, b),
        (Op::Compare(comparison), [a, b]) => compare(*comparison, a, b),
        (_, [condition, a, b]) => ("Where", format!("{condition} ? {a} : {b}")),
        (op, _) => return Err(OnnxError::unsupported(format!("{} as elementwise", op.name()), "report this")),
    };
    writer.emit(id, Draft::of(operator, &inputs, formula))
}

/// Writes an activation that is one operator.
pub(super) fn activation(writer: &mut Writer<'_>, id: NodeId, found: &Activation) -> Result<(), OnnxError> {
    let x = writer.value(found.x)?;
    let listed: String = found.attributes.iter().map(|(name, value)| format!(", {name} = {value}")).collect();
    let inputs = [x.as_str()];
    let mut draft = Draft::of(found.operator, &inputs, format!("{}({x}{listed})", found.operator));
    for (name, value) in &found.attributes {
        draft = draft.with(real_attribute(name, *value));
    }
    writer.emit(id, draft)
}

/// Writes e^min(x, 0) as min(y, 0) + 1, where y is the Elu of x.
pub(super) fn exponential(writer: &mut Writer<'_>, id: NodeId) -> Result<(), OnnxError> {
    let names = writer.values(id)?;
    let Some(y) = names.first() else {
        return Err(OnnxError::unsupported(format!("{id} without arguments"), "report this"));
    };
    let (zero, one) = (writer.number(0.0)?, writer.number(1.0)?);
    let below = writer.emit_between(Draft::of("Min", &[y, &zero], format!("min({y}, {zero})")))?;
    writer.emit(id, Draft::of("Add", &[&below, &one], format!("{below} + {one}")))
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + z) with z = e^−|x|, which overflows nowhere.
///
/// 1 + z rounds to u, and ln u + (z − (u − 1))/u gives back what that lost, so that the tail keeps all its digits.
fn softplus(writer: &mut Writer<'_>, id: NodeId, x: &str) -> Result<(), OnnxError> {
    writer.change("Softplus is written as max(x, 0) + log(1 + exp(-|x|)): ONNX Runtime has none in f64".to_owned());
    let (zero, one) = (writer.number(0.0)?, writer.number(1.0)?);
    let size = writer.emit_between(Draft::of("Abs", &[x], format!("abs({x})")))?;
    let exponent = writer.emit_between(Draft::of("Neg", &[&size], format!("-{size}")))?;
    let z = writer.emit_between(Draft::of("Exp", &[&exponent], format!("exp({exponent})")))?;
    let u = writer.emit_between(Draft::of("Add", &[&one, &z], format!("{one} + {z}")))?;
    let kept = writer.emit_between(Draft::of("Sub", &[&u, &one], format!("{u} - {one}")))?;
    let lost = writer.emit_between(Draft::of("Sub", &[&z, &kept], format!("{z} - {kept}")))?;
    let correction = writer.emit_between(Draft::of("Div", &[&lost, &u], format!("{lost} / {u}")))?;
    let log = writer.emit_between(Draft::of("Log", &[&u], format!("log({u})")))?;
    let rest = writer.emit_between(Draft::of("Add", &[&log, &correction], format!("{log} + {correction}")))?;
    let ramp = writer.emit_between(Draft::of("Max", &[x, &zero], format!("max({x}, {zero})")))?;
    writer.emit(id, Draft::of("Add", &[&ramp, &rest], format!("softplus({x}) = {ramp} + {rest}")))
}

fn unary(function: Unary, x: &str) -> (&'static str, String) {
    let operator = match function {
        Unary::Neg => return ("Neg", format!("-{x}")),
        Unary::Reciprocal => return ("Reciprocal", format!("1 / {x}")),
        Unary::Sqrt => "Sqrt",
        Unary::Exp => "Exp",
        Unary::Log => "Log",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Tanh => "Tanh",
        Unary::Sigmoid => "Sigmoid",
        Unary::Softplus => "Softplus",
        Unary::Abs => "Abs",
        Unary::Sign => "Sign",
        Unary::Erf => "Erf",
        Unary::Atan => "Atan",
        Unary::Floor => "Floor",
        Unary::Round => "Round",
    };
    (operator, format!("{}({x})", function.name()))
}

fn binary(function: Binary, a: &str, b: &str) -> (&'static str, String) {
    match function {
        Binary::Add => ("Add", format!("{a} + {b}")),
        Binary::Sub => ("Sub", format!("{a} - {b}")),
        Binary::Mul => ("Mul", format!("{a} * {b}")),
        Binary::Div => ("Div", format!("{a} / {b}")),
        Binary::Pow => ("Pow", format!("{a} ^ {b}")),
        Binary::Max => ("Max", format!("max({a}, {b})")),
        Binary::Min => ("Min", format!("min({a}, {b})")),
    }
}

fn compare(comparison: Comparison, a: &str, b: &str) -> (&'static str, String) {
    match comparison {
        Comparison::Greater => ("Greater", format!("{a} > {b}")),
        Comparison::GreaterOrEqual => ("GreaterOrEqual", format!("{a} >= {b}")),
        Comparison::Equal => ("Equal", format!("{a} == {b}")),
    }
}
