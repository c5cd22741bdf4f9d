//! Names of the schemes a model can be deployed with.
//!
//! Coefficients and loops live in the runtime; a name here says which of them, and what it needs of the model.

use std::fmt;
use std::str::FromStr;

use hnn_runtime::format::MAX_ITERATIONS;
use hnn_runtime::integrate::{LEAPFROG, MIDPOINT_ITERATIONS, RATTLE_ITERATIONS, Rattle, Splitting, YOSHIDA_4};

use super::DynamicsError;

/// A scheme of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Kick–drift–kick, order 2. Hairer, Lubich and Wanner (2006), I.1, equation 1.17.
    Leapfrog,
    /// Triple jump of leapfrog, order 4. Yoshida (1990), equation 2.11.
    Yoshida4,
    /// Implicit midpoint by a fixed number of fixed-point iterations, order 2.
    Midpoint {
        /// Evaluations of the field per step.
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
    pub const ALL: [Self; 5] = [Self::Leapfrog, Self::Yoshida4, Self::MIDPOINT, Self::RATTLE, Self::RATTLE_4];
    /// The implicit midpoint rule with its usual number of iterations.
    pub const MIDPOINT: Self = Self::Midpoint { iterations: MIDPOINT_ITERATIONS };
    /// RATTLE with its usual number of iterations.
    pub const RATTLE: Self = Self::Rattle { iterations: RATTLE_ITERATIONS };
    /// RATTLE of order 4 with its usual number of iterations.
    pub const RATTLE_4: Self = Self::Rattle4 { iterations: RATTLE_ITERATIONS };

    /// The coefficient table of an explicit splitting.
    #[must_use]
    pub fn splitting(self) -> Option<&'static Splitting> {
        match self {
            Self::Leapfrog => Some(&LEAPFROG),
            Self::Yoshida4 => Some(&YOSHIDA_4),
            Self::Midpoint { .. } | Self::Rattle { .. } | Self::Rattle4 { .. } => None,
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
            Self::Midpoint { iterations } | Self::Rattle { iterations } | Self::Rattle4 { iterations } => iterations,
            Self::Leapfrog | Self::Yoshida4 => 0,
        }
    }

    /// The same scheme with another iteration count, where it has one.
    ///
    /// # Errors
    /// [`DynamicsError::Scheme`] beyond what the runtime allows, or where the scheme does not iterate.
    pub fn with_iterations(self, iterations: u32) -> Result<Self, DynamicsError> {
        let changed = match self {
            Self::Midpoint { .. } => Self::Midpoint { iterations },
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
        f.write_str(match self {
            Self::Leapfrog => "leapfrog",
            Self::Yoshida4 => "yoshida4",
            Self::Midpoint { .. } => "midpoint",
            Self::Rattle { .. } => "rattle",
            Self::Rattle4 { .. } => "rattle4",
        })
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
