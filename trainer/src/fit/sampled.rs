//! The fit in closed form: hidden layers are drawn, what enters H linearly is solved for by ridge regression on ẋ.
//!
//! Bolager et al., *Sampling weights of deep neural networks* (2023), section 3, for the draw; Rahma, Datar and Dietrich, *Training
//! Hamiltonian neural networks without backpropagation* (2024), for the regression on J∇H. It takes milliseconds where
//! gradient descent takes minutes. Noisy states with given derivatives are reconciled with them first ([`reconcile`]); without
//! derivatives the integral of the equations is fitted instead, which needs none. It knows an architecture by what that
//! declares linear ([`Linear`]) and writes no derivative by hand.

mod design;
mod draw;
mod ridge;
#[cfg(test)]
mod tests;

use hnn_exporter::dynamics::DynamicsError;
use hnn_exporter::evaluate::EvaluateError;
use hnn_exporter::graph::{GraphError, Tensor};

use super::{FitError, Settings, Task};
use crate::architecture::{Architecture, Form, Linear, Parameters, Scaling};
use crate::data::{Dataset, Moments, Second, Trajectory, reconcile};
use crate::system::{Field, ModelField, SystemError};

use design::Design;
use ridge::{Triangle, Unknowns};

/// Bound on Σ|wₖ||∂φₖ| in typical rates, and on Σ|wₖ||φₖ| in the energy's unit: where terms cancel, f32 loses what they exceed
/// the result by. With this what `hnn validate` compares stays within its 1e-5: a term is off by an ulp or a few, 6e-8 of itself each.
pub const MAX_CANCELLATION: f64 = 48.0;
/// States at which that bound, and the declaration of linearity, are checked.
const CHECKED_STATES: usize = 256;
/// Largest difference, in typical rates and per unit of [`MAX_CANCELLATION`], between the solution's ẋ and that of the model with these weights.
const LINEARITY_TOLERANCE: f64 = 1e-6;
/// Smallest eigenvalue of S = L Lᵀ, as a fraction of the largest: an inverse mass is positive.
const MIN_INVERSE_MASS: f64 = 1e-6;

/// What a closed-form fit found.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Every parameter of the model.
    pub parameters: Parameters,
    /// The ridge weight that was chosen, relative to the mean square of a feature's rate.
    pub ridge: f64,
    /// Largest Σ|wₖ||∂φₖ| in typical rates, or Σ|wₖ||φₖ| in units of energy; at most [`MAX_CANCELLATION`].
    pub cancellation: f64,
    /// Mean squared error of the fitted equations on held-out data, in units of the data; on the training data by
    /// generalised cross-validation where nothing is held out.
    pub error: f64,
}

/// Fits in closed form; the loss and the optimiser's settings but for the seed have no effect.
///
/// # Errors
/// [`FitError::Setting`] where the model declares nothing linear, has friction or inputs, or no ridge weight keeps the bound.
pub fn sample(task: Task<'_>) -> Result<Sampled, FitError> {
    let Task { architecture, train, .. } = task;
    check(architecture, task.settings)?;
    if train.names.second == Second::Velocity {
        return Err(FitError::Setting(
            "`--fit sampled` solves for H at given momenta; these data give velocities, whose momenta depend on the masses \
             that are to be found: use `--fit lbfgs` or `--fit adam`"
                .to_owned(),
        ));
    }
    let (train, held_out) = (reconcile(train).data, task.held_out.map(|data| reconcile(data).data));
    let mut parameters = draw::hidden_layers(architecture, &train, task.settings.seed)?;
    let design = Design::new(architecture, &parameters)?;
    let unknowns = Unknowns::of(&architecture.linear);
    let units = Units::measure(&train);
    let equations = |data: &Dataset| equations(&design, data, &units);
    let (fitted, judged) = (equations(&train)?, held_out.as_ref().map(equations).transpose()?);
    let sizes = design.sizes(&spread_states(&train), &units)?;
    let refuse = |message: String| Err(FitError::Setting(message));
    let Some(solution) = ridge::solve(fitted, judged, &unknowns, &sizes) else {
        return refuse(format!(
            "no ridge weight keeps the terms of H below {MAX_CANCELLATION} times its scale; give `--fit sampled` more data or fewer units"
        ));
    };
    let exact = insert(&architecture.linear, &solution.weights, &mut parameters)?;
    if exact {
        verify(architecture, &parameters, &design, &solution.weights, &train, &units)?;
    }
    Ok(Sampled { parameters, ridge: solution.ridge, cancellation: solution.cancellation, error: solution.error })
}

fn check(architecture: &Architecture, settings: &Settings) -> Result<(), FitError> {
    let refuse = |message: &str| Err(FitError::Setting(message.to_owned()));
    let model = architecture.model.hamiltonian()?;
    if model.inputs() > 0 || model.dissipation().is_some() {
        return refuse(
            "`--fit sampled` solves for H alone; this model has friction or inputs: use `--fit adam` or `--fit lbfgs`",
        );
    }
    if architecture.linear.terms().is_empty() {
        return refuse(
            "`--fit sampled` solves for parameters that enter H linearly, and this model declares none: use `--fit adam` or \
             `--fit lbfgs`",
        );
    }
    let left = if settings.method.descends() { Vec::new() } else { left_alone(architecture) };
    if !left.is_empty() {
        return Err(FitError::Setting(format!(
            "`--fit sampled` would leave {} as they begin: use `--fit sampled+adam` or `--fit sampled+lbfgs`",
            left.join(", ")
        )));
    }
    Ok(())
}

/// Parameters that are neither solved for nor drawn.
fn left_alone(architecture: &Architecture) -> Vec<&str> {
    let linear = &architecture.linear;
    let found = |name: &str| {
        linear.terms().iter().any(|term| term.parameter == name)
            || linear.layers().iter().any(|layer| layer.weight == name || layer.bias == name)
    };
    architecture.initial.keys().map(String::as_str).filter(|name| !found(name)).collect()
}

/// What residuals are measured in.
#[derive(Debug)]
struct Units {
    /// Deviation of each derivative, 2n.
    rate: Vec<f64>,
    /// Deviation of each state, 2n.
    state: Vec<f64>,
    /// Unit of H.
    energy: f64,
}

impl Units {
    fn measure(data: &Dataset) -> Self {
        let scaling = Scaling::measure(data);
        let rows = data.rows();
        let positive = |values: Vec<f64>| -> Vec<f64> {
            values.into_iter().map(|value| if value > 0.0 { value } else { 1.0 }).collect()
        };
        let rate = match &rows.dx {
            Some(dx) => Moments::of(dx, 2 * data.dof).deviation,
            None => [scaling.q_rate.clone(), scaling.p_rate.clone()].concat(),
        };
        Self {
            rate: positive(rate),
            state: positive(Moments::of(&rows.x, 2 * data.dof).deviation),
            energy: scaling.kinetic() + scaling.potential(),
        }
    }
}

/// The equations of all rows: of ẋ where every trajectory has derivatives, of x − ∫ẋ dt up to a constant per trajectory else.
fn equations(design: &Design, data: &Dataset, units: &Units) -> Result<Triangle, FitError> {
    let mut triangle = Triangle::new(design.unknowns());
    let rows = data.rows();
    match &rows.dx {
        Some(dx) => {
            let (width, chunk) = (2 * data.dof, design.chunk());
            for (x, dx) in rows.x.chunks(chunk * width).zip(dx.chunks(chunk * width)) {
                triangle.absorb(design.rates(x)?.against(dx, &units.rate));
            }
        }
        None => {
            for trajectory in &data.trajectories {
                triangle.absorb(
                    integrated(design, trajectory, data.dof)?
                        .against_centred(&trajectory.states(data.dof), &units.state),
                );
            }
        }
    }
    Ok(triangle)
}

fn integrated(design: &Design, trajectory: &Trajectory, dof: usize) -> Result<design::Block, FitError> {
    if trajectory.time.len() < 2 {
        return Err(FitError::Setting(format!(
            "{}: `--fit sampled` needs derivatives, or times and at least two rows",
            trajectory.source
        )));
    }
    Ok(design.rates(&trajectory.states(dof))?.integrate(&trajectory.time))
}

/// At most [`CHECKED_STATES`] states, evenly spread over the rows.
fn spread_states(data: &Dataset) -> Vec<f64> {
    crate::data::samples(data, CHECKED_STATES).x
}

/// Puts the solution into the parameters; `false` where an inverse mass had to be made positive.
fn insert(linear: &Linear, weights: &[f64], parameters: &mut Parameters) -> Result<bool, FitError> {
    let (mut first, mut exact) = (0, true);
    for term in linear.terms() {
        let own = &weights[first..first + term.len];
        first += term.len;
        let Some(parameter) = parameters.get_mut(&term.parameter) else { continue };
        let values = match term.form {
            Form::Direct => own.to_vec(),
            Form::Factor => {
                let (factor, positive) = ridge::factor(own, parameter.shape()[0], MIN_INVERSE_MASS).ok_or_else(|| {
                    FitError::Setting(
                        "the data ask for a kinetic energy that is not positive: are q and p in the right order, and p not a velocity \
                         of opposite sign?"
                            .to_owned(),
                    )
                })?;
                exact &= positive;
                factor
            }
        };
        *parameter = Tensor::new(parameter.shape().to_vec(), values)?;
    }
    Ok(exact)
}

/// Compares ẋ of the model, its weights bound, with what the linear equations say.
fn verify(
    architecture: &Architecture,
    parameters: &Parameters,
    design: &Design,
    weights: &[f64],
    data: &Dataset,
    units: &Units,
) -> Result<(), FitError> {
    let x = spread_states(data);
    let bound = architecture.model.hamiltonian()?.bind(&|name| parameters.get(name).cloned())?;
    let mut found = vec![0.0; x.len()];
    ModelField::new(&bound)?.evaluate(&x, &mut found)?;
    let expected = design.rates(&x)?.apply(weights);
    let error = found.iter().zip(&expected).zip(units.rate.iter().cycle()).map(|((a, b), unit)| ((a - b) / unit).abs());
    let error = error.fold(0.0, f64::max);
    if error <= LINEARITY_TOLERANCE * MAX_CANCELLATION {
        return Ok(());
    }
    let names: Vec<&str> = architecture.linear.terms().iter().map(|term| term.parameter.as_str()).collect();
    Err(FitError::Setting(format!(
        "the model declares {} linear, but its field differs from the linear one by {error:.1e} of a typical rate",
        names.join(", ")
    )))
}

impl From<GraphError> for FitError {
    fn from(error: GraphError) -> Self {
        Self::Loss(error.into())
    }
}

impl From<DynamicsError> for FitError {
    fn from(error: DynamicsError) -> Self {
        Self::Loss(error.into())
    }
}

impl From<EvaluateError> for FitError {
    fn from(error: EvaluateError) -> Self {
        Self::Setting(format!("the closed form cannot be evaluated: {error}"))
    }
}

impl From<SystemError> for FitError {
    fn from(error: SystemError) -> Self {
        Self::Setting(format!("the closed form cannot be evaluated: {error}"))
    }
}
