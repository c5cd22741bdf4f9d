//! Elements joined, cut, picked or put at known places.

use super::super::index::window;
use super::super::{ANY, Attribute, Integers, LegalizeError, Length, MAX_INTEGERS, Operator, Result, axis_of};
use super::{Row, given, natural};

pub(super) const ROWS: &[Row] = &[
    Row("Concat", 1, ANY, &["axis"], concat),
    Row("Gather", 2, 2, &["axis"], gather),
    Row("GatherElements", 2, 2, &["axis"], gather_elements),
    Row("GatherND", 2, 2, &["batch_dims"], gather_nd),
    Row("ScatterND", 3, 3, &["reduction"], scatter_nd),
    Row("Slice", 1, 5, &["axes", "ends", "starts"], slice),
    Row("Split", 1, 2, &["axis", "num_outputs", "split"], split),
    Row("Tile", 2, 2, &[], tile),
];

/// `shape` with another length at `axis`.
fn with_length(shape: &[usize], axis: usize, len: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape[axis] = len;
    shape
}

/// `index` with another coordinate at `axis`.
fn moved(index: &[usize], axis: usize, at: usize) -> Vec<usize> {
    with_length(index, axis, at)
}

fn concat(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let parts = (0..inputs.len()).map(|position| given(inputs, position)).collect::<Result<Vec<_>>>()?;
    let first = parts[0];
    let axis = axis_of(operator.integer("axis", 0)?, first.shape().len())?;
    let mut starts = Vec::with_capacity(parts.len());
    let mut len = 0usize;
    for part in &parts {
        if part.shape().len() != first.shape().len()
            || with_length(part.shape(), axis, 0) != with_length(first.shape(), axis, 0)
        {
            let message = format!("{:?} and {:?} do not join along axis {axis}", first.shape(), part.shape());
            return Err(LegalizeError::refused(message));
        }
        starts.push(len);
        len = len.saturating_add(part.shape()[axis]);
    }
    let result = Integers::build(with_length(first.shape(), axis, len), first.element(), |index| {
        // The last part that starts here or before; empty ones start where the next does.
        let place = starts.partition_point(|start| *start <= index[axis]) - 1;
        Ok(parts[place].at(&moved(index, axis, index[axis] - starts[place])))
    })?;
    Ok(vec![result])
}

/// Elements `start`, `start + step`, … of each axis.
fn slice(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let missing = |what: &str| LegalizeError::refused(format!("it has no {what}"));
    let starts = operator.known(1, "starts")?.ok_or_else(|| missing("starts"))?;
    let ends = operator.known(2, "ends")?.ok_or_else(|| missing("ends"))?;
    let axes = operator.known(3, "axes")?.unwrap_or_else(|| (0i64..).take(starts.len()).collect());
    let steps = match inputs.get(4).copied().flatten() {
        Some(steps) => steps.known()?,
        None => vec![1; starts.len()],
    };
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(LegalizeError::refused("starts, ends, axes and steps differ in length"));
    }
    let mut result = given(inputs, 0)?.clone();
    for (place, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, result.shape().len())?;
        let kept = window(starts[place], ends[place], steps[place], result.shape()[axis])?;
        let shape = with_length(result.shape(), axis, kept.len());
        result =
            Integers::build(shape, result.element(), |index| Ok(result.at(&moved(index, axis, kept[index[axis]]))))?;
    }
    Ok(vec![result])
}

fn split(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let input = given(inputs, 0)?;
    let axis = axis_of(operator.integer("axis", 0)?, input.shape().len())?;
    let len = input.shape()[axis];
    let parts = match operator.known(1, "split")? {
        Some(parts) => parts.into_iter().map(|part| natural(part, "a part")).collect::<Result<Vec<_>>>()?,
        None => {
            // The last part is smaller where the length does not divide.
            let size = len.div_ceil(operator.output_count.max(1));
            (0..operator.output_count).map(|part| len.saturating_sub(part.saturating_mul(size)).min(size)).collect()
        }
    };
    if parts.iter().try_fold(0usize, |sum, part| sum.checked_add(*part)) != Some(len) {
        return Err(LegalizeError::refused(format!("parts {parts:?} do not make up {len}")));
    }
    let mut start = 0;
    let mut results = Vec::with_capacity(parts.len());
    for part in parts {
        let shape = with_length(input.shape(), axis, part);
        results.push(Integers::build(shape, input.element(), |index| {
            Ok(input.at(&moved(index, axis, start + index[axis])))
        })?);
        start += part;
    }
    Ok(results)
}

fn gather(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, indices) = (given(inputs, 0)?, given(inputs, 1)?);
    let axis = axis_of(operator.integer("axis", 0)?, input.shape().len())?;
    let inner = axis + indices.shape().len();
    let shape = [&input.shape()[..axis], indices.shape(), &input.shape()[axis + 1..]].concat();
    let result = Integers::build(shape, input.element(), |index| {
        let at = axis_of(indices.at(&index[axis..inner]).number()?, input.shape()[axis])?;
        Ok(input.at(&[&index[..axis], &[at], &index[inner..]].concat()))
    })?;
    Ok(vec![result])
}

fn gather_elements(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, indices) = (given(inputs, 0)?, given(inputs, 1)?);
    let rank = input.shape().len();
    let axis = axis_of(operator.integer("axis", 0)?, rank)?;
    let within = |(at, (len, have)): (usize, (&usize, &usize))| at == axis || len <= have;
    if indices.shape().len() != rank || !indices.shape().iter().zip(input.shape()).enumerate().all(within) {
        return Err(LegalizeError::refused(format!(
            "indices {:?} are no part of {:?}",
            indices.shape(),
            input.shape()
        )));
    }
    let result = Integers::build(indices.shape().to_vec(), input.element(), |index| {
        Ok(input.at(&moved(index, axis, axis_of(indices.at(index).number()?, input.shape()[axis])?)))
    })?;
    Ok(vec![result])
}

/// The coordinates in row `at` of `indices`, for the dimensions of `shape` from `skip` on.
fn coordinates(indices: &Integers, at: &[usize], shape: &[usize], skip: usize) -> Result<Vec<usize>> {
    let depth = indices.shape().last().copied().unwrap_or(0);
    (0..depth).map(|place| axis_of(indices.at(&[at, &[place]].concat()).number()?, shape[skip + place])).collect()
}

fn gather_nd(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, indices) = (given(inputs, 0)?, given(inputs, 1)?);
    let shared = natural(operator.integer("batch_dims", 0)?, "`batch_dims`")?;
    let mismatch = || LegalizeError::refused(format!("indices {:?} do not fit {:?}", indices.shape(), input.shape()));
    let Some((depth, rows)) = indices.shape().split_last() else { return Err(mismatch()) };
    if shared > rows.len()
        || shared.saturating_add(*depth) > input.shape().len()
        || rows[..shared] != input.shape()[..shared]
    {
        return Err(mismatch());
    }
    let shape = [rows, &input.shape()[shared + depth..]].concat();
    let result = Integers::build(shape, input.element(), |index| {
        let (at, rest) = index.split_at(rows.len());
        let picked = coordinates(indices, at, input.shape(), shared)?;
        Ok(input.at(&[&at[..shared], &picked, rest].concat()))
    })?;
    Ok(vec![result])
}

fn scatter_nd(operator: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, indices, updates) = (given(inputs, 0)?, given(inputs, 1)?, given(inputs, 2)?);
    let combine: fn(i64, i64) -> Option<i64> = match operator.attributes.get("reduction") {
        None => |_, new| Some(new),
        Some(Attribute::Text(reduction)) => match reduction.as_str() {
            "none" => |_, new| Some(new),
            "add" => i64::checked_add,
            "mul" => i64::checked_mul,
            "max" => |old, new| Some(old.max(new)),
            "min" => |old, new| Some(old.min(new)),
            other => return Err(LegalizeError::refused(format!("reduction `{other}`"))),
        },
        Some(_) => return Err(LegalizeError::refused("attribute `reduction` must be a text")),
    };
    let mismatch = || LegalizeError::refused(format!("indices {:?} do not fit {:?}", indices.shape(), input.shape()));
    let Some((depth, rows)) = indices.shape().split_last() else { return Err(mismatch()) };
    if *depth > input.shape().len() || updates.shape() != [rows, &input.shape()[*depth..]].concat() {
        return Err(mismatch());
    }
    let mut values = input.values().to_vec();
    let place = |index: &[usize]| index.iter().zip(input.shape()).fold(0, |place, (at, len)| place * len + at);
    // Built for its walk over the updates; each goes to its place.
    Integers::build(updates.shape().to_vec(), input.element(), |index| {
        let (at, rest) = index.split_at(rows.len());
        let target = [coordinates(indices, at, input.shape(), 0)?.as_slice(), rest].concat();
        let value = &mut values[place(&target)];
        *value = match (*value, updates.at(index)) {
            (Length::Known(old), Length::Known(new)) => {
                let combined = combine(old, new).ok_or_else(|| LegalizeError::refused("an integer overflows"))?;
                Length::Known(combined)
            }
            (_, new) if !operator.attributes.contains_key("reduction") => new,
            _ => return super::arithmetic::unknown_rows(),
        };
        Ok(Length::Known(0))
    })?;
    Ok(vec![Integers::new(input.shape().to_vec(), values)?.cast(input.element())])
}

fn tile(_: &Operator<'_>, inputs: &[Option<&Integers>]) -> Result<Vec<Integers>> {
    let (input, repeats) = (given(inputs, 0)?, given(inputs, 1)?.known()?);
    if repeats.len() != input.shape().len() {
        return Err(LegalizeError::refused(format!(
            "{} repeats for {} dimensions",
            repeats.len(),
            input.shape().len()
        )));
    }
    let length =
        |(len, count): (&usize, &i64)| Ok(len.checked_mul(natural(*count, "a repeat")?).unwrap_or(MAX_INTEGERS + 1));
    let shape = input.shape().iter().zip(&repeats).map(length).collect::<Result<Vec<_>>>()?;
    let result = Integers::build(shape, input.element(), |index| {
        Ok(input.at(&index.iter().zip(input.shape()).map(|(at, len)| at % len).collect::<Vec<_>>()))
    })?;
    Ok(vec![result])
}
