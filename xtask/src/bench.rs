//! What is measured and gates nothing: export times, the cost of gradients in ONNX Runtime, steps on a host, how well models are
//! learned.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;

/// Runs the exporter's benchmark over `paths`, or the committed corpus where there are none.
///
/// # Errors
/// Where the benchmark fails or cannot be built.
pub(crate) fn export(workspace: &Workspace, paths: &[PathBuf], json: Option<&PathBuf>) -> Result<()> {
    let corpus = [workspace.root.join("tests").join("corpus").join("files")];
    let paths = if paths.is_empty() { &corpus[..] } else { paths };
    // Cargo runs a benchmark in its package's folder.
    let paths = paths.iter().map(std::path::absolute).collect::<std::io::Result<Vec<_>>>()?;
    let json = json.map(std::path::absolute).transpose()?;
    let json = json.iter().flat_map(|file| ["--json".into(), file.as_os_str().to_owned()]);
    let shell = &workspace.shell;
    let bench = cmd!(shell, "cargo bench --quiet -p hnn-exporter --features ort --bench export --");
    Ok(bench.args(paths).args(json).run()?)
}

/// What to measure of learning.
#[derive(Debug, Clone, Args)]
pub(crate) struct Learning {
    /// Seeds of each task; tables show medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Cycles after which a long motion counts as stable
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    cycles: u64,
    /// Only this task; repeat for more
    #[arg(long, value_name = "TASK")]
    only: Vec<String>,
    /// Also train each published task the published way in PyTorch, and compare CPU times
    #[arg(long)]
    reference: bool,
    /// Where the figures are kept, those of earlier sittings among them; without it docs/learning.json
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the conformance suite's `learning` program and writes its tables into docs/PERFORMANCE.md.
///
/// # Errors
/// Where the program fails or cannot be built.
pub(crate) fn learning(workspace: &Workspace, asked: &Learning) -> Result<()> {
    let (shell, docs) = (&workspace.shell, workspace.root.join("docs"));
    let python = if asked.reference { pytorch(shell) } else { None };
    if asked.reference && python.is_none() {
        println!(
            "no Python on the path can `import torch` and numpy, so the reference is left out; install PyTorch with pip, or Debian's python3-torch"
        );
    }
    let (seeds, cycles) = (asked.seeds.to_string(), asked.cycles.to_string());
    let json = std::path::absolute(asked.json.clone().unwrap_or_else(|| docs.join("learning.json")))?;
    let document = docs.join("PERFORMANCE.md");
    let only = asked.only.iter().flat_map(|task| ["--only", task]);
    let python = python.iter().flat_map(|python| ["--reference", python]);
    // All packages at once, so that features, and with them what is compiled, are those of the tests.
    cmd!(shell, "cargo build --release --quiet --workspace --bin learning --bin hnn-under-test").run()?;
    let program = workspace.target_of(&workspace.root).join("release").join("learning");
    let run = cmd!(shell, "{program}");
    let run = run.args(["--seeds", &seeds, "--cycles", &cycles]).args(only).args(python);
    Ok(run.arg("--json").arg(json).arg("--document").arg(document).run()?)
}

/// Runs the conformance suite's `host` program on a fresh demo and writes its table into docs/PERFORMANCE.md.
///
/// # Errors
/// Where a program fails or cannot be built.
pub(crate) fn host(workspace: &Workspace, reference: bool) -> Result<()> {
    let (shell, docs) = (&workspace.shell, workspace.root.join("docs"));
    cmd!(shell, "cargo build --release --quiet --workspace --bin host --bin hnn").run()?;
    let programs = workspace.target_of(&workspace.root).join("release");
    let (hnn, host) = (programs.join("hnn"), programs.join("host"));
    let scratch = shell.create_temp_dir()?;
    let demo = scratch.path().join("demo");
    cmd!(shell, "{hnn} demo --out {demo}").ignore_stdout().run()?;
    let python = if reference { pytorch(shell) } else { None };
    let python = python.iter().flat_map(|python| ["--reference", python]);
    let run = cmd!(shell, "{host}").arg("--demo").arg(demo.join("export")).args(python);
    Ok(run.arg("--json").arg(docs.join("host.json")).arg("--document").arg(docs.join("PERFORMANCE.md")).run()?)
}

/// The first Python that has PyTorch.
fn pytorch(shell: &Shell) -> Option<&'static str> {
    ["python3", "/usr/bin/python3", "python"].into_iter().find(|python| {
        cmd!(shell, "{python} -c 'import numpy, torch'").quiet().ignore_stdout().ignore_stderr().run().is_ok()
    })
}
