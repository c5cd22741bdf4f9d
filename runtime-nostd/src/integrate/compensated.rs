//! Explicit schemes whose increments keep what f32 would round away: compensated summation.
//!
//! Every coordinate carries the part of its last sum that did not fit (Kahan, CACM 8 (1965) 40; for symplectic schemes Hairer,
//! Lubich and Wanner (2006), VIII.5, algorithm 5.1). It doubles the state's memory and costs three additions per increment: the
//! cheap middle way between plain f32 and the [`Lattice`](crate::state::Lattice). Steps are not undone to the bit.

use super::{Splitting, check_lengths, scratch};
use crate::error::Error;
use crate::model::Separable;
use crate::scalar::Scalar;
use crate::state::State;

/// A state with what its sums have lost so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Compensated<const N: usize> {
    state: State<f32, N>,
    q_lost: [f32; N],
    p_lost: [f32; N],
}

impl<const N: usize> Compensated<N> {
    /// A state that has lost nothing yet.
    #[must_use]
    pub const fn new(state: State<f32, N>) -> Self {
        Self { state, q_lost: [0.0; N], p_lost: [0.0; N] }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> &State<f32, N> {
        &self.state
    }

    /// One step of length `dt` with `u` held.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::StateLength`], [`Error::InputLength`]. The state is then the one before the step.
    pub fn step<M: Separable<f32>>(
        &mut self,
        scheme: &Splitting,
        model: &mut M,
        u: &[f32],
        dt: f32,
    ) -> Result<(), Error> {
        check_lengths(model, self.state.dof(), u)?;
        let mut next = self.clone();
        let mut rates = [0.0; N];
        let rates = scratch(&mut rates, next.state.dof())?;
        for (is_kick, fraction) in scheme.moves() {
            let h = f32::from_f64(fraction) * dt;
            if is_kick {
                model.force(&next.state.q, u, rates);
                add(&mut next.state.p, &mut next.p_lost, h, rates);
            } else {
                model.velocity(&next.state.p, rates);
                add(&mut next.state.q, &mut next.q_lost, h, rates);
            }
        }
        if !next.state.is_finite() {
            return Err(Error::NonFinite);
        }
        *self = next;
        Ok(())
    }
}

/// value + h·rate with what was lost before; keeps what is lost now.
fn add(values: &mut [f32], lost: &mut [f32], h: f32, rates: &[f32]) {
    for ((value, lost), rate) in values.iter_mut().zip(lost).zip(rates) {
        let increment = h * *rate - *lost;
        let sum = *value + increment;
        *lost = (sum - *value) - increment;
        *value = sum;
    }
}
