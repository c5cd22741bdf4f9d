//! Flash as memory that behaves like it, down to a loss of power in the middle of a word.
//!
//! A word is written once after its sector was erased, and only from ones to zeros; anything else is an error. Power can be made to
//! fail at any word, written or erased, which is then left between what it was and what it should be; nothing works after that until
//! power returns.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use crate::slots::Mapped;

const ERASED: u32 = u32::MAX;

/// Flash of `WORDS` words in sectors of 256 bytes.
#[derive(Debug, Clone)]
pub struct SimulatedFlash<const WORDS: usize> {
    words: [u32; WORDS],
    power: Power,
}

/// When power fails, and what it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// Words that can still be written or erased; `None` for no end.
    pub words_left: Option<u32>,
    /// Bits of the word after these that do not change any more.
    pub unchanged: u32,
}

impl Power {
    /// Power that stays.
    pub const ON: Self = Self { words_left: None, unchanged: 0 };
}

/// What simulated flash refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlashError {
    /// Out of bounds or not aligned.
    Place(NorFlashErrorKind),
    /// A word was to be written that is not erased.
    NotErased,
    /// Power failed.
    NoPower,
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Place(kind) => *kind,
            Self::NotErased | Self::NoPower => NorFlashErrorKind::Other,
        }
    }
}

impl<const WORDS: usize> SimulatedFlash<WORDS> {
    /// Erased flash.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: [ERASED; WORDS], power: Power::ON }
    }

    /// Connects another supply.
    pub fn supply(&mut self, power: Power) {
        self.power = power;
    }

    /// Turns one bit around, as age and radiation do.
    pub fn flip(&mut self, word: usize, bit: u32) {
        if let Some(word) = self.words.get_mut(word) {
            *word ^= 1 << bit;
        }
    }

    /// Brings words, from `first` on, from what they are to what `changed` makes of each.
    fn change(&mut self, first: u32, changed: impl IntoIterator<Item = u32>) -> Result<(), FlashError> {
        let words = self.words.get_mut(first as usize..).unwrap_or_default();
        for (word, new) in words.iter_mut().zip(changed) {
            match &mut self.power.words_left {
                Some(0) => {
                    let kept = self.power.unchanged;
                    *word = (*word & kept) | (new & !kept);
                    // The next word is not touched at all.
                    self.power.unchanged = u32::MAX;
                    return Err(FlashError::NoPower);
                }
                Some(left) => *left -= 1,
                None => {}
            }
            *word = new;
        }
        Ok(())
    }
}

impl<const WORDS: usize> Default for SimulatedFlash<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> ErrorType for SimulatedFlash<WORDS> {
    type Error = FlashError;
}

impl<const WORDS: usize> ReadNorFlash for SimulatedFlash<WORDS> {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len()).map_err(FlashError::Place)?;
        let words = self.words.get(offset as usize / 4..).unwrap_or_default();
        for (target, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *target = word.to_le_bytes();
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        4 * WORDS
    }
}

impl<const WORDS: usize> NorFlash for SimulatedFlash<WORDS> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 256;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to).map_err(FlashError::Place)?;
        self.change(from / 4, (from / 4..to / 4).map(|_| ERASED))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len()).map_err(FlashError::Place)?;
        let (new, _) = bytes.as_chunks::<4>();
        let place = self.words.get(offset as usize / 4..).unwrap_or_default();
        // What is not to be programmed, all ones, may lie anywhere.
        if place.iter().zip(new).any(|(word, new)| *word != ERASED && *new != [0xff; 4]) {
            return Err(FlashError::NotErased);
        }
        self.change(offset / 4, new.iter().map(|bytes| u32::from_le_bytes(*bytes)))
    }
}

impl<const WORDS: usize> Mapped for SimulatedFlash<WORDS> {
    fn words(&self) -> &[u32] {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use embedded_storage::nor_flash::{NorFlash as _, NorFlashErrorKind};

    use super::{FlashError, Power, SimulatedFlash};
    use crate::slots::Mapped as _;

    #[test]
    fn a_word_is_written_once_between_two_erasures() {
        let mut flash = SimulatedFlash::<64>::new();
        assert_eq!(flash.write(4, &[0x0f; 4]), Ok(()));
        assert_eq!(flash.write(4, &[0x0e; 4]), Err(FlashError::NotErased));
        assert_eq!(flash.words()[1], 0x0f0f_0f0f);
        assert_eq!(flash.erase(0, 256), Ok(()));
        assert_eq!(flash.write(4, &[0xf0; 4]), Ok(()));
        assert_eq!(flash.erase(0, 128), Err(FlashError::Place(NorFlashErrorKind::NotAligned)));
        assert_eq!(flash.write(256, &[0; 4]), Err(FlashError::Place(NorFlashErrorKind::OutOfBounds)));
    }

    #[test]
    fn power_fails_within_a_word_and_stays_away() {
        let mut flash = SimulatedFlash::<64>::new();
        flash.supply(Power { words_left: Some(1), unchanged: 0xffff_0000 });
        assert_eq!(flash.write(0, &[0; 12]), Err(FlashError::NoPower));
        assert_eq!(flash.words()[..3], [0, 0xffff_0000, u32::MAX]);
        assert_eq!(flash.write(8, &[0; 4]), Err(FlashError::NoPower));
        assert_eq!(flash.words()[2], u32::MAX);
        flash.supply(Power::ON);
        assert_eq!(flash.write(8, &[0; 4]), Ok(()));
    }
}
