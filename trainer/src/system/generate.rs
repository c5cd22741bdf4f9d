//! Data made from a named system.
//!
//! Initial states and noise come from separate seeded streams per trajectory, so more trajectories or less noise change
//! nothing else. Every motion is integrated to [`System::tolerance`], and what was attained is returned for printing.

use std::fmt;

use super::{Energy, Field, ModelField, Protocol, Settings, System, SystemError, integrate};
use crate::data::{Dataset, Names, Source, Trajectory};
use crate::random::Stream;

/// Largest error of any coordinate of the truth a model is judged by, and of made data unless their system says otherwise.
pub const TRUTH_TOLERANCE: f64 = 1e-10;

/// Motions that are integrated together: enough to hide the cost of a call, few enough to stay in cache.
const BATCH: usize = 250;

/// How well the truth is known.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Attained {
    /// Bound on the error of any coordinate.
    pub state: f64,
    /// Largest |H(x(t)) − H(x(0))|.
    pub energy: f64,
    /// Over this time, in seconds.
    pub horizon: f64,
}

impl fmt::Display for Attained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ground truth: error ≤ {:.1e}, energy error {:.1e} over {} s", self.state, self.energy, self.horizon)
    }
}

/// Data of one protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// To learn from, noisy where the protocol says so.
    pub train: Dataset,
    /// To judge by, just as noisy.
    pub held_out: Dataset,
    /// The held-out motions without noise, always with true derivatives.
    pub held_out_clean: Dataset,
    /// Accuracy of the motions.
    pub attained: Attained,
}

/// Makes data of `system` under `settings`; the same seed gives the same bits.
///
/// # Errors
/// [`SystemError`] for unknown settings, an impossible protocol, or a motion that cannot be integrated to
/// its tolerance.
pub fn generate(
    system: &System,
    settings: &Settings,
    protocol: &Protocol,
    seed: u64,
) -> Result<Generated, SystemError> {
    protocol.check()?;
    let model = system.model(settings)?;
    let (mut field, energy) = (ModelField::new(&model)?, Energy::new(&model)?);
    let times = protocol.times();
    let mut attained = Attained { state: 0.0, energy: 0.0, horizon: protocol.horizon };
    let mut clean = Vec::with_capacity(protocol.trajectories);
    let indices: Vec<usize> = (0..protocol.trajectories).collect();
    for batch in indices.chunks(BATCH) {
        let mut streams: Vec<Stream> = batch.iter().map(|index| stream(seed, "start", *index)).collect();
        let starts = system.starts(settings, &mut streams)?.concat();
        let truth = integrate(&mut field, &starts, &times, system.tolerance)?;
        attained.state = attained.state.max(truth.attained);
        for (row, index) in batch.iter().enumerate() {
            let states = truth.motion(row);
            attained.energy = attained.energy.max(spread(&energy.evaluate(&states)?));
            clean.push(trajectory(system, *index, &times, &states, &mut field)?);
        }
    }
    let dataset = |trajectories| Dataset::new(Names::canonical(model.dof(), 0), trajectories);
    let observed = clean.iter().enumerate().map(|(index, one)| observe(one, protocol, seed, index)).collect::<Vec<_>>();
    let first = protocol.trajectories - protocol.held_out;
    Ok(Generated {
        train: dataset(observed[..first].to_vec())?,
        held_out: dataset(observed[first..].to_vec())?,
        held_out_clean: dataset(clean.split_off(first))?,
        attained,
    })
}

fn stream(seed: u64, label: &str, index: usize) -> Stream {
    Stream::new(seed, label, u64::try_from(index).unwrap_or(u64::MAX))
}

/// Largest distance from the first value.
fn spread(values: &[f64]) -> f64 {
    values.iter().map(|value| (value - values[0]).abs()).fold(0.0, f64::max)
}

fn trajectory(
    system: &System,
    index: usize,
    times: &[f64],
    states: &[f64],
    field: &mut ModelField,
) -> Result<Trajectory, SystemError> {
    let mut derivative = vec![0.0; states.len()];
    field.evaluate(states, &mut derivative)?;
    let dof = field.width() / 2;
    let half = |offset: usize| -> Vec<f64> {
        states.chunks_exact(2 * dof).flat_map(|x| &x[offset..offset + dof]).copied().collect()
    };
    Ok(Trajectory {
        source: Source { name: system.name.to_owned(), first_row: index },
        time: times.to_vec(),
        q: half(0),
        p: half(dof),
        u: Vec::new(),
        derivative: Some(derivative),
    })
}

/// What a noisy sensor sees of a clean motion: noise on the state alone.
fn observe(clean: &Trajectory, protocol: &Protocol, seed: u64, index: usize) -> Trajectory {
    let mut seen = clean.clone();
    if protocol.noise > 0.0 {
        let mut stream = stream(seed, "noise", index);
        for value in seen.q.iter_mut().chain(&mut seen.p) {
            *value += stream.normal(0.0, protocol.noise);
        }
    }
    if !protocol.derivatives {
        seen.derivative = None;
    }
    seen
}

/// `count` fresh initial states `[count × 2n]` of a system, from a stream that data never use.
///
/// # Errors
/// [`SystemError::Setting`].
pub fn fresh_starts(system: &System, settings: &Settings, count: usize, seed: u64) -> Result<Vec<f64>, SystemError> {
    let mut streams: Vec<Stream> = (0..count).map(|index| stream(seed, "evaluation start", index)).collect();
    Ok(system.starts(settings, &mut streams)?.concat())
}
