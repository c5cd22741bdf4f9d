//! What the exported model must have as a mechanical system, measured.
//!
//! The gradient is checked against differences of H, the field against ∇H, and the device program is run: its energy must
//! not drift, its steps must be reversible, its dissipation must take energy away. Every number comes with the limit it was
//! held against. Energies along a trajectory are evaluated in f64, so that what is measured is the motion, not the meter.

use super::Outputs;
use super::artifact::Artifact;
use super::engine::EngineError;
use super::metrics::{TOLERANCE_F16, root_mean_square};
use super::reference::Reference;
use super::samples::Samples;
use super::trajectory;
use super::trend::{self, Slope};
use crate::differentiate;
use crate::dynamics::MOMENTUM;
use crate::graph::{Graph, Tensor};
use crate::onnx::{self, Precision};

/// Largest relative error of the gradient.
pub const GRADIENT_TOLERANCE: f64 = 1e-5;
/// Largest ∇H·ẋ / (|∇H| |ẋ|) where there is no dissipation.
pub const POWER_TOLERANCE: f64 = 1e-5;
/// Largest relative error of a momentum found from a velocity: roundings of f32, as much larger as masses differ.
pub const MOMENTUM_TOLERANCE: f64 = 1e-4;
/// Standard errors within which a slope counts as none.
pub const SLOPE_WIDTH: f64 = 3.0;
/// Energy drift over the run, relative to the spread of H, that counts as none.
pub const DRIFT_TOLERANCE: f64 = 1e-3;
/// Energy error relative to the spread of H, beyond which a motion has left its level set, whatever its trend.
pub const ENERGY_ERROR_LIMIT: f64 = 1.0;
/// Distance after one step there and back, relative to the spread of a coordinate plus its size: some roundings of f32.
pub const REVERSAL_TOLERANCE: f64 = 1e-5;
/// Step of the differences, relative to the spread of a coordinate.
const DIFFERENCE_STEP: f64 = 1e-3;
/// Most samples whose gradient is checked.
const GRADIENT_SAMPLES: usize = 64;

/// How long the device program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLength {
    /// Steps over which the energy is watched.
    pub drift_steps: usize,
    /// Steps at each of which one step there and back is taken.
    pub reversal_steps: usize,
    /// Samples to start from.
    pub starts: usize,
}

impl Default for RunLength {
    fn default() -> Self {
        Self { drift_steps: 10_000, reversal_steps: 1_000, starts: 4 }
    }
}

/// A measured number and its limit.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Check {
    /// What was measured.
    pub value: f64,
    /// The largest value that passes.
    pub limit: f64,
    /// Samples or trajectories it was measured on.
    pub samples: usize,
    /// The verdict.
    pub passes: bool,
}

impl Check {
    fn new(value: f64, limit: f64, samples: usize) -> Self {
        // A NaN passes nothing.
        Self { value, limit, samples, passes: value <= limit }
    }
}

/// The energy along trajectories of the device program.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Drift {
    /// Scheme of the blob.
    pub scheme: String,
    /// Time step.
    pub dt: f64,
    /// Steps of each trajectory.
    pub steps: usize,
    /// Trajectories.
    pub starts: usize,
    /// Whether there is dissipation; energy then has to fall.
    pub damped: bool,
    /// Standard deviation of H over the samples, the measure of everything here.
    pub energy_scale: f64,
    /// Largest |H(t) − H(0)|.
    pub energy_error_max: f64,
    /// Mean slope of H over the trajectories.
    pub slope: Slope,
    /// |slope| · duration / scale; with dissipation, the rise of the mean energy over the run / scale, if any.
    pub relative: f64,
    /// The verdict: no slope beyond its error, or none that matters; with dissipation no rise that matters.
    pub passes: bool,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Physics {
    /// ∇H by differentiation of the graph against central differences of H, both in f64.
    pub gradient: Check,
    /// ∇H·ẋ at u = 0, relative: |·| without dissipation, where it is 0; its positive part with.
    pub power: Check,
    /// Energy over time; absent without a device program.
    pub drift: Option<Drift>,
    /// Momenta of the velocities of the samples, by `momentum.onnx`, against those of the samples; absent without that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<Check>,
    /// One step there and back with −dt; absent with dissipation, or without a device program.
    pub reversal: Option<Check>,
    /// Why a trajectory could not be run to its end.
    pub failure: Option<String>,
}

impl Physics {
    /// Whether everything that was measured passes.
    #[must_use]
    pub fn passes(&self) -> bool {
        let drift = self.drift.as_ref().is_none_or(|drift| drift.passes);
        let reversal = self.reversal.as_ref().is_none_or(|check| check.passes);
        let momentum = self.momentum.as_ref().is_none_or(|check| check.passes);
        self.gradient.passes && self.power.passes && drift && reversal && momentum && self.failure.is_none()
    }
}

/// Measures an artifact on `samples`.
///
/// # Errors
/// [`EngineError`] where a file cannot be read or evaluated. A trajectory that fails is part of the result.
pub fn measure(artifact: &Artifact, samples: &Samples, length: RunLength) -> Result<Physics, EngineError> {
    let hamiltonian = onnx::read(&artifact.hamiltonian)?;
    let mut energy = Reference::new(&hamiltonian)?;
    let gradient = gradient(&hamiltonian)?;
    let damped = match &artifact.blob {
        Some(words) => trajectory::is_damped(words)?,
        None => dissipates(artifact, &gradient, samples)?,
    };
    let mut physics = Physics {
        gradient: gradient_check(&mut energy, &gradient, samples)?,
        power: power_check(artifact, &gradient, samples, damped)?,
        drift: None,
        momentum: None,
        reversal: None,
        failure: None,
    };
    let Some(words) = &artifact.blob else { return Ok(physics) };
    match trajectory::run(words, samples, length.starts, length.drift_steps) {
        Ok(run) => match drift(&mut energy, &run, samples, damped)? {
            Ok(drift) => physics.drift = Some(drift),
            Err(reason) => physics.failure = Some(reason),
        },
        Err(error) => physics.failure = Some(error.to_string()),
    }
    if !damped {
        match trajectory::reversal_distance(words, samples, length.starts, length.reversal_steps) {
            Ok(distance) => {
                let starts = length.starts.min(samples.count());
                physics.reversal = Some(Check::new(distance, REVERSAL_TOLERANCE, starts));
            }
            Err(error) => physics.failure = Some(error.to_string()),
        }
    }
    Ok(physics)
}

/// The graph of ∇H, with output `gradient`.
fn gradient(hamiltonian: &Graph) -> Result<Graph, EngineError> {
    let mut graph = hamiltonian.clone();
    let missing = || EngineError::failed(super::EngineKind::Reference, "hamiltonian.onnx must map `x` to `H`");
    let (x, energy) = (graph.leaf("x").ok_or_else(missing)?, graph.output("H").ok_or_else(missing)?);
    let gradient = differentiate::gradient(&mut graph, energy, &[x])?;
    graph.set_output("gradient", gradient.first().copied().ok_or_else(missing)?);
    Ok(graph)
}

/// Largest error of ∇H against the five-point difference (−H₂ + 8H₁ − 8H₋₁ + H₋₂)/12h, relative to |∂H| + its rms.
fn gradient_check(energy: &mut Reference, gradient: &Graph, samples: &Samples) -> Result<Check, EngineError> {
    let count = samples.count().min(GRADIENT_SAMPLES);
    let width = 2 * samples.dof();
    let states = &samples.x.data()[..count * width];
    let x = Tensor::new(vec![count, width], states.to_vec())?;
    let exact = Reference::new(gradient)?.output(&[("x", &x)], "gradient")?;
    let mut differences = vec![0.0; count * width];
    for (axis, spread) in samples.spread().into_iter().enumerate() {
        let step = DIFFERENCE_STEP * spread;
        for (multiple, weight) in [(-2.0, 1.0), (-1.0, -8.0), (1.0, 8.0), (2.0, -1.0)] {
            let mut moved = x.clone();
            moved.data_mut().iter_mut().skip(axis).step_by(width).for_each(|value| *value += multiple * step);
            let values = energy.output(&[("x", &moved)], "H")?;
            for (difference, value) in differences.iter_mut().skip(axis).step_by(width).zip(values.data()) {
                *difference += weight * value / (12.0 * step);
            }
        }
    }
    let scale = root_mean_square(&differences);
    let error = |(exact, difference): (&f64, &f64)| relative((exact - difference).abs(), difference.abs() + scale);
    let worst = exact.data().iter().zip(&differences).map(error).fold(0.0, nan_max);
    Ok(Check::new(worst, GRADIENT_TOLERANCE, count))
}

/// Largest |p − p₀| of a momentum found from a velocity, relative to |p₀| + its rms; velocities were rounded on the way.
pub(super) fn momentum_check(found: &Outputs, samples: &Samples, precision: Precision) -> Check {
    let width = 2 * samples.dof();
    let given: Vec<f64> = samples.x.data().chunks_exact(width).flat_map(|row| &row[samples.dof()..]).copied().collect();
    let found = found.iter().find(|(name, _)| name == MOMENTUM).map_or(&[][..], |(_, values)| values.data());
    let scale = root_mean_square(&given);
    let error = |(found, given): (&f64, &f64)| relative((found - given).abs(), given.abs() + scale);
    let worst = found.iter().zip(&given).map(error).fold(0.0, nan_max);
    let worst = if found.len() == given.len() { worst } else { f64::NAN };
    let limit = if precision == Precision::F16 { TOLERANCE_F16 } else { MOMENTUM_TOLERANCE };
    Check::new(worst, limit, samples.count())
}

/// ∇H·ẋ at u = 0 of every sample, relative to |∇H| |ẋ|.
fn powers(artifact: &Artifact, gradient: &Graph, samples: &Samples) -> Result<Vec<f64>, EngineError> {
    let exact = Reference::new(gradient)?.output(&[("x", &samples.x)], "gradient")?;
    let still = samples.u.as_ref().map(|u| Tensor::full(u.shape(), 0.0)).transpose()?;
    let mut arguments = vec![("x", &samples.x)];
    arguments.extend(still.as_ref().map(|u| ("u", u)));
    let field = Reference::read(&artifact.field)?.output(&arguments, "dx")?;
    let width = 2 * samples.dof();
    let rows = exact.data().chunks_exact(width).zip(field.data().chunks_exact(width));
    let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    Ok(rows.map(|(slope, motion)| relative(dot(slope, motion), norm(slope) * norm(motion))).collect())
}

fn power_check(artifact: &Artifact, gradient: &Graph, samples: &Samples, damped: bool) -> Result<Check, EngineError> {
    let powers = powers(artifact, gradient, samples)?;
    let worst = powers.into_iter().map(|power| if damped { power } else { power.abs() }).fold(0.0, nan_max);
    Ok(Check::new(worst, power_tolerance(artifact), samples.count()))
}

/// Without a device program to tell: whether the field takes energy away anywhere.
fn dissipates(artifact: &Artifact, gradient: &Graph, samples: &Samples) -> Result<bool, EngineError> {
    Ok(powers(artifact, gradient, samples)?.into_iter().any(|power| power < -power_tolerance(artifact)))
}

/// Weights of H and of the field are rounded apart, so the field of f16 files is as far from ∇H as their roundings.
fn power_tolerance(artifact: &Artifact) -> f64 {
    match artifact.precision {
        Precision::F16 => TOLERANCE_F16,
        Precision::F32 | Precision::F64 => POWER_TOLERANCE,
    }
}

/// The energy along trajectories, or why there is no telling.
fn drift(
    energy: &mut Reference,
    run: &trajectory::Run,
    samples: &Samples,
    damped: bool,
) -> Result<Result<Drift, String>, EngineError> {
    let sampled = energy.output(&[("x", &samples.x)], "H")?;
    let mean = sampled.data().iter().sum::<f64>() / samples.count() as f64;
    let centred: Vec<f64> = sampled.data().iter().map(|value| value - mean).collect();
    let spread = root_mean_square(&centred);
    let energy_scale = if spread > 0.0 { spread } else { root_mean_square(sampled.data()).max(f64::MIN_POSITIVE) };
    let (mut error_max, mut rise, mut slopes) = (0.0, 0.0, Vec::new());
    for states in &run.trajectories {
        let energies = energy.output(&[("x", states)], "H")?;
        let (first, last) = (energies.data()[0], energies.data()[energies.data().len() - 1]);
        error_max = energies.data().iter().map(|value| (value - first).abs()).fold(error_max, nan_max);
        rise += (last - first) / run.trajectories.len() as f64;
        match trend::slope(energies.data(), run.dt) {
            Some(slope) => slopes.push(slope),
            None if energies.data().len() < trend::MIN_VALUES => {
                let (steps, wanted) = (run.steps, trend::MIN_VALUES - 1);
                return Ok(Err(format!(
                    "{steps} steps tell no drift of the energy from its swing; {wanted} are needed"
                )));
            }
            None => return Ok(Err("the energy along it is not finite".to_owned())),
        }
    }
    let slope = pooled(&slopes);
    let duration = run.steps as f64 * run.dt.abs();
    let change = if damped { rise.max(0.0) } else { slope.value.abs() * duration };
    let relative = change / energy_scale;
    Ok(Ok(Drift {
        scheme: run.scheme.clone(),
        dt: run.dt,
        steps: run.steps,
        starts: run.trajectories.len(),
        damped,
        energy_scale,
        energy_error_max: error_max,
        slope,
        relative,
        passes: stays(error_max / energy_scale, relative, (!damped).then_some(slope)),
    }))
}

/// Whether an energy stays: its drift is negligible or, where it is conserved, no trend and never far off.
fn stays(error: f64, drift: f64, conserved: Option<Slope>) -> bool {
    let trendless = conserved.is_some_and(|slope| !slope.is_significant(SLOPE_WIDTH) && error <= ENERGY_ERROR_LIMIT);
    error.is_finite() && (drift <= DRIFT_TOLERANCE || trendless)
}

/// Mean of slopes; its error is the larger of what the fits say and what the slopes' scatter says.
fn pooled(slopes: &[Slope]) -> Slope {
    let count = slopes.len().max(1) as f64;
    let value = slopes.iter().map(|slope| slope.value).sum::<f64>() / count;
    let fitted = slopes.iter().map(|slope| slope.standard_error.powi(2)).sum::<f64>().sqrt() / count;
    let scatter = slopes.iter().map(|slope| (slope.value - value).powi(2)).sum::<f64>();
    let scattered = (scatter / (count * (count - 1.0).max(1.0))).sqrt();
    Slope { value, standard_error: fitted.max(scattered) }
}

/// A ratio that is 0 where its numerator is.
fn relative(value: f64, scale: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value / scale }
}

/// The larger of two numbers; a NaN is larger than all.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_motion_that_runs_away_does_not_pass_because_its_trend_is_uncertain() {
        let noisy = Slope { value: 1.0, standard_error: 2.0 };
        let trend = Slope { value: 1.0, standard_error: 0.1 };
        assert!(stays(0.1, 0.5, Some(noisy)));
        assert!(!stays(10.0, 0.5, Some(noisy)));
        assert!(!stays(0.1, 0.5, Some(trend)));
        assert!(stays(0.1, 1e-4, Some(trend)) && stays(10.0, 1e-4, None));
        assert!(!stays(0.1, 0.5, None));
        assert!(!stays(f64::INFINITY, 1e-4, Some(noisy)) && !stays(f64::NAN, 1e-4, Some(noisy)));
    }
}
