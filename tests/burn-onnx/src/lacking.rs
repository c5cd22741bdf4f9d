//! Files that burn-onnx 0.22 cannot turn into Rust.

/// Name of a file without its ending, and what it is that burn-onnx lacks for it.
pub const LACKING: &[(&str, &str)] = &[];
