//! What firmware around a learned model is made of, for every machine.
//!
//! - The control loop: models in flash, thousands of steps, and a report.
//! - For a machine with one coordinate and one input: a controller ([`controller`], of [`swing_up`], [`balance`] and
//!   [`estimator`]) and an observer ([`observer`]), made from nothing but a model.
//! - A model that is replaced in the field ([`slots`]).
//! - Closed loops of these with a simulated machine ([`scenario`]).
//!
//! Nothing here knows a board: output goes to a [`Console`], so that the host runs the very same code and a test compares what
//! both print.
#![no_std]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on stops here"))]

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod analytic;
pub mod balance;
mod control;
pub mod controller;
mod cost;
pub mod estimator;
pub mod flash;
mod measure;
pub mod noise;
pub mod observer;
pub mod plant;
pub mod port;
mod report;
pub mod scenario;
#[cfg(all(feature = "semihosting", target_os = "none"))]
pub mod semihosting;
pub mod slots;
pub mod swing_up;

pub use control::{
    INITIAL_MOMENTUM, INITIAL_POSITION, INPUT, MAX_DOF, MAX_INPUTS, MAX_WORKSPACE, checkpoint_every, run,
};
pub use cost::cost;
pub use measure::{STATES, measure, measure_begin, measure_end};
pub use report::{Console, Report};

/// A model in flash.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Name of its file.
    pub name: &'static str,
    /// Its blob.
    pub blob: &'static [u32],
}

include!(concat!(env!("OUT_DIR"), "/models.rs"));
