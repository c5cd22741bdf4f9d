//! Archives of named arrays, as NumPy writes and reads them.
//!
//! Read are truth values, integers of up to 64 bits and floats of 16, 32 or 64 bits, in either byte order.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use half::f16;
use hnn_exporter::graph::{MAX_ELEMENTS, Tensor};
use hnn_exporter::legalize::{Integers, Length};
use hnn_exporter::onnx::{Declaration, Stored};
use ndarray::{ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter, ReadDataError, ReadNpyError, ReadNpzError, ReadableElement};
use py_literal::Value;

use crate::command::write_atomically;

/// A float of any width.
#[derive(Debug, Clone, Copy)]
struct Float(f64);

/// An integer of any width, signed or not.
#[derive(Debug, Clone, Copy)]
struct Whole(i64);

impl ReadableElement for Float {
    fn read_to_end_exact_vec<R: Read>(reader: R, descriptor: &Value, len: usize) -> Result<Vec<Self>, ReadDataError> {
        // Each takes as many of the low bits as its type has.
        let decode = |kind: &str, bits: u64| match kind {
            "f2" => Some(f16::from_bits(bits as u16).into()),
            "f4" => Some(f32::from_bits(bits as u32).into()),
            "f8" => Some(f64::from_bits(bits)),
            _ => None,
        };
        elements(reader, descriptor, len, &["f2", "f4", "f8"], |kind, bits| decode(kind, bits).map(Self))
    }
}

impl ReadableElement for Whole {
    fn read_to_end_exact_vec<R: Read>(reader: R, descriptor: &Value, len: usize) -> Result<Vec<Self>, ReadDataError> {
        let decode = |kind: &str, bits: u64| match kind {
            "i1" => Some((bits as i8).into()),
            "i2" => Some((bits as i16).into()),
            "i4" => Some((bits as i32).into()),
            "i8" => Some(bits.cast_signed()),
            _ => i64::try_from(bits).ok(),
        };
        let kinds = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"];
        elements(reader, descriptor, len, &kinds, |kind, bits| decode(kind, bits).map(Self))
    }
}

/// Elements of one of the NumPy types `kinds`, in either byte order, each made of its bits.
fn elements<R: Read, T>(
    reader: R,
    descriptor: &Value,
    len: usize,
    kinds: &[&str],
    decode: impl Fn(&str, u64) -> Option<T>,
) -> Result<Vec<T>, ReadDataError> {
    let wrong = || ReadDataError::WrongDescriptor(descriptor.clone());
    let failed = |message: String| ReadDataError::ParseData(message.into());
    let Value::String(text) = descriptor else { return Err(wrong()) };
    let Some((order, kind)) = text.split_at_checked(1).filter(|(_, kind)| kinds.contains(kind)) else {
        return Err(wrong());
    };
    let size: usize = kind[1..].parse().map_err(|_| wrong())?;
    if len > MAX_ELEMENTS {
        return Err(failed(format!("{len} elements exceed the limit of {MAX_ELEMENTS}")));
    }
    let (wanted, mut bytes) = (len * size, Vec::new());
    reader.take(wanted as u64 + 1).read_to_end(&mut bytes).map_err(ReadDataError::Io)?;
    if bytes.len() < wanted {
        return Err(ReadDataError::MissingData);
    }
    if bytes.len() > wanted {
        return Err(ReadDataError::ExtraBytes(bytes.len() - wanted));
    }
    let element = |bytes: &[u8]| {
        let mut word = [0; 8];
        for (position, byte) in bytes.iter().enumerate() {
            word[if order == ">" { size - 1 - position } else { position }] = *byte;
        }
        let bits = u64::from_le_bytes(word);
        decode(kind, bits).ok_or_else(|| failed(format!("{bits} exceeds the largest integer, 2^63 - 1")))
    };
    bytes.chunks_exact(size).map(element).collect()
}

/// Reads every array of an npz file.
pub(super) fn read(path: &Path) -> anyhow::Result<BTreeMap<String, Stored>> {
    let context = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(context)?;
    let mut archive = NpzReader::new(file).with_context(|| format!("{} is no npz archive", path.display()))?;
    let mut arrays = BTreeMap::new();
    for name in archive.names().with_context(context)? {
        let array = array(&mut archive, &name).with_context(|| format!("{}: array `{name}`", path.display()))?;
        arrays.insert(name, array);
    }
    if arrays.is_empty() {
        bail!("{} holds no arrays", path.display());
    }
    Ok(arrays)
}

/// Reads an array of the type its header says. Iteration order is row-major whatever the order in the file.
fn array(archive: &mut NpzReader<File>, name: &str) -> anyhow::Result<Stored> {
    if let Some(array) = of_type::<Float>(archive, name)? {
        let values = array.iter().map(|value| value.0).collect();
        return Ok(Stored::Reals(Tensor::new(array.shape().to_vec(), values)?));
    }
    if let Some(array) = of_type::<Whole>(archive, name)? {
        let values = array.iter().map(|value| Length::Known(value.0)).collect();
        return Ok(Stored::Integers(Integers::new(array.shape().to_vec(), values)?));
    }
    if let Some(array) = of_type::<bool>(archive, name)? {
        let values: Vec<bool> = array.iter().copied().collect();
        return Ok(Stored::Integers(Integers::truths(array.shape().to_vec(), &values)?));
    }
    bail!("it holds neither floats nor integers nor truth values");
}

/// The array, where its elements are of this type.
fn of_type<T: ReadableElement>(archive: &mut NpzReader<File>, name: &str) -> anyhow::Result<Option<ArrayD<T>>> {
    match archive.by_name::<OwnedRepr<T>, IxDyn>(name) {
        Ok(array) => Ok(Some(array)),
        Err(ReadNpzError::Npy(ReadNpyError::WrongDescriptor(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes outputs, whole or not at all: integers and truth values where the file declares them, f64 otherwise.
pub(super) fn write(path: &Path, outputs: &[(String, Tensor)], declared: &[Declaration]) -> anyhow::Result<()> {
    write_atomically(path, |file| {
        let mut archive = std::io::Cursor::new(Vec::new());
        let mut writer = NpzWriter::new(&mut archive);
        for (name, value) in outputs {
            let numbers = ArrayD::from_shape_vec(IxDyn(value.shape()), value.data().to_vec())?;
            let output = declared.iter().find(|output| output.name == *name);
            match output.map_or("", |output| output.element.as_str()) {
                // Engines give whole numbers in f64, within the integers that f64 holds.
                "INT64" => writer.add_array(name.as_str(), &numbers.mapv(|value| value as i64))?,
                "INT32" => writer.add_array(name.as_str(), &numbers.mapv(|value| value as i32))?,
                "BOOL" => writer.add_array(name.as_str(), &numbers.mapv(|value| value != 0.0))?,
                _ => writer.add_array(name.as_str(), &numbers)?,
            }
        }
        writer.finish()?;
        file.write_all(archive.get_ref())?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: ReadableElement>(bytes: &[u8], kind: &str, len: usize) -> Result<Vec<T>, ReadDataError> {
        T::read_to_end_exact_vec(bytes, &Value::String(kind.to_owned()), len)
    }

    #[test]
    fn floats_and_integers_of_every_width_and_byte_order_are_read() {
        // 1.5 is 0x3E00 in binary16 and 0x3FC0_0000 in binary32; NumPy: np.array([1.5], "<f2").tobytes().
        let floats = [
            ("<f2", vec![0x00, 0x3e]),
            (">f2", vec![0x3e, 0x00]),
            ("<f4", 1.5f32.to_le_bytes().to_vec()),
            (">f8", 1.5f64.to_be_bytes().to_vec()),
        ];
        for (kind, bytes) in floats {
            assert_eq!(read::<Float>(&bytes, kind, 1).unwrap()[0].0, 1.5, "{kind}");
            assert!(matches!(read::<Whole>(&bytes, kind, 1), Err(ReadDataError::WrongDescriptor(_))), "{kind}");
        }
        let integers = [
            ("|i1", vec![0xfe], -2),
            ("|u1", vec![0xfe], 254),
            (">i2", vec![0xff, 0xfe], -2),
            ("<i4", (-2i32).to_le_bytes().to_vec(), -2),
            ("<u4", u32::MAX.to_le_bytes().to_vec(), 4_294_967_295),
            ("<i8", i64::MIN.to_le_bytes().to_vec(), i64::MIN),
        ];
        for (kind, bytes, value) in integers {
            assert_eq!(read::<Whole>(&bytes, kind, 1).unwrap()[0].0, value, "{kind}");
        }
    }

    #[test]
    fn what_is_cut_short_too_long_or_too_large_is_refused() {
        assert!(matches!(read::<Whole>(&[0; 7], "<i4", 2), Err(ReadDataError::MissingData)));
        assert!(matches!(read::<Whole>(&[0; 9], "<i4", 2), Err(ReadDataError::ExtraBytes(1))));
        assert!(matches!(read::<Whole>(&[0xff; 8], "<u8", 1), Err(ReadDataError::ParseData(_))));
        assert!(matches!(read::<Float>(&[], "<f8", MAX_ELEMENTS + 1), Err(ReadDataError::ParseData(_))));
        for kind in ["", "é4", "<c8", "<f16", "f4"] {
            assert!(matches!(read::<Float>(&[0; 4], kind, 1), Err(ReadDataError::WrongDescriptor(_))), "{kind}");
        }
    }
}
