//! Softmax and its logarithm.
//!
//! Exponentials are taken of x − m with m = ⌊max x⌋. The shift cancels identically, so its derivative of zero is exact at
//! every order, and no exponential is above e.

use super::reduce::{tree, within_rows};
use super::{Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Binary, Graph, GraphError, NodeId};

pub(super) const ROWS: &[Row] =
    &[Row("LogSoftmax", 1, 1, &["axis"], softmax), Row("Softmax", 1, 1, &["axis"], softmax)];

/// First opset whose softmax is along one axis; before, all axes from the given one on were one.
const ONE_AXIS_OPSET: i64 = 13;

/// eˣ / Σ eˣ, or x − ln Σ eˣ.
fn softmax(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let rank = graph.shape(x).rank();
    let axes = if operator.opset >= ONE_AXIS_OPSET {
        vec![axis_of(operator.integer("axis", -1)?, rank)?]
    } else {
        // The axis may be the rank itself: every element alone.
        let axis = operator.integer("axis", 1)?;
        let first = if usize::try_from(axis) == Ok(rank) { rank } else { axis_of(axis, rank)? };
        (first..rank).collect()
    };
    within_rows(graph.shape(x), &axes)?;
    let (_, rest) = shifted(graph, x, &axes)?;
    let powers = graph.exp(rest)?;
    let total = graph.sum_keep(powers, &axes)?;
    Ok(one(if operator.kind == "LogSoftmax" {
        let logarithm = graph.log(total)?;
        graph.sub(rest, logarithm)?
    } else {
        graph.div(powers, total)?
    }))
}

/// ⌊max x⌋ over axes, which stay with length 1, and x less that.
pub(super) fn shifted(
    graph: &mut Graph,
    x: NodeId,
    axes: &[usize],
) -> std::result::Result<(NodeId, NodeId), GraphError> {
    let largest = tree(graph, x, axes, Binary::Max)?;
    let shift = graph.floor(largest)?;
    Ok((shift, graph.sub(x, shift)?))
}
