//! Writers of what runs on a device. They spell a [`Plan`](crate::lower::Plan) or a
//! [`FunctionPlan`](crate::lower::FunctionPlan) and decide nothing.
//!
//! ONNX files are written by [`crate::onnx`], from a graph.

mod blob;
mod q15;

pub use blob::{blob, blob_bytes, function_blob};
pub use q15::{PlacedNetwork, q15_blob};
