//! The published way of training, in PyTorch, on the same data: `tests/reference/hnn_torch.py`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use hnn_trainer::data::Dataset;
use hnn_trainer::system::{self, Settings};
use serde::{Deserialize, Serialize};

use super::process::measured;
use super::task::Reference;
use crate::repository;

/// What the script says of one training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// CPU seconds of the loop: not of starting Python, reading data, or building the network.
    pub cpu_s: f64,
    /// The part of them that the loss on held-out data took, after every step as published.
    pub judging_cpu_s: f64,
    /// Seconds of the loop.
    pub wall_s: f64,
    /// Mean squared error of the last batch, in units of the data.
    pub loss: f64,
    /// That of held-out data.
    pub held_out_loss: f64,
    /// Version of PyTorch.
    pub torch: String,
    /// Threads it used.
    pub threads: u32,
}

/// Trains the published network on the published data of a system, the very rows that `hnn train` makes from this seed.
///
/// # Errors
/// Where the script fails, or prints something else than agreed.
pub fn train(python: &Path, name: &str, reference: Reference, seed: u64, folder: &Path) -> Result<Trained> {
    let named = system::find(name)?;
    let made = system::generate(named, &Settings::new(), &named.reference, seed)?;
    let (train, held_out) = (folder.join("train.csv"), folder.join("held_out.csv"));
    std::fs::write(&train, rows(&made.train)?)?;
    std::fs::write(&held_out, rows(&made.held_out)?)?;
    let script = repository().join("tests/reference/hnn_torch.py");
    let mut arguments = vec![script.into_os_string(), train.into(), held_out.into()];
    let options = [("--steps", reference.steps.to_string()), ("--weight-decay", reference.weight_decay.to_string())];
    let batch = reference.batch.map(|batch| ("--batch", batch.to_string()));
    for (option, value) in options.into_iter().chain(batch).chain([("--seed", seed.to_string())]) {
        arguments.extend([option.into(), value.into()]);
    }
    let (printed, _) = measured(python, arguments)?;
    let last = printed.lines().last().unwrap_or_default();
    serde_json::from_str(last).with_context(|| format!("the reference printed `{last}`"))
}

/// One row per state: x, then its derivative.
fn rows(data: &Dataset) -> Result<String> {
    let (rows, width) = (data.rows(), 2 * data.dof);
    let dx = rows.dx.context("published data come with derivatives")?;
    let mut text = String::new();
    for (x, dx) in rows.x.chunks_exact(width).zip(dx.chunks_exact(width)) {
        let line: Vec<String> = x.iter().chain(dx).map(f64::to_string).collect();
        writeln!(text, "{}", line.join(","))?;
    }
    Ok(text)
}
