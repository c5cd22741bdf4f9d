//! A state as the scheme chosen at run time keeps it: 2n numbers, or 4n.

use super::{Doubled, State};

/// What [`AnyStepper::step_any`](crate::AnyStepper::step_any) advances; made by [`AnyStepper::begin`](crate::AnyStepper::begin).
#[derive(Debug, Clone, PartialEq)]
pub enum AnyState<const N: usize> {
    /// q and p.
    Plain(State<f32, N>),
    /// q and p, and their copy.
    Doubled(Doubled<f32, N>),
}

impl<const N: usize> AnyState<N> {
    /// The motion: q and p.
    #[must_use]
    pub const fn state(&self) -> &State<f32, N> {
        match self {
            Self::Plain(state) => state,
            Self::Doubled(doubled) => doubled.first(),
        }
    }

    /// The copy, where there is one.
    #[must_use]
    pub const fn copy(&self) -> Option<&State<f32, N>> {
        match self {
            Self::Plain(_) => None,
            Self::Doubled(doubled) => Some(doubled.second()),
        }
    }

    /// All there is to know of it: q, p, and the copy's x, y.
    pub fn coordinates(&self) -> impl Iterator<Item = f32> + '_ {
        self.state().coordinates().chain(self.copy().into_iter().flat_map(State::coordinates))
    }
}
