//! One element at a time: functions, arithmetic, comparison, selection, filling.
//!
//! A result may take the place of an argument, which shared cells express without unsafe code. The few forms that would need
//! a loop of their own go through short blocks that are loaded before they are stored.

use core::cell::Cell;
use core::iter::repeat;

use crate::format::{Binary, BinaryKind, Fill, Operand, Select, Unary, UnaryKind};
use crate::math;

use super::{Regions, Source, part, part_mut, set, source};

/// Elements loaded at once where a result replaces an argument out of order.
const BLOCK: usize = 8;

/// dst\[i\] = f(src\[i\]).
#[inline(never)]
pub(crate) fn unary(unary: &Unary, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let len = unary.len as usize;
    let (dst, regions) = Regions::split(workspace, unary.dst, len, constants)?;
    if unary.src != Operand::workspace(unary.dst) {
        set(dst, regions.source(unary.src, len)?);
    }
    math::map(unary.kind, dst);
    Some(())
}

/// dst\[i\] = f(lhs\[i·lhs_step\], rhs\[i·rhs_step\]).
#[inline(never)]
pub(crate) fn binary(binary: &Binary, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let len = binary.len as usize;
    let (mut kind, mut lhs, mut rhs) = (binary.kind, (binary.lhs, binary.lhs_step), (binary.rhs, binary.rhs_step));
    if commutes(kind) && !is_vector(lhs) && is_vector(rhs) {
        (lhs, rhs) = (rhs, lhs);
    }
    let mut first = binary.dst as usize;
    if is_vector(lhs) {
        first = lhs.0.offset();
    } else if rhs == (Operand::workspace(binary.dst), 1) {
        // A known number or vector combined with what its result replaces; c − x has the bits of −x + c.
        if kind != BinaryKind::Sub {
            return by_blocks(binary, workspace, constants);
        }
        math::map(UnaryKind::Neg, part_mut(workspace, first, len)?);
        (kind, rhs) = (BinaryKind::Add, lhs);
    } else {
        let (dst, regions) = Regions::split(workspace, binary.dst, len, constants)?;
        match lhs {
            (operand, 0) => dst.fill(regions.source(operand, 1)?.first()),
            (operand, _) => set(dst, regions.source(operand, len)?),
        }
    }
    if rhs.1 == 0 {
        let scalar = source(rhs.0, 1, workspace, constants)?.first();
        return combine(kind, workspace, (binary.dst as usize, first, len), |_| Some(repeat(scalar)));
    }
    let offset = rhs.0.offset();
    if rhs.0.is_constant() {
        let words = part(constants, offset, len)?;
        let values = words.iter().map(|word| f32::from_bits(*word));
        return combine(kind, workspace, (binary.dst as usize, first, len), |_| Some(values));
    }
    combine(kind, workspace, (binary.dst as usize, first, len), |cells| {
        Some(part(cells, offset, len)?.iter().map(Cell::get))
    })
}

/// Whether an argument is `len` elements of the workspace.
fn is_vector((operand, step): (Operand, u32)) -> bool {
    step == 1 && !operand.is_constant()
}

/// Whether f(a, b) and f(b, a) have the same bits, NaNs aside.
fn commutes(kind: BinaryKind) -> bool {
    matches!(kind, BinaryKind::Add | BinaryKind::Mul | BinaryKind::Max | BinaryKind::Min | BinaryKind::Equal)
}

/// One pass over (dst, lhs, len) and the values of `rhs`; cells let a result take the place of either argument.
#[inline]
fn combine<'a, I: Iterator<Item = f32>>(
    kind: BinaryKind,
    workspace: &'a mut [f32],
    (dst, lhs, len): (usize, usize, usize),
    rhs: impl FnOnce(&'a [Cell<f32>]) -> Option<I>,
) -> Option<()> {
    let cells = Cell::from_mut(workspace).as_slice_of_cells();
    math::combine(kind, part(cells, dst, len)?, part(cells, lhs, len)?, rhs(cells)?);
    Some(())
}

fn by_blocks(binary: &Binary, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    blocks(binary.len, |at, len| {
        let (mut lhs, mut rhs) = ([0.0; BLOCK], [0.0; BLOCK]);
        let lhs = load(&mut lhs, len, (binary.lhs, binary.lhs_step, at), workspace, constants)?;
        let rhs = load(&mut rhs, len, (binary.rhs, binary.rhs_step, at), workspace, constants)?;
        let cells = Cell::from_mut(&mut *lhs).as_slice_of_cells();
        math::combine(binary.kind, cells, cells, rhs.iter().copied());
        store(lhs, binary.dst, at, workspace)
    })
}

/// dst\[i\] = condition\[i\] ≠ 0 ? accepted\[i\] : rejected\[i\].
#[inline(never)]
pub(crate) fn select(select: &Select, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let [condition_step, accepted_step, rejected_step] = select.steps;
    blocks(select.len, |at, len| {
        let (mut condition, mut accepted, mut rejected) = ([0.0; BLOCK], [0.0; BLOCK], [0.0; BLOCK]);
        let condition = load(&mut condition, len, (select.condition, condition_step, at), workspace, constants)?;
        let accepted = load(&mut accepted, len, (select.accepted, accepted_step, at), workspace, constants)?;
        let rejected = load(&mut rejected, len, (select.rejected, rejected_step, at), workspace, constants)?;
        for ((chosen, other), condition) in accepted.iter_mut().zip(rejected).zip(condition) {
            if *condition == 0.0 {
                *chosen = *other;
            }
        }
        store(accepted, select.dst, at, workspace)
    })
}

/// dst\[i\] = value.
#[inline(never)]
pub(crate) fn fill(fill: &Fill, workspace: &mut [f32]) -> Option<()> {
    part_mut(workspace, fill.dst as usize, fill.len as usize)?.fill(f32::from_bits(fill.value));
    Some(())
}

fn blocks(len: u32, mut body: impl FnMut(usize, usize) -> Option<()>) -> Option<()> {
    let len = len as usize;
    let mut at = 0;
    while at < len {
        let count = BLOCK.min(len - at);
        body(at, count)?;
        at += count;
    }
    Some(())
}

/// Fills the first `len` elements of a block from (operand, step, index).
fn load<'a>(
    block: &'a mut [f32; BLOCK],
    len: usize,
    (operand, step, at): (Operand, u32, usize),
    workspace: &[f32],
    constants: &[u32],
) -> Option<&'a mut [f32]> {
    let block = block.get_mut(..len)?;
    let (skip, count) = if step == 0 { (0, 1) } else { (at, len) };
    let first = operand.offset().checked_add(skip)?;
    let source = if operand.is_constant() {
        Source::Bits(part(constants, first, count)?)
    } else {
        Source::Values(part(workspace, first, count)?)
    };
    if step == 0 {
        block.fill(source.first());
    } else {
        set(block, source);
    }
    Some(block)
}

fn store(block: &[f32], dst: u32, at: usize, workspace: &mut [f32]) -> Option<()> {
    set(part_mut(workspace, (dst as usize).checked_add(at)?, block.len())?, Source::Values(block));
    Some(())
}
