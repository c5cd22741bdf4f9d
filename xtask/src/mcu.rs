//! `cargo xtask bench mcu`: what one field and one step cost on an emulated Cortex-M4F.
//!
//! Instructions are counted exactly, cycles modelled (see [`cycles`]), stacks painted and looked at. Peers are ELF files that
//! somebody else built for the same machine, with one field between their functions `mark_start` and `mark_stop`; they go
//! through the same counts.

mod cycles;
mod report;
mod thumb;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use xshell::cmd;

use crate::workspace::Workspace;
use crate::{elf, firmware, stack};

use cycles::Cost;
use report::{Model, Peer, Report};
use trace::{Code, Traced};

/// The packages of `firmware-examples` that measure: blobs on the interpreter, and generated Rust.
const INTERPRETED: &str = "mps2-bench";
const GENERATED: &str = "mps2-generated";
const TARGET: &str = "thumbv7em-none-eabihf";
/// Parts of the names of the functions that enclose what is measured, in the package and in peers.
const MARKS: [&str; 2] = ["measure_begin", "measure_end"];
const PEER_MARKS: [&str; 2] = ["mark_start", "mark_stop"];
/// Fields and steps of every model: at two states each.
const STATES: usize = 2;

/// What to measure on a microcontroller.
#[derive(Debug, Clone, Args)]
pub(crate) struct Mcu {
    /// Blobs to measure instead of the bundled models and the tanh networks 2-n-n-1, n = 32 and 200
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// ELF files of others for the same machine (mps2-an386), one field between `mark_start` and `mark_stop`
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// Where the figures are written as JSON; with the models this command chooses, docs/mcu.json
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds, measures, prints; keeps what was measured of its own models in the documentation.
///
/// # Errors
/// Where something cannot be built or run.
pub(crate) fn run(workspace: &Workspace, asked: &Mcu) -> Result<()> {
    let scratch = workspace.shell.create_temp_dir()?;
    let folder = match &asked.models {
        Some(folder) => std::path::absolute(folder)?,
        None => chosen(workspace, scratch.path())?,
    };
    let (models, flash_bytes) = measured(workspace, &folder, INTERPRETED)?;
    let code_bytes = flash_bytes - models.iter().filter_map(|model| model.blob_bytes).sum::<u64>();
    // Blobs that were chosen elsewhere may have no source beside them.
    let has_source = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "rs");
    let sources = fs::read_dir(&folder)?.filter_map(Result::ok).filter(has_source).count();
    let generated = if sources > 0 { measured(workspace, &folder, GENERATED)?.0 } else { Vec::new() };
    let peers = asked.peers.iter().map(|folder| peers(folder)).collect::<Result<Vec<_>>>()?.concat();
    let report = Report::new(code_bytes, models, generated, peers);
    println!("{}", report.tables());
    let kept = workspace.root.join("docs").join("mcu.json");
    if let Some(path) = asked.json.as_ref().or(asked.models.is_none().then_some(&kept)) {
        report.write(path)?;
    }
    if asked.models.is_none() {
        report.publish(&workspace.root.join("docs").join("PERFORMANCE.md"))?;
    }
    Ok(())
}

/// Demands that a field and a step of every bundled model execute the same instructions at every state tried.
///
/// # Errors
/// Where they do not, or cannot be measured.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let (models, _) = measured(workspace, &workspace.root.join("firmware-examples").join("model"), INTERPRETED)?;
    for model in &models {
        ensure!(model.is_constant, "the cost of `{}` depends on the state", model.name);
    }
    Ok(())
}

/// A folder with the models that are measured unless others are named.
fn chosen(workspace: &Workspace, folder: &Path) -> Result<PathBuf> {
    let shell = &workspace.shell;
    for entry in fs::read_dir(workspace.root.join("firmware-examples").join("model"))? {
        let path = entry?.path();
        fs::copy(&path, folder.join(path.file_name().context("a folder entry has a name")?))?;
    }
    // All packages at once, so that features, and with them what is compiled, are those of the tests.
    cmd!(shell, "cargo build --release --quiet --workspace --bin bench-models").run()?;
    let program = workspace.target_of(&workspace.root).join("release").join("bench-models");
    cmd!(shell, "{program} {folder}").run()?;
    Ok(folder.to_owned())
}

/// The cost of every model in `folder` that `package` takes from there, and the flash of that firmware.
fn measured(workspace: &Workspace, folder: &Path, package: &str) -> Result<(Vec<Model>, u64)> {
    let examples = workspace.root.join("firmware-examples");
    // A target directory of its own: the same package is built with other models elsewhere.
    let target = workspace.target_of(&examples).join("bench");
    let cargo = |verb: &str| {
        let mut command = Command::new("cargo");
        command.args([verb, "--release", "--quiet"]).current_dir(examples.join(package));
        command.env("HNN_FIRMWARE_MODELS", folder).env("CARGO_TARGET_DIR", &target);
        command
    };
    ensure!(cargo("build").status()?.success(), "the firmware does not build");
    let path = target.join(TARGET).join("release").join(package);
    let code = Code::read(&path, MARKS)?;
    let mut emulation = cargo("run");
    emulation.arg("--").args(trace::options()?);
    let Traced { printed, costs } = trace::run(&mut emulation, &code)?;
    let stacks = stack::between(cargo("run"), [code.marks.begin(), code.marks.end()], costs.len())?;
    let models = models(&printed, &costs, &stacks)?;
    let bytes = fs::read(&path)?;
    let found = elf::measure(&bytes, firmware::PANIC_MARKER, firmware::END)?;
    ensure!(found.panics.is_empty(), "a panic can be reached: {}", found.panics.join(", "));
    Ok((models, found.flash_bytes))
}

/// What the firmware printed about each model, with the costs in the order of its marks: field, step, field, step.
fn models(printed: &str, costs: &[Cost], stacks: &[u64]) -> Result<Vec<Model>> {
    let value = |text: &str, key: &str| -> Result<u64> {
        let line =
            text.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no `{key}` printed"))?;
        Ok(line.trim().parse()?)
    };
    let texts: Vec<&str> = printed.split("model ").skip(1).collect();
    let (costs, _) = costs.as_chunks::<{ 2 * STATES }>();
    let (stacks, _) = stacks.as_chunks::<{ 2 * STATES }>();
    ensure!(costs.len() == texts.len() && stacks.len() == texts.len(), "the firmware refused a model:\n{printed}");
    let model = |((text, costs), stacks): ((&&str, &[Cost; 4]), &[u64; 4])| -> Result<Model> {
        let [field, step, other_field, other_step] = *costs;
        let [field_stack, step_stack, ..] = *stacks;
        Ok(Model {
            name: text.lines().next().unwrap_or_default().to_owned(),
            field,
            step,
            is_constant: (field, step) == (other_field, other_step),
            blob_bytes: value(text, "blob_bytes").ok(),
            workspace_bytes: value(text, "workspace_bytes")?,
            field_stack_bytes: field_stack,
            step_stack_bytes: step_stack,
        })
    };
    texts.iter().zip(costs).zip(stacks).map(model).collect()
}

/// The cost of every ELF file in `folder`.
fn peers(folder: &Path) -> Result<Vec<Peer>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "elf"));
    files.sort();
    ensure!(!files.is_empty(), "{} holds no ELF files (*.elf)", folder.display());
    files.iter().map(|path| peer(path)).collect()
}

fn peer(path: &Path) -> Result<Peer> {
    let code = Code::read(path, PEER_MARKS)?;
    let mut emulation = Command::new("qemu-system-arm");
    emulation.args(["-M", "mps2-an386", "-cpu", "cortex-m4", "-nographic"]);
    emulation.args(["-semihosting-config", "enable=on,target=native"]).args(trace::options()?);
    let Traced { costs, .. } =
        trace::run(emulation.arg("-kernel").arg(path), &code).with_context(|| format!("peer {}", path.display()))?;
    let field = *costs.first().context("a traced run has a mark")?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    Ok(Peer { name, field })
}
