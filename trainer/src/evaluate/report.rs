//! What an evaluation says, as JSON: `docs/schema/evaluate.schema.json`. Numbers that are not finite are null.

use serde::{Deserialize, Serialize};

use super::{PassivityReport, StructureReport};
use crate::ensemble::EnsembleReport;
use crate::system::Attained;

/// Version of the report's layout.
pub const REPORT_VERSION: u32 = 2;

/// An evaluated model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// What was evaluated: the run's path or name.
    pub model: String,
    /// Against the true H, where it is known.
    pub system: Option<SystemEvaluation>,
    /// Against recordings, one entry per file, predictor and window.
    pub recordings: Vec<RecordingEvaluation>,
    /// The grey box the recordings were also predicted with.
    pub grey_box: Option<GreyBoxReport>,
    /// How much of what was predicted lies outside the training data, one entry per file or for the clean held-out motions;
    /// empty for a run of a version that kept no density.
    pub coverage: Vec<CoverageReport>,
    /// Equilibria and conserved quantities of the learned energy; absent for a model without one.
    pub structure: Option<StructureReport>,
    /// Energy balance of models with dissipation or input, one entry per recording.
    pub passivity: Vec<PassivityReport>,
    /// Members and their disagreement, where an ensemble was evaluated.
    pub ensemble: Option<EnsembleReport>,
}

/// Where states lie beside the training data; the score is that of [`Density`](hnn_exporter::density::Density).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoverageReport {
    /// What was scored.
    pub source: String,
    /// Rows scored.
    pub rows: usize,
    /// Part of them with a score above 1.
    pub outside_fraction: f64,
    /// Median score.
    pub score_median: Option<f64>,
    /// Largest score.
    pub score_max: Option<f64>,
}

/// Against a named system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemEvaluation {
    /// Name of the system.
    pub system: String,
    /// Number of fresh in-distribution starts.
    pub starts: usize,
    /// Length of each motion, s.
    pub horizon_s: f64,
    /// Compared times of each motion, the start included.
    pub samples: usize,
    /// Accuracy of the truth.
    pub truth: Attained,
    /// Mean squared error of ẋ over clean held-out states and all 2n coordinates.
    pub test_loss_clean: Option<f64>,
    /// The model's field, integrated to a tolerance: what was learned, without the scheme.
    pub field: Option<MotionMetrics>,
    /// The flow of the modified energy of the scheme and step the model was learned through, integrated to a tolerance: what
    /// was learned of the true energy. Absent where it was not learned through steps, or their modified energy is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<MotionMetrics>,
    /// The scheme's steps: what is deployed.
    pub deployed: Option<Deployed>,
}

/// Motions made by the deployed scheme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// Name of the scheme.
    pub scheme: String,
    /// Step length, s.
    pub dt_s: f64,
    /// Errors.
    pub metrics: MotionMetrics,
}

/// Errors of predicted motions against true ones; definitions at [`super::motion_metrics`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MotionMetrics {
    /// Mean squared energy error.
    pub energy_mse: Option<f64>,
    /// Median over motions of their mean squared energy error.
    pub energy_mse_median: Option<f64>,
    /// Mean squared coordinate error.
    pub coordinate_mse: Option<f64>,
    /// Median over motions of their mean squared coordinate error.
    pub coordinate_mse_median: Option<f64>,
    /// Largest energy error at any time.
    pub energy_error_max: Option<f64>,
    /// Mean over motions of the least-squares slope of the energy error, per second.
    pub energy_drift_per_s: Option<f64>,
    /// Its 95 % confidence interval over motions.
    pub energy_drift_interval: Option<[f64; 2]>,
    /// Median over motions of the time until the normalised state error exceeds 0.4; at most the horizon.
    pub valid_s_median: Option<f64>,
    /// Median over motions of the time until the energy error exceeds a tenth of |H(x(0))|; at most the horizon.
    pub survived_s_median: Option<f64>,
    /// Median over motions of the cycles of q₁ until then.
    pub survived_cycles_median: Option<f64>,
    /// Median over motions of the relative error of the angular frequency of q₁; absent where no motion turns twice.
    pub phase_rate_error_median: Option<f64>,
    /// Geometric mean of the relative error over times and motions; definition at [`super::relative_error`].
    pub relative_error: Option<f64>,
    /// Motions that left the finite numbers.
    pub diverged: usize,
}

/// Open-loop prediction of one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingEvaluation {
    /// File, or several.
    pub source: String,
    /// What predicted: `model`, `grey box`, or another name.
    pub predictor: String,
    /// Errors.
    pub metrics: WindowMetrics,
}

/// Position errors over windows; definitions at [`super::windows`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowMetrics {
    /// Length of a window, s.
    pub window_s: f64,
    /// Number of windows.
    pub windows: usize,
    /// Predicted rows in all windows.
    pub samples: usize,
    /// Root of the mean squared position error over all predicted rows and coordinates.
    pub rmse: Option<f64>,
    /// Median over windows of the position error at the end.
    pub median_at_end: Option<f64>,
    /// 90 % quantile over windows of the position error at the end.
    pub quantile_90_at_end: Option<f64>,
    /// Windows whose prediction left the finite numbers.
    pub diverged: usize,
}

/// A fitted grey box.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GreyBoxReport {
    /// I, kg·m².
    pub inertia: f64,
    /// m·g·l, N·m.
    pub gravity: f64,
    /// b, N·m·s.
    pub viscous: f64,
    /// c, N·m.
    pub coulomb: f64,
    /// Constant torque, N·m.
    pub offset: f64,
    /// Half the sum of soft-L1 losses at the optimum.
    pub objective: f64,
    /// Evaluations of the residuals.
    pub evaluations: usize,
}
