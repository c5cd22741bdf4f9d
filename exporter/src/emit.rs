//! Writers of what runs on a device. They spell a [`Plan`](crate::lower::Plan) or a
//! [`FunctionPlan`](crate::lower::FunctionPlan) and decide nothing.
//!
//! ONNX files are written by [`crate::onnx`], from a graph.

mod blob;

pub use blob::{blob, blob_bytes, function_blob};
