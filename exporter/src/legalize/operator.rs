//! One operator of a file, as the rules see it: its inputs and attributes, each asked for in the form that is needed.

use std::collections::BTreeMap;

use super::integers::clamp;
use super::{Integers, LegalizeError, Result};
use crate::graph::{Comparison, Graph, Kind, NodeId, Tensor};

/// What a name in a file stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers or truth values, as a node of the graph.
    Node(NodeId),
    /// Integers or truth values that are known while the file is read.
    Integers(Integers),
}

/// An attribute of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One integer.
    Integer(i64),
    /// One number.
    Real(f64),
    /// A list of integers.
    Integers(Vec<i64>),
    /// A list of numbers.
    Reals(Vec<f64>),
    /// A text.
    Text(String),
    /// A tensor of numbers.
    Tensor(Tensor),
    /// A tensor of integers or truth values.
    IntegerTensor(Integers),
}

/// One operator of a file, with what its inputs stand for.
#[derive(Debug)]
pub struct Operator<'a> {
    /// Name in the ONNX specification.
    pub kind: &'a str,
    /// Inputs in order; `None` for one that was left out.
    pub inputs: Vec<Option<Value>>,
    /// Number of results the file names.
    pub output_count: usize,
    /// Attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// Version of the operator set the file asks for.
    pub opset: i64,
    /// The number of rows to which the file fixed the batch, if it did: a leading length of that many means the batch.
    pub frozen_batch: Option<i64>,
}

impl Operator<'_> {
    /// Checks the number of inputs and the names of the attributes.
    pub(super) fn check(&self, least: usize, most: usize, attributes: &[&str]) -> Result<()> {
        let count = self.inputs.len();
        if count < least || count > most {
            return Err(LegalizeError::refused(format!("it has {count} inputs, expected are {least} to {most}")));
        }
        match self.attributes.keys().find(|name| !attributes.contains(&name.as_str())) {
            Some(name) => Err(LegalizeError::refused(format!("attribute `{name}` is not supported"))),
            None => Ok(()),
        }
    }

    /// The results, if they are as many as the file names.
    pub(super) fn counted(&self, results: Vec<Value>) -> Result<Vec<Value>> {
        let (named, given) = (self.output_count, results.len());
        if given == named {
            return Ok(results);
        }
        Err(LegalizeError::refused(format!("the file names {named} results of it, it has {given}")))
    }

    /// The input at `position`, where it is there.
    pub(super) fn optional(&self, position: usize) -> Option<&Value> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    pub(super) fn required(&self, position: usize) -> Result<&Value> {
        self.optional(position).ok_or_else(|| LegalizeError::refused(format!("input {position} is left out")))
    }

    /// The input at `position`, a node of the graph.
    pub(super) fn node(&self, position: usize) -> Result<NodeId> {
        match self.required(position)? {
            Value::Node(id) => Ok(*id),
            Value::Integers(_) => Err(LegalizeError::refused(format!(
                "input {position} holds integers or truth values, expected are numbers; cast it to float"
            ))),
        }
    }

    /// The input at `position` as a node that holds numbers: known integers become a constant.
    pub(super) fn number(&self, graph: &mut Graph, position: usize) -> Result<NodeId> {
        match self.required(position)? {
            Value::Node(id) if graph.node(*id).ty.kind == Kind::Real => Ok(*id),
            Value::Integers(integers) if !integers.is_truth() => Ok(graph.constant(integers.numbers()?)?),
            _ => Err(LegalizeError::refused(format!("input {position} holds truth values; cast it to float"))),
        }
    }

    /// The input at `position` as a node that holds truth values: known ones become a comparison of constants.
    pub(super) fn truth(&self, graph: &mut Graph, position: usize) -> Result<NodeId> {
        match self.required(position)? {
            Value::Node(id) if graph.node(*id).ty.kind == Kind::Truth => Ok(*id),
            Value::Integers(integers) if integers.is_truth() => {
                let (numbers, zero) = (graph.constant(integers.numbers()?)?, graph.scalar(0.0)?);
                Ok(graph.compare(Comparison::Greater, numbers, zero)?)
            }
            _ => Err(LegalizeError::refused(format!("input {position} must hold truth values; compare it with 0"))),
        }
    }

    /// The input at `position`, integers or truth values known now.
    pub(super) fn integers(&self, position: usize) -> Result<&Integers> {
        match self.required(position)? {
            Value::Integers(integers) => Ok(integers),
            Value::Node(_) => Err(LegalizeError::refused(format!(
                "input {position} must be integers that the file fixes or that follow from shapes"
            ))),
        }
    }

    /// Integers from an input or, where that is left out, from the attribute of older opsets.
    pub(super) fn known(&self, position: usize, attribute: &str) -> Result<Option<Vec<i64>>> {
        if self.optional(position).is_some() {
            return self.integers(position)?.known().map(Some);
        }
        match self.attributes.get(attribute) {
            Some(Attribute::Integers(values)) => Ok(Some(values.clone())),
            Some(_) => Err(LegalizeError::refused(format!("attribute `{attribute}` must be a list of integers"))),
            None => Ok(None),
        }
    }

    /// An integer attribute, or its default.
    pub(super) fn integer(&self, name: &str, default: i64) -> Result<i64> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Integer(value)) => Ok(*value),
            Some(_) => Err(LegalizeError::refused(format!("attribute `{name}` must be an integer"))),
        }
    }

    /// A real attribute, or its default.
    pub(super) fn real(&self, name: &str, default: f64) -> Result<f64> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Real(value)) => Ok(*value),
            Some(_) => Err(LegalizeError::refused(format!("attribute `{name}` must be a number"))),
        }
    }

    /// The dimensions that Shape reads of `rank`: from its attribute `start` to `end`.
    pub(super) fn shape_range(&self, rank: usize) -> Result<(usize, usize)> {
        let (start, end) = clamp(self.integer("start", 0)?, self.integer("end", i64::MAX)?, rank);
        Ok((start, end.max(start)))
    }
}
