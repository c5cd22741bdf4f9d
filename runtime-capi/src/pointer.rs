//! Pointers from C, checked as far as they can be.

use core::ops::Range;

use crate::error::HnnError;

/// A pointer that is neither null nor misaligned.
pub(crate) fn checked<T>(pointer: *const T) -> Result<(), HnnError> {
    if pointer.is_null() {
        return Err(HnnError::NullPointer);
    }
    if pointer.is_aligned() { Ok(()) } else { Err(HnnError::Misaligned) }
}

/// Copies `len` numbers from the caller, of an array that must have exactly `len`.
///
/// # Safety
/// `pointer` points to `given` readable, initialised elements, or is null with `given` 0.
pub(crate) unsafe fn read<const N: usize>(
    pointer: *const f32,
    given: usize,
    len: usize,
    wrong: HnnError,
) -> Result<[f32; N], HnnError> {
    let mut copy = [0.0; N];
    if given != len || len > N {
        return Err(wrong);
    }
    if len == 0 {
        return Ok(copy);
    }
    checked(pointer)?;
    for (index, element) in copy.iter_mut().take(len).enumerate() {
        // SAFETY: index < len = given, and the caller says that so many elements can be read.
        *element = unsafe { pointer.add(index).read() };
    }
    Ok(copy)
}

/// Copies numbers to the caller's array of `room` elements.
///
/// # Safety
/// `pointer` points to `room` writable elements, or is null.
pub(crate) unsafe fn write(
    pointer: *mut f32,
    room: usize,
    values: impl ExactSizeIterator<Item = f32>,
) -> Result<(), HnnError> {
    checked(pointer.cast_const())?;
    if room < values.len() {
        return Err(HnnError::ShortBuffer);
    }
    for (index, value) in values.take(room).enumerate() {
        // SAFETY: index < room, and the caller says that so many elements can be written.
        unsafe { pointer.add(index).write(value) };
    }
    Ok(())
}

/// Addresses of an array.
pub(crate) fn addresses<T>(pointer: *const T, len: usize) -> Range<usize> {
    let start = pointer.addr();
    start..start.saturating_add(len.saturating_mul(size_of::<T>()))
}

/// Whether two ranges share an address.
pub(crate) fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
