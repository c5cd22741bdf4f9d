//! What is stepped and what is kept: a state, in floating point, doubled or of whole numbers, a recorder of fixed capacity, a hash over all
//! bits of a trajectory.
//!
//! None of them knows how a step is made.

mod any;
mod doubled;
mod hash;
mod lattice;
mod recorder;

use heapless::Vec;

use crate::error::Error;
use crate::scalar::Scalar;

pub use any::AnyState;
pub use doubled::Doubled;
pub use hash::TrajectoryHash;
pub use lattice::{FRACTION_BITS, FRACTION_BITS_MAX, Lattice};
pub use recorder::{Recorder, Sample};

/// Positions q and momenta p of a system with at most `N` degrees of freedom.
#[derive(Debug, Clone, PartialEq)]
pub struct State<S: Scalar, const N: usize> {
    pub(crate) q: Vec<S, N>,
    pub(crate) p: Vec<S, N>,
}

impl<S: Scalar, const N: usize> State<S, N> {
    /// A state from its coordinates.
    ///
    /// # Errors
    /// [`Error::StateLength`] where q and p differ in length, are empty or exceed the capacity; [`Error::NonFinite`].
    pub fn new(q: &[S], p: &[S]) -> Result<Self, Error> {
        if q.len() != p.len() || q.is_empty() {
            return Err(Error::StateLength);
        }
        let q = Vec::from_slice(q).map_err(|_| Error::StateLength)?;
        let p = Vec::from_slice(p).map_err(|_| Error::StateLength)?;
        let state = Self { q, p };
        if state.is_finite() { Ok(state) } else { Err(Error::NonFinite) }
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.q.len()
    }

    /// Positions.
    #[must_use]
    pub fn q(&self) -> &[S] {
        &self.q
    }

    /// Momenta.
    #[must_use]
    pub fn p(&self) -> &[S] {
        &self.p
    }

    /// Positions, then momenta.
    pub fn coordinates(&self) -> impl Iterator<Item = S> + '_ {
        self.q.iter().chain(&self.p).copied()
    }

    /// Turns all momenta around: stepping on retraces the way, up to rounding, for a reversible scheme.
    pub fn reverse(&mut self) {
        for momentum in &mut self.p {
            *momentum = -*momentum;
        }
    }

    /// Whether every coordinate is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.q.iter().chain(&self.p).all(|value| value.is_finite())
    }
}
