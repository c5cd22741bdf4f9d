//! Two copies of a state, [q, p] and [x, y], that a scheme moves in turn and binds together: 4n numbers that go on from step to
//! step.
//!
//! The first copy is the motion. Starting it anew from one copy in every step would give up what makes such a scheme
//! symplectic, so both are kept.

use super::State;
use crate::error::Error;
use crate::scalar::Scalar;

/// A state and its copy.
#[derive(Debug, Clone, PartialEq)]
pub struct Doubled<S: Scalar, const N: usize> {
    pub(crate) first: State<S, N>,
    pub(crate) second: State<S, N>,
}

impl<S: Scalar, const N: usize> Doubled<S, N> {
    /// Both copies at one state: where a motion starts.
    #[must_use]
    pub fn new(state: State<S, N>) -> Self {
        Self { second: state.clone(), first: state }
    }

    /// The copies as they were at some step: where a motion goes on.
    ///
    /// # Errors
    /// [`Error::StateLength`] where they differ in length.
    pub fn from_copies(first: State<S, N>, second: State<S, N>) -> Result<Self, Error> {
        if first.dof() == second.dof() { Ok(Self { first, second }) } else { Err(Error::StateLength) }
    }

    /// The motion: q and p.
    #[must_use]
    pub const fn first(&self) -> &State<S, N> {
        &self.first
    }

    /// Its copy: x and y.
    #[must_use]
    pub const fn second(&self) -> &State<S, N> {
        &self.second
    }

    /// The largest difference of a coordinate between the copies; it stays of the size of the scheme's error while they are
    /// bound firmly enough.
    #[must_use]
    pub fn separation(&self) -> S {
        let pairs = self.first.coordinates().zip(self.second.coordinates());
        pairs.map(|(a, b)| (a - b).abs()).fold(S::ZERO, |largest, gap| if gap > largest { gap } else { largest })
    }

    /// Turns the momenta of both copies around.
    pub fn reverse(&mut self) {
        self.first.reverse();
        self.second.reverse();
    }

    /// Whether every coordinate is finite.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.first.is_finite() && self.second.is_finite()
    }
}
