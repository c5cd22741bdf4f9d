//! The step inside a written rollout, read back as a graph: for looking into the file, and for comparing it.

use prost::Message;

use super::proto::GraphProto;
use super::{OnnxError, read, scan};
use crate::graph::Graph;

/// Reads the step that a rollout of [`super::write_rollout`] repeats; its inputs and outputs have the names of the body.
///
/// # Errors
/// As [`read()`]; also where the file is not one Scan.
pub fn read_rollout(bytes: &[u8]) -> Result<Graph, OnnxError> {
    let mut model = scan::decode(bytes)?;
    let outer = model.graph.take().unwrap_or_default();
    let mut body = body(&outer)
        .ok_or_else(|| OnnxError::unsupported("a rollout that is not one Scan", "read it as any other file"))?
        .clone();
    body.initializer.extend(outer.initializer);
    model.graph = Some(body);
    read(&model.encode_to_vec())
}

fn body(graph: &GraphProto) -> Option<&GraphProto> {
    let [node] = graph.node.as_slice() else { return None };
    let body = node.attribute.iter().find(|attribute| attribute.name() == "body")?;
    body.g.as_ref().filter(|_| node.op_type() == "Scan")
}
