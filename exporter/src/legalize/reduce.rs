//! Sums, products, norms and extremes over axes of one row.

use super::softmax::shifted;
use super::{LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Binary, Dim, Graph, GraphError, NodeId, Op, Shape, Tensor};

const ATTRIBUTES: &[&str] = &["axes", "keepdims", "noop_with_empty_axes"];

pub(super) const ROWS: &[Row] = &[
    Row("ReduceL1", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceL2", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceLogSum", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceLogSumExp", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceMax", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceMean", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceMin", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceProd", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceSum", 1, 2, ATTRIBUTES, reduce),
    Row("ReduceSumSquare", 1, 2, ATTRIBUTES, reduce),
];

type Built = std::result::Result<NodeId, GraphError>;

/// One number for each place of the axes that stay.
fn reduce(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes = axes(graph, operator, x)?;
    let reduced = match operator.kind {
        "ReduceL1" => {
            let sizes = graph.abs(x)?;
            graph.sum(sizes, &axes)?
        }
        "ReduceL2" => {
            let squares = sum_of_squares(graph, x, &axes)?;
            graph.sqrt(squares)?
        }
        "ReduceLogSum" => {
            let total = graph.sum(x, &axes)?;
            graph.log(total)?
        }
        "ReduceLogSumExp" => log_sum_exp(graph, x, &axes)?,
        "ReduceMax" => tree(graph, x, &axes, Binary::Max)?,
        "ReduceMin" => tree(graph, x, &axes, Binary::Min)?,
        "ReduceProd" => tree(graph, x, &axes, Binary::Mul)?,
        "ReduceMean" => {
            let total = graph.sum(x, &axes)?;
            per_element(graph, total, x, &axes)?
        }
        "ReduceSumSquare" => sum_of_squares(graph, x, &axes)?,
        _ => graph.sum(x, &axes)?,
    };
    let keeps = operator.integer("keepdims", 1)? != 0;
    Ok(one(lengths(graph, reduced, x, &axes, keeps)?))
}

/// The value in the shape of x with `axes` at length 1, or without them.
fn lengths(graph: &mut Graph, value: NodeId, x: NodeId, axes: &[usize], keeps: bool) -> Built {
    let dims = graph.shape(x).dims().iter().enumerate();
    let kept = dims.filter_map(|(axis, dim)| match axes.contains(&axis) {
        true => keeps.then_some(Dim::Fixed(1)),
        false => Some(*dim),
    });
    let shape = Shape::new(kept.collect())?;
    graph.reshape(value, shape)
}

/// Σ x / n over axes, which stay with length 1.
pub(super) fn mean_keep(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Built {
    let total = graph.sum_keep(x, axes)?;
    per_element(graph, total, x, axes)
}

/// A sum over `axes` of x divided by the number of its terms.
fn per_element(graph: &mut Graph, total: NodeId, x: NodeId, axes: &[usize]) -> Built {
    let count: usize = axes.iter().filter_map(|axis| graph.shape(x).len(*axis)).product();
    if count == 1 { Ok(total) } else { graph.scale(total, 1.0 / count as f64) }
}

fn sum_of_squares(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Built {
    let squares = graph.mul(x, x)?;
    graph.sum(squares, axes)
}

/// ln Σ eˣ = m + ln Σ e^(x − m), with m near the largest x: the sum is between e⁰ and the number of terms times e.
fn log_sum_exp(graph: &mut Graph, x: NodeId, axes: &[usize]) -> Built {
    let (shift, rest) = shifted(graph, x, axes)?;
    let powers = graph.exp(rest)?;
    let total = graph.sum_keep(powers, axes)?;
    let logarithm = graph.log(total)?;
    graph.add_values(shift, logarithm)
}

/// All elements along axes met by `function`, in halves; the axes stay with length 1.
pub(super) fn tree(graph: &mut Graph, x: NodeId, axes: &[usize], function: Binary) -> Built {
    let neutral = match function {
        Binary::Max => f64::NEG_INFINITY,
        Binary::Min => f64::INFINITY,
        _ => 1.0,
    };
    let mut result = x;
    for axis in axes {
        let mut odd = None;
        while let Some(len) = graph.shape(result).len(*axis).filter(|len| *len > 1) {
            let half = len / 2;
            if len % 2 == 1 {
                let last = graph.slice(result, *axis, len - 1, 1)?;
                odd = Some(match odd {
                    Some(before) => graph.add(Op::Binary(function), &[last, before])?,
                    None => last,
                });
            }
            let (left, right) = (graph.slice(result, *axis, 0, half)?, graph.slice(result, *axis, half, half)?);
            result = graph.add(Op::Binary(function), &[left, right])?;
        }
        if let Some(odd) = odd {
            result = graph.add(Op::Binary(function), &[result, odd])?;
        }
        if graph.shape(result).len(*axis) == Some(0) {
            let value = graph.constant(Tensor::scalar(neutral))?;
            let shape = super::pick::with_len(graph.shape(result), *axis, 1)?;
            result = graph.broadcast(value, shape)?;
        }
    }
    Ok(result)
}

/// Axes to reduce, ascending; without any all of them, unless the operator says that none means none.
fn axes(graph: &Graph, operator: &Operator<'_>, x: NodeId) -> Result<Vec<usize>> {
    let shape = graph.shape(x);
    let given = operator.known(1, "axes")?.unwrap_or_default();
    let mut axes = given.iter().map(|axis| axis_of(*axis, shape.rank())).collect::<Result<Vec<_>>>()?;
    if axes.is_empty() && operator.integer("noop_with_empty_axes", 0)? == 0 {
        axes = (0..shape.rank()).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    within_rows(shape, &axes)?;
    Ok(axes)
}

/// Refuses axes that name the batch.
pub(super) fn within_rows(shape: &Shape, axes: &[usize]) -> Result<()> {
    if axes.iter().any(|axis| shape.dims()[*axis] == Dim::Batch) {
        return Err(LegalizeError::refused(
            "it reduces over the batch, which mixes the rows; reduce over the axes of one state only (dim=-1)",
        ));
    }
    Ok(())
}
