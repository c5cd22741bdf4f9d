//! Operators made of triangular matrices of zeros and ones: running sums, and the triangles of matrices.

use super::pick::{along, zeros_and_ones};
use super::{LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Graph, NodeId, Tensor};

pub(super) const ROWS: &[Row] =
    &[Row("CumSum", 2, 2, &["exclusive", "reverse"], cumulative_sum), Row("Trilu", 1, 2, &["upper"], triangle)];

/// Longest axis that is summed up.
const MAX_SUMMED: usize = 1024;

/// Σ of all elements before and at each one of an axis; without that one, or from the end, where the attributes say so.
fn cumulative_sum(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let [axis] = operator.integers(1)?.known()?[..] else {
        return Err(LegalizeError::refused("its axis is not one integer"));
    };
    let axis = axis_of(axis, graph.shape(x).rank())?;
    let Some(len) = graph.shape(x).len(axis) else {
        return Err(LegalizeError::refused("it sums over rows of the batch; rows must not mix"));
    };
    if len > MAX_SUMMED {
        return Err(LegalizeError::refused(format!("a running sum of {len} elements, the most is {MAX_SUMMED}")));
    }
    let (exclusive, reverse) = (operator.integer("exclusive", 0)? != 0, operator.integer("reverse", 0)? != 0);
    let counts = |of: usize, term: usize| {
        let (early, late) = if reverse { (of, term) } else { (term, of) };
        early < late || (early == late && !exclusive)
    };
    let places = (0..len).flat_map(|of| (0..len).map(move |term| (of, term)));
    let matrix = zeros_and_ones(len, len, places.filter(|(of, term)| counts(*of, *term)))?;
    Ok(one(along(graph, x, axis, matrix)?))
}

/// Matrices with zeros below, or above, their `k`-th diagonal.
fn triangle(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let shape = graph.shape(x).clone();
    let k = match operator.optional(1) {
        None => 0,
        Some(_) => match operator.integers(1)?.known()?[..] {
            [k] => k,
            _ => return Err(LegalizeError::refused("its diagonal `k` is not one integer")),
        },
    };
    let lens = |back: usize| shape.rank().checked_sub(back).and_then(|axis| shape.len(axis));
    let (Some(rows), Some(columns)) = (lens(2), lens(1)) else {
        return Err(LegalizeError::refused(format!("{shape} holds no matrices; rows of the batch must not mix")));
    };
    let upper = operator.integer("upper", 1)? != 0;
    let signed = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
    let kept = |row: usize, column: usize| {
        let diagonal = signed(column) - signed(row);
        if upper { diagonal >= k } else { diagonal <= k }
    };
    masked(graph, x, (rows, columns), kept).map(one)
}

/// x times 1 where an element is kept and 0 elsewhere; a known x, which may hold infinities, is masked at once.
fn masked(
    graph: &mut Graph,
    x: NodeId,
    (rows, columns): (usize, usize),
    kept: impl Fn(usize, usize) -> bool,
) -> Result<NodeId> {
    if let Some(tensor) = graph.constant_value(x) {
        let values = tensor.data().iter().enumerate();
        let kept = values.map(|(at, value)| if kept(at / columns % rows, at % columns) { *value } else { 0.0 });
        let masked = Tensor::new(tensor.shape().to_vec(), kept.collect())?;
        return Ok(graph.constant(masked)?);
    }
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let mask = zeros_and_ones(rows, columns, places.filter(|(row, column)| kept(*row, *column)))?;
    let mask = graph.constant(mask)?;
    Ok(graph.mul(x, mask)?)
}
