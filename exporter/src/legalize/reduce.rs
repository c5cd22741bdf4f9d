//! Sums and means over axes of one row.

use super::{LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Dim, Graph, NodeId};

pub(super) const ROWS: &[Row] = &[
    Row("ReduceMean", 1, 2, &["axes", "keepdims", "noop_with_empty_axes"], mean),
    Row("ReduceSum", 1, 2, &["axes", "keepdims", "noop_with_empty_axes"], sum),
];

/// Sum over axes.
pub(super) fn sum(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes = axes(graph, operator, x)?;
    Ok(one(total(graph, operator, x, &axes)?))
}

/// Sum over axes, divided by the number of elements summed.
pub(super) fn mean(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes = axes(graph, operator, x)?;
    let count: usize = axes.iter().filter_map(|axis| graph.shape(x).len(*axis)).product();
    let total = total(graph, operator, x, &axes)?;
    let count = graph.scalar(count as f64)?;
    Ok(one(graph.div(total, count)?))
}

fn total(graph: &mut Graph, operator: &Operator<'_>, x: NodeId, axes: &[usize]) -> Result<NodeId> {
    if operator.integer("keepdims", 1)? == 0 { Ok(graph.sum(x, axes)?) } else { Ok(graph.sum_keep(x, axes)?) }
}

/// Axes to sum over, ascending; without any all of them, unless the operator says that none means none.
fn axes(graph: &Graph, operator: &Operator<'_>, x: NodeId) -> Result<Vec<usize>> {
    let shape = graph.shape(x);
    let given = operator.known(1, "axes")?.unwrap_or_default();
    let mut axes = given.iter().map(|axis| axis_of(*axis, shape.rank())).collect::<Result<Vec<_>>>()?;
    if axes.is_empty() && operator.integer("noop_with_empty_axes", 0)? == 0 {
        axes = (0..shape.rank()).collect();
    }
    axes.sort_unstable();
    axes.dedup();
    if axes.iter().any(|axis| shape.dims()[*axis] == Dim::Batch) {
        return Err(LegalizeError::refused(
            "it reduces over the batch, which mixes the rows; reduce over the axes of one state only (dim=-1)",
        ));
    }
    Ok(axes)
}
