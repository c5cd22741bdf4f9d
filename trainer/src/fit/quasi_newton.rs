//! Steps of L-BFGS on all weights and learned first states at once.
//!
//! The variables are the weights in the order of their names, rounded to the precision of the tensors, then the first states.
//! Every step sees all of the data: a line search compares losses, which must be those of one function.

use super::lbfgs::{self, Point};
use super::{FitError, Training};
use crate::execute::{Real, download, download_scalar};

/// A step that lowers the loss by no more than this fraction ends the training: ten roundings in f32.
const MIN_PROGRESS: f64 = 1e-6;
/// Steps in a row that must lower it by no more.
pub(super) const MAX_IDLE_STEPS: u32 = 3;

impl Training {
    /// One iteration; gives the loss and the norm of the gradient before it. `converged` is set where no more is to be had.
    pub(super) fn advance_quasi_newton(&mut self) -> Result<(f64, f64), FitError> {
        let from = match self.point.take() {
            Some(point) => point,
            None => {
                let mut x = self.weights.flatten()?;
                x.extend_from_slice(&self.starts.offsets);
                self.evaluate(&x)?
            }
        };
        let loss = self.finite("the loss", from.loss)?;
        let norm = from.gradient.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
        let norm = self.finite("the norm of the gradient", norm)?;
        let mut memory = std::mem::take(&mut self.memory);
        let next = lbfgs::step(&mut memory, &from, &mut |x| self.evaluate(x))?;
        self.memory = memory;
        let progress = next.as_ref().map_or(0.0, |next| from.loss - next.loss);
        self.idle_steps = match progress <= MIN_PROGRESS * loss.abs() {
            _ if next.is_none() => MAX_IDLE_STEPS,
            true => self.idle_steps + 1,
            false => 0,
        };
        self.converged = self.idle_steps >= MAX_IDLE_STEPS;
        let next = next.unwrap_or(from);
        // The last trial of a line search need not be the one that was taken.
        self.place(&next.x);
        self.point = Some(next);
        self.step += 1;
        Ok((loss, norm))
    }

    /// Loss and gradient at x, and x as it was rounded.
    fn evaluate(&mut self, x: &[f64]) -> Result<Point, FitError> {
        self.place(x);
        let batch = match &self.whole {
            Some(batch) => batch.clone(),
            None => self.objective.gather(&self.order.items(0)),
        };
        let items: Vec<usize> = (0..self.objective.items()).collect();
        let starts = self.starts.gather(&items, self.weights.arithmetic()).map(Real::require_grad);
        let total = self.objective.loss(&batch, starts.clone(), &|name| self.weights.get(name))?;
        let loss = download_scalar(&total)?;
        let gradients = total.backward();
        let mut gradient = self.weights.gradient(&gradients)?;
        match starts.as_ref().and_then(|starts| starts.grad(&gradients)) {
            Some(of_starts) => gradient.extend(download(&of_starts)?),
            None => gradient.resize(x.len(), 0.0),
        }
        let mut x = self.weights.flatten()?;
        x.extend_from_slice(&self.starts.offsets);
        Ok(Point { x, loss, gradient })
    }

    fn place(&mut self, x: &[f64]) {
        let weights = self.weights.assign(x);
        self.starts.offsets.copy_from_slice(&x[weights..]);
    }
}
