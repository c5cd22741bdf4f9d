//! Steps a compiled Hamiltonian model: no standard library, no heap, no unsafe code, no panic.
//!
//! A blob is checked once, bound to a workspace, and stepped by a scheme:
//!
//! ```
//! use hnn_runtime::{AnyStepper, Compiled, Error, Program, State, Stepper, Workspace};
//!
//! fn swing(blob: &[u32]) -> Result<f32, Error> {
//!     let program = Program::parse(blob)?;
//!     let mut workspace = Workspace::<256>::for_program(&program)?;
//!     let mut model = Compiled::bind(&program, &mut workspace)?;
//!     let stepper = AnyStepper::for_program(&program)?;
//!     let mut state = State::<f32, 2>::new(&[1.0], &[0.0])?;
//!     for _ in 0..1000 {
//!         stepper.step(&mut model, &mut state, &[], program.dt())?;
//!     }
//!     Ok(state.q().iter().sum())
//! }
//! assert_eq!(swing(&[]), Err(Error::TooShort));
//! ```
//!
//! Entry points: [`Program::parse`] (the blob, [`format`]), [`Function::parse`] (a blob that holds a plain function), [`model`] (what a system offers), [`integrate`] (how a step is
//! made), [`state`] (what is kept). Loading is the only fallible part besides reporting a step that would leave the finite
//! numbers. `docs/NUMERICS.md` defines every result to the bit, `docs/FORMAT.md` the blob.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

#[cfg(feature = "batch")]
pub mod batch;
mod compiled;
mod embed;
mod error;
mod execute;
mod float_mode;
pub mod format;
mod function;
mod image;
pub mod integrate;
mod kernels;
pub mod math;
pub mod model;
mod program;
mod rows;
mod scalar;
#[cfg(feature = "source")]
pub mod source;
pub mod state;
#[cfg(test)]
mod testing;
mod workspace;

pub use compiled::{Compiled, SeparableView};
#[doc(hidden)]
pub use embed::words;
pub use error::Error;
pub use float_mode::check_float_mode;
pub use format::{DampingKind, Entry, SchemeId};
pub use function::{CompiledFunction, Function};
pub use integrate::{AnyStepper, Stepper};
pub use program::Program;
pub use scalar::Scalar;
pub use state::{AnyState, Doubled, Lattice, Recorder, State, TrajectoryHash};
pub use workspace::Workspace;
