//! The text of this crate's mathematics, for writers of source code that has to give the same bits.
//!
//! There is one definition of every function: what is compiled here is what generated Rust contains.

/// Four evaluations side by side.
pub const LANES: &str = include_str!("math/lanes.rs");
/// tanh.
pub const TANH: &str = include_str!("math/tanh.rs");
/// eˣ and what follows from it.
pub const EXPONENTIAL: &str = include_str!("math/exponential.rs");
/// sin and cos.
pub const CIRCLE: &str = include_str!("math/circle.rs");
/// Functions of a few comparisons, among others.
pub const MATH: &str = include_str!("math.rs");
/// The probe of the processor's floating-point mode.
pub const FLOAT_MODE: &str = include_str!("float_mode.rs");
