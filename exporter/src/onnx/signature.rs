//! What a file declares of its inputs and outputs, before anything is read into a graph.

use std::collections::HashSet;
use std::fmt;

use super::proto::tensor_proto::DataType;
use super::proto::tensor_shape_proto::dimension;
use super::proto::{ValueInfoProto, type_proto};
use super::{OnnxError, scan};

/// Inputs and outputs of a file, in its order; weights that old files list among the inputs are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What it takes.
    pub inputs: Vec<Declaration>,
    /// What it gives.
    pub outputs: Vec<Declaration>,
}

/// An input or output as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// Type of its elements in the words of the specification, `FLOAT` or `INT64`; empty where it is no tensor.
    pub element: String,
    /// Its dimensions, where their number is declared.
    pub dims: Option<Vec<Extent>>,
}

/// A declared dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// A number.
    Known(i64),
    /// A name, or an empty one where the length is left open.
    Open(String),
}

impl Declaration {
    fn of(info: ValueInfoProto) -> Self {
        let name = info.name.unwrap_or_default();
        let Some(type_proto::Value::TensorType(tensor)) = info.r#type.and_then(|kind| kind.value) else {
            return Self { name, element: String::new(), dims: None };
        };
        let element = tensor.elem_type.and_then(|element| DataType::try_from(element).ok());
        let extent = |value| match value {
            Some(dimension::Value::DimValue(len)) => Extent::Known(len),
            Some(dimension::Value::DimParam(name)) => Extent::Open(name),
            None => Extent::Open(String::new()),
        };
        Self {
            name,
            element: element.map_or("", |element| element.as_str_name()).to_owned(),
            dims: tensor.shape.map(|shape| shape.dim.into_iter().map(|dim| extent(dim.value)).collect()),
        }
    }

    /// Whether an array of these lengths is one.
    #[must_use]
    pub fn admits(&self, shape: &[usize]) -> bool {
        let fits = |(extent, found): (&Extent, &usize)| match extent {
            Extent::Known(len) => usize::try_from(*len) == Ok(*found),
            Extent::Open(_) => true,
        };
        self.dims.as_ref().is_none_or(|dims| dims.len() == shape.len() && dims.iter().zip(shape).all(fits))
    }
}

impl fmt::Display for Declaration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, {}", self.name, if self.element.is_empty() { "no tensor" } else { &self.element })?;
        let Some(dims) = &self.dims else { return f.write_str(" of any shape") };
        let spelled = dims.iter().map(|extent| match extent {
            Extent::Known(len) => len.to_string(),
            Extent::Open(name) if name.is_empty() => "_".to_owned(),
            Extent::Open(name) => name.clone(),
        });
        write!(f, " [{}]", spelled.collect::<Vec<_>>().join(", "))
    }
}

/// Reads what a file declares.
///
/// # Errors
/// [`OnnxError::Malformed`] where the bytes are no ONNX model, [`OnnxError::Limit`] beyond the limits of
/// [`super::read()`].
pub fn signature(bytes: &[u8]) -> Result<Signature, OnnxError> {
    let Some(graph) = scan::decode(bytes)?.graph else {
        return Err(OnnxError::Malformed("it holds no graph".to_owned()));
    };
    let stored: HashSet<String> = graph.initializer.into_iter().filter_map(|tensor| tensor.name).collect();
    let inputs = graph.input.into_iter().map(Declaration::of).filter(|input| !stored.contains(&input.name));
    Ok(Signature { inputs: inputs.collect(), outputs: graph.output.into_iter().map(Declaration::of).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Shape};
    use crate::onnx::{WriteOptions, write};

    #[test]
    fn a_file_tells_what_it_takes_and_gives() {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[4]).unwrap()).unwrap();
        let square = graph.mul(x, x).unwrap();
        let energy = graph.sum_keep(square, &[1]).unwrap();
        graph.set_output("H", energy);
        let found = signature(&write(&graph, &WriteOptions::default()).unwrap()).unwrap();
        let spelled = |all: &[Declaration]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(spelled(&found.inputs), ["`x`, FLOAT [batch, 4]"]);
        assert_eq!(spelled(&found.outputs), ["`H`, FLOAT [batch, 1]"]);
        let x = &found.inputs[0];
        assert!(x.admits(&[7, 4]) && x.admits(&[1, 4]));
        assert!(!x.admits(&[7, 5]) && !x.admits(&[4]) && !x.admits(&[7, 4, 1]));
        assert!(matches!(signature(b"\xff"), Err(OnnxError::Malformed(_))));
    }
}
