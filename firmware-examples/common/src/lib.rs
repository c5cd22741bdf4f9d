//! One control loop for every machine: models in flash, thousands of steps, and a report.
//!
//! The loop knows no board: it writes to a [`Console`], so that the host runs the very same code and a test compares what
//! both print. After a model is bound nothing here can fail but a state that is no longer finite.
#![no_std]

mod control;
mod measure;
mod report;
#[cfg(target_os = "none")]
pub mod semihosting;

pub use control::{
    INITIAL_MOMENTUM, INITIAL_POSITION, INPUT, MAX_DOF, MAX_INPUTS, MAX_WORKSPACE, checkpoint_every, run,
};
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
