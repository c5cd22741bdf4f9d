//! Operators that put elements into a row at indices known while a file is read.

use super::index::{Places, Tuples};
use super::pick::{along, join, pick, zeros_and_ones};
use super::{Attribute, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Binary, Dim, Graph, NodeId, Op, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("ScatterElements", 3, 3, &["axis", "reduction"], scatter_elements),
    Row("ScatterND", 3, 3, &["reduction"], scatter_nd),
];

/// Most elements of the dimensions that are scattered into, taken together.
const MAX_SCATTERED: usize = 1 << 16;
/// Most updates of one place that do not replace each other.
const MAX_ROUNDS: usize = 64;

/// Updates that meet what is there: `None` where they replace it.
type Reduction = Option<Binary>;

fn reduction(operator: &Operator<'_>) -> Result<Reduction> {
    match operator.attributes.get("reduction") {
        None => Ok(None),
        Some(Attribute::Text(name)) => match name.as_str() {
            "none" => Ok(None),
            "add" => Ok(Some(Binary::Add)),
            "mul" => Ok(Some(Binary::Mul)),
            "max" => Ok(Some(Binary::Max)),
            "min" => Ok(Some(Binary::Min)),
            _ => Err(LegalizeError::refused(format!("reduction `{name}`; it is none, add, mul, max or min"))),
        },
        Some(_) => Err(LegalizeError::refused("attribute `reduction` must be a text")),
    }
}

/// y = x with the updates at index tuples.
fn scatter_nd(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, indices, updates) = (operator.node(0)?, operator.integers(1)?, operator.node(2)?);
    let shape = graph.shape(x).clone();
    let tuples = Tuples::of(&shape, indices, 0)?;
    let rest = &shape.dims()[tuples.indexed_rank..];
    let merged = |len: usize| Shape::new([&[Dim::Fixed(len)], rest].concat());
    let (data, updates) =
        (graph.reshape(x, merged(tuples.indexed_len)?)?, graph.reshape(updates, merged(tuples.positions.len())?)?);
    let result = scatter(graph, data, updates, 0, &tuples.positions, reduction(operator)?)?;
    Ok(one(graph.reshape(result, shape)?))
}

/// y = x, but y\[i, index\[i, j, k\], k\] = updates\[i, j, k\] for axis 1, and so on for others.
fn scatter_elements(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, indices, updates) = (operator.node(0)?, operator.integers(1)?, operator.node(2)?);
    let shape = graph.shape(x).clone();
    if *graph.shape(updates) != Shape::fixed(indices.shape())? {
        let (updates, indices) = (graph.shape(updates), indices.shape());
        return Err(LegalizeError::refused(format!("updates of shape {updates} for indices of shape {indices:?}")));
    }
    let places = Places::of(&shape, indices, operator.integer("axis", 0)?)?;
    let (data, updates, axis, positions) = match places {
        Places::Axis { axis, lens, positions } if covers(&lens, &shape, axis) => (x, updates, axis, positions),
        places => {
            let flat = |len: usize| Shape::fixed(&[len]);
            let positions = places.flat(&shape);
            let data = graph.reshape(x, flat(shape.row_len())?)?;
            (data, graph.reshape(updates, flat(positions.len())?)?, 0, positions)
        }
    };
    let result = scatter(graph, data, updates, axis, &positions, reduction(operator)?)?;
    Ok(one(graph.reshape(result, shape)?))
}

/// Whether indices of lengths `lens` reach every element of the axes other than `axis`.
fn covers(lens: &[usize], shape: &Shape, axis: usize) -> bool {
    lens.iter().enumerate().all(|(at, len)| at == axis || shape.len(at) == Some(*len))
}

/// Puts the elements of `updates` at `positions` of `axis`.
fn scatter(
    graph: &mut Graph,
    data: NodeId,
    updates: NodeId,
    axis: usize,
    positions: &[usize],
    reduction: Reduction,
) -> Result<NodeId> {
    let len = graph.shape(data).len(axis).unwrap_or(0);
    if len > MAX_SCATTERED {
        return Err(LegalizeError::refused(format!("it scatters into {len} elements, the most is {MAX_SCATTERED}")));
    }
    match reduction {
        None => Ok(replace(graph, data, updates, axis, positions)?),
        Some(Binary::Add) => {
            let ones = positions.iter().enumerate().map(|(update, position)| (*position, update));
            let placed = match positions {
                [first, ..] if positions.iter().copied().eq(*first..first + positions.len()) => {
                    graph.pad(updates, axis, *first, len - first - positions.len())?
                }
                _ => along(graph, updates, axis, zeros_and_ones(len, positions.len(), ones)?)?,
            };
            Ok(graph.add_values(data, placed)?)
        }
        Some(reduction) => {
            let mut result = data;
            let mut rest: Vec<usize> = (0..positions.len()).collect();
            // A position that is named more than once takes its updates one after another.
            for _ in 0..MAX_ROUNDS {
                let mut taken = vec![false; len];
                let (now, later): (Vec<usize>, Vec<usize>) =
                    rest.iter().partition(|update| !std::mem::replace(&mut taken[positions[**update]], true));
                let places: Vec<usize> = now.iter().map(|update| positions[*update]).collect();
                let (old, new) = (pick(graph, result, axis, &places)?, pick(graph, updates, axis, &now)?);
                let met = graph.add(Op::Binary(reduction), &[old, new])?;
                result = replace(graph, result, met, axis, &places)?;
                rest = later;
                if rest.is_empty() {
                    return Ok(result);
                }
            }
            Err(LegalizeError::refused(format!("it updates one place more than {MAX_ROUNDS} times")))
        }
    }
}

/// `data` with `updates` at `positions`, the last one where several go to one place.
fn replace(
    graph: &mut Graph,
    data: NodeId,
    updates: NodeId,
    axis: usize,
    positions: &[usize],
) -> std::result::Result<NodeId, crate::graph::GraphError> {
    let len = graph.shape(data).len(axis).unwrap_or(0);
    let mut sources: Vec<usize> = (0..len).collect();
    for (update, position) in positions.iter().enumerate() {
        sources[*position] = len + update;
    }
    join(graph, &[data, updates], axis, &sources)
}
