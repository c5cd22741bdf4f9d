//! The numbers a stepper computes with: `f32`, which is deployed, and `f64`, which references and convergence tests use.

use core::fmt::Debug;
use core::ops::{Add, Div, Mul, Neg, Sub};

pub(crate) mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A floating-point number with exactly the arithmetic the schemes need; sealed.
pub trait Scalar:
    sealed::Sealed
    + Copy
    + Debug
    + PartialEq
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// +0.
    const ZERO: Self;
    /// ½.
    const HALF: Self;

    /// Rounds a coefficient to this precision.
    fn from_f64(value: f64) -> Self;

    /// The same value in f64, exact.
    fn to_f64(self) -> f64;

    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool;

    /// |x|.
    #[must_use]
    fn abs(self) -> Self;

    /// eˣ, the same bits on every target.
    #[must_use]
    fn exp(self) -> Self;

    /// (sin x, cos x), the same bits on every target.
    #[must_use]
    fn sin_cos(self) -> (Self, Self);
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const HALF: Self = 0.5;

    #[allow(clippy::cast_possible_truncation, reason = "rounding a coefficient to f32 is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn is_finite(self) -> bool {
        Self::is_finite(self)
    }

    fn abs(self) -> Self {
        Self::abs(self)
    }

    fn exp(self) -> Self {
        crate::math::exp(self)
    }

    fn sin_cos(self) -> (Self, Self) {
        (crate::math::sin(self), crate::math::cos(self))
    }
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const HALF: Self = 0.5;

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn is_finite(self) -> bool {
        Self::is_finite(self)
    }

    fn abs(self) -> Self {
        Self::abs(self)
    }

    fn exp(self) -> Self {
        libm::exp(self)
    }

    fn sin_cos(self) -> (Self, Self) {
        libm::sincos(self)
    }
}
