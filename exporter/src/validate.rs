//! Compares every executor of an exported model with the f64 reference, and measures its physics.
//!
//! Each file is evaluated by each engine on states of the training distribution; the device program answers for the three that
//! must be there, and functions for those that may. The reference evaluates the files as read back, so what is validated is what lies on the disk. Engines
//! that cannot be loaded are listed; one that was asked for and is missing is an error.

mod artifact;
mod batches;
mod engine;
mod function;
pub mod metrics;
mod once;
mod open;
#[cfg(feature = "ort")]
pub mod ort;
pub mod physics;
mod reference;
mod report;
mod runtime;
mod samples;
#[cfg(feature = "tract")]
mod tract;
mod trajectory;
pub mod trend;

pub use artifact::{Artifact, ArtifactError, Part};
pub use engine::{Engine, EngineError, EngineKind};
pub use function::Function;
pub use once::{Subject, evaluate};
pub use open::open;
pub use reference::Reference;
pub use report::{EngineRecord, EngineState, OutputRecord, REPORT_FORMAT, Report};
pub use runtime::Runtime;
pub use samples::Samples;
#[cfg(feature = "tract")]
pub use tract::Tract;

use std::collections::BTreeMap;

use crate::dynamics::{POSITION, STATE, VELOCITY};
use crate::graph::{GraphError, Tensor};
use crate::onnx;
use metrics::root_mean_square;
use physics::RunLength;

/// What is compared, and on how much.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Engines that must take part; all that can be loaded where there is no list.
    pub engines: Option<Vec<EngineKind>>,
    /// Number of states; those in the manifest where there is no number.
    pub samples: Option<usize>,
    /// How long the device program is run.
    pub length: RunLength,
}

/// Why a model cannot be validated at all.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// A file of the directory is missing or damaged.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A requested engine is missing, or the reference cannot evaluate a file.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The samples do not fit the model.
    #[error("samples: {0}")]
    Samples(#[from] GraphError),
}

type Outputs = Vec<(String, Tensor)>;

/// Validates an exported model.
///
/// # Errors
/// [`ValidateError`] where a requested engine is missing or the reference cannot evaluate a file. Disagreement, a default
/// engine that is missing, and one that fails on a file are part of the report.
pub fn validate(artifact: &Artifact, settings: &Settings) -> Result<Report, ValidateError> {
    let samples = match settings.samples {
        Some(count) => artifact.samples.drawn(count)?,
        None => artifact.samples.clone(),
    };
    let precision = artifact.precision;
    let samples = samples.rounded(precision);
    let dt = Tensor::scalar(precision.round(f64::from(artifact.dt as f32)));
    let mut arguments = samples.arguments(&dt);
    let velocities = velocities(artifact, &samples, &arguments)?;
    arguments.extend(velocities.iter().map(|(name, values)| (*name, values)));
    let arguments = Arguments { doubled: doubled(artifact, &samples)?, shared: arguments };
    let mut expected = BTreeMap::new();
    for part in Part::ALL {
        if let Some(file) = artifact.file(*part) {
            expected.insert(*part, Reference::read(file)?.run(&arguments.of(*part))?);
        }
    }
    let kinds = settings.engines.clone().unwrap_or_else(|| EngineKind::ALL.to_vec());
    let mut report = Report::new(samples.count(), artifact);
    for kind in EngineKind::ALL.iter().filter(|kind| kinds.contains(kind)) {
        match evaluate_all(*kind, artifact, &arguments) {
            Ok((version, results)) => {
                report.engines.push(EngineRecord::ran(*kind, version));
                if *kind != EngineKind::Reference {
                    let tolerance = |part| tolerance(*kind, artifact, part);
                    let records = compare_all(*kind, &results, &expected, tolerance);
                    report.outputs.extend(records.into_iter().filter(|record| answers(*kind, artifact, record.part)));
                }
            }
            Err(error @ EngineError::Missing { .. }) if settings.engines.is_some() => return Err(error.into()),
            Err(EngineError::Missing { reason, .. }) => report.engines.push(EngineRecord::missing(*kind, reason)),
            Err(error) => report.engines.push(EngineRecord::failed(*kind, error.to_string())),
        }
    }
    let mut physics = physics::measure(artifact, &samples, settings.length)?;
    physics.momentum = expected.get(&Part::Momentum).map(|found| physics::momentum_check(found, &samples, precision));
    report.physics = Some(physics);
    report.judge();
    Ok(report)
}

/// What the files are given.
struct Arguments<'a> {
    shared: Vec<(&'a str, &'a Tensor)>,
    /// The state of a step that takes two copies of it.
    doubled: Option<Tensor>,
}

impl Arguments<'_> {
    fn of(&self, part: Part) -> Vec<(&str, &Tensor)> {
        let doubled = self.doubled.as_ref().filter(|_| part == Part::Step);
        let mut given = self.shared.clone();
        for (name, value) in &mut given {
            if let (STATE, Some(doubled)) = (*name, doubled) {
                *value = doubled;
            }
        }
        given
    }
}

/// The samples doubled, where the step of this export takes two copies of a state.
fn doubled(artifact: &Artifact, samples: &Samples) -> Result<Option<Tensor>, EngineError> {
    let step = onnx::read(&artifact.step)?;
    let width = step.leaf(STATE).and_then(|state| step.shape(state).len(1));
    Ok(if width == Some(4 * samples.dof()) { Some(samples.doubled(artifact.precision)?) } else { None })
}

/// The positions of the samples, and their velocities as the field gives them: what a momentum is computed from.
fn velocities(
    artifact: &Artifact,
    samples: &Samples,
    arguments: &[(&str, &Tensor)],
) -> Result<Vec<(&'static str, Tensor)>, EngineError> {
    if artifact.file(Part::Momentum).is_none() {
        return Ok(Vec::new());
    }
    let field = Reference::read(&artifact.field)?.output(arguments, "dx")?;
    let dof = samples.dof();
    let first_half = |table: &Tensor| {
        let values = table.data().chunks_exact(2 * dof).flat_map(|row| &row[..dof]);
        Tensor::new(vec![samples.count(), dof], values.map(|value| artifact.precision.round(*value)).collect())
    };
    Ok(vec![(POSITION, first_half(&samples.x)?), (VELOCITY, first_half(&field)?)])
}

/// Whether an engine has something to evaluate a part with: the runtime needs a program, all others the file alone.
fn answers(kind: EngineKind, artifact: &Artifact, part: Part) -> bool {
    let is_there = artifact.file(part).is_some();
    is_there
        && (kind != EngineKind::Runtime || Part::REQUIRED.contains(&part) || artifact.functions.contains_key(&part))
}

fn evaluate_all(
    kind: EngineKind,
    artifact: &Artifact,
    arguments: &Arguments<'_>,
) -> Result<(String, BTreeMap<Part, Outputs>), EngineError> {
    let mut results = BTreeMap::new();
    let mut version = String::new();
    for part in Part::ALL.iter().filter(|part| answers(kind, artifact, **part)) {
        let mut engine: Box<dyn Engine> = match (kind, artifact.functions.get(part), &artifact.blob) {
            (EngineKind::Runtime, Some((record, words)), _) => Box::new(Function::stored(record, words)?),
            (EngineKind::Runtime, None, Some(words)) => Box::new(Runtime::new(words, *part)?),
            (EngineKind::Runtime, None, None) => {
                let reason = "the export has no device program; its manifest says why".to_owned();
                return Err(EngineError::Missing { engine: kind, reason });
            }
            _ => open(kind, artifact.file(*part).unwrap_or_default())?,
        };
        version = engine.version();
        results.insert(*part, engine.run(&arguments.of(*part))?);
    }
    Ok((version, results))
}

/// What agreement on a part means for an engine. A device program in fixed point may be off twice as far as its manifest says it was
/// at the samples of the export: these states may be others.
fn tolerance(kind: EngineKind, artifact: &Artifact, part: Part) -> f64 {
    let usual = metrics::tolerance(artifact.precision);
    match (&artifact.quantization, part) {
        (Some(record), Part::Hamiltonian) if kind == EngineKind::Runtime => usual.max(2.0 * record.energy_error_max),
        (Some(record), Part::Field | Part::Step) if kind == EngineKind::Runtime => {
            usual.max(2.0 * record.field_error_max)
        }
        _ => usual,
    }
}

/// Compares an engine's outputs with the expected ones; an output that is missing disagrees.
fn compare_all(
    kind: EngineKind,
    results: &BTreeMap<Part, Outputs>,
    expected: &BTreeMap<Part, Outputs>,
    tolerance: impl Fn(Part) -> f64,
) -> Vec<OutputRecord> {
    let mut records = Vec::new();
    for (part, outputs) in expected {
        for (name, reference) in outputs {
            let found = results.get(part).and_then(|values| values.iter().find(|(known, _)| known == name));
            let candidate = found.map_or_else(|| Tensor::scalar(f64::NAN), |(_, tensor)| tensor.clone());
            let metrics = metrics::compare(&candidate, reference, scale(name, outputs), tolerance(*part));
            records.push(OutputRecord { part: *part, output: name.clone(), engine: kind, metrics });
        }
    }
    records
}

/// The residual of an implicit scheme is a difference of states, at rounding level, so it is measured by the states.
fn scale(output: &str, outputs: &Outputs) -> Option<f64> {
    if output != "residual" {
        return None;
    }
    outputs.iter().find(|(name, _)| name == "x_next").map(|(_, states)| root_mean_square(states.data()))
}

#[cfg(test)]
mod tests;
