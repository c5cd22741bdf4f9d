//! The operator tests of the ONNX project, out of the last wheel of `onnx` that carries them.
//!
//! The data are the same in the wheels of every platform; one of them is named, so that one checksum serves all.

use std::fs;
use std::path::Path;

use anyhow::Result;
use xshell::cmd;

use super::{python, retried};
use crate::workspace::Workspace;

/// Requirement with the SHA-256 of the wheel for CPython 3.11 on x86-64 Linux.
const REQUIREMENT: &str =
    "onnx==1.22.0 --hash=sha256:1d0a2bdb15eb2b3cb65c438f3423d9620d14fdce32f92380e6bb1b2e09568ef5\n";
/// Where the wheel keeps the tests.
const INSIDE: &str = "onnx/backend/test/data/node";

/// Puts the folders of the tests into `onnx-node-tests` in the cache.
///
/// # Errors
/// Where PyPI cannot be reached, or gives a wheel of another checksum.
pub(super) fn fetch(workspace: &Workspace) -> Result<()> {
    let directory = workspace.cache.join("onnx-node-tests");
    let stamp = directory.join("REQUIREMENT");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == REQUIREMENT) {
        eprintln!("{}", directory.display());
        return Ok(());
    }
    let python = python::environment(workspace)?;
    let shell = &workspace.shell;
    let scratch = shell.create_temp_dir()?;
    let (wheels, unpacked) = (scratch.path().join("wheels"), scratch.path().join("unpacked"));
    let requirements = scratch.path().join("requirements.txt");
    fs::write(&requirements, REQUIREMENT)?;
    retried("downloading the ONNX node tests", || {
        let pip =
            cmd!(shell, "{python} -m pip download --quiet --no-deps --require-hashes --requirement {requirements}");
        let platform = ["--only-binary", ":all:", "--platform", "manylinux_2_27_x86_64", "--python-version", "3.11"];
        Ok(pip.args(platform).arg("--dest").arg(&wheels).run()?)
    })?;
    let wheel = super::only_file(&wheels, |name| name.ends_with(".whl"))?;
    cmd!(shell, "{python} -m zipfile -e {wheel} {unpacked}").run()?;

    let found = unpacked.join(INSIDE);
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    // The scratch directory may lie on another file system, so no rename; the stamp is copied last.
    fs::create_dir_all(&directory)?;
    copy(&found, &directory)?;
    fs::write(&stamp, REQUIREMENT)?;
    eprintln!("{}", directory.display());
    Ok(())
}

/// Copies the content of a folder of plain files and folders; tests are two folders deep.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                waiting.push((entry.path(), target));
            } else {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
