//! Reads an ONNX model as a graph.
//!
//! Inputs keep their names and order. A symbolic first dimension is the batch. So is a first dimension of 1 of an input of
//! rank 2 or more: exporters freeze the batch of their example, and rows do not mix, so the one row may be many. Weights
//! become constants in f64. Everything without an exact meaning here is refused by name.

mod tensor;

use std::collections::{BTreeMap, HashMap, HashSet};

use prost::Message;

use super::proto::attribute_proto::AttributeType;
use super::proto::tensor_proto::DataType;
use super::proto::tensor_shape_proto::dimension;
use super::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto, type_proto};
use super::{MAX_OPSET, MIN_OPSET, OnnxError};
use crate::graph::{Dim, Graph, Kind, Shape};
use crate::legalize::{Attribute, LegalizeError, Operator, Value, legalize};
use tensor::Stored;

/// Most bytes of a file, read or written: four times what the largest blob holds.
pub const MAX_FILE_BYTES: usize = 1 << 26;
/// Most nodes of a file.
pub const MAX_FILE_NODES: usize = 1 << 16;
/// Most stored tensors of a file.
pub const MAX_FILE_TENSORS: usize = 1 << 16;
/// Most messages, texts and lists of a file, those within others included.
pub const MAX_FILE_PARTS: usize = 1 << 20;
/// Longest name.
pub const MAX_NAME_BYTES: usize = 1 << 10;

/// Reads a model of opset [`MIN_OPSET`] to [`MAX_OPSET`].
///
/// # Errors
/// [`OnnxError`] where the file is damaged or exceeds a limit, or has something without a meaning here; the message names
/// the node, its inputs and what to do.
pub fn read(bytes: &[u8]) -> Result<Graph, OnnxError> {
    within("the file's length", bytes.len(), MAX_FILE_BYTES)?;
    super::scan::check_parts(bytes)?;
    let model = ModelProto::decode(bytes).map_err(|error| OnnxError::Malformed(error.to_string()))?;
    let (proto, opset) = check_model(&model)?;
    let mut importer = Importer { one_row: freezes_batch(proto), opset, ..Importer::default() };
    let stored: HashSet<&str> = proto.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    for info in &proto.input {
        // Old files list weights among the inputs.
        if !stored.contains(info.name.as_deref().unwrap_or_default()) {
            importer.input(info)?;
        }
    }
    for tensor in &proto.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        let value = importer.stored(tensor::read(name, tensor)?)?;
        importer.define(name, value)?;
    }
    for node in &proto.node {
        importer.node(node)?;
    }
    for info in &proto.output {
        importer.output(info)?;
    }
    Ok(importer.graph)
}

fn within(what: &str, found: usize, limit: usize) -> Result<(), OnnxError> {
    if found <= limit { Ok(()) } else { Err(OnnxError::limit(what, found, limit)) }
}

fn is_standard(domain: Option<&str>) -> bool {
    matches!(domain, None | Some("" | "ai.onnx"))
}

fn check_model(model: &ModelProto) -> Result<(&GraphProto, i64), OnnxError> {
    let Some(graph) = &model.graph else {
        return Err(OnnxError::Malformed("it holds no graph".to_owned()));
    };
    let opset = model.opset_import.iter().find(|opset| is_standard(opset.domain.as_deref()));
    let version = match opset.and_then(|opset| opset.version) {
        Some(version) if (MIN_OPSET..=MAX_OPSET).contains(&version) => version,
        Some(version) => {
            return Err(OnnxError::unsupported(
                format!("opset {version}"),
                format!("convert the file to opset {MIN_OPSET} to {MAX_OPSET} with onnx.version_converter"),
            ));
        }
        None => return Err(OnnxError::Malformed("it names no opset".to_owned())),
    };
    if !graph.sparse_initializer.is_empty() {
        return Err(OnnxError::unsupported("a sparse weight", "store it dense"));
    }
    within("nodes", graph.node.len(), MAX_FILE_NODES)?;
    within("weights", graph.initializer.len(), MAX_FILE_TENSORS)?;
    within("inputs", graph.input.len(), MAX_FILE_TENSORS)?;
    within("outputs", graph.output.len(), MAX_FILE_TENSORS)?;
    if graph.output.is_empty() {
        return Err(OnnxError::Malformed("its graph has no output".to_owned()));
    }
    Ok((graph, version))
}

/// Whether an input has a first dimension of 1 where the batch is expected, and none is symbolic.
fn freezes_batch(graph: &GraphProto) -> bool {
    let dims =
        |info: &ValueInfoProto| tensor_type(info).and_then(|ty| ty.shape.as_ref()).map(|shape| shape.dim.clone());
    let stored: HashSet<&str> = graph.initializer.iter().filter_map(|tensor| tensor.name.as_deref()).collect();
    let inputs = graph.input.iter().filter(|info| !stored.contains(info.name.as_deref().unwrap_or_default()));
    let firsts: Vec<_> =
        inputs.filter_map(dims).filter(|dims| dims.len() >= 2).map(|dims| dims[0].value.clone()).collect();
    !firsts.is_empty() && firsts.iter().all(|first| *first == Some(dimension::Value::DimValue(1)))
}

fn tensor_type(info: &ValueInfoProto) -> Option<&type_proto::Tensor> {
    match info.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => Some(tensor),
        _ => None,
    }
}

/// A graph being read.
#[derive(Default)]
struct Importer {
    graph: Graph,
    values: HashMap<String, Value>,
    one_row: bool,
    opset: i64,
}

impl Importer {
    fn define(&mut self, name: &str, value: Value) -> Result<(), OnnxError> {
        within(&format!("the name of a value ({} bytes)", name.len()), name.len(), MAX_NAME_BYTES)?;
        if name.is_empty() || self.values.insert(name.to_owned(), value).is_some() {
            return Err(OnnxError::value(name, "a value needs a name of its own; this one is empty or taken"));
        }
        Ok(())
    }

    fn input(&mut self, info: &ValueInfoProto) -> Result<(), OnnxError> {
        let name = info.name.as_deref().unwrap_or_default();
        let Some(ty) = tensor_type(info) else {
            return Err(OnnxError::value(name, "this input is no tensor"));
        };
        let element = ty.elem_type.and_then(|element| DataType::try_from(element).ok());
        if !matches!(element, Some(DataType::Float | DataType::Double)) {
            let found = element.map_or("an unknown type", |element| element.as_str_name());
            return Err(OnnxError::value(name, format!("an input of {found}; inputs are float or double")));
        }
        let Some(shape) = &ty.shape else {
            return Err(OnnxError::value(name, "this input has no shape; export it with one"));
        };
        let mut dims = Vec::new();
        for (axis, dim) in shape.dim.iter().enumerate() {
            dims.push(match &dim.value {
                Some(dimension::Value::DimValue(1)) if axis == 0 && self.one_row && shape.dim.len() >= 2 => Dim::Batch,
                Some(dimension::Value::DimValue(len)) => Dim::Fixed(
                    usize::try_from(*len)
                        .map_err(|_| OnnxError::value(name, format!("length {len} of axis {axis}")))?,
                ),
                _ if axis == 0 => Dim::Batch,
                _ => {
                    let message = format!("axis {axis} has no fixed length; only the first, the batch, may vary");
                    return Err(OnnxError::value(name, message));
                }
            });
        }
        let id = self.graph.input(name, Shape::new(dims)?)?;
        self.define(name, Value::Node(id))
    }

    fn stored(&mut self, stored: Stored) -> Result<Value, OnnxError> {
        Ok(match stored {
            Stored::Reals(tensor) => Value::Node(self.graph.constant(tensor)?),
            Stored::Integers(integers) => Value::Integers(integers),
        })
    }

    fn output(&mut self, info: &ValueInfoProto) -> Result<(), OnnxError> {
        let name = info.name.as_deref().unwrap_or_default();
        match self.values.get(name) {
            Some(Value::Node(id)) if self.graph.node(*id).ty.kind == Kind::Real => {
                self.graph.set_output(name, *id);
                Ok(())
            }
            Some(_) => Err(OnnxError::value(name, "this output holds no real numbers; cast it to float")),
            None => Err(OnnxError::value(name, "no node computes this output")),
        }
    }

    fn node(&mut self, node: &NodeProto) -> Result<(), OnnxError> {
        let kind = node.op_type.as_deref().unwrap_or_default();
        let fail = |message: String| {
            let first_output = node.output.first().map_or("", String::as_str);
            OnnxError::Node {
                node: node.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(first_output).to_owned(),
                operator: kind.to_owned(),
                inputs: node.input.join(", "),
                message,
            }
        };
        if !is_standard(node.domain.as_deref()) {
            let domain = node.domain.as_deref().unwrap_or_default();
            return Err(fail(format!("operators of domain `{domain}` are not supported; export with standard ones")));
        }
        let mut inputs = Vec::new();
        for name in &node.input {
            inputs.push(match (name.as_str(), self.values.get(name)) {
                ("", _) => None,
                (_, Some(value)) => Some(value.clone()),
                (_, None) => return Err(fail(format!("input `{name}` is not computed before this node"))),
            });
        }
        let mut attributes = BTreeMap::new();
        for attribute in &node.attribute {
            let name = attribute.name.clone().unwrap_or_default();
            let value = read_attribute(&name, attribute).map_err(|error| fail(error.to_string()))?;
            attributes.insert(name, value);
        }
        let output_count = node.output.len();
        let operator = Operator {
            kind,
            inputs,
            output_count,
            attributes,
            opset: self.opset,
            frozen_batch: self.one_row.then_some(1),
        };
        let results = legalize(&mut self.graph, &operator).map_err(|error: LegalizeError| fail(error.to_string()))?;
        for (name, value) in node.output.iter().zip(results) {
            if !name.is_empty() {
                self.define(name, value)?;
            }
        }
        Ok(())
    }
}

fn read_attribute(name: &str, attribute: &AttributeProto) -> Result<Attribute, OnnxError> {
    let refused = || OnnxError::value(name, "this attribute has no value of a supported type");
    let kind = attribute.r#type.and_then(|kind| AttributeType::try_from(kind).ok()).ok_or_else(refused)?;
    Ok(match kind {
        AttributeType::Int => Attribute::Integer(attribute.i.unwrap_or_default()),
        AttributeType::Float => Attribute::Real(f64::from(attribute.f.unwrap_or_default())),
        AttributeType::Ints => Attribute::Integers(attribute.ints.clone()),
        AttributeType::Floats => Attribute::Reals(attribute.floats.iter().map(|value| f64::from(*value)).collect()),
        AttributeType::String => {
            let bytes = attribute.s.clone().unwrap_or_default();
            Attribute::Text(String::from_utf8(bytes).map_err(|_| refused())?)
        }
        AttributeType::Tensor => match tensor::read(name, attribute.t.as_ref().ok_or_else(refused)?)? {
            Stored::Reals(tensor) => Attribute::Tensor(tensor),
            Stored::Integers(integers) => Attribute::IntegerTensor(integers),
        },
        _ => return Err(refused()),
    })
}
