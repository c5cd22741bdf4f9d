//! From a Hamiltonian to everything that runs it.
//!
//! A model is a [`graph::Graph`] that gives the energy H. This crate differentiates it, writes it as ONNX, lowers it to a
//! program for `hnn-runtime`, and validates each against the f64 reference. It knows no training framework.

pub mod density;
pub mod differentiate;
pub mod dynamics;
pub mod emit;
pub mod evaluate;
pub mod expression;
pub mod graph;
pub mod import;
pub mod inspect;
pub mod legalize;
pub mod limited;
pub mod lower;
pub mod manifest;
pub mod onnx;
pub mod optimize;
pub mod pipeline;
pub mod quantize;
pub mod validate;
pub mod weights;
