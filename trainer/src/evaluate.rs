//! How good a model is: against the true H, and against recordings.
//!
//! [`system`] follows the clean protocol (in-distribution starts, true H, no time stretch, clean test states);
//! [`windows`] predicts recordings open loop from measured states with measured inputs. Both take the model either as a
//! field, integrated to a tolerance, or as a [`Predictor`], which takes the very steps that are deployed. [`GreyBox`]
//! and [`TwoLink`] are textbook machines fitted with the same windows, to compare with.

mod clean;
mod conserved;
mod coverage;
mod equilibria;
mod grey_box;
mod metrics;
mod passivity;
mod predictor;
mod relative;
mod report;
mod structure;
mod timing;
mod window;

use hnn_exporter::dynamics::DynamicsError;
use hnn_exporter::evaluate::EvaluateError;

use crate::system::SystemError;

pub use clean::{CleanOptions, FIELD_TOLERANCE, system, test_loss};
pub use conserved::{CONSERVED_BELOW, ConservedQuantity, conserved};
pub use coverage::coverage;
pub use equilibria::{Equilibrium, EquilibriumKind, MAX_EQUILIBRIA, REGION_MARGIN, Region, equilibria};
pub use grey_box::{FIT_WINDOW_S, GreyBox, GreyBoxFit, SOFT_L1_SCALE, TWO_LINK_WINDOW_S, TwoLink};
pub use metrics::{Motions, SURVIVAL_FRACTION, motion_metrics, quantile};
pub use passivity::{PassivityReport, passivity};
pub use predictor::{GraphPredictor, Predictor};
pub use relative::relative_error;
pub use report::{
    CoverageReport, Deployed, Evaluation, GreyBoxReport, MotionMetrics, REPORT_VERSION, RecordingEvaluation,
    SystemEvaluation, WindowMetrics,
};
pub use structure::{StructureReport, structure};
pub use timing::VALID_BELOW;
pub use window::{Window, cut, windows};

/// Why a model cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// Data and model do not fit.
    #[error("{0}")]
    Mismatch(String),
    /// The truth, or the model's own field, cannot be integrated.
    #[error(transparent)]
    System(#[from] SystemError),
    /// The scheme does not suit the model.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// The oracle could not evaluate.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// The grey box could not be fitted.
    #[error("the grey box cannot be fitted: {0}")]
    Fit(String),
}

#[cfg(test)]
mod tests;
