//! A run directory: everything a training was asked, saw and learned.
//!
//! | file | what |
//! |---|---|
//! | `run.json` | model or the file it began as, loss, optimiser and source of the data ([`Config`]) |
//! | `data.json` | names, units and samples of the training data ([`DataSummary`]) |
//! | `model.graph` | the model's graph with parameters, as text |
//! | `parameters.safetensors` | the best weights |
//! | `checkpoint.safetensors` | all it takes to go on |
//! | `metrics.jsonl` | one [`Report`] per judgement |
//! | `noise.json` | noise in the data, before and after training ([`NoiseReport`]) |
//!
//! Every file but the metrics appears by rename; a directory that holds anything is not touched unless forced. This module knows
//! no terminal.

mod noise;
mod origin;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hnn_exporter::dynamics::{DynamicsError, Model};
use hnn_exporter::graph::Graph;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::architecture::{self, Architecture, Linear};
use crate::checkpoint::{self, Checkpoint, CheckpointError, write_atomically};
use crate::fit::{self, Observer, Report};
use crate::learned::Learned;
use crate::loss;

pub use noise::NoiseReport;
pub use origin::{Imported, Origin};
pub use summary::{DataSummary, MomentsSummary, fingerprint};

/// Version of the layout of `run.json` and `data.json`.
pub const VERSION: u32 = 1;
/// Longest JSON or graph file that is read.
pub const MAX_TEXT_BYTES: u64 = 1 << 28;

const CONFIG: &str = "run.json";
const DATA: &str = "data.json";
const GRAPH: &str = "model.graph";
const PARAMETERS: &str = "parameters.safetensors";
const CHECKPOINT: &str = "checkpoint.safetensors";
const METRICS: &str = "metrics.jsonl";
const NOISE: &str = "noise.json";
const FILES: [&str; 7] = [CONFIG, DATA, GRAPH, PARAMETERS, CHECKPOINT, METRICS, NOISE];

/// Why a run cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The directory is taken.
    #[error("{} exists and is not empty; `--resume` continues a run, `--force` replaces it", .0.display())]
    Exists(PathBuf),
    /// Not a run.
    #[error("{} is no run: it has no {CONFIG}", .0.display())]
    NotARun(PathBuf),
    /// Forcing would remove files that no run wrote.
    #[error("{} holds `{}`, which no run wrote; it is not replaced", path.display(), file)]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// A file in it.
        file: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file of tensors.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The graph is no model.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
}

/// What a training was asked to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Layout of this file.
    pub version: u32,
    /// The model.
    pub model: Origin,
    /// The loss.
    pub loss: loss::Settings,
    /// The optimiser.
    pub fit: fit::Settings,
    /// Where the data come from, in the words of whoever read them, who can read them again.
    pub source: serde_json::Value,
}

/// A run directory that exists.
#[derive(Debug, Clone)]
pub struct Run {
    path: PathBuf,
}

/// Whether a path is a run directory.
#[must_use]
pub fn is_run(path: &Path) -> bool {
    path.join(CONFIG).is_file()
}

/// Opens a run.
///
/// # Errors
/// [`RunError::NotARun`].
pub fn open(path: &Path) -> Result<Run, RunError> {
    if is_run(path) { Ok(Run { path: path.to_owned() }) } else { Err(RunError::NotARun(path.to_owned())) }
}

/// Makes a run directory with its configuration, data summary, graph and initial weights.
///
/// # Errors
/// [`RunError::Exists`] where it holds anything and `force` is not set, [`RunError::Foreign`] where it holds what no run wrote.
pub fn create(
    path: &Path,
    config: &Config,
    data: &DataSummary,
    architecture: &Architecture,
    force: bool,
) -> Result<Run, RunError> {
    let at = |source: io::Error| RunError::Io { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(at)?;
    let present: Vec<String> = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect())
        .map_err(at)?;
    if !present.is_empty() && !force {
        return Err(RunError::Exists(path.to_owned()));
    }
    if let Some(file) = present.iter().find(|file| !FILES.contains(&file.as_str())) {
        return Err(RunError::Foreign { path: path.to_owned(), file: file.clone() });
    }
    // The configuration goes first and comes last: without it the directory is no run.
    for file in FILES.iter().filter(|file| present.iter().any(|known| known == *file)) {
        fs::remove_file(path.join(file)).map_err(at)?;
    }
    let run = Run { path: path.to_owned() };
    run.write_json(DATA, data)?;
    run.write(GRAPH, architecture.model.graph().to_string().as_bytes())?;
    checkpoint::save_parameters(&path.join(PARAMETERS), &architecture.initial, config.fit.precision)?;
    run.write_json(CONFIG, config)?;
    Ok(run)
}

/// Whether a directory holds nothing but what a run writes, so that it may be replaced.
pub(crate) fn check_removable(path: &Path) -> Result<(), RunError> {
    let at = |source: io::Error| RunError::Io { path: path.to_owned(), source };
    for entry in fs::read_dir(path).map_err(at)? {
        let file = entry.map_err(at)?.file_name().to_string_lossy().into_owned();
        if !FILES.contains(&file.as_str()) {
            return Err(RunError::Foreign { path: path.to_owned(), file });
        }
    }
    Ok(())
}

impl Run {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was asked.
    ///
    /// # Errors
    /// [`RunError::Content`] where the file is damaged or of another version.
    pub fn config(&self) -> Result<Config, RunError> {
        self.read_json(CONFIG)
    }

    /// What the training data look like.
    ///
    /// # Errors
    /// As [`Run::config`].
    pub fn data(&self) -> Result<DataSummary, RunError> {
        self.read_json(DATA)
    }

    /// Replaces what the training data look like: their momenta change with the masses that are learned.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn save_data(&self, data: &DataSummary) -> Result<(), RunError> {
        self.write_json(DATA, data)
    }

    /// Keeps what is known of the noise in the training data.
    ///
    /// # Errors
    /// [`RunError::Io`].
    pub fn save_noise(&self, report: &NoiseReport) -> Result<(), RunError> {
        self.write_json(NOISE, report)
    }

    /// The noise in the training data, once training has ended.
    ///
    /// # Errors
    /// As [`Run::config`].
    pub fn noise(&self) -> Result<NoiseReport, RunError> {
        self.read_json(NOISE)
    }

    /// The energy with the best weights bound.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault, or saying that a baseline has no energy.
    pub fn model(&self) -> Result<Model, RunError> {
        Ok(self.learned()?.hamiltonian()?.clone())
    }

    /// What was learned, energy or baseline, with the best weights bound.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault.
    pub fn learned(&self) -> Result<Learned, RunError> {
        let Architecture { model, initial: best, .. } = self.architecture()?;
        Ok(model.bind(&|name| best.get(name).cloned())?)
    }

    /// The model with its parameters free, and the best weights so far: the initial ones, before the first checkpoint.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault.
    pub fn architecture(&self) -> Result<Architecture, RunError> {
        let initial = checkpoint::load_parameters(&self.path.join(PARAMETERS))?;
        let graph = Graph::parse(&self.read(GRAPH)?).map_err(|error| self.content(GRAPH, error.to_string()))?;
        let model = Learned::new(graph)?;
        if let Some((name, _)) = model.graph().parameters().iter().find(|(name, _)| !initial.contains_key(*name)) {
            return Err(self.content(PARAMETERS, format!("it has no tensor `{name}`")));
        }
        Ok(Architecture { model, initial, linear: Linear::default() })
    }

    /// The unknown numbers of a formula, by name, as the best weights have them; nothing for a model without a formula.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault.
    pub fn unknowns(&self) -> Result<BTreeMap<String, f64>, RunError> {
        let Origin::Named(settings) = self.config()?.model else { return Ok(BTreeMap::new()) };
        Ok(architecture::unknowns(&settings, &self.architecture()?.initial))
    }

    /// The state of an unfinished training, if it came that far.
    ///
    /// # Errors
    /// [`RunError::Checkpoint`].
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, RunError> {
        let path = self.path.join(CHECKPOINT);
        if path.is_file() { Ok(Some(Checkpoint::load(&path)?)) } else { Ok(None) }
    }

    /// Reports so far, first to last.
    ///
    /// # Errors
    /// [`RunError::Content`] naming the line at fault.
    pub fn metrics(&self) -> Result<Vec<Report>, RunError> {
        let text = if self.path.join(METRICS).is_file() { self.read(METRICS)? } else { String::new() };
        let parse = |(line, text): (usize, &str)| {
            serde_json::from_str(text).map_err(|error| self.content(METRICS, format!("line {}: {error}", line + 1)))
        };
        text.lines().enumerate().map(parse).collect()
    }

    /// Writes checkpoints, best weights and metrics as training goes, then tells `next`.
    ///
    /// Metrics after the step of `resumed` are dropped: those steps are taken again.
    ///
    /// # Errors
    /// [`RunError`] where the metrics cannot be rewritten.
    pub fn recorder<'a>(
        &'a self,
        resumed: Option<&Checkpoint>,
        next: &'a mut dyn Observer,
    ) -> Result<Recorder<'a>, RunError> {
        let precision = self.config()?.fit.precision;
        let last = resumed.map_or(0, |checkpoint| checkpoint.step);
        // A line that was cut short by a crash is dropped; its step lies after the checkpoint or is taken again.
        let text = if self.path.join(METRICS).is_file() { self.read(METRICS)? } else { String::new() };
        let mut kept = String::new();
        for report in text.lines().filter_map(|line| serde_json::from_str::<Report>(line).ok()) {
            if report.step <= last {
                kept.push_str(&to_line(&report).map_err(|error| self.content(METRICS, error.to_string()))?);
            }
        }
        self.write(METRICS, kept.as_bytes())?;
        Ok(Recorder { run: self, precision, next })
    }

    fn write(&self, file: &str, bytes: &[u8]) -> Result<(), RunError> {
        let path = self.path.join(file);
        write_atomically(&path, bytes).map_err(|source| RunError::Io { path, source })
    }

    fn write_json<T: Serialize>(&self, file: &str, value: &T) -> Result<(), RunError> {
        let mut text = serde_json::to_string_pretty(value).map_err(|error| self.content(file, error.to_string()))?;
        text.push('\n');
        self.write(file, text.as_bytes())
    }

    fn read(&self, file: &str) -> Result<String, RunError> {
        let path = self.path.join(file);
        let len = fs::metadata(&path).map(|metadata| metadata.len());
        if len.is_ok_and(|len| len > MAX_TEXT_BYTES) {
            return Err(self.content(file, format!("it is longer than {MAX_TEXT_BYTES} bytes")));
        }
        fs::read_to_string(&path).map_err(|source| RunError::Io { path, source })
    }

    fn read_json<T: DeserializeOwned>(&self, file: &str) -> Result<T, RunError> {
        let wrong = |error: serde_json::Error| self.content(file, error.to_string());
        let value: serde_json::Value = serde_json::from_str(&self.read(file)?).map_err(wrong)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => serde_json::from_value(value).map_err(wrong),
            found => Err(self.content(file, format!("its version is {found:?}, this program reads {VERSION}"))),
        }
    }

    fn content(&self, file: &str, message: String) -> RunError {
        RunError::Content { path: self.path.join(file), message }
    }
}

/// Bytes as hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn to_line(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string(report).map(|line| line + "\n")
}

/// Writes a training into its run directory.
pub struct Recorder<'a> {
    run: &'a Run,
    precision: crate::execute::Precision,
    next: &'a mut dyn Observer,
}

impl std::fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("run", self.run).finish_non_exhaustive()
    }
}

impl Observer for Recorder<'_> {
    fn stepped(&mut self, report: &Report) -> io::Result<()> {
        self.next.stepped(report)
    }

    fn judged(&mut self, report: &Report, checkpoint: &Checkpoint) -> io::Result<()> {
        let path = |file: &str| self.run.path.join(file);
        // In this order: without a checkpoint, the weights are those that training starts from.
        checkpoint.save(&path(CHECKPOINT)).map_err(io::Error::other)?;
        checkpoint::save_parameters(&path(PARAMETERS), &checkpoint.best, self.precision).map_err(io::Error::other)?;
        let mut metrics = fs::OpenOptions::new().create(true).append(true).open(path(METRICS))?;
        metrics.write_all(to_line(report).map_err(io::Error::other)?.as_bytes())?;
        self.next.judged(report, checkpoint)
    }
}
