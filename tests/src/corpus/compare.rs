//! One exported file against everything that can be known about it: the framework's energy and gradient, central
//! differences, ONNX Runtime on what is written, the device program on the runtime.

use anyhow::{Context, Result};
use hnn_exporter::dynamics::{self, Model, Scheme};
use hnn_exporter::emit::blob;
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::{Graph, Tensor};
use hnn_exporter::import::adopt;
use hnn_exporter::lower::lower;
use hnn_exporter::onnx::{self, ReadOptions, WriteOptions};
use hnn_exporter::optimize::optimize;
use hnn_exporter::validate::{Engine as _, EngineKind, Part, Runtime, open};

use super::Entry;

/// What the oracle must agree within, in f64.
pub const LIMIT_EXACT: f64 = 1e-6;
/// What engines that compute in f32 must agree within.
pub const LIMIT_ENGINE: f64 = 1e-5;

/// Distance of the points of the central differences: a power of two, so that adding it to a state is exact, and small, because
/// some of the energies have a second derivative that jumps.
const STEP: f64 = 1.0 / 32768.0;
/// Weights of H(x + k·[`STEP`]) for k = −2, −1, 1, 2 in the difference of fourth order (Fornberg 1988, table 1).
const STENCIL: [(f64, f64); 4] = [(-2.0, 1.0 / 12.0), (-1.0, -2.0 / 3.0), (1.0, 2.0 / 3.0), (2.0, -1.0 / 12.0)];

/// The device program of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Device {
    /// Largest relative error of its field.
    Agrees(f64),
    /// Why there is none.
    Absent(String),
}

/// Largest relative errors, as [`worst`] measures them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// H against the framework's.
    pub energy: f64,
    /// ∇H against the framework's.
    pub gradient: f64,
    /// ∇H against central differences of the oracle's H.
    pub difference: f64,
    /// The written field in ONNX Runtime against the oracle's; `None` where the library is missing.
    pub runtime: Option<f64>,
    /// The field of the device program against the oracle's.
    pub device: Device,
    /// Operators that are not smooth, as the import names them.
    pub notes: Vec<String>,
    /// Nodes of H and of its field as exported.
    pub nodes: (usize, usize),
}

impl Comparison {
    /// What is wrong, in words; nothing where the file holds to every limit.
    #[must_use]
    pub fn complaints(&self, smooth: bool) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut check = |what: &str, error: f64, limit: f64| {
            // Negated, so that NaN is a complaint.
            let holds = error <= limit;
            if !holds {
                complaints.push(format!("{what}: relative error {error:.1e}, more than {limit:.0e}"));
            }
        };
        check("H", self.energy, LIMIT_EXACT);
        check("∇H against the framework's", self.gradient, LIMIT_EXACT);
        if smooth {
            check("∇H against central differences", self.difference, LIMIT_EXACT);
        }
        if let Some(error) = self.runtime {
            check("the field in ONNX Runtime", error, LIMIT_ENGINE);
        }
        if let Device::Agrees(error) = self.device {
            check("the field of the device program", error, LIMIT_ENGINE);
        }
        if !smooth && self.notes.is_empty() {
            complaints.push("the force jumps, but no node is named for it".to_owned());
        }
        complaints
    }
}

/// max |a − b| / (|b| + rms of b), infinite where a number is none.
#[must_use]
pub fn worst(found: &[f64], expected: &[f64]) -> f64 {
    let squares: f64 = expected.iter().map(|value| value * value).sum();
    let rms = (squares / expected.len().max(1) as f64).sqrt();
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / (b.abs() + rms));
    errors.map(|error| if error.is_nan() { f64::INFINITY } else { error }).fold(0.0, f64::max)
}

/// Imports a file, differentiates it, exports it again, and compares.
///
/// # Errors
/// Where a step fails; says which.
pub fn compare(entry: &Entry) -> Result<Comparison> {
    let bytes = std::fs::read(&entry.path).with_context(|| format!("{}", entry.path.display()))?;
    let options = ReadOptions { directory: entry.path.parent().map(Into::into), ..ReadOptions::default() };
    let imported = onnx::read_with(&bytes, &options).context("import")?;
    let model = adopt(&imported.graph, &entry.record.state).context("adopt")?;
    let field = optimize(&dynamics::field(&model).context("differentiate")?).context("optimize")?;
    let states = &entry.record.states;
    let energies = first(&Evaluator::new(model.graph())?, states).context("evaluate H")?;
    let motion = first(&Evaluator::new(&field)?, states).context("evaluate the field")?;
    let gradient = gradient_of(&motion, 2 * model.dof());
    Ok(Comparison {
        energy: worst(&energies, &entry.record.energies),
        gradient: worst(&gradient, &entry.record.gradient),
        difference: worst(&gradient, &central_differences(&model, states)?),
        runtime: in_onnx_runtime(&field, states)?.map(|found| worst(&found, &motion)),
        device: on_the_device(&model, states, &motion)?,
        notes: imported
            .notes
            .iter()
            .map(|note| format!("{:?}: {} `{}`", note.smoothness, note.operator, note.node))
            .collect(),
        nodes: (optimize(&dynamics::hamiltonian(&model)?)?.nodes().len(), field.nodes().len()),
    })
}

fn first(evaluator: &Evaluator, states: &Tensor) -> Result<Vec<f64>> {
    let outputs = evaluator.run(&[(dynamics::STATE, states)])?;
    Ok(outputs.first().context("the graph has no output")?.data().to_vec())
}

/// ∇H from ẋ = J∇H, row by row.
fn gradient_of(motion: &[f64], width: usize) -> Vec<f64> {
    let rows = motion.chunks_exact(width).map(|row| row.split_at(width / 2));
    rows.flat_map(|(velocity, force)| force.iter().map(|value| -value).chain(velocity.iter().copied())).collect()
}

/// ∇H by differences of the oracle's H, coordinate by coordinate.
fn central_differences(model: &Model, states: &Tensor) -> Result<Vec<f64>> {
    let evaluator = Evaluator::new(model.graph())?;
    let width = 2 * model.dof();
    let mut gradient = vec![0.0; states.data().len()];
    for column in 0..width {
        for (place, weight) in STENCIL {
            let mut moved = states.clone();
            for value in moved.data_mut().iter_mut().skip(column).step_by(width) {
                *value += place * STEP;
            }
            let energies = first(&evaluator, &moved)?;
            for (slope, energy) in gradient.iter_mut().skip(column).step_by(width).zip(energies) {
                *slope += weight / STEP * energy;
            }
        }
    }
    Ok(gradient)
}

/// The field as written with default options, evaluated by ONNX Runtime; `None` where its library is missing.
fn in_onnx_runtime(field: &Graph, states: &Tensor) -> Result<Option<Vec<f64>>> {
    let bytes = onnx::write(field, &WriteOptions::default()).context("write the field")?;
    let mut engine = match open(EngineKind::Ort, &bytes) {
        Ok(engine) => engine,
        Err(hnn_exporter::validate::EngineError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let outputs = engine.run(&[(dynamics::STATE, states)])?;
    let (_, field) = outputs.into_iter().next().context("ONNX Runtime gives no output")?;
    Ok(Some(field.data().to_vec()))
}

fn on_the_device(model: &Model, states: &Tensor, expected: &[f64]) -> Result<Device> {
    let plan = match lower(model) {
        Ok(plan) => plan,
        Err(reason) => return Ok(Device::Absent(reason.to_string())),
    };
    let words = blob(&plan, Scheme::Midpoint { iterations: 8 }, 0.01);
    let outputs = Runtime::new(&words, Part::Field)?.run(&[(dynamics::STATE, states)])?;
    let (_, field) = outputs.into_iter().next().context("the program gives no result")?;
    Ok(Device::Agrees(worst(field.data(), expected)))
}
