//! Recordings of a real arm of two links: a learned port-Hamiltonian model and a grey box fitted to the same two files predict
//! the third open loop.
//!
//! The recordings are those of the DFKI double pendulum; they lie outside the repository, and where they are absent the test says
//! so and passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::{Path, PathBuf};
use std::process::Command;

use hnn_conformance::repository;
use hnn_trainer::data::{MissingPolicy, Momentum, Selection, read};
use hnn_trainer::evaluate::{Evaluation, TwoLink, WindowMetrics, windows};

const FILES: [&str; 3] = ["sys_id_00.csv", "sys_id_01.csv", "sys_id_02.csv"];
/// Length of a prediction, s.
const WINDOW_S: f64 = 0.25;

fn recordings() -> Option<Vec<PathBuf>> {
    let folder = repository().parent()?.join("shared/data/dfki-double-pendulum");
    folder.is_dir().then(|| FILES.map(|file| folder.join(file)).to_vec())
}

fn columns(name: &str) -> Vec<String> {
    [1, 2].map(|joint| format!("{name}_meas{joint}")).to_vec()
}

/// Fits the grey box to two files and predicts the third.
fn grey_box(files: &[PathBuf]) -> WindowMetrics {
    let selection = Selection {
        q: columns("pos"),
        momentum: Momentum::Velocity(columns("vel")),
        u: columns("tau"),
        time: Some("time".to_owned()),
        trajectory: None,
        derivative: None,
        missing: MissingPolicy::Refuse,
    };
    let data = |files: &[PathBuf]| read(files, &selection).unwrap().data;
    let fit = TwoLink::fit(&data(&files[..2])).unwrap();
    println!("{:?}", fit.grey_box);
    windows(&data(&files[2..]), &mut fit.grey_box.clone(), WINDOW_S).unwrap()
}
