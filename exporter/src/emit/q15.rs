//! Spells a plan whose networks run in 16-bit fixed point.
//!
//! Every entry is what the plan says of the rest of the model, in f32, and then each network added to it, or written where the
//! rest is 0 throughout. Scratch and results of the networks lie behind the plan's own workspace.

use std::ops::Range;

use hnn_runtime::format::{self, BinaryKind, EntryRecord, Header, Instruction, NetworkKind};

use super::blob::{instruction, operand, plan_flags, position, sealed, word};
use crate::dynamics::Scheme;
use crate::lower::{Entry, EntryKind, Kernel, Operand, Plan};

/// A network with its table.
#[derive(Debug, Clone)]
pub struct PlacedNetwork {
    /// Its inputs: some of q, some of p, or all of x.
    pub columns: Range<usize>,
    /// The words of its table.
    pub table: Vec<u32>,
    /// Weights, padding not counted.
    pub weights: usize,
    /// Elements of room for 16-bit values.
    pub scratch_len: usize,
}

impl PlacedNetwork {
    /// Where its derivatives go in the result of an entry, and whether it has a part in it.
    fn place(&self, kind: EntryKind, dof: usize) -> Option<Range<usize>> {
        let Range { start, end } = self.columns.clone();
        match kind {
            EntryKind::Energy => Some(0..1),
            EntryKind::Velocity if start >= dof => Some(start - dof..end - dof),
            EntryKind::Force if end <= dof => Some(start..end),
            EntryKind::Field if start >= dof => Some(start - dof..end - dof),
            EntryKind::Field if end <= dof => Some(start + dof..end + dof),
            EntryKind::Field => Some(0..2 * dof),
            _ => None,
        }
    }
}

/// The blob of `plan` and the networks beside it, to be stepped with `scheme` and `dt` seconds.
#[must_use]
pub fn q15_blob(plan: &Plan, networks: &[PlacedNetwork], scheme: Scheme, dt: f32) -> Vec<u32> {
    let mut constants: Vec<u32> = plan.constants.clone();
    let mut placed = Vec::new();
    for network in networks {
        placed.push((network, constants.len()));
        constants.extend(&network.table);
    }
    let mut header = Header::empty();
    let mut code = Vec::new();
    let mut end = plan.workspace_len;
    for entry in &plan.entries {
        let written = Written::new(plan, entry, &placed);
        end = end.max(written.end);
        let (record, words) = written.record(code.len(), &mut header.kernels);
        header.entries[position(entry.kind)] = record;
        code.extend(words);
    }
    header.dof = word(plan.dof);
    header.inputs = word(plan.inputs);
    header.flags = plan_flags(plan);
    header.workspace_len = word(end);
    (header.scheme, header.setting) = (scheme.id().code(), scheme.setting());
    header.dt = dt;
    header.inverse_mass = plan.inverse_mass.map_or(format::ABSENT, word);
    sealed(header, &code, &constants)
}

/// A network's part in an entry.
struct Part<'n> {
    network: &'n PlacedNetwork,
    /// Where its table starts among the constants.
    table: usize,
    /// Where its derivatives go in the result.
    place: Range<usize>,
}

/// One entry in the making.
struct Written {
    instructions: Vec<Instruction>,
    result: Operand,
    /// First element of the workspace that is not used.
    end: usize,
}

impl Written {
    fn new<'n>(plan: &Plan, entry: &Entry, networks: &[(&'n PlacedNetwork, usize)]) -> Self {
        let mut written = Self { instructions: Vec::new(), result: entry.result, end: plan.workspace_len };
        let part = |(network, table): &(&'n PlacedNetwork, usize)| {
            Some(Part { network, table: *table, place: network.place(entry.kind, plan.dof)? })
        };
        let parts: Vec<Part<'n>> = networks.iter().filter_map(part).collect();
        // Zeros that networks alone take the place of are not written at all.
        let is_filled = is_filled_with_zeros(entry) && is_partition(&parts, entry.result_len);
        if !is_filled {
            written.instructions.extend(entry.kernels.iter().map(instruction));
        }
        if parts.is_empty() {
            return written;
        }
        let (start, len) = (written.end, entry.result_len);
        let behind = start + len;
        written.end = behind;
        // What has been written of the result; the rest of the model comes in element by element where it is not 0.
        let mut filled = vec![false; len];
        for Part { network, table, place } in parts {
            let is_first = filled[place.clone()].iter().all(|known| !known);
            let is_new = is_first && (is_filled || is_zero(plan, entry, &place));
            let (at, scratch) = if is_new { (start + place.start, behind) } else { (behind, behind + place.len()) };
            written.network(network, table, entry.kind, at, scratch);
            if !is_new {
                for run in runs(&filled, &place) {
                    let known = if filled[run.start] { Operand::Workspace(start) } else { entry.result };
                    let added = at + run.start - place.start;
                    written.sum(known, added, start, &run);
                }
            }
            filled[place].fill(true);
        }
        for run in runs(&filled, &(0..len)).into_iter().filter(|run| !filled[run.start]) {
            written.copy(entry.result, start, &run);
        }
        written.result = Operand::Workspace(start);
        written
    }

    fn network(&mut self, network: &PlacedNetwork, table: usize, kind: EntryKind, dst: usize, scratch: usize) {
        let kind = if kind == EntryKind::Energy { NetworkKind::Value } else { NetworkKind::Gradient };
        self.end = self.end.max(scratch + network.scratch_len);
        self.instructions.push(Instruction::Network(format::Network {
            kind,
            table: operand(Operand::Constant(table)),
            len: word(network.table.len()),
            weights: word(network.weights),
            src: operand(Operand::Workspace(network.columns.start)),
            dst: word(dst),
            scratch: word(scratch),
            scratch_len: word(network.scratch_len),
        }));
    }

    /// result = known + added over a run of the result.
    fn sum(&mut self, known: Operand, added: usize, start: usize, run: &Range<usize>) {
        self.instructions.push(Instruction::Binary(format::Binary {
            kind: BinaryKind::Add,
            lhs: operand(moved(known, run.start)),
            rhs: operand(Operand::Workspace(added)),
            dst: word(start + run.start),
            len: word(run.len()),
            lhs_step: 1,
            rhs_step: 1,
        }));
    }

    fn copy(&mut self, from: Operand, start: usize, run: &Range<usize>) {
        self.instructions.push(Instruction::Copy(format::Copy {
            src: operand(moved(from, run.start)),
            dst: word(start + run.start),
            dims: [1, 1, 1, word(run.len())],
            src_strides: [0, 0, 0, 1],
            dst_strides: [0, 0, 0, 1],
        }));
    }

    fn record(&self, offset: usize, families: &mut u32) -> (EntryRecord, Vec<u32>) {
        let mut code = Vec::new();
        for instruction in &self.instructions {
            *families |= instruction.kernels();
            let (words, len) = instruction.encode();
            code.extend(words.iter().take(len));
        }
        let (len, instructions) = (word(code.len()), word(self.instructions.len()));
        (EntryRecord { offset: word(offset), len, instructions, result: operand(self.result) }, code)
    }
}

fn moved(at: Operand, by: usize) -> Operand {
    match at {
        Operand::Workspace(offset) => Operand::Workspace(offset + by),
        Operand::Constant(offset) => Operand::Constant(offset + by),
    }
}

/// Whether all that an entry does is to write zeros.
fn is_filled_with_zeros(entry: &Entry) -> bool {
    let is_zero = |kernel: &Kernel<Operand>| matches!(kernel, Kernel::Fill { value: 0.0, .. });
    !entry.kernels.is_empty() && entry.kernels.iter().all(is_zero)
}

/// Whether the places of all parts are apart and fill a result.
fn is_partition(parts: &[Part<'_>], len: usize) -> bool {
    let holders = |index: usize| parts.iter().filter(|part| part.place.contains(&index)).count();
    (0..len).all(|index| holders(index) == 1)
}

/// Whether the rest of the model is known to give 0 there.
fn is_zero(plan: &Plan, entry: &Entry, place: &Range<usize>) -> bool {
    match entry.result {
        Operand::Workspace(_) => false,
        Operand::Constant(at) => {
            plan.constants[at + place.start..at + place.end].iter().all(|word| f32::from_bits(*word) == 0.0)
        }
    }
}

/// `place` cut where it changes between filled and not.
fn runs(filled: &[bool], place: &Range<usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for index in place.clone() {
        match runs.last_mut() {
            Some(run) if filled[run.start] == filled[index] => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}
