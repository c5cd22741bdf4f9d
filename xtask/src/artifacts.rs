//! Makes the small models that the firmware examples carry, by the same commands a user types.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use xshell::cmd;

use crate::workspace::Workspace;

/// Fixed, so that the artifact can be made again.
const SEED: &str = "1";
/// Step length in seconds of every artifact.
const DT: &str = "0.01";

/// A pendulum, as a formula and learned; and a pendulum on a cart, whose H does not split.
const FORMULAS: [(&str, &str); 2] = [
    ("pendulum_formula", "p^2 + 3*(1 - cos(q))"),
    ("cart_formula", "(p1^2 - 2*p1*p2*cos(q2) + 2*p2^2)/(2*(1 + sin(q2)^2)) + q1^2/2 - 3*cos(q2)"),
];

/// The models of the scenarios: learned from recordings of the simulated machine with that mass at its end, in kg.
const MACHINES: [(&str, &str); 2] = [("pendulum", "0.5"), ("other_load", "0.25")];
/// Of L-BFGS, after which the motion is met to the noise of the recordings' sensors.
const MACHINE_STEPS: &str = "200";

/// Exports the formulas, trains and exports the networks, and puts the blobs into `firmware-examples/model` and
/// `firmware-examples/learned`.
///
/// # Errors
/// Where training, export or validation fails, or a result cannot be written.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let shell = &workspace.shell;
    let scratch = shell.create_temp_dir()?;
    let model = workspace.root.join("firmware-examples").join("model");
    fs::create_dir_all(&model)?;
    // All packages at once, so that features, and with them what is compiled, are those of the tests.
    cmd!(shell, "cargo build --release --quiet --workspace --bin hnn").run()?;
    let program = workspace.target_of(&workspace.root).join("release").join("hnn");
    let hnn = || cmd!(shell, "{program}");

    for (name, formula) in FORMULAS {
        let out = scratch.path().join(name);
        hnn().args(["export", "--hamiltonian", formula, "--dt", DT, "--out"]).arg(&out).run()?;
        hnn().arg("validate").arg(&out).run()?;
        keep(&out, &model, name)?;
    }
    let (run, out) = (scratch.path().join("run"), scratch.path().join("network"));
    let train = ["train", "--system", "pendulum", "--model", "separable", "--hidden", "16,16", "--seed", SEED, "--out"];
    hnn().args(train).arg(&run).run()?;
    hnn().arg("export").arg(&run).args(["--dt", DT, "--out"]).arg(&out).run()?;
    hnn().arg("validate").arg(&out).run()?;
    keep(&out, &model, "pendulum_network")?;
    MACHINES.iter().try_for_each(|(name, mass)| learn(workspace, &program, scratch.path(), name, mass))
}

/// Records the simulated machine with a mass at its end, learns a model of it, and puts the blob where the scenarios find it.
fn learn(workspace: &Workspace, program: &Path, scratch: &Path, name: &str, mass: &str) -> Result<()> {
    let shell = &workspace.shell;
    let firmware = workspace.root.join("firmware-examples");
    let recording = scratch.join(name).with_extension("csv");
    {
        let _directory = shell.push_dir(&firmware);
        let record =
            cmd!(shell, "cargo run --release --quiet -p hnn-firmware-common --example recording -- {mass} {SEED}");
        fs::write(&recording, record.read()?)?;
    }
    let hnn = || cmd!(shell, "{program}");
    let (run, out) = (scratch.join(format!("{name}-run")), scratch.join(format!("{name}-export")));
    let columns = ["--time", "time", "--trajectory", "launch", "--q", "q", "--v", "v", "--u", "u", "--angle", "q"];
    let fit = ["--fit", "lbfgs", "--precision", "f64", "--steps", MACHINE_STEPS, "--seed", SEED];
    hnn().args(["train", "--data"]).arg(&recording).args(columns).args(fit).arg("--out").arg(&run).run()?;
    hnn().arg("export").arg(&run).arg("--out").arg(&out).run()?;
    hnn().arg("validate").arg(&out).run()?;
    keep(&out, &firmware.join("learned"), name)
}

fn keep(export: &Path, model: &Path, name: &str) -> Result<()> {
    let (source, target) = (export.join("model.hnn"), model.join(name).with_extension("hnn"));
    fs::copy(&source, &target).with_context(|| format!("cannot copy {} to {}", source.display(), target.display()))?;
    eprintln!("wrote {}", target.display());
    Ok(())
}
