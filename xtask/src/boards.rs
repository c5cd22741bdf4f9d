//! The examples for real boards: compiled and linted, their flash printed. Nothing runs here: it takes the board.

use std::fs;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::elf;
use crate::step::Steps;
use crate::workspace::Workspace;

/// The workspace of these examples, from the root of the repository.
pub(crate) const WORKSPACE: &str = "firmware-examples/boards";

/// Packages and their targets.
const BOARDS: [(&str, &str); 3] = [
    ("nucleo-f411re", "thumbv7em-none-eabihf"),
    ("nrf52840-dk", "thumbv7em-none-eabihf"),
    ("raspberry-pi-pico", "thumbv6m-none-eabi"),
];

/// `cargo xtask firmware --boards`.
///
/// # Errors
/// Where an example does not compile, or not without a warning.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("firmware --boards");
    steps.run("examples for boards", || build(workspace))?;
    steps.finish();
    Ok(())
}

/// Lints and builds every example, and prints its flash.
///
/// # Errors
/// As [`run`].
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let folder = workspace.root.join(WORKSPACE);
    // The hardware abstraction layers are large: one folder for what is compiled of them, beside that of the emulated machines.
    let target = workspace.target_of(&folder).join("boards");
    let mut table = format!("{:<18} {:>8}\n", "board", "flash");
    for (board, triple) in BOARDS {
        let _directory = shell.push_dir(folder.join(board));
        cmd!(shell, "cargo clippy --release --quiet --locked --target-dir {target} -- -D warnings").run()?;
        cmd!(shell, "cargo build --release --quiet --locked --target-dir {target}").run()?;
        let path = target.join(triple).join("release").join(board);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        table += &format!("{board:<18} {:>8}\n", elf::flash_bytes(&bytes)?);
    }
    eprintln!("{table}in bytes");
    Ok(())
}
