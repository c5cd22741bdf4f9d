//! What the machine itself must have: cross-compilation targets by rustup, packages by Debian's apt-get.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use super::retried;

/// Targets of the firmware and of the `no_std` builds.
const RUST_TARGETS: [&str; 6] = [
    "thumbv6m-none-eabi",
    "thumbv7m-none-eabi",
    "thumbv7em-none-eabihf",
    "thumbv8m.main-none-eabihf",
    "riscv32imac-unknown-none-elf",
    "riscv32imafc-unknown-none-elf",
];
/// An emulator and what brings it; Homebrew's `qemu` brings all.
struct Emulator {
    program: &'static str,
    /// Of Debian and Ubuntu, the one of older releases first.
    packages: &'static [&'static str],
    /// Of Fedora.
    fedora: &'static str,
}

const EMULATORS: [Emulator; 2] = [
    Emulator { program: "qemu-system-arm", packages: &["qemu-system-arm"], fedora: "qemu-system-arm-core" },
    Emulator {
        program: "qemu-system-riscv32",
        packages: &["qemu-system-misc", "qemu-system-riscv"],
        fedora: "qemu-system-riscv-core",
    },
];

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

/// Sees to it that the emulators run.
///
/// # Errors
/// Where one is missing and cannot be installed from here; says what to install.
pub(super) fn qemu(shell: &Shell) -> Result<()> {
    for Emulator { program, packages, fedora } in EMULATORS {
        for package in packages {
            if version(shell, program).is_none() {
                apt_install(
                    shell,
                    package,
                    &format!("on macOS `brew install qemu`, on Fedora `dnf install {fedora}`"),
                )?;
            }
        }
        match version(shell, program) {
            Some(version) => eprintln!("{program}: {version}"),
            None => bail!("{} was installed but {program} does not run", packages.join(" and ")),
        }
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
