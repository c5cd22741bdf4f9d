//! How far a program is from its model: the error of its field, and the energy over a long run on lattice states.
//!
//! The truth is the f64 reference, for the field as for the energy along the run.

use hnn_runtime::format::MAX_DOF;
use hnn_runtime::model::Model as _;
use hnn_runtime::{Compiled, DampingKind, Entry, Lattice, Program, State};

use crate::dynamics::{self, INPUT, Model, STATE, Scheme};
use crate::evaluate::Evaluator;
use crate::graph::Tensor;
use crate::manifest::{DriftRecord, Samples};

use super::QuantizeError;

/// Steps of a run on the lattice.
const DRIFT_STEPS: u64 = 1_000_000;
/// Fewer where they would take more multiply-adds than this.
const DRIFT_OPERATIONS: u64 = 4_000_000_000;
/// States of a run at which the energy is looked at.
const CHECKPOINTS: u64 = 1000;

/// What is right, at every sample.
#[derive(Debug)]
pub(super) struct Truth<'a> {
    samples: &'a Samples,
    /// \[∂H/∂p, −∂H/∂q + G u\] of each.
    fields: Vec<Vec<f64>>,
    energy: Evaluator,
}

impl<'a> Truth<'a> {
    pub(super) fn new(model: &Model, samples: &'a Samples) -> Result<Self, QuantizeError> {
        let parts = dynamics::parts(model)?;
        let evaluator = Evaluator::new(&parts)?;
        let rows = samples.x.len();
        let x = Tensor::new(vec![rows, 2 * model.dof()], samples.x.concat())?;
        let mut inputs = vec![(STATE, &x)];
        let u = Tensor::new(vec![rows, model.inputs()], samples.u.concat());
        if model.inputs() > 0 {
            inputs.push((INPUT, u.as_ref().map_err(Clone::clone)?));
        }
        let values = evaluator.run(&inputs)?;
        let output = |name: &str| {
            let position = parts.outputs().iter().position(|(known, _)| known == name);
            position.map(|position| values[position].data().chunks(model.dof()).map(<[f64]>::to_vec))
        };
        let (velocities, forces) = (output("velocity"), output("force"));
        let fields = velocities.into_iter().flatten().zip(forces.into_iter().flatten());
        let fields = fields.map(|(velocity, force)| [velocity, force].concat()).collect();
        let energy = Evaluator::new(&dynamics::hamiltonian(model)?)?;
        Ok(Self { samples, fields, energy })
    }

    /// Error of the field over at most `limit` samples: its norm over the field's, and the largest of any component over the
    /// field's root mean square.
    pub(super) fn field_error(&self, program: &Program<'_>, limit: usize) -> (f64, f64) {
        let mut workspace = vec![0.0; program.workspace_len()];
        let Ok(mut model) = Compiled::bind(program, &mut workspace) else { return (f64::INFINITY, f64::INFINITY) };
        let dof = program.dof();
        let (mut error, mut norm, mut largest, mut count) = (0.0, 0.0, 0.0_f64, 0.0);
        for (index, (x, field)) in self.samples.x.iter().zip(&self.fields).take(limit).enumerate() {
            let x = rounded(x);
            let u = self.samples.u.get(index).map(|u| rounded(u)).unwrap_or_default();
            let mut rates = vec![0.0; 2 * dof];
            let ((q, p), (dq, dp)) = (x.split_at(dof), rates.split_at_mut(dof));
            model.field(q, p, &u, dq, dp);
            for (rate, expected) in rates.iter().zip(field) {
                let difference = f64::from(*rate) - expected;
                error += difference * difference;
                norm += expected * expected;
                largest = largest.max(difference.abs());
                count += 1.0;
            }
        }
        // A field that is 0 throughout has no relative error.
        let norm = f64::max(norm, f64::MIN_POSITIVE);
        ((error / norm).sqrt(), largest / (norm / count).sqrt())
    }

    /// Largest error of the energy over all samples, relative to the root mean square of the energy.
    pub(super) fn energy_error(&self, program: &Program<'_>) -> Option<f64> {
        let dof = program.dof();
        let mut workspace = vec![0.0; program.workspace_len()];
        let mut model = Compiled::bind(program, &mut workspace).ok()?;
        let energies =
            self.energies(&Tensor::new(vec![self.samples.x.len(), 2 * dof], self.samples.x.concat()).ok()?)?;
        let (mut largest, mut square) = (0.0_f64, 0.0);
        for (x, energy) in self.samples.x.iter().zip(&energies) {
            let x = rounded(x);
            let (q, p) = x.split_at(dof);
            largest = largest.max((f64::from(model.energy(q, p)) - energy).abs());
            square += energy * energy;
        }
        Some(largest / (square / energies.len() as f64).sqrt().max(f64::MIN_POSITIVE))
    }

    /// The energy along a run on the lattice from the first sample; nothing where states of whole numbers cannot take its steps.
    pub(super) fn drift(&self, program: &Program<'_>, scheme: Scheme) -> Option<DriftRecord> {
        let splitting = scheme.splitting().filter(|_| program.damping_kind() == DampingKind::None)?;
        let cost = program.multiply_adds(Entry::Force) + program.multiply_adds(Entry::Velocity);
        let steps = (DRIFT_OPERATIONS / (cost * splitting.kick.len() as u64).max(1)).clamp(CHECKPOINTS, DRIFT_STEPS);
        let mut workspace = vec![0.0; program.workspace_len()];
        let mut model = Compiled::bind(program, &mut workspace).ok()?;
        let mut separable = model.separable().ok()?;
        let x = rounded(self.samples.x.first()?);
        let (q, p) = x.split_at(program.dof());
        let u = vec![0.0; program.inputs()];
        let mut lattice = Lattice::<MAX_DOF>::new(&State::new(q, p).ok()?).ok()?;
        let mut visited = Vec::new();
        let every = steps / CHECKPOINTS;
        for step in 0..every * CHECKPOINTS {
            if step % every == 0 {
                let state = lattice.state();
                visited.extend(state.q().iter().chain(state.p()).map(|value| f64::from(*value)));
            }
            lattice.step(splitting, &mut separable, &u, program.dt()).ok()?;
        }
        let visited = Tensor::new(vec![CHECKPOINTS as usize, 2 * program.dof()], visited).ok()?;
        let along = self.energies(&visited)?;
        let states = Tensor::new(vec![self.samples.x.len(), 2 * program.dof()], self.samples.x.concat()).ok()?;
        let span = self.energies(&states)?;
        let extent = |values: &[f64]| {
            let (least, most) =
                values.iter().fold((f64::MAX, f64::MIN), |(l, m), value| (l.min(*value), m.max(*value)));
            most - least
        };
        let start = along.first()?;
        Some(DriftRecord {
            steps: every * CHECKPOINTS,
            energy_error_max: along.iter().map(|energy| (energy - start).abs()).fold(0.0, f64::max),
            energy_slope: slope(&along) * CHECKPOINTS as f64,
            energy_span: extent(&span),
        })
    }

    fn energies(&self, x: &Tensor) -> Option<Vec<f64>> {
        let values = self.energy.run(&[(STATE, x)]).ok()?;
        values.first().map(|energy| energy.data().to_vec())
    }
}

fn rounded(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// Slope of the straight line nearest to the values, per value.
fn slope(values: &[f64]) -> f64 {
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (index, value) in values.iter().enumerate() {
        let at = index as f64 - middle;
        covariance += at * (value - mean);
        variance += at * at;
    }
    covariance / variance
}
