//! What is given as formulas: momenta for the device.

use std::fs;

use hnn_conformance::misfits;

use super::{expect, exported};

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
