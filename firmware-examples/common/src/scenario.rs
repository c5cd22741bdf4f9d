//! Closed loops of what this package offers with a simulated machine, on whatever computer this is.
//!
//! The machine is [`Pendulum::EXAMPLE`](crate::plant::Pendulum::EXAMPLE); the models were learned from recordings of it, which
//! `examples/recording.rs` makes. Everything that happens is printed as bits, so that computers can be compared.

use crate::balance::Scales;

mod fault;
mod swing_up;
mod update;

pub use fault::{Fault, Watch, commission, fault, watch};
pub use swing_up::{Outcome, SwingUpRun, swing_up};
pub use update::update;

/// A tick of the controller, s.
pub const DT: f32 = 1e-3;
/// Ticks in a second.
pub const TICKS_PER_SECOND: u32 = 1000;
/// Most torque of the motor, N m: a fifth of what holds the pendulum level.
pub const TORQUE_MAX: f32 = 0.5;
/// What the regulator counts as much as the motor's limit: deviations in rad and rad/s.
pub const SCALES: Scales = Scales { position: 0.5, momentum: 2.0, input: TORQUE_MAX };
