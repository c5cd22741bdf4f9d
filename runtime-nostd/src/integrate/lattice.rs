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
        self.go(scheme.moves(), false, model, u, dt)
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
        self.go(scheme.moves().rev(), true, model, u, dt)
    }

    /// Makes all of the moves, or takes them back; or leaves the state as it is.
    fn go<M: Separable<f32>>(
        &mut self,
        moves: impl Iterator<Item = (bool, f64)>,
        back: bool,
        model: &mut M,
        u: &[f32],
        dt: f32,
    ) -> Result<(), Error> {
        check_lengths(model, self.dof(), u)?;
        let mut moved = self.clone();
        let (mut at, mut rates) = ([0.0; N], [0.0; N]);
        let (at, rates) = (scratch(&mut at, self.dof())?, scratch(&mut rates, self.dof())?);
        for (is_kick, fraction) in moves {
            let h = f32::from_f64(fraction) * dt;
            if is_kick {
                moved.q.read(at);
                model.force(at, u, rates);
                moved.p.advance(h, rates, back)?;
            } else {
                moved.p.read(at);
                model.velocity(at, rates);
                moved.q.advance(h, rates, back)?;
            }
        }
        *self = moved;
        Ok(())
    }
}
