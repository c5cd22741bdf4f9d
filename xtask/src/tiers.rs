//! The tiers of tests: `check` for every save, `test` for everything that gates.

use anyhow::{Context, Result};
use xshell::cmd;

use crate::step::Steps;
use crate::workspace::Workspace;
use crate::{boards, firmware, fuzz, miri, setup};

/// Targets for which the runtime is built alone: no floating-point unit and no atomics; both.
const NO_STD_TARGETS: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7em-none-eabihf"];
/// Workspaces of their own, besides the root: formatted like the rest.
const NESTED: [&str; 4] = ["firmware-examples", boards::WORKSPACE, "tests/burn-onnx", "tests/fuzz"];

/// Under a minute once warm: format, lints, and the unit tests of the two crates that compile quickly.
///
/// # Errors
/// The first step that fails.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let mut steps = Steps::new("check");
    steps.run("format", || format(workspace))?;
    steps.run("clippy", || clippy(workspace))?;
    steps.run("unit tests of runtime and exporter", || {
        Ok(cmd!(shell, "cargo test --release --quiet -p hnn-runtime -p hnn-exporter --lib").run()?)
    })?;
    steps.finish();
    Ok(())
}

/// Everything that gates, and with `full` what takes too long for that. One profile for all, so that burn and tract are
/// compiled once.
///
/// # Errors
/// The first step that fails.
pub(crate) fn test(workspace: &Workspace, full: bool) -> Result<()> {
    let shell = &workspace.shell;
    let mut steps = Steps::new("test");
    steps.run("setup", || setup::run(workspace))?;
    steps.run("lock files", || locked(workspace))?;
    steps.run("format", || format(workspace))?;
    steps.run("clippy", || clippy(workspace))?;
    steps.run("exporter without its engines", || {
        Ok(cmd!(shell, "cargo clippy --release --quiet -p hnn-exporter --all-targets -- -D warnings").run()?)
    })?;
    steps.run("runtime alone, without std", || no_std(workspace))?;
    steps.run("C interface for a bare machine", || c_interface(workspace))?;
    steps.run("firmware: build, flash and RAM, no panics", || firmware::build_and_measure(workspace))?;
    steps.run("firmware: examples for boards", || boards::build(workspace))?;
    steps.run("documentation", || {
        let _deny = shell.push_env("RUSTDOCFLAGS", "-D warnings");
        Ok(cmd!(shell, "cargo doc --release --quiet --workspace --no-deps").run()?)
    })?;
    steps.run("types of every device", || devices(workspace))?;
    steps.run("tests", || Ok(cmd!(shell, "cargo test --release --workspace").run()?))?;
    if full {
        steps.run("an arm of two links, learned from recordings", || {
            Ok(cmd!(shell, "cargo test --release --workspace --test arm -- --ignored --nocapture").run()?)
        })?;
        steps.run("burn-onnx: exported files as Rust", || burn_onnx(workspace))?;
        steps.run("Miri", || miri::run(workspace))?;
        steps.run("fuzzing, shortly", || fuzz::run(workspace, fuzz::SHORT_RUNS))?;
    }
    steps.finish();
    Ok(())
}

/// Checks the code behind the features for devices, without any of their libraries: `doc` keeps LibTorch's bindings from being
/// compiled, `DOCS_RS` keeps CubeCL from fetching LLVM. The package is checked alone, so that its features bring a burn of their
/// own and leave the one of all other steps as it is.
fn devices(workspace: &Workspace) -> Result<()> {
    let _without_llvm = workspace.shell.push_env("DOCS_RS", "1");
    let check = cmd!(workspace.shell, "cargo clippy --release --quiet --locked -p hnn-trainer --all-targets");
    Ok(check.args(["--features", "cuda,tch,wgpu,burn-tch/doc", "--", "-D", "warnings"]).run()?)
}

/// Generates, compiles and runs Rust code for exported files. In a target directory of its own: it brings a second burn.
fn burn_onnx(workspace: &Workspace) -> Result<()> {
    let target = workspace.cache.join("burn-onnx");
    let test = cmd!(workspace.shell, "cargo test --locked --manifest-path tests/burn-onnx/Cargo.toml");
    Ok(test.arg("--target-dir").arg(target).run()?)
}

/// The committed lock files say all there is to say: nothing is resolved anew on the machine that tests.
fn locked(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    for directory in [".", "firmware-examples", boards::WORKSPACE] {
        let _directory = shell.push_dir(directory);
        cmd!(shell, "cargo metadata --locked --format-version 1").ignore_stdout().run()?;
    }
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    cmd!(shell, "cargo fmt --all --check").run()?;
    for nested in NESTED {
        let _directory = shell.push_dir(nested);
        cmd!(shell, "cargo fmt --all --check").run()?;
    }
    Ok(())
}

fn clippy(workspace: &Workspace) -> Result<()> {
    Ok(cmd!(workspace.shell, "cargo clippy --release --quiet --workspace --all-targets -- -D warnings").run()?)
}

/// Builds the runtime for bare targets: as it is by default, without any feature, and with each feature alone.
fn no_std(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    for target in NO_STD_TARGETS {
        cmd!(shell, "cargo build --release --quiet -p hnn-runtime --target {target}").run()?;
        cmd!(shell, "cargo build --release --quiet -p hnn-runtime --target {target} --no-default-features").run()?;
        for feature in features(workspace, "hnn-runtime")? {
            let build = cmd!(shell, "cargo build --release --quiet -p hnn-runtime --target {target}");
            build.args(["--no-default-features", "--features", &feature]).run()?;
        }
    }
    Ok(())
}

/// The C interface as a static library for a machine without an operating system.
fn c_interface(workspace: &Workspace) -> Result<()> {
    let build = cmd!(workspace.shell, "cargo build --release --quiet -p hnn-capi --target thumbv7em-none-eabihf");
    Ok(build.args(["--no-default-features", "--features", "panic-handler"]).run()?)
}

/// The cargo features of `package`, `default` excluded.
fn features(workspace: &Workspace, package: &str) -> Result<Vec<String>> {
    let metadata = cmd!(workspace.shell, "cargo metadata --no-deps --format-version 1").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let package = packages.iter().find(|entry| entry["name"] == package).context("no such package")?;
    let features = package["features"].as_object().context("the package lists no features")?;
    Ok(features.keys().filter(|name| *name != "default").cloned().collect())
}
