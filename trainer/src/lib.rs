//! Learns Hamiltonians: data, architectures, losses and optimisation on burn tensors.
//!
//! A learned model is an [`hnn_exporter::dynamics::Model`] whose graph has parameters. Training evaluates the graphs that
//! are exported — H, its field, the step of the deployment scheme — on burn tensors, and asks burn only for first-order
//! derivatives with respect to the parameters. It knows no ONNX, no blob and no command line.

pub mod architecture;
pub mod baseline;
pub mod checkpoint;
pub mod data;
pub mod density;
pub mod ensemble;
pub mod evaluate;
pub mod execute;
pub mod fit;
pub mod learned;
pub mod loss;
pub mod preset;
pub mod random;
pub mod run;
pub mod system;
pub mod tangent;
