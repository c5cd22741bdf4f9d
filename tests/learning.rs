//! Learning from outside: the published pendulum task in the clean protocol, a training that is interrupted, and an imported
//! energy that is trained further.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hnn_conformance::misfits;
use hnn_exporter::graph::{Graph, Shape, Tensor};
use hnn_exporter::manifest::{DeviceRecord, Manifest};
use hnn_exporter::onnx;
use hnn_trainer::evaluate::{EquilibriumKind, Evaluation};

/// Longest wait for a process to come as far as it should.
const PATIENCE: Duration = Duration::from_secs(120);

fn hnn(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hnn-under-test"));
    command.current_dir(directory).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn succeed(directory: &Path, arguments: &[&str]) {
    assert!(hnn(directory, arguments).status().unwrap().success(), "hnn {arguments:?}");
}

/// Greydanus et al. (2019), noise 0.1, judged on clean starts with the true H over 20 s.
#[test]
fn the_published_pendulum_task_is_learned_to_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let train = ["train", "--system", "pendulum", "--protocol", "reference", "--angle", "q1", "--out", "run"];
    succeed(directory.path(), &train);
    succeed(directory.path(), &["evaluate", "run", "--json", "evaluation.json"]);
    let text = fs::read_to_string(directory.path().join("evaluation.json")).unwrap();
    let read = |name: &str| fs::read_to_string(directory.path().join("run").join(name)).unwrap();
    let mut wrong = misfits("evaluate", &text).unwrap();
    wrong.extend(misfits("run", &read("run.json")).unwrap());
    wrong.extend(misfits("noise", &read("noise.json")).unwrap());
    for line in read("metrics.jsonl").lines() {
        wrong.extend(misfits("metrics", line).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let noise = hnn_trainer::run::open(&directory.path().join("run")).unwrap().noise().unwrap();
    for level in noise.differences.into_iter().map(Option::unwrap) {
        assert!((0.09..0.11).contains(&level), "noise of 0.1 found as {level}");
    }
    let system = serde_json::from_str::<Evaluation>(&text).unwrap().system.unwrap();
    let metrics = system.deployed.unwrap().metrics;
    let (energy, coordinate) = (metrics.energy_mse.unwrap(), metrics.coordinate_mse.unwrap());
    println!("energy MSE {energy:.2e}, coordinate MSE {coordinate:.2e}");
    assert!(system.starts == 15 && system.horizon_s == 20.0 && system.truth.state < 1e-8);
    assert!(energy <= 1e-3 && coordinate <= 0.2, "energy MSE {energy:e}, coordinate MSE {coordinate:e}");
}

/// Whatever this build and this machine have: nothing computes f64 on `wgpu`.
#[test]
fn a_device_that_cannot_compute_is_refused_by_name_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let train = ["train", "--system", "spring", "--device", "wgpu", "--precision", "f64", "--out", "run"];
    let output = hnn(directory.path(), &train).stderr(Stdio::piped()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("device `wgpu`"), "{message}");
    assert!(!directory.path().join("run").exists(), "a refused training left a run");
}

/// The first command of the README: engines agree, steps reverse, and a second run replaces nothing unasked.
#[test]
fn the_demo_ends_well_and_keeps_its_results() {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_hnn-under-test"))
        .current_dir(directory.path())
        .args(["demo", "--out", "demo"])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    for line in [
        "engine runtime             agrees",
        "engine tract               agrees",
        "energy over 10⁶ steps",
        "trajectory hash",
    ] {
        assert!(table.contains(line), "no `{line}` in\n{table}");
    }
    let manifest = fs::read(directory.path().join("demo/export/manifest.json")).unwrap();
    assert_eq!(hnn(directory.path(), &["demo", "--out", "demo"]).status().unwrap().code(), Some(2));
    assert!(fs::read(directory.path().join("demo/export/manifest.json")).unwrap() == manifest);
}

const SHORT: [&str; 12] =
    ["train", "--system", "spring", "--trajectories", "6", "--horizon", "2", "--steps", "600", "--seed", "3", "--out"];

/// Sends the signal that Ctrl-C sends.
fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

fn wait(child: &mut Child) -> i32 {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        std::thread::yield_now();
    }
    let _ = child.kill();
    panic!("the process did not end");
}

#[test]
fn an_interrupted_training_continues_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    succeed(path, &[&SHORT[..], &["whole"]].concat());
    let mut child = hnn(path, &[&SHORT[..], &["broken"]].concat()).spawn().unwrap();
    let (metrics, began) = (path.join("broken/metrics.jsonl"), Instant::now());
    while fs::metadata(&metrics).map_or(0, |file| file.len()) == 0 && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    interrupt(&child);
    assert_eq!(wait(&mut child), 1, "an interrupted training says so by its exit code");
    let steps = fs::read_to_string(&metrics).unwrap().lines().count();
    let whole = fs::read_to_string(path.join("whole/metrics.jsonl")).unwrap().lines().count();
    assert!(steps < whole, "the training was over before it could be interrupted");
    // A crash may cut the last line short; the checkpoint is what counts.
    let torn = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, &torn[..torn.len() - 20]).unwrap();
    succeed(path, &["train", "--resume", "--out", "broken"]);
    let weights = |run: &str| fs::read(path.join(run).join("parameters.safetensors")).unwrap();
    assert!(weights("whole") == weights("broken"), "continuing gave other weights");
}

#[test]
fn an_earlier_run_is_not_clobbered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut short = SHORT;
    short[8] = "20";
    succeed(path, &[&short[..], &["run"]].concat());
    let before = fs::read(path.join("run/parameters.safetensors")).unwrap();
    assert_eq!(hnn(path, &[&short[..], &["run"]].concat()).status().unwrap().code(), Some(2));
    assert!(fs::read(path.join("run/parameters.safetensors")).unwrap() == before);
    let impossible = [&short[..], &["run", "--force", "--batch", "0"]].concat();
    assert_eq!(hnn(path, &impossible).status().unwrap().code(), Some(2));
    assert!(fs::read(path.join("run/parameters.safetensors")).unwrap() == before, "a refused training replaced a run");
    succeed(path, &[&short[..], &["run", "--force"]].concat());
}

/// H = w₁ p²/2 + w₂ q²/2 with w = (1, 3), or of q and p as two inputs, as an ONNX file whose one weight is w.
fn oscillator(path: &Path, split: bool) {
    let mut g = Graph::new();
    let (q, p) = if split {
        let pos = g.input("pos", Shape::batched(&[1]).unwrap()).unwrap();
        (pos, g.input("mom", Shape::batched(&[1]).unwrap()).unwrap())
    } else {
        let x = g.input("state", Shape::batched(&[2]).unwrap()).unwrap();
        (g.slice(x, 1, 0, 1).unwrap(), g.slice(x, 1, 1, 1).unwrap())
    };
    let both = g.concat(&[p, q], 1).unwrap();
    let squares = g.mul(both, both).unwrap();
    let w = g.constant(Tensor::new(vec![2], vec![1.0, 3.0]).unwrap()).unwrap();
    let terms = g.mul(squares, w).unwrap();
    let sum = g.sum_keep(terms, &[1]).unwrap();
    let energy = g.scale(sum, 0.5).unwrap();
    g.set_output("energy", energy);
    fs::write(path, onnx::write(&g, &onnx::WriteOptions::default()).unwrap()).unwrap();
}

/// States of the true oscillator, whose w₂ is 4: q = ±1, ∓1, …, p = 1, 1, −1, −1, …, with their derivatives.
fn recording(path: &Path) {
    let mut text = "t,q,p,dq,dp\n".to_owned();
    for row in 0..100 {
        let (q, p) = ([1.0, -1.0][row % 2], [1.0, 1.0, -1.0, -1.0][row % 4]);
        text += &format!("{},{q},{p},{p},{}\n", row as f64 * 0.1, -4.0 * q);
    }
    fs::write(path, text).unwrap();
}

const TUNE: [&str; 15] = [
    "train", "--init", "h.onnx", "--data", "data.csv", "--q", "q", "--p", "p", "--time", "t", "--dq", "dq", "--dp",
    "dp",
];

/// The loss before the first step, from the metrics of a run of one step.
fn first_loss(run: &Path) -> f64 {
    let metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    serde_json::from_str::<serde_json::Value>(metrics.lines().next().unwrap()).unwrap()["loss"].as_f64().unwrap()
}

#[test]
fn an_imported_energy_is_trained_from_where_it_is_and_needs_its_file_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    oscillator(&path.join("h.onnx"), false);
    recording(&path.join("data.csv"));
    let with = |more: &[&'static str]| [&TUNE[..], &["--loss", "field", "--precision", "f64"], more].concat();
    succeed(path, &with(&["--steps", "1", "--batch", "80", "--out", "once"]));
    // dp is −3q instead of −4q, dq is right; the unit of dp is its deviation 4: the mean of 0² and (1/4)².
    let loss = first_loss(&path.join("once"));
    assert!((loss - 1.0 / 32.0).abs() < 1e-12, "{loss}");
    succeed(path, &with(&["--steps", "400", "--batch", "80", "--learning-rate", "0.02", "--out", "tuned"]));
    let run = fs::read_to_string(path.join("tuned/run.json")).unwrap();
    let wrong = misfits("run", &run).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run.contains("\"h.onnx\"") && run.contains("\"imported\""), "{run}");
    fs::remove_file(path.join("h.onnx")).unwrap();
    let weights = hnn_trainer::run::open(&path.join("tuned")).unwrap().architecture().unwrap().initial;
    let [weight] = weights.values().collect::<Vec<_>>()[..] else { panic!("{weights:?}") };
    let error = weight.data().iter().zip([1.0, 4.0]).map(|(found, truth)| (found - truth).abs()).fold(0.0, f64::max);
    assert!(error < 1e-2, "{weight:?}");
    succeed(path, &["inspect", "tuned"]);
    succeed(path, &["evaluate", "tuned", "--window", "0.5"]);
    succeed(path, &["export", "tuned", "--out", "export"]);
    succeed(path, &["validate", "export"]);
    // It is trained already: there is nothing left to do, and no file is missed.
    succeed(path, &["train", "--resume", "--out", "tuned"]);
}

#[test]
fn an_imported_energy_that_does_not_fit_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    recording(&path.join("data.csv"));
    let refused = |more: &[&'static str], expected: &[&str]| {
        let output = hnn(path, &[&TUNE[..], more, &["--out", "run"]].concat()).stderr(Stdio::piped()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
        assert!(!path.join("run").exists(), "a refused training left a run");
    };
    oscillator(&path.join("h.onnx"), true);
    refused(&[], &["--init-q", "`pos` [batch,1]", "`mom` [batch,1]"]);
    refused(&["--init-q", "pos", "--init-p", "mom", "--hidden", "8"], &["--hidden"]);
    succeed(path, &[&TUNE[..], &["--init-q", "pos", "--init-p", "mom", "--steps", "1", "--out", "named"]].concat());
    let export = |formula: &str| {
        succeed(path, &["export", "--hamiltonian", formula, "--out", "other", "--emit", "onnx", "--force"]);
        fs::copy(path.join("other/hamiltonian.onnx"), path.join("h.onnx")).unwrap();
    };
    export("p1^2/2 + p2^2/2 + q1^2*q2^2");
    refused(&[], &["state of 4 numbers", "data have 1 positions"]);
    succeed(path, &["train", "--system", "spring", "--model", "mlp", "--steps", "1", "--out", "mixed"]);
    succeed(path, &["export", "mixed", "--out", "mixed_export", "--emit", "onnx"]);
    fs::copy(path.join("mixed_export/hamiltonian.onnx"), path.join("h.onnx")).unwrap();
    refused(&["--loss", "rollout", "--scheme", "leapfrog"], &["leapfrog", "T(p) + V(q)", "midpoint"]);
}

#[test]
fn a_simulation_says_when_it_leaves_the_training_data_and_an_evaluation_examines_the_energy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    succeed(path, &[&SHORT[..], &["run"]].concat());
    succeed(path, &["evaluate", "run", "--json", "evaluation.json"]);
    let text = fs::read_to_string(path.join("evaluation.json")).unwrap();
    assert!(misfits("evaluate", &text).unwrap().is_empty());
    let evaluation = serde_json::from_str::<Evaluation>(&text).unwrap();
    let structure = evaluation.structure.unwrap();
    // The spring of H = q² + p² hangs at 0 and turns with 2 rad/s.
    let [rest] = &structure.equilibria[..] else { panic!("{structure:?}") };
    assert!(rest.kind == EquilibriumKind::Minimum && rest.x.iter().all(|value| value.abs() < 0.1), "{rest:?}");
    assert!((rest.frequencies_rad_s[0] - 2.0).abs() < 0.1, "{rest:?}");
    assert!(evaluation.coverage[0].outside_fraction < 0.5 && evaluation.passivity.is_empty());
    succeed(path, &["export", "run", "--out", "export"]);
    let manifest = Manifest::read(&path.join("export")).unwrap();
    let known = &manifest.samples.x[0];
    let simulate = |x0: &str, model: &str| {
        let arguments = ["simulate", model, "--x0", x0, "--dt", "0.01", "--steps", "50", "--out", "orbit.csv"];
        let output = hnn(path, &arguments).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let inside = simulate(&format!("{},{}", known[0], known[1]), "export");
    assert!(!inside.contains("warning"), "{inside}");
    let outside = simulate("3,0", "export");
    assert_eq!(outside.matches("warning: at t = 0 s the state [3.0, 0.0]").count(), 1, "{outside}");
    assert_eq!(outside.matches("warning").count(), 1, "{outside}");
    // Of a program that is not the one the manifest describes nothing is known.
    fs::create_dir(path.join("alone")).unwrap();
    fs::copy(path.join("export/model.hnn"), path.join("alone/model.hnn")).unwrap();
    assert!(!simulate("3,0", "alone").contains("warning"));
}

/// As [`SHORT`], with a network small enough to train several of.
const SMALL: [&str; 14] = [
    "train",
    "--system",
    "spring",
    "--trajectories",
    "6",
    "--horizon",
    "2",
    "--hidden",
    "8",
    "--steps",
    "400",
    "--seed",
    "3",
    "--out",
];

/// The weights of every member of an ensemble.
fn weights_of(path: &Path, count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| fs::read(path.join(format!("member-{index}/parameters.safetensors"))).unwrap()).collect()
}

#[test]
fn a_member_is_the_run_of_its_seed_and_an_interrupted_ensemble_continues_bit_for_bit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    succeed(path, &[&SMALL[..], &["whole", "--ensemble", "3"]].concat());
    let wrong = misfits("ensemble", &fs::read_to_string(path.join("whole/ensemble.json")).unwrap()).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut alone = SMALL;
    alone[12] = "4";
    succeed(path, &[&alone[..], &["alone", "--data-seed", "3"]].concat());
    let whole = weights_of(&path.join("whole"), 3);
    assert!(
        whole[1] == fs::read(path.join("alone/parameters.safetensors")).unwrap(),
        "member 1 is not the run of seed 4"
    );
    assert!(whole[0] != whole[1] && whole[1] != whole[2], "members do not differ");

    let mut child = hnn(path, &[&SMALL[..], &["broken", "--ensemble", "3"]].concat()).spawn().unwrap();
    let (metrics, began) = (path.join("broken/member-0/metrics.jsonl"), Instant::now());
    while fs::metadata(&metrics).map_or(0, |file| file.len()) == 0 && began.elapsed() < PATIENCE {
        std::thread::yield_now();
    }
    interrupt(&child);
    assert_eq!(wait(&mut child), 1, "an interrupted ensemble says so by its exit code");
    assert!(weights_of(&path.join("broken"), 3) != whole, "the training was over before it could be interrupted");
    succeed(path, &["train", "--resume", "--out", "broken"]);
    assert!(weights_of(&path.join("broken"), 3) == whole, "continuing gave other weights");
}

#[test]
fn an_ensemble_is_judged_by_its_disagreement_and_exported_as_one_graph_or_its_best_member() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    succeed(path, &[&SMALL[..], &["many", "--ensemble", "2"]].concat());
    succeed(path, &["evaluate", "many", "--json", "evaluation.json"]);
    let text = fs::read_to_string(path.join("evaluation.json")).unwrap();
    let wrong = misfits("evaluate", &text).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let ensemble = serde_json::from_str::<Evaluation>(&text).unwrap().ensemble.unwrap();
    assert_eq!((ensemble.members.len(), ensemble.disagreement.len()), (2, 3));
    assert!(ensemble.disagreement.iter().all(|one| one.spread_rms > 0.0 && one.error_over_spread.is_some()));
    let flash = |member: &str| {
        succeed(path, &["export", "many", "--member", member, "--out", member]);
        let manifest = Manifest::read(&path.join(member)).unwrap();
        assert!(manifest.model.separability.separable, "{member}");
        let DeviceRecord::Program(program) = manifest.device else { panic!("no program for {member}") };
        program.step.multiply_adds
    };
    let (mean, best) = (flash("mean"), flash("best"));
    // Kinetic energies merge into one constant matrix; the networks do not.
    assert!(mean > best && mean <= 2 * best + 8, "{mean} and {best} multiply-adds");
    succeed(path, &["validate", "mean", "--engines", "reference,runtime,tract"]);
    succeed(path, &["inspect", "many"]);
    let refused =
        |arguments: &[&str]| assert_eq!(hnn(path, arguments).status().unwrap().code(), Some(2), "{arguments:?}");
    refused(&["export", "many", "--member", "2", "--out", "none"]);
    refused(&["evaluate", "many/member-0", "--member", "best"]);
    refused(&["train", "--system", "spring", "--ensemble", "1", "--out", "none"]);
    refused(&[&SMALL[..], &["many", "--ensemble", "2"]].concat());
    assert!(!path.join("none").exists());
}
