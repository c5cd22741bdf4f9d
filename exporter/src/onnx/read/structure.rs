//! What a file holds, checked before any of it is given a meaning: versions, counts, functions and the first dimensions.

use std::collections::{HashMap, HashSet};

use super::super::proto::tensor_shape_proto::{Dimension, dimension};
use super::super::proto::{FunctionProto, GraphProto, ModelProto, OperatorSetIdProto, ValueInfoProto, type_proto};
use super::super::{MAX_IR_VERSION, MAX_OPSET, MIN_IR_VERSION, MIN_OPSET, OnnxError};
use super::reader::Leading;
use super::{MAX_FILE_NODES, MAX_FILE_TENSORS, within};

/// Domain, name and overload of a function.
pub(super) type FunctionKey<'a> = (&'a str, &'a str, &'a str);

/// A model whose parts are there and within the limits.
pub(super) struct Structure<'a> {
    pub(super) graph: &'a GraphProto,
    pub(super) opset: i64,
    pub(super) functions: HashMap<FunctionKey<'a>, &'a FunctionProto>,
}

impl<'a> Structure<'a> {
    /// Checks a decoded model.
    pub(super) fn new(model: &'a ModelProto) -> Result<Self, OnnxError> {
        let Some(graph) = &model.graph else {
            return Err(OnnxError::Malformed("it holds no graph".to_owned()));
        };
        let Some(opset) = opset(&model.opset_import)? else {
            return Err(OnnxError::Malformed("it names no opset".to_owned()));
        };
        match model.ir_version {
            Some(version) if (MIN_IR_VERSION..=MAX_IR_VERSION).contains(&version) => {}
            Some(version) => {
                return Err(OnnxError::unsupported(
                    format!("file format (IR version) {version}"),
                    format!("save the model with IR version {MIN_IR_VERSION} to {MAX_IR_VERSION}"),
                ));
            }
            None => return Err(OnnxError::Malformed("it names no IR version".to_owned())),
        }
        check_graph(graph)?;
        if graph.output.is_empty() {
            return Err(OnnxError::Malformed("its graph has no output".to_owned()));
        }
        let mut functions = HashMap::new();
        for function in &model.functions {
            within("nodes of a function", function.node.len(), MAX_FILE_NODES)?;
            let key = (domain(function.domain.as_deref()), text(&function.name), text(&function.overload));
            if functions.insert(key, function).is_some() {
                return Err(OnnxError::Malformed(format!("it holds two functions `{}` of domain `{}`", key.1, key.0)));
            }
        }
        Ok(Self { graph, opset, functions })
    }

    /// Inputs that no weight gives a value to; old files list weights among the inputs.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &'a ValueInfoProto> + use<'a> {
        let graph = self.graph;
        let stored: HashSet<&str> = graph.initializer.iter().map(|tensor| text(&tensor.name)).collect();
        graph.input.iter().filter(move |info| !stored.contains(text(&info.name)))
    }

    /// What the first dimensions of the inputs mean.
    pub(super) fn leading(&self) -> Leading {
        let shapes: Vec<&[Dimension]> = self.inputs().filter_map(dimensions).collect();
        if shapes.iter().any(|dims| dims.first().is_some_and(|dim| fixed(dim).is_none())) {
            return Leading::Symbolic;
        }
        let mut rows: Vec<i64> =
            shapes.iter().filter(|dims| dims.len() >= 2).filter_map(|dims| fixed(&dims[0])).collect();
        rows.sort_unstable();
        rows.dedup();
        match rows[..] {
            [rows] if rows >= 1 => Leading::Frozen(rows),
            _ => Leading::Literal,
        }
    }
}

/// Checks the counts of a graph, the file's own or one within a node.
pub(super) fn check_graph(graph: &GraphProto) -> Result<(), OnnxError> {
    if !graph.sparse_initializer.is_empty() {
        return Err(OnnxError::unsupported("a sparse weight", "store it dense"));
    }
    within("nodes", graph.node.len(), MAX_FILE_NODES)?;
    within("weights", graph.initializer.len(), MAX_FILE_TENSORS)?;
    within("inputs", graph.input.len(), MAX_FILE_TENSORS)?;
    within("outputs", graph.output.len(), MAX_FILE_TENSORS)
}

/// The version of the standard operators that is asked for, if any is.
pub(super) fn opset(imports: &[OperatorSetIdProto]) -> Result<Option<i64>, OnnxError> {
    let standard = imports.iter().find(|import| domain(import.domain.as_deref()).is_empty());
    match standard.and_then(|import| import.version) {
        Some(version) if !(MIN_OPSET..=MAX_OPSET).contains(&version) => Err(OnnxError::unsupported(
            format!("opset {version}"),
            format!("convert the file to opset {MIN_OPSET} to {MAX_OPSET} with onnx.version_converter"),
        )),
        version => Ok(version),
    }
}

/// A domain's name; the standard one has two, the other is empty.
pub(super) fn domain(name: Option<&str>) -> &str {
    name.filter(|name| *name != "ai.onnx").unwrap_or_default()
}

/// A text that may be left out.
pub(super) fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// The length of a dimension, unless it is symbolic; some exporters write −1 for that.
pub(super) fn fixed(dim: &Dimension) -> Option<i64> {
    match dim.value {
        Some(dimension::Value::DimValue(len)) if len != -1 => Some(len),
        _ => None,
    }
}

pub(super) fn tensor_type(info: &ValueInfoProto) -> Option<&type_proto::Tensor> {
    match info.r#type.as_ref()?.value.as_ref()? {
        type_proto::Value::TensorType(tensor) => Some(tensor),
        _ => None,
    }
}

fn dimensions(info: &ValueInfoProto) -> Option<&[Dimension]> {
    Some(tensor_type(info)?.shape.as_ref()?.dim.as_slice())
}
