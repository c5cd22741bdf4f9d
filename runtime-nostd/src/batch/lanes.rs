//! Eight numbers that are computed with as one.

use core::cmp::Ordering;
use core::ops::{Add, Div, Mul, Neg, Sub};

use crate::scalar::{Scalar, sealed::Sealed};

/// Numbers side by side: as many as fill the vector registers of today's hosts once or twice.
pub const LANES: usize = 8;

/// One number of each of eight states.
///
/// As a [`Scalar`] it is finite where all lanes are. Two are ordered by their largest sizes, which is what a bound on a residual
/// or a norm asks: a step that one lane would refuse is refused for all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(transparent)]
pub struct Lanes(pub [f32; LANES]);

impl Lanes {
    /// The same number in every lane.
    #[must_use]
    pub const fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    #[inline(always)]
    pub(super) fn zip(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        let mut result = self;
        for (value, other) in result.0.iter_mut().zip(other.0) {
            *value = function(*value, other);
        }
        result
    }

    /// The largest size of a lane; NaN where one is NaN.
    fn largest(self) -> f32 {
        self.0.iter().fold(0.0, |largest: f32, value| crate::math::max(largest, value.abs()))
    }
}

impl Sealed for Lanes {}

impl PartialOrd for Lanes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.largest().partial_cmp(&other.largest())
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl Mul for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
}

impl Div for Lanes {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
}

impl Neg for Lanes {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        Self(self.0.map(|value| -value))
    }
}

impl Scalar for Lanes {
    const ZERO: Self = Self::splat(0.0);
    const HALF: Self = Self::splat(0.5);

    fn from_f64(value: f64) -> Self {
        Self::splat(f32::from_f64(value))
    }

    fn to_f64(self) -> f64 {
        self.largest().into()
    }

    fn is_finite(self) -> bool {
        self.0.iter().all(|value| value.is_finite())
    }

    fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    fn exp(self) -> Self {
        Self(self.0.map(crate::math::exp))
    }

    fn sin_cos(self) -> (Self, Self) {
        (Self(self.0.map(crate::math::sin)), Self(self.0.map(crate::math::cos)))
    }
}
