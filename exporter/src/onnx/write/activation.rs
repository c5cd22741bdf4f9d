//! Activations that ONNX has as one operator, found again in the primitives they consist of.
//!
//! An engine runs the one operator in one pass, and many engines join it with the product before. Where the activation is
//! computed anyway, its slope is taken from its value instead of its argument: y > 0 where x > 0, and e^x = y + 1 below 0.
//! It changes no meaning beyond rounding, and writes nothing: [`Plan`](super::rewire::Plan) asks.

use super::{Precision, Profile, WriteOptions};
use crate::graph::{Binary, Comparison, Graph, NodeId, Op, Unary};

/// Whether files of these options have them: engines have them in f32, and attributes are f32.
pub(super) fn is_written(options: &WriteOptions) -> bool {
    options.precision == Precision::F32 && options.profile == Profile::Standard
}

/// An operator of one argument, with its attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activation {
    /// ONNX operator.
    pub(super) operator: &'static str,
    /// Its argument.
    pub(super) x: NodeId,
    /// Its attributes, in the order of the specification.
    pub(super) attributes: Vec<(&'static str, f64)>,
}

impl Activation {
    /// Whether the value tells the slope that `slope` is a part of.
    pub(super) fn tells(&self, slope: Slope) -> bool {
        match slope {
            Slope::Above => matches!(self.operator, "Relu" | "LeakyRelu" | "Elu"),
            Slope::NotBelow => matches!(self.operator, "LeakyRelu" | "Elu"),
            Slope::Exponential => self.operator == "Elu" && self.attributes == [("alpha", 1.0)],
        }
    }
}

/// A function of an activation's argument x that follows from its value y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slope {
    /// x > 0 is y > 0.
    Above,
    /// x ≥ 0 is y ≥ 0.
    NotBelow,
    /// x ≥ 0 ? 1 : eˣ is min(y, 0) + 1.
    Exponential,
}

/// The argument x of which `id` is such a function.
pub(super) fn slope(graph: &Graph, id: NodeId) -> Option<(NodeId, Slope)> {
    let node = graph.node(id);
    match (&node.op, node.args.as_slice()) {
        (Op::Compare(Comparison::Greater), &[x, zero]) if number(graph, zero) == Some(0.0) => Some((x, Slope::Above)),
        (Op::Compare(Comparison::GreaterOrEqual), &[x, zero]) if number(graph, zero) == Some(0.0) => {
            Some((x, Slope::NotBelow))
        }
        (Op::Unary(Unary::Exp), &[exponent]) => {
            let x = *graph.node(exponent).args.get(2)?;
            (guarded(graph, exponent, x) == Some(x)).then_some((x, Slope::Exponential))
        }
        _ => None,
    }
}

/// z, where the node is x ≥ 0 ? 0 : z.
fn guarded(graph: &Graph, id: NodeId, x: NodeId) -> Option<NodeId> {
    let (Op::Select, &[condition, zero, z]) = (&graph.node(id).op, graph.node(id).args.as_slice()) else { return None };
    (number(graph, zero) == Some(0.0) && not_below(graph, condition, x)).then_some(z)
}

/// Whether the node is x ≥ 0 or x > 0.
fn not_below(graph: &Graph, id: NodeId, x: NodeId) -> bool {
    matches!(slope(graph, id), Some((asked, Slope::Above | Slope::NotBelow)) if asked == x)
}

/// The activation whose value is `id`.
pub(super) fn find(graph: &Graph, id: NodeId) -> Option<Activation> {
    let found = bounded_line(graph, id).or_else(|| ramp(graph, id)).or_else(|| two_branches(graph, id))?;
    // The operator gives its argument's shape, so nothing may have been stretched.
    (graph.shape(found.x) == graph.shape(id)).then_some(found)
}

fn number(graph: &Graph, id: NodeId) -> Option<f64> {
    let tensor = graph.constant_value(id)?;
    (tensor.shape().is_empty()).then(|| tensor.data()[0])
}

/// The other argument and the number of a function of two numbers.
fn with_number(graph: &Graph, id: NodeId, op: Binary) -> Option<(NodeId, f64)> {
    let node = graph.node(id);
    let &[a, b] = node.args.as_slice() else { return None };
    if node.op != Op::Binary(op) {
        return None;
    }
    number(graph, b).map(|value| (a, value)).or_else(|| number(graph, a).map(|value| (b, value)))
}

/// max(x, 0).
fn ramp(graph: &Graph, id: NodeId) -> Option<Activation> {
    let (x, _) = with_number(graph, id, Binary::Max).filter(|(_, value)| *value == 0.0)?;
    Some(Activation { operator: "Relu", x, attributes: Vec::new() })
}

/// max(min(αx + β, 1), 0) with α > 0.
fn bounded_line(graph: &Graph, id: NodeId) -> Option<Activation> {
    let (below_one, _) = with_number(graph, id, Binary::Max).filter(|(_, value)| *value == 0.0)?;
    let (line, _) = with_number(graph, below_one, Binary::Min).filter(|(_, value)| *value == 1.0)?;
    let (scaled, beta) = with_number(graph, line, Binary::Add)?;
    let (x, alpha) = with_number(graph, scaled, Binary::Mul).filter(|(_, alpha)| *alpha > 0.0)?;
    Some(Activation { operator: "HardSigmoid", x, attributes: vec![("alpha", alpha), ("beta", beta)] })
}

/// x ≥ 0 ? x : αx and x ≥ 0 ? x : α (eˣ − 1), with α > 0.
///
/// Not Celu, x ≥ 0 ? x : α (e^(x/α) − 1): tract 0.23 leaves its factor α out.
fn two_branches(graph: &Graph, id: NodeId) -> Option<Activation> {
    let (Op::Select, &[condition, x, left]) = (&graph.node(id).op, graph.node(id).args.as_slice()) else { return None };
    let (inner, alpha) = with_number(graph, left, Binary::Mul).unwrap_or((left, 1.0));
    if alpha <= 0.0 || !not_below(graph, condition, x) {
        return None;
    }
    let attributes = vec![("alpha", alpha)];
    if inner == x {
        return Some(Activation { operator: "LeakyRelu", x, attributes });
    }
    let (exponential, _) = with_number(graph, inner, Binary::Add).filter(|(_, value)| *value == -1.0)?;
    (slope(graph, exponential) == Some((x, Slope::Exponential))).then_some(Activation {
        operator: "Elu",
        x,
        attributes,
    })
}

#[cfg(test)]
mod tests;
