//! The firmware examples: builds them, measures them, demands that no panic can be reached, runs them in QEMU.
//!
//! What the emulated devices print is compared with the host bit for bit by the conformance suite's `firmware` test; the one
//! definition of how a board is emulated is the runner in that board's `.cargo/config.toml`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xshell::cmd;

use crate::step::Steps;
use crate::workspace::Workspace;
use crate::{elf, mcu, stack};

/// Text that only the panic handlers of the firmware examples contain.
pub(crate) const PANIC_MARKER: &str = "hnn: panic";
/// Part of the mangled name of the function in `common` that ends every run.
pub(crate) const END: &str = "semihosting4stop";

/// A package of `firmware-examples` with the limits of its machine.
#[derive(Debug)]
struct Board {
    name: &'static str,
    target: &'static str,
    flash_bytes: u64,
    ram_bytes: u64,
}

const BOARDS: [Board; 8] = [
    Board { name: "mps2-an386", target: "thumbv7em-none-eabihf", flash_bytes: 4 << 20, ram_bytes: 4 << 20 },
    Board { name: "microbit", target: "thumbv6m-none-eabi", flash_bytes: 256 << 10, ram_bytes: 16 << 10 },
    Board { name: "mps2-an385", target: "thumbv7m-none-eabi", flash_bytes: 4 << 20, ram_bytes: 4 << 20 },
    Board { name: "mps2-an500", target: "thumbv7em-none-eabihf", flash_bytes: 4 << 20, ram_bytes: 4 << 20 },
    Board { name: "mps2-an505", target: "thumbv8m.main-none-eabihf", flash_bytes: 4 << 20, ram_bytes: 2 << 20 },
    Board { name: "mps3-an547", target: "thumbv8m.main-none-eabihf", flash_bytes: 512 << 10, ram_bytes: 512 << 10 },
    Board {
        name: "riscv32imac-virt",
        target: "riscv32imac-unknown-none-elf",
        flash_bytes: 4 << 20,
        ram_bytes: 4 << 20,
    },
    Board {
        name: "riscv32imafc-virt",
        target: "riscv32imafc-unknown-none-elf",
        flash_bytes: 4 << 20,
        ram_bytes: 4 << 20,
    },
];

/// `cargo xtask firmware`.
///
/// # Errors
/// Where a build fails, a panic can be reached, a memory is exceeded, or the emulated bits differ from the host's.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::new("firmware");
    steps.run("firmware: build, flash and RAM, no panics", || build_and_measure(workspace))?;
    steps.run("firmware: bits in QEMU equal the host's", || {
        // All of the workspace, so that features are unified as in `cargo test` and nothing is compiled twice.
        Ok(cmd!(workspace.shell, "cargo test --release --workspace --test firmware -- --nocapture").run()?)
    })?;
    steps.finish();
    Ok(())
}

/// Builds every board, checks its ELF file, and prints what it needs; then demands that cost does not depend on the data.
///
/// # Errors
/// See [`run`].
pub(crate) fn build_and_measure(workspace: &Workspace) -> Result<()> {
    let mut table = format!("{:<18} {:>8} {:>11} {:>12}\n", "board", "flash", "static RAM", "stack used");
    for board in &BOARDS {
        table += &measure(workspace, board).with_context(|| format!("board {}", board.name))?;
    }
    eprintln!("{table}in bytes; the stack as measured on this run");
    mcu::check(workspace)
}

/// One line of the table.
fn measure(workspace: &Workspace, board: &Board) -> Result<String> {
    let shell = &workspace.shell;
    let firmware = workspace.root.join("firmware-examples");
    let directory = firmware.join(board.name);
    let _directory = shell.push_dir(&directory);
    cmd!(shell, "cargo clippy --release --quiet -- -D warnings").run()?;
    cmd!(shell, "cargo build --release --quiet").run()?;
    let target = workspace.target_of(&firmware);
    let path = target.join(board.target).join("release").join(board.name);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = elf::measure(&bytes, PANIC_MARKER, END).with_context(|| format!("in {}", path.display()))?;
    ensure!(found.panics.is_empty(), "a panic can be reached: {}", found.panics.join(", "));
    ensure!(found.flash_bytes <= board.flash_bytes, "{} bytes exceed the flash", found.flash_bytes);

    let mut run = Command::new("cargo");
    run.args(["run", "--release", "--quiet"]).current_dir(&directory).env("CARGO_TARGET_DIR", &target);
    let scratch = shell.create_temp_dir()?;
    let stack_bytes = stack::high_water(run, scratch.path(), found.stack_top, found.end)?;
    let ram_bytes = found.static_ram_bytes + stack_bytes;
    ensure!(ram_bytes <= board.ram_bytes, "{ram_bytes} bytes exceed the RAM");
    Ok(format!("{:<18} {:>8} {:>11} {stack_bytes:>12}\n", board.name, found.flash_bytes, found.static_ram_bytes))
}
