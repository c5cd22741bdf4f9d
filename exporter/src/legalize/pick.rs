//! Elements moved along an axis to places that are known while a file is read.
//!
//! Gather, Scatter, Slice with steps and the reflecting Pads only say which element goes where; how that is written is
//! decided here, once: as one slice, as a slice of a reshape for regular steps, as a few slices joined, and otherwise as a
//! product by a matrix of zeros and ones. All of them differentiate. It knows no operator of ONNX.

use std::ops::Range;

use crate::graph::{Dim, Graph, GraphError, NodeId, Shape, Tensor};

type Built = Result<NodeId, GraphError>;

/// Most slices that are joined before a product by a matrix takes their place.
const MAX_PIECES: usize = 32;
/// Most elements of a constant that a rule makes, unless it has no more than the constant it is made of.
pub(super) const MAX_MADE: usize = 1 << 20;

/// Elements of one source that stay together: consecutive ones, or one that is repeated.
enum Piece {
    Consecutive(Range<usize>),
    Repeated { at: usize, count: usize },
}

impl Piece {
    fn first(&self) -> usize {
        match self {
            Self::Consecutive(range) => range.start,
            Self::Repeated { at, .. } => *at,
        }
    }
}

/// x with the elements of `axis` at `positions` only, in that order.
///
/// # Errors
/// [`GraphError`] where a position is beyond the axis, the axis is the batch, or the result is too large.
pub(super) fn pick(graph: &mut Graph, x: NodeId, axis: usize, positions: &[usize]) -> Built {
    match graph.constant_value(x) {
        Some(tensor) => {
            let picked = pick_constant(tensor, axis, positions)?;
            graph.constant(picked)
        }
        None => join(graph, &[x], axis, positions),
    }
}

/// As [`pick`], from `sources` laid end to end along `axis`.
///
/// # Errors
/// As [`pick`], or where the sources do not join.
pub(super) fn join(graph: &mut Graph, sources: &[NodeId], axis: usize, positions: &[usize]) -> Built {
    let mut ends = Vec::new();
    let mut total = 0;
    for source in sources {
        total += fixed_len(graph.shape(*source), axis)?;
        ends.push(total);
    }
    if let Some(position) = positions.iter().find(|position| **position >= total) {
        return Err(GraphError::shape(format!("element {position} is beyond the {total} of axis {axis}")));
    }
    if let ([x], Some((start, step))) = (sources, regular_steps(positions)) {
        return strided(graph, *x, axis, (start, step, positions.len()));
    }
    let pieces = pieces(positions, &ends);
    if pieces.len() > MAX_PIECES {
        let whole = graph.concat(sources, axis)?;
        let ones = positions.iter().copied().enumerate();
        let matrix = zeros_and_ones(positions.len(), total, ones)?;
        return along(graph, whole, axis, matrix);
    }
    let mut parts = Vec::new();
    for piece in pieces {
        let first = piece.first();
        let source = ends.iter().position(|end| first < *end).unwrap_or(0);
        let before = if source == 0 { 0 } else { ends[source - 1] };
        parts.push(match piece {
            Piece::Consecutive(range) => graph.slice(sources[source], axis, range.start - before, range.len())?,
            Piece::Repeated { at, count } => {
                let single = graph.slice(sources[source], axis, at - before, 1)?;
                let shape = with_len(graph.shape(single), axis, count)?;
                graph.broadcast(single, shape)?
            }
        });
    }
    if parts.is_empty() { graph.slice(sources[0], axis, 0, 0) } else { graph.concat(&parts, axis) }
}

/// The matrix `[rows, columns]` with 1 at the given places and 0 elsewhere.
///
/// # Errors
/// [`GraphError::Shape`] where it would be too large.
pub(super) fn zeros_and_ones(
    rows: usize,
    columns: usize,
    ones: impl Iterator<Item = (usize, usize)>,
) -> Result<Tensor, GraphError> {
    if rows.checked_mul(columns).is_none_or(|len| len > MAX_MADE) {
        return Err(GraphError::shape(format!(
            "a matrix of {rows} by {columns} zeros and ones exceeds the limit of {MAX_MADE} elements"
        )));
    }
    let mut matrix = Tensor::full(&[rows, columns], 0.0)?;
    for (row, column) in ones {
        matrix.data_mut()[row * columns + column] = 1.0;
    }
    Ok(matrix)
}

/// Σⱼ matrix\[i, j\] · x\[…, j, …\] along `axis`: each element of the result is a combination of those of x.
///
/// # Errors
/// [`GraphError`] where the axis does not have as many elements as the matrix has columns.
pub(super) fn along(graph: &mut Graph, x: NodeId, axis: usize, matrix: Tensor) -> Built {
    let rows = matrix.shape()[0];
    let matrix = graph.constant(matrix)?;
    let shape = graph.shape(x).clone();
    let to = with_len(&shape, axis, rows)?;
    let block = Block::of(&shape, axis)?;
    let product = if block.inner == 1 {
        // A plain product needs two dimensions; a batch is the first of them.
        let rows = if block.outer == 1 && shape.is_batched() { vec![] } else { vec![block.outer] };
        let flat = graph.reshape(x, block.shape(&rows, &[block.len])?)?;
        graph.matmul_transposed(flat, matrix)?
    } else {
        let flat = graph.reshape(x, block.shape(&block.outer_dim(), &[block.len, block.inner])?)?;
        graph.matmul(matrix, flat)?
    };
    graph.reshape(product, to)
}

/// The shape with another length of `axis`.
///
/// # Errors
/// [`GraphError::Shape`] where there is no such axis of a fixed length, or the result is too large.
pub(super) fn with_len(shape: &Shape, axis: usize, len: usize) -> Result<Shape, GraphError> {
    fixed_len(shape, axis)?;
    let mut dims = shape.dims().to_vec();
    dims[axis] = Dim::Fixed(len);
    Shape::new(dims)
}

fn fixed_len(shape: &Shape, axis: usize) -> Result<usize, GraphError> {
    shape.len(axis).ok_or_else(|| GraphError::shape(format!("{shape} has no fixed axis {axis}; rows must not mix")))
}

/// A shape seen from one axis: `[batch?, outer, len, inner]`.
struct Block {
    batch: Vec<Dim>,
    outer: usize,
    len: usize,
    inner: usize,
}

impl Block {
    fn of(shape: &Shape, axis: usize) -> Result<Self, GraphError> {
        let len = fixed_len(shape, axis)?;
        let lens = |dims: &[Dim]| Shape::new(dims.to_vec()).map(|shape| shape.row_len());
        let (before, after) = (&shape.dims()[..axis], &shape.dims()[axis + 1..]);
        let batch = before.iter().copied().filter(|dim| *dim == Dim::Batch).collect();
        Ok(Self { batch, outer: lens(before)?, len, inner: lens(after)? })
    }

    /// The outer length as a dimension, where it is not 1.
    fn outer_dim(&self) -> Vec<usize> {
        if self.outer == 1 { vec![] } else { vec![self.outer] }
    }

    fn shape(&self, outer: &[usize], rest: &[usize]) -> Result<Shape, GraphError> {
        let fixed = outer.iter().chain(rest).map(|len| Dim::Fixed(*len));
        Shape::new(self.batch.iter().copied().chain(fixed).collect())
    }
}

/// First position and distance, where all are equally far apart, ascending, and more than 1 apart.
fn regular_steps(positions: &[usize]) -> Option<(usize, usize)> {
    let [first, second, ..] = positions else { return None };
    let step = second.checked_sub(*first).filter(|step| *step > 1)?;
    let regular = positions.windows(2).all(|pair| pair[1].checked_sub(pair[0]) == Some(step));
    regular.then_some((*first, step))
}

/// Every `step`-th element: in rows of `step` elements, one column.
fn strided(graph: &mut Graph, x: NodeId, axis: usize, (start, step, count): (usize, usize, usize)) -> Built {
    let shape = graph.shape(x).clone();
    let block = Block::of(&shape, axis)?;
    let span = step * count;
    let window = if span <= block.len {
        let first = start.min(block.len - span);
        (graph.slice(x, axis, first, span)?, start - first)
    } else {
        let tail = graph.slice(x, axis, start, block.len.min(start + span) - start)?;
        let missing = (start + span).saturating_sub(block.len);
        (graph.pad(tail, axis, 0, missing)?, 0)
    };
    let (window, column) = window;
    let rows = graph.reshape(window, block.shape(&block.outer_dim(), &[count, step * block.inner])?)?;
    let last = graph.shape(rows).rank() - 1;
    let picked = graph.slice(rows, last, column * block.inner, block.inner)?;
    graph.reshape(picked, with_len(&shape, axis, count)?)
}

/// Positions cut into as few pieces as follow each other or repeat, none across the end of a source.
fn pieces(positions: &[usize], ends: &[usize]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = positions;
    while let [first, ..] = rest {
        let end = ends.iter().copied().find(|end| first < end).unwrap_or(usize::MAX);
        let consecutive = rest.iter().zip(*first..end).take_while(|(position, wanted)| *position == wanted).count();
        let repeated = rest.iter().take_while(|position| *position == first).count();
        let taken = if repeated > consecutive {
            pieces.push(Piece::Repeated { at: *first, count: repeated });
            repeated
        } else {
            pieces.push(Piece::Consecutive(*first..*first + consecutive));
            consecutive
        };
        rest = &rest[taken..];
    }
    pieces
}

fn pick_constant(tensor: &Tensor, axis: usize, positions: &[usize]) -> Result<Tensor, GraphError> {
    let block = Block::of(&Shape::fixed(tensor.shape())?, axis)?;
    let mut shape = tensor.shape().to_vec();
    shape[axis] = positions.len();
    // Checked before any element is copied.
    let (len, limit) = (Shape::fixed(&shape)?.row_len(), MAX_MADE.max(tensor.data().len()));
    if len > limit {
        return Err(GraphError::shape(format!("{len} elements picked of a constant exceed the limit of {limit}")));
    }
    let mut data = Vec::new();
    for outer in 0..block.outer {
        for position in positions {
            let start = (outer * block.len + position) * block.inner;
            let found = tensor.data().get(start..start + block.inner).filter(|_| *position < block.len);
            data.extend_from_slice(found.ok_or_else(|| {
                GraphError::shape(format!("element {position} is beyond the {} of axis {axis}", block.len))
            })?);
        }
    }
    Tensor::new(shape, data)
}
