//! ONNX Runtime's shared library out of its PyPI wheel; `ort` loads it at run time, nothing links to it.

use std::fs;

use anyhow::{Context, Result};
use xshell::cmd;

use super::{only_file, python, retried};
use crate::workspace::Workspace;

/// The version that the `ort` crate's API level was tried with.
const VERSION: &str = "1.31.1";

/// Name without a version, under which the exporter looks for the library.
const LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// Puts the library into the cache under its own name and under [`LIBRARY`].
///
/// # Errors
/// Where PyPI cannot be reached, or has no wheel for this platform.
pub(super) fn fetch(workspace: &Workspace) -> Result<()> {
    let directory = workspace.cache.join("onnxruntime");
    let stamp = directory.join("VERSION");
    let library = directory.join(LIBRARY);
    if library.exists() && fs::read_to_string(&stamp).is_ok_and(|version| version == VERSION) {
        eprintln!("{}", library.display());
        return Ok(());
    }
    let python = python::environment(workspace)?;
    let shell = &workspace.shell;
    let download = shell.create_temp_dir()?;
    let (wheels, unpacked) = (download.path().join("wheels"), download.path().join("unpacked"));
    let requirement = format!("onnxruntime=={VERSION}");
    retried("downloading ONNX Runtime", || {
        let pip = cmd!(shell, "{python} -m pip download --quiet --no-deps --only-binary :all: --dest {wheels}");
        Ok(pip.arg(&requirement).run()?)
    })?;
    let wheel = only_file(&wheels, |name| name.ends_with(".whl"))?;
    cmd!(shell, "{python} -m zipfile -e {wheel} {unpacked}").run()?;
    let found = only_file(&unpacked.join("onnxruntime").join("capi"), |name| {
        name == LIBRARY || name.starts_with("libonnxruntime.so.") || name == format!("libonnxruntime.{VERSION}.dylib")
    })?;

    fs::create_dir_all(&directory)?;
    let name = found.file_name().context("the wheel's library has no name")?;
    for target in [directory.join(name), library.clone()] {
        // A process may have the old library mapped: replace the name, never the content.
        let partial = target.with_extension("partial");
        fs::copy(&found, &partial)?;
        fs::rename(&partial, &target)?;
    }
    fs::write(&stamp, VERSION)?;
    eprintln!("{}", library.display());
    Ok(())
}
