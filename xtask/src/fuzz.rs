//! Random damage to whatever is read: blobs, ONNX files, graphs as text, formulas; and the interpreter held against the
//! oracle. Gates nothing; a finding is a failure.
//!
//! Needs a nightly compiler and cargo-fuzz, which are installed where they are missing. What a run learns is kept in the
//! cache and the next run goes on from there.

use anyhow::{Context, Result};
use xshell::cmd;

use crate::step::Steps;
use crate::workspace::Workspace;

/// Executions of each target, unless another number is asked for.
pub(crate) const RUNS: u64 = 1_000_000;
/// Executions of each target as part of `test --full`.
pub(crate) const SHORT_RUNS: u64 = 20_000;

/// One per parser, one for what the writer makes of what the reader read, and one for what a device computes.
const TARGETS: [&str; 6] = ["blob", "expression", "graph_text", "onnx_read", "onnx_roundtrip", "interpreter"];
/// The package of the targets, from the root.
const PACKAGE: &str = "tests/fuzz";
/// Foreign files to start from, from the root.
const CORPUS: &str = "tests/corpus/files";
/// Longest input in bytes: most seeds are shorter, and longer ones are slow.
const INPUT_BYTES_MAX: u32 = 1 << 13;
/// Longest time for one input before it counts as a hang.
const INPUT_SECONDS_MAX: u32 = 10;
/// Most memory of a target before it counts as unbounded, in MiB.
const MEMORY_MIB_MAX: u32 = 2048;

/// Runs every target `runs` times.
///
/// # Errors
/// Where a tool cannot be installed, or a target finds an input that panics, hangs or takes too much memory; the input is
/// then in the cache, under the name that libFuzzer prints.
pub(crate) fn run(workspace: &Workspace, runs: u64) -> Result<()> {
    let shell = &workspace.shell;
    let home = workspace.cache.join("fuzz");
    let (seeds, findings, target_dir) = (home.join("seeds"), home.join("findings"), home.join("target"));
    let mut steps = Steps::new("fuzz");
    steps.run("cargo-fuzz and its compiler", || install(workspace))?;
    steps.run("seeds", || {
        let manifest = format!("{PACKAGE}/Cargo.toml");
        let seeder = cmd!(shell, "cargo run --locked --release --quiet --manifest-path {manifest} --bin seeds");
        Ok(seeder.args(["--target-dir".as_ref(), target_dir.as_os_str()]).arg("--").arg(&seeds).arg(CORPUS).run()?)
    })?;
    shell.create_dir(&findings)?;
    for target in TARGETS {
        let learned = shell.create_dir(home.join("corpus").join(target))?;
        let (first, found) = (seeds.join(target), findings.join(format!("{target}-")));
        let limits = [
            format!("-runs={runs}"),
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
            format!("-artifact_prefix={}", found.display()),
            "-print_final_stats=1".to_owned(),
        ];
        steps.run(&format!("{target}, {runs} executions"), || {
            let fuzz = cmd!(shell, "rustup run nightly cargo fuzz run --fuzz-dir {PACKAGE} --target-dir {target_dir}");
            fuzz.arg(target).arg(&learned).arg(&first).arg("--").args(&limits).run().context("there is a finding")
        })?;
    }
    steps.finish();
    Ok(())
}

fn install(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    if cmd!(shell, "rustup run nightly rustc --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cmd!(shell, "rustup toolchain install nightly --profile minimal").run()?;
    }
    if cmd!(shell, "cargo fuzz --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cmd!(shell, "cargo install cargo-fuzz --locked").run()?;
    }
    Ok(())
}
