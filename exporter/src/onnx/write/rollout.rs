//! A whole trajectory in one file: `Scan` over the step graph.
//!
//! The body is, node for node, what the step's own file computes, under names that do not hide those outside; one Identity
//! hands the state to the path. Weights stay outside the body and are stored once. The reader of this crate refuses Scan:
//! what it would evaluate is the step, once per row of the path.

use super::super::OnnxError;
use super::super::proto::{GraphProto, NodeProto, ValueInfoProto};
use super::document::{self, attribute, graph_attribute, integer};
use super::writer::{Draft, Writer};
use super::{WriteOptions, Written, check_options, encode, operators};
use crate::dynamics::{INPUT, NEXT_STATE, RESIDUAL, STATE, STEP_LENGTH};
use crate::graph::{Graph, NodeId, Shape};

/// Name of the dimension that counts steps.
pub const STEPS: &str = "steps";
/// Name of the output that holds every state after the initial one.
const PATH: &str = "x_path";
/// Name of the last state, which ONNX wants named and nobody reads.
const LAST: &str = "x_last";
/// What the names of the body's inputs and outputs end with, so that they hide none outside.
const NOW: &str = "_now";
/// Name of the row of the path that one step adds.
const ROW: &str = "x_row";

/// An input or output of the rollout: its name, whether it has one row for each step, and the shape of such a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutPort {
    /// Its name.
    pub name: String,
    /// Whether the dimension [`STEPS`] comes first.
    pub stacked: bool,
    /// The shape, without steps.
    pub shape: Shape,
}

/// Inputs and outputs of the rollout of `step`: `x` `[batch, 2n]`, `dt` `[steps]`, `u` `[steps, batch, m]` → `x_path`
/// `[steps, batch, 2n]`, and `residual` `[steps, batch, 1]` where the scheme is implicit.
///
/// # Errors
/// [`OnnxError`] where `step` is no step: `x`, `dt`, `u` → `x_next`, `residual`.
pub fn rollout_ports(step: &Graph) -> Result<[Vec<RolloutPort>; 2], OnnxError> {
    let wrong = |name: &str| OnnxError::value(name, "this is no input or output of a step; give the graph of one");
    let port = |name: &str, stacked: bool, id: NodeId| RolloutPort {
        name: name.to_owned(),
        stacked,
        shape: step.shape(id).clone(),
    };
    let mut inputs = Vec::new();
    for (name, id) in step.inputs() {
        match name {
            STATE | STEP_LENGTH | INPUT => inputs.push(port(name, name != STATE, id)),
            other => return Err(wrong(other)),
        }
    }
    let mut outputs = Vec::new();
    for (name, id) in step.outputs() {
        match name.as_str() {
            NEXT_STATE => outputs.push(port(PATH, true, *id)),
            RESIDUAL => outputs.push(port(RESIDUAL, true, *id)),
            other => return Err(wrong(other)),
        }
    }
    if step.leaf(STATE).is_none() || step.leaf(STEP_LENGTH).is_none() || step.output(NEXT_STATE).is_none() {
        return Err(wrong(NEXT_STATE));
    }
    Ok([inputs, outputs])
}

/// Writes the trajectory that repeats the optimized graph `step`; [`rollout_ports`] says its inputs and outputs.
///
/// # Errors
/// As [`super::write()`] and [`rollout_ports`]; in particular where the profile has no Scan.
pub fn write_rollout(step: &Graph, options: &WriteOptions) -> Result<Written, OnnxError> {
    check_options(options)?;
    options.profile.check_operator("Scan")?;
    operators::check("Scan", options.opset)?;
    let [inputs, outputs] = rollout_ports(step)?;
    let body_graph = renamed(step)?;
    let body_options = WriteOptions { name: format!("{}_step", options.name), ..options.clone() };
    let (mut body, changes) = Writer::new(&body_graph, &body_options)?.write()?;
    let initializer = std::mem::take(&mut body.initializer);
    complete_body(&mut body, &body_graph, options);
    let info = |port: &RolloutPort| {
        document::stacked_value_info(&port.name, port.stacked.then_some(STEPS), &port.shape, options)
    };
    let graph = GraphProto {
        node: vec![scan(body, &inputs, &outputs)],
        name: Some(options.name.clone()),
        initializer,
        doc_string: Some(options.description.clone()).filter(|text| !text.is_empty()),
        input: inputs.iter().map(info).collect(),
        output: outputs.iter().map(info).collect(),
        ..GraphProto::default()
    };
    encode(graph, changes, options)
}

/// The step with the body's names: `x`, `dt`, `u` and `residual` end with [`NOW`].
fn renamed(step: &Graph) -> Result<Graph, OnnxError> {
    let mut graph = Graph::new();
    let mut bound = Vec::new();
    for (name, id) in step.inputs() {
        bound.push((id, graph.input(&format!("{name}{NOW}"), step.shape(id).clone())?));
    }
    let roots: Vec<NodeId> = step.outputs().iter().map(|(_, id)| *id).collect();
    let local = |id: NodeId| bound.iter().find(|(input, _)| *input == id).map(|(_, local)| *local);
    let placed = graph.inline(step, &roots, &|id, _| local(id))?;
    for ((name, _), id) in step.outputs().iter().zip(placed) {
        graph.set_output(&if name == NEXT_STATE { name.clone() } else { format!("{name}{NOW}") }, id);
    }
    Ok(graph)
}

/// Orders the body as Scan wants it: the state first, then what is stacked; and adds the state as a row of the path.
fn complete_body(body: &mut GraphProto, graph: &Graph, options: &WriteOptions) {
    let is_state = |info: &ValueInfoProto| info.name() == format!("{STATE}{NOW}");
    body.input.sort_by_key(|info| !is_state(info));
    let row = Draft::of("Identity", &[NEXT_STATE], NEXT_STATE.to_owned());
    body.node.push(row.into_node(ROW, ", a row of the path"));
    if let Some(next) = graph.output(NEXT_STATE) {
        body.output.sort_by_key(|info| info.name() != NEXT_STATE);
        body.output.insert(1, document::value_info(ROW, graph.shape(next), options));
    }
}

fn scan(body: GraphProto, inputs: &[RolloutPort], outputs: &[RolloutPort]) -> NodeProto {
    let names = |ports: &[RolloutPort], stacked: bool| {
        let chosen = ports.iter().filter(move |port| port.stacked == stacked);
        chosen.map(|port| port.name.clone()).collect::<Vec<_>>()
    };
    let stacked = names(inputs, true);
    let formula = format!("{PATH}[k] = step({PATH}[k-1], {}), {PATH}[-1] = {STATE}", stacked.join("[k], ") + "[k]");
    let mut written = vec![LAST.to_owned(), PATH.to_owned()];
    written.extend(outputs.iter().map(|port| port.name.clone()).filter(|name| name != PATH));
    NodeProto {
        input: [names(inputs, false), stacked.clone()].concat(),
        output: written,
        name: Some(format!("compute_{PATH}")),
        op_type: Some("Scan".to_owned()),
        attribute: vec![graph_attribute("body", body), attribute("num_scan_inputs", integer(stacked.len()))],
        doc_string: Some(formula),
        ..NodeProto::default()
    }
}
