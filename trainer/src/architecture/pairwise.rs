//! `pairwise`: identical bodies that act on each other along the line between them.

use hnn_exporter::graph::{NodeId, Shape, Tensor};

use super::layers::{Network, Size};
use super::{ArchitectureError, Builder, Built, Form, MAX_BODIES, Scaling, Settings};

/// H = a/2 Σᵢ |pᵢ|² + Σ_{i<j} E (N(s) + c) e^(−κ w s), s(r) = (½ ln(r² + ε²) − centre)/w of the pair's distance r; with
/// `external`, + Σᵢ E N₁(qᵢ).
///
/// The logarithm spreads near and far pairs evenly, and ε keeps it smooth where two bodies meet. The exponential is a power
/// r^(−κ) with κ learned from 1 on: forces that grow a hundredfold as bodies come near are then as easy to describe there as
/// elsewhere, and N describes how the law differs from a power. All pairs go through one network together, so neither
/// weights nor graph grow with them: the differences of bodies that are k places apart are one subtraction, n − 1 in all.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let (bodies, dimension) = shape(builder.settings, builder.scaling)?;
    let kinetic = kinetic(builder)?;
    let positions = builder.graph.reshape(builder.q, Shape::batched(&[bodies, dimension])?)?;
    let pairs = pair_energy(builder, positions, bodies)?;
    let mut energy = builder.graph.add_values(kinetic, pairs)?;
    if builder.settings.external {
        let external = external_energy(builder, positions)?;
        energy = builder.graph.add_values(energy, external)?;
    }
    builder.set_energy(energy);
    Ok(())
}

/// Bodies and dimensions of space, where the settings fit the coordinates.
fn shape(settings: &Settings, scaling: &Scaling) -> Result<(usize, usize), ArchitectureError> {
    let (dof, refuse) = (scaling.dof(), |message: String| Err(ArchitectureError::Setting(message)));
    let Some(bodies) = settings.bodies else {
        return refuse(format!("model `{}` needs the number of bodies that share the coordinates", settings.kind));
    };
    if !(2..=MAX_BODIES).contains(&bodies) || !dof.is_multiple_of(bodies) {
        return refuse(format!(
            "{bodies} bodies with {dof} positions in all; at least 2 are needed, at most {MAX_BODIES}, and equally many \
             positions of each, body after body"
        ));
    }
    if !settings.angles.is_empty() {
        return refuse(format!("model `{}` measures distances in the positions; none may be an angle", settings.kind));
    }
    Ok((bodies, dof / bodies))
}

/// a/2 Σ |pᵢ|², a learned in units of rate of q / p, starting from 1.
fn kinetic(builder: &mut Builder<'_>) -> Built {
    let unit = mean(&builder.scaling.q_rate) / mean(&builder.scaling.p);
    let inverse_mass = builder.parameter("inverse_mass", Tensor::full(&[1], 1.0)?)?;
    let square = builder.graph.mul(builder.p, builder.p)?;
    let sum = builder.graph.sum_keep(square, &[1])?;
    let half = builder.graph.scale(sum, 0.5 * unit)?;
    builder.declare_linear("inverse_mass", Form::Direct, half)?;
    Ok(builder.graph.mul(half, inverse_mass)?)
}

/// Σ_{i<j} E (N(s) + c) e^(−κ w s) for positions `[batch, n, d]`.
fn pair_energy(builder: &mut Builder<'_>, positions: NodeId, bodies: usize) -> Built {
    let range = builder.scaling.pair_range();
    let mut apart = Vec::with_capacity(bodies - 1);
    for places in 1..bodies {
        let first = builder.graph.slice(positions, 1, 0, bodies - places)?;
        let second = builder.graph.slice(positions, 1, places, bodies - places)?;
        apart.push(builder.graph.sub(first, second)?);
    }
    let differences = builder.graph.concat(&apart, 1)?;
    let square = builder.graph.mul(differences, differences)?;
    let distance = builder.graph.sum_keep(square, &[2])?;
    let softening = builder.graph.scalar(range.softening.powi(2))?;
    let softened = builder.graph.add_values(distance, softening)?;
    let logarithm = builder.graph.log(softened)?;
    let spread = builder.graph.scale(logarithm, 0.5 / range.width)?;
    let offset = builder.graph.scalar(range.centre / range.width)?;
    let feature = builder.graph.sub(spread, offset)?;
    let power = builder.parameter("pair.power", Tensor::full(&[1], 1.0)?)?;
    let exponent = builder.graph.scale(feature, -range.width)?;
    let exponent = builder.graph.mul(exponent, power)?;
    let decay = builder.graph.exp(exponent)?;
    let feature = builder.lifted("pair", feature)?;
    let inputs = builder.graph.shape(feature).len(2).unwrap_or(1);
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 1 };
    let network = builder.network("pair", size, Some(0.0))?;
    summed(builder, &network, feature, Some(decay))
}

/// Σᵢ E N₁(qᵢ): the same potential for every body, in units of the whole data's positions.
fn external_energy(builder: &mut Builder<'_>, positions: NodeId) -> Built {
    let feature = builder.graph.scale(positions, 1.0 / mean(&builder.scaling.q))?;
    let feature = builder.lifted("external", feature)?;
    let inputs = builder.graph.shape(feature).len(2).unwrap_or(1);
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 1 };
    let network = builder.network("external", size, None)?;
    summed(builder, &network, feature, None)
}

/// A network applied to every row of `[batch, rows, inputs]`, weighted, summed over the rows and scaled to an energy.
///
/// The last layer is linear, so what it reads is summed instead of what it gives.
fn summed(builder: &mut Builder<'_>, network: &Network, feature: NodeId, weight: Option<NodeId>) -> Built {
    builder.declare_layers(network, feature)?;
    let hidden = builder.hidden_value(network, feature)?;
    let rows = match weight {
        Some(weight) => builder.graph.mul(hidden, weight)?,
        None => hidden,
    };
    let value = linear(builder, network.last, rows)?;
    let (Some(bias), Some(weight)) = (network.last_bias, weight) else { return Ok(value) };
    let constant = linear(builder, bias, weight)?;
    Ok(builder.graph.add_values(value, constant)?)
}

/// E θ·Σ φ over the rows φ `[batch, rows, k]`, for a parameter θ of k numbers.
fn linear(builder: &mut Builder<'_>, parameter: NodeId, rows: NodeId) -> Built {
    let total = builder.graph.sum(rows, &[1])?;
    let unit = mean(&builder.scaling.q) * mean(&builder.scaling.p_rate);
    let features = builder.graph.scale(total, unit)?;
    let name = builder.name_of(parameter);
    builder.declare_linear(&name, Form::Direct, features)?;
    let width = builder.graph.shape(features).row_len();
    let row = builder.graph.reshape(parameter, Shape::fixed(&[1, width])?)?;
    Ok(builder.graph.matmul_transposed(features, row)?)
}

/// Bodies are alike, hence so are their units.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / crate::data::as_f64(values.len().max(1))
}
