//! Reverse-mode differentiation of a graph with respect to the state.
//!
//! The adjoint ȳ of a node y is a node of the same graph, built from the last node to the first by one rule per operator
//! (`rules`); a node is visited only if it depends on what is differentiated and the result depends on it (Griewank and
//! Walther, *Evaluating Derivatives*, 2nd ed. 2008, section 3.2). Only operators that exist are emitted, so the same
//! function applied to its own result gives Hessians.
//!
//! An adjoint may be smaller than its node as long as it broadcasts to it: the seed of a scalar is the constant 1, and
//! everything it meets before the first activation is folded into a weight.

mod rules;
#[cfg(test)]
mod tests;

use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor};

/// Vector–Jacobian products: `Σᵢ seedᵢᵀ ∂yᵢ/∂w` for every `w` in `wrt`, each in the shape of its `w`.
///
/// Every seed must broadcast to its `y`. Rows of the batch do not mix, so the result holds row by row.
///
/// # Errors
/// [`GraphError`] where a seed does not broadcast, or where a derivative would have to be summed over the batch.
pub fn vjp(graph: &mut Graph, seeds: &[(NodeId, NodeId)], wrt: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
    let active = active_nodes(graph, seeds, wrt);
    let mut adjoints: Vec<Option<NodeId>> = vec![None; active.len()];
    for (y, seed) in seeds {
        if graph.shape(*seed).broadcast(graph.shape(*y))? != *graph.shape(*y) {
            return Err(GraphError::shape(format!("seed {} exceeds {}", graph.shape(*seed), graph.shape(*y))));
        }
        accumulate(graph, &mut adjoints, *y, *seed)?;
    }
    let ids: Vec<NodeId> = graph.ids().filter(|id| active[id.index()]).collect();
    for id in ids.into_iter().rev().filter(|id| !wrt.contains(id)) {
        let Some(adjoint) = adjoints[id.index()] else { continue };
        let node = graph.node(id).clone();
        for position in (0..node.args.len()).filter(|position| active[node.args[*position].index()]) {
            if let Some(contribution) = rules::pullback(graph, id, &node, position, adjoint)? {
                accumulate(graph, &mut adjoints, node.args[position], contribution)?;
            }
        }
    }
    wrt.iter().map(|id| materialize(graph, adjoints[id.index()], *id)).collect()
}

/// The gradient of the sum of `y`'s elements with respect to every `w` in `wrt`; for a scalar per row, ∇y row by row.
///
/// # Errors
/// As [`vjp`].
pub fn gradient(graph: &mut Graph, y: NodeId, wrt: &[NodeId]) -> Result<Vec<NodeId>, GraphError> {
    let ones = vec![1; graph.shape(y).rank()];
    let seed = graph.constant(Tensor::full(&ones, 1.0)?)?;
    vjp(graph, &[(y, seed)], wrt)
}

/// The Jacobian ∂y/∂x, `[batch, k, m]`, of `y` `[batch, k]` with respect to `x` `[batch, m]`: one gradient per element of y.
///
/// # Errors
/// As [`vjp`], or [`GraphError::Shape`] where x or y is not `[batch, _]`.
pub fn jacobian(graph: &mut Graph, y: NodeId, x: NodeId) -> Result<NodeId, GraphError> {
    let (Some(outputs), Some(inputs), 2, 2) =
        (graph.shape(y).len(1), graph.shape(x).len(1), graph.shape(y).rank(), graph.shape(x).rank())
    else {
        return Err(GraphError::shape("a Jacobian needs y and x of shape [batch, _]"));
    };
    let mut rows = Vec::with_capacity(outputs);
    for index in 0..outputs {
        let element = graph.slice(y, 1, index, 1)?;
        let row = gradient(graph, element, &[x])?[0];
        rows.push(graph.reshape(row, Shape::batched(&[1, inputs])?)?);
    }
    graph.concat(&rows, 1)
}

/// Nodes on a path from `wrt` to a seeded node.
fn active_nodes(graph: &Graph, seeds: &[(NodeId, NodeId)], wrt: &[NodeId]) -> Vec<bool> {
    let needed = graph.needed(seeds.iter().map(|(y, _)| *y));
    graph.dependent(wrt).iter().zip(needed).map(|(dependent, needed)| *dependent && needed).collect()
}

fn accumulate(
    graph: &mut Graph,
    adjoints: &mut [Option<NodeId>],
    id: NodeId,
    contribution: NodeId,
) -> Result<(), GraphError> {
    let sum = match adjoints[id.index()] {
        Some(known) => graph.add_values(known, contribution)?,
        None => contribution,
    };
    adjoints[id.index()] = Some(sum);
    Ok(())
}

/// The adjoint in the full shape of its node; zero where nothing depends on it.
fn materialize(graph: &mut Graph, adjoint: Option<NodeId>, id: NodeId) -> Result<NodeId, GraphError> {
    let value = match adjoint {
        Some(value) => value,
        None => graph.scalar(0.0)?,
    };
    let shape = graph.shape(id).clone();
    graph.broadcast(value, shape)
}
