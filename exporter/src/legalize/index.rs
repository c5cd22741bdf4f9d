//! Operators that pick elements of a row at indices known while a file is read.
//!
//! Indices that depend on the state are refused: which element is read would jump with the state.

use super::integers::clamp;
use super::pick::pick;
use super::{Integers, LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Dim, Graph, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("Gather", 2, 2, &["axis"], gather),
    Row("GatherElements", 2, 2, &["axis"], gather_elements),
    Row("GatherND", 2, 2, &["batch_dims"], gather_nd),
    Row("Slice", 1, 5, &["axes", "ends", "starts"], slice),
];

/// Most elements that one operator picks along an axis.
const MAX_PICKED: usize = 1 << 16;

/// Elements of axes from start to end in steps, backwards where a step is negative.
fn slice(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let given = |position, name: &str| {
        let values = operator.known(position, name)?;
        values.ok_or_else(|| LegalizeError::refused(format!("`{name}` is missing")))
    };
    let (starts, ends) = (given(1, "starts")?, given(2, "ends")?);
    let axes = operator.known(3, "axes")?.unwrap_or_else(|| (0i64..).take(starts.len()).collect());
    let steps = match operator.optional(4) {
        Some(_) => operator.integers(4)?.known()?,
        None => vec![1; starts.len()],
    };
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(LegalizeError::refused("starts, ends, axes and steps differ in length"));
    }
    let mut result = operator.node(0)?;
    for position in 0..starts.len() {
        let axis = axis_of(axes[position], graph.shape(result).rank())?;
        let (start, end, step) = (starts[position], ends[position], steps[position]);
        result = match graph.shape(result).len(axis) {
            Some(len) if step == 1 => {
                let (start, end) = clamp(start, end, len);
                graph.slice(result, axis, start, end.saturating_sub(start))?
            }
            Some(len) => pick(graph, result, axis, &window(start, end, step, len)?)?,
            None if takes_every_row(operator, start, end, step) => result,
            None => return Err(LegalizeError::refused("it takes some rows of the batch; rows must not mix")),
        };
    }
    Ok(one(result))
}

/// Ends beyond any length are how exporters write "to the end".
fn takes_every_row(operator: &Operator<'_>, start: i64, end: i64, step: i64) -> bool {
    let to_the_end = end >= i64::from(i32::MAX) || operator.frozen_batch.is_some_and(|rows| end >= rows);
    start == 0 && step == 1 && to_the_end
}

/// The indices of a slice of `len` elements: negative bounds count from the end, all are clamped.
pub(super) fn window(start: i64, end: i64, step: i64, len: usize) -> Result<Vec<usize>> {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = |at: i64| if at < 0 { at.saturating_add(signed) } else { at };
    let (start, end) = (from_start(start), from_start(end));
    let (mut at, end) = match step {
        0 => return Err(LegalizeError::refused("a step of 0")),
        1.. => (start.clamp(0, signed), end.clamp(0, signed)),
        // One before the first element is where a slice that runs backwards ends.
        _ => (start.clamp(0, (signed - 1).max(0)), end.clamp(-1, signed - 1)),
    };
    let mut indices = Vec::new();
    if len == 0 {
        return Ok(indices);
    }
    while if step > 0 { at < end } else { at > end } {
        if indices.len() == MAX_PICKED {
            return Err(LegalizeError::refused(format!("more than {MAX_PICKED} elements in steps of {step}")));
        }
        indices.push(usize::try_from(at).map_err(|_| LegalizeError::refused(format!("index {at}")))?);
        at = at.saturating_add(step);
    }
    Ok(indices)
}

/// Elements of an axis at indices of any shape, which takes the place of the axis.
fn gather(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let indices = operator.integers(1)?;
    let x = operator.node(0)?;
    let shape = graph.shape(x).clone();
    let axis = axis_of(operator.integer("axis", 0)?, shape.rank())?;
    let Some(len) = shape.len(axis) else {
        return Err(LegalizeError::refused("it picks rows of the batch; rows must not mix"));
    };
    let picked = pick(graph, x, axis, &wrapped(indices, len)?)?;
    let mut dims = shape.dims()[..axis].to_vec();
    dims.extend(indices.shape().iter().map(|len| Dim::Fixed(*len)));
    dims.extend_from_slice(&shape.dims()[axis + 1..]);
    Ok(one(graph.reshape(picked, Shape::new(dims)?)?))
}

/// Indices into `len` elements, negative ones counted from the end.
fn wrapped(indices: &Integers, len: usize) -> Result<Vec<usize>> {
    let known = indices.known()?;
    if known.len() > MAX_PICKED {
        return Err(LegalizeError::refused(format!("{} indices exceed the limit of {MAX_PICKED}", known.len())));
    }
    let place = |index: i64| {
        axis_of(index, len).map_err(|_| LegalizeError::refused(format!("index {index} is beyond the {len} elements")))
    };
    known.into_iter().map(place).collect()
}

/// y\[i, j, k\] = x\[i, index\[i, j, k\], k\] for axis 1, and so on for others.
fn gather_elements(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, indices) = (operator.node(0)?, operator.integers(1)?);
    let places = Places::of(graph.shape(x), indices, operator.integer("axis", 0)?)?;
    let to = Shape::fixed(indices.shape())?;
    let (from, axis, positions) = match places {
        Places::Axis { axis, lens, positions } => {
            let mut cut = x;
            for (other, len) in lens.iter().enumerate().filter(|(other, _)| *other != axis) {
                cut = graph.slice(cut, other, 0, *len)?;
            }
            (cut, axis, positions)
        }
        places => {
            let positions = places.flat(graph.shape(x));
            let flat = Shape::fixed(&[graph.shape(x).row_len()])?;
            (graph.reshape(x, flat)?, 0, positions)
        }
    };
    let picked = pick(graph, from, axis, &positions)?;
    Ok(one(graph.reshape(picked, to)?))
}

/// Where the operators that index element by element read or write.
pub(super) enum Places {
    /// One position per element of an axis, the same everywhere else; `lens` is the shape of the indices.
    Axis { axis: usize, lens: Vec<usize>, positions: Vec<usize> },
    /// One position along an axis per index, row-major.
    Each { axis: usize, lens: Vec<usize>, positions: Vec<usize> },
}

impl Places {
    pub(super) fn of(shape: &Shape, indices: &Integers, axis: i64) -> Result<Self> {
        let axis = axis_of(axis, shape.rank())?;
        if shape.is_batched() {
            return Err(LegalizeError::refused(
                "its indices are listed row by row of the batch; pick columns by indices of their own (Gather)",
            ));
        }
        let (lens, row) = (indices.shape().to_vec(), shape.row());
        let fits = |at: usize| at == axis || lens[at] <= row[at];
        if lens.len() != row.len() || !(0..lens.len()).all(fits) {
            return Err(LegalizeError::refused(format!("indices of shape {lens:?} do not lie within {shape}")));
        }
        let places = wrapped(indices, row[axis])?;
        let inner: usize = lens[axis + 1..].iter().product();
        let along: Vec<usize> = (0..lens[axis]).filter_map(|at| places.get(at * inner).copied()).collect();
        let uniform = places.iter().enumerate().all(|(at, place)| along[at / inner % lens[axis]] == *place);
        let positions = if uniform { along } else { places };
        Ok(if uniform { Self::Axis { axis, lens, positions } } else { Self::Each { axis, lens, positions } })
    }

    /// Positions in the row-major elements of `shape`, one per index.
    pub(super) fn flat(&self, shape: &Shape) -> Vec<usize> {
        let row = shape.row();
        let (Self::Axis { axis, lens, positions } | Self::Each { axis, lens, positions }) = self;
        let inner: usize = lens[axis + 1..].iter().product();
        let flat = (0..lens.iter().product()).map(|at: usize| {
            let index = if matches!(self, Self::Axis { .. }) { at / inner % lens[*axis] } else { at };
            let (mut rest, mut position, mut stride) = (at, 0, 1);
            for other in (0..lens.len()).rev() {
                position += stride * if other == *axis { positions[index] } else { rest % lens[other] };
                rest /= lens[other];
                stride *= row[other];
            }
            position
        });
        flat.collect()
    }
}

/// Blocks of x at index tuples, one per place of the indices' leading dimensions.
fn gather_nd(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, indices) = (operator.node(0)?, operator.integers(1)?);
    let shape = graph.shape(x).clone();
    let shared = usize::try_from(operator.integer("batch_dims", 0)?).ok().filter(|dims| *dims < shape.rank());
    let Some(shared) = shared.filter(|dims| *dims < indices.shape().len()) else {
        return Err(LegalizeError::refused("`batch_dims` is not below the rank of data and indices"));
    };
    let tuples = Tuples::of(&shape, indices, shared)?;
    let mut dims = vec![Dim::Fixed(tuples.indexed_len)];
    dims.extend_from_slice(&shape.dims()[tuples.indexed_rank..]);
    let merged = graph.reshape(x, Shape::new(dims)?)?;
    let picked = pick(graph, merged, 0, &tuples.positions)?;
    let mut to: Vec<Dim> = indices.shape()[..indices.shape().len() - 1].iter().map(|len| Dim::Fixed(*len)).collect();
    to.extend_from_slice(&shape.dims()[tuples.indexed_rank..]);
    Ok(one(graph.reshape(picked, Shape::new(to)?)?))
}

/// Index tuples as positions in the first dimensions of a shape, taken together.
pub(super) struct Tuples {
    /// How many dimensions a tuple fixes, the shared ones included.
    pub(super) indexed_rank: usize,
    /// Elements of these dimensions.
    pub(super) indexed_len: usize,
    /// One position per tuple.
    pub(super) positions: Vec<usize>,
}

impl Tuples {
    /// Tuples are the last dimension of `indices`; its first `shared` dimensions are those of the shape.
    pub(super) fn of(shape: &Shape, indices: &Integers, shared: usize) -> Result<Self> {
        if shape.is_batched() {
            return Err(LegalizeError::refused(
                "its indices name rows of the batch; rows must not mix, so index the columns only (Gather, Slice)",
            ));
        }
        let row = shape.row();
        let Some((width, lead)) = indices.shape().split_last() else {
            return Err(LegalizeError::refused("a single integer holds no index tuples"));
        };
        let indexed_rank = shared.saturating_add(*width);
        if *width == 0 || indexed_rank > row.len() || lead[..shared] != row[..shared] {
            let found = indices.shape();
            return Err(LegalizeError::refused(format!("index tuples of shape {found:?} do not fit {shape}")));
        }
        let known = indices.known()?;
        let (shared_len, per_shared): (usize, usize) =
            (lead[..shared].iter().product(), lead[shared..].iter().product());
        if shared_len.saturating_mul(per_shared) > MAX_PICKED {
            return Err(LegalizeError::refused(format!("more than {MAX_PICKED} index tuples")));
        }
        let mut positions = Vec::new();
        for (at, tuple) in known.chunks_exact(*width).enumerate() {
            let mut position = at / per_shared;
            for (index, len) in tuple.iter().zip(&row[shared..]) {
                position = position * len + wrapped(&Integers::of(&[*index]), *len)?[0];
            }
            positions.push(position);
        }
        Ok(Self { indexed_rank, indexed_len: row[..indexed_rank].iter().product(), positions })
    }
}
