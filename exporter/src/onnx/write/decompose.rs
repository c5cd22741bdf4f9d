//! Encodings for readers that lack the usual one: by [`Limits`](super::super::profile::Limits), never by taste.
//!
//! Each keeps the value and records what was changed. What cannot be taken apart is refused by name.

use super::super::OnnxError;
use super::document::integer;
use super::writer::{Draft, Writer};
use crate::evaluate::evaluate;
use crate::graph::{Graph, NodeId, Op, Shape, Tensor};

/// A value in the file: its name and its lengths.
pub(super) type Named = (String, Vec<usize>);

/// Refuses a node that works along the leading dimension where the profile's reader takes that for the batch.
pub(super) fn check_leading(writer: &Writer<'_>, id: NodeId) -> Result<(), OnnxError> {
    let profile = writer.options().profile;
    let op = &writer.graph().node(id).op;
    let moves = match op {
        Op::Transpose(order) => order.first().is_some_and(|first| *first != 0),
        Op::Concat { axis } | Op::Slice { axis, .. } | Op::Pad { axis, .. } => *axis == 0,
        Op::Sum(axes) => axes.contains(&0),
        _ => false,
    };
    if profile.limits().leading_dimension_moves || !moves {
        return Ok(());
    }
    let what = format!("{id} ({} along the leading dimension) in profile `{profile}`", op.name());
    Err(OnnxError::unsupported(what, "write this graph with the standard profile"))
}

/// Whether Expand of `source` to `shape` would stretch the leading dimension, and the profile's reader cannot.
pub(super) fn stretches_leading(writer: &Writer<'_>, source: NodeId, shape: &Shape) -> bool {
    let (from, to) = (writer.lengths(writer.graph().shape(source)), writer.lengths(shape));
    !writer.options().profile.limits().leading_dimension_moves && (from.len() < to.len() || from.first() != to.first())
}

/// Stretches without Expand: a weight is stored in full, anything else is multiplied by stored ones.
pub(super) fn spread(writer: &mut Writer<'_>, id: NodeId, source: NodeId, shape: &Shape) -> Result<(), OnnxError> {
    let lengths = writer.lengths(shape);
    if let Some(tensor) = writer.graph().constant_value(source) {
        let full = writer.store("constant", &stretched(tensor, &lengths)?)?;
        writer.change(format!("`{full}` is stored as {lengths:?}: Expand along the batch is not supported"));
        return writer.alias(id, &full);
    }
    let x = writer.value(source)?;
    let name = multiply_by_ones(writer, Some(id), &x, &lengths)?;
    writer.change(format!("`{name}` is a product with ones: Expand along the batch is not supported"));
    Ok(())
}

/// A product above the rank that the reader multiplies: all leading dimensions become one, and are put back.
pub(super) fn product(writer: &mut Writer<'_>, id: NodeId, a: Named, b: Named) -> Result<(), OnnxError> {
    let result = writer.lengths(writer.graph().shape(id));
    let leading = &result[..result.len() - 2];
    let mut flat = Vec::with_capacity(2);
    for (name, lengths) in [a, b] {
        let matrix = &lengths[lengths.len() - 2..];
        let full = [leading, matrix].concat();
        let name = if lengths == full { name } else { multiply_by_ones(writer, None, &name, &full)? };
        let joined = [&[leading.iter().product()], matrix].concat();
        flat.push(reshape(writer, &name, &joined)?);
    }
    let formula = format!("{} @ {}", flat[0], flat[1]);
    let product = writer.emit_between(Draft::of("MatMul", &[&flat[0], &flat[1]], formula))?;
    let list = integers(writer, &result);
    writer.emit(id, Draft::of("Reshape", &[&product, &list], format!("{product} in shape {result:?}")))?;
    let name = writer.value(id)?;
    writer.change(format!("`{name}` is a product of rank 3 between Reshapes, not of rank {}", result.len()));
    Ok(())
}

fn reshape(writer: &mut Writer<'_>, x: &str, lengths: &[usize]) -> Result<String, OnnxError> {
    writer.options().profile.check_shape(&format!("`{x}`, as one list of matrices,"), lengths)?;
    let list = integers(writer, lengths);
    writer.emit_between(Draft::of("Reshape", &[x, &list], format!("{x} in shape {lengths:?}")))
}

/// x · 1 is x to the bit, also for −0 and NaN.
fn multiply_by_ones(
    writer: &mut Writer<'_>,
    id: Option<NodeId>,
    x: &str,
    lengths: &[usize],
) -> Result<String, OnnxError> {
    let ones = writer.store("ones", &Tensor::full(lengths, 1.0)?)?;
    let inputs = [x, ones.as_str()];
    let draft = Draft::of("Mul", &inputs, format!("{x} * {ones}"));
    match id {
        Some(id) => writer.emit(id, draft).and_then(|()| writer.value(id)),
        None => writer.emit_between(draft),
    }
}

fn integers(writer: &mut Writer<'_>, lengths: &[usize]) -> String {
    let lengths: Vec<i64> = lengths.iter().map(|len| integer(*len)).collect();
    writer.integers("lengths", &lengths)
}

/// The tensor that Expand would give, by the oracle.
fn stretched(tensor: &Tensor, lengths: &[usize]) -> Result<Tensor, OnnxError> {
    let mut graph = Graph::new();
    let constant = graph.constant(tensor.clone())?;
    let full = graph.broadcast(constant, Shape::fixed(lengths)?)?;
    graph.set_output("full", full);
    let values = evaluate(&graph, &[]).map_err(|error| OnnxError::value("full", error.to_string()))?;
    values.into_iter().next().ok_or_else(|| OnnxError::value("full", "the oracle gave no value"))
}
