//! `constrained`: bodies in Cartesian coordinates on holonomic constraints, H = Σ_b |p_b|²/(2m_b) + V(q) with g(q) = 0.
//!
//! What is learned is simple where the coordinates are: masses are numbers, and uniform gravity is linear in q. The constraints
//! are given and enter as explicit multipliers (`hnn_exporter::dynamics`), so that they hold whatever the weights. Finzi, Wang
//! and Wilson, *Simplifying Hamiltonian and Lagrangian Neural Networks via Explicit Constraints* (2020), section 4.

use hnn_exporter::dynamics::{CONSTRAINT, STATE};
use hnn_exporter::expression::constraint_graph;
use hnn_exporter::graph::{NodeId, Tensor};

use super::layers::Size;
use super::{ArchitectureError, Builder, Built};

/// Kinetic energy, potential and constraints.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let kinetic = kinetic(builder)?;
    let potential = potential(builder)?;
    let energy = builder.graph.add_values(kinetic, potential)?;
    builder.set_energy(energy);
    let surface = surface(builder)?;
    builder.graph.set_output(CONSTRAINT, surface);
    Ok(())
}

/// ½ Σ e^{w_b} |p_b|²/m₀, one number w per body; m₀ = p/q̇ is measured, and e^w > 0 whatever w is.
fn kinetic(builder: &mut Builder<'_>) -> Built {
    let (dof, size) = (builder.dof(), builder.settings.body_dimension);
    if size == 0 || dof % size != 0 {
        return Err(ArchitectureError::Setting(format!(
            "{dof} positions are no whole number of bodies with {size} coordinates each"
        )));
    }
    let bodies = dof / size;
    let weight = builder.parameter("inverse_mass", Tensor::full(&[bodies], 0.0)?)?;
    let factor = builder.graph.exp(weight)?;
    // Row b of this matrix selects the coordinates of body b and carries their unit.
    let unit = |at: usize| builder.scaling.q_rate[at] / builder.scaling.p[at];
    let mean = |body: usize| (body * size..(body + 1) * size).map(unit).sum::<f64>() / crate::data::as_f64(size);
    let element = |body: usize, at: usize| if at / size == body { mean(body) } else { 0.0 };
    let spread = (0..bodies * dof).map(|flat| element(flat / dof, flat % dof)).collect();
    let spread = builder.graph.constant(Tensor::new(vec![bodies, dof], spread)?)?;
    let row = builder.graph.reshape(factor, hnn_exporter::graph::Shape::fixed(&[1, bodies])?)?;
    let inverse_mass = builder.graph.matmul(row, spread)?;
    let square = builder.graph.mul(builder.p, builder.p)?;
    let weighted = builder.graph.mul(square, inverse_mass)?;
    let sum = builder.graph.sum_keep(weighted, &[1])?;
    Ok(builder.graph.scale(sum, 0.5)?)
}

/// E_V (c · φ(q) + N(φ(q))): a force that is the same everywhere, and a network, which starts at 0, for what differs.
fn potential(builder: &mut Builder<'_>) -> Built {
    let features = builder.position_features()?;
    let inputs = builder.graph.shape(features).row_len();
    let slope = builder.parameter("constant_force", Tensor::full(&[inputs], 0.0)?)?;
    let product = builder.graph.mul(features, slope)?;
    let linear = builder.graph.sum_keep(product, &[1])?;
    let hidden = builder.settings.hidden.clone();
    let network = builder.network("potential", Size { inputs, hidden: &hidden, outputs: 1 }, None)?;
    let last = hidden.last().copied().unwrap_or(inputs);
    builder.initial.insert(format!("potential.{}.weight", hidden.len()), Tensor::full(&[1, last], 0.0)?);
    let rest = builder.apply(&network, features)?;
    let sum = builder.graph.add_values(linear, rest)?;
    Ok(builder.graph.scale(sum, builder.scaling.potential())?)
}

/// The given formulas, at the model's own state.
fn surface(builder: &mut Builder<'_>) -> Built {
    let refuse = |message: String| ArchitectureError::Setting(message);
    if builder.settings.constraints.is_empty() {
        let message = "model `constrained` needs its constraints, such as `--constraint 'q1^2 + q2^2 - 1'`";
        return Err(refuse(message.to_owned()));
    }
    let formulas = constraint_graph(&builder.settings.constraints, builder.dof(), &std::collections::BTreeMap::new());
    let formulas = formulas.map_err(|error| refuse(format!("--constraint: {error}")))?;
    let (from, to) = (formulas.leaf(STATE), builder.graph.leaf(STATE));
    let roots: Vec<NodeId> = formulas.output(CONSTRAINT).into_iter().collect();
    let placed = builder.graph.inline(&formulas, &roots, &|id, _| to.filter(|_| Some(id) == from))?;
    placed.first().copied().ok_or_else(|| refuse("the constraints have no value".to_owned()))
}
