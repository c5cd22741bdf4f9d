//! `mlp`: one network of the whole state.

use super::layers::Size;
use super::{ArchitectureError, Builder, Built};

/// H = E · N(φ(q), p/σ_p), with E the scale of the energy.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let energy = energy(builder)?;
    builder.set_energy(energy);
    Ok(())
}

/// The energy, also used by `port`.
pub(super) fn energy(builder: &mut Builder<'_>) -> Built {
    let positions = builder.position_features()?;
    let momenta = builder.momentum_features()?;
    let features = builder.graph.concat(&[positions, momenta], 1)?;
    let features = builder.lifted("energy", features)?;
    let inputs = builder.graph.shape(features).row_len();
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 1 };
    let network = builder.network("energy", size, None)?;
    let scale = 0.5 * (builder.scaling.kinetic() + builder.scaling.potential());
    builder.apply_energy(&network, features, scale)
}
