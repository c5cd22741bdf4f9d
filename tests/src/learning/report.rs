//! What was measured, as JSON: `docs/schema/bench-learning.schema.json`. Numbers that are not finite are null.

use serde::{Deserialize, Serialize};

use super::reference::Trained;

/// Version of the report's layout.
pub const REPORT_FORMAT: u32 = 1;

/// Everything that was measured, possibly in several sittings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// Tasks, in the order of the tables.
    pub tasks: Vec<TaskReport>,
}

/// One task, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskReport {
    /// Name of the task.
    pub task: String,
    /// Named system.
    pub system: String,
    /// Arguments of `hnn train` beside `--system`, `--seed` and `--out`.
    pub arguments: Vec<String>,
    /// Points of training data and who learned from them, in the comparison.
    pub compared: Option<Compared>,
    /// Release of `hnn`.
    pub hnn_version: String,
    /// Processor.
    pub processor: String,
    /// One entry per seed.
    pub runs: Vec<RunReport>,
}

/// A place in the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Points of training data.
    pub points: usize,
    /// Who learned.
    pub who: String,
}

/// One training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Seed of data and weights.
    pub seed: u64,
    /// User and system seconds of the whole `hnn train` process, data included.
    pub cpu_s: f64,
    /// The model as the run names it.
    pub model: String,
    /// Learned numbers.
    pub parameters: usize,
    /// Mean squared energy error by the clean protocol: of the learned field, of a map's own steps where it has none.
    pub energy_mse: Option<f64>,
    /// Mean squared coordinate error, likewise.
    pub coordinate_mse: Option<f64>,
    /// The same two for the steps that are deployed.
    pub deployed_energy_mse: Option<f64>,
    /// Of the steps that are deployed.
    pub deployed_coordinate_mse: Option<f64>,
    /// Long motions, in the comparison.
    pub endurance: Option<Endurance>,
    /// The reference, trained right after on the same data.
    pub reference: Option<Trained>,
}

/// Long motions of one model, medians over their starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endurance {
    /// Fresh starts.
    pub starts: usize,
    /// What made the steps.
    pub stepper: String,
    /// Step length, s.
    pub dt_s: f64,
    /// Mean relative energy error over the first 20 s.
    pub energy_error: Option<f64>,
    /// Cycles until the energy error exceeded a tenth, or the limit.
    pub cycles: u64,
    /// Cycles after which a motion counted as stable.
    pub limit: u64,
}

impl Report {
    /// A report without tasks.
    #[must_use]
    pub fn empty() -> Self {
        Self { format: REPORT_FORMAT, tasks: Vec::new() }
    }

    /// Puts a task in, in place of an earlier measurement of the same.
    pub fn enter(&mut self, measured: TaskReport) {
        let same = |known: &TaskReport| known.task == measured.task && known.compared == measured.compared;
        match self.tasks.iter_mut().find(|known| same(known)) {
            Some(known) => *known = measured,
            None => self.tasks.push(measured),
        }
    }
}

/// The median of an odd number of values; the mean of the middle two of an even number. Missing ones count as infinite.
#[must_use]
pub fn median(values: impl IntoIterator<Item = Option<f64>>) -> f64 {
    let values: Vec<f64> = values.into_iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
    hnn_trainer::evaluate::quantile(&values, 0.5)
}
