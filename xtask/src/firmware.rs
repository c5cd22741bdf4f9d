//! The firmware examples: builds them, measures them, demands that no panic can be reached, runs them in QEMU.
//!
//! What the emulated devices print is compared with the host bit for bit by the conformance suite's `firmware` test; the one
//! definition of how a board is emulated is the runner in that board's `.cargo/config.toml`.

use std::fs;
use std::path::Path;
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
    /// Programs besides the control loop, which has the name of the package.
    applications: &'static [&'static str],
}

impl Board {
    /// A board with room for everything, on which only the control loop runs.
    const fn new(name: &'static str, target: &'static str) -> Self {
        Self { name, target, flash_bytes: 4 << 20, ram_bytes: 4 << 20, applications: &[] }
    }
}

const APPLICATIONS: &[&str] = &["swing-up", "fault", "update"];

const BOARDS: [Board; 9] = [
    Board { applications: APPLICATIONS, ..Board::new("mps2-an386", "thumbv7em-none-eabihf") },
    // The price of the runtime: it may not grow unnoticed.
    Board { flash_bytes: 22 << 10, ram_bytes: 4 << 10, ..Board::new("mps2-minimal", "thumbv7em-none-eabihf") },
    Board {
        flash_bytes: 256 << 10,
        ram_bytes: 16 << 10,
        // The others take half a minute without a floating-point unit.
        applications: &["update"],
        ..Board::new("microbit", "thumbv6m-none-eabi")
    },
    Board::new("mps2-an385", "thumbv7m-none-eabi"),
    Board::new("mps2-an500", "thumbv7em-none-eabihf"),
    Board { ram_bytes: 2 << 20, ..Board::new("mps2-an505", "thumbv8m.main-none-eabihf") },
    Board { flash_bytes: 512 << 10, ram_bytes: 512 << 10, ..Board::new("mps3-an547", "thumbv8m.main-none-eabihf") },
    Board::new("riscv32imac-virt", "riscv32imac-unknown-none-elf"),
    Board {
        applications: &["swing-up", "fault", "update", "cost"],
        ..Board::new("riscv32imafc-virt", "riscv32imafc-unknown-none-elf")
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
    common(workspace)?;
    let heading =
        format!("{:<18} {:<18} {:>8} {:>11} {:>12}\n", "board", "program", "flash", "static RAM", "stack used");
    let mut table = heading;
    for board in &BOARDS {
        table += &measure(workspace, board).with_context(|| format!("board {}", board.name))?;
    }
    eprintln!("{table}in bytes; the stack as measured on this run");
    mcu::check(workspace)
}

/// Lints and tests on this computer what all boards share.
fn common(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let _directory = shell.push_dir(workspace.root.join("firmware-examples").join("common"));
    cmd!(shell, "cargo clippy --release --quiet --all-targets -- -D warnings").run()?;
    Ok(cmd!(shell, "cargo test --release --quiet").run()?)
}

/// The lines of a board.
fn measure(workspace: &Workspace, board: &Board) -> Result<String> {
    let shell = &workspace.shell;
    let directory = workspace.root.join("firmware-examples").join(board.name);
    {
        let _directory = shell.push_dir(&directory);
        cmd!(shell, "cargo clippy --release --quiet -- -D warnings").run()?;
        cmd!(shell, "cargo build --release --quiet").run()?;
    }
    let programs = [board.name].into_iter().chain(board.applications.iter().copied());
    programs
        .map(|program| {
            measure_program(workspace, board, program, &directory).with_context(|| format!("program {program}"))
        })
        .collect()
}

fn measure_program(workspace: &Workspace, board: &Board, program: &str, directory: &Path) -> Result<String> {
    let target = workspace.target_of(&workspace.root.join("firmware-examples"));
    let path = target.join(board.target).join("release").join(program);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = elf::measure(&bytes, PANIC_MARKER, END).with_context(|| format!("in {}", path.display()))?;
    ensure!(found.panics.is_empty(), "a panic can be reached: {}", found.panics.join(", "));
    ensure!(found.flash_bytes <= board.flash_bytes, "{} bytes exceed the flash", found.flash_bytes);

    let mut run = Command::new("cargo");
    run.args(["run", "--release", "--quiet", "--bin", program]).current_dir(directory).env("CARGO_TARGET_DIR", &target);
    let scratch = workspace.shell.create_temp_dir()?;
    let stack_bytes = stack::high_water(run, scratch.path(), found.stack_top, found.end)?;
    let ram_bytes = found.static_ram_bytes + stack_bytes;
    ensure!(ram_bytes <= board.ram_bytes, "{ram_bytes} bytes exceed the RAM");
    let (flash, ram) = (found.flash_bytes, found.static_ram_bytes);
    Ok(format!("{:<18} {program:<18} {flash:>8} {ram:>11} {stack_bytes:>12}\n", board.name))
}
