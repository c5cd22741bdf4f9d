//! The parameters on the device, with burn's Adam.

use burn::optim::{Adam, AdamConfig, AdamState, AdaptiveMomentumState, Optimizer};
use burn::tensor::Gradients;
use hnn_exporter::graph::Tensor;

use crate::architecture::Parameters;
use crate::checkpoint::Checkpoint;
use crate::execute::{Arithmetic, ExecuteError, RANK, Real, download, download_scalar};

/// As in PyTorch; burn's default is 1e-5.
const EPSILON: f32 = 1e-8;

/// Size of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    /// Learning rate.
    pub(super) rate: f64,
    /// What clipping leaves of the gradient.
    pub(super) factor: f64,
    /// Weight decay.
    pub(super) decay: f64,
}

struct Weight {
    name: String,
    /// Whether it belongs to a network, by its name.
    decays: bool,
    shape: Vec<usize>,
    value: Real,
    state: Option<AdamState<RANK>>,
}

/// All parameters of a model.
pub(super) struct Weights {
    arithmetic: Arithmetic,
    optimizer: Adam,
    all: Vec<Weight>,
}

impl Weights {
    pub(super) fn new(initial: &Parameters, arithmetic: &Arithmetic) -> Self {
        let upload = |(name, tensor): (&String, &Tensor)| Weight {
            name: name.clone(),
            decays: name.ends_with(".weight"),
            shape: tensor.shape().to_vec(),
            value: arithmetic.upload_tensor(tensor).require_grad(),
            state: None,
        };
        Self {
            arithmetic: arithmetic.clone(),
            optimizer: AdamConfig::new().with_epsilon(EPSILON).build(),
            all: initial.iter().map(upload).collect(),
        }
    }

    pub(super) fn arithmetic(&self) -> &Arithmetic {
        &self.arithmetic
    }

    pub(super) fn get(&self, name: &str) -> Option<Real> {
        // Parameters are kept in the order of their names.
        let at = self.all.binary_search_by(|weight| weight.name.as_str().cmp(name)).ok()?;
        Some(self.all[at].value.clone())
    }

    /// All parameters behind each other, in the order of their names.
    pub(super) fn flatten(&self) -> Result<Vec<f64>, ExecuteError> {
        let parts: Result<Vec<_>, _> = self.all.iter().map(|weight| download(&weight.value)).collect();
        Ok(parts?.concat())
    }

    /// Sets them from the first numbers of `x`, rounded to the precision; gives how many that were.
    pub(super) fn assign(&mut self, x: &[f64]) -> usize {
        let mut first = 0;
        for weight in &mut self.all {
            let len: usize = weight.shape.iter().product();
            weight.value = self.arithmetic.upload(&weight.shape, &x[first..first + len]).require_grad();
            first += len;
        }
        first
    }

    /// The gradient in the order of [`Weights::flatten`], 0 for parameters the loss does not depend on.
    pub(super) fn gradient(&self, gradients: &Gradients) -> Result<Vec<f64>, ExecuteError> {
        let mut all = Vec::new();
        for weight in &self.all {
            match weight.value.grad(gradients) {
                Some(gradient) => all.extend(download(&gradient)?),
                None => all.resize(all.len() + weight.shape.iter().product::<usize>(), 0.0),
            }
        }
        Ok(all)
    }

    /// √Σ g² over all parameters.
    pub(super) fn gradient_norm(&self, gradients: &Gradients) -> Result<f64, ExecuteError> {
        let mut square = 0.0;
        for gradient in self.all.iter().filter_map(|weight| weight.value.grad(gradients)) {
            square += download_scalar(&(gradient.clone() * gradient).sum().reshape([1; RANK]))?;
        }
        Ok(square.sqrt())
    }

    /// One step of Adam. A parameter without a gradient stays.
    ///
    /// Weight decay is decoupled: Loshchilov and Hutter (2019), algorithm 2, line 12.
    pub(super) fn step(&mut self, gradients: &mut Gradients, how: Move) {
        for weight in &mut self.all {
            let Some(gradient) = weight.value.grad_remove(gradients) else { continue };
            let gradient = gradient * how.factor;
            let value = weight.value.clone().inner();
            let value = if weight.decays { value * (1.0 - how.rate * how.decay) } else { value };
            let (value, state) = self.optimizer.step(how.rate, value, gradient, weight.state.take());
            weight.value = Real::from_inner(value).require_grad();
            weight.state = state;
        }
    }

    pub(super) fn values(&self) -> Result<Parameters, ExecuteError> {
        self.all.iter().map(|weight| Ok((weight.name.clone(), read(weight, &weight.value)?))).collect()
    }

    /// First and second moments; empty before the first step.
    pub(super) fn moments(&self) -> Result<(Parameters, Parameters), ExecuteError> {
        let mut moments = (Parameters::new(), Parameters::new());
        for weight in &self.all {
            if let Some(state) = &weight.state {
                moments.0.insert(weight.name.clone(), read(weight, &state.momentum.moment_1)?);
                moments.1.insert(weight.name.clone(), read(weight, &state.momentum.moment_2)?);
            }
        }
        Ok(moments)
    }

    /// Takes over a checkpoint; `false` where names or shapes differ.
    pub(super) fn restore(&mut self, checkpoint: &Checkpoint) -> bool {
        let fits = |weight: &Weight| {
            checkpoint.parameters.get(&weight.name).is_some_and(|tensor| tensor.shape() == weight.shape)
        };
        if checkpoint.parameters.len() != self.all.len() || !self.all.iter().all(fits) {
            return false;
        }
        let plain = self.arithmetic.without_derivatives();
        let time = usize::try_from(checkpoint.step).unwrap_or(usize::MAX);
        for weight in &mut self.all {
            if let Some(value) = checkpoint.parameters.get(&weight.name) {
                weight.value = self.arithmetic.upload_tensor(value).require_grad();
            }
            let moments = (checkpoint.moment_1.get(&weight.name), checkpoint.moment_2.get(&weight.name));
            weight.state = match moments {
                (Some(first), Some(second)) => Some(AdamState::new(AdaptiveMomentumState::new(
                    time,
                    plain.upload_tensor(first),
                    plain.upload_tensor(second),
                ))),
                _ => None,
            };
        }
        true
    }
}

fn read(weight: &Weight, value: &Real) -> Result<Tensor, ExecuteError> {
    let unreadable = |error: hnn_exporter::graph::GraphError| ExecuteError::Unreadable(error.to_string());
    Tensor::new(weight.shape.clone(), download(value)?).map_err(unreadable)
}
