//! Names of the schemes a model can be deployed with.
//!
//! Coefficients and loops live in the runtime; a name here says which of them, and what it needs of the model.

use std::fmt;
use std::str::FromStr;

use hnn_runtime::format::{MAX_ITERATIONS, SchemeId};
use hnn_runtime::integrate::{
    MIDPOINT_ITERATIONS, RATTLE_ITERATIONS, Rattle, STORMER_VERLET_ITERATIONS, Splitting, TAO_OMEGA, Tao,
};

use super::DynamicsError;

/// A scheme of the runtime.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Explicit splitting of a doubled state, order 2. Tao (2016).
    Tao2 {
        /// Binding of the two copies, 1/s.
        omega: f32,
    },
    /// Its triple jump, order 4.
    Tao4 {
        /// Binding of the two copies, 1/s.
        omega: f32,
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
    pub const ALL: [Self; 13] = [
        Self::Leapfrog,
        Self::PositionVerlet,
        Self::SymplecticEuler,
        Self::Yoshida4,
        Self::Yoshida6,
        Self::MclachlanAtela4,
        Self::BlanesMoan4,
        Self::MIDPOINT,
        Self::STORMER_VERLET,
        Self::TAO_2,
        Self::TAO_4,
        Self::RATTLE,
        Self::RATTLE_4,
    ];
    /// The implicit midpoint rule with its usual number of iterations.
    pub const MIDPOINT: Self = Self::Midpoint { iterations: MIDPOINT_ITERATIONS };
    /// Implicit Störmer–Verlet with its usual number of iterations.
    pub const STORMER_VERLET: Self = Self::StormerVerlet { iterations: STORMER_VERLET_ITERATIONS };
    /// Tao's scheme of order 2 with its usual binding.
    pub const TAO_2: Self = Self::Tao2 { omega: TAO_OMEGA };
    /// Tao's scheme of order 4 with its usual binding.
    pub const TAO_4: Self = Self::Tao4 { omega: TAO_OMEGA };
    /// RATTLE with its usual number of iterations.
    pub const RATTLE: Self = Self::Rattle { iterations: RATTLE_ITERATIONS };
    /// RATTLE of order 4 with its usual number of iterations.
    pub const RATTLE_4: Self = Self::Rattle4 { iterations: RATTLE_ITERATIONS };

    /// The coefficient table of an explicit splitting.
    #[must_use]
    pub fn splitting(self) -> Option<&'static Splitting> {
        Splitting::of(self.id())
    }

    /// The scheme of a code in a blob, with what it is set to: iterations, or the bits of ω.
    #[must_use]
    pub fn of(id: SchemeId, setting: u32) -> Self {
        let (iterations, omega) = (setting, f32::from_bits(setting));
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
            SchemeId::Tao2 => Self::Tao2 { omega },
            SchemeId::Tao4 => Self::Tao4 { omega },
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
            Self::Tao2 { .. } => SchemeId::Tao2,
            Self::Tao4 { .. } => SchemeId::Tao4,
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

    /// The scheme of a doubled state, where this is one with a binding that the runtime takes.
    #[must_use]
    pub fn tao(self) -> Option<Tao> {
        match self {
            Self::Tao2 { omega } => Tao::second(f64::from(omega)).ok(),
            Self::Tao4 { omega } => Tao::fourth(f64::from(omega)).ok(),
            _ => None,
        }
    }

    /// Whether it steps two copies of the state, 4n numbers that go on from step to step.
    #[must_use]
    pub fn is_doubled(self) -> bool {
        self.omega().is_some()
    }

    /// Binding of the two copies of a doubled state, 1/s.
    #[must_use]
    pub fn omega(self) -> Option<f32> {
        match self {
            Self::Tao2 { omega } | Self::Tao4 { omega } => Some(omega),
            _ => None,
        }
    }

    /// What the blob's header says beside the code: iterations, the bits of ω, or 0.
    #[must_use]
    pub fn setting(self) -> u32 {
        self.omega().map_or_else(|| self.iterations(), f32::to_bits)
    }

    /// The same scheme with another binding of the two copies.
    ///
    /// # Errors
    /// [`DynamicsError::Scheme`] for what is no binding, or where the scheme has one state only.
    pub fn with_omega(self, omega: f32) -> Result<Self, DynamicsError> {
        let changed = match self {
            Self::Tao2 { .. } => Self::Tao2 { omega },
            Self::Tao4 { .. } => Self::Tao4 { omega },
            other => {
                return Err(DynamicsError::Scheme(format!("scheme `{other}` has no binding ω: it steps one state")));
            }
        };
        if Tao::is_binding(f64::from(omega)) {
            return Ok(changed);
        }
        Err(DynamicsError::Scheme(format!("a binding of {omega}/s: ω is a positive number")))
    }

    /// Refuses a scheme whose state is doubled, for what knows only q and p.
    ///
    /// # Errors
    /// [`DynamicsError::Scheme`].
    pub fn check_single(self) -> Result<Self, DynamicsError> {
        if !self.is_doubled() {
            return Ok(self);
        }
        Err(DynamicsError::Scheme(format!(
            "scheme `{self}` steps two copies of the state, and here there is one; use `midpoint` or `stormer-verlet`, and \
             deploy with `--scheme {self}`"
        )))
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
