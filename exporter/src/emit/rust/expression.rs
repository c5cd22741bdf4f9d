//! Numbers and functions in Rust, and where their text comes from.

use crate::emit::source::library::Wanted;
use crate::graph::{Binary, Comparison, Unary};
use crate::lower::Pairwise;

/// Numbers with so few digits are written as such; others by their bits.
const PLAIN: f32 = 1024.0;

/// A number, exact.
pub(super) fn number(value: f32) -> String {
    let eighths = value * 8.0;
    if value.abs() <= PLAIN && eighths == eighths.trunc() && value.to_bits() != 0x8000_0000 {
        return format!("{value:?}");
    }
    format!("f32::from_bits({:#010x} /* {value:?} */)", value.to_bits())
}

/// A function of four numbers at once, as module and name, where there is one.
pub(super) fn lanes(op: Unary) -> Option<(&'static str, &'static str)> {
    match op {
        Unary::Tanh => Some(("tanh", "quad")),
        Unary::Exp => Some(("exponential", "exp_quad")),
        Unary::Sigmoid => Some(("exponential", "sigmoid_quad")),
        Unary::Softplus => Some(("exponential", "softplus_quad")),
        Unary::Erf => Some(("exponential", "erf_quad")),
        _ => None,
    }
}

/// The function's value at `x`.
pub(super) fn unary_call(op: Unary, x: &str, wanted: &mut Vec<Wanted>) -> String {
    let (module, name) = match op {
        Unary::Neg => return format!("-{x}"),
        Unary::Reciprocal => return format!("1.0 / {x}"),
        Unary::Abs => return format!("f32::abs({x})"),
        Unary::Sign => ("math", "sign"),
        Unary::Sqrt => ("ported", "sqrt"),
        Unary::Log => ("ported", "log"),
        Unary::Atan => ("ported", "atan"),
        Unary::Floor => ("ported", "floor"),
        Unary::Round => ("ported", "round"),
        Unary::Exp => ("exponential", "exp"),
        Unary::Sigmoid => ("exponential", "sigmoid"),
        Unary::Softplus => ("exponential", "softplus"),
        Unary::Erf => ("exponential", "erf"),
        Unary::Sin => ("circle", "sin"),
        Unary::Cos => ("circle", "cos"),
        Unary::Tanh => ("tanh", "tanh"),
    };
    wanted.push((module, name.to_owned()));
    format!("{module}::{name}({x})")
}

/// The function's value at `a` and `b`.
pub(super) fn pairwise_call(op: Pairwise, a: &str, b: &str, wanted: &mut Vec<Wanted>) -> String {
    let mut call = |module: &'static str, name: &str| {
        wanted.push((module, name.to_owned()));
        format!("{module}::{name}({a}, {b})")
    };
    let comparison = match op {
        Pairwise::Binary(Binary::Add) => return format!("{a} + {b}"),
        Pairwise::Binary(Binary::Sub) => return format!("{a} - {b}"),
        Pairwise::Binary(Binary::Mul) => return format!("{a} * {b}"),
        Pairwise::Binary(Binary::Div) => return format!("{a} / {b}"),
        Pairwise::Binary(Binary::Pow) => return call("ported", "pow"),
        Pairwise::Binary(Binary::Max) => return call("math", "max"),
        Pairwise::Binary(Binary::Min) => return call("math", "min"),
        Pairwise::Compare(Comparison::Greater) => ">",
        Pairwise::Compare(Comparison::GreaterOrEqual) => ">=",
        Pairwise::Compare(Comparison::Equal) => "==",
    };
    wanted.push(("math", "truth".to_owned()));
    format!("math::truth({a} {comparison} {b})")
}
