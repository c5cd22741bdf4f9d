//! Every place at which power can fail, every bit of a header and of a blob that can flip.

use super::{CHUNK_WORDS, InstallError, Running, Slots};
use crate::flash::{FlashError, Power, SimulatedFlash};
use crate::learned::{OTHER_LOAD, PENDULUM};

/// Words of a slot: room for a header and either model.
const WORDS: usize = 384;
/// Nothing of the last word, all of it, and mixtures.
const UNCHANGED: [u32; 5] = [u32::MAX, 0, 0x5555_5555, 0xffff_0000, 0x0000_00ff];

type Flash = SimulatedFlash<WORDS>;

/// Two slots; the older holds the one model, the newer the other.
fn installed() -> Slots<Flash> {
    let mut slots = Slots::new(Flash::new(), Flash::new());
    assert_eq!(slots.boot(|_| true).spare.install(OTHER_LOAD, |_| true), Ok(0));
    assert_eq!(slots.boot(|_| true).spare.install(PENDULUM, |_| true), Ok(1));
    slots
}

/// Sequence number and checksum of what boots.
fn booted(slots: &mut Slots<Flash>) -> Option<(u32, u32)> {
    slots.boot(|_| true).running.map(|Running { sequence, program }| (sequence, program.header().crc))
}

const OLD: fn() -> Option<(u32, u32)> = || Some((1, PENDULUM[3]));
const NEW: fn() -> Option<(u32, u32)> = || Some((2, OTHER_LOAD[3]));

#[test]
fn empty_flash_boots_nothing_and_takes_a_model() {
    let mut slots = Slots::new(Flash::new(), Flash::new());
    assert_eq!(booted(&mut slots), None);
    assert_eq!(booted(&mut installed()), OLD());
}

#[test]
fn power_lost_at_any_word_leaves_the_old_model_or_the_whole_new_one() {
    // Erasing a slot, writing the blob in whole chunks, and the header.
    let words = WORDS + OTHER_LOAD.len().next_multiple_of(CHUNK_WORDS) + CHUNK_WORDS;
    for unchanged in UNCHANGED {
        for words_left in 0..words as u32 {
            let mut slots = installed();
            let mut boot = slots.boot(|_| true);
            boot.spare.flash.supply(Power { words_left: Some(words_left), unchanged });
            let torn = boot.spare.install(OTHER_LOAD, |_| true);
            assert_eq!(torn, Err(InstallError::Flash(FlashError::NoPower)));
            // Only the last word, and only where all of it arrived, makes the new model whole.
            let is_whole = words_left as usize == words - 1 && unchanged == 0;
            let expected = if is_whole { NEW() } else { OLD() };
            assert_eq!(booted(&mut slots), expected, "after {words_left} words, unchanged {unchanged:#x}");

            // The next attempt succeeds, from whatever was left.
            let mut boot = slots.boot(|_| true);
            boot.spare.flash.supply(Power::ON);
            boot.spare.install(OTHER_LOAD, |_| true).unwrap();
            assert_eq!(booted(&mut slots).map(|(_, checksum)| checksum), Some(OTHER_LOAD[3]));
        }
        let mut slots = installed();
        let mut boot = slots.boot(|_| true);
        boot.spare.flash.supply(Power { words_left: Some(words as u32), unchanged });
        assert_eq!(boot.spare.install(OTHER_LOAD, |_| true), Ok(2), "the count of words is that of an installation");
    }
}

#[test]
fn a_flipped_bit_in_the_newest_slot_boots_the_one_before() {
    let [first, second] = installed().into_inner();
    for word in 0..CHUNK_WORDS + PENDULUM.len() {
        for bit in 0..32 {
            let mut damaged = second.clone();
            damaged.flip(word, bit);
            let mut slots = Slots::new(first.clone(), damaged);
            assert_eq!(booted(&mut slots), Some((0, OTHER_LOAD[3])), "word {word}, bit {bit}");
        }
    }
}

#[test]
fn what_lies_behind_the_blob_does_not_matter() {
    let [first, mut second] = installed().into_inner();
    second.flip(CHUNK_WORDS + PENDULUM.len(), 0);
    assert_eq!(booted(&mut Slots::new(first, second)), OLD());
}

#[test]
fn the_order_of_the_slots_does_not_matter() {
    let [first, second] = installed().into_inner();
    assert_eq!(booted(&mut Slots::new(second, first)), OLD());
}

#[test]
fn a_model_that_is_refused_is_not_even_written() {
    let mut slots = installed();
    let mut damaged = PENDULUM.to_vec();
    damaged[60] ^= 1;
    let mut boot = slots.boot(|_| true);
    assert!(matches!(boot.spare.install(&damaged, |_| true), Err(InstallError::Refused(_))));
    assert_eq!(boot.spare.install(PENDULUM, |_| false), Err(InstallError::NotAccepted));
    // The spare slot still holds what it held: it is what boots where the newest is not accepted.
    let older = slots.boot(|program| program.header().crc == OTHER_LOAD[3]).running;
    assert_eq!(older.map(|running| running.sequence), Some(0));
}

#[test]
fn a_model_larger_than_a_slot_is_refused() {
    let mut slots = Slots::new(SimulatedFlash::<256>::new(), SimulatedFlash::<256>::new());
    assert_eq!(slots.boot(|_| true).spare.install(PENDULUM, |_| true), Err(InstallError::TooLarge));
}

#[test]
fn sequence_numbers_end_with_an_error() {
    let mut slots = installed();
    let mut boot = slots.boot(|_| true);
    boot.spare.sequence = u32::MAX.checked_add(1);
    assert_eq!(boot.spare.install(OTHER_LOAD, |_| true), Err(InstallError::Exhausted));
    assert_eq!(booted(&mut slots), OLD());
}
