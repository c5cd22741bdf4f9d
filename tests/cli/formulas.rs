//! What is given as formulas: energies with constraints, momenta for the device, priors with known and unknown numbers.

use std::fs;

use hnn_conformance::misfits;

use super::{expect, exported};

/// A rod pendulum of mass 2 in the plane; its energy at the start of the tests is ½ p²/m − m g = −9.81·2 + 0.25.
const ROD: [&str; 8] = [
    "--hamiltonian",
    "(p1^2+p2^2)/(2*m) + m*g*q2",
    "--constraint",
    "q1^2 + q2^2 - l^2",
    "--set=m=2",
    "--set=g=9.81",
    "--set=l=1",
    "--dt=0.01",
];

#[test]
fn a_formula_with_a_constraint_is_stepped_on_it_and_passes_validation() {
    let directory = exported(&ROD);
    let place = directory.path();
    expect(place, 0, &["validate", "export", "--engines", "reference,runtime,tract"]);
    let manifest = fs::read_to_string(place.join("export/manifest.json")).unwrap();
    assert!(misfits("manifest", &manifest).unwrap().is_empty());
    assert!(manifest.contains("\"scheme\": \"rattle\"") && manifest.contains("q1^2 + q2^2 - l^2"), "{manifest}");
    expect(place, 0, &["simulate", "export", "--x0", "0,-1,1,0", "--steps", "500", "--out", "swing.csv"]);
    let table = fs::read_to_string(place.join("swing.csv")).unwrap();
    let mut farthest = 0.0f64;
    for line in table.lines().skip(1) {
        let row: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let [_, q1, q2, p1, p2, energy] = row[..] else { panic!("{line}") };
        assert!((q1 * q1 + q2 * q2 - 1.0).abs() < 1e-6 && (q1 * p1 + q2 * p2).abs() < 1e-5, "{line}");
        assert!((energy - (0.25 - 2.0 * 9.81)).abs() < 1e-3, "{line}");
        farthest = farthest.max(q1.atan2(-q2));
    }
    // It turns where all of ½ p²/m has become m g (1 − cos φ).
    let turning = (1.0 - 0.25 / (2.0 * 9.81f64)).acos();
    assert!((farthest - turning).abs() < 1e-3, "{farthest}, not {turning}");
}

#[test]
fn constraints_that_mean_nothing_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], named: &str| {
        let all = [&["export", "--out", "export"][..], arguments].concat();
        let (_, stderr) = expect(directory.path(), 2, &all);
        assert!(stderr.contains(named), "{arguments:?}: {stderr}");
    };
    let planar = ["--hamiltonian", "(p1^2+p2^2)/2 + q2", "--constraint"];
    refused(&[&planar[..], &["q1^2 + p2^2 - 1"]].concat(), "p2");
    refused(&[&planar[..], &["q1^2 + q3^2 - 1"]].concat(), "q3");
    refused(&[&planar[..], &["q1^2 + q2^2 - l"]].concat(), "`l`");
    refused(&[&planar[..], &["q1^2 + q2^2 - 1", "--scheme", "leapfrog"]].concat(), "rattle");
    refused(&["run.onnx", "--constraint", "q1"], "--hamiltonian");
}

#[test]
fn the_momentum_of_a_velocity_is_exported_for_the_device_and_compared() {
    let linked = ["--hamiltonian", "((2 + cos(q2))*p1^2 + p1*p2 + p2^2)/2 - 4*cos(q1)"];
    let graphs = ["--graphs", "hamiltonian,field,step,velocity,momentum"];
    let directory = exported(&[&linked[..], &graphs].concat());
    let place = directory.path();
    let validate = ["validate", "export", "--engines", "reference,runtime,tract", "--json", "report.json"];
    let (stdout, _) = expect(place, 0, &validate);
    assert!(stdout.contains("momenta of velocities") && !stdout.contains("not compared"), "{stdout}");
    let read = |name: &str| fs::read_to_string(place.join(name)).unwrap();
    let (whole, _) = expect(place, 0, &["inspect", "export", "--json"]);
    let (function, _) = expect(place, 0, &["inspect", "export/momentum.hnn", "--json"]);
    let outputs = [
        ("manifest", read("export/manifest.json")),
        ("validate", read("report.json")),
        ("inspect", whole),
        ("inspect", function),
    ];
    for (schema, output) in outputs {
        let wrong = misfits(schema, &output).unwrap();
        assert!(wrong.is_empty(), "{schema}: {}", wrong.join("\n"));
    }
    let (stdout, _) = expect(place, 0, &["inspect", "export/momentum.hnn"]);
    assert!(stdout.contains("arguments [4] -> results [2]"), "{stdout}");

    let functions = exported(&[&linked[..], &["--emit", "blob", "--graphs", "momentum"]].concat());
    let mut names: Vec<_> =
        fs::read_dir(functions.path().join("export")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["manifest.json", "model.hnn", "momentum.hnn"]);
}

#[test]
fn known_numbers_of_a_prior_are_held_and_unknown_ones_are_learned_and_shown() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    // The system is p² + 3(1 − cos q).
    let prior =
        ["--model", "hybrid", "--prior", "p^2/(2*I) + w*(1 - cos(q))", "--fit-parameters", "w=2", "--hidden", "0"];
    let data = ["--system", "pendulum", "--noise", "0", "--trajectories", "5", "--fit", "lbfgs", "--loss", "field"];
    let train = |settings: &[&str], run: &str, code: i32| {
        let arguments = [&["train", "--out", run][..], &prior, &data, settings].concat();
        expect(place, code, &arguments)
    };
    train(&["--set", "I=0.5"], "true", 0);
    let (shown, _) = expect(place, 0, &["inspect", "true"]);
    let (json, _) = expect(place, 0, &["inspect", "true", "--json"]);
    assert!(misfits("inspect", &json).unwrap().is_empty());
    assert!(shown.contains("learned numbers     w = 3.000"), "{shown}");
    assert!(misfits("run", &fs::read_to_string(place.join("true/run.json")).unwrap()).unwrap().is_empty());
    // The known number is in the model as it was given, whatever the data say.
    train(&["--set", "I=0.8"], "held", 0);
    for (run, inverse_mass) in [("true", 2.0), ("held", 1.25)] {
        let (json, _) = expect(place, 0, &["inspect", run, "--json"]);
        let found: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(found["separability"]["inverse_mass"], serde_json::json!([[inverse_mass]]), "{run}");
    }

    let (_, stderr) = train(&["--set", "I=0.5", "--set", "J=1"], "none", 2);
    assert!(stderr.contains('J'), "{stderr}");
    let (_, stderr) = train(&["--set", "I=0.5", "--set", "w=3"], "none", 2);
    assert!(stderr.contains('w'), "{stderr}");
    let (_, stderr) =
        expect(place, 2, &["train", "--data", "x.csv", "--q", "q", "--p", "p", "--set", "I=1", "--out", "none"]);
    assert!(stderr.contains("--set I"), "{stderr}");
    assert!(!place.join("none").exists());
}
