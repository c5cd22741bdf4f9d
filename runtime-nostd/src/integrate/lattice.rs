//! Explicit schemes on whole numbers, forward and back to the bit.
//!
//! A step adds increments: `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`, stage by stage. Each depends only on
//! what it does not change, so that undoing takes away the same increments in reverse order. Half kicks are never merged, and
//! a scheme need not be symmetric to be undone.

use super::{Splitting, check_lengths, scratch};
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
        check_lengths(model, self.dof(), u)?;
        let mut next = self.clone();
        let mut mover = Mover { state: &mut next, model, u, dt, back: false };
        scheme.moves().try_for_each(|(is_kick, fraction)| mover.go(is_kick, fraction))?;
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
        check_lengths(model, self.dof(), u)?;
        let mut previous = self.clone();
        let mut mover = Mover { state: &mut previous, model, u, dt, back: true };
        scheme.moves().rev().try_for_each(|(is_kick, fraction)| mover.go(is_kick, fraction))?;
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

impl<M: Separable<f32>, const N: usize> Mover<'_, M, N> {
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
