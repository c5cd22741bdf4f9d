//! Writes the blobs that `cargo xtask bench mcu` measures besides the bundled models: tanh networks 2-n-n-1.
//!
//! Weights come from a fixed generator: what a kernel costs does not depend on them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use hnn_conformance::cases::tanh_network;
use hnn_exporter::dynamics::Scheme;
use hnn_exporter::emit::{blob, blob_bytes};
use hnn_exporter::lower::lower;

/// Widths of the networks.
const WIDTHS: [usize; 2] = [32, 200];
/// Step length in seconds.
const DT: f32 = 0.01;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("usage: bench-models DIR")?);
    for width in WIDTHS {
        let plan = lower(&tanh_network(width)?)?;
        let path = folder.join(format!("tanh_{width}.hnn"));
        std::fs::write(&path, blob_bytes(&blob(&plan, Scheme::Midpoint { iterations: 8 }, DT)))?;
    }
    Ok(())
}
