//! Matrix products.

use super::{LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Dim, Graph, NodeId, Op, Shape};

pub(super) const ROWS: &[Row] =
    &[Row("Gemm", 2, 3, &["alpha", "beta", "transA", "transB"], gemm), Row("MatMul", 2, 2, &[], matmul)];

/// The product of NumPy's `matmul`: a side of rank 1 gets a dimension of length 1, which the result loses again.
fn matmul(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (lhs, rhs) = (operator.node(0)?, operator.node(1)?);
    let (lhs_vector, rhs_vector) = (graph.shape(lhs).rank() == 1, graph.shape(rhs).rank() == 1);
    if [lhs, rhs].iter().any(|side| graph.shape(*side).rank() == 0) {
        return Err(LegalizeError::refused("a number is no matrix; multiply with Mul"));
    }
    let lhs_matrix = if lhs_vector { with_axis(graph, lhs, 0)? } else { lhs };
    let rhs_matrix = if rhs_vector { with_axis(graph, rhs, 1)? } else { rhs };
    let mut result = product(graph, lhs_matrix, false, rhs_matrix, false)?;
    if rhs_vector {
        result = without_axis(graph, result, graph.shape(result).rank() - 1)?;
    }
    if lhs_vector {
        let axis = graph.shape(result).rank() - if rhs_vector { 1 } else { 2 };
        result = without_axis(graph, result, axis)?;
    }
    Ok(one(result))
}

/// alpha · A' B' + beta · C, with either side transposed first.
fn gemm(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (lhs, rhs) = (operator.node(0)?, operator.node(1)?);
    if [lhs, rhs].iter().any(|side| graph.shape(*side).rank() != 2) {
        return Err(LegalizeError::refused("both sides of Gemm must be matrices"));
    }
    let (transpose_lhs, transpose_rhs) = (operator.integer("transA", 0)? != 0, operator.integer("transB", 0)? != 0);
    let (alpha, beta) = (operator.real("alpha", 1.0)?, operator.real("beta", 1.0)?);
    let mut result = product(graph, lhs, transpose_lhs, rhs, transpose_rhs)?;
    if alpha != 1.0 {
        result = graph.scale(result, alpha)?;
    }
    if operator.optional(2).is_some() && beta != 0.0 {
        let mut addend = operator.node(2)?;
        if beta != 1.0 {
            addend = graph.scale(addend, beta)?;
        }
        let shape = graph.shape(result).clone();
        result = graph.add_values(result, addend)?;
        if *graph.shape(result) != shape {
            return Err(LegalizeError::refused(format!("C does not stretch to {shape}")));
        }
    }
    Ok(one(result))
}

/// A product that reads through a transpose of its side, so that a weight stored transposed stays one weight.
fn product(
    graph: &mut Graph,
    lhs: NodeId,
    transpose_lhs: bool,
    rhs: NodeId,
    transpose_rhs: bool,
) -> std::result::Result<NodeId, crate::graph::GraphError> {
    let (lhs, lhs_flip) = untransposed(graph, lhs);
    let (rhs, rhs_flip) = untransposed(graph, rhs);
    let op = Op::MatMul { transpose_lhs: transpose_lhs != lhs_flip, transpose_rhs: transpose_rhs != rhs_flip };
    graph.add(op, &[lhs, rhs])
}

fn untransposed(graph: &Graph, id: NodeId) -> (NodeId, bool) {
    let Op::Transpose(order) = &graph.node(id).op else { return (id, false) };
    let mut swapped: Vec<usize> = (0..order.len()).collect();
    if let [.., a, b] = swapped.as_mut_slice() {
        std::mem::swap(a, b);
    }
    if order.len() >= 2 && swapped == *order { (graph.node(id).args[0], true) } else { (id, false) }
}

fn with_axis(graph: &mut Graph, id: NodeId, axis: usize) -> Result<NodeId> {
    let mut dims = graph.shape(id).dims().to_vec();
    dims.insert(axis, Dim::Fixed(1));
    Ok(graph.reshape(id, Shape::new(dims)?)?)
}

fn without_axis(graph: &mut Graph, id: NodeId, axis: usize) -> Result<NodeId> {
    let mut dims = graph.shape(id).dims().to_vec();
    dims.remove(axis);
    Ok(graph.reshape(id, Shape::new(dims)?)?)
}
