//! Learning from outside: the published pendulum task in the clean protocol, and a training that is interrupted.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hnn_conformance::misfits;
use hnn_trainer::evaluate::Evaluation;

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
    for line in read("metrics.jsonl").lines() {
        wrong.extend(misfits("metrics", line).unwrap());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let system = serde_json::from_str::<Evaluation>(&text).unwrap().system.unwrap();
    let metrics = system.deployed.unwrap().metrics;
    let (energy, coordinate) = (metrics.energy_mse.unwrap(), metrics.coordinate_mse.unwrap());
    println!("energy MSE {energy:.2e}, coordinate MSE {coordinate:.2e}");
    assert!(system.starts == 15 && system.horizon_s == 20.0 && system.truth.state < 1e-8);
    assert!(energy <= 1e-3 && coordinate <= 0.2, "energy MSE {energy:e}, coordinate MSE {coordinate:e}");
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
