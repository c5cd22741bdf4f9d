//! `hnn export --weights q15`: a learned energy in fixed point, what its manifest says, and what is refused.

use std::fs;

use hnn_conformance::misfits;

use super::{SPRING, expect};

#[test]
fn a_trained_pendulum_in_fixed_point_is_measured_validated_and_stepped_on_the_lattice() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    expect(place, 0, &["train", "--system", "pendulum", "--model", "separable", "--seed", "0", "--out", "run"]);
    let (stdout, _) = expect(place, 0, &["export", "run", "--weights", "q15", "--out", "export"]);
    assert!(stdout.contains("it is no gradient") && stdout.contains("1000000 steps on lattice states"), "{stdout}");
    let manifest = fs::read_to_string(place.join("export/manifest.json")).unwrap();
    let wrong = misfits("manifest", &manifest).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let record = &manifest["quantization"];
    let error = record["field_error_rms"].as_f64().unwrap();
    assert!(error > 1e-6 && error < 0.005, "{record}");
    assert_eq!((record["is_gradient"].as_bool(), record["weights"].as_str()), (Some(false), Some("q15")));
    expect(place, 0, &["validate", "export", "--engines", "reference,runtime"]);
    let simulate = ["simulate", "export", "--x0", "1,0", "--steps", "100", "--state", "lattice", "--out", "orbit.csv"];
    expect(place, 0, &simulate);
    let source = ["export", "run", "--weights", "q15", "--emit", "blob,rust", "--out", "source"];
    let (_, stderr) = expect(place, 2, &source);
    assert!(stderr.contains("q15") && stderr.contains("--emit") && !place.join("source").exists(), "{stderr}");
    expect(place, 0, &["export", "run", "--out", "plain"]);
    let plain = fs::read_to_string(place.join("plain/manifest.json")).unwrap();
    assert!(!plain.contains("quantization"), "an f32 program has nothing to confess");
}

#[test]
fn an_energy_without_a_network_is_refused_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["export", SPRING[0], SPRING[1], "--weights", "q15", "--out", "export"];
    let (_, stderr) = expect(directory.path(), 2, &arguments);
    assert!(stderr.contains("no network") && stderr.contains("--weights f32"), "{stderr}");
    assert!(!directory.path().join("export").exists());
}
