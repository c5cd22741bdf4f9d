//! Stored tensors: numbers in four widths, integers in eight, truth values; raw, in typed fields or in a second file.

use std::borrow::Cow;
use std::path::Path;

use super::super::OnnxError;
use super::super::proto::TensorProto;
use super::super::proto::tensor_proto::{DataLocation, DataType};
use super::external;
use super::within;
use crate::graph::{Shape, Tensor};
use crate::legalize::{Integers, LegalizeError, Length, MAX_INTEGERS, fits};

/// Most elements of all stored tensors and attributes of a file; an attribute counts each time it is read or referred to.
pub const MAX_STORED_ELEMENTS: usize = 1 << 25;

/// What a stored tensor holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Numbers.
    Reals(Tensor),
    /// Integers or truth values.
    Integers(Integers),
}

/// Reads a tensor that is alone in its file, as the ONNX project stores inputs and outputs of tests.
///
/// # Errors
/// [`OnnxError`] where the bytes are no tensor, its elements have no meaning here, or there are more than the limits allow.
pub fn tensor(bytes: &[u8]) -> Result<Stored, OnnxError> {
    let proto = super::super::scan::decode_tensor(bytes)?;
    Decoder::new(None).tensor(proto.name.as_deref().unwrap_or_default(), &proto)
}

/// Reads stored tensors, from the folder of the model where they are not in its file, and counts their elements.
pub(super) struct Decoder<'a> {
    directory: Option<&'a Path>,
    elements: usize,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(directory: Option<&'a Path>) -> Self {
        Self { directory, elements: 0 }
    }

    /// Counts elements that are read against the limit.
    pub(super) fn count(&mut self, elements: usize) -> Result<(), OnnxError> {
        self.elements = self.elements.saturating_add(elements);
        within("elements of stored tensors and attributes", self.elements, MAX_STORED_ELEMENTS)
    }

    /// Reads the tensor called `name`.
    pub(super) fn tensor(&mut self, name: &str, proto: &TensorProto) -> Result<Stored, OnnxError> {
        if proto.segment.is_some() {
            return Err(OnnxError::unsupported(format!("`{name}`, a weight in segments,"), "store it whole"));
        }
        let shape = shape(name, proto)?;
        let len = Shape::fixed(&shape).map_err(|error| OnnxError::value(name, error.to_string()))?.row_len();
        self.count(len)?;
        let data_type = proto.data_type.and_then(|kind| DataType::try_from(kind).ok()).unwrap_or(DataType::Undefined);
        let bytes = width(data_type).map(|width| len.saturating_mul(width));
        let raw = match (&proto.raw_data, bytes) {
            (_, Some(bytes)) if is_external(proto) => {
                Some(Cow::Owned(external::read(self.directory, name, proto, bytes)?))
            }
            (raw, _) => raw.as_deref().map(Cow::Borrowed),
        };
        let source = Source { name, raw: raw.as_deref(), proto };
        match data_type {
            DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16 => {
                let tensor = Tensor::new(shape, source.numbers(data_type)?);
                tensor.map(Stored::Reals).map_err(|error| OnnxError::value(name, error.to_string()))
            }
            _ if width(data_type).is_some() => {
                within(&format!("integers of `{name}`"), len, MAX_INTEGERS)?;
                let values = source.integers(data_type)?;
                let integers = if data_type == DataType::Bool {
                    Integers::truths(shape, &values.iter().map(|value| *value != 0).collect::<Vec<_>>())
                } else {
                    Integers::new(shape, values.into_iter().map(Length::Known).collect())
                };
                let checked = integers.and_then(|integers| fits(&integers, data_type as i64).map(|()| integers));
                checked.map(Stored::Integers).map_err(|error: LegalizeError| OnnxError::value(name, error.to_string()))
            }
            other => Err(OnnxError::unsupported(
                format!("`{name}`, a weight of {},", other.as_str_name()),
                "convert weights to float or double, indices to int64; texts have no meaning here",
            )),
        }
    }
}

fn is_external(proto: &TensorProto) -> bool {
    proto.data_location == Some(DataLocation::External as i32) || !proto.external_data.is_empty()
}

/// Bytes of one element, for the types that are read.
fn width(data_type: DataType) -> Option<usize> {
    match data_type {
        DataType::Bool | DataType::Int8 | DataType::Uint8 => Some(1),
        DataType::Float16 | DataType::Bfloat16 | DataType::Int16 | DataType::Uint16 => Some(2),
        DataType::Float | DataType::Int32 | DataType::Uint32 => Some(4),
        DataType::Double | DataType::Int64 | DataType::Uint64 => Some(8),
        _ => None,
    }
}

fn shape(name: &str, proto: &TensorProto) -> Result<Vec<usize>, OnnxError> {
    let length = |len: &i64| usize::try_from(*len).map_err(|_| OnnxError::value(name, format!("a length of {len}")));
    proto.dims.iter().map(length).collect()
}

/// The elements of one tensor, in whichever field they are.
struct Source<'a> {
    name: &'a str,
    raw: Option<&'a [u8]>,
    proto: &'a TensorProto,
}

impl Source<'_> {
    /// Little-endian elements of `N` bytes, if the tensor is raw.
    fn chunks<const N: usize, T>(&self, element: impl Fn([u8; N]) -> T) -> Result<Option<Vec<T>>, OnnxError> {
        let Some(raw) = self.raw else { return Ok(None) };
        let (whole, rest) = raw.as_chunks::<N>();
        if rest.is_empty() {
            return Ok(Some(whole.iter().map(|bytes| element(*bytes)).collect()));
        }
        let message = format!("{} bytes are no whole number of elements of {N} bytes", raw.len());
        Err(OnnxError::value(self.name, message))
    }

    fn numbers(&self, data_type: DataType) -> Result<Vec<f64>, OnnxError> {
        // Two-byte numbers are kept in the lower half of 32-bit fields.
        let halves = |decode: fn(u16) -> f64| {
            let half = |field: &i32| {
                let bits =
                    u16::try_from(*field).map_err(|_| OnnxError::value(self.name, format!("{field} is no half")));
                bits.map(decode)
            };
            match self.chunks(|bytes| decode(u16::from_le_bytes(bytes)))? {
                Some(values) => Ok(values),
                None => self.proto.int32_data.iter().map(half).collect(),
            }
        };
        Ok(match data_type {
            DataType::Float16 => halves(from_float16)?,
            DataType::Bfloat16 => halves(|bits| f64::from(f32::from_bits(u32::from(bits) << 16)))?,
            DataType::Double => self.chunks(f64::from_le_bytes)?.unwrap_or_else(|| self.proto.double_data.clone()),
            _ => self
                .chunks(|bytes| f64::from(f32::from_le_bytes(bytes)))?
                .unwrap_or_else(|| self.proto.float_data.iter().map(|value| f64::from(*value)).collect()),
        })
    }

    fn integers(&self, data_type: DataType) -> Result<Vec<i64>, OnnxError> {
        let raw = match data_type {
            DataType::Bool | DataType::Uint8 => self.chunks(|bytes| i64::from(u8::from_le_bytes(bytes)))?,
            DataType::Int8 => self.chunks(|bytes| i64::from(i8::from_le_bytes(bytes)))?,
            DataType::Uint16 => self.chunks(|bytes| i64::from(u16::from_le_bytes(bytes)))?,
            DataType::Int16 => self.chunks(|bytes| i64::from(i16::from_le_bytes(bytes)))?,
            DataType::Int32 => self.chunks(|bytes| i64::from(i32::from_le_bytes(bytes)))?,
            DataType::Uint32 => self.chunks(|bytes| i64::from(u32::from_le_bytes(bytes)))?,
            DataType::Uint64 => match self.chunks(u64::from_le_bytes)? {
                Some(values) => Some(self.signed(&values)?),
                None => None,
            },
            _ => self.chunks(i64::from_le_bytes)?,
        };
        match (raw, data_type) {
            (Some(values), _) => Ok(values),
            (None, DataType::Int64) => Ok(self.proto.int64_data.clone()),
            (None, DataType::Uint32 | DataType::Uint64) => self.signed(&self.proto.uint64_data),
            (None, _) => Ok(self.proto.int32_data.iter().map(|value| i64::from(*value)).collect()),
        }
    }

    fn signed(&self, values: &[u64]) -> Result<Vec<i64>, OnnxError> {
        let signed = |value: &u64| {
            i64::try_from(*value)
                .map_err(|_| OnnxError::value(self.name, format!("{value} is beyond the integers read here")))
        };
        values.iter().map(signed).collect()
    }
}

/// A half-precision number (IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction), exactly.
fn from_float16(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}
