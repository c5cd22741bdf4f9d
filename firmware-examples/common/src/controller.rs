//! From an encoder's angle to a torque, once a tick: the estimator and the swing-up around one model.
//!
//! This is all that a board calls; it has to know nothing but its own sensor, its own motor and the time between two ticks.

use hnn_runtime::{Compiled, Error, Program, Workspace};

use crate::balance::{Scales, Unfit};
use crate::control::name;
use crate::estimator::Estimator;
use crate::swing_up::SwingUp;

/// Workspace elements that a model of the controller may need.
pub const WORKSPACE_LEN: usize = 64;

/// What a controller is made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Most torque of the motor, in the unit of the model's input.
    pub torque_max: f32,
    /// Deviations that count as much as that torque.
    pub scales: Scales,
    /// Time between two ticks, s.
    pub dt: f32,
}

/// Why there is no controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The blob is refused, or needs more workspace than there is.
    Model(Error),
    /// The model makes no controller.
    Unfit(Unfit),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Model(error)
    }
}

impl Failure {
    /// The failure in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model(error) => name(error),
            Self::Unfit(Unfit::Shape) => "a model of one coordinate and one input is needed",
            Self::Unfit(Unfit::NotStabilisable) => "the model cannot be held upright",
            Self::Unfit(Unfit::NotUpright) => "upright is no higher than at rest",
        }
    }
}

/// The loop between sensor and motor.
#[derive(Debug)]
pub struct Controller<'a> {
    model: Compiled<'a>,
    estimator: Estimator,
    swing_up: SwingUp,
    torque: f32,
    dt: f32,
}

impl<'a> Controller<'a> {
    /// The controller of a model, of a machine at rest at the angle `at_rest`, rad from hanging.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn new(
        program: &'a Program<'a>,
        workspace: &'a mut Workspace<WORKSPACE_LEN>,
        settings: Settings,
        at_rest: f32,
    ) -> Result<Self, Failure> {
        let mut model = Compiled::bind(program, workspace)?;
        let Settings { torque_max, scales, dt } = settings;
        let swing_up = SwingUp::new(&mut model, scales, torque_max, dt).map_err(Failure::Unfit)?;
        Ok(Self { model, estimator: Estimator::at_rest(at_rest), swing_up, torque: 0.0, dt })
    }

    /// The torque until the next tick, from the angle measured now.
    pub fn tick(&mut self, measured: f32) -> f32 {
        let [q, p] = self.estimator.update(&mut self.model, measured, self.torque, self.dt);
        self.torque = self.swing_up.input(&mut self.model, q, p);
        self.torque
    }

    /// The swing-up.
    #[must_use]
    pub fn swing_up(&self) -> &SwingUp {
        &self.swing_up
    }
}
