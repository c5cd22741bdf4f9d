//! Numbers of element types in the specification, and what each can hold.

use super::{Integers, LegalizeError, Length, Result};

/// Truth values.
pub(super) const BOOL: i64 = 9;

/// Integer types by number, with the least and the largest value. Wider than i64 is only the upper half of uint64.
const INTEGER_TYPES: &[(i64, &str, i64, i64)] = &[
    (2, "uint8", 0, 255),
    (3, "int8", -128, 127),
    (4, "uint16", 0, 65_535),
    (5, "int16", -32_768, 32_767),
    (6, "int32", -2_147_483_648, 2_147_483_647),
    (7, "int64", i64::MIN, i64::MAX),
    (12, "uint32", 0, 4_294_967_295),
    (13, "uint64", 0, i64::MAX),
];

/// Whether `to` is a type of real numbers: float, float16, double or bfloat16.
pub(super) fn is_number_type(to: i64) -> bool {
    matches!(to, 1 | 10 | 11 | 16)
}

/// Whether `to` is a type of integers.
#[must_use]
pub(crate) fn is_integer_type(to: i64) -> bool {
    INTEGER_TYPES.iter().any(|row| row.0 == to)
}

/// Checks that integers fit the type `to`, if that is one of integers.
///
/// # Errors
/// [`LegalizeError::Refused`] naming the value that does not: what a cast then gives, each program decides for itself.
pub(crate) fn fits(integers: &Integers, to: i64) -> Result<()> {
    let Some((_, name, least, largest)) = INTEGER_TYPES.iter().find(|row| row.0 == to) else { return Ok(()) };
    for value in integers.values() {
        if let Length::Known(value) = value
            && !(least..=largest).contains(&value)
        {
            return Err(LegalizeError::refused(format!("{value} does not fit {name}")));
        }
    }
    Ok(())
}
