//! Explicit schemes on whole numbers, forward and back to the bit.
//!
//! A step adds increments: `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`, stage by stage. Each depends only on
//! what it does not change, so that undoing takes away the same increments in reverse order. Half kicks are never merged, and
//! a scheme need not be symmetric to be undone.

use super::{Splitting, scratch};
use crate::error::Error;
use crate::model::Separable;
use crate::scalar::Scalar;
use crate::state::Lattice;

impl<const N: usize> Lattice<N> {
    /// One step of length `dt` with `u` held.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] before a coordinate leaves the lattice, [`Error::StateLength`], [`Error::InputLength`]. The state is
    /// then the one before the step.
    pub fn step<M: Separable<f32>>(
        &mut self,
        scheme: &Splitting,
        model: &mut M,
        u: &[f32],
        dt: f32,
    ) -> Result<(), Error> {
        let mut next = self.clone();
        let mut mover = Mover::new(&mut next, model, u, dt, false)?;
        for (is_kick, fraction) in scheme.moves() {
            mover.go(is_kick, fraction)?;
        }
        *self = next;
        Ok(())
    }

    /// Takes back the step of length `dt` with `u` held that led here: the state is, bit for bit, the one before it.
    ///
    /// # Errors
    /// As [`Lattice::step`].
    pub fn undo<M: Separable<f32>>(
        &mut self,
        scheme: &Splitting,
        model: &mut M,
        u: &[f32],
        dt: f32,
    ) -> Result<(), Error> {
        let mut previous = self.clone();
        let mut mover = Mover::new(&mut previous, model, u, dt, true)?;
        for (is_kick, fraction) in scheme.moves().rev() {
            mover.go(is_kick, fraction)?;
        }
        *self = previous;
        Ok(())
    }
}

/// A state on its way through the stages of a step.
struct Mover<'a, M, const N: usize> {
    state: &'a mut Lattice<N>,
    model: &'a mut M,
    u: &'a [f32],
    dt: f32,
    back: bool,
}

impl<'a, M: Separable<f32>, const N: usize> Mover<'a, M, N> {
    fn new(state: &'a mut Lattice<N>, model: &'a mut M, u: &'a [f32], dt: f32, back: bool) -> Result<Self, Error> {
        if model.dof() != state.dof() {
            return Err(Error::StateLength);
        }
        if model.inputs() != u.len() {
            return Err(Error::InputLength);
        }
        Ok(Self { state, model, u, dt, back })
    }

    /// A kick or a drift by this fraction of the step.
    fn go(&mut self, is_kick: bool, fraction: f64) -> Result<(), Error> {
        let (mut at, mut rates) = ([0.0; N], [0.0; N]);
        let (at, rates) = (scratch(&mut at, self.state.dof())?, scratch(&mut rates, self.state.dof())?);
        let h = f32::from_f64(fraction) * self.dt;
        if is_kick {
            self.state.q.read(at);
            self.model.force(at, self.u, rates);
            self.state.p.advance(h, rates, self.back)
        } else {
            self.state.p.read(at);
            self.model.velocity(at, rates);
            self.state.q.advance(h, rates, self.back)
        }
    }
}
