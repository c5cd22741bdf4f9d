//! How much data is made, over how long, and how noisy.

use super::SystemError;
use crate::data::as_f64;

/// Most rows that are made in all.
pub const MAX_ROWS: usize = 1 << 22;

/// What is recorded of a system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Protocol {
    /// Trajectories in all.
    pub trajectories: usize,
    /// Of these, held out from training.
    pub held_out: usize,
    /// Rows of each trajectory, evenly spaced from 0 to `horizon`, both included.
    pub rows: usize,
    /// Length of each trajectory in seconds.
    pub horizon: f64,
    /// Standard deviation of normal noise on every coordinate of the state; derivatives stay clean.
    pub noise: f64,
    /// Whether the true derivatives are given.
    pub derivatives: bool,
}

impl Protocol {
    /// The same with `rate` rows per second, over the same horizon.
    #[must_use]
    pub fn with_rate(self, rate: f64) -> Self {
        let wanted = (self.horizon * rate).round().clamp(1.0, as_f64(MAX_ROWS));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=MAX_ROWS above")]
        let intervals = wanted as usize;
        Self { rows: intervals + 1, ..self }
    }

    /// Times of the rows, `[rows]`.
    #[must_use]
    pub fn times(&self) -> Vec<f64> {
        spaced(self.horizon, self.rows)
    }

    pub(super) fn check(&self) -> Result<(), SystemError> {
        let rows = self.trajectories.saturating_mul(self.rows);
        let message = if self.trajectories < 2 || self.held_out == 0 || self.held_out >= self.trajectories {
            format!("{} trajectories with {} held out: each part needs at least one", self.trajectories, self.held_out)
        } else if self.rows < 2 || rows > MAX_ROWS {
            format!(
                "{} rows each, {rows} in all: at least 2 each and at most {MAX_ROWS} in all are possible",
                self.rows
            )
        } else if !(self.horizon.is_finite() && self.horizon > 0.0) {
            format!("the horizon is {} s; it must be positive", self.horizon)
        } else if !(self.noise.is_finite() && self.noise >= 0.0) {
            format!("the noise is {}; it must not be negative", self.noise)
        } else {
            return Ok(());
        };
        Err(SystemError::Protocol(message))
    }
}

/// Times from 0 to `horizon`, `count` of them, both ends included.
pub(crate) fn spaced(horizon: f64, count: usize) -> Vec<f64> {
    let last = as_f64(count.saturating_sub(1).max(1));
    (0..count).map(|at| horizon * as_f64(at) / last).collect()
}
