//! The scheme chosen at run time: by a blob's header, or by name on a command line.

use super::damped::surround;
use super::rattle::project;
use super::{ImplicitMidpoint, Rattle, Splitting, Stepper, StormerVerlet, Tao};
use crate::compiled::Compiled;
use crate::error::Error;
use crate::format::{DampingKind, SchemeId};
use crate::model::Damped as _;
use crate::program::Program;
use crate::state::{AnyState, Doubled, State};

/// Any of the deployed schemes, with dissipation wherever the model it steps has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnyStepper {
    scheme: SchemeId,
    method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    Splitting(&'static Splitting),
    Midpoint(ImplicitMidpoint),
    StormerVerlet(StormerVerlet),
    Rattle(Rattle),
    Tao(Tao),
}

impl AnyStepper {
    /// The scheme the program was validated with.
    ///
    /// # Errors
    /// As [`AnyStepper::new`]; a parsed program gives none.
    pub fn for_program(program: &Program<'_>) -> Result<Self, Error> {
        Self::new(program, program.scheme(), program.setting())
    }

    /// Another scheme for the same program; `setting` is the number of iterations of an implicit one, the f32 bits of ω of a
    /// doubled one, and of no account for others.
    ///
    /// # Errors
    /// [`Error::NotSeparable`] for an explicit scheme on a model that is not T(p) + V(q), [`Error::NotQuadratic`] for one
    /// that needs a quadratic T, [`Error::Constraints`] for a scheme
    /// that does not keep the model's constraints or needs some, [`Error::Iterations`], [`Error::Binding`].
    pub fn new(program: &Program<'_>, scheme: SchemeId, setting: u32) -> Result<Self, Error> {
        if scheme.keeps_constraints() != (program.constraints() > 0) {
            return Err(Error::Constraints);
        }
        if scheme.needs_separable() && !program.is_separable() {
            return Err(Error::NotSeparable);
        }
        if scheme.needs_quadratic() && !program.is_kinetic_quadratic() {
            return Err(Error::NotQuadratic);
        }
        let omega = f64::from(f32::from_bits(setting));
        let method = match (Splitting::of(scheme), scheme) {
            (Some(table), _) => Method::Splitting(table),
            (None, SchemeId::StormerVerlet) => Method::StormerVerlet(StormerVerlet::new(setting)?),
            (None, SchemeId::Rattle) => Method::Rattle(Rattle::new(setting)?),
            (None, SchemeId::Rattle4) => Method::Rattle(Rattle::composed(setting)?),
            (None, SchemeId::Tao2) => Method::Tao(Tao::second(omega)?),
            (None, SchemeId::Tao4) => Method::Tao(Tao::fourth(omega)?),
            (None, _) => Method::Midpoint(ImplicitMidpoint::new(setting)?),
        };
        Ok(Self { scheme, method })
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// The coefficient table for lattice and compensated states.
    ///
    /// # Errors
    /// [`Error::NotExplicit`] where the scheme iterates or binds, or the program has damping, whose exponential has no inverse of increments.
    pub fn explicit(&self, program: &Program<'_>) -> Result<&'static Splitting, Error> {
        match self.method {
            Method::Splitting(table) if program.damping_kind() == DampingKind::None => Ok(table),
            _ => Err(Error::NotExplicit),
        }
    }

    /// Order of accuracy of the conservative part.
    #[must_use]
    pub const fn order(&self) -> u32 {
        self.scheme.order()
    }

    /// The state as this scheme keeps it, at the start of a motion: doubled where the scheme is.
    #[must_use]
    pub fn begin<const N: usize>(&self, state: State<f32, N>) -> AnyState<N> {
        match self.method {
            Method::Tao(_) => AnyState::Doubled(Doubled::new(state)),
            _ => AnyState::Plain(state),
        }
    }

    /// One step of length `dt` with `u` held, of a state as this scheme keeps it; returns the residual of whatever iterates.
    ///
    /// # Errors
    /// As [`Stepper::step`], and [`Error::NotDoubled`] for a state that another scheme keeps.
    pub fn step_any<const N: usize>(
        &self,
        model: &mut Compiled<'_>,
        state: &mut AnyState<N>,
        u: &[f32],
        dt: f32,
    ) -> Result<f32, Error> {
        match (&self.method, state) {
            (Method::Tao(scheme), AnyState::Doubled(doubled)) => doubled.step_damped(scheme, model, u, dt),
            (_, AnyState::Plain(state)) => self.step(model, state, u, dt),
            _ => Err(Error::NotDoubled),
        }
    }
}

impl<const N: usize> Stepper<Compiled<'_>, f32, N> for AnyStepper {
    fn advance(&self, model: &mut Compiled<'_>, state: &mut State<f32, N>, u: &[f32], dt: f32) -> Result<f32, Error> {
        let residual = surround(model, state, u, dt, |model, state| match &self.method {
            Method::Splitting(splitting) => splitting.advance(&mut model.separable()?, state, u, dt),
            Method::Rattle(rattle) => rattle.advance(&mut model.separable()?, state, u, dt),
            Method::Midpoint(midpoint) => midpoint.advance(model, state, u, dt),
            Method::StormerVerlet(scheme) => scheme.advance(model, state, u, dt),
            Method::Tao(_) => Err(Error::NotDoubled),
        })?;
        // Friction acts on each momentum by itself and may leave the tangent space.
        if self.scheme.keeps_constraints() && model.damping_kind() != DampingKind::None {
            project(&mut model.separable()?, state)?;
        }
        Ok(residual)
    }
}
