//! Every function that is more than one IEEE operation, in f32, with the same bits on every target.
//!
//! The work is done here, four values at a time, or by `libm`, pinned to one version; `docs/NUMERICS.md` lists the largest error
//! found for each function.
//! Host and device both call this module, and nothing else calls `libm` for model values.

mod circle;
mod exponential;
mod lanes;
mod tanh;
#[cfg(test)]
mod tests;

use core::cell::Cell;

use crate::format::{BinaryKind, UnaryKind};

pub use circle::{cos, sin};
pub use exponential::{erf, exp, sigmoid, softplus};
pub use tanh::tanh;

/// √x, correctly rounded.
#[must_use]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// ln x.
#[must_use]
pub fn log(x: f32) -> f32 {
    libm::logf(x)
}

/// arctan x.
#[must_use]
pub fn atan(x: f32) -> f32 {
    libm::atanf(x)
}

/// aᵇ.
#[must_use]
pub fn pow(a: f32, b: f32) -> f32 {
    libm::powf(a, b)
}

/// −1, +0 or 1; a NaN stays a NaN.
#[must_use]
pub fn sign(x: f32) -> f32 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else if x == 0.0 {
        0.0
    } else {
        x
    }
}

/// ⌊x⌋, exact; the sign of a zero, infinities and NaN stay.
#[must_use]
pub fn floor(x: f32) -> f32 {
    libm::floorf(x)
}

/// The whole number nearest to x, halves to the even one, exact; a zero result has the sign of x.
#[must_use]
pub fn round(x: f32) -> f32 {
    libm::rintf(x)
}

/// The larger of a and b: max(+0, −0) = +0, and a NaN on either side gives a NaN.
#[must_use]
pub fn max(a: f32, b: f32) -> f32 {
    if a > b {
        a
    } else if b > a {
        b
    } else if a == b {
        f32::from_bits(a.to_bits() & b.to_bits())
    } else {
        f32::NAN
    }
}

/// The smaller of a and b: min(+0, −0) = −0, and a NaN on either side gives a NaN.
#[must_use]
pub fn min(a: f32, b: f32) -> f32 {
    if a < b {
        a
    } else if b < a {
        b
    } else if a == b {
        f32::from_bits(a.to_bits() | b.to_bits())
    } else {
        f32::NAN
    }
}

/// 1.0 or 0.0.
#[must_use]
pub fn truth(holds: bool) -> f32 {
    if holds { 1.0 } else { 0.0 }
}

/// x, or the one canonical NaN.
#[must_use]
pub fn canonical(x: f32) -> f32 {
    if x.is_nan() { f32::from_bits(0x7fc0_0000) } else { x }
}

/// Replaces each value by its function.
pub fn map(kind: UnaryKind, values: &mut [f32]) {
    function(kind)(values);
}

/// What replaces each value by its function of that kind.
pub(crate) fn function(kind: UnaryKind) -> fn(&mut [f32]) {
    match kind {
        UnaryKind::Neg => |values| each(values, |x| -x),
        UnaryKind::Reciprocal => |values| each(values, |x| 1.0 / x),
        UnaryKind::Abs => |values| each(values, f32::abs),
        UnaryKind::Sign => |values| each(values, sign),
        UnaryKind::Floor => |values| each(values, floor),
        UnaryKind::Round => |values| each(values, round),
        #[cfg(feature = "sqrt")]
        UnaryKind::Sqrt => |values| each(values, sqrt),
        #[cfg(feature = "exp")]
        UnaryKind::Exp => exponential::replace::exp,
        #[cfg(feature = "log")]
        UnaryKind::Log => |values| each(values, log),
        #[cfg(feature = "sin")]
        UnaryKind::Sin => |values| each(values, sin),
        #[cfg(feature = "sin")]
        UnaryKind::Cos => |values| each(values, cos),
        #[cfg(feature = "tanh")]
        UnaryKind::Tanh => tanh::replace,
        #[cfg(feature = "sigmoid")]
        UnaryKind::Sigmoid => exponential::replace::sigmoid,
        #[cfg(feature = "softplus")]
        UnaryKind::Softplus => exponential::replace::softplus,
        #[cfg(feature = "erf")]
        UnaryKind::Erf => exponential::replace::erf,
        #[cfg(feature = "atan")]
        UnaryKind::Atan => |values| each(values, atan),
        // Unreachable through a parsed program: `parse` refuses kernels that are left out.
        #[allow(unreachable_patterns, reason = "with every function there is none left")]
        _ => |_| {},
    }
}

/// dst\[i\] = f(lhs\[i\], rhs\[i\]), in ascending order; all three may be the same cells.
pub fn combine(kind: BinaryKind, dst: &[Cell<f32>], lhs: &[Cell<f32>], rhs: &[Cell<f32>]) {
    match kind {
        BinaryKind::Add => pairs(dst, lhs, rhs, |a, b| a + b),
        BinaryKind::Sub => pairs(dst, lhs, rhs, |a, b| a - b),
        BinaryKind::Mul => pairs(dst, lhs, rhs, |a, b| a * b),
        BinaryKind::Div => pairs(dst, lhs, rhs, |a, b| a / b),
        BinaryKind::Max => pairs(dst, lhs, rhs, max),
        BinaryKind::Min => pairs(dst, lhs, rhs, min),
        BinaryKind::Greater => pairs(dst, lhs, rhs, |a, b| truth(a > b)),
        BinaryKind::GreaterOrEqual => pairs(dst, lhs, rhs, |a, b| truth(a >= b)),
        #[allow(clippy::float_cmp, reason = "exact equality is what the operator means")]
        BinaryKind::Equal => pairs(dst, lhs, rhs, |a, b| truth(a == b)),
        #[cfg(feature = "pow")]
        BinaryKind::Pow => pairs(dst, lhs, rhs, pow),
        #[cfg(not(feature = "pow"))]
        BinaryKind::Pow => {}
    }
}

#[inline]
fn each(values: &mut [f32], function: impl Fn(f32) -> f32) {
    for value in values {
        *value = function(*value);
    }
}

#[inline]
fn pairs(dst: &[Cell<f32>], lhs: &[Cell<f32>], rhs: &[Cell<f32>], function: impl Fn(f32, f32) -> f32) {
    for ((result, left), right) in dst.iter().zip(lhs).zip(rhs) {
        result.set(function(left.get(), right.get()));
    }
}
