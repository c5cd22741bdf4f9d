//! Two slots of flash for a model: a new one is written beside the one that runs, and never half of it is booted.
//!
//! A slot begins with a header of eight words, little endian: magic, sequence number, length of the blob in words, the blob's own
//! checksum, three words of 0, and a CRC-32 over these seven. The blob follows. The header is written last and its checksum as
//! its last word; the newest slot whose header and blob are whole is booted. What runs is borrowed, so that only the other slot can be
//! written: the type system keeps the fallback. Flash is whatever implements `NorFlash` and can be read in place.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use embedded_storage::nor_flash::NorFlash;
use hnn_runtime::{Error, Program};

/// Bytes `HNNS`.
const MAGIC: u32 = 0x534e_4e48;
/// Words of a header, and of what is written at once.
const CHUNK_WORDS: usize = 8;
const CHUNK_BYTES: usize = 4 * CHUNK_WORDS;
/// Where a blob keeps its checksum, `docs/FORMAT.md`.
const BLOB_CHECKSUM: usize = 3;
const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Flash that lies in the address space: one slot of it.
pub trait Mapped: NorFlash {
    /// All of it, from its beginning.
    fn words(&self) -> &[u32];
}

/// Why a model was not installed; the one that runs is untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallError<E> {
    /// The runtime refuses the blob.
    Refused(Error),
    /// The caller does not accept the model.
    NotAccepted,
    /// Header and blob exceed the slot.
    TooLarge,
    /// The last sequence number is in use.
    Exhausted,
    /// Flash reports a failure.
    Flash(E),
    /// Flash does not hold what was written.
    NotKept,
}

/// Two slots of equal standing.
#[derive(Debug)]
pub struct Slots<F> {
    slots: [F; 2],
}

/// What was found at boot.
#[derive(Debug)]
pub struct Boot<'a, F> {
    /// The newest whole model, if there is one.
    pub running: Option<Running<'a>>,
    /// The slot that it does not use.
    pub spare: Spare<'a, F>,
}

/// A whole model in a slot.
#[derive(Debug, Clone, Copy)]
pub struct Running<'a> {
    /// 0 for the first that was ever installed, then one more each time.
    pub sequence: u32,
    /// The checked blob.
    pub program: Program<'a>,
}

/// A slot that may be written.
#[derive(Debug)]
pub struct Spare<'a, F> {
    flash: &'a mut F,
    sequence: Option<u32>,
}

impl<F: Mapped> Slots<F> {
    /// Slots in two regions of flash that have no erase sector in common.
    pub const fn new(first: F, second: F) -> Self {
        const { assert!(CHUNK_BYTES.is_multiple_of(F::WRITE_SIZE), "flash must be writable in units that divide 32 bytes") };
        Self { slots: [first, second] }
    }

    /// The newest model that is whole and that `accept` takes, and the other slot.
    pub fn boot(&mut self, accept: impl Fn(&Program<'_>) -> bool) -> Boot<'_, F> {
        let [first, second] = &mut self.slots;
        let sequence = |flash: &F| read(flash.words(), &accept).map(|running| running.sequence);
        // An empty pair begins with the first slot.
        let (running, spare) = if sequence(first) > sequence(second) { (first, second) } else { (second, first) };
        let running = read(running.words(), &accept);
        let sequence = match running {
            Some(Running { sequence, .. }) => sequence.checked_add(1),
            None => Some(0),
        };
        Boot { running, spare: Spare { flash: spare, sequence } }
    }

    /// The regions of flash.
    pub fn into_inner(self) -> [F; 2] {
        self.slots
    }
}

impl<F: Mapped> Spare<'_, F> {
    /// The slot's flash.
    pub fn flash(&mut self) -> &mut F {
        self.flash
    }

    /// Writes a model, which the next boot will choose; returns its sequence number.
    ///
    /// # Errors
    /// [`InstallError`]; whenever and however this ends, the next boot finds either the model that runs or the new one.
    pub fn install(
        &mut self,
        blob: &[u32],
        accept: impl Fn(&Program<'_>) -> bool,
    ) -> Result<u32, InstallError<F::Error>> {
        let program = Program::parse(blob).map_err(InstallError::Refused)?;
        if !accept(&program) {
            return Err(InstallError::NotAccepted);
        }
        let sequence = self.sequence.ok_or(InstallError::Exhausted)?;
        let chunks = blob.len().div_ceil(CHUNK_WORDS) + 1;
        if chunks > self.flash.words().len() / CHUNK_WORDS {
            return Err(InstallError::TooLarge);
        }
        let capacity = u32::try_from(self.flash.capacity()).map_err(|_| InstallError::TooLarge)?;
        self.flash.erase(0, capacity).map_err(InstallError::Flash)?;
        for (chunk, offset) in blob.chunks(CHUNK_WORDS).zip((CHUNK_BYTES as u32..).step_by(CHUNK_BYTES)) {
            self.flash.write(offset, &bytes(chunk)).map_err(InstallError::Flash)?;
        }
        if self.flash.words().get(CHUNK_WORDS..CHUNK_WORDS + blob.len()) != Some(blob) {
            return Err(InstallError::NotKept);
        }
        let header = header(sequence, blob).ok_or(InstallError::TooLarge)?;
        self.flash.write(0, &bytes(&header)).map_err(InstallError::Flash)?;
        if read(self.flash.words(), &accept).is_some() { Ok(sequence) } else { Err(InstallError::NotKept) }
    }
}

/// The model of a slot, where header and blob are whole.
fn read<'a>(words: &'a [u32], accept: &impl Fn(&Program<'_>) -> bool) -> Option<Running<'a>> {
    let (found, rest) = words.split_first_chunk::<CHUNK_WORDS>()?;
    let [_, sequence, len, ..] = *found;
    let blob = rest.get(..len as usize)?;
    if header(sequence, blob)? != *found {
        return None;
    }
    let program = Program::parse(blob).ok()?;
    accept(&program).then_some(Running { sequence, program })
}

/// The header of a blob.
fn header(sequence: u32, blob: &[u32]) -> Option<[u32; CHUNK_WORDS]> {
    let len = u32::try_from(blob.len()).ok()?;
    let mut header = [MAGIC, sequence, len, *blob.get(BLOB_CHECKSUM)?, 0, 0, 0, 0];
    let [fields @ .., checksum] = &mut header;
    let mut digest = CHECKSUM.digest();
    for field in fields {
        digest.update(&field.to_le_bytes());
    }
    *checksum = digest.finalize();
    Some(header)
}

/// Words as they are written; what is missing of a chunk stays erased.
fn bytes(words: &[u32]) -> [u8; CHUNK_BYTES] {
    let mut bytes = [0xff; CHUNK_BYTES];
    let (places, _) = bytes.as_chunks_mut::<4>();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests;
