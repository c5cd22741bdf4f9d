//! How well and how dearly models are learned: what `cargo xtask bench learning` measures. Gates nothing.
//!
//! Every figure comes from the program as a user runs it: `hnn train` in a process of its own, whose CPU time is counted
//! whole, and `hnn evaluate`. Only motions over up to a million cycles, which no command makes, are stepped here.

pub mod endurance;
pub mod process;
pub mod reference;
pub mod report;
pub mod table;
pub mod task;
