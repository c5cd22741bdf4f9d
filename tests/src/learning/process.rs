//! Programs that are measured: what they print, and the CPU time they take from beginning to end.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Clock ticks per second of `/proc`: `USER_HZ`, which Linux fixes at 100 on every architecture it shows it on.
const TICKS_PER_S: f64 = 100.0;

/// User and system seconds of all children that have ended, to a hundredth.
///
/// # Errors
/// Where there is no `/proc`: the benchmark needs Linux.
fn children_cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").context("CPU times are read from /proc, which Linux has")?;
    // The name, field 2, may hold anything; after its closing bracket come the fields from 3 on: 16 and 17 are wanted.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |field: usize| -> Result<f64> {
        Ok(fields.get(field - 3).context("/proc/self/stat has fewer fields than documented")?.parse()?)
    };
    Ok((ticks(16)? + ticks(17)?) / TICKS_PER_S)
}

/// Runs a program on one thread; gives its standard output and its CPU seconds.
///
/// # Errors
/// Where it cannot be started or fails, with what it printed.
pub fn measured<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Result<(String, f64)> {
    let before = children_cpu_s()?;
    let output = Command::new(program)
        .args(arguments)
        .envs(
            ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map(|name| (name, "1")),
        )
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let cpu_s = children_cpu_s()? - before;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {complaint}", program.display());
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), cpu_s))
}

/// The command-line program, built beside the one that runs.
///
/// # Errors
/// Where it is missing.
pub fn program() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(format!("hnn-under-test{}", std::env::consts::EXE_SUFFIX));
    ensure!(path.is_file(), "{} is missing; build the whole package", path.display());
    Ok(path)
}
