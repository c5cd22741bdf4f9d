//! The same elements in another shape, or along other axes.

use super::super::{Integers, LegalizeError, Length, Operator, Result, axis_of, broadcast_lengths};
use super::{Row, given, natural};

pub(super) const ROWS: &[Row] = &[
    Row("Expand", 2, 2, &[], expand),
    Row("Flatten", 1, 1, &["axis"], flatten),
    Row("Identity", 1, 1, &[], identity),
    Row("Reshape", 1, 2, &["allowzero", "shape"], reshape),
    Row("Shape", 1, 1, &["end", "start"], shape),
    Row("Size", 1, 1, &[], size),
    Row("Squeeze", 1, 2, &["axes"], squeeze),
    Row("Transpose", 1, 1, &["perm"], transpose),
    Row("Unsqueeze", 1, 2, &["axes"], unsqueeze),
];

fn identity(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    Ok(vec![given(inputs, 0)?.clone()])
}

fn lengths(shape: &[usize]) -> Vec<Length> {
    shape.iter().map(|len| Length::from(crate::graph::Dim::Fixed(*len))).collect()
}

fn shape(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let shape = given(inputs, 0)?.shape();
    let (start, end) = operator.shape_range(shape.len())?;
    Ok(vec![Integers::list(lengths(&shape[start..end]))])
}

fn size(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    Ok(vec![Integers::scalar(lengths(&[given(inputs, 0)?.values().len()])[0])])
}

/// 0 keeps the input's length at that place, one −1 is worked out.
fn reshape(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let target = operator.known(1, "shape")?.ok_or_else(|| LegalizeError::refused("it has no target shape"))?;
    let keep_zero = operator.integer("allowzero", 0)? == 0;
    let mut shape = Vec::with_capacity(target.len());
    let mut unknown = None;
    for (place, length) in target.iter().enumerate() {
        shape.push(match length {
            0 if keep_zero => *input.shape().get(place).ok_or_else(|| {
                LegalizeError::refused(format!(
                    "length 0 at place {place} keeps a length that {:?} does not have",
                    input.shape()
                ))
            })?,
            -1 if unknown.replace(place).is_some() => return Err(LegalizeError::refused("two lengths are −1")),
            -1 => 1,
            length => natural(*length, "a length")?,
        });
    }
    if let Some(place) = unknown {
        let others = shape.iter().try_fold(1usize, |product, len| product.checked_mul(*len)).unwrap_or(0);
        shape[place] = input.values().len().checked_div(others).unwrap_or(0);
    }
    Ok(vec![input.reshaped(shape)?])
}

fn flatten(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let rank = input.shape().len();
    // The axis may be the rank itself: everything goes before it.
    let axis = match operator.integer("axis", 1)? {
        end if usize::try_from(end) == Ok(rank) => rank,
        axis => axis_of(axis, rank)?,
    };
    let (before, after) = input.shape().split_at(axis);
    Ok(vec![input.reshaped(vec![before.iter().product(), after.iter().product()])?])
}

fn squeeze(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let shape = input.shape();
    let axes = match operator.known(1, "axes")? {
        Some(axes) => axes.iter().map(|axis| axis_of(*axis, shape.len())).collect::<Result<Vec<_>>>()?,
        None => (0..shape.len()).filter(|axis| shape[*axis] == 1).collect(),
    };
    if let Some(axis) = axes.iter().find(|axis| shape[**axis] != 1) {
        return Err(LegalizeError::refused(format!("axis {axis} of {shape:?} is not of length 1")));
    }
    let kept = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, len)| *len);
    Ok(vec![input.reshaped(kept.collect())?])
}

/// Dimensions of length 1 put in; axes count in the result.
fn unsqueeze(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let axes = operator.known(1, "axes")?.ok_or_else(|| LegalizeError::refused("it has no axes"))?;
    let rank = input.shape().len().saturating_add(axes.len());
    let axes = axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?;
    let mut rest = input.shape().iter();
    let shape: Vec<usize> =
        (0..rank).filter_map(|axis| if axes.contains(&axis) { Some(1) } else { rest.next().copied() }).collect();
    if shape.len() != rank {
        return Err(LegalizeError::refused(format!("axes {axes:?} name one twice")));
    }
    Ok(vec![input.reshaped(shape)?])
}

fn expand(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, target) = (given(inputs, 0)?, given(inputs, 1)?);
    let target = target.known()?.into_iter().map(|len| natural(len, "a length")).collect::<Result<Vec<_>>>()?;
    let shape = broadcast_lengths(input.shape(), &target)?;
    Ok(vec![Integers::build(shape, input.element(), |index| Ok(input.stretched_at(index)))?])
}

fn transpose(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let rank = input.shape().len();
    let order = match operator.known(1, "perm")? {
        Some(order) => order.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(LegalizeError::refused(format!("{order:?} does not permute {rank} dimensions")));
    }
    let mut source = vec![0; rank];
    let shape = order.iter().map(|axis| input.shape()[*axis]).collect();
    let result = Integers::build(shape, input.element(), |index| {
        for (axis, at) in order.iter().zip(index) {
            source[*axis] = *at;
        }
        Ok(input.at(&source))
    })?;
    Ok(vec![result])
}
