//! Operators that work element by element, with broadcasting. Integers are exact: an overflow is refused, not wrapped.

use std::cmp::Ordering;

use super::super::{ANY, Element, Integers, LegalizeError, Length, Operator, Result, broadcast_lengths};
use super::{Row, element_of, given};

use Length::{Batch, Known};

pub(super) const ROWS: &[Row] = &[
    Row("Abs", 1, 1, &[], unary),
    Row("Add", 2, 2, &[], fold),
    Row("And", 2, 2, &[], logic),
    Row("Cast", 1, 1, &["round_mode", "saturate", "to"], cast),
    Row("Clip", 1, 3, &[], clip),
    Row("Div", 2, 2, &[], fold),
    Row("Equal", 2, 2, &[], compare),
    Row("Greater", 2, 2, &[], compare),
    Row("GreaterOrEqual", 2, 2, &[], compare),
    Row("Less", 2, 2, &[], compare),
    Row("LessOrEqual", 2, 2, &[], compare),
    Row("Max", 1, ANY, &[], fold),
    Row("Min", 1, ANY, &[], fold),
    Row("Mod", 2, 2, &["fmod"], fold),
    Row("Mul", 2, 2, &[], fold),
    Row("Neg", 1, 1, &[], unary),
    Row("Not", 1, 1, &[], not),
    Row("Or", 2, 2, &[], logic),
    Row("Pow", 2, 2, &[], fold),
    Row("Relu", 1, 1, &[], unary),
    Row("Sign", 1, 1, &[], unary),
    Row("Sub", 2, 2, &[], fold),
    Row("Sum", 1, ANY, &[], fold),
    Row("Where", 3, 3, &[], choose),
    Row("Xor", 2, 2, &[], logic),
];

fn refused<T>(message: impl Into<String>) -> Result<T> {
    Err(LegalizeError::refused(message))
}

/// What can only be known once the number of rows is.
pub(super) fn unknown_rows<T>() -> Result<T> {
    refused("its result depends on the number of rows, which is unknown; export with a batch of 1")
}

/// Applies `f` to the elements of all `inputs` at each index of the shape they stretch to.
fn map<const N: usize>(
    inputs: [&Integers; N],
    element: Element,
    mut f: impl FnMut([Length; N]) -> Result<Length>,
) -> Result<Integers> {
    let mut shape = Vec::new();
    for input in inputs {
        shape = broadcast_lengths(&shape, input.shape())?;
    }
    Integers::build(shape, element, |index| f(inputs.map(|input| input.stretched_at(index))))
}

fn unary(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let result = map([given(inputs, 0)?], Element::Integer, |[value]| match (operator.kind, value) {
        ("Abs" | "Relu", Batch) => Ok(Batch),
        ("Sign", Batch) => Ok(Known(1)),
        ("Abs", Known(value)) => exact(value.checked_abs()),
        ("Relu", Known(value)) => Ok(Known(value.max(0))),
        ("Sign", Known(value)) => Ok(Known(value.signum())),
        (_, value) => exact(value.number()?.checked_neg()),
    })?;
    Ok(vec![result])
}

fn exact(value: Option<i64>) -> Result<Length> {
    value.map_or_else(|| refused("an integer overflows"), |value| Ok(Known(value)))
}

/// Arithmetic on two inputs, or on any number of them from the left.
fn fold(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let floor = operator.integer("fmod", 0)? == 0;
    let mut result = given(inputs, 0)?.clone();
    for position in 1..inputs.len() {
        result = map([&result, given(inputs, position)?], Element::Integer, |[a, b]| match operator.kind {
            "Max" | "Min" => extreme(operator.kind == "Max", a, b),
            kind => match (a, b) {
                (Known(a), Known(b)) => arithmetic(kind, floor, a, b),
                _ => with_batch(kind, a, b),
            },
        })?;
    }
    Ok(vec![result])
}

fn arithmetic(kind: &str, floor: bool, a: i64, b: i64) -> Result<Length> {
    exact(match kind {
        "Add" | "Sum" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" | "Mod" if b == 0 => return refused("it divides by 0"),
        "Div" => a.checked_div(b),
        // The remainder has the sign of the divisor, or with `fmod` that of the dividend.
        "Mod" => a.checked_rem(b).map(|rest| if floor && rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }),
        _ => u32::try_from(b).ok().and_then(|power| a.checked_pow(power)),
    })
}

/// What is true of any number of rows.
fn with_batch(kind: &str, a: Length, b: Length) -> Result<Length> {
    match (kind, a, b) {
        ("Add" | "Sum", value, Known(0)) | ("Add" | "Sum", Known(0), value) | ("Sub", value, Known(0)) => Ok(value),
        ("Mul", value, Known(1)) | ("Mul", Known(1), value) | ("Div" | "Pow", value, Known(1)) => Ok(value),
        ("Mul", _, Known(0)) | ("Mul", Known(0), _) | ("Sub" | "Mod", Batch, Batch) | ("Mod", _, Known(1 | -1)) => {
            Ok(Known(0))
        }
        ("Div", Batch, Batch) | ("Pow", _, Known(0)) | ("Pow", Known(1), _) => Ok(Known(1)),
        ("Div" | "Mod", Known(0), _) => Ok(Known(0)),
        _ => unknown_rows(),
    }
}

/// How `a` compares with `b`, where that is the same for any number of rows; there is at least one.
pub(super) fn order(a: Length, b: Length) -> Result<Ordering> {
    match (a, b) {
        (Known(a), Known(b)) => Ok(a.cmp(&b)),
        (Batch, Batch) => Ok(Ordering::Equal),
        (Batch, Known(b)) if b < 1 => Ok(Ordering::Greater),
        (Known(a), Batch) if a < 1 => Ok(Ordering::Less),
        _ => unknown_rows(),
    }
}

/// The larger or the smaller.
pub(super) fn extreme(larger: bool, a: Length, b: Length) -> Result<Length> {
    if let (Batch, Known(1)) | (Known(1), Batch) = (a, b) {
        return Ok(if larger { Batch } else { Known(1) });
    }
    let first = order(a, b)? == if larger { Ordering::Greater } else { Ordering::Less };
    Ok(if first { a } else { b })
}

fn compare(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let result = map([given(inputs, 0)?, given(inputs, 1)?], Element::Truth, |[a, b]| {
        // At least one row is enough for these, though not for the full order.
        match (operator.kind, a, b) {
            ("GreaterOrEqual", Batch, Known(1)) | ("LessOrEqual", Known(1), Batch) => return Ok(Known(1)),
            ("Less", Batch, Known(1)) | ("Greater", Known(1), Batch) => return Ok(Known(0)),
            _ => {}
        }
        let order = order(a, b)?;
        Ok(Length::from(match operator.kind {
            "Greater" => order.is_gt(),
            "GreaterOrEqual" => order.is_ge(),
            "Less" => order.is_lt(),
            "LessOrEqual" => order.is_le(),
            _ => order.is_eq(),
        }))
    })?;
    Ok(vec![result])
}

fn logic(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let result = map([given(inputs, 0)?, given(inputs, 1)?], Element::Truth, |[a, b]| {
        let (a, b) = (a.number()? != 0, b.number()? != 0);
        Ok(Length::from(match operator.kind {
            "And" => a && b,
            "Or" => a || b,
            _ => a != b,
        }))
    })?;
    Ok(vec![result])
}

fn not(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    Ok(vec![map([given(inputs, 0)?], Element::Truth, |[value]| Ok(Length::from(value.number()? == 0)))?])
}

fn choose(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (condition, yes, no) = (given(inputs, 0)?, given(inputs, 1)?, given(inputs, 2)?);
    let result = map([condition, yes, no], yes.element(), |[condition, yes, no]| {
        Ok(if condition.number()? != 0 { yes } else { no })
    })?;
    Ok(vec![result])
}

/// Between two bounds, each optional.
fn clip(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let mut result = given(inputs, 0)?.clone();
    for (position, larger) in [(1, true), (2, false)] {
        if let Some(bound) = inputs.get(position).copied().flatten() {
            result = map([&result, bound], Element::Integer, |[value, bound]| extreme(larger, value, bound))?;
        }
    }
    Ok(vec![result])
}

/// To integers or truth values. Widths are not kept: integers are exact here.
fn cast(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let Some(to) = operator.attributes.get("to") else { return refused("attribute `to` is missing") };
    if let super::super::Attribute::Integer(to) = to {
        super::super::fits(input, *to)?;
    }
    Ok(vec![input.cast(element_of(operator, "to", Element::Integer)?)])
}
