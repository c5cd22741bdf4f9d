//! Values brought to mean 0 and variance 1, as in inference.

use super::reduce::{mean_keep, within_rows};
use super::{Attribute, LegalizeError, Operator, Result, Row, Value, axis_of, one};
use crate::graph::{Dim, Graph, GraphError, NodeId, Shape};

pub(super) const ROWS: &[Row] = &[
    Row("BatchNormalization", 5, 5, &["epsilon", "momentum", "spatial", "training_mode"], batch),
    Row("GroupNormalization", 3, 3, &["epsilon", "num_groups", "stash_type"], group),
    Row("InstanceNormalization", 3, 3, &["epsilon"], instance),
    Row("LayerNormalization", 2, 3, &["axis", "epsilon", "stash_type"], layer),
    Row("MeanVarianceNormalization", 1, 1, &["axes"], mean_variance),
    Row("RMSNormalization", 2, 2, &["axis", "epsilon", "stash_type"], root_mean_square),
];

const DEFAULT_EPSILON: f64 = 1e-5;
/// What MeanVarianceNormalization adds to the deviation.
const DEVIATION_EPSILON: f64 = 1e-9;
/// First opset in which the scale of GroupNormalization has one element per channel, not per group.
const SCALE_PER_CHANNEL_OPSET: i64 = 21;

/// x less its mean over some axes, and what it takes to standardize it; the axes stay with length 1.
struct Moments {
    mean: NodeId,
    centred: NodeId,
    /// 1 / √(variance + ε)
    inverse_deviation: NodeId,
}

impl Moments {
    fn of(graph: &mut Graph, x: NodeId, axes: &[usize], epsilon: f64) -> std::result::Result<Self, GraphError> {
        let mean = mean_keep(graph, x, axes)?;
        let centred = graph.sub(x, mean)?;
        let inverse_deviation = inverse_root_mean_square(graph, centred, axes, epsilon)?;
        Ok(Self { mean, centred, inverse_deviation })
    }

    fn standardized(&self, graph: &mut Graph) -> std::result::Result<NodeId, GraphError> {
        graph.mul(self.centred, self.inverse_deviation)
    }
}

/// 1 / √(mean of x² + ε)
fn inverse_root_mean_square(
    graph: &mut Graph,
    x: NodeId,
    axes: &[usize],
    epsilon: f64,
) -> std::result::Result<NodeId, GraphError> {
    let squares = graph.mul(x, x)?;
    let mean = mean_keep(graph, squares, axes)?;
    let epsilon = graph.scalar(epsilon)?;
    let sum = graph.add_values(mean, epsilon)?;
    let root = graph.sqrt(sum)?;
    graph.reciprocal(root)
}

/// All axes from attribute `axis` on.
fn last_axes(graph: &Graph, operator: &Operator<'_>, x: NodeId) -> Result<Vec<usize>> {
    let shape = graph.shape(x);
    let axes: Vec<usize> = (axis_of(operator.integer("axis", -1)?, shape.rank())?..shape.rank()).collect();
    within_rows(shape, &axes)?;
    Ok(axes)
}

/// x scaled, moved; neither may make it larger.
fn affine(graph: &mut Graph, x: NodeId, scale: NodeId, bias: Option<NodeId>) -> Result<NodeId> {
    let shape = graph.shape(x).clone();
    let mut result = graph.mul(x, scale)?;
    if let Some(bias) = bias {
        result = graph.add_values(result, bias)?;
    }
    if *graph.shape(result) == shape {
        Ok(result)
    } else {
        Err(LegalizeError::refused(format!("scale and bias do not stretch to {shape}")))
    }
}

/// (x − mean) / √(variance + ε) · scale + bias over the last axes; mean and 1 / √(variance + ε) where they are named.
fn layer(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes = last_axes(graph, operator, x)?;
    let moments = Moments::of(graph, x, &axes, operator.real("epsilon", DEFAULT_EPSILON)?)?;
    let bias = if operator.optional(2).is_some() { Some(operator.node(2)?) } else { None };
    let standardized = moments.standardized(graph)?;
    let y = affine(graph, standardized, operator.node(1)?, bias)?;
    let mut results = vec![Value::Node(y), Value::Node(moments.mean), Value::Node(moments.inverse_deviation)];
    results.truncate(operator.output_count);
    Ok(results)
}

/// x / √(mean of x² + ε) · scale over the last axes.
fn root_mean_square(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes = last_axes(graph, operator, x)?;
    let factor = inverse_root_mean_square(graph, x, &axes, operator.real("epsilon", DEFAULT_EPSILON)?)?;
    let standardized = graph.mul(x, factor)?;
    Ok(one(affine(graph, standardized, operator.node(1)?, None)?))
}

/// One number per channel, to be met with x, whose channels are axis 1.
fn per_channel(graph: &mut Graph, value: NodeId, x: NodeId) -> Result<NodeId> {
    let shape = graph.shape(x);
    let channels = shape.len(1).ok_or_else(|| LegalizeError::refused(format!("{shape} has no channels, axis 1")))?;
    let mut dims = vec![channels];
    dims.resize(shape.rank() - 1, 1);
    if graph.shape(value).row() != [channels] {
        let found = graph.shape(value);
        return Err(LegalizeError::refused(format!("{found} is not one number for each of {channels} channels")));
    }
    Ok(graph.reshape(value, Shape::fixed(&dims)?)?)
}

/// (x − mean) / √(variance + ε) · scale + bias per channel, with the statistics of training.
fn batch(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    if operator.integer("training_mode", 0)? != 0 || operator.output_count != 1 {
        return Err(LegalizeError::refused("it is in training, which mixes the rows; export after `model.eval()`"));
    }
    if operator.integer("spatial", 1)? == 0 {
        return Err(LegalizeError::refused("`spatial` is 0; export with opset 9 or later"));
    }
    let x = operator.node(0)?;
    let epsilon = graph.scalar(operator.real("epsilon", DEFAULT_EPSILON)?)?;
    let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|position| operator.node(position));
    let sum = graph.add_values(variance?, epsilon)?;
    let deviation = graph.sqrt(sum)?;
    let slope = graph.div(scale?, deviation)?;
    let moved = graph.mul(mean?, slope)?;
    let offset = graph.sub(bias?, moved)?;
    let (slope, offset) = (per_channel(graph, slope, x)?, per_channel(graph, offset, x)?);
    Ok(one(affine(graph, x, slope, Some(offset))?))
}

/// Standardized over the spatial axes, scaled and moved per channel.
fn instance(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let axes: Vec<usize> = (2..graph.shape(x).rank()).collect();
    let moments = Moments::of(graph, x, &axes, operator.real("epsilon", DEFAULT_EPSILON)?)?;
    let standardized = moments.standardized(graph)?;
    let scale = per_channel(graph, operator.node(1)?, x)?;
    let bias = per_channel(graph, operator.node(2)?, x)?;
    Ok(one(affine(graph, standardized, scale, Some(bias))?))
}

/// Standardized over the channels of a group and the spatial axes, scaled and moved per channel.
fn group(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let shape = graph.shape(x).clone();
    let groups = usize::try_from(operator.integer("num_groups", 0)?).unwrap_or(0);
    let channels = shape.len(1).filter(|channels| groups > 0 && channels.is_multiple_of(groups));
    let (Some(first), Some(channels)) = (shape.dims().first(), channels) else {
        return Err(LegalizeError::refused(format!("{groups} groups do not divide the channels, axis 1 of {shape}")));
    };
    let spatial: usize = (2..shape.rank()).filter_map(|axis| shape.len(axis)).product();
    let members = Dim::Fixed(channels / groups * spatial);
    let grouped = graph.reshape(x, Shape::new(vec![*first, Dim::Fixed(groups), members])?)?;
    let moments = Moments::of(graph, grouped, &[2], operator.real("epsilon", DEFAULT_EPSILON)?)?;
    let standardized = moments.standardized(graph)?;
    if operator.opset >= SCALE_PER_CHANNEL_OPSET {
        let whole = graph.reshape(standardized, shape)?;
        let scale = per_channel(graph, operator.node(1)?, x)?;
        let bias = per_channel(graph, operator.node(2)?, x)?;
        return Ok(one(affine(graph, whole, scale, Some(bias))?));
    }
    let scale = per_channel(graph, operator.node(1)?, grouped)?;
    let bias = per_channel(graph, operator.node(2)?, grouped)?;
    let scaled = affine(graph, standardized, scale, Some(bias))?;
    Ok(one(graph.reshape(scaled, shape)?))
}

/// (x − mean) / (√variance + 10⁻⁹) over axes.
fn mean_variance(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let x = operator.node(0)?;
    let rank = graph.shape(x).rank();
    let axes = match operator.attributes.get("axes") {
        None => vec![0, 2, 3],
        Some(Attribute::Integers(axes)) => axes.clone(),
        Some(_) => return Err(LegalizeError::refused("attribute `axes` must be a list of integers")),
    };
    let mut axes = axes.into_iter().map(|axis| axis_of(axis, rank)).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    axes.dedup();
    within_rows(graph.shape(x), &axes)?;
    let mean = mean_keep(graph, x, &axes)?;
    let centred = graph.sub(x, mean)?;
    let squares = graph.mul(centred, centred)?;
    let variance = mean_keep(graph, squares, &axes)?;
    let deviation = graph.sqrt(variance)?;
    let epsilon = graph.scalar(DEVIATION_EPSILON)?;
    let divisor = graph.add_values(deviation, epsilon)?;
    Ok(one(graph.div(centred, divisor)?))
}
