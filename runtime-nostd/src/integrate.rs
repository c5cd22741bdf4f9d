//! How a step is made: schemes as coefficient tables, one loop for all explicit ones, and what surrounds it.
//!
//! Steppers know only the traits of [`model`](crate::model); a model never sees a time step. `docs/NUMERICS.md` gives the
//! order of every operation, `docs/ADDING_A_SCHEME.md` the way to add one. There is no step-size control: naive adaptation
//! destroys symplecticity.

mod any;
mod baseline;
mod compensated;
mod damped;
mod lattice;
mod midpoint;
mod rattle;
mod splitting;
mod stormer_verlet;
mod tao;

use crate::error::Error;
use crate::model::Model;
use crate::scalar::Scalar;
use crate::state::State;

pub use any::AnyStepper;
pub use baseline::{ExplicitEuler, RungeKutta4};
pub use compensated::Compensated;
pub use damped::{DAMPING_NORM_MAX, DAMPING_SUBSTEPS, DAMPING_TERMS, Dissipative};
pub use midpoint::ImplicitMidpoint;
pub use rattle::{RATTLE_ITERATIONS, Rattle};
pub use splitting::{
    BLANES_MOAN_4, LEAPFROG, MCLACHLAN_ATELA_4, POSITION_VERLET, SYMPLECTIC_EULER, Splitting, YOSHIDA_4, YOSHIDA_6,
};
pub use stormer_verlet::{STORMER_VERLET_ITERATIONS, StormerVerlet};
pub use tao::{TAO_OMEGA, Tao};

/// Fixed-point iterations of the implicit midpoint rule unless another number is asked for.
pub const MIDPOINT_ITERATIONS: u32 = 8;

/// A way to advance a state by one time step, for models `M` in precision `S` with at most `N` degrees of freedom.
pub trait Stepper<M: Model<S>, S: Scalar, const N: usize> {
    /// Advances `state` in place without looking whether the result is finite; returns the residual.
    ///
    /// This is what a scheme implements; call [`Stepper::step`]. The lengths have been checked.
    ///
    /// # Errors
    /// What the scheme cannot do for this model; the state may then hold anything.
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error>;

    /// One step of length `dt` with `u` held; returns the residual of whatever iterates, scheme or damping, else +0.
    ///
    /// # Errors
    /// [`Error::StateLength`], [`Error::InputLength`], [`Error::NonFinite`], and what the scheme adds. The state is then
    /// the one before the step.
    fn step(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        check_lengths(model, state.dof(), u)?;
        let mut next = state.clone();
        let residual = self.advance(model, &mut next, u, dt)?;
        if !next.is_finite() {
            return Err(Error::NonFinite);
        }
        *state = next;
        Ok(residual)
    }
}

/// Refuses a state or an input of other lengths than the model's.
fn check_lengths<M: Model<S> + ?Sized, S: Scalar>(model: &M, dof: usize, u: &[S]) -> Result<(), Error> {
    if model.dof() != dof {
        return Err(Error::StateLength);
    }
    if model.inputs() == u.len() { Ok(()) } else { Err(Error::InputLength) }
}

/// values\[k\] ← values\[k\] + h·rates\[k\].
fn add_scaled<S: Scalar>(values: &mut [S], h: S, rates: &[S]) {
    for (value, rate) in values.iter_mut().zip(rates) {
        *value = *value + h * *rate;
    }
}

/// The first `len` elements of a scratch array of the state's capacity.
fn scratch<S: Scalar>(array: &mut [S], len: usize) -> Result<&mut [S], Error> {
    array.get_mut(..len).ok_or(Error::StateLength)
}

#[cfg(test)]
mod tests;
