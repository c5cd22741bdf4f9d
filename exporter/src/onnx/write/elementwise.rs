//! Operators that work element by element: one ONNX operator each.

use super::super::OnnxError;
use super::writer::{Draft, Writer};
use crate::graph::{Binary, Comparison, NodeId, Op, Unary};

/// Writes a unary, binary, comparison or selection node.
pub(super) fn write(writer: &mut Writer<'_>, id: NodeId) -> Result<(), OnnxError> {
    let names = writer.values(id)?;
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let (operator, formula) = match (&writer.graph().node(id).op, inputs.as_slice()) {
        (Op::Unary(function), [x]) => unary(*function, x),
        (Op::Binary(function), [a, b]) => binary(*function, a, b),
        (Op::Compare(comparison), [a, b]) => compare(*comparison, a, b),
        (_, [condition, a, b]) => ("Where", format!("{condition} ? {a} : {b}")),
        (op, _) => return Err(OnnxError::unsupported(format!("{} as elementwise", op.name()), "report this")),
    };
    writer.emit(id, Draft::of(operator, &inputs, formula));
    Ok(())
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
