//! The runtime and its C interface under Miri: no undefined behaviour in what they, and the crates they rest on, do with memory.
//!
//! Needs a nightly compiler with Miri, which is installed where it is missing. Miri interprets, a thousand times slower than a
//! processor, so tests that compute for long are left out; what they compute goes through the same code.

use anyhow::Result;
use xshell::cmd;

use crate::step::Steps;
use crate::workspace::Workspace;

/// Tests of the runtime that are run: loading, functions and their memory, states and refusals.
const RUN: [&str; 6] = ["format::", "function::", "program::", "rows::", "refusal::", "families"];
/// Parts of the names of those that damage every bit or step for long, and are not.
const SKIPPED: [&str; 5] =
    ["single_bit_flip", "prefix_and_extension", "forged_checksum", "to_the_bit", "doubled_scheme"];

/// Runs the chosen tests of the runtime and all calls of the C interface.
///
/// # Errors
/// Where Miri cannot be installed, or finds undefined behaviour.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let target = workspace.cache.join("miri");
    let mut steps = Steps::new("miri");
    steps.run("Miri and its compiler", || install(workspace))?;
    steps.run("runtime", || {
        let test = cmd!(shell, "cargo +nightly miri test -p hnn-runtime --lib --target-dir {target} --");
        Ok(test.args(RUN).args(SKIPPED.iter().flat_map(|name| ["--skip", name])).run()?)
    })?;
    steps.run("C interface", || {
        Ok(cmd!(shell, "cargo +nightly miri test -p hnn-capi --test calls --target-dir {target}").run()?)
    })?;
    steps.finish();
    Ok(())
}

fn install(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    if cmd!(shell, "cargo +nightly miri --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        cmd!(shell, "rustup toolchain install nightly --profile minimal --component miri,rust-src").run()?;
    }
    Ok(())
}
