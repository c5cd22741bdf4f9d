//! What the machine itself must have: cross-compilation targets by rustup, packages by Debian's apt-get.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use super::retried;

/// Targets of the firmware and of the `no_std` builds.
const RUST_TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabihf", "thumbv8m.main-none-eabihf"];

/// Adds the targets that are missing.
///
/// # Errors
/// Where rustup is absent, or cannot fetch a target.
pub(super) fn rust_targets(shell: &Shell) -> Result<()> {
    let Ok(installed) = cmd!(shell, "rustup target list --installed").quiet().ignore_stderr().read() else {
        bail!("rustup is not on the path; without it, install the standard library of {}", RUST_TARGETS.join(" and "));
    };
    let missing: Vec<&str> =
        RUST_TARGETS.into_iter().filter(|target| !installed.lines().any(|line| line.trim() == *target)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = &missing;
    retried("adding Rust targets", || Ok(cmd!(shell, "rustup target add {missing...}").run()?))
}

/// Sees to it that `qemu-system-arm` runs.
///
/// # Errors
/// Where it is missing and cannot be installed from here; says what to install.
pub(super) fn qemu(shell: &Shell) -> Result<()> {
    if let Some(version) = version(shell, "qemu-system-arm") {
        eprintln!("{version}");
        return Ok(());
    }
    apt_install(
        shell,
        "qemu-system-arm",
        "on macOS `brew install qemu`, on Fedora `dnf install qemu-system-arm-core`",
    )?;
    match version(shell, "qemu-system-arm") {
        Some(version) => eprintln!("{version}"),
        None => bail!("qemu-system-arm was installed but does not run"),
    }
    Ok(())
}

/// Installs a Debian package where this process may.
///
/// # Errors
/// Elsewhere; the message carries the command for Debian and `elsewhere`.
pub(super) fn apt_install(shell: &Shell, package: &str, elsewhere: &str) -> Result<()> {
    let root = cmd!(shell, "id -u").quiet().ignore_stderr().read().is_ok_and(|id| id.trim() == "0");
    if !root || version(shell, "apt-get").is_none() {
        bail!("{package} is missing: on Debian or Ubuntu `apt-get install {package}`, {elsewhere}");
    }
    let _quiet = shell.push_env("DEBIAN_FRONTEND", "noninteractive");
    retried(&format!("installing {package}"), || {
        cmd!(shell, "apt-get update --quiet").run()?;
        Ok(cmd!(shell, "apt-get install --quiet --yes --no-install-recommends {package}").run()?)
    })
}

/// First line of `program --version`, where the program runs.
pub(super) fn version(shell: &Shell, program: &str) -> Option<String> {
    let output = cmd!(shell, "{program} --version").quiet().ignore_stderr().read().ok()?;
    output.lines().next().map(str::to_owned)
}
