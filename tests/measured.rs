//! Learning from what was measured: positions and velocities of a linkage, and positions alone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use hnn_conformance::misfits;
use hnn_trainer::evaluate::{EquilibriumKind, Evaluation, Predictor, TwoLink};

fn hnn(directory: &Path, arguments: &[&str]) -> String {
    let run =
        Command::new(env!("CARGO_BIN_EXE_hnn-under-test")).current_dir(directory).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "hnn {arguments:?}\n{said}");
    said
}

fn evaluated(directory: &Path, arguments: &[&str]) -> Evaluation {
    hnn(directory, &[&["evaluate"], arguments, &["--json", "evaluation.json"]].concat());
    let text = fs::read_to_string(directory.join("evaluation.json")).unwrap();
    assert_eq!(misfits("evaluate", &text).unwrap(), Vec::<String>::new());
    serde_json::from_str(&text).unwrap()
}

/// Two links whose mass matrix varies by half of itself, without friction.
const ARM: TwoLink = TwoLink {
    inertia: [0.132, 0.024, 0.036, 0.024],
    gravity: [3.53, 1.18],
    viscous: [0.0; 2],
    coulomb: [0.0; 2],
    offset: [0.0; 2],
};

/// Motions of the arm from rest at other angles: time, motion, q, v and the accelerations.
fn arm_motions(starts: &[[f64; 2]], rows: usize) -> String {
    let mut text = "t,motion,q1,q2,v1,v2,a1,a2\n".to_owned();
    let after = |x: &[f64], dt: f64| {
        let mut x = x.to_vec();
        ARM.clone().step(&mut x, &[0.0, 0.0], &[dt]).unwrap();
        x
    };
    for (motion, start) in starts.iter().enumerate() {
        let mut x = vec![start[0], start[1], 0.0, 0.0];
        for row in 0..rows {
            let (before, behind) = (after(&x, -1e-5), after(&x, 1e-5));
            let acceleration = [2, 3].map(|at| (behind[at] - before[at]) / 2e-5);
            let time = 0.01 * row as f64;
            writeln!(
                text,
                "{time},{motion},{},{},{},{},{},{}",
                x[0], x[1], x[2], x[3], acceleration[0], acceleration[1]
            )
            .unwrap();
            x = after(&x, 0.01);
        }
    }
    text
}

#[test]
fn velocities_of_a_linkage_are_learned_evaluated_and_exported_with_the_way_to_its_momenta() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let starts =
        [[1.0, 0.4], [-0.8, 1.2], [0.3, -1.5], [1.3, -0.6], [-1.2, -1.0], [0.6, 1.6], [0.9, -1.1], [-0.4, 0.7]];
    fs::write(path.join("train.csv"), arm_motions(&starts, 150)).unwrap();
    fs::write(path.join("test.csv"), arm_motions(&[[0.7, 0.9], [-1.0, 0.2]], 201)).unwrap();
    let train = [
        "train",
        "--data",
        "train.csv",
        "--time",
        "t",
        "--trajectory",
        "motion",
        "--q",
        "q1,q2",
        "--v",
        "v1,v2",
        "--dp",
        "a1,a2",
        "--angle",
        "q1,q2",
    ];
    let said = hnn(path, &[&train[..], &["--out", "run"]].concat());
    assert!(said.contains("mass matrix that is learned"), "{said}");
    let rmse = |run: &str| {
        let evaluation = evaluated(path, &[run, "--data", "test.csv", "--window", "1"]);
        evaluation.recordings[0].metrics.rmse.unwrap()
    };
    let found = rmse("run");
    // A constant mass matrix is learned as well as it can be.
    hnn(
        path,
        &[&train[..], &["--model", "separable", "--fit", "lbfgs", "--steps", "300", "--out", "constant"]].concat(),
    );
    let control = rmse("constant");
    println!("open loop over 1 s: {found:.2e} rad, with a constant mass matrix {control:.2e}");
    assert!(found < 0.05 && control > 5.0 * found, "{found:e}, {control:e}");

    hnn(path, &["export", "run", "--out", "export"]);
    for file in ["momentum.onnx", "velocity.onnx", "step.onnx"] {
        assert!(path.join("export").join(file).is_file(), "{file}");
    }
    hnn(path, &["validate", "export", "--engines", "reference,runtime,tract"]);
}

#[test]
fn positions_alone_give_the_frequency_of_an_oscillator() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut text = "t,motion,q\n".to_owned();
    for motion in 0..8 {
        let (amplitude, phase) = (0.5 + 0.1 * f64::from(motion), 0.7 * f64::from(motion));
        for row in 0..45 {
            let t = 0.1 * f64::from(row);
            writeln!(text, "{t},{motion},{}", amplitude * (2.0 * t + phase).cos()).unwrap();
        }
    }
    fs::write(path.join("positions.csv"), text).unwrap();
    let train = ["train", "--data", "positions.csv", "--time", "t", "--trajectory", "motion", "--q", "q"];
    let said = hnn(path, &[&train[..], &["--out", "run"]].concat());
    assert!(said.contains("differences of positions"), "{said}");
    let evaluation = evaluated(path, &["run", "--window", "2"]);
    let structure = evaluation.structure.unwrap();
    let rest = structure.equilibria.iter().find(|one| one.kind == EquilibriumKind::Minimum).unwrap();
    println!("{:?}, RMSE {:?}", rest.frequencies_rad_s, evaluation.recordings[0].metrics.rmse);
    assert!((rest.frequencies_rad_s[0] - 2.0).abs() < 0.02, "{:?}", rest.frequencies_rad_s);
    hnn(path, &["export", "run", "--out", "export"]);
}
