//! sin and cos of any finite argument without branches, in f32 and whole numbers.
//!
//! The argument is reduced by the quarter turns in it, of which a fixed-point product with enough digits of 2/π leaves 62 binary
//! places (M. H. Payne and R. N. Hanek, Radian reduction for trigonometric functions, SIGNUM Newsletter 18, 1983).

use core::f32::consts::{FRAC_PI_2, FRAC_PI_4};

/// A word of zeros, then the binary places of 2/π.
const TWO_OVER_PI: [u32; 8] =
    [0, 0xa2f9_836e, 0x4e44_1529, 0xfc27_57d1, 0xf534_ddc0, 0xdb62_9599, 0x3c43_9041, 0xfe51_63ab];
/// Biased exponent of the smallest argument that is reduced, with room for the window to start at the table's first bit.
const FIRST_EXPONENT: u32 = 120;
/// Binary places of a fraction of a quarter turn.
const PLACES: u32 = 62;

/// sin x.
#[must_use]
#[inline(never)]
pub fn sin(x: f32) -> f32 {
    let (quarters, r) = reduced(x.abs());
    let value = at(quarters, r);
    finite(x, f32::from_bits(value.to_bits() ^ (x.to_bits() & SIGN)))
}

/// cos x.
#[must_use]
#[inline(never)]
pub fn cos(x: f32) -> f32 {
    let (quarters, r) = reduced(x.abs());
    finite(x, at(quarters + 1, r))
}

const SIGN: u32 = 1 << 31;

/// The value where x is finite, otherwise a NaN.
#[inline(always)]
fn finite(x: f32, value: f32) -> f32 {
    // 0, or a NaN of an infinity or a NaN; a product with 1 keeps every bit.
    value * (1.0 + x * 0.0)
}

/// Quarter turns in x ≥ 0, modulo 4, and what is left, at most ⅛ turn in size.
#[inline(always)]
fn reduced(x: f32) -> (u32, f32) {
    let bits = x.to_bits();
    let mantissa = u64::from(bits & 0x7f_ffff | 0x80_0000);
    // x = mantissa · 2^(exponent − 150), so that the product below has 62 places.
    let position = (bits >> 23).saturating_sub(FIRST_EXPONENT);
    let (word, shift) = ((position >> 5) as usize, position & 31);
    let [a, b, c, d] = TWO_OVER_PI.get(word..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    let window = |high: u32, low: u32| u64::from((high << shift) | ((low >> 1) >> (31 - shift)));
    let product = ((mantissa * window(a, b)) << 32)
        .wrapping_add(mantissa * window(b, c))
        .wrapping_add((mantissa * window(c, d)) >> 32);
    let quarters = product.wrapping_add(1 << (PLACES - 1)) >> PLACES;
    let rest = product.wrapping_sub(quarters << PLACES).cast_signed();
    let r = radians(rest);
    // Below ⅛ turn the argument is its own rest.
    if x < FRAC_PI_4 { (0, x) } else { (quarters as u32, r) }
}

/// A fraction of a quarter turn, of [`PLACES`] places, in radians.
#[inline(always)]
fn radians(rest: i64) -> f32 {
    let size = rest.unsigned_abs() | 1;
    let zeros = size.leading_zeros();
    let leading = ((size << zeros) >> 32) as u32;
    // size = leading · 2^(32 − zeros)
    let unit = f32::from_bits((127 + 32 - PLACES - zeros) << 23);
    let turned = (leading as f32 * unit) * FRAC_PI_2;
    f32::from_bits(turned.to_bits() | ((rest >> 32) as u32 & SIGN))
}

/// sin(quarters · ½π + r) for |r| ≤ ¼π.
#[inline(always)]
fn at(quarters: u32, r: f32) -> f32 {
    let t = r * r;
    let sine = r + (r * t) * ((-1.951_527_5e-4 * t + 8.332_161e-3) * t - 0.166_666_55);
    let cosine = (1.0 - 0.5 * t) + (t * t) * ((2.443_314_8e-5 * t - 1.388_731_6e-3) * t + 4.166_664_6e-2);
    // By masks: a choice between two polynomials is no reason to branch.
    let odd = (quarters & 1).wrapping_neg();
    let value = (sine.to_bits() & !odd) | (cosine.to_bits() & odd);
    f32::from_bits(value ^ ((quarters & 2) << 30))
}
