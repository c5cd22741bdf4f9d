//! Probes the processor's floating-point mode, which other code in the same process or firmware may have changed.
//!
//! The bits promised in `docs/NUMERICS.md` need rounding to nearest even, subnormal numbers kept on both sides of an
//! operation, and a product that is rounded before it is added.

use core::hint::black_box;

use crate::error::Error;

/// Half a unit in the last place of 1.
const HALF_ULP: f32 = f32::EPSILON / 2.0;

/// Checks that f32 arithmetic is what the numerics contract needs, here and now.
///
/// # Errors
/// [`Error::FloatMode`] where it is not.
pub fn check_float_mode() -> Result<(), Error> {
    let one = black_box(1.0f32);
    let half = black_box(HALF_ULP);
    let smallest_normal = black_box(f32::MIN_POSITIVE);
    let subnormal = black_box(f32::from_bits(1));
    // A tie goes to even, away from a tie to nearest, on both sides of zero: only round-to-nearest-even does all four.
    let nearest = bits(one + half, 1.0)
        && bits(-one - half, -1.0)
        && bits(one + half * black_box(1.5), 1.0 + f32::EPSILON)
        && bits(-one - half * black_box(1.5), -1.0 - f32::EPSILON);
    let kept = bits(smallest_normal * black_box(0.5), f32::from_bits(0x0040_0000))
        && bits(subnormal * black_box(2.0), f32::from_bits(2))
        && bits(subnormal + subnormal, f32::from_bits(2));
    // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴ rounds to 1 + 2⁻¹¹; a fused operation would keep the last term.
    let factor = black_box(1.0 + 1.0 / 4096.0);
    let rounded = bits(factor * factor - black_box(1.0 + 1.0 / 2048.0), 0.0);
    if nearest && kept && rounded { Ok(()) } else { Err(Error::FloatMode) }
}

fn bits(value: f32, expected: f32) -> bool {
    black_box(value).to_bits() == expected.to_bits()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_mode_of_a_test_process_is_accepted() {
        assert_eq!(super::check_float_mode(), Ok(()));
    }
}
