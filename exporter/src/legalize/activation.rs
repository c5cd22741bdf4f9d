//! Activations with parameters or with two branches.
//!
//! A seam belongs to the branch of the larger arguments, as in PyTorch: at 0 Elu has slope 1. The exponential of the other
//! branch sees 0 there, so that it neither overflows nor turns a derivative into 0 · ∞.

use super::{Attribute, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Comparison, Graph, GraphError, NodeId};

pub(super) const ROWS: &[Row] = &[
    Row("Celu", 1, 1, &["alpha"], celu),
    Row("Elu", 1, 1, &["alpha"], elu),
    Row("Gelu", 1, 1, &["approximate"], gelu),
    Row("HardSigmoid", 1, 1, &["alpha", "beta"], hard_sigmoid),
    Row("HardSwish", 1, 1, &[], hard_swish),
    Row("LeakyRelu", 1, 1, &["alpha"], leaky_relu),
    Row("PRelu", 2, 2, &[], parametric_relu),
    Row("Selu", 1, 1, &["alpha", "gamma"], selu),
    Row("Swish", 1, 1, &["alpha"], swish),
    Row("ThresholdedRelu", 1, 1, &["alpha"], thresholded_relu),
];

/// Defaults of the specification, which stores them in f32.
const LEAKY_SLOPE: f32 = 0.01;
const HARD_SIGMOID_SLOPE: f32 = 0.2;
const SELU_ALPHA: f32 = 1.673_263_2;
const SELU_GAMMA: f32 = 1.050_701;

/// x ≥ 0 ? x : α (e^(x/α) − 1), whose slope has no jump for any α; α ≠ 0.
fn celu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let alpha = operator.real("alpha", 1.0)?;
    if alpha == 0.0 {
        return Err(LegalizeError::refused("`alpha` is 0, and it divides by it"));
    }
    Ok(one(exponential_branch(graph, operator.node(0)?, alpha, alpha)?))
}

/// x ≥ 0 ? x : α (eˣ − 1).
fn elu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let alpha = operator.real("alpha", 1.0)?;
    Ok(one(exponential_branch(graph, operator.node(0)?, alpha, 1.0)?))
}

/// γ (x ≥ 0 ? x : α (eˣ − 1)).
fn selu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let alpha = operator.real("alpha", f64::from(SELU_ALPHA))?;
    let gamma = operator.real("gamma", f64::from(SELU_GAMMA))?;
    let value = exponential_branch(graph, operator.node(0)?, alpha, 1.0)?;
    Ok(one(graph.scale(value, gamma)?))
}

/// x ≥ 0 ? x : α (e^(x/width) − 1).
fn exponential_branch(graph: &mut Graph, x: NodeId, alpha: f64, width: f64) -> std::result::Result<NodeId, GraphError> {
    let (zero, unit) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
    let right = graph.compare(Comparison::GreaterOrEqual, x, zero)?;
    let left_part = graph.select(right, zero, x)?;
    let exponent = if width == 1.0 { left_part } else { graph.scale(left_part, 1.0 / width)? };
    let exponential = graph.exp(exponent)?;
    let below_zero = graph.sub(exponential, unit)?;
    let scaled = if alpha == 1.0 { below_zero } else { graph.scale(below_zero, alpha)? };
    graph.select(right, x, scaled)
}

/// ½x (1 + erf(x/√2)), or its approximation by tanh.
fn gelu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    match operator.attributes.get("approximate") {
        None => Ok(one(graph.gelu(x)?)),
        Some(Attribute::Text(form)) if form == "none" => Ok(one(graph.gelu(x)?)),
        Some(Attribute::Text(form)) if form == "tanh" => Ok(one(graph.gelu_tanh(x)?)),
        Some(_) => Err(LegalizeError::refused("attribute `approximate` must be `none` or `tanh`")),
    }
}

/// max(0, min(1, αx + β)).
fn hard_sigmoid(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let alpha = operator.real("alpha", f64::from(HARD_SIGMOID_SLOPE))?;
    let beta = operator.real("beta", 0.5)?;
    Ok(one(clipped_line(graph, operator.node(0)?, alpha, beta)?))
}

/// x max(0, min(1, x/6 + ½)).
fn hard_swish(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let gate = clipped_line(graph, x, 1.0 / 6.0, 0.5)?;
    Ok(one(graph.mul(x, gate)?))
}

fn clipped_line(graph: &mut Graph, x: NodeId, slope: f64, offset: f64) -> std::result::Result<NodeId, GraphError> {
    let (zero, unit, offset) = (graph.scalar(0.0)?, graph.scalar(1.0)?, graph.scalar(offset)?);
    let scaled = graph.scale(x, slope)?;
    let line = graph.add_values(scaled, offset)?;
    let bounded = graph.min(line, unit)?;
    graph.max(bounded, zero)
}

/// x ≥ 0 ? x : αx.
fn leaky_relu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let slope = graph.scalar(operator.real("alpha", f64::from(LEAKY_SLOPE))?)?;
    Ok(one(two_slopes(graph, operator.node(0)?, slope)?))
}

/// x ≥ 0 ? x : slope · x, the slope stretched to the shape of x.
fn parametric_relu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, slope) = (operator.node(0)?, operator.node(1)?);
    if graph.shape(x).broadcast(graph.shape(slope))? != *graph.shape(x) {
        let (x, slope) = (graph.shape(x), graph.shape(slope));
        return Err(LegalizeError::refused(format!("a slope of shape {slope} does not stretch to {x}")));
    }
    Ok(one(two_slopes(graph, x, slope)?))
}

fn two_slopes(graph: &mut Graph, x: NodeId, slope: NodeId) -> std::result::Result<NodeId, GraphError> {
    let zero = graph.scalar(0.0)?;
    let right = graph.compare(Comparison::GreaterOrEqual, x, zero)?;
    let scaled = graph.mul(x, slope)?;
    graph.select(right, x, scaled)
}

/// x σ(αx).
fn swish(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, alpha) = (operator.node(0)?, operator.real("alpha", 1.0)?);
    let scaled = if alpha == 1.0 { x } else { graph.scale(x, alpha)? };
    let gate = graph.sigmoid(scaled)?;
    Ok(one(graph.mul(x, gate)?))
}

/// x > α ? x : 0.
fn thresholded_relu(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let (x, zero) = (operator.node(0)?, graph.scalar(0.0)?);
    let alpha = graph.scalar(operator.real("alpha", 1.0)?)?;
    let above = graph.compare(Comparison::Greater, x, alpha)?;
    Ok(one(graph.select(above, x, zero)?))
}
