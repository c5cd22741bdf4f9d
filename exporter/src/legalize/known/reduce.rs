//! Sums, products and extremes over axes, and where an extreme is.

use std::cmp::Ordering;

use super::super::{Element, Integers, LegalizeError, Length, Operator, Result, axis_of};
use super::arithmetic::{extreme, order};
use super::{Row, given};

pub(super) const ROWS: &[Row] = &[
    Row("ArgMax", 1, 1, ARGUMENT, argument),
    Row("ArgMin", 1, 1, ARGUMENT, argument),
    Row("ReduceMax", 1, 2, AXES, reduce),
    Row("ReduceMin", 1, 2, AXES, reduce),
    Row("ReduceProd", 1, 2, AXES, reduce),
    Row("ReduceSum", 1, 2, AXES, reduce),
];

const AXES: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];
const ARGUMENT: &[&str] = &["axis", "keepdims", "select_last_index"];

fn reduce(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let rank = input.shape().len();
    let given_axes = operator.known(1, "axes")?.unwrap_or_default();
    let mut axes = given_axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?;
    if axes.is_empty() {
        if operator.integer("noop_with_empty_axes", 0)? != 0 {
            return Ok(vec![input.clone()]);
        }
        axes = (0..rank).collect();
    }
    let combine = |a: Length, b: Length| -> Result<Length> {
        let overflow = || LegalizeError::refused("an integer overflows");
        match (operator.kind, a, b) {
            ("ReduceMax" | "ReduceMin", a, b) => extreme(operator.kind == "ReduceMax", a, b),
            ("ReduceProd", Length::Known(1), value) | ("ReduceSum", Length::Known(0), value) => Ok(value),
            ("ReduceProd", value, Length::Known(1)) | ("ReduceSum", value, Length::Known(0)) => Ok(value),
            ("ReduceProd", a, b) => a.number()?.checked_mul(b.number()?).map(Length::Known).ok_or_else(overflow),
            (_, a, b) => a.number()?.checked_add(b.number()?).map(Length::Known).ok_or_else(overflow),
        }
    };
    let empty = match operator.kind {
        "ReduceProd" => Some(Length::Known(1)),
        "ReduceSum" => Some(Length::Known(0)),
        _ => None,
    };
    let result = over(input, &axes, |line| {
        let start = empty.or_else(|| line.first().copied());
        let start = start.ok_or_else(|| LegalizeError::refused("the extreme of no elements"))?;
        line.iter().try_fold(start, |total, value| combine(total, *value))
    })?;
    Ok(vec![dropped(&result, &axes, operator.integer("keepdims", 1)? != 0)?])
}

/// The index of the first (or last) largest or smallest element along an axis.
fn argument(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let axis = axis_of(operator.integer("axis", 0)?, input.shape().len())?;
    let last = operator.integer("select_last_index", 0)? != 0;
    let wanted = if operator.kind == "ArgMax" { Ordering::Greater } else { Ordering::Less };
    let result = over(input, &[axis], |line| {
        let mut best = 0;
        for (at, value) in line.iter().enumerate().skip(1) {
            let found = order(*value, line[best])?;
            if found == wanted || (last && found == Ordering::Equal) {
                best = at;
            }
        }
        Ok(Length::from(crate::graph::Dim::Fixed(best)))
    })?;
    Ok(vec![dropped(&result, &[axis], operator.integer("keepdims", 1)? != 0)?])
}

/// `f` of the elements along `axes`, which stay with length 1.
fn over(input: &Integers, axes: &[usize], f: impl Fn(&[Length]) -> Result<Length>) -> Result<Integers> {
    let lengths = |reduced: bool| -> Vec<usize> {
        let length = |(axis, len): (usize, &usize)| if axes.contains(&axis) == reduced { *len } else { 1 };
        input.shape().iter().enumerate().map(length).collect()
    };
    let along = lengths(true);
    let mut line = Vec::new();
    Integers::build(lengths(false), Element::Integer, |base| {
        line.clear();
        Integers::build(along.clone(), Element::Integer, |offset| {
            let at: Vec<usize> = base.iter().zip(offset).map(|(base, offset)| base + offset).collect();
            line.push(input.at(&at));
            Ok(Length::Known(0))
        })?;
        f(&line)
    })
}

fn dropped(result: &Integers, axes: &[usize], keep: bool) -> Result<Integers> {
    if keep {
        return Ok(result.clone());
    }
    let shape = result.shape().iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, len)| *len);
    result.reshaped(shape.collect())
}
