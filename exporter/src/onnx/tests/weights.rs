//! Stored tensors of every type, inside the file and next to it.

use std::path::Path;

use super::super::proto::tensor_proto::{DataLocation, DataType};
use super::super::proto::{AttributeProto, StringStringEntryProto, TensorProto, attribute_proto::AttributeType};
use super::super::{OnnxError, ReadOptions};
use super::file::{File, X, evaluated, refusal};
use crate::evaluate::evaluate;
use crate::graph::Tensor;

fn tensor(data_type: DataType, dims: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(data_type as i32),
        name: Some("w".to_owned()),
        ..TensorProto::default()
    }
}

fn raw(data_type: DataType, bytes: &[u8]) -> TensorProto {
    TensorProto { raw_data: Some(bytes.to_vec()), ..tensor(data_type, &[4]) }
}

/// x + w for the first row, where w is what the file stores.
fn stored(weight: TensorProto, cast: bool) -> Vec<f64> {
    let file = File::new(None).tensor(weight);
    let file = if cast {
        file.node("Cast", "w", "float", &[("to", 1)]).node("Add", "x float", "y", &[])
    } else {
        file.node("Add", "x w", "y", &[])
    };
    evaluated(file).1[..4].iter().zip(&X[..4]).map(|(y, x)| y - x).collect()
}

#[test]
fn numbers_of_every_width_are_read_raw_and_from_fields() {
    // Bits from NumPy: 1, −2, ½ and the largest of the type below 1 (f16 0x3bff = 1 − 2⁻¹¹, bfloat16 0x3f7f = 1 − 2⁻⁸).
    let half = [0x3c00u16, 0xc000, 0x3800, 0x3bff];
    let brain = [0x3f80u16, 0xc000, 0x3f00, 0x3f7f];
    let bytes = |bits: [u16; 4]| bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>();
    let field = |bits: [u16; 4]| bits.iter().map(|bits| i32::from(*bits)).collect::<Vec<i32>>();
    for (data_type, bits, last) in
        [(DataType::Float16, half, 1.0 - 2f64.powi(-11)), (DataType::Bfloat16, brain, 1.0 - 2f64.powi(-8))]
    {
        let wanted = vec![1.0, -2.0, 0.5, last];
        assert_eq!(stored(raw(data_type, &bytes(bits)), false), wanted);
        assert_eq!(stored(TensorProto { int32_data: field(bits), ..tensor(data_type, &[4]) }, false), wanted);
    }
    let double = [1.5f64, -2.0, 0.5, 4.0];
    let bytes: Vec<u8> = double.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(stored(raw(DataType::Double, &bytes), false), double);
    assert_eq!(stored(TensorProto { double_data: double.to_vec(), ..tensor(DataType::Double, &[4]) }, false), double);
}

#[test]
fn the_edges_of_half_precision_are_exact() {
    // 2⁻²⁴ (the smallest), 2⁻¹⁴ − 2⁻²⁴ (the largest subnormal), 65504 (the largest), −0.
    let file = File::new(None)
        .tensor(TensorProto { int32_data: vec![0x0001, 0x03ff, 0x7bff, 0x8000], ..tensor(DataType::Float16, &[4]) })
        .node("Mul", "x w", "y", &[]);
    let graph = file.read().unwrap();
    let ones = Tensor::new(vec![1, 4], vec![1.0; 4]).unwrap();
    let found = evaluate(&graph, &[("x", &ones)]).unwrap().remove(0);
    assert_eq!(found.data(), &[2f64.powi(-24), 2f64.powi(-14) - 2f64.powi(-24), 65504.0, 0.0]);
    assert!(found.data()[3].is_sign_negative());
}

#[test]
fn integers_and_truth_values_of_every_width_are_read() {
    let le = |values: &[i64], width: usize| -> Vec<u8> {
        values.iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect()
    };
    for (data_type, width, values) in [
        (DataType::Int8, 1, [1, -2, 127, -128]),
        (DataType::Uint8, 1, [1, 2, 127, 255]),
        (DataType::Int16, 2, [1, -2, 32767, -32768]),
        (DataType::Uint16, 2, [1, 2, 3, 65535]),
        (DataType::Int32, 4, [1, -2, 3, -4]),
        (DataType::Uint32, 4, [1, 2, 3, 4_294_967_295]),
        (DataType::Int64, 8, [1, -2, 3, -4]),
        (DataType::Uint64, 8, [1, 2, 3, 4]),
        (DataType::Bool, 1, [1, 0, 0, 1]),
    ] {
        let wanted = values.map(|value| value as f64);
        assert_eq!(stored(raw(data_type, &le(&values, width)), true), wanted, "{data_type:?}");
        let empty = tensor(data_type, &[4]);
        let field = match data_type {
            DataType::Int64 => TensorProto { int64_data: values.to_vec(), ..empty },
            DataType::Uint32 | DataType::Uint64 => TensorProto {
                uint64_data: values.iter().map(|value| u64::try_from(*value).unwrap()).collect(),
                ..empty
            },
            _ => {
                TensorProto { int32_data: values.iter().map(|value| i32::try_from(*value).unwrap()).collect(), ..empty }
            }
        };
        assert_eq!(stored(field, true), wanted, "{data_type:?}");
    }
}

#[test]
fn what_holds_no_numbers_is_refused() {
    let text = TensorProto { string_data: vec![b"a".to_vec(); 4], ..tensor(DataType::String, &[4]) };
    assert!(refusal(File::new(None).tensor(text).node("Add", "x w", "y", &[])).contains("STRING"));
    let huge = TensorProto { uint64_data: vec![u64::MAX; 4], ..tensor(DataType::Uint64, &[4]) };
    assert!(refusal(File::new(None).tensor(huge).node("Add", "x w", "y", &[])).contains("18446744073709551615"));
    let short = raw(DataType::Float16, &[0; 6]);
    assert!(refusal(File::new(None).tensor(short).node("Add", "x w", "y", &[])).contains("3 values"));
}

#[test]
fn constants_of_every_kind_are_read() {
    let constant = |attribute: AttributeProto, to: &str| {
        let name = Some(attribute.name.clone().unwrap());
        let file = File::new(None).node("Constant", "", "c", &[]).with(AttributeProto { name, ..attribute });
        evaluated(file.node("Cast", "c", "float", &[("to", 1)]).node(to, "x float", "y", &[])).1
    };
    let attribute = |name: &str, kind: AttributeType| AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(kind as i32),
        ..AttributeProto::default()
    };
    let doubled = X.map(|value| value * 2.0);
    let float = AttributeProto { f: Some(2.0), ..attribute("value_float", AttributeType::Float) };
    let floats = AttributeProto { floats: vec![2.0; 4], ..attribute("value_floats", AttributeType::Floats) };
    let int = AttributeProto { i: Some(2), ..attribute("value_int", AttributeType::Int) };
    let ints = AttributeProto { ints: vec![2; 4], ..attribute("value_ints", AttributeType::Ints) };
    let value = TensorProto { int32_data: vec![2], ..tensor(DataType::Int16, &[1]) };
    let value = AttributeProto { t: Some(value), ..attribute("value", AttributeType::Tensor) };
    for attribute in [float, floats, int, ints, value] {
        assert_eq!(constant(attribute, "Mul"), doubled);
    }
    let text = AttributeProto { s: Some(b"2".to_vec()), ..attribute("value_string", AttributeType::String) };
    assert!(refusal(File::new(None).node("Constant", "", "y", &[]).with(text)).contains("value_string"));
}

/// A weight of four floats in `location`, from byte 4 on.
fn external(location: &str, length: &str) -> TensorProto {
    let entry =
        |key: &str, value: &str| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value.to_owned()) };
    TensorProto {
        data_location: Some(DataLocation::External as i32),
        external_data: vec![entry("location", location), entry("offset", "4"), entry("length", length)],
        ..tensor(DataType::Float, &[4])
    }
}

fn read_external(directory: Option<&Path>, weight: TensorProto) -> Result<Vec<f64>, OnnxError> {
    let file = File::new(None).tensor(weight).node("Add", "x w", "y", &[]);
    let options = ReadOptions { directory: directory.map(Path::to_owned), ..ReadOptions::default() };
    let graph = file.read_with(&options)?.graph;
    let zero = Tensor::new(vec![1, 4], vec![0.0; 4]).unwrap();
    Ok(evaluate(&graph, &[("x", &zero)]).unwrap()[0].data().to_vec())
}

#[test]
fn weights_next_to_the_model_are_read() {
    let room = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = [9.0f32, 1.0, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::create_dir(room.path().join("sub")).unwrap();
    for location in ["model.data", "sub/model.data", "./model.data"] {
        std::fs::write(room.path().join(location), &bytes).unwrap();
        assert_eq!(read_external(Some(room.path()), external(location, "16")).unwrap(), [1.0, 2.0, 3.0, 4.0]);
    }
    let message = read_external(None, external("model.data", "16")).unwrap_err().to_string();
    assert!(message.contains("external data") && message.contains("save_as_external_data=False"), "{message}");
}

#[test]
fn weights_anywhere_else_are_refused() {
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("model");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(room.path().join("secret"), [0; 64]).unwrap();
    std::fs::write(folder.join("short"), [0; 10]).unwrap();
    let absolute = room.path().join("secret").display().to_string();
    for (location, length, reason) in [
        (absolute.as_str(), "16", "plain path"),
        ("../secret", "16", "plain path"),
        ("sub/../../secret", "16", "plain path"),
        ("", "16", "plain path"),
        ("C:\\secret", "16", "plain path"),
        ("missing", "16", "missing"),
        (".", "16", "no file"),
        ("short", "16", "6 bytes from byte 4"),
        ("short", "8", "need 16"),
        ("short", "many", "length `many`"),
    ] {
        let message = read_external(Some(&folder), external(location, length)).unwrap_err().to_string();
        assert!(message.contains(reason), "{location}: {message}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(room.path().join("secret"), folder.join("link")).unwrap();
        let message = read_external(Some(&folder), external("link", "16")).unwrap_err().to_string();
        assert!(message.contains("leads out"), "{message}");
    }
}
