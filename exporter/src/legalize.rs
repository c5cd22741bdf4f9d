//! From ONNX operators to the graph's primitives, one rule per operator.
//!
//! [`legalize`] looks an operator up in one table, checks the number of its inputs and that every attribute is known, and
//! lets its rule add primitives. A rule either gives the exact meaning of the specification or refuses with a reason. Integers
//! (shapes, axes, indices) and masks that are known while a file is read are not values of the graph: `known` computes
//! them, symbolic batch included.
//!
//! It knows no protobuf; `onnx/read.rs` hands it operators in the form of [`Operator`].

mod activation;
mod constant;
mod einsum;
mod elementwise;
mod generate;
mod index;
mod integers;
mod known;
mod linear;
mod logic;
mod normalization;
mod operator;
mod pad;
mod pick;
mod reduce;
mod remedy;
mod scatter;
mod shape;
mod smoothness;
mod softmax;
mod structure;
mod triangle;
mod types;

pub use integers::{Element, Integers, Length, MAX_INTEGERS};
pub use operator::{Attribute, Operator, Value};
pub use smoothness::{Smoothness, smoothness};

use crate::graph::{Graph, GraphError, NodeId};
use remedy::remedy;
use types::{BOOL, is_number_type};
pub(crate) use types::{fits, is_integer_type};

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
const TABLES: &[&[Row]] = &[
    activation::ROWS,
    constant::ROWS,
    einsum::ROWS,
    elementwise::ROWS,
    generate::ROWS,
    index::ROWS,
    linear::ROWS,
    logic::ROWS,
    normalization::ROWS,
    pad::ROWS,
    reduce::ROWS,
    scatter::ROWS,
    shape::ROWS,
    softmax::ROWS,
    structure::ROWS,
    triangle::ROWS,
];

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
    if let Some(results) = known::interpret(operator) {
        return results;
    }
    let Some(Row(_, least, most, attributes, rule)) =
        TABLES.iter().copied().flatten().find(|row| row.0 == operator.kind)
    else {
        let refused = |remedy| LegalizeError::refused(format!("this operator is not supported: {remedy}"));
        return Err(remedy(operator.kind).map_or(LegalizeError::Unknown, refused));
    };
    operator.check(*least, *most, attributes)?;
    operator.counted(rule(graph, operator)?)
}

/// The shape that two known ones stretch to: aligned at the right, 1 stretches.
fn broadcast_lengths(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing { 1 } else { shape[axis - missing] }
    };
    let stretched = (0..rank).map(|axis| match (length(a, axis), length(b, axis)) {
        (left, right) if left == right || right == 1 => Ok(left),
        (1, right) => Ok(right),
        _ => Err(LegalizeError::refused(format!("{a:?} and {b:?} do not broadcast"))),
    });
    stretched.collect()
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
