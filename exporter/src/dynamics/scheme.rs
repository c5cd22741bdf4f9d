//! Names of the schemes a model can be deployed with.
//!
//! Coefficients and loops live in the runtime; a name here says which of them, and what it needs of the model.

use std::fmt;
use std::str::FromStr;

use hnn_runtime::format::{MAX_ITERATIONS, SchemeId};
use hnn_runtime::integrate::{MIDPOINT_ITERATIONS, RATTLE_ITERATIONS, Rattle, STORMER_VERLET_ITERATIONS, Splitting};

use super::DynamicsError;

/// A scheme of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Kick–drift–kick, order 2. Hairer, Lubich and Wanner (2006), I.1, equation 1.17.
    Leapfrog,
    /// Triple jump of leapfrog, order 4. Yoshida (1990), equation 2.11.
    Yoshida4,
    /// Kick–drift, order 1. Hairer, Lubich and Wanner (2006), I.1, equation 1.9.
    SymplecticEuler,
    /// Drift–kick–drift, order 2. Tuckerman, Berne and Martyna (1992), equation 2.22.
    PositionVerlet,
    /// Seven leapfrogs, order 6. Yoshida (1990), solution A.
    Yoshida6,
    /// Four stages, order 4 where T is quadratic. McLachlan and Atela (1992), table 2.
    MclachlanAtela4,
    /// Six stages with small errors, order 4. Blanes and Moan (2002), table 3.
    BlanesMoan4,
    /// Implicit midpoint by a fixed number of fixed-point iterations, order 2.
    Midpoint {
        /// Evaluations of the field per step.
        iterations: u32,
    },
    /// Leapfrog with implicit halves, each by a fixed number of iterations, order 2. Hairer, Lubich and Wanner (2006), theorem
    /// VI.3.4.
    StormerVerlet {
        /// Iterations of either half.
        iterations: u32,
    },
    /// RATTLE for constrained models, order 2. Hairer, Lubich and Wanner (2006), VII.1, equation 1.26.
    Rattle {
        /// Newton iterations per step.
        iterations: u32,
    },
    /// Five steps of RATTLE composed to order 4. Reich (1996).
    Rattle4 {
        /// Newton iterations per stage.
        iterations: u32,
    },
}

impl Scheme {
    /// One of each, with default settings.
    pub const ALL: [Self; 11] = [
        Self::Leapfrog,
        Self::PositionVerlet,
        Self::SymplecticEuler,
        Self::Yoshida4,
        Self::Yoshida6,
        Self::MclachlanAtela4,
        Self::BlanesMoan4,
        Self::MIDPOINT,
        Self::STORMER_VERLET,
        Self::RATTLE,
        Self::RATTLE_4,
    ];
    /// The implicit midpoint rule with its usual number of iterations.
    pub const MIDPOINT: Self = Self::Midpoint { iterations: MIDPOINT_ITERATIONS };
    /// Implicit Störmer–Verlet with its usual number of iterations.
    pub const STORMER_VERLET: Self = Self::StormerVerlet { iterations: STORMER_VERLET_ITERATIONS };
    /// RATTLE with its usual number of iterations.
    pub const RATTLE: Self = Self::Rattle { iterations: RATTLE_ITERATIONS };
    /// RATTLE of order 4 with its usual number of iterations.
    pub const RATTLE_4: Self = Self::Rattle4 { iterations: RATTLE_ITERATIONS };

    /// The coefficient table of an explicit splitting.
    #[must_use]
    pub fn splitting(self) -> Option<&'static Splitting> {
        Splitting::of(self.id())
    }

    /// The scheme of a code in a blob, with the iterations of one that iterates.
    #[must_use]
    pub fn of(id: SchemeId, iterations: u32) -> Self {
        match id {
            SchemeId::Leapfrog => Self::Leapfrog,
            SchemeId::PositionVerlet => Self::PositionVerlet,
            SchemeId::SymplecticEuler => Self::SymplecticEuler,
            SchemeId::Yoshida4 => Self::Yoshida4,
            SchemeId::Yoshida6 => Self::Yoshida6,
            SchemeId::MclachlanAtela4 => Self::MclachlanAtela4,
            SchemeId::BlanesMoan4 => Self::BlanesMoan4,
            SchemeId::Midpoint => Self::Midpoint { iterations },
            SchemeId::StormerVerlet => Self::StormerVerlet { iterations },
            SchemeId::Rattle => Self::Rattle { iterations },
            SchemeId::Rattle4 => Self::Rattle4 { iterations },
        }
    }

    /// Its code in a blob.
    #[must_use]
    pub fn id(self) -> SchemeId {
        match self {
            Self::Leapfrog => SchemeId::Leapfrog,
            Self::PositionVerlet => SchemeId::PositionVerlet,
            Self::SymplecticEuler => SchemeId::SymplecticEuler,
            Self::Yoshida4 => SchemeId::Yoshida4,
            Self::Yoshida6 => SchemeId::Yoshida6,
            Self::MclachlanAtela4 => SchemeId::MclachlanAtela4,
            Self::BlanesMoan4 => SchemeId::BlanesMoan4,
            Self::Midpoint { .. } => SchemeId::Midpoint,
            Self::StormerVerlet { .. } => SchemeId::StormerVerlet,
            Self::Rattle { .. } => SchemeId::Rattle,
            Self::Rattle4 { .. } => SchemeId::Rattle4,
        }
    }

    /// The scheme that keeps constraints, where this is one.
    #[must_use]
    pub fn rattle(self) -> Option<Rattle> {
        match self {
            Self::Rattle { iterations } => Rattle::new(iterations).ok(),
            Self::Rattle4 { iterations } => Rattle::composed(iterations).ok(),
            _ => None,
        }
    }

    /// Whether it keeps constraints: a model with constraints takes no other, one without takes none of these.
    #[must_use]
    pub fn keeps_constraints(self) -> bool {
        matches!(self, Self::Rattle { .. } | Self::Rattle4 { .. })
    }

    /// Iterations of an implicit scheme; 0 for an explicit one.
    #[must_use]
    pub fn iterations(self) -> u32 {
        match self {
            Self::Midpoint { iterations }
            | Self::StormerVerlet { iterations }
            | Self::Rattle { iterations }
            | Self::Rattle4 { iterations } => iterations,
            _ => 0,
        }
    }

    /// The same scheme with another iteration count, where it has one.
    ///
    /// # Errors
    /// [`DynamicsError::Scheme`] beyond what the runtime allows, or where the scheme does not iterate.
    pub fn with_iterations(self, iterations: u32) -> Result<Self, DynamicsError> {
        let changed = match self {
            Self::Midpoint { .. } => Self::Midpoint { iterations },
            Self::StormerVerlet { .. } => Self::StormerVerlet { iterations },
            Self::Rattle { .. } => Self::Rattle { iterations },
            Self::Rattle4 { .. } => Self::Rattle4 { iterations },
            explicit => return Err(DynamicsError::Scheme(format!("scheme `{explicit}` does not iterate"))),
        };
        if (1..=MAX_ITERATIONS).contains(&iterations) {
            return Ok(changed);
        }
        Err(DynamicsError::Scheme(format!("{iterations} iterations are outside 1..={MAX_ITERATIONS}")))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id().name())
    }
}

impl FromStr for Scheme {
    type Err = DynamicsError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scheme| scheme.to_string() == name).ok_or_else(|| {
            let known: Vec<String> = Self::ALL.iter().map(Self::to_string).collect();
            DynamicsError::Scheme(format!("unknown scheme `{name}`; known are {}", known.join(", ")))
        })
    }
}
