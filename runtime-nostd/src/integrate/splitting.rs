//! Explicit kick–drift schemes for H(q, p) = T(p) + V(q).
//!
//! A scheme is a table; stage i does `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`.

use super::{Stepper, add_scaled, scratch};
use crate::error::Error;
use crate::model::Separable;
use crate::scalar::Scalar;
use crate::state::State;

/// A kick–drift scheme as its coefficients.
///
/// Stage i: `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`; a coefficient that is 0 skips its half.
/// Both lists have one element per stage and sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Splitting {
    /// Name on the command line.
    pub name: &'static str,
    /// Order of accuracy: the error over a fixed time scales as dt^order.
    pub order: u32,
    /// Fractions of the step by which momenta are kicked.
    pub kick: &'static [f64],
    /// Fractions of the step by which positions drift.
    pub drift: &'static [f64],
    /// Where the coefficients come from.
    pub source: &'static str,
}

/// Leapfrog (velocity Verlet), order 2: half kick, drift, half kick.
pub const LEAPFROG: Splitting = Splitting {
    name: "leapfrog",
    order: 2,
    kick: &[0.5, 0.5],
    drift: &[1.0, 0.0],
    source: "L. Verlet, Phys. Rev. 159 (1967) 98; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (I.1.17)",
};

/// w₁ = 1/(2 − ∛2).
const YOSHIDA_OUTER: f64 = 1.351_207_191_959_657_5;
/// w₀ = 1 − 2w₁ = −∛2/(2 − ∛2).
const YOSHIDA_INNER: f64 = -1.702_414_383_919_315_3;

/// Yoshida's composition of three leapfrogs, order 4.
pub const YOSHIDA_4: Splitting = Splitting {
    name: "yoshida4",
    order: 4,
    kick: &[
        0.5 * YOSHIDA_OUTER,
        0.5 * (YOSHIDA_OUTER + YOSHIDA_INNER),
        0.5 * (YOSHIDA_INNER + YOSHIDA_OUTER),
        0.5 * YOSHIDA_OUTER,
    ],
    drift: &[YOSHIDA_OUTER, YOSHIDA_INNER, YOSHIDA_OUTER, 0.0],
    source: "H. Yoshida, Phys. Lett. A 150 (1990) 262; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.4.4)",
};

impl<M: Separable<S>, S: Scalar, const N: usize> Stepper<M, S, N> for Splitting {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let mut rates = [S::ZERO; N];
        let rates = scratch(&mut rates, state.dof())?;
        for (kick, drift) in self.kick.iter().zip(self.drift) {
            if *kick != 0.0 {
                model.force(&state.q, u, rates);
                add_scaled(&mut state.p, S::from_f64(*kick) * dt, rates);
            }
            if *drift != 0.0 {
                model.velocity(&state.p, rates);
                add_scaled(&mut state.q, S::from_f64(*drift) * dt, rates);
            }
        }
        Ok(S::ZERO)
    }
}
