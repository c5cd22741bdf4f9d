//! The proof obligations of execution: after this, every kernel finds its slices and no source is overwritten while it is read.
//!
//! Arithmetic is done in u64, where no product of two extents overflows.

mod q15;

use crate::error::Error;
use crate::format::{
    Binary, Copy, Dense, DenseAdjoint, DenseGradient, Entry, Fill, Instruction, MAX_EXTENT, MAX_INSTRUCTIONS,
    MAX_OPERATIONS, MatMul, Network, NetworkKind, NetworkTable, Operand, Section, Select, Sum, Unary, WeightKind,
};

use super::{Image, slice};

/// What an entry has to be, by the form of the blob and the rest of its header.
pub(crate) struct Contract {
    /// Whether the entry is there.
    pub(crate) is_expected: bool,
    /// Elements of its result.
    pub(crate) result_len: u64,
    /// Elements at the start of the workspace that no instruction writes.
    pub(crate) inputs_end: u64,
    /// Those of them that the entry must not depend on.
    pub(crate) forbidden: [Span; 2],
}

/// Checks presence, extent, result and every instruction of one entry.
pub(crate) fn entry(image: &Image<'_>, entry: Entry, contract: &Contract) -> Result<(), Error> {
    let record = image.header.entry(entry);
    let refused = Error::Entry(entry);
    if record.result.is_absent() {
        let empty = record.offset == 0 && record.len == 0 && record.instructions == 0;
        return if empty && !contract.is_expected { Ok(()) } else { Err(refused) };
    }
    let section = Section { offset: record.offset, len: record.len };
    let code = slice(image.instructions, section).ok_or(refused)?;
    if !contract.is_expected || record.instructions as usize > MAX_INSTRUCTIONS {
        return Err(refused);
    }
    let rules = Rules::new(image, contract);
    let mut rest = code;
    for index in 0..record.instructions {
        let refused = Error::Instruction { entry, index };
        let (instruction, after) = Instruction::decode(rest).ok_or(refused)?;
        let declared = instruction.kernels() & !image.header.kernels == 0;
        if !declared || rules.instruction(&instruction).is_none() {
            return Err(refused);
        }
        rest = after;
    }
    let result = rules.read(record.result, contract.result_len);
    if rest.is_empty() && result.is_some() { Ok(()) } else { Err(refused) }
}

/// What one entry may touch.
struct Rules<'a> {
    constants: &'a [u32],
    constants_len: u64,
    workspace_len: u64,
    /// First element after the inputs.
    inputs_end: u64,
    /// Ranges of the inputs that the entry must not depend on.
    forbidden: [Span; 2],
}

/// Elements from the first one touched to the one after the last.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

fn extents<const COUNT: usize>(values: [u32; COUNT]) -> Option<[u64; COUNT]> {
    values.iter().all(|value| *value as usize <= MAX_EXTENT).then(|| values.map(u64::from))
}

/// Product of lengths, each at least 1, within the bound on work.
fn product<const COUNT: usize>(lens: [u32; COUNT]) -> Option<u64> {
    extents(lens)?.iter().try_fold(1, |work: u64, len| {
        let work = work.saturating_mul(*len);
        (work > 0 && work <= MAX_OPERATIONS as u64).then_some(work)
    })
}

/// Elements between the first and the last that strided indices reach, both counted.
fn strided<const COUNT: usize>(lens: [u32; COUNT], strides: [u32; COUNT]) -> Option<u64> {
    let (lens, strides) = (extents(lens)?, extents(strides)?);
    // Each term is below 2⁴⁴ and there are at most four.
    Some(1 + lens.iter().zip(strides).map(|(len, stride)| len.saturating_sub(1) * stride).sum::<u64>())
}

impl<'a> Rules<'a> {
    fn new(image: &Image<'a>, contract: &Contract) -> Self {
        Self {
            constants: image.constants,
            constants_len: image.constants.len() as u64,
            workspace_len: u64::from(image.header.workspace_len),
            inputs_end: contract.inputs_end,
            forbidden: contract.forbidden,
        }
    }

    /// The workspace elements an operand reads; an empty span for constants.
    fn read(&self, operand: Operand, len: u64) -> Option<Span> {
        let start = operand.offset() as u64;
        let end = start.checked_add(len)?;
        if operand.is_constant() {
            return (end <= self.constants_len).then_some(Span::EMPTY);
        }
        let span = Span { start, end };
        let allowed = self.forbidden.iter().all(|forbidden| !span.overlaps(*forbidden));
        (end <= self.workspace_len && allowed).then_some(span)
    }

    fn write(&self, dst: u32, len: u64) -> Option<Span> {
        let start = u64::from(dst);
        let end = start.checked_add(len)?;
        (start >= self.inputs_end && end <= self.workspace_len).then_some(Span { start, end })
    }

    /// A source that the result must not overlap.
    fn apart(&self, operand: Operand, len: u64, written: Span) -> Option<()> {
        (!self.read(operand, len)?.overlaps(written)).then_some(())
    }

    /// A source that the result may replace element by element, but not overlap otherwise.
    fn beside(&self, operand: Operand, step: u32, written: Span) -> Option<()> {
        let read = self.read(operand, if step == 0 { 1 } else { written.end - written.start })?;
        let in_place = step == 1 && read.start == written.start && read.end == written.end;
        (in_place || !read.overlaps(written)).then_some(())
    }

    fn panel(&self, panel: Operand, weights: WeightKind, rows: u32, cols: u32) -> Option<()> {
        product([rows, cols])?;
        let inside = self.read(panel, weights.panel_words(rows, cols)).is_some();
        (panel.is_constant() && inside).then_some(())
    }

    fn instruction(&self, instruction: &Instruction) -> Option<()> {
        match *instruction {
            Instruction::Unary(Unary { src, dst, len, .. }) => self.beside(src, 1, self.write(dst, product([len])?)?),
            Instruction::Binary(Binary { lhs, rhs, dst, len, lhs_step, rhs_step, .. }) => {
                let written = self.write(dst, product([len])?)?;
                self.beside(lhs, lhs_step, written)?;
                self.beside(rhs, rhs_step, written)
            }
            Instruction::Select(Select { condition, accepted, rejected, dst, len, steps: [first, second, third] }) => {
                let written = self.write(dst, product([len])?)?;
                self.beside(condition, first, written)?;
                self.beside(accepted, second, written)?;
                self.beside(rejected, third, written)
            }
            Instruction::Fill(Fill { dst, len, .. }) => self.write(dst, product([len])?).map(|_| ()),
            Instruction::Copy(Copy { src, dst, dims, src_strides, dst_strides }) if cfg!(feature = "strided") => {
                product(dims)?;
                let written = self.write(dst, strided(dims, dst_strides)?)?;
                self.apart(src, strided(dims, src_strides)?, written)
            }
            Instruction::Sum(Sum { src, dst, outer, len, inner }) => {
                let written = self.write(dst, product([outer, inner])?)?;
                self.apart(src, product([outer, len, inner])?, written)
            }
            Instruction::MatMul(matmul) if cfg!(feature = "matmul") => self.matmul(&matmul),
            Instruction::Dense(Dense { panel, weights, bias, src, dst, rows, cols, .. }) => {
                self.panel(panel, weights, rows, cols)?;
                let written = self.write(dst, u64::from(rows))?;
                self.bias(bias, rows, written)?;
                self.values(src, cols, written)
            }
            Instruction::DenseAdjoint(DenseAdjoint { panel, weights, src, slope, dst, rows, cols }) => {
                self.panel(panel, weights, rows, cols)?;
                let written = self.write(dst, u64::from(cols))?;
                if let Some((_, values)) = slope {
                    self.values(values, rows, written)?;
                }
                self.values(src, rows, written)
            }
            Instruction::DenseGradient(DenseGradient {
                panel, weights, bias, src, factor, dst, rows, cols, ..
            }) => {
                // Half of what one instruction may do: the weights are gone through twice.
                product([rows, cols, 2])?;
                self.panel(panel, weights, rows, cols)?;
                let written = self.write(dst, u64::from(cols))?;
                self.bias(bias, rows, written)?;
                self.apart(factor, u64::from(rows), written)?;
                self.values(src, cols, written)
            }
            Instruction::Network(network) if cfg!(feature = "q15") => self.network(&network),
            // Kernels that this build leaves out; they do not decode either.
            Instruction::Copy(_) | Instruction::MatMul(_) | Instruction::Network(_) => None,
        }
    }

    /// Result, scratch and source must be apart, the table be sound.
    fn network(&self, network: &Network) -> Option<()> {
        let Network { kind, table, len, weights, src, dst, scratch, scratch_len } = *network;
        self.read(table, len.into()).filter(|_| table.is_constant())?;
        let words = slice(self.constants, Section { offset: u32::try_from(table.offset()).ok()?, len })?;
        let table = NetworkTable::open(words)?;
        if q15::weights(&table)? != u64::from(weights) || table.scratch_len() != scratch_len as usize {
            return None;
        }
        let inputs = u32::try_from(table.inputs_len()).ok()?;
        let written = self.write(dst, if kind == NetworkKind::Value { 1 } else { inputs.into() })?;
        let scratch = self.write(scratch, scratch_len.into())?;
        self.values(src, inputs, written)?;
        self.values(src, inputs, scratch)?;
        (!written.overlaps(scratch)).then_some(())
    }

    fn bias(&self, bias: Operand, rows: u32, written: Span) -> Option<()> {
        if bias.is_absent() { Some(()) } else { self.apart(bias, u64::from(rows), written) }
    }

    /// A source in the workspace that the result must not overlap.
    fn values(&self, operand: Operand, len: u32, written: Span) -> Option<()> {
        if operand.is_constant() { None } else { self.apart(operand, u64::from(len), written) }
    }

    fn matmul(&self, matmul: &MatMul) -> Option<()> {
        let MatMul { lhs, rhs, dst, batch, rows, inner, cols, lhs_strides, rhs_strides } = *matmul;
        product([batch, rows, inner, cols])?;
        let written = self.write(dst, product([batch, rows, cols])?)?;
        self.apart(lhs, strided([batch, rows, inner], lhs_strides)?, written)?;
        self.apart(rhs, strided([batch, inner, cols], rhs_strides)?, written)
    }
}
