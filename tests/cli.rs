//! The binary from outside: exit codes, messages, and that nothing is lost or half-written when an input is bad.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hnn_conformance::misfits;
use tempfile::TempDir;

#[path = "cli/fixed_point.rs"]
mod fixed_point;
#[path = "cli/formulas.rs"]
mod formulas;
#[path = "cli/source.rs"]
mod source;
#[path = "cli/states.rs"]
mod states;
#[path = "cli/weights.rs"]
mod weights;

const SPRING: [&str; 2] = ["--hamiltonian", "q^2/2 + p^2/2"];
/// q and p mix: a charge in a magnetic field.
const MIXED: [&str; 2] = ["--hamiltonian", "(p1 + q2/2)^2/2 + (p2 - q1/2)^2/2"];

fn hnn(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hnn-under-test")).current_dir(directory).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs and demands an exit code; returns standard output and standard error.
fn expect(directory: &Path, code: i32, arguments: &[&str]) -> (String, String) {
    let output = hnn(directory, arguments);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "hnn {arguments:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
    assert!(!stderr.contains("panicked"), "hnn {arguments:?} panicked:\n{stderr}");
    (stdout, stderr)
}

fn exported(arguments: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut all = vec!["export"];
    all.extend(arguments);
    all.extend(["--out", "export"]);
    expect(directory.path(), 0, &all);
    directory
}

#[test]
fn help_is_good_and_an_unknown_command_is_the_users_error() {
    let directory = tempfile::tempdir().unwrap();
    let (stdout, _) = expect(directory.path(), 0, &["--help"]);
    for command in ["demo", "train", "export", "validate", "simulate", "run", "inspect", "evaluate", "systems"] {
        assert!(stdout.contains(command), "help does not name `{command}`");
        expect(directory.path(), 0, &[command, "--help"]);
    }
    expect(directory.path(), 2, &["no-such-command"]);
    expect(directory.path(), 2, &["export", "--no-such-option"]);
}

#[test]
fn what_can_be_named_is_listed() {
    let directory = tempfile::tempdir().unwrap();
    for (command, names) in [
        ("systems", ["spring", "cart_pole", "three_body"]),
        ("models", ["mlp", "separable", "port"]),
        ("schemes", ["reversible to the bit", "tao4", "conformal"]),
    ] {
        let (stdout, _) = expect(directory.path(), 0, &[command]);
        for name in names {
            assert!(stdout.contains(name), "`hnn {command}` does not list `{name}`:\n{stdout}");
        }
    }
}

#[test]
fn an_export_holds_every_file_and_passes_validation() {
    let directory = exported(&SPRING);
    for name in ["hamiltonian.onnx", "field.onnx", "step.onnx", "model.hnn", "manifest.json"] {
        assert!(directory.path().join("export").join(name).is_file(), "{name} is missing");
    }
    expect(directory.path(), 0, &["validate", "export", "--engines", "reference,runtime,tract"]);
}

#[test]
fn json_outputs_fit_their_schemas() {
    let directory = exported(&SPRING);
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let validate = ["validate", "export", "--engines", "reference,runtime,tract", "--json", "report.json"];
    expect(directory.path(), 0, &validate);
    let (inspected, _) = expect(directory.path(), 0, &["inspect", "export", "--json"]);
    let (program, _) = expect(directory.path(), 0, &["inspect", "export/model.hnn", "--json"]);
    let mut wrong = misfits("manifest", &read("export/manifest.json")).unwrap();
    wrong.extend(misfits("validate", &read("report.json")).unwrap());
    wrong.extend(misfits("inspect", &inspected).unwrap());
    wrong.extend(misfits("inspect", &program).unwrap());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(!misfits("manifest", "{}").unwrap().is_empty(), "the schema of the manifest accepts anything");
}

#[test]
fn a_file_of_another_model_fails_validation_with_1() {
    let directory = exported(&SPRING);
    let other = exported(&["--hamiltonian", "q^2/2 + 1.01*p^2/2"]);
    let field = "export/field.onnx";
    fs::copy(other.path().join(field), directory.path().join(field)).unwrap();
    expect(directory.path(), 1, &["validate", "export", "--engines", "reference,tract"]);
}

#[test]
fn a_requested_engine_that_does_not_exist_is_refused() {
    let directory = exported(&SPRING);
    let (_, stderr) = expect(directory.path(), 2, &["validate", "export", "--engines", "abacus"]);
    assert!(stderr.contains("abacus") && stderr.contains("runtime"), "{stderr}");
}

#[test]
fn export_options_that_contradict_each_other_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (options, named) in [
        (["--emit", "blob", "--graphs", "hessian"], "--emit"),
        (["--profile", "st", "--batch", "dynamic"], "--batch"),
        (["--profile", "st", "--graphs", "rollout"], "Scan"),
        (["--profile", "st", "--precision", "f16"], "f32"),
    ] {
        let arguments = [&["export"][..], &SPRING, &options, &["--out", "export"]].concat();
        let (_, stderr) = expect(directory.path(), 2, &arguments);
        assert!(stderr.contains(named), "{options:?}: {stderr}");
        assert!(!directory.path().join("export").exists(), "{options:?} left something behind");
    }
}

#[test]
fn arrays_go_through_a_graph_in_every_engine() {
    let directory = exported(&SPRING);
    let path = directory.path();
    let x = ndarray::arr2(&[[0.5f32, -0.25], [1.0, 2.0], [-3.0, 0.0]]);
    let mut writer = ndarray_npy::NpzWriter::new_compressed(fs::File::create(path.join("in.npz")).unwrap());
    writer.add_array("x", &x).unwrap();
    writer.finish().unwrap();
    for engine in ["reference", "runtime", "tract"] {
        let run = ["run", "export/field.onnx", "--engine", engine, "--inputs", "in.npz", "--out", "out.npz"];
        expect(path, 0, &run);
        let mut reader = ndarray_npy::NpzReader::new(fs::File::open(path.join("out.npz")).unwrap()).unwrap();
        let dx: ndarray::Array2<f64> = reader.by_name("dx").unwrap();
        // The spring's field is (p, −q), exact in f32 for these numbers.
        assert_eq!(dx, ndarray::arr2(&[[-0.25, -0.5], [2.0, -1.0], [0.0, 3.0]]), "{engine}");
    }
    let (_, stderr) =
        expect(path, 2, &["run", "export/field.onnx", "--engine", "reference", "--inputs", "no.npz", "--out", "o.npz"]);
    assert!(stderr.contains("no.npz"), "{stderr}");
    // A name the file does not have, then integers where it wants floats.
    for (name, named) in [("state", "`x`, FLOAT [batch, 2] is missing"), ("x", "given integers")] {
        let mut writer = ndarray_npy::NpzWriter::new(fs::File::create(path.join("wrong.npz")).unwrap());
        writer.add_array(name, &ndarray::arr2(&[[1i32, 2]])).unwrap();
        writer.finish().unwrap();
        let run = ["run", "export/field.onnx", "--engine", "runtime", "--inputs", "wrong.npz", "--out", "o.npz"];
        let (_, stderr) = expect(path, 2, &run);
        assert!(stderr.contains(named), "{stderr}");
    }
}

#[test]
fn an_input_acts_from_the_very_row_of_its_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::write(path.join("model.csv"), "t,q,p,u\n0,0,0,1\n0.02,0.01,0.1,1\n0.04,0.02,0.2,0\n0.06,0.04,0.3,1\n").unwrap();
    let train = ["train", "--data", "model.csv", "--q", "q", "--p", "p", "--u", "u", "--time", "t"];
    let short = ["--loss", "field", "--steps", "2", "--hidden", "2", "--out", "run"];
    expect(path, 0, &[&train[..], &short[..]].concat());
    expect(path, 0, &["export", "run", "--out", "export", "--dt", "0.02"]);
    fs::write(path.join("u.csv"), "time,u\n0,1\n1,2\n").unwrap();
    let simulate = ["simulate", "export", "--x0", "0,0", "--steps", "60", "--u", "u.csv", "--out", "driven.csv"];
    expect(path, 0, &simulate);
    let driven = fs::read_to_string(path.join("driven.csv")).unwrap();
    let inputs: Vec<(f64, f64)> = driven
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>())
        .map(|row| (row[0], row[4]))
        .collect();
    assert_eq!((inputs[49], inputs[50]), ((0.98, 1.0), (1.0, 2.0)));
    fs::write(path.join("bare.csv"), "0,1\n1,2\n").unwrap();
    let simulate = ["simulate", "export", "--x0", "0,0", "--steps", "1", "--u", "bare.csv", "--out", "bare_orbit.csv"];
    assert!(expect(path, 2, &simulate).1.contains("header"));
}

#[test]
fn a_bad_formula_is_pointed_at_with_a_caret() {
    let directory = tempfile::tempdir().unwrap();
    let (_, stderr) = expect(directory.path(), 2, &["export", "--hamiltonian", "q^2/2 + $p", "--out", "export"]);
    assert!(stderr.contains('^') && stderr.contains("q^2/2 + $p"), "{stderr}");
    assert!(!directory.path().join("export").exists());
}

#[test]
fn an_existing_folder_is_never_clobbered_without_force() {
    let directory = exported(&SPRING);
    let manifest = directory.path().join("export/manifest.json");
    let before = fs::read(&manifest).unwrap();
    let again = ["export", "--hamiltonian", "q^2 + p^2", "--out", "export"];
    let (_, stderr) = expect(directory.path(), 2, &again);
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(fs::read(&manifest).unwrap(), before, "the refused export changed a file");
}

#[test]
fn damaged_programs_are_refused_and_named() {
    let directory = exported(&SPRING);
    let path = directory.path().join("export/model.hnn");
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 0x10;
    let mut version = good.clone();
    version[4] = 0xee;
    let damaged: [(&str, &[u8]); 6] = [
        ("empty", &[]),
        ("truncated", &good[..good.len() / 2]),
        ("not_words", &good[..good.len() - 1]),
        ("flipped", &flipped),
        ("version", &version),
        ("text", b"this is no blob at all, but a sentence"),
    ];
    for (name, bytes) in damaged {
        let file = format!("{name}.hnn");
        fs::write(directory.path().join(&file), bytes).unwrap();
        let simulate = ["simulate", &file, "--x0", "1,0", "--dt", "0.1", "--steps", "2", "--out", "o.csv"];
        let (_, stderr) = expect(directory.path(), 2, &simulate);
        assert!(stderr.contains(&file), "{name}: {stderr}");
        expect(directory.path(), 2, &["inspect", &file]);
        assert!(!directory.path().join("o.csv").exists());
    }
}

#[test]
fn damaged_onnx_files_are_refused_and_named() {
    let directory = exported(&SPRING);
    let good = fs::read(directory.path().join("export/hamiltonian.onnx")).unwrap();
    for (name, bytes) in [("empty", &[][..]), ("truncated", &good[..good.len() / 2]), ("text", b"no protobuf")] {
        let file = format!("{name}.onnx");
        fs::write(directory.path().join(&file), bytes).unwrap();
        let (_, stderr) = expect(directory.path(), 2, &["export", &file, "--out", "second"]);
        assert!(stderr.contains(&file), "{name}: {stderr}");
        assert!(!directory.path().join("second").exists(), "{name}: something was written");
    }
}

#[test]
fn bad_tables_are_refused_with_file_and_place() {
    let directory = tempfile::tempdir().unwrap();
    let tables = [
        ("columns.csv", "t,a,b\n0,1,2\n0.1,1,2\n", "q1"),
        ("text.csv", "t,q1,p1\n0,1,2\n0.1,one,2\n", "one"),
        ("ragged.csv", "t,q1,p1\n0,1,2\n0.1,1\n", "ragged.csv"),
        ("backwards.csv", "t,q1,p1\n0,1,2\n0.2,1,2\n0.1,1,2\n", "backwards.csv"),
        ("empty.csv", "", "empty.csv"),
    ];
    for (file, table, named) in tables {
        fs::write(directory.path().join(file), table).unwrap();
        let train = ["train", "--data", file, "--q", "q1", "--p", "p1", "--time", "t", "--out", "run"];
        let (_, stderr) = expect(directory.path(), 2, &train);
        assert!(stderr.contains(file) && stderr.contains(named), "{file}: {stderr}");
        assert!(!directory.path().join("run").exists());
    }
}

#[test]
fn missing_inputs_and_impossible_outputs_are_the_users_error() {
    let directory = exported(&SPRING);
    fs::write(directory.path().join("plain_file"), "x").unwrap();
    for arguments in [
        &["validate", "nowhere"][..],
        &["inspect", "nowhere"],
        &["export", "nowhere.onnx", "--out", "other"],
        &["export", SPRING[0], SPRING[1], "--out", "plain_file/below"],
        &["simulate", "export", "--x0", "1", "--steps", "2", "--out", "o.csv"],
        &["simulate", "export", "--x0", "1,0", "--steps", "2", "--out", "plain_file/o.csv"],
        &["train", "--system", "no_such_system", "--out", "run"],
        &["train", "--system", "spring", "--model", "no_such_model", "--out", "run"],
        &["train", "--data", "nowhere.csv", "--q", "q", "--p", "p", "--out", "run"],
    ] {
        let (_, stderr) = expect(directory.path(), 2, arguments);
        assert!(!stderr.trim().is_empty(), "hnn {arguments:?} says nothing");
    }
}

/// A baseline goes the way of every model up to its judgement, and no further.
#[test]
fn baselines_are_trained_and_judged_but_never_exported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let data = ["--system", "spring", "--trajectories", "4", "--horizon", "2", "--rate", "10", "--noise", "0"];
    let train = |model: &'static str, rest: &[&'static str]| {
        [&["train"], &data[..], &["--model", model, "--hidden", "4", "--steps", "3"], rest, &["--out", model]].concat()
    };
    for (model, stepper) in [("baseline-mlp", "rk4"), ("baseline-node", "rk4"), ("baseline-lstm", "its own map")] {
        expect(path, 0, &train(model, &[]));
        let run = fs::read_to_string(path.join(model).join("run.json")).unwrap();
        assert_eq!(misfits("run", &run).unwrap(), Vec::<String>::new());
        let (stdout, _) = expect(path, 0, &["evaluate", model, "--json", "evaluation.json"]);
        assert!(stdout.contains(stepper), "{stdout}");
        let evaluation = fs::read_to_string(path.join("evaluation.json")).unwrap();
        assert_eq!(misfits("evaluate", &evaluation).unwrap(), Vec::<String>::new());
        for command in [&["export", model, "--out", "export"][..], &["inspect", model]] {
            let (_, stderr) = expect(path, 2, command);
            assert!(stderr.contains("a baseline has no energy"), "{stderr}");
        }
    }
    for (model, rest, reason) in [
        ("baseline-node", &["--scheme", "leapfrog", "--force"][..], "--scheme has no effect"),
        ("baseline-mlp", &["--loss", "rollout", "--force"], "`baseline-node`"),
        ("baseline-lstm", &["--loss", "field", "--force"], "--loss rollout"),
        ("baseline-mlp", &["--kinetic", "network", "--force"], "--kinetic has no effect"),
    ] {
        let (_, stderr) = expect(path, 2, &train(model, rest));
        assert!(stderr.contains(reason), "{stderr}");
    }
}

/// q̈ = −20 sin q + 5 u − 0.3 q̇ by small semi-implicit steps, 120 rows of 20 ms.
fn swing(path: &Path) {
    let (mut q, mut v, mut rows) = (0.1_f64, 0.0_f64, "t,q,v,u\n".to_owned());
    for time in (0..120).map(|row| 0.02 * f64::from(row)) {
        let u = (3.0 * time).sin();
        rows += &format!("{time},{q},{v},{u}\n");
        for _ in 0..20 {
            v += 1e-3 * (5.0 * u - 20.0 * q.sin() - 0.3 * v);
            q += 1e-3 * v;
        }
    }
    fs::write(path, rows).unwrap();
}

#[test]
fn a_preset_brings_its_formula_and_what_is_typed_takes_its_place_or_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    swing(&path.join("swing.csv"));
    let train = |rest: &[&'static str]| {
        let data = ["--data", "swing.csv", "--time", "t", "--q", "q", "--v", "v", "--u", "u", "--steps", "8"];
        [&["train", "--preset", "driven-pendulum", "--force", "--out", "run"], &data[..], rest].concat()
    };
    for (rest, kept) in [
        (
            &["--held-out", "0", "--input-lag", "0.01"][..],
            ["p^2/2 - w*cos(q)", "geman-mcclure", "\"input_lag\": 0.01", "\"held_out\": 0.0"],
        ),
        (
            &["--hidden", "3", "--robust", "pseudo-huber"],
            ["p^2/2 - w*cos(q)", "pseudo-huber", "\"constants\"", "\"held_out\": 0.2"],
        ),
        (
            &["--energy", "separable", "--friction", "network"],
            ["\"prior\": null", "\"prior_start\": {}", "\"network\"", "\"separable\""],
        ),
    ] {
        let (_, stderr) = expect(path, 0, &train(rest));
        assert_eq!(stderr.contains("acting 0.01 s after"), rest.contains(&"--input-lag"), "{stderr}");
        let run = fs::read_to_string(path.join("run/run.json")).unwrap();
        assert_eq!(misfits("run", &run).unwrap(), Vec::<String>::new());
        for words in kept {
            assert!(run.contains(words), "{rest:?}: no {words} in\n{run}");
        }
        let graph = fs::read_to_string(path.join("run/model.graph")).unwrap();
        assert_eq!(graph.contains("potential"), rest[0] != "--held-out", "{rest:?}");
        expect(path, 0, &["train", "--resume", "--out", "run"]);
    }
    let spring = ["train", "--system", "spring", "--out", "other"];
    for (rest, reason) in [
        (&["--robust", "geman-mcclure"][..], "--robust-from"),
        (&["--friction", "constants"], "belongs to `port`"),
        (&["--loss", "field", "--robust", "geman-mcclure"], "--loss rollout"),
    ] {
        let (_, stderr) = expect(path, 2, &[&spring, rest].concat());
        assert!(stderr.contains(reason), "{stderr}");
    }
    assert!(expect(path, 2, &train(&["--held-out", "1"])).1.contains("between 0 and 1"));
}

/// An imported energy of the corpus.
fn foreign(name: &str) -> String {
    format!("{}/corpus/files/{name}.onnx", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_bounded_optimizer_names_its_last_rewrite_and_still_passes_validation() {
    let directory = exported(&[MIXED[0], MIXED[1], "--stop-after", "0"]);
    let path = directory.path();
    let manifest = || fs::read_to_string(path.join("export/manifest.json")).unwrap();
    assert_eq!(manifest().matches("not optimized").count(), 3, "{}", manifest());
    expect(path, 0, &["validate", "export", "--engines", "reference,runtime,tract", "--samples", "16"]);
    let bounded = ["export", MIXED[0], MIXED[1], "--stop-after", "5", "--explain", "--out", "export", "--force"];
    let (stdout, stderr) = expect(path, 0, &bounded);
    assert_eq!(stdout.matches("after 5 rewrites").count(), 3, "{stdout}");
    let last =
        stdout.lines().zip(stdout.lines().skip(1)).find(|(_, next)| next.contains("after 5 rewrites")).unwrap().0;
    assert!(stderr.contains(&format!("stopped after 5 rewrite(s), the last: {}", last.trim())), "{stderr}");
    assert_eq!(misfits("manifest", &manifest()).unwrap(), Vec::<String>::new());
    expect(path, 0, &["validate", "export", "--engines", "reference,runtime,tract", "--samples", "16"]);
    // A bound that is not reached is none.
    let unbounded = ["export", MIXED[0], MIXED[1], "--stop-after", "100000", "--out", "export", "--force"];
    expect(path, 0, &unbounded);
    assert!(!manifest().contains("stopped after"), "{}", manifest());
    expect(path, 2, &["export", MIXED[0], MIXED[1], "--stop-after", "-1", "--out", "export", "--force"]);
}

#[test]
fn an_imported_energy_is_inspected_with_its_reason_its_nodes_and_its_cost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (stdout, _) = expect(path, 0, &["inspect", &foreign("transformer.dynamo"), "--text"]);
    let reason = stdout.split_once("separable           no: node ").unwrap().1;
    let (node, reason) = reason.split_once(" (`").unwrap();
    let (operator, _) = reason.split_once('`').unwrap();
    for needed in [&format!("  {node} = {operator} "), "field over energy", "B flash", "workspace", "nodes of `field`:"]
    {
        assert!(stdout.contains(needed), "`{needed}` is missing:\n{stdout}");
    }
    // A state in two inputs: without their names it is only counted.
    let two = foreign("two_inputs.script");
    assert!(!expect(path, 0, &["inspect", &two]).0.contains("separable"));
    let named = ["inspect", &two, "--q", "q", "--p", "p"];
    let (stdout, _) = expect(path, 0, &named);
    assert!(stdout.contains("degrees of freedom  2") && stdout.contains("separable"), "{stdout}");
    let (json, _) = expect(path, 0, &[&named[..], &["--json"]].concat());
    assert_eq!(misfits("inspect", &json).unwrap(), Vec::<String>::new());
    let (_, stderr) = expect(path, 2, &["inspect", &two, "--q", "position", "--p", "p"]);
    assert!(stderr.contains("position"), "{stderr}");
    expect(path, 2, &["inspect", &two, "--q", "q"]);
    expect(path, 2, &["inspect", &two, "--text", "--json"]);
}

#[test]
fn names_of_inputs_are_refused_where_there_are_none() {
    let directory = exported(&SPRING);
    for subject in ["export", "export/model.hnn"] {
        let (_, stderr) = expect(directory.path(), 2, &["inspect", subject, "--q", "q", "--p", "p"]);
        assert!(stderr.contains("--q and --p"), "{stderr}");
    }
}

#[test]
fn formats_readers_and_graphs_are_chosen_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let export = |more: &[&'static str]| {
        let spring = ["export", SPRING[0], SPRING[1], "--out", "export", "--force"];
        [&spring[..], more].concat()
    };
    expect(path, 0, &export(&["--precision", "f64", "--graphs", "hessian,rollout,field"]));
    for (name, written) in [("hessian", true), ("rollout", true), ("field", true), ("step", false)] {
        assert_eq!(path.join(format!("export/{name}.onnx")).is_file(), written, "{name}");
    }
    // A rollout is inspected as the step it repeats.
    let (stdout, _) = expect(path, 0, &["inspect", "export/rollout.onnx"]);
    assert!(stdout.contains("operators"), "{stdout}");
    let (_, stderr) = expect(path, 0, &export(&["--profile", "st"]));
    assert!(stderr.contains("fixed at 1"), "{stderr}");
    for (wrong, named) in [
        (&["--graphs", "gradient"][..], "hvp"),
        (&["--precision", "bf16"], "f16"),
        (&["--profile", "cube"], "st"),
        (&["--profile", "st", "--batch", "dynamic"], "--batch"),
        (&["--profile", "st", "--precision", "f16"], "f16"),
        (&["--batch", "0"], "--batch 0"),
        (&["--opset", "12"], "13"),
    ] {
        let (_, stderr) = expect(path, 2, &export(wrong));
        assert!(stderr.contains(named), "{wrong:?}: {stderr}");
    }
    let (help, _) = expect(path, 0, &["export", "--help"]);
    assert!(help.contains("--stop-after") && help.contains("second derivatives of H times v"), "{help}");
}

#[test]
fn an_imported_energy_is_exported_with_a_warning_where_its_force_jumps() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["export", &foreign("charged_particle.script"), "--out", "export"];
    let (_, stderr) = expect(directory.path(), 0, &arguments);
    assert!(stderr.contains("warning: Where") && stderr.contains("discontinuous"), "{stderr}");
}
