//! Vector fields over many states at once.
//!
//! [`ModelField`] and [`Energy`] evaluate a model through the f64 oracle; tests bring fields in closed form.

use hnn_exporter::dynamics::{self, DynamicsError, Model};
use hnn_exporter::evaluate::{EvaluateError, Evaluator};
use hnn_exporter::graph::Tensor;
use hnn_exporter::optimize::optimize;

use super::SystemError;
use crate::learned::Motion;

/// ẋ = f(x), evaluated for many states together.
pub trait Field {
    /// Length of one state, 2n.
    fn width(&self) -> usize;

    /// Writes f of every row; `x` and `dx` are `[rows × width]`.
    ///
    /// # Errors
    /// [`SystemError`] where the field cannot be evaluated; not for results that are not finite.
    fn evaluate(&mut self, x: &[f64], dx: &mut [f64]) -> Result<(), SystemError>;
}

/// The full field (J − R)∇H + G u of a model whose weights are bound, with u held.
#[derive(Debug)]
pub struct ModelField {
    evaluator: Evaluator,
    width: usize,
    /// Inputs `[rows × m]`, or one row for all; empty where m = 0.
    u: Vec<f64>,
    inputs: usize,
}

impl ModelField {
    /// The field of `model` without input (u = 0).
    ///
    /// # Errors
    /// [`SystemError`] where the model cannot be differentiated.
    pub fn new(model: &dyn Motion) -> Result<Self, SystemError> {
        let field = optimize(&model.field()?).map_err(DynamicsError::from)?;
        let evaluator = Evaluator::new(&field)?;
        Ok(Self { evaluator, width: 2 * model.dof(), u: vec![0.0; model.inputs()], inputs: model.inputs() })
    }

    /// Holds these inputs from now on: `[rows × m]`, or one row `[m]` for all.
    pub fn hold(&mut self, u: &[f64]) {
        self.u.clear();
        self.u.extend_from_slice(u);
    }
}

impl Field for ModelField {
    fn width(&self) -> usize {
        self.width
    }

    fn evaluate(&mut self, x: &[f64], dx: &mut [f64]) -> Result<(), SystemError> {
        let rows = x.len() / self.width;
        let x = tensor(rows, self.width, x.to_vec())?;
        let result = if self.inputs == 0 {
            self.evaluator.run(&[(dynamics::STATE, &x)])?
        } else {
            let u = if self.u.len() == self.inputs { self.u.repeat(rows) } else { self.u.clone() };
            let u = tensor(rows, self.inputs, u)?;
            self.evaluator.run(&[(dynamics::STATE, &x), (dynamics::INPUT, &u)])?
        };
        if let Some(field) = result.first() {
            dx.copy_from_slice(field.data());
        }
        Ok(())
    }
}

/// The energy of a model whose weights are bound.
#[derive(Debug)]
pub struct Energy {
    evaluator: Evaluator,
    width: usize,
}

impl Energy {
    /// The energy of `model`.
    ///
    /// # Errors
    /// [`SystemError`] where the model cannot be evaluated.
    pub fn new(model: &Model) -> Result<Self, SystemError> {
        Ok(Self { evaluator: Evaluator::new(&dynamics::hamiltonian(model)?)?, width: 2 * model.dof() })
    }

    /// H of every row of `x` `[rows × 2n]`.
    ///
    /// # Errors
    /// [`SystemError::Evaluate`].
    pub fn evaluate(&self, x: &[f64]) -> Result<Vec<f64>, SystemError> {
        let x = tensor(x.len() / self.width, self.width, x.to_vec())?;
        let result = self.evaluator.run(&[(dynamics::STATE, &x)])?;
        Ok(result.first().map_or_else(Vec::new, |energy| energy.data().to_vec()))
    }
}

pub(crate) fn tensor(rows: usize, width: usize, data: Vec<f64>) -> Result<Tensor, EvaluateError> {
    Ok(Tensor::new(vec![rows, width], data)?)
}
