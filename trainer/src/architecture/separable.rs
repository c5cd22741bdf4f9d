//! `separable`: H = T(p) + V(q).

use hnn_exporter::graph::{NodeId, Tensor};

use super::layers::Size;
use super::linear::Form;
use super::{ArchitectureError, Builder, Built, Kinetic};

/// H = T(p) + V(q), each with its own scale.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let energy = energy(builder)?;
    builder.set_energy(energy);
    Ok(())
}

/// The energy, also used by `port`.
pub(super) fn energy(builder: &mut Builder<'_>) -> Built {
    let kinetic = match builder.settings.kinetic {
        Kinetic::Quadratic => quadratic(builder)?,
        Kinetic::Network => even_network(builder)?,
    };
    let potential = potential(builder)?;
    Ok(builder.graph.add_values(kinetic, potential)?)
}

/// V = E_V · N(φ(q)), also used by `mechanical`.
pub(super) fn potential(builder: &mut Builder<'_>) -> Built {
    let features = builder.position_features()?;
    let features = builder.lifted("potential", features)?;
    let inputs = builder.graph.shape(features).row_len();
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 1 };
    let network = builder.network("potential", size, None)?;
    let scale = builder.scaling.potential();
    builder.apply_energy(&network, features, scale)
}

/// T = ½ |Lᵀ p|², L lower triangular in units of √(rate of q / p), starting from the identity.
///
/// L is not singular unless training drives a diagonal element to 0 exactly; then M⁻¹ is still positive semidefinite.
fn quadratic(builder: &mut Builder<'_>) -> Built {
    declare_inverse_mass(builder)?;
    let image = momentum_image(builder)?;
    let square = builder.graph.mul(image, image)?;
    let sum = builder.graph.sum_keep(square, &[1])?;
    Ok(builder.graph.scale(sum, 0.5)?)
}

/// T = Σ_{i≥j} Sᵢⱼ φᵢⱼ with S = L Lᵀ in units of the factor: φᵢⱼ = uᵢ uⱼ pᵢ pⱼ, half of it on the diagonal.
fn declare_inverse_mass(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let mut features = Vec::new();
    for row in 0..builder.dof() {
        for column in 0..=row {
            let left = builder.graph.slice(builder.p, 1, row, 1)?;
            let right = builder.graph.slice(builder.p, 1, column, 1)?;
            let product = builder.graph.mul(left, right)?;
            let half = if row == column { 0.5 } else { 1.0 };
            let unit = half * factor_unit(builder, row) * factor_unit(builder, column);
            features.push(builder.graph.scale(product, unit)?);
        }
    }
    let features = builder.graph.concat(&features, 1)?;
    builder.declare_linear("mass_factor", Form::Factor, features)
}

/// Unit of row i of L: √(rate of qᵢ / pᵢ).
pub(super) fn factor_unit(builder: &Builder<'_>, row: usize) -> f64 {
    (builder.scaling.q_rate[row] / builder.scaling.p[row]).sqrt()
}

/// pᵀ L, `[batch, n]`.
fn momentum_image(builder: &mut Builder<'_>) -> Built {
    let factor = mass_factor(builder)?;
    Ok(builder.graph.matmul(builder.p, factor)?)
}

/// L with M⁻¹ = L Lᵀ, `[n, n]`.
pub(super) fn mass_factor(builder: &mut Builder<'_>) -> Built {
    let dof = builder.dof();
    if let Some(known) = builder.graph.leaf("mass_factor") {
        return scaled_factor(builder, known, dof);
    }
    let identity = (0..dof * dof).map(|at| f64::from(u8::from(at / dof == at % dof))).collect();
    let weight = builder.parameter("mass_factor", Tensor::new(vec![dof, dof], identity)?)?;
    scaled_factor(builder, weight, dof)
}

/// Zeroes the upper triangle and gives row i its unit.
fn scaled_factor(builder: &mut Builder<'_>, weight: NodeId, dof: usize) -> Built {
    let unit = |row: usize| factor_unit(builder, row);
    let mask = (0..dof * dof).map(|at| if at / dof >= at % dof { unit(at / dof) } else { 0.0 }).collect();
    let mask = builder.graph.constant(Tensor::new(vec![dof, dof], mask)?)?;
    Ok(builder.graph.mul(weight, mask)?)
}

/// T = ½ E_T (N(p/σ) + N(−p/σ)): even, so that rest is an equilibrium of T.
fn even_network(builder: &mut Builder<'_>) -> Built {
    let momenta = builder.momentum_features()?;
    let features = builder.lifted("kinetic", momenta)?;
    let inputs = builder.graph.shape(features).row_len();
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 1 };
    let network = builder.network("kinetic", size, None)?;
    let scale = 0.5 * builder.scaling.kinetic();
    let forward = builder.apply_energy(&network, features, scale)?;
    let mirrored = builder.graph.neg(momenta)?;
    let mirrored = builder.lifted("kinetic", mirrored)?;
    let backward = builder.apply_energy(&network, mirrored, scale)?;
    Ok(builder.graph.add_values(forward, backward)?)
}
