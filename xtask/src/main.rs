//! `cargo xtask`: the workspace's own commands, the same words that `.ci/run` and the README use.
//!
//! Every command prints its steps with their durations and stops at the first that fails. It drives `cargo`, `rustup`, Python
//! and QEMU; it links none of the crates it tests, so that it builds in seconds.

mod artifacts;
mod bench;
mod boards;
mod elf;
mod firmware;
mod fuzz;
mod mcu;
mod miri;
mod setup;
mod soak;
mod stack;
mod step;
mod tiers;
mod workspace;

use std::path::PathBuf;
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

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Fetch ONNX Runtime and the official ONNX checker, add the Rust targets, install QEMU
    Setup {
        /// Only LibTorch, for the feature `tch`: prints the variables to set, as `eval "$(cargo xtask setup --libtorch)"` takes them
        #[arg(long)]
        libtorch: bool,
    },
    /// Quick tier, under a minute warm: format, clippy, unit tests of the runtime and the exporter
    Check,
    /// Everything that gates: setup, format, clippy, all tests, docs, no_std builds, firmware in QEMU
    Test {
        /// Also compile exported files with burn-onnx, run Miri, and fuzz for a minute or two
        #[arg(long)]
        full: bool,
    },
    /// Build the firmware examples, print flash and RAM, look for panics, compare emulated bits with the host
    Firmware {
        /// Only compile and lint the examples for real boards
        #[arg(long)]
        boards: bool,
    },
    /// Damage what is read at random, with cargo-fuzz and a nightly compiler; gates nothing
    Fuzz {
        /// Executions of each target
        #[arg(long, value_name = "N", default_value_t = fuzz::RUNS)]
        runs: u64,
    },
    /// The runtime and its C interface under Miri, with a nightly compiler; part of `test --full`
    Miri,
    /// Long runs, recorded in docs/SOAK.md; gates nothing
    Soak,
    /// Export times, and cost of the gradient over the energy in ONNX Runtime; gates nothing
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        part: Option<Part>,
        /// ONNX files or folders with energies; without any, the committed corpus
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Write the figures as JSON as well
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Train and export the model that the firmware examples carry
    Artifacts,
}

#[derive(Debug, Clone, Subcommand)]
enum Part {
    /// How well and how dearly models are learned, beside models without an energy; hours for all of it
    Learning(bench::Learning),
    /// Steps per second on this machine, one state and ten thousand, beside ONNX Runtime and PyTorch
    Host {
        /// Also step networks of the same widths by PyTorch's autograd and by SciPy
        #[arg(long)]
        reference: bool,
    },
    /// What a field and a step cost on a microcontroller: exact instructions in QEMU, modelled Cortex-M4F cycles, memory
    Mcu(mcu::Mcu),
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
        Command::Setup { libtorch: false } => setup::run(workspace),
        Command::Setup { libtorch: true } => setup::libtorch(workspace),
        Command::Check => tiers::check(workspace),
        Command::Test { full } => tiers::test(workspace, full),
        Command::Firmware { boards: false } => firmware::run(workspace),
        Command::Firmware { boards: true } => boards::run(workspace),
        Command::Fuzz { runs } => fuzz::run(workspace, runs),
        Command::Miri => miri::run(workspace),
        Command::Soak => soak::run(workspace),
        Command::Bench { part: Some(Part::Learning(learning)), .. } => bench::learning(workspace, &learning),
        Command::Bench { part: Some(Part::Host { reference }), .. } => bench::host(workspace, reference),
        Command::Bench { part: Some(Part::Mcu(asked)), .. } => mcu::run(workspace, &asked),
        Command::Bench { part: None, paths, json } => bench::export(workspace, &paths, json.as_ref()),
        Command::Artifacts => artifacts::run(workspace),
    }
}
