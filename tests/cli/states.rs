//! `hnn simulate` with the kinds of states and the explicit schemes.

use std::fs;

use super::{MIXED, SPRING, expect, exported};

const PENDULUM: [&str; 2] = ["--hamiltonian", "p^2/2 + 1 - cos(q)"];

/// Energies in the order of time.
fn energies(table: &str) -> Vec<f64> {
    table.lines().skip(1).map(|line| line.split(',').nth(3).unwrap().parse().unwrap()).collect()
}

#[test]
fn leapfrog_on_a_mixed_energy_is_refused_with_reason_and_remedies() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["export", MIXED[0], MIXED[1], "--scheme", "leapfrog", "--out", "export"];
    let (_, stderr) = expect(directory.path(), 2, &arguments);
    assert!(stderr.contains("midpoint") && stderr.contains("separable"), "{stderr}");
    assert!(!directory.path().join("export").exists(), "a refused export left something behind");

    let directory = exported(&[MIXED[0], MIXED[1], "--scheme", "midpoint"]);
    let simulate = ["simulate", "export", "--x0", "1,0,0,1", "--steps", "5", "--scheme", "leapfrog", "--out", "o.csv"];
    let (_, stderr) = expect(directory.path(), 2, &simulate);
    assert!(stderr.contains("midpoint"), "{stderr}");
    assert!(!directory.path().join("o.csv").exists());
}

#[test]
fn a_trajectory_has_a_row_per_step_and_takes_negative_starts() {
    let directory = exported(&SPRING);
    let simulate = ["simulate", "export", "--x0", "-1,-0.5", "--dt", "0.125", "--steps", "16", "--out", "orbit.csv"];
    expect(directory.path(), 0, &simulate);
    let orbit = fs::read_to_string(directory.path().join("orbit.csv")).unwrap();
    let lines: Vec<&str> = orbit.lines().collect();
    assert_eq!(lines.len(), 1 + 17, "{orbit}");
    assert!(lines[1].starts_with("0,-1,-0.5,") || lines[1].starts_with("0.0,-1.0,-0.5,"), "{}", lines[1]);
}

#[test]
fn states_of_every_kind_are_simulated_and_lose_less_the_better_they_are() {
    let directory = exported(&PENDULUM);
    let place = directory.path();
    let spread = |kind: &str| {
        let file = format!("{kind}.csv");
        let simulate = [
            "simulate", "export", "--x0", "1,0", "--dt", "0.001", "--steps", "200000", "--state", kind, "--out", &file,
        ];
        expect(place, 0, &simulate);
        let energies = energies(&fs::read_to_string(place.join(&file)).unwrap());
        assert_eq!(energies.len(), 200_001);
        // Means over the first and the last hundred seconds: leapfrog's own error swings, and is the same in both.
        let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
        (mean(&energies[..100_000]) - mean(&energies[100_000..])).abs()
    };
    let [plain, compensated, lattice] = ["f32", "compensated", "lattice"].map(spread);
    println!("mean energy moves by {plain:.1e} in f32, {compensated:.1e} compensated, {lattice:.1e} on the lattice");
    assert!(compensated < 0.5 * plain && lattice < 0.5 * plain, "{plain:e} {compensated:e} {lattice:e}");
}

#[test]
fn states_that_need_an_explicit_scheme_and_schemes_that_need_a_quadratic_energy_say_so() {
    let directory = exported(&PENDULUM);
    let place = directory.path();
    const START: [&str; 8] = ["simulate", "export", "--x0", "1,0", "--steps", "3", "--out", "o.csv"];
    let run = |more: &[&'static str]| [&START[..], more].concat();
    for scheme in ["position-verlet", "symplectic-euler", "yoshida6", "mclachlan-atela4", "blanes-moan4"] {
        expect(place, 0, &run(&["--scheme", scheme, "--state", "lattice"]));
    }
    assert!(expect(place, 2, &run(&["--scheme", "midpoint", "--state", "lattice"])).1.contains("explicit"));
    assert!(
        expect(
            place,
            2,
            &["simulate", "export", "--x0", "5e9,0", "--steps", "3", "--state", "lattice", "--out", "o.csv"]
        )
        .1
        .contains("lattice")
    );
    let quartic = ["export", "--hamiltonian", "p^4/4 + q^2", "--out", "quartic", "--scheme", "mclachlan-atela4"];
    assert!(expect(place, 2, &quartic).1.contains("quadratic"));
    expect(place, 0, &["export", "--hamiltonian", "p^4/4 + q^2", "--out", "quartic", "--scheme", "blanes-moan4"]);
    expect(place, 0, &["validate", "quartic", "--engines", "reference,runtime,tract"]);
    let (_, stderr) = expect(
        place,
        2,
        &["simulate", "quartic", "--x0", "1,0", "--steps", "3", "--scheme", "mclachlan-atela4", "--out", "o.csv"],
    );
    assert!(stderr.contains("quadratic"), "{stderr}");
}

#[test]
fn schemes_for_mixed_energies_are_exported_validated_and_simulated() {
    for (scheme, more, inspected) in [
        ("stormer-verlet", &["--iterations", "8"][..], "stormer-verlet, 8 iterations"),
        ("tao2", &["--omega", "5"][..], "tao2, ω = 5/s"),
        ("tao4", &[][..], "tao4, ω = 10/s"),
    ] {
        let directory = exported(&[&MIXED[..], &["--scheme", scheme, "--dt", "0.02"], more].concat());
        let place = directory.path();
        expect(place, 0, &["validate", "export", "--engines", "reference,runtime,tract"]);
        let (report, _) = expect(place, 0, &["inspect", "export"]);
        assert!(report.contains(inspected), "{report}");
        expect(place, 0, &["simulate", "export", "--x0", "1,0,0,1", "--steps", "5000", "--out", "o.csv"]);
        let table = fs::read_to_string(place.join("o.csv")).unwrap();
        assert_eq!(table.lines().next(), Some("t,q1,q2,p1,p2,H"));
        let energies: Vec<f64> =
            table.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
        let spread = energies.iter().map(|energy| (energy - energies[0]).abs()).fold(0.0, f64::max);
        assert!(spread < 1e-3, "{scheme}: {spread:e}");
    }
}

#[test]
fn a_binding_where_there_is_one_state_and_a_doubled_state_in_training_are_refused() {
    let directory = exported(&[MIXED[0], MIXED[1], "--scheme", "tao2"]);
    let place = directory.path();
    const RUN: [&str; 8] = ["simulate", "export", "--x0", "1,0,0,1", "--steps", "3", "--out", "o.csv"];
    let run = |more: &[&'static str]| expect(place, 2, &[&RUN[..], more].concat()).1;
    assert!(run(&["--scheme", "midpoint", "--omega", "5"]).contains("--omega has no effect"));
    assert!(run(&["--omega", "0"]).contains("positive"));
    assert!(run(&["--state", "lattice"]).contains("explicit"));
    let export = ["export", MIXED[0], MIXED[1], "--scheme", "midpoint", "--omega", "5", "--out", "other"];
    assert!(expect(place, 2, &export).1.contains("one state"));
    let train = ["train", "--system", "pendulum", "--loss", "rollout", "--scheme", "tao2", "--out", "run"];
    let (_, stderr) = expect(place, 2, &train);
    assert!(stderr.contains("two copies") && stderr.contains("stormer-verlet"), "{stderr}");
}
