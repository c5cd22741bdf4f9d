//! A blob taken apart and guarded: what the program of a model and a function have in common.
//!
//! Opening checks everything that needs no knowledge of entries; [`verify`] then proves the instructions of one entry, and
//! [`execute`](crate::execute) runs them.

pub(crate) mod verify;

use crate::error::Error;
use crate::float_mode::check_float_mode;
use crate::format::{
    Entry, EntryRecord, HEADER_WORDS, Header, Instruction, MAX_BLOB_WORDS, MAX_WORKSPACE, Section, VERSION, checksum,
};
use crate::math;

/// The sections of a blob whose length, checksum and kernel families are right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) header: Header,
    pub(crate) instructions: &'a [u32],
    pub(crate) constants: &'a [u32],
}

impl<'a> Image<'a> {
    /// Checks a blob in the order given in `docs/FORMAT.md`, up to its sections.
    pub(crate) fn open(words: &'a [u32]) -> Result<Self, Error> {
        check_float_mode()?;
        let header = checked_header(words)?;
        let missing = header.kernels & !crate::kernels::BUILT_IN;
        if missing != 0 {
            return Err(Error::MissingKernel(missing));
        }
        if header.workspace_len as usize > MAX_WORKSPACE {
            return Err(Error::Header);
        }
        let (instructions, constants) = sections(&header, words).ok_or(Error::Header)?;
        Ok(Self { header, instructions, constants })
    }

    /// Whether every entry but `kept` is absent.
    pub(crate) fn holds_only(&self, kept: Entry) -> Result<(), Error> {
        let surplus =
            Entry::ALL.iter().find(|entry| **entry != kept && self.header.entry(**entry) != EntryRecord::ABSENT);
        surplus.map_or(Ok(()), |entry| Err(Error::Entry(*entry)))
    }

    /// The words of an entry's instructions.
    pub(crate) fn code(&self, entry: Entry) -> &'a [u32] {
        let record = self.header.entry(entry);
        slice(self.instructions, Section { offset: record.offset, len: record.len }).unwrap_or(&[])
    }

    /// Instructions of an entry, in order.
    pub(crate) fn instructions(&self, entry: Entry) -> impl Iterator<Item = Instruction> + use<'a> {
        let mut words = self.code(entry);
        core::iter::from_fn(move || {
            let (instruction, rest) = Instruction::decode(words)?;
            words = rest;
            Some(instruction)
        })
    }

    /// Multiply-adds of matrix products in an entry.
    pub(crate) fn multiply_adds(&self, entry: Entry) -> u64 {
        self.instructions(entry).fold(0, |sum, instruction| sum.saturating_add(instruction.multiply_adds()))
    }

    /// Copies elements `skip..len` of the result of an entry that has run; NaNs come out canonical.
    ///
    /// Does nothing where the entry is absent. What `result` has beyond them is left alone.
    pub(crate) fn copy_result(&self, entry: Entry, skip: usize, len: usize, workspace: &[f32], result: &mut [f32]) {
        let operand = self.header.entry(entry).result;
        if operand.is_absent() {
            return;
        }
        let first = operand.offset().saturating_add(skip);
        let result = result.iter_mut().take(len.saturating_sub(skip));
        if operand.is_constant() {
            for (element, word) in result.zip(self.constants.get(first..).unwrap_or_default()) {
                *element = math::canonical(f32::from_bits(*word));
            }
        } else {
            for (element, value) in result.zip(workspace.get(first..).unwrap_or_default()) {
                *element = math::canonical(*value);
            }
        }
    }
}

/// The words of a section, where it lies within `words`.
pub(crate) fn slice(words: &[u32], section: Section) -> Option<&[u32]> {
    let (_, rest) = words.split_at_checked(section.offset as usize)?;
    rest.get(..section.len as usize)
}

/// Length, magic, version, word count and checksum.
fn checked_header(words: &[u32]) -> Result<Header, Error> {
    if words.len() < HEADER_WORDS {
        return Err(Error::TooShort);
    }
    if words.len() > MAX_BLOB_WORDS {
        return Err(Error::TooLarge);
    }
    let header = Header::decode(words).ok_or(Error::Magic)?;
    if header.version != VERSION {
        return Err(Error::Version(header.version));
    }
    if header.word_count as usize != words.len() {
        return Err(Error::Length);
    }
    if header.crc != checksum(words) {
        return Err(Error::Checksum);
    }
    Ok(header)
}

/// Header, instructions and constants must fill the blob without gaps.
fn sections<'a>(header: &Header, words: &'a [u32]) -> Option<(&'a [u32], &'a [u32])> {
    let body = words.get(HEADER_WORDS..)?;
    let (instructions, constants) = body.split_at_checked(header.instructions.len as usize)?;
    let exact = header.instructions.offset as usize == HEADER_WORDS
        && header.constants.offset as usize == HEADER_WORDS + instructions.len()
        && header.constants.len as usize == constants.len();
    exact.then_some((instructions, constants))
}
