//! LibTorch for the processor, out of PyPI's wheels, where the feature `tch` looks for it.
//!
//! The `tch` crate links the one version it was generated from. PyPI's wheel for x86-64 is built for CUDA; the parts that
//! compute on the processor stand alone but for two small libraries of CUDA, and for `libtorch.so`, a stub that pulls in the
//! parts: the wheel's own pulls in CUDA as well, so one is linked here. Checksums pin what is fetched.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::{only_file, python, retried};
use crate::workspace::Workspace;

/// The version that `tch` 0.22 links.
const VERSION: &str = "2.9.0";
/// Requirements with the SHA-256 of the wheels for x86-64 Linux.
const REQUIREMENTS: &str = "\
torch==2.9.0 --hash=sha256:51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67
nvidia-cuda-runtime-cu12==12.8.90 --hash=sha256:adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90
nvidia-cuda-cupti-cu12==12.8.90 --hash=sha256:ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182
";
/// Names of platforms under which the wheels were published.
const PLATFORMS: [&str; 5] = [
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
    "manylinux_2_5_x86_64",
    "manylinux1_x86_64",
];
/// Libraries, by the folder of a wheel that holds them.
const LIBRARIES: [(&str, &[&str]); 3] = [
    ("torch/lib", &["libc10.so", "libtorch_cpu.so", "libgomp.so.1"]),
    ("nvidia/cuda_runtime/lib", &["libcudart.so.12"]),
    ("nvidia/cuda_cupti/lib", &["libcupti.so.12"]),
];

/// Assembles LibTorch in the cache and prints, for a shell to evaluate, the variables that building and running want.
///
/// # Errors
/// On platforms other than x86-64 Linux, or where PyPI or a C compiler is missing.
pub(super) fn fetch(workspace: &Workspace) -> Result<()> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "LibTorch {VERSION} is assembled for x86-64 Linux alone; elsewhere unpack pytorch.org's archive of that version and \
         set LIBTORCH to its folder"
    );
    let directory = workspace.cache.join("libtorch");
    let stamp = directory.join("REQUIREMENTS");
    if !fs::read_to_string(&stamp).is_ok_and(|found| found == REQUIREMENTS) {
        assemble(workspace, &directory)?;
        fs::write(&stamp, REQUIREMENTS)?;
    }
    println!("export LIBTORCH='{}'", directory.display());
    println!("export LD_LIBRARY_PATH='{}'\"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"", directory.join("lib").display());
    Ok(())
}

fn assemble(workspace: &Workspace, directory: &Path) -> Result<()> {
    let python = python::environment(workspace)?;
    let shell = &workspace.shell;
    fs::create_dir_all(&workspace.cache)?;
    // Beside the result, not in a temporary folder: the wheels unpack to two gigabytes, and are moved rather than copied.
    let scratch = workspace.cache.join("libtorch.partial");
    shell.remove_path(&scratch)?;
    let (wheels, unpacked, made) = (scratch.join("wheels"), scratch.join("unpacked"), scratch.join("libtorch"));
    let lib = made.join("lib");
    fs::create_dir_all(&lib)?;
    let requirements = scratch.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    retried("downloading LibTorch (0.9 GB)", || {
        let pip =
            cmd!(shell, "{python} -m pip download --quiet --no-deps --require-hashes --requirement {requirements}");
        let platforms = PLATFORMS.iter().flat_map(|platform| ["--platform", *platform]);
        let pip = pip.args(["--only-binary", ":all:", "--python-version", "3.11"]).args(platforms);
        Ok(pip.arg("--no-cache-dir").arg("--dest").arg(&wheels).run()?)
    })?;
    for package in ["torch-", "nvidia_cuda_runtime_", "nvidia_cuda_cupti_"] {
        let wheel = only_file(&wheels, |name| name.starts_with(package))?;
        cmd!(shell, "{python} -m zipfile -e {wheel} {unpacked}").run()?;
        shell.remove_path(&wheel)?;
    }
    for (folder, names) in LIBRARIES {
        for name in names {
            fs::rename(unpacked.join(folder).join(name), lib.join(name))
                .with_context(|| format!("no {name} in {folder}"))?;
        }
    }
    fs::rename(unpacked.join("torch/include"), made.join("include"))?;
    fs::write(made.join("build-version"), format!("{VERSION}+cpu\n"))?;
    link_stub(shell, &lib)?;
    shell.remove_path(directory)?;
    fs::rename(&made, directory)?;
    shell.remove_path(&scratch)?;
    Ok(())
}

/// A `libtorch.so` without code, which needs the processor's part.
fn link_stub(shell: &Shell, lib: &Path) -> Result<()> {
    let stub = lib.join("libtorch.so");
    let gcc = cmd!(shell, "gcc -shared -fPIC -Wl,-soname,libtorch.so -Wl,--no-as-needed -Wl,-rpath,$ORIGIN");
    let gcc = gcc.args(["-x", "c", "/dev/null", "-o"]).arg(stub).arg("-L").arg(lib).arg("-ltorch_cpu");
    gcc.run().context("gcc is needed, as it is for the C++ part of `tch`")
}
