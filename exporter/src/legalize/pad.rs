//! Rows made longer, or shorter, at their ends.

use super::pick::{MAX_MADE, pick};
use super::{Attribute, Integers, LegalizeError, Length, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Comparison, Graph, NodeId, Shape, Tensor};

pub(super) const ROWS: &[Row] = &[Row("Pad", 1, 4, &["mode", "pads", "value"], pad)];

/// Most elements of a dimension after padding.
const MAX_PADDED: usize = 1 << 16;

/// What the new elements are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Constant,
    Edge,
    Reflect,
    Wrap,
}

/// Elements before and after along axes; a negative number takes elements away.
fn pad(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let mode = match operator.attributes.get("mode") {
        None => Mode::Constant,
        Some(Attribute::Text(mode)) => match mode.as_str() {
            "constant" => Mode::Constant,
            "edge" => Mode::Edge,
            "reflect" => Mode::Reflect,
            "wrap" => Mode::Wrap,
            _ => return Err(LegalizeError::refused(format!("mode `{mode}`; it is constant, edge, reflect or wrap"))),
        },
        Some(_) => return Err(LegalizeError::refused("attribute `mode` must be a text")),
    };
    let x = operator.required(0)?;
    let rank = match x {
        Value::Node(id) => graph.shape(*id).rank(),
        Value::Integers(integers) => integers.shape().len(),
    };
    let axes = match operator.known(3, "axes")? {
        Some(axes) => axes.iter().map(|axis| axis_of(*axis, rank)).collect::<Result<Vec<_>>>()?,
        None => (0..rank).collect(),
    };
    let Some(amounts) = operator.known(1, "pads")? else {
        return Err(LegalizeError::refused("`pads` is missing"));
    };
    if amounts.len() != 2 * axes.len() {
        return Err(LegalizeError::refused(format!("{} amounts for {} axes", amounts.len(), axes.len())));
    }
    let mut ends = vec![(0, 0); rank];
    for (position, axis) in axes.iter().enumerate() {
        ends[*axis] = (amounts[position], amounts[axes.len() + position]);
    }
    match x {
        Value::Node(id) => pad_numbers(graph, operator, *id, &ends, mode).map(one),
        Value::Integers(integers) => Ok(vec![Value::Integers(pad_known(operator, integers, &ends, mode)?)]),
    }
}

fn pad_numbers(
    graph: &mut Graph,
    operator: &Operator<'_>,
    x: NodeId,
    ends: &[(i64, i64)],
    mode: Mode,
) -> Result<NodeId> {
    let mut result = x;
    for (axis, ends) in ends.iter().enumerate().filter(|(_, ends)| **ends != (0, 0)) {
        let Some(len) = graph.shape(result).len(axis) else {
            return Err(LegalizeError::refused("it adds or removes rows of the batch; pad the axes of one state only"));
        };
        let axis_ends = Ends::of(len, *ends, mode)?;
        result = graph.slice(result, axis, axis_ends.cut, axis_ends.kept)?;
        result = if mode == Mode::Constant {
            graph.pad(result, axis, axis_ends.before, axis_ends.after)?
        } else {
            let positions: Vec<usize> = (0..axis_ends.total()).map(|at| axis_ends.source(at, mode)).collect();
            pick(graph, result, axis, &positions)?
        };
    }
    if mode == Mode::Constant { filled(graph, operator, result, ends) } else { Ok(result) }
}

/// The same for integers or truth values that are known.
fn pad_known(operator: &Operator<'_>, x: &Integers, ends: &[(i64, i64)], mode: Mode) -> Result<Integers> {
    let value = match operator.optional(2) {
        None => Length::Known(0),
        Some(_) => match operator.integers(2)?.values() {
            [value] => *value,
            _ => return Err(not_one_number()),
        },
    };
    let ends = x.shape().iter().zip(ends).map(|(len, ends)| Ends::of(*len, *ends, mode)).collect::<Result<Vec<_>>>()?;
    let mut place = vec![0; ends.len()];
    Integers::build(ends.iter().map(Ends::total).collect(), x.element(), |index| {
        for ((place, at), ends) in place.iter_mut().zip(index).zip(&ends) {
            if mode == Mode::Constant && !ends.keeps(*at) {
                return Ok(value);
            }
            *place = ends.cut + ends.source(*at, mode);
        }
        Ok(x.at(&place))
    })
}

fn not_one_number() -> LegalizeError {
    LegalizeError::refused("the value to pad with is not one number")
}

/// What becomes of one axis: `cut` elements are left out at its start, `kept` stay, `before` and `after` them come others.
struct Ends {
    cut: usize,
    kept: usize,
    before: usize,
    after: usize,
}

impl Ends {
    fn of(len: usize, (before, after): (i64, i64), mode: Mode) -> Result<Self> {
        let part = |amount: i64| {
            let size = usize::try_from(amount.unsigned_abs()).unwrap_or(usize::MAX);
            if amount < 0 { (size, 0) } else { (0, size) }
        };
        let ((cut, added_before), (cut_after, added_after)) = (part(before), part(after));
        let too_much =
            || LegalizeError::refused(format!("{before} before and {after} after {len} elements of an axis"));
        let kept = cut.checked_add(cut_after).and_then(|cut| len.checked_sub(cut)).ok_or_else(too_much)?;
        let total = kept.saturating_add(added_before).saturating_add(added_after);
        let added = total > kept;
        if (added && total > MAX_PADDED) || (kept == 0 && added && mode != Mode::Constant) {
            return Err(too_much());
        }
        Ok(Self { cut, kept, before: added_before, after: added_after })
    }

    fn total(&self) -> usize {
        self.before + self.kept + self.after
    }

    fn keeps(&self, at: usize) -> bool {
        (self.before..self.before + self.kept).contains(&at)
    }

    /// Which of the kept elements is at place `at` of the result.
    fn source(&self, at: usize, mode: Mode) -> usize {
        let Self { kept, before, .. } = *self;
        match mode {
            Mode::Constant | Mode::Edge => at.saturating_sub(before).min(kept.saturating_sub(1)),
            // `before` is rounded up to whole periods, so that the difference is not negative.
            Mode::Wrap => (at + before.next_multiple_of(kept) - before) % kept,
            Mode::Reflect => {
                let period = (2 * (kept - 1)).max(1);
                let place = (at + before.next_multiple_of(period) - before) % period;
                place.min(period - place)
            }
        }
    }
}

/// Zeros replaced by the value: a known one is added where x is not, which is exact.
fn filled(graph: &mut Graph, operator: &Operator<'_>, padded: NodeId, ends: &[(i64, i64)]) -> Result<NodeId> {
    let value =
        if operator.optional(2).is_some() { operator.node(2)? } else { graph.scalar(operator.real("value", 0.0)?)? };
    if graph.shape(value).row_len() != 1 || graph.shape(value).is_batched() {
        return Err(not_one_number());
    }
    let known = graph.constant_value(value).and_then(Tensor::uniform);
    let shape = graph.shape(padded).clone();
    let added = ends.iter().any(|(before, after)| *before > 0 || *after > 0);
    if known == Some(0.0) || !added {
        return Ok(padded);
    }
    if shape.row_len() > MAX_MADE {
        let len = shape.row_len();
        return Err(LegalizeError::refused(format!(
            "padding with another value than 0 makes {len} elements, the most is {MAX_MADE}; pad with 0"
        )));
    }
    let row = shape.row();
    let first = usize::from(shape.is_batched());
    let mut frame = Tensor::full(&row, known.unwrap_or(1.0))?;
    for (at, value) in frame.data_mut().iter_mut().enumerate() {
        let mut rest = at;
        let inside = (0..row.len()).rev().all(|axis| {
            let place = rest % row[axis];
            rest /= row[axis];
            let (before, after) = ends[axis + first];
            let margin = |amount: i64| usize::try_from(amount).unwrap_or(0);
            place >= margin(before) && place < row[axis] - margin(after)
        });
        if inside {
            *value = 0.0;
        }
    }
    let frame = graph.constant(frame)?;
    if known.is_some() {
        return Ok(graph.add_values(padded, frame)?);
    }
    let value = graph.reshape(value, Shape::fixed(&[])?)?;
    let zero = graph.scalar(0.0)?;
    let outside = graph.compare(Comparison::Greater, frame, zero)?;
    Ok(graph.select(outside, value, padded)?)
}
