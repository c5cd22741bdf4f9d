//! Long runs, recorded under `docs/` and gating nothing.

use anyhow::Result;
use xshell::cmd;

use crate::workspace::Workspace;

/// Runs the conformance suite's `soak` program and records what it printed in `docs/SOAK.md`.
///
/// # Errors
/// Where the program fails, or the record cannot be written.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let record = cmd!(shell, "cargo run --release --quiet -p hnn-conformance --bin soak").read()?;
    println!("{record}");
    shell.write_file(workspace.root.join("docs").join("SOAK.md"), record + "\n")?;
    Ok(())
}
