//! Several trainings of one model on the same data, from different seeds, in one directory.
//!
//! | file | what |
//! |---|---|
//! | `ensemble.json` | number of members and seed of the first ([`Index`]) |
//! | `member-0`, `member-1`, … | a run each, see [`run`] |
//!
//! A member is bit for bit the run that its own seed gives on the same data. What the members disagree about is what the data
//! left open: [`disagreement`] measures it. The mean of their energies is one energy, hence one graph and still
//! Hamiltonian. This module trains nothing and knows no terminal.

mod spread;
#[cfg(test)]
mod tests;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use hnn_exporter::dynamics::{CONSTRAINT, DISSIPATION, DynamicsError, ENERGY, GAIN, INPUT, Model, STATE};
use hnn_exporter::graph::{Graph, GraphError, NodeId, Shape};
use serde::{Deserialize, Serialize};

use crate::checkpoint::write_atomically;
use crate::run::{self, Run, RunError};

pub use spread::{DisagreementReport, EnsembleReport, MemberReport, Probe, disagreement};

/// Version of the layout of `ensemble.json`.
pub const VERSION: u32 = 1;
/// Most members.
pub const MAX_MEMBERS: usize = 64;

const INDEX: &str = "ensemble.json";

/// What `ensemble.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Layout of this file.
    pub version: u32,
    /// Number of members.
    pub members: usize,
    /// Seed of the first member; each next one has the next seed.
    pub seed: u64,
}

/// A directory of runs that differ by their seeds.
#[derive(Debug, Clone)]
pub struct Ensemble {
    path: PathBuf,
    members: Vec<Run>,
}

/// Which of an ensemble's energies is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    /// The mean of all of them.
    Mean,
    /// That of the lowest held-out loss.
    Best,
    /// One by its number, from 0.
    Index(usize),
}

impl FromStr for Member {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "mean" => Ok(Self::Mean),
            "best" => Ok(Self::Best),
            number => number
                .parse()
                .map(Self::Index)
                .map_err(|_| format!("`{number}` is neither `mean` nor `best` nor the number of a member")),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mean => f.write_str("mean"),
            Self::Best => f.write_str("best"),
            Self::Index(index) => write!(f, "member {index}"),
        }
    }
}

/// Whether a path is the directory of an ensemble.
#[must_use]
pub fn is_ensemble(path: &Path) -> bool {
    path.join(INDEX).is_file()
}

/// Directory of a member.
#[must_use]
pub fn member_path(path: &Path, index: usize) -> PathBuf {
    path.join(format!("member-{index}"))
}

/// Prepares the directory of an ensemble: an earlier one is removed where `force` says so.
///
/// # Errors
/// [`RunError::Exists`] where it holds anything and `force` is not set, [`RunError::Foreign`] where it holds what no ensemble
/// wrote; nothing is removed then.
pub fn clear(path: &Path, force: bool) -> Result<(), RunError> {
    let at = |source: std::io::Error| RunError::Io { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(at)?;
    let entries = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect());
    let entries: Vec<String> = entries.map_err(at)?;
    if entries.is_empty() {
        return Ok(());
    }
    if !force {
        return Err(RunError::Exists(path.to_owned()));
    }
    let is_member = |name: &str| name.strip_prefix("member-").is_some_and(|number| number.parse::<usize>().is_ok());
    if let Some(file) = entries.iter().find(|name| *name != INDEX && !is_member(name)) {
        return Err(RunError::Foreign { path: path.to_owned(), file: file.clone() });
    }
    let members = || entries.iter().filter(|name| is_member(name)).map(|name| path.join(name));
    members().try_for_each(|member| run::check_removable(&member))?;
    // The index goes first and comes last: without it the directory is no ensemble.
    if is_ensemble(path) {
        fs::remove_file(path.join(INDEX)).map_err(at)?;
    }
    members().try_for_each(|member| fs::remove_dir_all(&member).map_err(at))
}

/// Declares the runs `member-0` … to be an ensemble.
///
/// # Errors
/// [`RunError`] where a member is missing or the index cannot be written.
pub fn create(path: &Path, members: usize, seed: u64) -> Result<Ensemble, RunError> {
    let runs: Vec<Run> = (0..members).map(|index| run::open(&member_path(path, index))).collect::<Result<_, _>>()?;
    let index = Index { version: VERSION, members, seed };
    let content = |message: String| RunError::Content { path: path.join(INDEX), message };
    let mut text = serde_json::to_string_pretty(&index).map_err(|error| content(error.to_string()))?;
    text.push('\n');
    let io = |source| RunError::Io { path: path.join(INDEX), source };
    write_atomically(&path.join(INDEX), text.as_bytes()).map_err(io)?;
    Ok(Ensemble { path: path.to_owned(), members: runs })
}

/// Opens an ensemble.
///
/// # Errors
/// [`RunError`] naming the file at fault or the member that is missing.
pub fn open(path: &Path) -> Result<Ensemble, RunError> {
    let file = path.join(INDEX);
    let content = |message: String| RunError::Content { path: file.clone(), message };
    let text = fs::read_to_string(&file).map_err(|source| RunError::Io { path: file.clone(), source })?;
    let index: Index = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    if index.version != VERSION {
        return Err(content(format!("its version is {}, this program reads {VERSION}", index.version)));
    }
    if index.members == 0 || index.members > MAX_MEMBERS {
        return Err(content(format!("{} members; between 1 and {MAX_MEMBERS} are possible", index.members)));
    }
    let members = (0..index.members).map(|index| run::open(&member_path(path, index))).collect::<Result<_, _>>()?;
    Ok(Ensemble { path: path.to_owned(), members })
}

impl Ensemble {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The runs, in the order of their seeds.
    #[must_use]
    pub fn members(&self) -> &[Run] {
        &self.members
    }

    /// Held-out loss of every member's best weights; `None` where it was not judged yet.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault.
    pub fn losses(&self) -> Result<Vec<Option<f64>>, RunError> {
        self.members.iter().map(|run| Ok(run.checkpoint()?.and_then(|checkpoint| checkpoint.best_loss))).collect()
    }

    /// Number of the member of the lowest held-out loss; the first where none was judged.
    ///
    /// # Errors
    /// [`RunError`] naming the file at fault.
    pub fn best(&self) -> Result<usize, RunError> {
        let losses = self.losses()?;
        let loss = |index: usize| losses[index].unwrap_or(f64::INFINITY);
        Ok((0..losses.len()).min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(0))
    }
}

/// The model whose energy, dissipation and gain are the means of those of `models`, their weights bound.
///
/// Its field is the mean field where there is neither dissipation nor a constraint. A mean of positive semidefinite matrices is one, so what every
/// member guarantees of R the mean does, too. It costs what all members cost together.
///
/// # Errors
/// [`DynamicsError::NotAModel`] where there is no model, or dimensions or outputs differ.
pub fn mean(models: &[Model]) -> Result<Model, DynamicsError> {
    let wrong = |message: &str| DynamicsError::NotAModel(message.to_owned());
    let first = models.first().ok_or_else(|| wrong("a mean needs at least one model"))?;
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2 * first.dof()])?)?;
    if first.inputs() > 0 {
        graph.input(INPUT, Shape::batched(&[first.inputs()])?)?;
    }
    for name in [ENERGY, DISSIPATION, GAIN] {
        let roots: Vec<Option<NodeId>> = models.iter().map(|model| model.graph().output(name)).collect();
        if roots.iter().all(Option::is_none) {
            continue;
        }
        let mut total: Option<NodeId> = None;
        for (model, root) in models.iter().zip(roots) {
            let root = root.ok_or_else(|| wrong(&format!("only some of the models have an output `{name}`")))?;
            let state = model.graph().leaf(STATE);
            let placed = graph.inline(model.graph(), &[root], &|id, _| (Some(id) == state).then_some(x))?;
            let own = *placed.first().ok_or_else(|| wrong(&format!("output `{name}` is missing")))?;
            total = Some(match total {
                Some(sum) => graph.add_values(sum, own)?,
                None => own,
            });
        }
        if let Some(total) = total {
            let mean = scaled(&mut graph, total, models.len())?;
            graph.set_output(name, mean);
        }
    }
    // Constraints are given, not learned: the same in every member.
    if models.iter().any(|model| model.constraints() != first.constraints()) {
        return Err(wrong("the models keep different constraints"));
    }
    if let Some(root) = first.graph().output(CONSTRAINT) {
        let state = first.graph().leaf(STATE);
        let placed = graph.inline(first.graph(), &[root], &|id, _| (Some(id) == state).then_some(x))?;
        placed.first().into_iter().for_each(|placed| graph.set_output(CONSTRAINT, *placed));
    }
    Model::new(graph)
}

/// A sum divided by its number of terms.
fn scaled(graph: &mut Graph, total: NodeId, count: usize) -> Result<NodeId, GraphError> {
    if count == 1 { Ok(total) } else { graph.scale(total, 1.0 / crate::data::as_f64(count)) }
}
