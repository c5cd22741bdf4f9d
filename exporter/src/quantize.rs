//! The networks of a model in 16-bit fixed point, for cores with DSP instructions and for cores without floating point.
//!
//! H is taken apart into networks and a rest; the rest stays f32. Scales follow from the samples that travel with an export:
//! inputs are held at the edge of their box, widened by a margin. How the bits are shared out is tried and judged by the field's
//! error. The field of such a program is rounded in 16 bits on its way: it is **not** the gradient of any energy, and nothing
//! here says so. How far it is from the field, and what that does to the energy over a long run, is measured.

mod measure;
mod network;
mod table;
#[cfg(test)]
mod tests;

use hnn_runtime::Program;

use crate::dynamics::{self, DynamicsError, Model, Scheme};
use crate::emit::{PlacedNetwork, q15_blob};
use crate::evaluate::EvaluateError;
use crate::graph::GraphError;
use crate::lower::{EntryKind, LowerError, Plan, lower};
use crate::manifest::{QuantizationRecord, Samples};

use measure::Truth;
use network::Network;
use table::{Bits, Calibration};

/// How much wider than that of the samples the box is in which inputs are not held.
const BOX_MARGIN: f64 = 1.25;
/// Most samples by which the ways to share out bits are judged.
const TRIAL_SAMPLES: usize = 64;
/// Largest number of bits tried by which values are rounded.
const TRIAL_SHIFT: u32 = 4;

/// Why a model has no program in fixed point.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// There is nothing to put in fixed point.
    #[error("H has no network that can run in 16-bit fixed point: {reason}; use `--weights f32`")]
    NoNetwork {
        /// What stands in the way.
        reason: String,
    },
    /// The schemes of such models need more than networks give.
    #[error("models with constraints do not run in 16-bit fixed point; use `--weights f32`")]
    Constrained,
    /// There is nothing to calibrate with.
    #[error("16-bit fixed point is calibrated by states of the model; there are none, or of another length")]
    Samples,
    /// H splits, but a network reads both q and p.
    #[error("H = T(p) + V(q), but one of its networks reads both q and p; use `--weights f32`")]
    Mixed,
    /// The runtime refuses what was written.
    #[error("no way to share out 16 bits keeps every sum in range: {0}; use `--weights f32`")]
    Range(hnn_runtime::Error),
    /// The rest of the model cannot be lowered.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// The model cannot be derived.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// A part of the graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A part of the graph could not be evaluated.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
}

/// A program whose networks run in fixed point, and how good it is.
#[derive(Debug, Clone)]
pub struct Quantized {
    /// The blob.
    pub words: Vec<u32>,
    /// What was measured of it.
    pub record: QuantizationRecord,
}

/// Puts the networks of a model in 16-bit fixed point.
///
/// `samples` hold at least one state; they calibrate the scales and are what errors are measured on.
///
/// # Errors
/// [`QuantizeError`] naming what cannot be done.
pub fn quantize(model: &Model, scheme: Scheme, dt: f32, samples: &Samples) -> Result<Quantized, QuantizeError> {
    if model.constraints() > 0 {
        return Err(QuantizeError::Constrained);
    }
    if samples.x.is_empty() || samples.x.iter().any(|x| x.len() != 2 * model.dof()) {
        return Err(QuantizeError::Samples);
    }
    let (networks, rest) = network::split(model)?;
    let plan = plan(model, &networks, &rest)?;
    let calibrations: Vec<Calibration> = networks.iter().map(|network| calibration(network, samples)).collect();
    let spell = |bits: Bits| {
        let placed: Vec<PlacedNetwork> =
            networks.iter().zip(&calibrations).map(|(network, at)| placed(network, at, bits, model.dof())).collect();
        q15_blob(&plan, &placed, scheme, dt)
    };
    let truth = Truth::new(model, samples)?;
    let has_inner = networks.iter().any(|network| network.layers.len() > 1);
    let mut best: Option<(f64, Bits, Vec<u32>)> = None;
    let mut refused = hnn_runtime::Error::Header;
    for bits in candidates(has_inner) {
        let words = spell(bits);
        match Program::parse(&words) {
            Err(error) => refused = error,
            Ok(program) => {
                let (error, _) = truth.field_error(&program, TRIAL_SAMPLES);
                if best.as_ref().is_none_or(|(least, _, _)| error < *least) {
                    best = Some((error, bits, words));
                }
            }
        }
    }
    let (_, bits, words) = best.ok_or(QuantizeError::Range(refused))?;
    let program = Program::parse(&words).map_err(QuantizeError::Range)?;
    let (field_error_rms, field_error_max) = truth.field_error(&program, usize::MAX);
    let edge = |side: f64| (0..2 * model.dof()).map(|axis| edge(&networks, &calibrations, axis, side)).collect();
    let record = QuantizationRecord {
        weights: "q15".to_owned(),
        is_gradient: false,
        networks: networks.len(),
        value_bits: 15 - if has_inner { bits.shift } else { 0 },
        adjoint_bits: 15 - if has_inner { bits.back_shift } else { 0 },
        held_below: edge(-1.0),
        held_above: edge(1.0),
        field_error_rms,
        field_error_max,
        energy_error_max: truth.energy_error(&program).unwrap_or(f64::MAX),
        drift: truth.drift(&program, scheme),
    };
    Ok(Quantized { words, record })
}

/// Ways to share out bits, the widest first.
fn candidates(has_inner: bool) -> Vec<Bits> {
    let shifts = if has_inner { 0..=TRIAL_SHIFT } else { 0..=0 };
    let pairs = shifts.clone().flat_map(|shift| shifts.clone().map(move |back_shift| (shift, back_shift)));
    pairs.flat_map(|(shift, back_shift)| [1.0, 2.0, 4.0].map(|favour| Bits { shift, back_shift, favour })).collect()
}

/// The rest of the model, with what a stepper may know of the whole.
fn plan(model: &Model, networks: &[Network], rest: &Model) -> Result<Plan, QuantizeError> {
    let separability = dynamics::separability(model)?;
    let mut plan = lower(rest)?;
    if separability.is_separable() {
        let splits = |network: &Network| network.columns.end <= model.dof() || network.columns.start >= model.dof();
        if !(plan.separable && networks.iter().all(splits)) {
            return Err(QuantizeError::Mixed);
        }
    } else {
        plan.separable = false;
        plan.entries.retain(|entry| !matches!(entry.kind, EntryKind::Velocity | EntryKind::Force));
    }
    let is_quadratic = matches!(&separability, dynamics::Separability::Separable { inverse_mass: Some(_), .. });
    if !is_quadratic {
        (plan.kinetic_quadratic, plan.inverse_mass) = (false, None);
    }
    Ok(plan)
}

/// The box of the samples, widened, and what comes back to every unit within it.
fn calibration(network: &Network, samples: &Samples) -> Calibration {
    let bounds: Vec<(f64, f64)> = network.columns.clone().map(|axis| bounds(samples, axis)).collect();
    let inner = &network.layers[..network.layers.len() - 1];
    let mut back: Vec<Vec<f64>> = inner.iter().map(|layer| vec![0.0; layer.biases.len()]).collect();
    for x in &samples.x {
        table::observe(network, x, &mut back);
    }
    let centres: Vec<f64> = bounds.iter().map(|(least, most)| 0.5 * (least + most)).collect();
    // A coordinate that does not vary in the samples still gets a range.
    let range = |((least, most), centre): (&(f64, f64), &f64)| {
        (0.5 * BOX_MARGIN * (most - least)).max(1e-3 * centre.abs().max(1.0))
    };
    let ranges = bounds.iter().zip(&centres).map(range).collect();
    Calibration { centres, ranges, back }
}

/// The box of a coordinate: the one that is given, else that of the states.
fn bounds(samples: &Samples, axis: usize) -> (f64, f64) {
    if let (Some(least), Some(most)) = (samples.x_min.get(axis), samples.x_max.get(axis)) {
        return (*least, *most);
    }
    let column = samples.x.iter().filter_map(|x| x.get(axis));
    column.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), value| (least.min(*value), most.max(*value)))
}

fn placed(network: &Network, at: &Calibration, bits: Bits, dof: usize) -> PlacedNetwork {
    // −∂H/∂q, but ∂H/∂p; of a network of both the derivatives by p come first.
    let negated = network.columns.end.min(dof).saturating_sub(network.columns.start);
    let rotation = if network.columns.len() > negated && negated > 0 { dof } else { 0 };
    let table = table::table(network, negated, rotation, at, bits);
    PlacedNetwork {
        columns: network.columns.clone(),
        table: table.words,
        weights: table.weights,
        scratch_len: table.scratch_len,
    }
}

/// Where a coordinate is held by the network that holds it first; nothing where none reads it.
fn edge(networks: &[Network], calibrations: &[Calibration], axis: usize, side: f64) -> Option<f64> {
    let of = |(network, at): (&Network, &Calibration)| {
        let position = axis.checked_sub(network.columns.start).filter(|_| network.columns.contains(&axis))?;
        Some(at.centres[position] + side * at.ranges[position])
    };
    networks.iter().zip(calibrations).find_map(of)
}
