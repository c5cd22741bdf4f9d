//! One step ahead for many states at once, however the step is made.

use hnn_exporter::dynamics::{self, Scheme, StepLength};
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::Tensor;

use super::EvaluationError;
use crate::baseline::MEMORY;
use crate::learned::Motion;

/// Something that predicts the next state: a step graph, the runtime, a grey box.
pub trait Predictor {
    /// Degrees of freedom n.
    fn dof(&self) -> usize;

    /// Inputs m.
    fn inputs(&self) -> usize;

    /// Advances every row of `x` `[rows × 2n]` by its own `dt` `[rows]` with its own `u` `[rows × m]` held.
    ///
    /// A row that leaves the finite numbers becomes NaN and stays so.
    ///
    /// # Errors
    /// [`EvaluationError`] where no step can be made at all.
    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError>;
}

/// The step graph of a scheme, evaluated by the f64 oracle: the meaning of what is deployed, without its rounding.
///
/// A map's memory belongs to the rows of the first call; later calls go on with these rows, or the first of them.
#[derive(Debug)]
pub struct GraphPredictor {
    evaluator: Evaluator,
    dof: usize,
    inputs: usize,
    /// Whether a step has a length; a map has its own.
    timed: bool,
    memory: Option<Memory>,
}

/// What a map remembers, `[rows × width]`.
#[derive(Debug)]
struct Memory {
    width: usize,
    values: Vec<f64>,
}

impl GraphPredictor {
    /// Steps of `scheme` for a model whose weights are bound.
    ///
    /// # Errors
    /// [`EvaluationError::Dynamics`] where the scheme does not suit the model.
    pub fn new(model: &dyn Motion, scheme: Scheme) -> Result<Self, EvaluationError> {
        let step = model.step(scheme, StepLength::PerRow)?;
        let width = step.leaf(MEMORY).and_then(|id| step.shape(id).len(1));
        let memory = width.map(|width| Memory { width, values: Vec::new() });
        let timed = step.leaf(dynamics::STEP_LENGTH).is_some();
        Ok(Self { evaluator: Evaluator::new(&step)?, dof: model.dof(), inputs: model.inputs(), timed, memory })
    }
}

impl Predictor for GraphPredictor {
    fn dof(&self) -> usize {
        self.dof
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError> {
        let matrix = |width: usize, values: &[f64]| {
            Tensor::new(vec![dt.len(), width], values.to_vec()).map_err(hnn_exporter::evaluate::EvaluateError::from)
        };
        let (state, step) = (matrix(2 * self.dof, x)?, matrix(1, dt)?);
        let input = matrix(self.inputs, u)?;
        let mut given = vec![(dynamics::STATE, &state)];
        if self.timed {
            given.push((dynamics::STEP_LENGTH, &step));
        }
        if self.inputs > 0 {
            given.push((dynamics::INPUT, &input));
        }
        let remembered = match &mut self.memory {
            Some(memory) => {
                memory.values.resize(dt.len() * memory.width, 0.0);
                Some(matrix(memory.width, &memory.values)?)
            }
            None => None,
        };
        given.extend(remembered.as_ref().map(|values| (MEMORY, values)));
        let mut results = self.evaluator.run(&given)?.into_iter();
        if let Some(next) = results.next() {
            x.copy_from_slice(next.data());
        }
        if let (Some(memory), Some(next)) = (&mut self.memory, results.next()) {
            memory.values.copy_from_slice(next.data());
        }
        for row in x.chunks_exact_mut(2 * self.dof) {
            if row.iter().any(|value| !value.is_finite()) {
                row.fill(f64::NAN);
            }
        }
        Ok(())
    }
}
