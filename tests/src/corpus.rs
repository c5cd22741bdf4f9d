//! Energies that were written in PyTorch and JAX and exported by their exporters, with what the frameworks say about them.
//!
//! `tests/corpus` holds the scripts and small files. A record gives states, and in f64 the energy and its gradient by the
//! framework's own automatic differentiation; the files of a record are the same energy by different exporters.

mod compare;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use hnn_exporter::graph::Tensor;
use hnn_exporter::import::StateInputs;
use serde_json::Value;

pub use compare::{Comparison, Device, LIMIT_ENGINE, LIMIT_EXACT, compare, worst};

use crate::repository;

/// Environment variable that names a directory with a larger corpus, of the same layout.
pub const DIRECTORY_VARIABLE: &str = "HNN_CORPUS";

/// The committed files.
#[must_use]
pub fn committed() -> PathBuf {
    repository().join("tests/corpus/files")
}

/// What a framework says about one energy.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Name of the energy.
    pub name: String,
    /// Framework and release.
    pub framework: String,
    /// Which inputs of the files are the state.
    pub state: StateInputs,
    /// Whether the gradient is continuous.
    pub smooth: bool,
    /// States `[rows, 2n]`.
    pub states: Tensor,
    /// H `[rows]`, f64.
    pub energies: Vec<f64>,
    /// ∇H `[rows, 2n]` by the framework, f64, row after row.
    pub gradient: Vec<f64>,
}

/// One exported file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What it holds.
    pub record: Rc<Record>,
    /// Who wrote it.
    pub exporter: String,
    /// Opset it is written in.
    pub opset: i64,
    /// Where it is.
    pub path: PathBuf,
}

impl Entry {
    /// The file's name.
    #[must_use]
    pub fn file_name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Every file of a corpus, in the order of names.
///
/// # Errors
/// Where the directory or a record cannot be read; names the record.
pub fn entries(directory: &Path) -> Result<Vec<Entry>> {
    let listed = std::fs::read_dir(directory).with_context(|| format!("{}", directory.display()))?;
    let mut paths: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    let mut entries = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        let value: Value = serde_json::from_str(&text).with_context(|| format!("{}", path.display()))?;
        let record = Rc::new(record(&value).with_context(|| format!("{}", path.display()))?);
        for (exporter, file) in value["files"].as_object().context("`files` is no object")? {
            entries.push(Entry {
                record: Rc::clone(&record),
                exporter: exporter.clone(),
                opset: file["opset"].as_i64().context("`opset` is no integer")?,
                path: directory.join(text_of(&file["file"])?),
            });
        }
    }
    Ok(entries)
}

fn record(value: &Value) -> Result<Record> {
    let rows = value["states"].as_array().context("`states` is no list")?.len();
    let (states, energies, gradient) =
        (numbers(&value["states"])?, numbers(&value["H"])?, numbers(&value["gradient"])?);
    ensure!(rows > 0 && states.len().is_multiple_of(rows), "states of different lengths");
    ensure!(energies.len() == rows && gradient.len() == states.len(), "not one energy and gradient for each state");
    let state = match value["inputs"].as_array().context("`inputs` is no list")?.as_slice() {
        [_] => StateInputs::default(),
        [q, p] => StateInputs { q: Some(text_of(q)?), p: Some(text_of(p)?) },
        _ => anyhow::bail!("an energy has one input or two"),
    };
    Ok(Record {
        name: text_of(&value["name"])?,
        framework: text_of(&value["framework"])?,
        state,
        smooth: value["smooth"].as_bool().context("`smooth` is neither true nor false")?,
        states: Tensor::new(vec![rows, states.len() / rows], states)?,
        energies,
        gradient,
    })
}

fn text_of(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("{value} is no text"))?.to_owned())
}

/// The numbers of a list, or of a list of lists one after another.
fn numbers(value: &Value) -> Result<Vec<f64>> {
    if let Some(values) = value.as_array() {
        let parts: Vec<Vec<f64>> = values.iter().map(numbers).collect::<Result<_>>()?;
        return Ok(parts.concat());
    }
    Ok(vec![value.as_f64().with_context(|| format!("{value} is no number"))?])
}
