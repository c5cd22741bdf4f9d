//! Keeps every k-th state in a buffer of fixed capacity.

use heapless::Vec;

use super::State;
use crate::error::Error;
use crate::scalar::Scalar;

/// A state and the number of the step after which it was recorded; 0 is the initial state.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<S: Scalar, const N: usize> {
    /// Steps made before.
    pub step: u32,
    /// The state then.
    pub state: State<S, N>,
}

/// A trajectory of at most `CAPACITY` samples.
#[derive(Debug, Clone)]
pub struct Recorder<S: Scalar, const N: usize, const CAPACITY: usize> {
    samples: Vec<Sample<S, N>, CAPACITY>,
    every: u32,
    step: u32,
}

impl<S: Scalar, const N: usize, const CAPACITY: usize> Recorder<S, N, CAPACITY> {
    /// Keeps the first state it is shown and every `every`-th after it; 0 counts as 1.
    #[must_use]
    pub const fn new(every: u32) -> Self {
        let every = if every == 0 { 1 } else { every };
        Self { samples: Vec::new(), every, step: 0 }
    }

    /// Shows the recorder the next state: the initial one first, then one per step. Returns whether it was kept.
    ///
    /// # Errors
    /// [`Error::RecorderFull`] where it should be kept but there is no room; what is recorded stays.
    pub fn record(&mut self, state: &State<S, N>) -> Result<bool, Error> {
        let step = self.step;
        self.step = step.saturating_add(1);
        if !step.is_multiple_of(self.every) {
            return Ok(false);
        }
        match self.samples.push(Sample { step, state: state.clone() }) {
            Ok(()) => Ok(true),
            Err(_) => Err(Error::RecorderFull),
        }
    }

    /// What was kept, in order.
    #[must_use]
    pub fn samples(&self) -> &[Sample<S, N>] {
        &self.samples
    }
}
