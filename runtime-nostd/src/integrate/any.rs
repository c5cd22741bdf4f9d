//! The scheme chosen at run time: by a blob's header, or by name on a command line.

use super::damped::surround;
use super::rattle::project;
use super::{ImplicitMidpoint, RATTLE_ITERATIONS, Rattle, Splitting, Stepper, StormerVerlet};
use crate::compiled::Compiled;
use crate::error::Error;
use crate::format::{DampingKind, SchemeId};
use crate::model::Damped as _;
use crate::program::Program;
use crate::state::State;

/// Any of the deployed schemes, with dissipation wherever the model it steps has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnyStepper {
    scheme: SchemeId,
    midpoint: ImplicitMidpoint,
    stormer_verlet: StormerVerlet,
    rattle: Rattle,
}

impl AnyStepper {
    /// The scheme the program was validated with.
    ///
    /// # Errors
    /// As [`AnyStepper::new`]; a parsed program gives none.
    pub fn for_program(program: &Program<'_>) -> Result<Self, Error> {
        Self::new(program, program.scheme(), program.iterations())
    }

    /// Another scheme for the same program; `iterations` counts for the implicit ones only.
    ///
    /// # Errors
    /// [`Error::NotSeparable`] for an explicit scheme on a model that is not T(p) + V(q), [`Error::NotQuadratic`] for one
    /// that needs a quadratic T, [`Error::Constraints`] for a scheme
    /// that does not keep the model's constraints or needs some, [`Error::Iterations`].
    pub fn new(program: &Program<'_>, scheme: SchemeId, iterations: u32) -> Result<Self, Error> {
        if scheme.keeps_constraints() != (program.constraints() > 0) {
            return Err(Error::Constraints);
        }
        if scheme.needs_separable() && !program.is_separable() {
            return Err(Error::NotSeparable);
        }
        if scheme.needs_quadratic() && !program.is_kinetic_quadratic() {
            return Err(Error::NotQuadratic);
        }
        let (mut midpoint, mut stormer_verlet) = (ImplicitMidpoint::default(), StormerVerlet::default());
        let mut rattle = Rattle::new(RATTLE_ITERATIONS)?;
        match scheme {
            SchemeId::Midpoint => midpoint = ImplicitMidpoint::new(iterations)?,
            SchemeId::StormerVerlet => stormer_verlet = StormerVerlet::new(iterations)?,
            SchemeId::Rattle => rattle = Rattle::new(iterations)?,
            SchemeId::Rattle4 => rattle = Rattle::composed(iterations)?,
            _ => {}
        }
        Ok(Self { scheme, midpoint, stormer_verlet, rattle })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// The coefficient table for lattice and compensated states.
    ///
    /// # Errors
    /// [`Error::NotExplicit`] where the scheme iterates or the program has damping, whose exponential has no inverse of increments.
    pub fn explicit(&self, program: &Program<'_>) -> Result<&'static Splitting, Error> {
        let conservative = program.damping_kind() == DampingKind::None;
        Splitting::of(self.scheme).filter(|_| conservative).ok_or(Error::NotExplicit)
    }

    /// Order of accuracy of the conservative part.
    #[must_use]
    pub const fn order(&self) -> u32 {
        self.scheme.order()
    }
}

impl<const N: usize> Stepper<Compiled<'_>, f32, N> for AnyStepper {
    fn advance(&self, model: &mut Compiled<'_>, state: &mut State<f32, N>, u: &[f32], dt: f32) -> Result<f32, Error> {
        let residual = surround(model, state, u, dt, |model, state| match Splitting::of(self.scheme) {
            Some(splitting) => splitting.advance(&mut model.separable()?, state, u, dt),
            None if self.scheme.keeps_constraints() => self.rattle.advance(&mut model.separable()?, state, u, dt),
            None if self.scheme == SchemeId::StormerVerlet => self.stormer_verlet.advance(model, state, u, dt),
            None => self.midpoint.advance(model, state, u, dt),
        })?;
        // Friction acts on each momentum by itself and may leave the tangent space.
        if self.scheme.keeps_constraints() && model.damping_kind() != DampingKind::None {
            project(&mut model.separable()?, state)?;
        }
        Ok(residual)
    }
}
