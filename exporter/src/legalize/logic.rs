//! Comparisons, the logic of truth values, and selection.
//!
//! The graph computes with truth values only by choosing: where one is needed as a number it is 1 or 0, and a number is
//! true above ½. Hence no primitive is needed for and, or, not.

use super::{LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Comparison, Graph, GraphError, Kind, NodeId};

pub(super) const ROWS: &[Row] = &[
    Row("And", 2, 2, &[], both),
    Row("Equal", 2, 2, &[], compare),
    Row("Greater", 2, 2, &[], compare),
    Row("GreaterOrEqual", 2, 2, &[], compare),
    Row("IsInf", 1, 1, &["detect_negative", "detect_positive"], is_infinite),
    Row("IsNaN", 1, 1, &[], is_nan),
    Row("Less", 2, 2, &[], compare),
    Row("LessOrEqual", 2, 2, &[], compare),
    Row("Not", 1, 1, &[], not),
    Row("Or", 2, 2, &[], either),
    Row("Where", 3, 3, &[], choose),
    Row("Xor", 2, 2, &[], one_of_both),
];

type Built = std::result::Result<NodeId, GraphError>;

/// Whether a number that is 1 or 0 is 1.
fn as_truth(graph: &mut Graph, id: NodeId) -> Built {
    let half = graph.scalar(0.5)?;
    graph.compare(Comparison::Greater, id, half)
}

/// Whether the input at `position` holds truth values.
fn is_truth(graph: &Graph, operator: &Operator<'_>, position: usize) -> Result<bool> {
    Ok(match operator.required(position)? {
        Value::Node(id) => graph.node(*id).ty.kind == Kind::Truth,
        Value::Integers(integers) => integers.is_truth(),
    })
}

/// The truth values at `position` as 1 and 0.
fn counted(graph: &mut Graph, operator: &Operator<'_>, position: usize) -> Result<NodeId> {
    let (truth, yes, no) = (operator.truth(graph, position)?, graph.scalar(1.0)?, graph.scalar(0.0)?);
    Ok(graph.select(truth, yes, no)?)
}

/// a > b, a ≥ b, a = b, and the mirrored ones with their sides exchanged; Equal also of truth values.
fn compare(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let of_truths = operator.kind == "Equal" && is_truth(graph, operator, 0)? && is_truth(graph, operator, 1)?;
    let mut side = |position| {
        if of_truths { counted(graph, operator, position) } else { operator.number(graph, position) }
    };
    let (a, b) = (side(0)?, side(1)?);
    let (comparison, a, b) = match operator.kind {
        "Greater" => (Comparison::Greater, a, b),
        "GreaterOrEqual" => (Comparison::GreaterOrEqual, a, b),
        "Less" => (Comparison::Greater, b, a),
        "LessOrEqual" => (Comparison::GreaterOrEqual, b, a),
        _ => (Comparison::Equal, a, b),
    };
    Ok(one(graph.compare(comparison, a, b)?))
}

/// a ? b : false.
fn both(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (a, b, zero) = (operator.truth(graph, 0)?, counted(graph, operator, 1)?, graph.scalar(0.0)?);
    let chosen = graph.select(a, b, zero)?;
    Ok(one(as_truth(graph, chosen)?))
}

/// a ? true : b.
fn either(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (a, b, unit) = (operator.truth(graph, 0)?, counted(graph, operator, 1)?, graph.scalar(1.0)?);
    let chosen = graph.select(a, unit, b)?;
    Ok(one(as_truth(graph, chosen)?))
}

/// a ? not b : b.
fn one_of_both(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (a, b) = (operator.truth(graph, 0)?, operator.truth(graph, 1)?);
    let (yes, no) = (graph.scalar(1.0)?, graph.scalar(0.0)?);
    let (straight, inverted) = (graph.select(b, yes, no)?, graph.select(b, no, yes)?);
    let chosen = graph.select(a, inverted, straight)?;
    Ok(one(as_truth(graph, chosen)?))
}

/// a ? false : true.
fn not(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let truth = operator.truth(graph, 0)?;
    Ok(one(inverse(graph, truth)?))
}

fn inverse(graph: &mut Graph, truth: NodeId) -> Built {
    let (yes, no) = (graph.scalar(1.0)?, graph.scalar(0.0)?);
    let inverted = graph.select(truth, no, yes)?;
    as_truth(graph, inverted)
}

/// x ≠ x.
fn is_nan(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.number(graph, 0)?;
    let ordered = graph.compare(Comparison::Equal, x, x)?;
    Ok(one(inverse(graph, ordered)?))
}

/// x = ∞ or x = −∞, whichever of them is asked for.
fn is_infinite(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.number(graph, 0)?;
    let asked = |name: &str| operator.integer(name, 1).map(|flag| flag != 0);
    let (value, bound) = match (asked("detect_negative")?, asked("detect_positive")?) {
        (true, true) => (graph.abs(x)?, f64::INFINITY),
        (true, false) => (x, f64::NEG_INFINITY),
        (false, true) => (x, f64::INFINITY),
        (false, false) => return Err(LegalizeError::refused("it looks for neither sign; leave it out of the export")),
    };
    let bound = graph.scalar(bound)?;
    Ok(one(graph.compare(Comparison::Equal, value, bound)?))
}

/// condition ? a : b, of numbers or of truth values.
fn choose(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let condition = operator.truth(graph, 0)?;
    if is_truth(graph, operator, 1)? && is_truth(graph, operator, 2)? {
        let (a, b) = (counted(graph, operator, 1)?, counted(graph, operator, 2)?);
        let chosen = graph.select(condition, a, b)?;
        return Ok(one(as_truth(graph, chosen)?));
    }
    let (a, b) = (operator.number(graph, 1)?, operator.number(graph, 2)?);
    Ok(one(graph.select(condition, a, b)?))
}
