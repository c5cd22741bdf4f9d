//! Makes a bare machine ready: Rust targets, a Python environment with the official ONNX checker, the ONNX project's node
//! tests, ONNX Runtime, QEMU.
//!
//! Idempotent, and quick once all is there. Everything but QEMU and the Rust targets lands in the cache directory, never in the
//! repository. Downloads are tried again; what cannot be installed without rights is named, with the command that installs it.

mod libtorch;
mod node_tests;
mod onnxruntime;
mod python;
mod system;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::step::Steps;
use crate::workspace::Workspace;

/// How often a download is tried.
const DOWNLOAD_ATTEMPTS: u32 = 4;

/// Runs all of the setup.
///
/// # Errors
/// Where a download fails for good, or a tool is missing and cannot be installed from here.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("setup");
    steps.run("rust targets", || system::rust_targets(&workspace.shell))?;
    steps.run("python environment with the ONNX checker", || python::environment(workspace).map(drop))?;
    steps.run("ONNX node tests", || node_tests::fetch(workspace))?;
    steps.run("ONNX Runtime", || onnxruntime::fetch(workspace))?;
    steps.run("QEMU", || system::qemu(&workspace.shell))?;
    steps.finish();
    Ok(())
}

/// Fetches LibTorch, which only the feature `tch` wants, and prints the variables it is found by.
///
/// # Errors
/// Where a download fails for good, or this platform has to bring its own.
pub(crate) fn libtorch(workspace: &Workspace) -> Result<()> {
    libtorch::fetch(workspace)
}

/// Repeats `work` with growing pauses while it fails.
fn retried(what: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let mut attempt = 1;
    loop {
        match work() {
            Err(error) if attempt < DOWNLOAD_ATTEMPTS => {
                eprintln!("{what}, attempt {attempt} of {DOWNLOAD_ATTEMPTS}: {error:#}; trying again");
                thread::sleep(Duration::from_secs(u64::from(attempt) * 5));
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// The one file of a folder whose name is wanted.
fn only_file(directory: &Path, wanted: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut found = None;
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) && found.replace(entry.path()).is_some() {
            bail!("{} holds more than one file of the wanted kind", directory.display());
        }
    }
    found.with_context(|| format!("{} does not hold the wanted file", directory.display()))
}
