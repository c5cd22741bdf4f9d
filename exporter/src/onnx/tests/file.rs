//! Files as other tools write them, built operator by operator.

use prost::Message;

use super::super::proto::attribute_proto::AttributeType;
use super::super::proto::tensor_proto::DataType;
use super::super::proto::tensor_shape_proto::{Dimension, dimension};
use super::super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use super::super::{Imported, OnnxError, ReadOptions, read, read_with};
use crate::evaluate::evaluate;
use crate::graph::{Graph, Tensor};

/// A file built operator by operator, with input `x` `[batch, 4]` unless told otherwise and output `y`.
pub(super) struct File {
    pub(super) model: ModelProto,
    pub(super) graph: GraphProto,
}

pub(super) fn info(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |len: &Option<i64>| Dimension {
        denotation: None,
        value: Some(match len {
            Some(len) => dimension::Value::DimValue(*len),
            None => dimension::Value::DimParam("rows".to_owned()),
        }),
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: Some(DataType::Float as i32), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { denotation: None, value: Some(type_proto::Value::TensorType(tensor)) }),
        ..ValueInfoProto::default()
    }
}

impl File {
    pub(super) fn new(rows: Option<i64>) -> Self {
        let graph = GraphProto {
            input: vec![info("x", &[rows, Some(4)])],
            output: vec![info("y", &[rows, None])],
            ..GraphProto::default()
        };
        let model = ModelProto { ir_version: Some(8), opset_import: vec![version(None, 17)], ..ModelProto::default() };
        Self { model, graph }
    }

    pub(super) fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: Some(DataType::Float as i32),
            name: Some(name.to_owned()),
            float_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    pub(super) fn integers(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: Some(DataType::Int64 as i32),
            name: Some(name.to_owned()),
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    pub(super) fn node(mut self, kind: &str, inputs: &str, outputs: &str, attributes: &[(&str, i64)]) -> Self {
        let attribute = |(name, value): &(&str, i64)| AttributeProto {
            name: Some((*name).to_owned()),
            r#type: Some(AttributeType::Int as i32),
            i: Some(*value),
            ..AttributeProto::default()
        };
        let attribute = attributes.iter().map(attribute).collect();
        self.graph.node.push(NodeProto { attribute, ..operator(kind, inputs, outputs) });
        self
    }

    /// Asks for another version of the standard operators.
    pub(super) fn opset(mut self, opset: i64) -> Self {
        self.model.opset_import = vec![version(None, opset)];
        self
    }

    /// A stored tensor in whatever form.
    pub(super) fn tensor(mut self, tensor: TensorProto) -> Self {
        self.graph.initializer.push(tensor);
        self
    }

    /// Adds an attribute to the last node.
    pub(super) fn with(mut self, attribute: AttributeProto) -> Self {
        self.graph.node.last_mut().unwrap().attribute.push(attribute);
        self
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        ModelProto { graph: Some(self.graph), ..self.model }.encode_to_vec()
    }

    pub(super) fn read(self) -> Result<Graph, OnnxError> {
        read(&self.bytes())
    }

    pub(super) fn read_with(self, options: &ReadOptions) -> Result<Imported, OnnxError> {
        read_with(&self.bytes(), options)
    }
}

/// A version of the operators of a domain.
pub(super) fn version(domain: Option<&str>, version: i64) -> OperatorSetIdProto {
    OperatorSetIdProto { domain: domain.map(str::to_owned), version: Some(version) }
}

/// An operator as a node.
pub(super) fn operator(kind: &str, inputs: &str, outputs: &str) -> NodeProto {
    let names =
        |list: &str| list.split_whitespace().map(|name| if name == "-" { "" } else { name }.to_owned()).collect();
    NodeProto { input: names(inputs), output: names(outputs), op_type: Some(kind.to_owned()), ..NodeProto::default() }
}

/// A list of integers as an attribute.
pub(super) fn integers_attribute(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A number as an attribute.
pub(super) fn real_attribute(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(value),
        ..AttributeProto::default()
    }
}

/// Two rows; the second is what a plain example would miss.
pub(super) const X: [f64; 8] = [0.5, -1.0, 2.0, 0.25, -0.5, 1.5, -2.0, 3.0];

pub(super) fn evaluated(file: File) -> (Vec<usize>, Vec<f64>) {
    let graph = file.read().unwrap();
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    let y = evaluate(&graph, &[("x", &x)]).unwrap().remove(0);
    (y.shape().to_vec(), y.data().to_vec())
}

pub(super) fn refusal(file: File) -> String {
    file.read().unwrap_err().to_string()
}
