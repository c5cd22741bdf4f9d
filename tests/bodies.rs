//! Many bodies from the outside: learned on two, deployed with three and twenty.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::Path;
use std::process::Command;

use hnn_conformance::misfits;
use hnn_exporter::evaluate::evaluate;
use hnn_exporter::graph::Tensor;
use hnn_exporter::onnx::{self, ReadOptions};
use hnn_trainer::system::{self, Protocol, Settings};

fn hnn(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hnn-under-test"));
    let output = command.current_dir(directory).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap_or(-1), text)
}

fn succeed(directory: &Path, arguments: &[&str]) {
    let (code, text) = hnn(directory, arguments);
    assert_eq!(code, 0, "hnn {arguments:?}\n{text}");
}

fn refused(directory: &Path, arguments: &[&str], because: &str) {
    let (code, text) = hnn(directory, arguments);
    assert!(code == 2 && text.contains(because), "hnn {arguments:?} gave {code}\n{text}");
}

/// Root mean square error of an exported field over states of a system, relative to the true field's root mean square.
fn field_error(file: &Path, name: &str) -> f64 {
    let system = system::find(name).unwrap();
    let protocol = Protocol { trajectories: 21, held_out: 20, rows: 2, horizon: 0.1, noise: 0.0, derivatives: true };
    let rows = system::generate(system, &Settings::new(), &protocol, 4).unwrap().held_out_clean.rows();
    let truth = rows.dx.unwrap();
    let graph = onnx::read_with(&fs::read(file).unwrap(), &ReadOptions::default()).unwrap().graph;
    let x = Tensor::new(vec![rows.count, 2 * system.dof], rows.x).unwrap();
    let found = evaluate(&graph, &[("x", &x)]).unwrap();
    let square: f64 = found[0].data().iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).sum();
    (square / truth.iter().map(|value| value * value).sum::<f64>()).sqrt()
}

#[test]
fn weights_learned_on_two_bodies_move_three_and_run_with_twenty() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    succeed(path, &["train", "--system", "two_body", "--trajectories", "60", "--out", "run"]);
    let config = fs::read_to_string(path.join("run/run.json")).unwrap();
    assert!(misfits("run", &config).unwrap().is_empty(), "{config}");
    assert!(config.contains("\"kind\": \"pairwise\""), "{config}");
    for bodies in ["2", "3", "20"] {
        succeed(path, &["export", "run", "--bodies", bodies, "--out", bodies]);
        let manifest = fs::read_to_string(path.join(bodies).join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        assert!(manifest["device"]["flash_bytes"].is_u64(), "{bodies} bodies are no program: {}", manifest["device"]);
        assert!(manifest["trajectory"]["hash"].is_string(), "the program of {bodies} bodies was not run");
    }
    let (two, three) =
        (field_error(&path.join("2/field.onnx"), "two_body"), field_error(&path.join("3/field.onnx"), "three_body"));
    println!("relative error of the field: two bodies {two:.2e}, three {three:.2e}");
    assert!(two < 5e-3 && three < 5e-3, "two bodies {two:e}, three {three:e}");
}

#[test]
fn bodies_where_there_are_none_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let train =
        |rest: &[&'static str]| [&["train", "--trajectories", "4", "--steps", "2", "--out", "run"], rest].concat();
    refused(path, &train(&["--system", "spring", "--model", "pairwise"]), "needs --bodies");
    refused(path, &train(&["--system", "spring", "--bodies", "2"]), "2 bodies with 1 positions");
    refused(path, &train(&["--system", "two_body", "--model", "mlp", "--bodies", "2"]), "it belongs to `pairwise`");
    refused(path, &train(&["--system", "two_body", "--angle", "q1"]), "none may be an angle");
    refused(path, &train(&["--system", "coupled_springs", "--protocol", "reference"]), "no published protocol");
    succeed(path, &train(&["--system", "spring"]));
    refused(path, &["export", "run", "--bodies", "3", "--out", "export"], "only a `pairwise` model");
    let formula = ["export", "--hamiltonian", "p^2+q^2", "--bodies", "3", "--out", "export"];
    refused(path, &formula, "belongs to a run");
}
