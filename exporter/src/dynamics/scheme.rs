//! Names of the schemes a model can be deployed with.
//!
//! Coefficients and loops live in the runtime; a name here says which of them, and what it needs of the model.

use std::fmt;
use std::str::FromStr;

use hnn_runtime::format::MAX_ITERATIONS;
use hnn_runtime::integrate::{LEAPFROG, MIDPOINT_ITERATIONS, Splitting, YOSHIDA_4};

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
}

impl Scheme {
    /// One of each, with default settings.
    pub const ALL: [Self; 3] = [Self::Leapfrog, Self::Yoshida4, Self::Midpoint { iterations: MIDPOINT_ITERATIONS }];

    /// The coefficient table of an explicit splitting.
    #[must_use]
    pub fn splitting(self) -> Option<&'static Splitting> {
        match self {
            Self::Leapfrog => Some(&LEAPFROG),
            Self::Yoshida4 => Some(&YOSHIDA_4),
            Self::Midpoint { .. } => None,
        }
    }

    /// The same scheme with another iteration count, where it has one.
    ///
    /// # Errors
    /// [`DynamicsError::Scheme`] beyond what the runtime allows, or where the scheme does not iterate.
    pub fn with_iterations(self, iterations: u32) -> Result<Self, DynamicsError> {
        match self {
            Self::Midpoint { .. } if (1..=MAX_ITERATIONS).contains(&iterations) => Ok(Self::Midpoint { iterations }),
            Self::Midpoint { .. } => {
                Err(DynamicsError::Scheme(format!("{iterations} iterations are outside 1..={MAX_ITERATIONS}")))
            }
            explicit => Err(DynamicsError::Scheme(format!("scheme `{explicit}` does not iterate"))),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leapfrog => "leapfrog",
            Self::Yoshida4 => "yoshida4",
            Self::Midpoint { .. } => "midpoint",
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
