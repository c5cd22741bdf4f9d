//! `port`: energy, friction and input, `ẋ = (J − R) ∇H + G u`.
//!
//! Friction per coordinate, in units of force over velocity r₀:
//! `R_p = r₀ · (softplus(b) + softplus(N(φ(q), s(w))) / √(w² + ε²))`, `w` the scaled velocity, `s(w) = w/√(1 + w²)`, b and ε
//! learned. The first term is viscous. As the friction force is −R_p v, the second is Coulomb friction `c · v/√(v² + ε²)`
//! whose level c may depend on where the system is, how fast (Stribeck) and in which direction. Every term is positive and
//! smooth, at v = 0 as well, hence R ⪰ 0 and the model is passive whatever its weights.
//!
//! [`Friction::Constants`] puts the textbook law in place of the network: `softplus(c) (1 + s exp(−(w/w_s)²))`, Coulomb and
//! Stribeck friction with learned constants, s and w_s within bounds. Armstrong-Hélouvry, Dupont and Canudas de Wit (1994), section 2.

use hnn_exporter::dynamics::{DISSIPATION, GAIN};
use hnn_exporter::graph::{NodeId, Shape, Tensor};

use super::layers::Size;
use super::{ArchitectureError, Builder, Built, Energy, Friction, Kinetic, hybrid, mechanical, mlp, separable};

/// Viscous friction at the start, as softplus⁻¹: about 5 % of r₀.
const VISCOUS_START: f64 = -3.0;
/// Coulomb friction at the start, as softplus⁻¹: about 5 % of the typical force.
const COULOMB_START: f64 = -3.0;
/// Width of the transition through rest at the start, as softplus⁻¹: under 1 % of the typical velocity. A wide one lets
/// what should stand still creep, and training narrows it slowly.
const TRANSITION_START: f64 = -5.0;
/// The same beside friction by constants, about 0.1 %: no network has to be trained through it.
const SHARP_TRANSITION_START: f64 = -7.0;
/// Least width of that transition, in typical velocities; below, R_p would be stiff without changing any prediction.
const TRANSITION_MIN: f64 = 1e-3;
/// Velocities over which Stribeck friction may fade, in typical ones. Narrower, it would be a second transition through rest;
/// wider, a Coulomb friction that falls with speed, which few data take from whatever else they hold.
const STRIBECK: [f64; 2] = [0.01, 0.1];
/// Most that friction rises towards rest, as a multiple of Coulomb friction: breakaway is at most three times as hard.
const STICTION_MAX: f64 = 2.0;

/// H, R and, where the data have inputs, G.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let mut energy = match builder.settings.energy {
        Energy::Separable => separable::energy(builder)?,
        Energy::Mlp => mlp::energy(builder)?,
        Energy::Mechanical => mechanical::energy(builder)?,
        Energy::Hybrid => hybrid::energy(builder)?,
    };
    if builder.settings.constant_force {
        energy = with_constant_force(builder, energy)?;
    }
    builder.set_energy(energy);
    let friction = friction(builder)?;
    builder.graph.set_output(DISSIPATION, friction);
    if builder.scaling.inputs() > 0 {
        let gain = gain(builder)?;
        builder.graph.set_output(GAIN, gain);
    }
    Ok(())
}

/// H − Σ fᵢ qᵢ: the force f acts everywhere alike.
fn with_constant_force(builder: &mut Builder<'_>, energy: NodeId) -> Built {
    let force = builder.parameter("constant_force", Tensor::full(&[builder.dof()], 0.0)?)?;
    let unit = builder.row(builder.scaling.p_rate.clone())?;
    let force = builder.graph.mul(force, unit)?;
    let work = builder.graph.mul(force, builder.q)?;
    let work = builder.graph.sum_keep(work, &[1])?;
    Ok(builder.graph.sub(energy, work)?)
}

/// R_p, `[batch, n]`.
fn friction(builder: &mut Builder<'_>) -> Built {
    let dof = builder.dof();
    let viscous = builder.parameter("friction.viscous", Tensor::full(&[dof], VISCOUS_START)?)?;
    let viscous = builder.graph.softplus(viscous)?;
    let velocity = scaled_velocity(builder)?;
    let square = builder.graph.mul(velocity, velocity)?;

    let start = match builder.settings.friction {
        Friction::Network => TRANSITION_START,
        Friction::Constants => SHARP_TRANSITION_START,
    };
    let transition = builder.parameter("friction.transition", Tensor::full(&[dof], start)?)?;
    let transition = builder.graph.softplus(transition)?;
    let least = builder.graph.scalar(TRANSITION_MIN)?;
    let transition = builder.graph.add_values(transition, least)?;
    let width = builder.graph.mul(transition, transition)?;
    let smooth = builder.graph.add_values(square, width)?;
    let speed = builder.graph.sqrt(smooth)?;

    let level = match builder.settings.friction {
        Friction::Network => coulomb_level(builder, velocity, square)?,
        Friction::Constants => stribeck_level(builder, square)?,
    };
    let coulomb = builder.graph.div(level, speed)?;
    let sum = builder.graph.add_values(viscous, coulomb)?;
    let unit = (0..dof).map(|at| builder.scaling.p_rate[at] / builder.scaling.q_rate[at]).collect();
    let unit = builder.row(unit)?;
    Ok(builder.graph.mul(sum, unit)?)
}

/// softplus(N(φ(q), w/√(1 + w²))), `[batch, n]`.
fn coulomb_level(builder: &mut Builder<'_>, velocity: NodeId, square: NodeId) -> Built {
    let positions = builder.position_features()?;
    let one = builder.graph.scalar(1.0)?;
    let length = builder.graph.add_values(square, one)?;
    let length = builder.graph.sqrt(length)?;
    let direction = builder.graph.div(velocity, length)?;
    let features = builder.graph.concat(&[positions, direction], 1)?;
    let inputs = builder.graph.shape(features).row_len();
    let hidden = [builder.settings.friction_hidden];
    let size = Size { inputs, hidden: &hidden, outputs: builder.dof() };
    let network = builder.network("friction", size, Some(COULOMB_START))?;
    let level = builder.apply(&network, features)?;
    Ok(builder.graph.softplus(level)?)
}

/// softplus(c) (1 + s exp(−(w/w_s)²)), `[batch, n]`.
fn stribeck_level(builder: &mut Builder<'_>, square: NodeId) -> Built {
    let dof = builder.dof();
    let coulomb = builder.parameter("friction.coulomb", Tensor::full(&[dof], COULOMB_START)?)?;
    let coulomb = builder.graph.softplus(coulomb)?;
    let stiction = builder.parameter("friction.stiction", Tensor::full(&[dof], 0.0)?)?;
    let stiction = builder.graph.sigmoid(stiction)?;
    let stiction = builder.graph.scale(stiction, STICTION_MAX)?;
    let fading = builder.parameter("friction.fading", Tensor::full(&[dof], 0.0)?)?;
    let fading = builder.graph.sigmoid(fading)?;
    let fading = builder.graph.scale(fading, STRIBECK[1] - STRIBECK[0])?;
    let least = builder.graph.scalar(STRIBECK[0])?;
    let fading = builder.graph.add_values(fading, least)?;
    let fading = builder.graph.mul(fading, fading)?;
    let ratio = builder.graph.div(square, fading)?;
    let exponent = builder.graph.neg(ratio)?;
    let share = builder.graph.exp(exponent)?;
    let rise = builder.graph.mul(share, stiction)?;
    let rise = builder.graph.mul(rise, coulomb)?;
    Ok(builder.graph.add_values(rise, coulomb)?)
}

/// The velocity in units of its deviation: ∂H/∂p where it costs no network, else the momentum in its own unit.
fn scaled_velocity(builder: &mut Builder<'_>) -> Built {
    let velocity = match (builder.settings.energy, builder.settings.kinetic) {
        (Energy::Separable, Kinetic::Quadratic) => {
            let factor = separable::mass_factor(builder)?;
            let image = builder.graph.matmul(builder.p, factor)?;
            builder.graph.matmul_transposed(image, factor)?
        }
        (Energy::Mechanical, _) => mechanical::velocity(builder)?,
        (Energy::Hybrid, _) => hybrid::velocity(builder)?,
        _ => return builder.momentum_features(),
    };
    let unit = builder.row(builder.scaling.q_rate.iter().map(|rate| 1.0 / rate).collect())?;
    Ok(builder.graph.mul(velocity, unit)?)
}

/// G_p, `[n, m]`, or `[batch, n, m]` where it varies with q.
///
/// It starts as one force per input, in order, in units of typical force over typical input.
fn gain(builder: &mut Builder<'_>) -> Built {
    let (dof, inputs) = (builder.dof(), builder.scaling.inputs());
    let flat = |value: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        (0..dof * inputs).map(|at| value(at / inputs, at % inputs)).collect()
    };
    let unit = flat(&|row, column| builder.scaling.p_rate[row] / builder.scaling.u[column]);
    let start = flat(&|row, column| if row == column { 1.0 } else { 0.0 });
    let unit = builder.graph.constant(Tensor::new(vec![dof, inputs], unit)?)?;
    let constant = builder.parameter("gain", Tensor::new(vec![dof, inputs], start)?)?;
    if !builder.settings.gain_varies {
        return Ok(builder.graph.mul(constant, unit)?);
    }
    let positions = builder.position_features()?;
    let width = builder.graph.shape(positions).row_len();
    let hidden = [builder.settings.friction_hidden];
    let network = builder.network("gain", Size { inputs: width, hidden: &hidden, outputs: dof * inputs }, None)?;
    let varying = builder.apply(&network, positions)?;
    let varying = builder.graph.reshape(varying, Shape::batched(&[dof, inputs])?)?;
    let sum = builder.graph.add_values(varying, constant)?;
    Ok(builder.graph.mul(sum, unit)?)
}
