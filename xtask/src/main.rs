//! `cargo xtask`: the workspace's own commands, the same words that `.ci/run` and the README use.
//!
//! Every command prints its steps with their durations and stops at the first that fails. It drives `cargo`, `rustup`, Python
//! and QEMU; it links none of the crates it tests, so that it builds in seconds.

mod artifacts;
mod elf;
mod firmware;
mod setup;
mod soak;
mod stack;
mod step;
mod tiers;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The workspace's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Fetch ONNX Runtime and the official ONNX checker, add the Rust targets, install QEMU
    Setup,
    /// Quick tier, under a minute warm: format, clippy, unit tests of the runtime and the exporter
    Check,
    /// Everything that gates: setup, format, clippy, all tests, docs, no_std builds, firmware in QEMU
    Test,
    /// Build the firmware examples, print flash and RAM, look for panics, compare emulated bits with the host
    Firmware,
    /// Long runs, recorded in docs/SOAK.md; gates nothing
    Soak,
    /// Train and export the model that the firmware examples carry
    Artifacts,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Workspace::locate().and_then(|workspace| execute(arguments.command, &workspace)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn execute(command: Command, workspace: &Workspace) -> anyhow::Result<()> {
    match command {
        Command::Setup => setup::run(workspace),
        Command::Check => tiers::check(workspace),
        Command::Test => tiers::test(workspace),
        Command::Firmware => firmware::run(workspace),
        Command::Soak => soak::run(workspace),
        Command::Artifacts => artifacts::run(workspace),
    }
}
