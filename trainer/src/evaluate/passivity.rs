//! Whether a deployed model takes more energy from its input than it is given.
//!
//! In continuous time dH/dt = −vᵀRv + uᵀy with v = ∂H/∂p and y = Gᵀv, so R ⪰ 0 makes a model passive by structure. Steps of
//! finite length are another matter: the margin is measured, on rollouts with the recorded input, through the scheme that
//! is deployed. It knows no step but the predictor's.

use hnn_exporter::dynamics::{self, Dissipation, Model, Scheme};
use hnn_exporter::evaluate::{EvaluateError, Evaluator};
use hnn_exporter::graph::Tensor;
use serde::{Deserialize, Serialize};

use super::equilibria::spectrum;
use super::metrics::{finite, mean};
use super::window::{cut, predict};
use super::{EvaluationError, GraphPredictor, Predictor};
use crate::data::Dataset;

/// Most rows at which R is looked at.
const ROWS_MAX: usize = 4096;

/// Energy balance of rollouts with recorded input.
///
/// The work of a step is dt · uᵀ(y(x) + y(x⁺))/2, u held; the excess H(x⁺) − H(x) − work is at most 0 for a passive step,
/// up to what the trapezoidal rule misses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassivityReport {
    /// The recording.
    pub source: String,
    /// Length of the rollouts, s.
    pub window_s: f64,
    /// Steps measured in all rollouts.
    pub steps: usize,
    /// Largest excess of any step, in units of H; positive where energy was made.
    pub excess_step_max: Option<f64>,
    /// Largest excess summed over a rollout.
    pub excess_window_max: Option<f64>,
    /// Root mean square of the work of a step, to compare with.
    pub work_rms: Option<f64>,
    /// Smallest eigenvalue of R over the recorded states; absent where the model has no dissipation.
    pub dissipation_min: Option<f64>,
}

/// Measures the energy balance of `model`, its weights bound, stepped by `scheme` over windows of `seconds`.
///
/// # Errors
/// [`EvaluationError`] where dimensions differ, the scheme does not suit, or no window fits.
pub fn passivity(
    model: &Model,
    scheme: Scheme,
    data: &Dataset,
    seconds: f64,
    source: &str,
) -> Result<PassivityReport, EvaluationError> {
    let windows = cut(data, seconds);
    if windows.is_empty() {
        return Err(EvaluationError::Mismatch(format!("no window of {seconds} s fits into the data")));
    }
    let mut metered = Metered::new(model, scheme)?;
    predict(data, &mut metered, &windows, |_, _, _, _| {})?;
    let largest = |values: &[f64]| {
        let value = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if values.iter().any(|value| value.is_nan()) { None } else { finite(value) }
    };
    Ok(PassivityReport {
        source: source.to_owned(),
        window_s: seconds,
        steps: metered.excess.len(),
        excess_step_max: largest(&metered.excess),
        excess_window_max: largest(&metered.total),
        work_rms: finite(mean(metered.work.iter().map(|work| work * work)).sqrt()),
        dissipation_min: dissipation_min(model, data)?,
    })
}

/// A predictor that keeps the books.
struct Metered {
    inner: GraphPredictor,
    books: Books,
    excess: Vec<f64>,
    work: Vec<f64>,
    /// Excess of each rollout so far.
    total: Vec<f64>,
}

impl Metered {
    fn new(model: &Model, scheme: Scheme) -> Result<Self, EvaluationError> {
        let (inner, books) = (GraphPredictor::new(model, scheme)?, Books::new(model)?);
        Ok(Self { inner, books, excess: Vec::new(), work: Vec::new(), total: Vec::new() })
    }
}

impl Predictor for Metered {
    fn dof(&self) -> usize {
        self.inner.dof()
    }

    fn inputs(&self) -> usize {
        self.inner.inputs()
    }

    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError> {
        let (energy, power) = self.books.of(x, u)?;
        self.inner.step(x, u, dt)?;
        let (energy_after, power_after) = self.books.of(x, u)?;
        // Rollouts that are over leave from the end, so row k is always the same rollout.
        self.total.resize(self.total.len().max(dt.len()), 0.0);
        for (row, dt) in dt.iter().enumerate() {
            let work = dt * (power[row] + power_after[row]) / 2.0;
            let excess = energy_after[row] - energy[row] - work;
            self.work.push(work);
            self.excess.push(excess);
            self.total[row] += excess;
        }
        Ok(())
    }
}

/// H and supplied power of states.
struct Books {
    /// H, and R and G where the model has them.
    model: Evaluator,
    gradient: Evaluator,
    energy_at: Option<usize>,
    gain_at: Option<usize>,
    dof: usize,
    inputs: usize,
}

impl Books {
    fn new(model: &Model) -> Result<Self, EvaluationError> {
        let at = |name: &str| model.graph().outputs().iter().position(|(known, _)| known == name);
        Ok(Self {
            model: Evaluator::new(model.graph())?,
            gradient: Evaluator::new(&dynamics::gradient(model)?)?,
            energy_at: at(dynamics::ENERGY),
            gain_at: at(dynamics::GAIN),
            dof: model.dof(),
            inputs: model.inputs(),
        })
    }

    /// H `[rows]` and uᵀGᵀ∂H/∂p `[rows]`.
    fn of(&self, x: &[f64], u: &[f64]) -> Result<(Vec<f64>, Vec<f64>), EvaluationError> {
        let (dof, inputs) = (self.dof, self.inputs);
        let rows = x.len() / (2 * dof);
        let state = matrix(x, 2 * dof)?;
        let outputs = self.model.run(&[(dynamics::STATE, &state)])?;
        let slope = self.gradient.run(&[(dynamics::STATE, &state)])?;
        let of = |at: Option<usize>| at.and_then(|at| outputs.get(at)).map(Tensor::data).unwrap_or_default();
        let (energy, gain) = (of(self.energy_at), of(self.gain_at));
        let slope = slope.first().map(Tensor::data).unwrap_or_default();
        // A gain that is the same in every state comes once.
        let size = dof * inputs;
        let gain_of = |row: usize| if gain.len() == size { gain } else { &gain[row * size..(row + 1) * size] };
        let power = |row: usize| -> f64 {
            if gain.is_empty() {
                return 0.0;
            }
            let (own, velocity) =
                (&u[row * inputs..(row + 1) * inputs], &slope[(2 * row + 1) * dof..(2 * row + 2) * dof]);
            let force =
                gain_of(row).chunks_exact(inputs).map(|gain| gain.iter().zip(own).map(|(g, u)| g * u).sum::<f64>());
            force.zip(velocity).map(|(force, velocity)| force * velocity).sum()
        };
        Ok((energy.to_vec(), (0..rows).map(power).collect()))
    }
}

fn matrix(x: &[f64], width: usize) -> Result<Tensor, EvaluationError> {
    Ok(Tensor::new(vec![x.len() / width, width], x.to_vec()).map_err(EvaluateError::from)?)
}

/// Smallest eigenvalue of R over states of the data, [`ROWS_MAX`] at most.
fn dissipation_min(model: &Model, data: &Dataset) -> Result<Option<f64>, EvaluationError> {
    let Some(form) = model.dissipation() else { return Ok(None) };
    let (dof, rows) = (model.dof(), data.rows());
    let stride = rows.count.div_ceil(ROWS_MAX).max(1);
    let states: Vec<f64> = rows.x.chunks_exact(2 * dof).step_by(stride).flatten().copied().collect();
    let at = model.graph().outputs().iter().position(|(name, _)| name == dynamics::DISSIPATION);
    let outputs = Evaluator::new(model.graph())?.run(&[(dynamics::STATE, &matrix(&states, 2 * dof)?)])?;
    let values = at.and_then(|at| outputs.get(at)).map(Tensor::data).unwrap_or_default();
    let smallest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    match form {
        Dissipation::Diagonal => Ok(finite(smallest(values))),
        Dissipation::Full => {
            let each = values.chunks_exact(dof * dof).map(|matrix| Ok(smallest(&spectrum(matrix, dof)?)));
            Ok(finite(smallest(&each.collect::<Result<Vec<f64>, EvaluationError>>()?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use hnn_exporter::graph::{Graph, Shape};

    use super::*;
    use crate::data::{Names, Source, Trajectory, as_f64};

    /// H = p²/2 + q²/2, friction r, gain 2.
    fn driven(friction: f64) -> Model {
        let mut g = Graph::new();
        let x = g.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
        g.input(dynamics::INPUT, Shape::batched(&[1]).unwrap()).unwrap();
        let square = g.mul(x, x).unwrap();
        let sum = g.sum_keep(square, &[1]).unwrap();
        let energy = g.scale(sum, 0.5).unwrap();
        g.set_output(dynamics::ENERGY, energy);
        let friction = g.constant(Tensor::new(vec![1], vec![friction]).unwrap()).unwrap();
        g.set_output(dynamics::DISSIPATION, friction);
        let gain = g.constant(Tensor::new(vec![1, 1], vec![2.0]).unwrap()).unwrap();
        g.set_output(dynamics::GAIN, gain);
        Model::new(g).unwrap()
    }

    /// A recording of the input sin t at `dt`; its states only matter as starts of rollouts.
    fn recording(dt: f64) -> Dataset {
        let rows = 401;
        let time: Vec<f64> = (0..rows).map(|row| as_f64(row) * dt).collect();
        let trajectory = Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            q: time.iter().map(|t| t.cos()).collect(),
            p: time.iter().map(|t| -t.sin()).collect(),
            u: time.iter().map(|t| t.sin()).collect(),
            time,
            derivative: None,
        };
        Dataset::new(Names::canonical(1, 1), vec![trajectory]).unwrap()
    }

    fn measured(friction: f64, dt: f64) -> PassivityReport {
        passivity(&driven(friction), Scheme::Leapfrog, &recording(dt), 1.0, "made").unwrap()
    }

    #[test]
    fn friction_takes_energy_and_its_opposite_is_found_out() {
        let good = measured(0.5, 0.01);
        assert!(good.excess_window_max.unwrap() < -1e-3 && good.dissipation_min == Some(0.5), "{good:?}");
        assert_eq!((good.steps, good.window_s), (400, 1.0));
        let bad = measured(-0.5, 0.01);
        assert!(bad.excess_window_max.unwrap() > 1e-2 && bad.dissipation_min == Some(-0.5), "{bad:?}");
        assert!(bad.excess_step_max.unwrap() > 0.1 * bad.work_rms.unwrap(), "{bad:?}");
    }

    #[test]
    fn without_friction_only_the_scheme_errs_and_by_its_third_order_per_step() {
        let [coarse, fine] = [0.02, 0.01].map(|dt| measured(0.0, dt).excess_step_max.unwrap());
        assert!(coarse > 0.0 && (6.0..10.0).contains(&(coarse / fine)), "{coarse:e} {fine:e}");
    }

    #[test]
    fn the_work_of_a_held_input_is_force_times_way() {
        // Over a step of leapfrog with F held the work is F (q⁺ − q) = F dt p½; the trapezoidal rule, which takes the mean of
        // both momenta for p½ = 0.498, misses dt² (f⁺ − f)/4 = −dt³ p½/4 of it.
        let (model, dt) = (driven(0.0), 0.01);
        let mut metered = Metered::new(&model, Scheme::Leapfrog).unwrap();
        let mut x = [1.0, 0.5];
        metered.step(&mut x, &[0.3], &[dt]).unwrap();
        let expected = 0.6 * (x[0] - 1.0) - dt.powi(3) * 0.6 * 0.498 / 4.0;
        assert!((metered.work[0] - expected).abs() < 1e-15, "{}", metered.work[0]);
        let energy = |x: [f64; 2]| (x[0] * x[0] + x[1] * x[1]) / 2.0;
        assert!((metered.excess[0] - (energy(x) - energy([1.0, 0.5]) - metered.work[0])).abs() < 1e-15);
    }
}
