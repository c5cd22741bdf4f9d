//! The header: a fixed number of words, one meaning each, and the checksum that guards the whole blob.
//!
//! [`Header::encode`] leaves word count and checksum open; [`seal`] fills both once the blob is complete.
//! [`Header::decode`] takes words apart and judges none of them.

use crc::{Crc, NoTable};

use super::{ABSENT, DampingKind, ENTRY_COUNT, Entry, HEADER_WORDS, MAGIC, Operand, VERSION, flags};

const WORD_COUNT_INDEX: usize = 2;
const CRC_INDEX: usize = 3;
/// CRC-32 of ISO-HDLC, which zip, PNG and Ethernet use, computed bit by bit: no table in flash.
const CRC_32: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&crc::CRC_32_ISO_HDLC);

/// A run of words, relative to the start of the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Section {
    /// Word index of its first word.
    pub offset: u32,
    /// Number of words.
    pub len: u32,
}

/// One line of the entry table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRecord {
    /// First word of its instructions, relative to the instruction section.
    pub offset: u32,
    /// Words of its instructions.
    pub len: u32,
    /// Number of its instructions.
    pub instructions: u32,
    /// Where the result lies afterwards; [`Operand::ABSENT`] where the model has no such entry.
    pub result: Operand,
}

impl EntryRecord {
    /// An entry the model does not have.
    pub const ABSENT: Self = Self { offset: 0, len: 0, instructions: 0, result: Operand::ABSENT };
}

/// What the header says, field by field in the order of its words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Header {
    /// Layout version.
    pub version: u32,
    /// Words of the whole blob.
    pub word_count: u32,
    /// CRC-32 over all words as little-endian bytes, this one taken as 0.
    pub crc: u32,
    /// Families of kernels needed, bits of [`kernels`](super::kernels).
    pub kernels: u32,
    /// Degrees of freedom n.
    pub dof: u32,
    /// Control inputs m.
    pub inputs: u32,
    /// Bits of [`flags`].
    pub flags: u32,
    /// Workspace elements, inputs included.
    pub workspace_len: u32,
    /// Id of the scheme the model was validated with, a [`SchemeId`](super::SchemeId) code.
    pub scheme: u32,
    /// What that scheme is set to: iterations of an implicit one, the f32 bits of ω of a doubled one, else 0.
    pub setting: u32,
    /// Its time step in seconds.
    pub dt: f32,
    /// Instructions of all entries.
    pub instructions: Section,
    /// Numbers the instructions read, as bits.
    pub constants: Section,
    /// Where in the constant section the inverse mass A lies (n·n, row-major), or [`ABSENT`].
    pub inverse_mass: u32,
    /// Elements of the arguments of a function; 0 in a model.
    pub arguments: u32,
    /// Elements of the result of a function; 0 in a model.
    pub results: u32,
    /// Holonomic constraints k; 0 in a function.
    pub constraints: u32,
    /// Programs, in the order of [`Entry::ALL`].
    pub entries: [EntryRecord; ENTRY_COUNT],
}

impl Header {
    /// A header with nothing in it but the version; the writer fills in the rest.
    #[must_use]
    pub const fn empty() -> Self {
        let none = Section { offset: 0, len: 0 };
        Self {
            version: VERSION,
            word_count: 0,
            crc: 0,
            kernels: 0,
            dof: 0,
            inputs: 0,
            flags: 0,
            workspace_len: 0,
            scheme: 0,
            setting: 0,
            dt: 0.0,
            instructions: none,
            constants: none,
            inverse_mass: ABSENT,
            arguments: 0,
            results: 0,
            constraints: 0,
            entries: [EntryRecord::ABSENT; ENTRY_COUNT],
        }
    }

    /// The line of one entry.
    #[must_use]
    pub fn entry(&self, entry: Entry) -> EntryRecord {
        self.entries.get(entry.code() as usize).copied().unwrap_or(EntryRecord::ABSENT)
    }

    /// Whether the blob holds a function and no model.
    #[must_use]
    pub const fn is_function(&self) -> bool {
        self.results > 0
    }

    /// Form of the dissipation matrix; `None` for a code this version does not define.
    #[must_use]
    pub const fn damping_kind(&self) -> Option<DampingKind> {
        DampingKind::from_code((self.flags >> flags::DAMPING_SHIFT) & 3)
    }

    /// The words of this header.
    #[must_use]
    pub fn encode(&self) -> [u32; HEADER_WORDS] {
        let fixed = [
            MAGIC,
            self.version,
            self.word_count,
            self.crc,
            self.kernels,
            self.dof,
            self.inputs,
            self.flags,
            self.workspace_len,
            self.scheme,
            self.setting,
            self.dt.to_bits(),
            self.instructions.offset,
            self.instructions.len,
            self.constants.offset,
            self.constants.len,
            self.inverse_mass,
            self.arguments,
            self.results,
            self.constraints,
        ];
        let table = self
            .entries
            .iter()
            .flat_map(|record| [record.offset, record.len, record.instructions, record.result.word()]);
        let mut words = [0; HEADER_WORDS];
        for (word, value) in words.iter_mut().zip(fixed.into_iter().chain(table)) {
            *word = value;
        }
        words
    }

    /// Reads the header at the start of a blob; `None` where it is cut short or the magic is another.
    #[must_use]
    pub fn decode(words: &[u32]) -> Option<Self> {
        let (fixed, rest) = words.split_first_chunk::<20>()?;
        let (table, _) = rest.split_first_chunk::<{ 4 * ENTRY_COUNT }>()?;
        let [
            magic,
            version,
            word_count,
            crc,
            kernels,
            dof,
            inputs,
            flags,
            workspace_len,
            scheme,
            setting,
            dt,
            instructions_offset,
            instructions_len,
            constants_offset,
            constants_len,
            inverse_mass,
            arguments,
            results,
            constraints,
        ] = *fixed;
        if magic != MAGIC {
            return None;
        }
        let mut entries = [EntryRecord::ABSENT; ENTRY_COUNT];
        for (entry, record) in entries.iter_mut().zip(table.chunks_exact(4)) {
            if let [offset, len, instructions, result] = *record {
                *entry = EntryRecord { offset, len, instructions, result: Operand::from_word(result) };
            }
        }
        let dt = f32::from_bits(dt);
        let instructions = Section { offset: instructions_offset, len: instructions_len };
        let constants = Section { offset: constants_offset, len: constants_len };
        Some(Self {
            version,
            word_count,
            crc,
            kernels,
            dof,
            inputs,
            flags,
            workspace_len,
            scheme,
            setting,
            dt,
            instructions,
            constants,
            inverse_mass,
            arguments,
            results,
            constraints,
            entries,
        })
    }
}

/// The checksum a blob of these words should carry.
#[must_use]
pub fn checksum(words: &[u32]) -> u32 {
    let mut digest = CRC_32.digest();
    for (index, word) in words.iter().enumerate() {
        let counted = if index == CRC_INDEX { 0 } else { *word };
        digest.update(&counted.to_le_bytes());
    }
    digest.finalize()
}

/// Completes a blob: writes its word count and its checksum into the header.
///
/// Returns `false`, and changes nothing, where there is no room for a header or the length does not fit.
pub fn seal(words: &mut [u32]) -> bool {
    let Ok(count) = u32::try_from(words.len()) else { return false };
    if words.len() < HEADER_WORDS {
        return false;
    }
    if let Some(word) = words.get_mut(WORD_COUNT_INDEX) {
        *word = count;
    }
    let crc = checksum(words);
    if let Some(word) = words.get_mut(CRC_INDEX) {
        *word = crc;
    }
    true
}
