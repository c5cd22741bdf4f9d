//! The parts of a file around its nodes: weights, attributes, declarations and the model itself.

use super::super::OnnxError;
use super::super::proto::tensor_proto::DataType;
use super::super::proto::tensor_shape_proto::{Dimension, dimension};
use super::super::proto::type_proto;
use super::super::proto::{
    AttributeProto, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, attribute_proto::AttributeType,
};
use super::{Batch, Precision, WriteOptions};
use crate::graph::{Dim, Shape, Tensor};

/// Name of the dynamic dimension.
pub(super) const BATCH: &str = "batch";
/// What every metadata key begins with.
const METADATA_PREFIX: &str = "hnn.";

/// The model around a graph.
pub(super) fn model(graph: GraphProto, options: &WriteOptions) -> ModelProto {
    let entry = |(key, value): (&String, &String)| StringStringEntryProto {
        key: Some(format!("{METADATA_PREFIX}{key}")),
        value: Some(value.clone()),
    };
    ModelProto {
        ir_version: Some(options.ir_version()),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(options.opset) }],
        producer_name: Some(env!("CARGO_PKG_NAME").to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: Some(options.description.clone()).filter(|text| !text.is_empty()),
        graph: Some(graph),
        metadata_props: options.metadata.iter().map(entry).collect(),
        ..ModelProto::default()
    }
}

/// Name, element type and shape of an input or output.
pub(super) fn value_info(name: &str, shape: &Shape, options: &WriteOptions) -> ValueInfoProto {
    stacked_value_info(name, None, shape, options)
}

/// The same with a dynamic dimension called `stack` before those of `shape`.
pub(super) fn stacked_value_info(
    name: &str,
    stack: Option<&str>,
    shape: &Shape,
    options: &WriteOptions,
) -> ValueInfoProto {
    let named = |name: &str| dimension::Value::DimParam(name.to_owned());
    let value = |dim: &Dim| match (*dim, options.batch_written()) {
        (Dim::Fixed(len), _) | (Dim::Batch, Batch::Fixed(len)) => dimension::Value::DimValue(integer(len)),
        (Dim::Batch, Batch::Dynamic) => named(BATCH),
    };
    let values = stack.map(named).into_iter().chain(shape.dims().iter().map(value));
    let dim = values.map(|value| Dimension { denotation: None, value: Some(value) }).collect();
    let tensor =
        type_proto::Tensor { elem_type: Some(options.precision.element_type()), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { denotation: None, value: Some(type_proto::Value::TensorType(tensor)) }),
        ..ValueInfoProto::default()
    }
}

/// A stored weight.
pub(super) fn weight(name: &str, tensor: &Tensor, precision: Precision) -> Result<TensorProto, OnnxError> {
    let raw = precision.bytes(name, tensor.data())?;
    let dims = tensor.shape().iter().map(|len| integer(*len)).collect();
    Ok(tensor_proto(name, precision.element_type(), dims, raw))
}

/// A stored list of integers.
pub(super) fn integers(name: &str, values: &[i64]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor_proto(name, DataType::Int64 as i32, vec![integer(values.len())], raw)
}

/// An integer attribute.
pub(super) fn attribute(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

/// An attribute that is a number, in the only format ONNX has for one.
pub(super) fn real_attribute(name: &str, value: f64) -> AttributeProto {
    #[allow(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
    let number = value as f32;
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(number),
        ..AttributeProto::default()
    }
}

/// An attribute that is a graph.
pub(super) fn graph_attribute(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(graph),
        ..AttributeProto::default()
    }
}

/// An attribute that is a list of integers.
pub(super) fn list_attribute(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.iter().map(|value| integer(*value)).collect(),
        ..AttributeProto::default()
    }
}

/// A length or index as ONNX stores it; [`crate::graph::MAX_ELEMENTS`] keeps every one of them far below the limit.
pub(super) fn integer(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn tensor_proto(name: &str, data_type: i32, dims: Vec<i64>, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        dims,
        data_type: Some(data_type),
        name: Some(name.to_owned()),
        raw_data: Some(raw),
        ..TensorProto::default()
    }
}
