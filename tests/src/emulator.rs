//! Emulated devices: builds a firmware example, runs it in QEMU with a time limit, returns what it printed.
//!
//! How a board is emulated stands in one place, the runner in its `.cargo/config.toml`; this module only calls `cargo run`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::repository;

/// The machines of `firmware-examples`.
pub const BOARDS: [&str; 8] = [
    "mps2-an386",
    "microbit",
    "mps2-an385",
    "mps2-an500",
    "mps2-an505",
    "mps3-an547",
    "riscv32imac-virt",
    "riscv32imafc-virt",
];

/// Programs of `firmware-examples` besides the control loop, with the machines that run each.
pub const APPLICATIONS: [(&str, &[&str]); 3] = [
    ("swing-up", &["mps2-an386", "riscv32imafc-virt"]),
    ("fault", &["mps2-an386", "riscv32imafc-virt"]),
    ("update", &["mps2-an386", "riscv32imafc-virt", "microbit"]),
];

/// The emulators of these machines.
const EMULATORS: [&str; 2] = ["qemu-system-arm", "qemu-system-riscv32"];

/// How long one emulated run may take; soft floating point on a loaded machine needs seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// Whether QEMU can be run here.
#[must_use]
pub fn available() -> bool {
    EMULATORS.iter().all(|emulator| {
        let version = Command::new(emulator).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    })
}

/// Models to build into the firmware instead of its own.
#[derive(Debug)]
pub struct Load<'a> {
    /// Folder of blobs.
    pub models: &'a Path,
    /// Steps of each run.
    pub steps: u32,
}

/// Builds and runs the control loop on `board`, with its own models or those of `load`; returns its standard output.
///
/// # Errors
/// Where the build fails, the run exceeds its time, or the firmware says that something went wrong.
pub fn emulate(board: &str, load: Option<&Load<'_>>) -> Result<String> {
    emulate_program(board, board, load)
}

/// Builds and runs one of the [`APPLICATIONS`] on `board`; returns its standard output.
///
/// # Errors
/// As [`emulate`].
pub fn emulate_application(board: &str, program: &str) -> Result<String> {
    emulate_program(board, program, None)
}

fn emulate_program(board: &str, program: &str, load: Option<&Load<'_>>) -> Result<String> {
    let build = cargo(board, load)?.args(["build", "--release", "--quiet", "--bin", program]).status()?;
    ensure!(build.success(), "{board}: the build failed");
    let mut child = cargo(board, load)?
        .args(["run", "--release", "--quiet", "--bin", program])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{board}: cannot start"))?;
    let output = output_within(&mut child, TIME_LIMIT).with_context(|| format!("{board}: after {TIME_LIMIT:?}"))?;
    let status = child.wait()?;
    ensure!(status.success(), "{board}: the firmware reports a failure ({status}):\n{output}");
    Ok(output)
}

fn cargo(board: &str, load: Option<&Load<'_>>) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let firmware = repository().join("firmware-examples");
    command.current_dir(firmware.join(board));
    if let Some(load) = load {
        command.env("HNN_FIRMWARE_MODELS", load.models).env("HNN_FIRMWARE_STEPS", load.steps.to_string());
        // A directory of its own: the same package is built with its own models at the same time.
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| firmware.join("target"), PathBuf::from);
        command.env("CARGO_TARGET_DIR", std::path::absolute(target)?.join("cases"));
    }
    Ok(command)
}

/// Reads all of the child's output; ends the child where it takes too long.
fn output_within(child: &mut Child, limit: Duration) -> Result<String> {
    let mut stdout = child.stdout.take().context("standard output was not captured")?;
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Nobody listens any more where the time is over.
        let _ = sender.send(read.map(|_| text));
    });
    let Ok(outcome) = receiver.recv_timeout(limit) else {
        // `cargo run` replaces itself by the runner on Unix, so this ends QEMU.
        child.kill()?;
        child.wait()?;
        bail!("the emulation was ended: it did not finish in time");
    };
    if reader.join().is_err() {
        bail!("the reader of the emulation's output failed");
    }
    Ok(outcome?)
}
