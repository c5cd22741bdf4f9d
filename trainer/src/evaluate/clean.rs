//! The clean protocol: fresh in-distribution starts, the true H, no noise, no stretched time.

use hnn_exporter::dynamics::{Scheme, modified};

use super::metrics::{Motions, finite, mean, motion_metrics};
use super::{Deployed, EvaluationError, GraphPredictor, MotionMetrics, Predictor, SystemEvaluation};
use crate::data::{Dataset, as_f64};
use crate::learned::Motion;
use crate::system::{
    Attained, Energy, Field, ModelField, Protocol, Settings, System, TRUTH_TOLERANCE, fresh_starts, integrate, spaced,
};

/// Tolerance to which the learned field is integrated.
pub const FIELD_TOLERANCE: f64 = 1e-8;

/// What the clean protocol does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CleanOptions {
    /// Fresh starts.
    pub starts: usize,
    /// Length of each motion, s.
    pub horizon: f64,
    /// Step length of the deployed scheme, and distance of compared times, s.
    pub dt: f64,
    /// Seed of the starts.
    pub seed: u64,
    /// Scheme to deploy, where the model can be stepped with one.
    pub scheme: Option<Scheme>,
    /// Whether the model was learned through this scheme with this step: its modified energy is then followed, too.
    pub learned_through_scheme: bool,
}

impl Default for CleanOptions {
    fn default() -> Self {
        Self { starts: 15, horizon: 20.0, dt: 0.01, seed: 0, scheme: None, learned_through_scheme: false }
    }
}

impl CleanOptions {
    /// The same at the time step of recorded rows, over the nearest whole number of steps: for a map, which has no other.
    #[must_use]
    pub fn at_rows_of(self, protocol: &Protocol) -> Self {
        let dt = protocol.horizon / as_f64(protocol.rows.saturating_sub(1).max(1));
        Self { dt, horizon: (self.horizon / dt).round().max(1.0) * dt, ..self }
    }
}

/// Evaluates a model or a baseline, its weights bound, against the system it was learned from.
///
/// `held_out` are clean states with true derivatives, for the test loss. A field that cannot be integrated to
/// [`FIELD_TOLERANCE`] leaves `field` empty; the deployed scheme is measured whatever it does.
///
/// # Errors
/// [`EvaluationError`] where model and system do not fit, or the truth cannot be integrated.
pub fn system(
    model: &dyn Motion,
    truth_of: (&System, &Settings),
    held_out: Option<&Dataset>,
    options: &CleanOptions,
) -> Result<SystemEvaluation, EvaluationError> {
    let (named, settings) = truth_of;
    let degrees = named.degrees(settings)?;
    if (model.dof(), model.inputs()) != (degrees, 0) {
        let (dof, inputs) = (model.dof(), model.inputs());
        let message = format!(
            "system `{}` has {} degrees of freedom and no input, the model {dof} and {inputs}",
            named.name, degrees
        );
        return Err(EvaluationError::Mismatch(message));
    }
    let samples = samples(options)?;
    let times = spaced(options.horizon, samples);
    let true_model = named.model(settings)?;
    let energy = Energy::new(&true_model)?;
    let starts = fresh_starts(named, settings, options.starts, options.seed)?;
    // In Cartesian coordinates the motions of a chain amplify rounding beyond the tolerance that holds elsewhere.
    let tolerance = if true_model.constraints() > 0 { named.tolerance } else { TRUTH_TOLERANCE };
    let truth = integrate(&mut ModelField::new(&true_model)?, &starts, &times, tolerance)?;
    let compare = |states: &[f64]| -> Result<MotionMetrics, EvaluationError> {
        let energy = &energy.evaluate(states)?;
        let (truth, rows) = (&truth.states, truth.rows);
        Ok(motion_metrics(&Motions { predicted: states, truth, energy, rows, horizon: options.horizon }))
    };
    // A map has no field; a field may be too stiff for the tolerance.
    let follow = |model: &dyn Motion| {
        let motion = ModelField::new(model)
            .and_then(|mut field| integrate(&mut field, &starts, &times, FIELD_TOLERANCE.max(tolerance)));
        motion.ok().map(|motion| compare(&motion.states)).transpose()
    };
    let field = follow(model)?;
    let learned = options.scheme.filter(|_| options.learned_through_scheme).zip(model.energy());
    let corrected = learned.and_then(|(scheme, energy)| modified(energy, scheme, times[1]).ok());
    let corrected = corrected.map(|energy| follow(&energy)).transpose()?.flatten();
    let deployed = match options.scheme {
        Some(scheme) => {
            let mut predictor = GraphPredictor::new(model, scheme)?;
            let metrics = compare(&stepped(&mut predictor, &starts, &times)?)?;
            Some(Deployed { scheme: model.stepper(scheme), dt_s: times[1], metrics })
        }
        None => None,
    };
    let energy_error = drift(&energy.evaluate(&truth.states)?, truth.rows);
    Ok(SystemEvaluation {
        system: named.name.to_owned(),
        starts: options.starts,
        horizon_s: options.horizon,
        samples,
        truth: Attained { state: truth.attained, energy: energy_error, horizon: options.horizon },
        test_loss_clean: held_out
            .filter(|_| !model.is_map())
            .map(|data| test_loss(model, data))
            .transpose()?
            .and_then(finite),
        field,
        corrected,
        deployed,
    })
}

/// Mean squared error of ẋ over all rows and all 2n coordinates of `data`.
///
/// # Errors
/// [`EvaluationError::Mismatch`] where the data have no derivatives or other dimensions than the model.
pub fn test_loss(model: &dyn Motion, data: &Dataset) -> Result<f64, EvaluationError> {
    let rows = data.rows();
    let (Some(expected), true) = (rows.dx, (data.dof, data.inputs) == (model.dof(), model.inputs())) else {
        let message = "the test loss needs derivatives, and the model's dimensions";
        return Err(EvaluationError::Mismatch(message.to_owned()));
    };
    let mut field = ModelField::new(model)?;
    if data.inputs > 0 {
        field.hold(&rows.u);
    }
    let mut found = vec![0.0; rows.x.len()];
    field.evaluate(&rows.x, &mut found)?;
    Ok(mean(found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2))))
}

/// Compared times of each motion.
fn samples(options: &CleanOptions) -> Result<usize, EvaluationError> {
    let steps = (options.horizon / options.dt).round();
    if !(1.0..=1e6).contains(&steps) || options.starts == 0 {
        let message = format!(
            "{} starts over {} s in steps of {} s: between 1 and 1000000 steps are possible",
            options.starts, options.horizon, options.dt
        );
        return Err(EvaluationError::Mismatch(message));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 10⁶, checked above")]
    let steps = steps as usize;
    Ok(steps + 1)
}

/// States at all times by the predictor's own steps, `[times × rows × 2n]`.
fn stepped(predictor: &mut dyn Predictor, starts: &[f64], times: &[f64]) -> Result<Vec<f64>, EvaluationError> {
    let rows = starts.len() / (2 * predictor.dof());
    let (mut x, mut states) = (starts.to_vec(), starts.to_vec());
    for pair in times.windows(2) {
        predictor.step(&mut x, &[], &vec![pair[1] - pair[0]; rows])?;
        states.extend_from_slice(&x);
    }
    Ok(states)
}

/// Largest energy error of any row, `energy` being `[times × rows]`.
fn drift(energy: &[f64], rows: usize) -> f64 {
    energy.iter().enumerate().map(|(at, value)| (value - energy[at % rows]).abs()).fold(0.0, f64::max)
}
