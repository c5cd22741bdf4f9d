//! Arrays made from a description of them.

use super::super::{Attribute, Element, Integers, LegalizeError, Length, MAX_INTEGERS, Operator, Result, axis_of};
use super::arithmetic::unknown_rows;
use super::{Row, element_of, given, natural};

pub(super) const ROWS: &[Row] = &[
    Row("ConstantOfShape", 1, 1, &["value"], constant_of_shape),
    Row("CumSum", 2, 2, &["exclusive", "reverse"], cumulative_sum),
    Row("EyeLike", 1, 1, &["dtype", "k"], identity_matrix),
    Row("NonZero", 1, 1, &[], non_zero),
    Row("Range", 3, 3, &["stash_type"], range),
    Row("Trilu", 1, 2, &["upper"], triangle),
];

fn constant_of_shape(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let Some(Attribute::IntegerTensor(tensor)) = operator.attributes.get("value") else {
        return Err(LegalizeError::refused("attribute `value` must be a tensor"));
    };
    let [value] = tensor.values() else {
        return Err(LegalizeError::refused("attribute `value` must hold one element"));
    };
    let shape =
        given(inputs, 0)?.known()?.into_iter().map(|len| natural(len, "a length")).collect::<Result<Vec<_>>>()?;
    Ok(vec![Integers::build(shape, tensor.element(), |_| Ok(*value))?])
}

/// From start until limit, in steps.
fn range(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let bound = |position: usize| match given(inputs, position)?.values() {
        [Length::Known(value)] => Ok(*value),
        [Length::Batch] => unknown_rows(),
        _ => Err(LegalizeError::refused(format!("input {position} must be one integer"))),
    };
    let (start, limit, step) = (bound(0)?, bound(1)?, bound(2)?);
    if step == 0 {
        return Err(LegalizeError::refused("a step of 0"));
    }
    let mut values = Vec::new();
    let mut next = Some(start);
    while let Some(value) = next.filter(|value| if step > 0 { *value < limit } else { *value > limit }) {
        if values.len() == MAX_INTEGERS {
            return Err(LegalizeError::refused(format!("more than {MAX_INTEGERS} integers")));
        }
        values.push(Length::Known(value));
        next = value.checked_add(step);
    }
    Ok(vec![Integers::list(values)])
}

/// Where the diagonal of a matrix is shifted to: how far its column is ahead of its row.
fn ahead(row: usize, column: usize) -> i64 {
    let signed = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    signed(column) - signed(row)
}

fn identity_matrix(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let (shift, element) = (operator.integer("k", 0)?, element_of(operator, "dtype", input.element())?);
    if input.shape().len() != 2 {
        return Err(LegalizeError::refused("its input is no matrix"));
    }
    let shape = input.shape().to_vec();
    Ok(vec![Integers::build(shape, element, |index| Ok(Length::from(ahead(index[0], index[1]) == shift)))?])
}

/// The upper or lower triangle of the last two dimensions; 0 elsewhere.
fn triangle(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let upper = operator.integer("upper", 1)? != 0;
    let shift = match inputs.get(1).copied().flatten().map(Integers::values) {
        None => 0,
        Some([value]) => value.number()?,
        Some(_) => return Err(LegalizeError::refused("input 1 must be one integer")),
    };
    if input.shape().len() < 2 {
        return Err(LegalizeError::refused("its input is no matrix"));
    }
    let result = Integers::build(input.shape().to_vec(), input.element(), |index| {
        let ahead = ahead(index[index.len() - 2], index[index.len() - 1]);
        let kept = if upper { ahead >= shift } else { ahead <= shift };
        Ok(if kept { input.at(index) } else { Length::Known(0) })
    })?;
    Ok(vec![result])
}

/// Indices of all elements that are not 0: one row per dimension, one column per element.
fn non_zero(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let mut found: Vec<Vec<usize>> = Vec::new();
    Integers::build(input.shape().to_vec(), input.element(), |index| {
        if input.at(index) != Length::Known(0) {
            found.push(index.to_vec());
        }
        Ok(Length::Known(0))
    })?;
    let shape = vec![input.shape().len(), found.len()];
    let result = Integers::build(shape, Element::Integer, |index| {
        Ok(Length::from(crate::graph::Dim::Fixed(found[index[1]][index[0]])))
    })?;
    Ok(vec![result])
}

/// Running sums along an axis, from either end, with or without the element itself.
fn cumulative_sum(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, axis) = (given(inputs, 0)?, given(inputs, 1)?.known()?);
    let [axis] = axis[..] else {
        return Err(LegalizeError::refused("its axis must be one integer"));
    };
    let axis = axis_of(axis, input.shape().len())?;
    let (exclusive, reverse) = (operator.integer("exclusive", 0)? != 0, operator.integer("reverse", 0)? != 0);
    let len = input.shape()[axis];
    let mut sums = input.known()?;
    let inner: usize = input.shape()[axis + 1..].iter().product();
    let values = sums.clone();
    // Elements along the axis are `inner` apart; each line of them is summed by itself.
    for first in (0..sums.len()).filter(|place| (place / inner.max(1)).is_multiple_of(len.max(1))) {
        let mut total = 0i64;
        for step in 0..len {
            let place = first + inner * if reverse { len - 1 - step } else { step };
            let next =
                total.checked_add(values[place]).ok_or_else(|| LegalizeError::refused("an integer overflows"))?;
            sums[place] = if exclusive { total } else { next };
            total = next;
        }
    }
    Ok(vec![Integers::new(input.shape().to_vec(), sums.into_iter().map(Length::Known).collect())?])
}
