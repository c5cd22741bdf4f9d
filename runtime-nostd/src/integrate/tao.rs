//! Tao's explicit splitting for any Hamiltonian, separable or not, on a doubled state.
//!
//! H(q, y) + H(x, p) + ½ω(|q − x|² + |p − y|²) lives on two copies [q, p] and [x, y] of the state. Each of its terms has a flow in
//! closed form, so their symmetric composition is explicit, reversible, and symplectic in 4n dimensions, whose state is kept
//! from step to step. ω binds the copies: they start equal and stay as close as the scheme is accurate. Input acts on both.

use super::damped::dissipate;
use super::midpoint::larger;
use super::{add_scaled, check_lengths, scratch};
use crate::error::Error;
use crate::model::{Damped, Model};
use crate::scalar::Scalar;
use crate::state::Doubled;

/// The binding ω unless another is asked for, 1/s. Of an oscillation that a step resolves, errors change little between ω = 1/s and ½/dt.
pub const TAO_OMEGA: f32 = 10.0;

const STAGES_2: &[f64] = &[1.0];
/// 1/(2 − ∛2).
const OUTER: f64 = 1.351_207_191_959_657_5;
/// The triple jump, as Tao composes his scheme of order 4; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.4.4).
const STAGES_4: &[f64] = &[OUTER, 1.0 - 2.0 * OUTER, OUTER];

/// Tao's scheme of order 2 or 4 (M. Tao, Phys. Rev. E 94 (2016) 043303), whose error over a time t is bounded by t·dtᵒʳᵈᵉʳ·ω for
/// integrable systems.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tao {
    omega: f64,
    stages: &'static [f64],
}

impl Tao {
    /// Order 2, four fields per step.
    ///
    /// # Errors
    /// [`Error::Binding`] unless ω is positive and finite.
    pub const fn second(omega: f64) -> Result<Self, Error> {
        Self::with_stages(omega, STAGES_2)
    }

    /// Order 4: three steps of order 2, the middle one backwards.
    ///
    /// # Errors
    /// [`Error::Binding`] unless ω is positive and finite.
    pub const fn fourth(omega: f64) -> Result<Self, Error> {
        Self::with_stages(omega, STAGES_4)
    }

    const fn with_stages(omega: f64, stages: &'static [f64]) -> Result<Self, Error> {
        if Self::is_binding(omega) { Ok(Self { omega, stages }) } else { Err(Error::Binding) }
    }

    /// Whether this is an ω.
    #[must_use]
    pub const fn is_binding(omega: f64) -> bool {
        omega.is_finite() && omega > 0.0
    }

    /// The binding of the copies, 1/s.
    #[must_use]
    pub const fn omega(&self) -> f64 {
        self.omega
    }

    /// Fractions of the step that its stages take.
    #[must_use]
    pub const fn stages(&self) -> &'static [f64] {
        self.stages
    }
}

impl<S: Scalar, const N: usize> Doubled<S, N> {
    /// One step of length `dt` with `u` held, of a model without dissipation.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::StateLength`], [`Error::InputLength`]. The state is then the one before the step.
    pub fn step<M: Model<S>>(&mut self, scheme: &Tao, model: &mut M, u: &[S], dt: S) -> Result<(), Error> {
        check_lengths(model, self.first.dof(), u)?;
        let mut next = self.clone();
        next.advance(scheme, model, u, dt)?;
        self.accept(next)
    }

    /// One step with the dissipation a model may have: half of it on either copy, the step, and the other half. Returns the
    /// residual of dissipation that iterates, else +0.
    ///
    /// # Errors
    /// As [`Doubled::step`], and [`Error::DampingTooStiff`].
    pub fn step_damped<M: Damped<S>>(&mut self, scheme: &Tao, model: &mut M, u: &[S], dt: S) -> Result<S, Error> {
        check_lengths(model, self.first.dof(), u)?;
        let (mut next, half) = (self.clone(), S::HALF * dt);
        let before = next.dissipate(model, u, half)?;
        next.advance(scheme, model, u, dt)?;
        let after = next.dissipate(model, u, half)?;
        self.accept(next)?;
        Ok(larger(before, after))
    }

    fn accept(&mut self, next: Self) -> Result<(), Error> {
        if !next.is_finite() {
            return Err(Error::NonFinite);
        }
        *self = next;
        Ok(())
    }

    fn dissipate<M: Damped<S>>(&mut self, model: &mut M, u: &[S], h: S) -> Result<S, Error> {
        let first = dissipate(model, &mut self.first, u, h)?;
        let second = dissipate(model, &mut self.second, u, h)?;
        Ok(larger(first, second))
    }

    fn advance<M: Model<S>>(&mut self, scheme: &Tao, model: &mut M, u: &[S], dt: S) -> Result<(), Error> {
        let (mut dq, mut dp) = ([S::ZERO; N], [S::ZERO; N]);
        let (dq, dp) = (scratch(&mut dq, self.first.dof())?, scratch(&mut dp, self.first.dof())?);
        let turn = S::from_f64(2.0 * scheme.omega);
        for fraction in scheme.stages {
            let h = S::from_f64(*fraction) * dt;
            let half = S::HALF * h;
            self.flow_of_first_position(model, u, half, dq, dp);
            self.flow_of_second_position(model, u, half, dq, dp);
            self.bind((turn * h).sin_cos());
            self.flow_of_second_position(model, u, half, dq, dp);
            self.flow_of_first_position(model, u, half, dq, dp);
        }
        Ok(())
    }

    /// The flow of H(q, y), which moves p and x.
    fn flow_of_first_position<M: Model<S>>(&mut self, model: &mut M, u: &[S], h: S, dq: &mut [S], dp: &mut [S]) {
        model.field(&self.first.q, &self.second.p, u, dq, dp);
        add_scaled(&mut self.first.p, h, dp);
        add_scaled(&mut self.second.q, h, dq);
    }

    /// The flow of H(x, p), which moves q and y.
    fn flow_of_second_position<M: Model<S>>(&mut self, model: &mut M, u: &[S], h: S, dq: &mut [S], dp: &mut [S]) {
        model.field(&self.second.q, &self.first.p, u, dq, dp);
        add_scaled(&mut self.first.q, h, dq);
        add_scaled(&mut self.second.p, h, dp);
    }

    /// The flow of ½ω(|q − x|² + |p − y|²): sums stay, differences turn by the angle 2ωh, whose sine and cosine are given.
    fn bind(&mut self, (sin, cos): (S, S)) {
        let positions = self.first.q.iter_mut().zip(&mut self.second.q);
        let momenta = self.first.p.iter_mut().zip(&mut self.second.p);
        for ((q, x), (p, y)) in positions.zip(momenta) {
            let (sum_q, sum_p, gap_q, gap_p) = (*q + *x, *p + *y, *q - *x, *p - *y);
            let (turned_q, turned_p) = (cos * gap_q + sin * gap_p, cos * gap_p - sin * gap_q);
            (*q, *x) = (S::HALF * (sum_q + turned_q), S::HALF * (sum_q - turned_q));
            (*p, *y) = (S::HALF * (sum_p + turned_p), S::HALF * (sum_p - turned_p));
        }
    }
}
