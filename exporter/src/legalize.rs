//! From ONNX operators to the graph's primitives, one rule per operator.
//!
//! [`legalize`] looks an operator up in one table, checks the number of its inputs and that every attribute is known, and
//! lets its rule add primitives. A rule either gives the exact meaning of the specification or refuses with a reason. Lists
//! of integers (shapes, axes, indices) are not values of the graph: they are computed here, symbolic batch included.
//!
//! It knows no protobuf; `onnx/read.rs` hands it operators in the form of [`Operator`].

mod constant;
mod elementwise;
mod integers;
mod linear;
mod reduce;
mod shape;
mod structure;

use std::collections::BTreeMap;

pub use integers::{Integers, Length, MAX_INTEGERS};

use crate::graph::{Graph, GraphError, NodeId, Tensor};

/// What a name in a file stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Numbers or truth values, as a node of the graph.
    Node(NodeId),
    /// A list of integers, or a single one.
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
    /// A tensor of integers, of rank 0 or 1.
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

/// Why an operator has no meaning here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegalizeError {
    /// No rule has this name.
    #[error("this operator is not supported; supported are {}", supported())]
    Unknown,
    /// The operator is known, this use of it is not.
    #[error("{0}")]
    Refused(String),
    /// The primitives do not fit together.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl LegalizeError {
    fn refused(message: impl Into<String>) -> Self {
        Self::Refused(message.into())
    }
}

type Result<T> = std::result::Result<T, LegalizeError>;
type Rule = fn(&mut Graph, &Operator<'_>) -> Result<Vec<Value>>;

/// One operator: its name, the least and most inputs, the attributes it may have, its rule.
struct Row(&'static str, usize, usize, &'static [&'static str], Rule);

/// Most inputs of an operator that takes any number.
const ANY: usize = 4096;

/// The rows of every module of rules.
const TABLES: &[&[Row]] =
    &[constant::ROWS, elementwise::ROWS, linear::ROWS, reduce::ROWS, shape::ROWS, structure::ROWS];

/// Names of all supported operators, joined by commas.
#[must_use]
pub fn supported() -> String {
    let mut names: Vec<&str> = TABLES.iter().copied().flatten().map(|row| row.0).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Adds the primitives that `operator` stands for and returns its results, one per output.
///
/// # Errors
/// [`LegalizeError`] where the operator, an attribute or this use of it has no meaning here.
pub fn legalize(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let Some(Row(_, least, most, attributes, rule)) =
        TABLES.iter().copied().flatten().find(|row| row.0 == operator.kind)
    else {
        return Err(LegalizeError::Unknown);
    };
    let count = operator.inputs.len();
    if count < *least || count > *most {
        return Err(LegalizeError::refused(format!("it has {count} inputs, expected are {least} to {most}")));
    }
    if let Some(name) = operator.attributes.keys().find(|name| !attributes.contains(&name.as_str())) {
        return Err(LegalizeError::refused(format!("attribute `{name}` is not supported")));
    }
    let results = rule(graph, operator)?;
    if results.len() == operator.output_count {
        Ok(results)
    } else {
        let (named, given) = (operator.output_count, results.len());
        Err(LegalizeError::refused(format!("the file names {named} results of it, it has {given}")))
    }
}

impl Operator<'_> {
    /// The input at `position`, where it is there.
    fn optional(&self, position: usize) -> Option<&Value> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    fn required(&self, position: usize) -> Result<&Value> {
        self.optional(position).ok_or_else(|| LegalizeError::refused(format!("input {position} is left out")))
    }

    /// The input at `position`, a node of the graph.
    fn node(&self, position: usize) -> Result<NodeId> {
        match self.required(position)? {
            Value::Node(id) => Ok(*id),
            Value::Integers(_) => {
                Err(LegalizeError::refused(format!("input {position} is a list of integers; cast it to float")))
            }
        }
    }

    /// The input at `position`, integers known now.
    fn integers(&self, position: usize) -> Result<&Integers> {
        match self.required(position)? {
            Value::Integers(integers) => Ok(integers),
            Value::Node(_) => Err(LegalizeError::refused(format!(
                "input {position} must be integers that the file fixes or that follow from shapes"
            ))),
        }
    }

    /// Integers from an input or, where that is left out, from the attribute of older opsets.
    fn known(&self, position: usize, attribute: &str) -> Result<Option<Vec<i64>>> {
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
    fn integer(&self, name: &str, default: i64) -> Result<i64> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Integer(value)) => Ok(*value),
            Some(_) => Err(LegalizeError::refused(format!("attribute `{name}` must be an integer"))),
        }
    }

    /// A real attribute, or its default.
    fn real(&self, name: &str, default: f64) -> Result<f64> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Real(value)) => Ok(*value),
            Some(_) => Err(LegalizeError::refused(format!("attribute `{name}` must be a number"))),
        }
    }
}

/// The axis that a possibly negative number means in `rank` dimensions.
fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let wrapped = if axis < 0 { axis.saturating_add(i64::try_from(rank).unwrap_or(i64::MAX)) } else { axis };
    usize::try_from(wrapped)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| LegalizeError::refused(format!("axis {axis} is beyond rank {rank}")))
}

fn one(id: NodeId) -> Vec<Value> {
    vec![Value::Node(id)]
}

#[cfg(test)]
mod tests;
