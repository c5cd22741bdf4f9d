//! The scheme chosen at run time: by a blob's header, or by name on a command line.

use super::damped::surround;
use super::{ImplicitMidpoint, LEAPFROG, Stepper, YOSHIDA_4};
use crate::compiled::Compiled;
use crate::error::Error;
use crate::format::SchemeId;
use crate::program::Program;
use crate::state::State;

/// Any of the deployed schemes, with dissipation wherever the model it steps has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyStepper {
    scheme: SchemeId,
    midpoint: ImplicitMidpoint,
}

impl AnyStepper {
    /// The scheme the program was validated with.
    ///
    /// # Errors
    /// As [`AnyStepper::new`]; a parsed program gives none.
    pub fn for_program(program: &Program<'_>) -> Result<Self, Error> {
        Self::new(program, program.scheme(), program.iterations())
    }

    /// Another scheme for the same program; `iterations` counts for the implicit one only.
    ///
    /// # Errors
    /// [`Error::NotSeparable`] for an explicit scheme on a model that is not T(p) + V(q), [`Error::Iterations`].
    pub fn new(program: &Program<'_>, scheme: SchemeId, iterations: u32) -> Result<Self, Error> {
        let midpoint = match scheme {
            SchemeId::Midpoint => ImplicitMidpoint::new(iterations)?,
            explicit if explicit.needs_separable() && !program.is_separable() => return Err(Error::NotSeparable),
            SchemeId::Leapfrog | SchemeId::Yoshida4 => ImplicitMidpoint::default(),
        };
        Ok(Self { scheme, midpoint })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// Order of accuracy of the conservative part.
    #[must_use]
    pub const fn order(&self) -> u32 {
        self.scheme.order()
    }
}

impl<const N: usize> Stepper<Compiled<'_>, f32, N> for AnyStepper {
    fn advance(&self, model: &mut Compiled<'_>, state: &mut State<f32, N>, u: &[f32], dt: f32) -> Result<f32, Error> {
        surround(model, state, u, dt, |model, state| match self.scheme {
            SchemeId::Leapfrog => LEAPFROG.advance(&mut model.separable()?, state, u, dt),
            SchemeId::Yoshida4 => YOSHIDA_4.advance(&mut model.separable()?, state, u, dt),
            SchemeId::Midpoint => self.midpoint.advance(model, state, u, dt),
        })
    }
}
