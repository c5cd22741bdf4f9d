//! The floating-point format of a file: how its numbers are rounded and spelled.
//!
//! Values are rounded to nearest, ties to even. What is too small for the normal numbers of a format becomes subnormal or
//! zero; what is too large is an error, never an infinity.

use std::fmt;

use half::f16;
use serde::{Deserialize, Serialize};

use super::super::OnnxError;
use super::super::proto::tensor_proto::DataType;

/// Bits of an f16 fraction.
const F16_FRACTION_BITS: i32 = 10;
/// Exponent of the smallest normal f16; everything below shares its spacing.
const F16_EXPONENT_MIN: i32 = -14;

/// Floating-point format of inputs, weights and outputs of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 16 bits, 11 of them significant, up to 65504.
    F16,
    /// 32 bits, what engines and the device compute in.
    #[default]
    F32,
    /// 64 bits. ONNX Runtime has no f64 kernels for Erf and Atan; Softplus is written as what it is made of.
    F64,
}

impl Precision {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::F16, Self::F32, Self::F64];

    /// `f16`, `f32` or `f64`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// The value nearest to `value` that the format holds; infinite beyond its range.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::F16 => f64::from(to_f16(value)),
            Self::F32 => f64::from(value as f32),
            Self::F64 => value,
        }
    }

    /// The code of the format in a file.
    pub(super) fn element_type(self) -> i32 {
        match self {
            Self::F16 => DataType::Float16 as i32,
            Self::F32 => DataType::Float as i32,
            Self::F64 => DataType::Double as i32,
        }
    }

    /// Little-endian bytes of the values of the weight `name`.
    ///
    /// # Errors
    /// [`OnnxError::Value`] for a finite value that would become infinite.
    pub(super) fn bytes(self, name: &str, values: &[f64]) -> Result<Vec<u8>, OnnxError> {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for value in values {
            if value.is_finite() && self.round(*value).is_infinite() {
                let message = format!("{value:e} is beyond the range of {self}; write a wider format (--precision)");
                return Err(OnnxError::value(name, message));
            }
            match self {
                Self::F16 => bytes.extend_from_slice(&to_f16(*value).to_le_bytes()),
                Self::F32 => bytes.extend_from_slice(&(*value as f32).to_le_bytes()),
                Self::F64 => bytes.extend_from_slice(&value.to_le_bytes()),
            }
        }
        Ok(bytes)
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Rounds once: the conversion itself goes by way of f32 on some machines, and is exact on what is already rounded.
fn to_f16(value: f64) -> f16 {
    if value == 0.0 || !value.is_finite() {
        return f16::from_f64(value);
    }
    let exponent = exponent(value).max(F16_EXPONENT_MIN);
    let spacing = 2f64.powi(exponent - F16_FRACTION_BITS);
    f16::from_f64((value / spacing).round_ties_even() * spacing)
}

/// ⌊log₂ |value|⌋ of a normal number; that of a subnormal one is too small to matter here.
fn exponent(value: f64) -> i32 {
    const BIAS: i32 = 1023;
    let field = (value.to_bits() >> 52) & 0x7ff;
    i32::try_from(field).map_or(0, |field| field - BIAS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_rounded_once_to_nearest_even() {
        // IEEE 754 binary16: spacing 2⁻¹⁰ at 1, 2⁻²⁴ among the subnormals, 32 at 65504.
        let spacing = 2f64.powi(-10);
        for (value, wanted) in [
            (1.0 + 0.5 * spacing, 1.0),
            (1.0 + 1.5 * spacing, 1.0 + 2.0 * spacing),
            // Above a tie by less than f32 can tell: rounding by way of f32 would give 1.
            (1.0 + 0.5 * spacing + 2f64.powi(-40), 1.0 + spacing),
            (2f64.powi(-24), 2f64.powi(-24)),
            (3.0 * 2f64.powi(-26), 2f64.powi(-24)),
            (2f64.powi(-25), 0.0),
            (2f64.powi(-25) * (1.0 + 1e-12), 2f64.powi(-24)),
            (65519.999, 65504.0),
            (65520.0, f64::INFINITY),
            (1e300, f64::INFINITY),
            (1e-320, 0.0),
        ] {
            assert_eq!(Precision::F16.round(value), wanted, "{value:e}");
            assert_eq!(Precision::F16.round(-value), -wanted, "-{value:e}");
        }
        assert!(Precision::F16.round(-0.0).is_sign_negative());
    }

    #[test]
    fn every_f16_is_its_own_rounding() {
        for bits in 0..=u16::MAX {
            let value = f64::from(f16::from_bits(bits));
            assert!(value.is_nan() || Precision::F16.round(value) == value, "{bits:04x}");
        }
    }

    #[test]
    fn what_would_become_infinite_is_refused_by_name() {
        let message = Precision::F16.bytes("weight_3", &[1.0, 7e4]).unwrap_err().to_string();
        assert!(message.contains("weight_3") && message.contains("7e4") && message.contains("f16"), "{message}");
        assert!(Precision::F32.bytes("w", &[1e300]).is_err());
        assert_eq!(Precision::F64.bytes("w", &[1e300]).unwrap(), 1e300f64.to_le_bytes());
        // binary16 of 6·2⁻²⁴ is the subnormal 0x0006.
        assert_eq!(Precision::F16.bytes("w", &[6.0 * 2f64.powi(-24)]).unwrap(), [6, 0]);
    }
}
