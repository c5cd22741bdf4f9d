//! Products: Gemm where both sides are matrices, MatMul otherwise.
//!
//! A stored weight is read by every product that needs it, transposed or not, and never stored or transposed a second time:
//! between matrices Gemm transposes as it reads; above rank 2 a weight to be transposed changes sides, A Bᵀ = (B Aᵀ)ᵀ.

use super::super::OnnxError;
use super::decompose;
use super::document::{attribute, list_attribute};
use super::writer::{Draft, Writer};
use crate::graph::{NodeId, Op};

/// One side of a product.
#[derive(Clone, Copy)]
struct Side {
    id: NodeId,
    transpose: bool,
}

/// Writes `product`, plus a constant bias where there is one, as the value of `id`.
pub(super) fn write(
    writer: &mut Writer<'_>,
    id: NodeId,
    product: NodeId,
    bias: Option<NodeId>,
) -> Result<(), OnnxError> {
    let (Op::MatMul { transpose_lhs, transpose_rhs }, &[lhs, rhs]) =
        (&writer.graph().node(product).op, writer.plan().args(product))
    else {
        return Err(OnnxError::unsupported(format!("{product} as a product"), "report this"));
    };
    let sides = [Side { id: lhs, transpose: *transpose_lhs }, Side { id: rhs, transpose: *transpose_rhs }];
    let flat = sides.iter().all(|side| writer.graph().shape(side.id).rank() == 2);
    if flat && (bias.is_some() || sides.iter().any(|side| side.transpose)) {
        return gemm(writer, id, sides, bias);
    }
    let stored = |side: &Side| writer.graph().constant_value(side.id).is_some();
    let change_sides = sides.iter().any(|side| side.transpose && stored(side))
        && !sides.iter().any(|side| !side.transpose && stored(side));
    let rank_max = writer.options().profile.limits().product_rank_max;
    if sides.iter().any(|side| writer.graph().shape(side.id).rank() > rank_max) {
        let [a, b] = sides;
        let (a, b) = ((operand(writer, a)?, lengths(writer, a)), (operand(writer, b)?, lengths(writer, b)));
        return decompose::product(writer, id, a, b);
    }
    if !change_sides {
        let (a, b) = (operand(writer, sides[0])?, operand(writer, sides[1])?);
        let formula = format!("{a} @ {b}");
        return writer.emit(id, Draft::of("MatMul", &[&a, &b], formula));
    }
    let flipped = |side: Side| Side { id: side.id, transpose: !side.transpose };
    let (a, b) = (operand(writer, flipped(sides[1]))?, operand(writer, flipped(sides[0]))?);
    let formula = format!("{a} @ {b}");
    let swapped = writer.emit_between(Draft::of("MatMul", &[&a, &b], formula))?;
    let order = last_two_swapped(writer.graph().shape(id).rank());
    let formula = format!("transpose({swapped})");
    writer.emit(id, Draft::of("Transpose", &[&swapped], formula).with(list_attribute("perm", &order)))
}

fn gemm(writer: &mut Writer<'_>, id: NodeId, sides: [Side; 2], bias: Option<NodeId>) -> Result<(), OnnxError> {
    let mut inputs = Vec::new();
    let mut formula = String::new();
    for side in sides {
        inputs.push(writer.value_as(side.id, "weight")?);
        let prime = if side.transpose { "'" } else { "" };
        let separator = if formula.is_empty() { "" } else { " @ " };
        formula = format!("{formula}{separator}{}{prime}", inputs[inputs.len() - 1]);
    }
    if let Some(bias) = bias {
        let name = writer.value_as(bias, "bias")?;
        formula = format!("{formula} + {name}");
        inputs.push(name);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut draft = Draft::of("Gemm", &inputs, formula);
    for (name, side) in [("transA", sides[0]), ("transB", sides[1])] {
        if side.transpose {
            draft = draft.with(attribute(name, 1));
        }
    }
    writer.emit(id, draft)
}

/// The value a MatMul reads, transposed before where it must be.
fn operand(writer: &mut Writer<'_>, side: Side) -> Result<String, OnnxError> {
    let name = writer.value_as(side.id, "weight")?;
    if !side.transpose {
        return Ok(name);
    }
    let order = last_two_swapped(writer.graph().shape(side.id).rank());
    let inputs = [name.as_str()];
    let draft = Draft::of("Transpose", &inputs, format!("transpose({name})"));
    writer.emit_between(draft.with(list_attribute("perm", &order)))
}

/// Lengths of the value that [`operand`] gives.
fn lengths(writer: &Writer<'_>, side: Side) -> Vec<usize> {
    let mut lengths = writer.lengths(writer.graph().shape(side.id));
    if let (true, [.., a, b]) = (side.transpose, lengths.as_mut_slice()) {
        std::mem::swap(a, b);
    }
    lengths
}

fn last_two_swapped(rank: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rank).collect();
    if let [.., a, b] = order.as_mut_slice() {
        std::mem::swap(a, b);
    }
    order
}
