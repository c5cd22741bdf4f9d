//! Dead code: nodes that no output needs.

use crate::graph::{Graph, GraphError, NodeId, Op};

/// The same graph without nodes that no output needs. All inputs and parameters stay: they are the graph's interface.
///
/// # Errors
/// [`GraphError`] where the graph is not well formed.
pub fn prune(graph: &Graph) -> Result<Graph, GraphError> {
    let is_leaf = |id: &NodeId| matches!(graph.node(*id).op, Op::Input(..) | Op::Parameter(..));
    let mut pruned = Graph::new();
    for id in graph.ids().filter(is_leaf) {
        pruned.add(graph.node(id).op.clone(), &[])?;
    }
    let leaves: Vec<Option<NodeId>> = graph
        .ids()
        .map(|id| match &graph.node(id).op {
            Op::Input(name, _) | Op::Parameter(name, _) => pruned.leaf(name),
            _ => None,
        })
        .collect();
    let roots: Vec<NodeId> = graph.outputs().iter().map(|(_, id)| *id).collect();
    let copies = pruned.inline(graph, &roots, &|id, _| leaves[id.index()])?;
    for ((name, _), id) in graph.outputs().iter().zip(copies) {
        pruned.set_output(name, id);
    }
    Ok(pruned)
}
