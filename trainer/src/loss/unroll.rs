//! Many steps as one graph.
//!
//! The step graph that is exported is placed `steps` times behind itself. Hash-consing then shares what successive steps
//! have in common: the force at the end of a leapfrog step is the force at the start of the next.

use hnn_exporter::dynamics::{INPUT, STATE, STEP_LENGTH};
use hnn_exporter::graph::{Graph, GraphError, NodeId, Shape};

use crate::baseline::{MEMORY, NEXT_MEMORY};
use crate::data::as_f64;

/// `steps` steps behind each other, each made of `substeps`: `x`, `dt` `[batch, steps]`, `u` `[batch, steps·m]` → `states`
/// `[batch, steps·2n]`, and `derivatives` `[batch, steps·2n]` of a field without input at these states. A memory starts from
/// zeros.
pub(super) fn unroll(
    step: &Graph,
    field: Option<&Graph>,
    (steps, substeps): (usize, usize),
) -> Result<Graph, GraphError> {
    let leaf_len = |name: &str| step.leaf(name).and_then(|id| step.shape(id).len(1));
    let (width, inputs) = (leaf_len(STATE).unwrap_or(0), leaf_len(INPUT).unwrap_or(0));
    let next = step.output("x_next").ok_or_else(|| GraphError::Name("a step has the output `x_next`".to_owned()))?;
    let mut graph = Graph::new();
    let mut x = graph.input(STATE, Shape::batched(&[width])?)?;
    let dt = graph.input(STEP_LENGTH, Shape::batched(&[steps])?)?;
    let u = if inputs > 0 { Some(graph.input(INPUT, Shape::batched(&[steps * inputs])?)?) } else { None };
    let mut memory = first_memory(&mut graph, step)?;
    let mut states = Vec::with_capacity(steps);
    let mut derivatives = Vec::new();
    for index in 0..steps {
        let interval = graph.slice(dt, 1, index, 1)?;
        let length = graph.scale(interval, 1.0 / as_f64(substeps))?;
        let mut bound: Vec<(Option<NodeId>, NodeId)> = vec![(step.leaf(STEP_LENGTH), length)];
        if let Some(u) = u {
            bound.push((step.leaf(INPUT), graph.slice(u, 1, index * inputs, inputs)?));
        }
        for _ in 0..substeps {
            let states = [(step.leaf(STATE), Some(x)), (step.leaf(MEMORY), memory)];
            let states = states.into_iter().filter_map(|(leaf, node)| Some((leaf, node?)));
            let bound: Vec<(Option<NodeId>, NodeId)> = states.chain(bound.iter().copied()).collect();
            let bind = |id: NodeId| bound.iter().find(|(leaf, _)| *leaf == Some(id)).map(|(_, node)| *node);
            let roots: Vec<NodeId> = std::iter::once(next).chain(step.output(NEXT_MEMORY)).collect();
            let placed = graph.inline(step, &roots, &|id, _| bind(id))?;
            x = *placed.first().ok_or_else(|| GraphError::Name("a step has a result".to_owned()))?;
            memory = placed.get(1).copied();
        }
        states.push(x);
        if let Some((field, dx)) = field.and_then(|field| Some((field, field.output("dx")?))) {
            derivatives.extend(graph.inline(field, &[dx], &|id, _| (field.leaf(STATE) == Some(id)).then_some(x))?);
        }
    }
    let states = graph.concat(&states, 1)?;
    graph.set_output("states", states);
    if !derivatives.is_empty() {
        let derivatives = graph.concat(&derivatives, 1)?;
        graph.set_output("derivatives", derivatives);
    }
    Ok(graph)
}

/// Zeros for what a map remembers, `[batch, k]`.
fn first_memory(graph: &mut Graph, step: &Graph) -> Result<Option<NodeId>, GraphError> {
    let Some(shape) = step.leaf(MEMORY).map(|id| step.shape(id).clone()) else { return Ok(None) };
    let zero = graph.scalar(0.0)?;
    Ok(Some(graph.broadcast(zero, shape)?))
}
