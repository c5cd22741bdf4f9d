//! Writes the blobs that `cargo xtask bench mcu` measures besides the bundled models, tanh networks 2-n-n-1, and the Rust source of
//! every blob in the folder.
//!
//! Weights come from a fixed generator: what a kernel costs does not depend on them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use hnn_conformance::cases::tanh_network;
use hnn_exporter::dynamics::Scheme;
use hnn_exporter::emit::{Subject, blob, blob_bytes, read_blob, rust};
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
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "hnn") {
            std::fs::write(path.with_extension("rs"), source(&path)?)?;
        }
    }
    Ok(())
}

/// The Rust source of a blob.
fn source(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path)?;
    let words: Vec<u32> = bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let (plan, scheme, dt) = read_blob(&words).with_context(|| path.display().to_string())?;
    let name = path.file_stem().and_then(|name| name.to_str()).context("a blob has a name")?;
    Ok(rust(&Subject { name, plan: &plan, scheme, dt, check: None })?)
}
