//! One element at a time: functions, arithmetic, comparison, selection, filling.
//!
//! A result may take the place of an argument, which shared cells express without unsafe code. Known numbers, and one number that
//! serves all, go through short blocks: there is one loop for each function, whatever it reads.

use core::cell::Cell;

use crate::format::{Binary, Fill, Operand, Select, Unary};
use crate::math;

use super::{Regions, Source, part, part_mut, set};

/// Elements loaded at once.
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
    let (lhs, rhs) = ((binary.lhs, binary.lhs_step), (binary.rhs, binary.rhs_step));
    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    // Vectors of the workspace are read where they lie, in one pass if there are no others.
    let block = if is_vector(lhs) && is_vector(rhs) { binary.len as usize } else { BLOCK };
    blocks(binary.len, block, |at, len| {
        let left = Loaded::from(lhs, at, len, &mut left, workspace, constants)?;
        let right = Loaded::from(rhs, at, len, &mut right, workspace, constants)?;
        let cells = Cell::from_mut(&mut *workspace).as_slice_of_cells();
        let dst = part(cells, (binary.dst as usize).checked_add(at)?, len)?;
        math::combine(binary.kind, dst, left.cells(cells)?, right.cells(cells)?);
        Some(())
    })
}

/// Whether an argument is `len` elements of the workspace.
fn is_vector((operand, step): (Operand, u32)) -> bool {
    step == 1 && !operand.is_constant()
}

/// The part of an argument that belongs to one block: where it lies in the workspace, or loaded.
enum Loaded<'a> {
    InPlace { offset: usize, len: usize },
    Copied(&'a [Cell<f32>]),
}

impl<'a> Loaded<'a> {
    fn from(
        argument: (Operand, u32),
        at: usize,
        len: usize,
        block: &'a mut [f32; BLOCK],
        workspace: &[f32],
        constants: &[u32],
    ) -> Option<Self> {
        let (operand, step) = argument;
        if is_vector(argument) {
            return Some(Self::InPlace { offset: operand.offset().checked_add(at)?, len });
        }
        // One element that serves all stays in its block.
        if step == 1 || at == 0 {
            load(block, len, (operand, step, at), workspace, constants)?;
        }
        Some(Self::Copied(part(Cell::from_mut(&mut block[..]).as_slice_of_cells(), 0, len)?))
    }

    fn cells<'b>(&'b self, workspace: &'b [Cell<f32>]) -> Option<&'b [Cell<f32>]> {
        match self {
            Self::InPlace { offset, len } => part(workspace, *offset, *len),
            Self::Copied(cells) => Some(cells),
        }
    }
}

/// dst\[i\] = condition\[i\] ≠ 0 ? accepted\[i\] : rejected\[i\].
#[inline(never)]
pub(crate) fn select(select: &Select, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let [condition_step, accepted_step, rejected_step] = select.steps;
    blocks(select.len, BLOCK, |at, len| {
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

fn blocks(len: u32, block: usize, mut body: impl FnMut(usize, usize) -> Option<()>) -> Option<()> {
    let len = len as usize;
    let mut at = 0;
    while at < len {
        let count = block.min(len - at);
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
