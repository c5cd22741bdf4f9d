//! `mechanical`: H = ½ pᵀ M⁻¹(q) p + V(q), the energy of every mechanical system whose constraints are solved for.
//!
//! The inverse mass matrix is learned itself, so that neither H nor its gradient solves anything:
//! `M⁻¹ = U (L Lᵀ + ε I) U`, L(q) a lower triangle from a network, its diagonal positive by softplus, U the diagonal of
//! √(rate of q / p). Hence M⁻¹ ≻ 0 for all weights, and p = M v is `dynamics::momentum`. Lutter, Ritter and Peters, *Deep
//! Lagrangian Networks* (2019), equation 7, for M; Zhong, Dey and Chakraborty, *Symplectic ODE-Net* (2020), section 3.2, for M⁻¹.

use hnn_exporter::graph::{NodeId, Shape, Tensor};

use super::layers::Size;
use super::{ArchitectureError, Builder, Built, separable};

/// Least eigenvalue of M⁻¹ in units of the data: a mass that grows without bound would freeze its coordinate.
const LEAST: f64 = 1e-3;
/// softplus⁻¹(√(1 − ε)) ≈ softplus⁻¹(1): training starts with M⁻¹ near U².
const DIAGONAL_START: f64 = 0.541_324_854_612_918_1;

/// H alone.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let energy = energy(builder)?;
    builder.set_energy(energy);
    Ok(())
}

/// The energy, also used by `port`.
pub(super) fn energy(builder: &mut Builder<'_>) -> Built {
    let momenta = scaled_momenta(builder)?;
    let image = image(builder, momenta)?;
    let (turning, least) = (builder.graph.mul(image, image)?, builder.graph.mul(momenta, momenta)?);
    let least = builder.graph.scale(least, LEAST)?;
    let sum = builder.graph.add_values(turning, least)?;
    let sum = builder.graph.sum_keep(sum, &[1])?;
    let kinetic = builder.graph.scale(sum, 0.5)?;
    let potential = separable::potential(builder)?;
    Ok(builder.graph.add_values(kinetic, potential)?)
}

/// v = M⁻¹ p, `[batch, n]`, for friction.
pub(super) fn velocity(builder: &mut Builder<'_>) -> Built {
    let dof = builder.dof();
    let momenta = scaled_momenta(builder)?;
    let image = image(builder, momenta)?;
    let row = builder.graph.reshape(image, Shape::batched(&[1, dof])?)?;
    let factor = factor(builder)?;
    let product = builder.graph.matmul_transposed(row, factor)?;
    let product = builder.graph.reshape(product, Shape::batched(&[dof])?)?;
    let least = builder.graph.scale(momenta, LEAST)?;
    let sum = builder.graph.add_values(product, least)?;
    let unit = units(builder)?;
    Ok(builder.graph.mul(sum, unit)?)
}

/// The diagonal of U.
fn units(builder: &mut Builder<'_>) -> Built {
    let units = (0..builder.dof()).map(|row| separable::factor_unit(builder, row)).collect();
    builder.row(units)
}

/// U p.
fn scaled_momenta(builder: &mut Builder<'_>) -> Built {
    let unit = units(builder)?;
    Ok(builder.graph.mul(builder.p, unit)?)
}

/// (U p)ᵀ L, `[batch, n]`.
fn image(builder: &mut Builder<'_>, momenta: NodeId) -> Built {
    let dof = builder.dof();
    let factor = factor(builder)?;
    let row = builder.graph.reshape(momenta, Shape::batched(&[1, dof])?)?;
    let product = builder.graph.matmul(row, factor)?;
    Ok(builder.graph.reshape(product, Shape::batched(&[dof])?)?)
}

/// L(q), `[batch, n, n]`: the network gives its diagonal, then what is below, row by row.
fn factor(builder: &mut Builder<'_>) -> Built {
    let dof = builder.dof();
    let below = (0..dof).flat_map(|row| (0..row).map(move |column| (row, column)));
    let places: Vec<(usize, usize)> = (0..dof).map(|at| (at, at)).chain(below).collect();
    let len = places.len();
    let features = builder.position_features()?;
    let features = builder.lifted("mass", features)?;
    let inputs = builder.graph.shape(features).row_len();
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: len };
    let network = builder.network("mass", size, None)?;
    let varying = builder.apply(&network, features)?;
    let start = (0..len).map(|at| if at < dof { DIAGONAL_START } else { 0.0 }).collect();
    let start = builder.parameter("mass_start", Tensor::new(vec![len], start)?)?;
    let raw = builder.graph.add_values(varying, start)?;
    let diagonal = builder.graph.slice(raw, 1, 0, dof)?;
    let mut parts = vec![builder.graph.softplus(diagonal)?];
    if len > dof {
        parts.push(builder.graph.slice(raw, 1, dof, len - dof)?);
    }
    let elements = builder.graph.concat(&parts, 1)?;
    let mut placement = vec![0.0; len * dof * dof];
    for (at, (row, column)) in places.into_iter().enumerate() {
        placement[at * dof * dof + row * dof + column] = 1.0;
    }
    let placement = builder.graph.constant(Tensor::new(vec![len, dof * dof], placement)?)?;
    let flat = builder.graph.matmul(elements, placement)?;
    Ok(builder.graph.reshape(flat, Shape::batched(&[dof, dof])?)?)
}
