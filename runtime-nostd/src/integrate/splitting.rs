//! Explicit kick–drift schemes for H(q, p) = T(p) + V(q).
//!
//! A scheme is a table; stage i does `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`.

use super::{Stepper, add_scaled, scratch};
use crate::error::Error;
use crate::format::SchemeId;
use crate::model::Separable;
use crate::scalar::Scalar;
use crate::state::State;

/// A kick–drift scheme as its coefficients.
///
/// Stage i: `p += kick[i]·dt·force(q, u)`, then `q += drift[i]·dt·velocity(p)`; a coefficient that is 0 skips its half.
/// Both lists have one element per stage and sum to 1, which is checked when a table here is compiled.
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
    /// Whether the order is only reached where T is quadratic in p.
    pub needs_quadratic: bool,
    /// Where the coefficients come from.
    pub source: &'static str,
}

/// Largest deviation of a list's sum from 1: the rounding of published decimals.
const SUM_TOLERANCE: f64 = 4e-15;

impl Splitting {
    /// Kicks and drifts in the order they are made, `(is a kick, fraction)`, those of 0 left out.
    pub fn moves(&self) -> impl DoubleEndedIterator<Item = (bool, f64)> + Clone + '_ {
        let stages = self.kick.iter().zip(self.drift).flat_map(|(kick, drift)| [(true, *kick), (false, *drift)]);
        stages.filter(|(_, fraction)| *fraction != 0.0)
    }

    /// Whether the moves read the same backwards: the scheme is then its own adjoint, hence reversible.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        self.moves().eq(self.moves().rev())
    }

    /// The table of a scheme that has one.
    #[must_use]
    pub const fn of(scheme: SchemeId) -> Option<&'static Self> {
        Some(match scheme {
            SchemeId::SymplecticEuler => &SYMPLECTIC_EULER,
            SchemeId::Leapfrog => &LEAPFROG,
            SchemeId::PositionVerlet => &POSITION_VERLET,
            SchemeId::Yoshida4 => &YOSHIDA_4,
            SchemeId::Yoshida6 => &YOSHIDA_6,
            SchemeId::MclachlanAtela4 => &MCLACHLAN_ATELA_4,
            SchemeId::BlanesMoan4 => &BLANES_MOAN_4,
            SchemeId::Midpoint
            | SchemeId::StormerVerlet
            | SchemeId::Rattle
            | SchemeId::Rattle4
            | SchemeId::Tao2
            | SchemeId::Tao4 => return None,
        })
    }

    /// Fails where the lists have different lengths or do not sum to 1.
    const fn checked(self) -> Self {
        assert!(self.kick.len() == self.drift.len(), "one kick and one drift per stage");
        let (mut kicks, mut drifts, mut stage) = (0.0, 0.0, 0);
        while stage < self.kick.len() {
            kicks += self.kick[stage];
            drifts += self.drift[stage];
            stage += 1;
        }
        assert!((kicks - 1.0).abs() < SUM_TOLERANCE && (drifts - 1.0).abs() < SUM_TOLERANCE, "a step is one step long");
        self
    }
}

/// Symplectic Euler, order 1: kick, then drift with the new momentum.
pub const SYMPLECTIC_EULER: Splitting = Splitting {
    name: "symplectic-euler",
    order: 1,
    kick: &[1.0],
    drift: &[1.0],
    needs_quadratic: false,
    source: "R. de Vogelaere (1956); E. Hairer et al., Geometric Numerical Integration, 2nd ed., (I.1.9)",
}
.checked();

/// Leapfrog (velocity Verlet), order 2: half kick, drift, half kick.
pub const LEAPFROG: Splitting = Splitting {
    name: "leapfrog",
    order: 2,
    kick: &[0.5, 0.5],
    drift: &[1.0, 0.0],
    needs_quadratic: false,
    source: "L. Verlet, Phys. Rev. 159 (1967) 98; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (I.1.17)",
}
.checked();

/// Leapfrog with the drift halved instead, order 2: one force per step.
pub const POSITION_VERLET: Splitting = Splitting {
    name: "position-verlet",
    order: 2,
    kick: &[0.0, 1.0],
    drift: &[0.5, 0.5],
    needs_quadratic: false,
    source: "M. Tuckerman et al., J. Chem. Phys. 97 (1992) 1990, eq. 2.22",
}
.checked();

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
    needs_quadratic: false,
    source: "H. Yoshida, Phys. Lett. A 150 (1990) 262; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.4.4)",
}
.checked();

/// w₃, w₂, w₁ of solution A, and w₀ = 1 − 2(w₁ + w₂ + w₃).
const YOSHIDA_6_WEIGHTS: [f64; 4] =
    [0.784_513_610_477_557_3, 0.235_573_213_359_358_13, -1.177_679_984_178_871, 1.315_186_320_683_911_2];

/// Yoshida's composition of seven leapfrogs, order 6.
pub const YOSHIDA_6: Splitting = {
    const W: [f64; 4] = YOSHIDA_6_WEIGHTS;
    Splitting {
        name: "yoshida6",
        order: 6,
        kick: &[
            0.5 * W[0],
            0.5 * (W[0] + W[1]),
            0.5 * (W[1] + W[2]),
            0.5 * (W[2] + W[3]),
            0.5 * (W[2] + W[3]),
            0.5 * (W[1] + W[2]),
            0.5 * (W[0] + W[1]),
            0.5 * W[0],
        ],
        drift: &[W[0], W[1], W[2], W[3], W[2], W[1], W[0], 0.0],
        needs_quadratic: false,
        source: "H. Yoshida, Phys. Lett. A 150 (1990) 262, solution A; E. Hairer et al., (V.3.11)",
    }
    .checked()
};

/// McLachlan and Atela's four stages, order 4: smaller errors than `yoshida4` at one force more, not reversible.
pub const MCLACHLAN_ATELA_4: Splitting = Splitting {
    name: "mclachlan-atela4",
    order: 4,
    kick: &[0.134_496_199_277_431_1, -0.224_819_803_079_420_8, 0.756_320_000_515_668_3, 0.334_003_603_286_321_4],
    drift: &[0.515_352_837_431_122_9, -0.085_782_019_412_973_65, 0.441_583_023_616_466_5, 0.128_846_158_365_384_2],
    needs_quadratic: true,
    source: "R. I. McLachlan and P. Atela, Nonlinearity 5 (1992) 541, table 2",
}
.checked();

/// Blanes and Moan's SRKN₆ᵇ, six stages, order 4. Its errors are made small where T is quadratic, as of a Nyström scheme; being
/// symmetric it keeps its order where T is not.
pub const BLANES_MOAN_4: Splitting = {
    const KICK: [f64; 3] = [0.082_984_406_417_405_2, 0.396_309_801_498_368, -0.039_056_304_922_348_6];
    const DRIFT: [f64; 2] = [0.245_298_957_184_271, 0.604_872_665_711_080];
    const MIDDLE: f64 = 1.0 - 2.0 * (KICK[0] + KICK[1] + KICK[2]);
    const REST: f64 = 0.5 - (DRIFT[0] + DRIFT[1]);
    Splitting {
        name: "blanes-moan4",
        order: 4,
        kick: &[KICK[0], KICK[1], KICK[2], MIDDLE, KICK[2], KICK[1], KICK[0]],
        drift: &[DRIFT[0], DRIFT[1], REST, REST, DRIFT[1], DRIFT[0], 0.0],
        needs_quadratic: false,
        source: "S. Blanes and P. C. Moan, J. Comput. Appl. Math. 142 (2002) 313, table 3",
    }
    .checked()
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
