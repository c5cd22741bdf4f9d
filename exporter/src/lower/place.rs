//! The static memory plan: every buffer of an entry gets a fixed place in the workspace.
//!
//! A buffer lives from the first kernel that writes it to the last that reads it; the result lives to the end. An
//! elementwise kernel whose operand dies there writes over it. Everything else is placed largest first (earlier first
//! write, then lower index, at a tie) into the smallest gap that fits among what lives at the same time, the lowest at a
//! tie. The inputs have fixed places and are never written.

use super::kernel::Kernel;
use super::plan::Operand;
use super::schedule::buffer;
use super::select::{Selected, Unplaced};

/// One entry with its memory.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    /// Kernels in order.
    pub(super) kernels: Vec<Kernel<Operand>>,
    /// Where the result starts.
    pub(super) result: Operand,
    /// Elements of the workspace in use, inputs included.
    pub(super) workspace_len: usize,
    /// Most elements alive at the same time besides the inputs.
    pub(super) live_len: usize,
}

/// Positions of the first write and of the last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Life {
    first: usize,
    last: usize,
}

impl Life {
    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// One or several buffers of equal length that take each other's place.
#[derive(Debug, Clone)]
struct Slot {
    len: usize,
    life: Life,
    buffers: Vec<usize>,
}

/// Places the buffers of `selected`, whose kernels run in the given order.
pub(super) fn place(selected: &Selected, kernels: &[Kernel<Unplaced>]) -> Placed {
    let lives = lives(selected, kernels);
    let mut slots = slots(selected, kernels, &lives);
    slots.sort_by_key(|slot| (std::cmp::Reverse(slot.len), slot.life.first, slot.buffers.first().copied()));
    let mut fixed = 0;
    let mut offsets = vec![None; selected.buffers.len()];
    for (index, len) in selected.buffers.iter().enumerate().take(selected.input_count) {
        offsets[index] = Some(fixed);
        fixed += len;
    }
    let mut done: Vec<(usize, &Slot)> = Vec::new();
    for slot in &slots {
        let start = lowest_best_fit(slot, fixed, &done);
        done.push((start, slot));
        slot.buffers.iter().for_each(|buffer| offsets[*buffer] = Some(start));
    }
    let operand = |at: Unplaced| match at {
        Unplaced::Buffer { index, offset } => Operand::Workspace(offsets[index].unwrap_or(0) + offset),
        Unplaced::Constant(offset) => Operand::Constant(offset),
    };
    let live_at = |time: usize| -> usize {
        slots.iter().filter(|slot| slot.life.first <= time && time <= slot.life.last).map(|slot| slot.len).sum()
    };
    Placed {
        kernels: kernels.iter().map(|kernel| kernel.map(&operand)).collect(),
        result: operand(selected.result),
        workspace_len: done.iter().map(|(start, slot)| start + slot.len).max().unwrap_or(fixed).max(fixed),
        live_len: (0..kernels.len()).map(live_at).max().unwrap_or(0),
    }
}

/// When each buffer lives; `None` for inputs and what is never written.
fn lives(selected: &Selected, kernels: &[Kernel<Unplaced>]) -> Vec<Option<Life>> {
    let mut lives: Vec<Option<Life>> = vec![None; selected.buffers.len()];
    for (time, kernel) in kernels.iter().enumerate() {
        for access in kernel.reads() {
            if let Some(life) = buffer(access.at).and_then(|(index, _)| lives[index].as_mut()) {
                life.last = time;
            }
        }
        if let Some((index, _)) = buffer(kernel.write().at) {
            lives[index].get_or_insert(Life { first: time, last: time }).last = time;
        }
    }
    if let Some(life) = buffer(selected.result).and_then(|(index, _)| lives[index].as_mut()) {
        life.last = kernels.len();
    }
    lives
}

/// Buffers joined where a kernel may write over its operand.
fn slots(selected: &Selected, kernels: &[Kernel<Unplaced>], lives: &[Option<Life>]) -> Vec<Slot> {
    // The slot of each buffer, by the buffer that opened it.
    let mut opened_by: Vec<usize> = (0..selected.buffers.len()).collect();
    let mut slots: Vec<Option<Slot>> = (0..selected.buffers.len())
        .map(|index| lives[index].map(|life| Slot { len: selected.buffers[index], life, buffers: vec![index] }))
        .collect();
    for (time, kernel) in kernels.iter().enumerate() {
        let Some((target, 0)) = buffer(kernel.write().at) else { continue };
        let Some(source) = overwritable(selected, kernel, time, lives, target) else { continue };
        let owner = opened_by[source];
        // Two results of one operand: the first has taken its place.
        if slots[owner].as_ref().is_none_or(|slot| slot.life.last != time) {
            continue;
        }
        if let (Some(mut slot), Some(taken)) = (slots[owner].take(), slots[target].take()) {
            slot.life.last = taken.life.last;
            slot.buffers.push(target);
            opened_by[target] = owner;
            slots[owner] = Some(slot);
        }
    }
    slots.into_iter().flatten().collect()
}

/// The first operand that dies in `kernel` and whose place its whole result may take.
fn overwritable(
    selected: &Selected,
    kernel: &Kernel<Unplaced>,
    time: usize,
    lives: &[Option<Life>],
    target: usize,
) -> Option<usize> {
    let len = selected.buffers[target];
    let starts_here = lives[target].is_some_and(|life| life.first == time);
    if !starts_here || kernel.write().span != len {
        return None;
    }
    let reads = kernel.reads();
    let candidate = |access: &super::kernel::Access<Unplaced>| {
        let (index, offset) = buffer(access.at)?;
        let dies = lives[index].is_some_and(|life| life.last == time);
        let every_read_is_exact = reads.iter().all(|other| match buffer(other.at) {
            Some((same, start)) if same == index => start == 0 && other.elementwise && other.span == len,
            _ => true,
        });
        (offset == 0 && selected.buffers[index] == len && dies && every_read_is_exact).then_some(index)
    };
    reads.iter().find_map(candidate)
}

/// Start of the smallest gap that fits among slots alive at the same time; the first free element where none does.
fn lowest_best_fit(slot: &Slot, fixed: usize, done: &[(usize, &Slot)]) -> usize {
    let mut taken: Vec<(usize, usize)> = done
        .iter()
        .filter(|(_, other)| other.life.overlaps(slot.life))
        .map(|(start, other)| (*start, start + other.len))
        .collect();
    taken.sort_unstable();
    let mut best: Option<(usize, usize)> = None;
    let mut free_from = fixed;
    for (start, end) in taken {
        let gap = start.saturating_sub(free_from);
        if gap >= slot.len && best.is_none_or(|(smallest, _)| gap < smallest) {
            best = Some((gap, free_from));
        }
        free_from = free_from.max(end);
    }
    best.map_or(free_from, |(_, start)| start)
}
