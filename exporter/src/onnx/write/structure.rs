//! Operators that move elements, and the sum: their lists of integers are stored weights, as ONNX wants it.

use super::super::OnnxError;
use super::Batch;
use super::decompose;
use super::document::{attribute, integer, list_attribute};
use super::writer::{Draft, Writer};
use crate::graph::{Dim, NodeId, Op, Shape};

/// Writes a transpose, reshape, broadcast, concat, slice or pad node.
pub(super) fn write(writer: &mut Writer<'_>, id: NodeId) -> Result<(), OnnxError> {
    decompose::check_leading(writer, id)?;
    if let Op::Broadcast(shape) = &writer.graph().node(id).op {
        return broadcast(writer, id, shape);
    }
    let names = writer.values(id)?;
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(x) = inputs.first().copied() else {
        return Err(OnnxError::unsupported(format!("{id} without arguments"), "report this"));
    };
    match &writer.graph().node(id).op {
        Op::Transpose(order) => {
            let draft = Draft::of("Transpose", &inputs, format!("transpose({x}, {order:?})"));
            writer.emit(id, draft.with(list_attribute("perm", order)))
        }
        Op::Reshape(shape) => {
            // 0 keeps the length of the input's dimension at the same place, here the batch.
            let target: Vec<i64> = lengths(shape, 0);
            let list = writer.integers("lengths", &target);
            writer.emit(id, Draft::of("Reshape", &[x, &list], format!("{x} in another shape")))
        }
        Op::Concat { axis } => {
            let draft = Draft::of("Concat", &inputs, format!("concat({})", inputs.join(", ")));
            writer.emit(id, draft.with(attribute("axis", integer(*axis))))
        }
        Op::Slice { axis, start, len } => {
            let end = start + len;
            let first = writer.integers("indices", &[integer(*start)]);
            let last = writer.integers("indices", &[integer(end)]);
            let axes = writer.integers("indices", &[integer(*axis)]);
            let formula = format!("{x}[{start}:{end}] along axis {axis}");
            writer.emit(id, Draft::of("Slice", &[x, &first, &last, &axes], formula))
        }
        Op::Pad { axis, before, after } => {
            let rank = writer.graph().shape(id).rank();
            let mut amounts = vec![0; 2 * rank];
            amounts[*axis] = integer(*before);
            amounts[rank + axis] = integer(*after);
            let list = writer.integers("amounts", &amounts);
            let formula = format!("{x} with {before} zeros before and {after} after along axis {axis}");
            writer.emit(id, Draft::of("Pad", &[x, &list], formula))
        }
        op => Err(OnnxError::unsupported(format!("{id} ({})", op.name()), "report this")),
    }
}

/// Writes the sum `sum` as the value of `id`, whose summed axes are gone or kept with length 1.
pub(super) fn sum(writer: &mut Writer<'_>, id: NodeId, sum: NodeId, keep: bool) -> Result<(), OnnxError> {
    let (Op::Sum(axes), &[x]) = (&writer.graph().node(sum).op, writer.plan().args(sum)) else {
        return Err(OnnxError::unsupported(format!("{sum} as a sum"), "report this"));
    };
    decompose::check_leading(writer, sum)?;
    let x = writer.value(x)?;
    let list: Vec<i64> = axes.iter().map(|axis| integer(*axis)).collect();
    let list = writer.integers("indices", &list);
    let inputs = [x.as_str(), &list];
    let draft = Draft::of("ReduceSum", &inputs, format!("sum of {x} over axes {axes:?}"));
    writer.emit(id, draft.with(attribute("keepdims", i64::from(keep))))
}

/// Expand stretches both ways, so a 1 leaves a batch that is already there as it is. Where the batch must be made, its
/// length is taken from an input.
fn broadcast(writer: &mut Writer<'_>, id: NodeId, shape: &Shape) -> Result<(), OnnxError> {
    let &[source] = writer.plan().args(id) else {
        return Err(OnnxError::unsupported(format!("{id} without one argument"), "report this"));
    };
    if decompose::stretches_leading(writer, source, shape) {
        return decompose::spread(writer, id, source, shape);
    }
    let source_batched = writer.graph().shape(source).is_batched();
    let x = writer.value(source)?;
    let formula = format!("{x} stretched");
    let made = shape.is_batched() && !source_batched;
    let list = match (made, writer.options().batch_written()) {
        (true, Batch::Dynamic) => {
            let Some(length) = writer.batch_length()? else {
                return Err(OnnxError::unsupported(
                    "an output with a batch that no input has",
                    "write a fixed batch, or add an input",
                ));
            };
            let row: Vec<i64> = shape.row().iter().map(|len| integer(*len)).collect();
            if row.is_empty() {
                length
            } else {
                let row = writer.integers("lengths", &row);
                let inputs = [length.as_str(), &row];
                let draft = Draft::of("Concat", &inputs, format!("concat({length}, {row})"));
                writer.emit_between(draft.with(attribute("axis", 0)))?
            }
        }
        (true, Batch::Fixed(batch)) => writer.integers("lengths", &lengths(shape, integer(batch))),
        (false, _) => writer.integers("lengths", &lengths(shape, 1)),
    };
    writer.emit(id, Draft::of("Expand", &[&x, &list], formula))
}

fn lengths(shape: &Shape, batch: i64) -> Vec<i64> {
    shape.dims().iter().map(|dim| if let Dim::Fixed(len) = dim { integer(*len) } else { batch }).collect()
}
