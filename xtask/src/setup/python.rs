//! A Python environment in the cache, used by tests only: the official ONNX checker, and pip for downloads.
//!
//! The product itself needs no Python, neither to build nor to run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use super::{retried, system};
use crate::workspace::Workspace;

/// Packages of the environment. 1.22 is the last `onnx` whose wheel carries the operator test data.
const PACKAGES: [&str; 2] = ["onnx==1.22.0", "numpy"];
/// Exits with 0 where the environment is complete.
const PROBE: &str = "import numpy, onnx, sys; sys.exit(onnx.__version__ != '1.22.0')";

/// Makes the environment if need be and returns its interpreter.
///
/// # Errors
/// Where no Python with `venv` is found, or PyPI cannot be reached.
pub(super) fn environment(workspace: &Workspace) -> Result<PathBuf> {
    let shell = &workspace.shell;
    let directory = workspace.cache.join("python");
    let python = interpreter(&directory);
    if python.exists() && cmd!(shell, "{python} -c {PROBE}").quiet().ignore_stderr().run().is_ok() {
        return Ok(python);
    }
    let Some(system_python) = ["python3", "python"].into_iter().find(|name| system::version(shell, name).is_some())
    else {
        bail!("Python 3 is missing: it fetches ONNX Runtime and runs the official ONNX checker in tests");
    };
    let create = || cmd!(shell, "{system_python} -m venv --clear {directory}").run();
    if create().is_err() {
        // Debian splits `ensurepip` off its Python.
        system::apt_install(shell, "python3-venv", "elsewhere a Python 3 with the modules venv and ensurepip")?;
        create()?;
    }
    retried("installing the ONNX checker", || {
        let packages = PACKAGES;
        Ok(cmd!(shell, "{python} -m pip install --quiet {packages...}").run()?)
    })?;
    cmd!(shell, "{python} -c {PROBE}").run().context("the ONNX checker was installed but cannot be imported")?;
    Ok(python)
}

fn interpreter(environment: &Path) -> PathBuf {
    if cfg!(windows) { environment.join("Scripts/python.exe") } else { environment.join("bin/python") }
}
