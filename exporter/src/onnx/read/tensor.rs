//! Stored tensors: weights in f32 or f64, lists of integers in int32 or int64, raw or in typed fields.

use super::super::OnnxError;
use super::super::proto::TensorProto;
use super::super::proto::tensor_proto::{DataLocation, DataType};
use crate::graph::{Shape, Tensor};
use crate::legalize::{Integers, Length, MAX_INTEGERS};

/// What a stored tensor holds.
pub(super) enum Stored {
    /// Numbers.
    Reals(Tensor),
    /// Integers, of rank 0 or 1.
    Integers(Integers),
}

/// Reads the tensor called `name`.
pub(super) fn read(name: &str, proto: &TensorProto) -> Result<Stored, OnnxError> {
    if proto.data_location == Some(DataLocation::External as i32) || !proto.external_data.is_empty() {
        return Err(OnnxError::unsupported(
            format!("`{name}`, a weight in a second file (external data),"),
            "load the model in Python and save it with onnx.save(model, path, save_as_external_data=False)",
        ));
    }
    if proto.segment.is_some() {
        return Err(OnnxError::unsupported(format!("`{name}`, a weight in segments,"), "store it whole"));
    }
    let shape = shape(name, proto)?;
    let len = Shape::fixed(&shape).map_err(|error| OnnxError::value(name, error.to_string()))?.row_len();
    let data_type = proto.data_type.and_then(|kind| DataType::try_from(kind).ok()).unwrap_or(DataType::Undefined);
    match data_type {
        DataType::Float => {
            let values = match &proto.raw_data {
                Some(raw) => chunks(name, raw)?.map(|bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
                None => proto.float_data.iter().map(|value| f64::from(*value)).collect(),
            };
            reals(name, shape, values)
        }
        DataType::Double => {
            let values = match &proto.raw_data {
                Some(raw) => chunks(name, raw)?.map(f64::from_le_bytes).collect(),
                None => proto.double_data.clone(),
            };
            reals(name, shape, values)
        }
        DataType::Int64 => {
            let values = match &proto.raw_data {
                Some(raw) => chunks(name, raw)?.map(i64::from_le_bytes).collect(),
                None => proto.int64_data.clone(),
            };
            integers(name, &shape, len, &values)
        }
        DataType::Int32 => {
            let values: Vec<i64> = match &proto.raw_data {
                Some(raw) => chunks(name, raw)?.map(|bytes| i64::from(i32::from_le_bytes(bytes))).collect(),
                None => proto.int32_data.iter().map(|value| i64::from(*value)).collect(),
            };
            integers(name, &shape, len, &values)
        }
        other => Err(OnnxError::unsupported(
            format!("`{name}`, a weight of {},", other.as_str_name()),
            "convert weights to float or double, indices to int64",
        )),
    }
}

fn shape(name: &str, proto: &TensorProto) -> Result<Vec<usize>, OnnxError> {
    let length = |len: &i64| usize::try_from(*len).map_err(|_| OnnxError::value(name, format!("a length of {len}")));
    proto.dims.iter().map(length).collect()
}

/// Little-endian elements of `N` bytes.
fn chunks<'a, const N: usize>(name: &str, raw: &'a [u8]) -> Result<impl Iterator<Item = [u8; N]> + 'a, OnnxError> {
    let (whole, rest) = raw.as_chunks::<N>();
    if rest.is_empty() {
        Ok(whole.iter().copied())
    } else {
        Err(OnnxError::value(name, format!("{} bytes are no whole number of elements of {N} bytes", raw.len())))
    }
}

fn reals(name: &str, shape: Vec<usize>, values: Vec<f64>) -> Result<Stored, OnnxError> {
    Tensor::new(shape, values).map(Stored::Reals).map_err(|error| OnnxError::value(name, error.to_string()))
}

fn integers(name: &str, shape: &[usize], len: usize, values: &[i64]) -> Result<Stored, OnnxError> {
    if values.len() != len {
        return Err(OnnxError::value(name, format!("{} integers cannot fill shape {shape:?}", values.len())));
    }
    if len > MAX_INTEGERS {
        return Err(OnnxError::limit(format!("integers of `{name}`"), len, MAX_INTEGERS));
    }
    match (shape, values) {
        ([], [value]) => Ok(Stored::Integers(Integers::scalar(Length::Known(*value)))),
        ([_], _) => Ok(Stored::Integers(Integers::of(values))),
        _ => Err(OnnxError::unsupported(format!("`{name}`, integers of rank {},", shape.len()), "use a list")),
    }
}
