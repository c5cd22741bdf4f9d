//! The whole way on one screen: a model becomes a directory that can be deployed.
//!
//! [`export`] verifies the model, derives the graphs, optimizes and writes them, lowers the parts to a device program, parses
//! that program back and steps it once for the trajectory hash, compiles the functions asked for, and puts all files in place
//! by one rename. A model too large for the device still gets its ONNX files, and the manifest says why there is no program.

mod device;
mod directory;
mod graphs;
mod kind;
mod record;
mod samples;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::density::Density;
use crate::dynamics::{self, DynamicsError, Model, Scheme, Separability};
use crate::emit::{Language, SourceError};
use crate::graph::GraphError;
use crate::lower::LowerError;
use crate::manifest::{
    Coordinate, DeviceRecord, FORMAT_VERSION, FileRecord, Integration, Manifest, OnnxRecord, Provenance, Samples,
};
use crate::onnx::{OnnxError, WriteOptions};
use crate::quantize::QuantizeError;
use crate::weights::{Weights, WeightsError, rounded};

pub(crate) use device::{record as program_record, step_operations};
pub use kind::GraphKind;
use record::model_record;

/// Name of the device program's file.
pub const BLOB_FILE: &str = "model.hnn";
/// Most steps of the reference trajectory.
pub const MAX_TRAJECTORY_STEPS: u32 = 1_000_000;

/// What an export is asked to be.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Name of the model.
    pub name: String,
    /// What it is, in words.
    pub description: String,
    /// Names and units of the 2n coordinates; empty for `q1…qn, p1…pn` (`q, p` where n = 1) without units.
    pub coordinates: Vec<Coordinate>,
    /// Names and units of the m inputs; empty for `u1…um` (`u` where m = 1) without units.
    pub input_coordinates: Vec<Coordinate>,
    /// How it is stepped; where nothing is said, as [`default_scheme`].
    pub scheme: Option<Scheme>,
    /// Time step in seconds.
    pub dt: f64,
    /// Scheme and step the energy was learned through, if it was.
    pub learned_through: Option<Integration>,
    /// Initial state of the reference trajectory; the first sample that stays finite, if nothing is said.
    pub x0: Option<Vec<f64>>,
    /// Steps of the reference trajectory.
    pub steps: u32,
    /// States of the training distribution; a grid over \[−1, 1\] in every coordinate where there are none.
    pub samples: Samples,
    /// Where the training data were.
    pub density: Option<Density>,
    /// Where the model came from.
    pub provenance: Provenance,
    /// Graphs written as ONNX, each once.
    pub graphs: Vec<GraphKind>,
    /// Whether the device program is written.
    pub blob: bool,
    /// How weights are stored on the device; they are rounded to that before anything is derived from the model.
    pub weights: Weights,
    /// Languages in which the device program is written as source, each once.
    pub source: Vec<Language>,
    /// Whether the networks of the device program run in 16-bit fixed point.
    pub q15: bool,
    /// Which of [`GraphKind::FUNCTIONS`] are compiled for the device beside it, each once.
    pub functions: Vec<GraphKind>,
    /// Opset, precision, batch and profile of the ONNX files.
    pub onnx: WriteOptions,
    /// Most rewrites of the optimizer in each ONNX graph, to find one that is to blame; the device program is not bounded.
    pub stop_after: Option<usize>,
    /// Whether an earlier export at the same place is replaced.
    pub force: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            name: "model".to_owned(),
            description: String::new(),
            coordinates: Vec::new(),
            input_coordinates: Vec::new(),
            scheme: None,
            dt: 0.01,
            learned_through: None,
            x0: None,
            steps: 1000,
            samples: Samples::default(),
            density: None,
            provenance: Provenance { source: "graph".to_owned(), ..Provenance::default() },
            graphs: GraphKind::DEFAULT.to_vec(),
            blob: true,
            weights: Weights::F32,
            source: Vec::new(),
            q15: false,
            functions: Vec::new(),
            onnx: WriteOptions::default(),
            stop_after: None,
            force: false,
        }
    }
}

/// Why an export failed. Nothing has been written then, and nothing that was there is lost.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Request(String),
    /// Weights cannot be stored as asked.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model cannot be derived or stepped as asked.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// A graph is not well formed.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A graph cannot be written as ONNX.
    #[error("{file}: {source}")]
    Onnx {
        /// The file.
        file: String,
        /// Why.
        source: OnnxError,
    },
    /// The parts of the field cannot be derived for the device.
    #[error(transparent)]
    Lower(LowerError),
    /// The networks cannot run in fixed point.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// A function that was asked for cannot run on the device.
    #[error("{file}: {source}; without `blob` in --emit it is written as ONNX alone")]
    Function {
        /// The file.
        file: String,
        /// Why.
        source: LowerError,
    },
    /// The runtime refuses the program that was just written: a defect of this tool.
    #[error("the runtime refuses the program it should run: {0}. Please report this model")]
    Blob(hnn_runtime::Error),
    /// Something is at the place to write to.
    #[error("{} {reason}", path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What is there, and what to do.
        reason: &'static str,
    },
    /// There is nothing to write source of.
    #[error("{0}; leave rust and c out of --emit, and the ONNX files are written alone")]
    NoProgram(String),
    /// The device program has no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file system refuses.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The manifest cannot be spelled.
    #[error("manifest: {0}")]
    Json(#[from] serde_json::Error),
}

/// Writes the graphs asked for as ONNX files (`hamiltonian.onnx`, `field.onnx` and `step.onnx` unless others are),
/// `model.hnn`, the source files asked for, and `manifest.json` to `directory`.
///
/// # Errors
/// [`ExportError`]; in particular [`DynamicsError::NotSeparable`] for an explicit scheme on an H that does not split, and
/// [`ExportError::Occupied`] where something is in the way. The directory appears whole or not at all.
pub fn export(model: &Model, options: &ExportOptions, directory: &Path) -> Result<Manifest, ExportError> {
    directory::check(directory, options.force)?;
    check_request(model, options)?;
    model.graph().verify()?;
    let model = &rounded(model, options.weights)?;
    let separability = dynamics::separability(model)?;
    let scheme = options.scheme.unwrap_or_else(|| default_scheme(model, &separability));
    let samples = samples::complete(&options.samples, model)?;
    let (graphs, mut files) = graphs::write(model, scheme, options)?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let start = options.x0.as_deref();
    let device = device::program(model, scheme, options, start, &samples)?;
    let (device, quantization, trajectory) = match device {
        Ok(program) => {
            files.extend(program.source);
            if options.blob {
                files.push((BLOB_FILE.to_owned(), program.bytes));
                (DeviceRecord::Program(program.record), program.quantization, program.trajectory)
            } else {
                (DeviceRecord::Absent { reason: "it was not asked for".to_owned() }, None, None)
            }
        }
        Err(reason) if !options.source.is_empty() => return Err(ExportError::NoProgram(reason)),
        Err(reason) => (DeviceRecord::Absent { reason }, None, None),
    };
    let (functions, compiled) = device::functions(model, scheme, options)?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    files.extend(compiled);
    let manifest = Manifest {
        format: FORMAT_VERSION,
        hnn_version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model_record(model, options, &separability),
        integration: Integration::of(scheme, options.dt),
        onnx: OnnxRecord {
            opset: options.onnx.opset,
            ir_version: options.onnx.ir_version(),
            precision: options.onnx.precision,
            profile: options.onnx.profile,
            graphs,
        },
        device,
        quantization,
        functions,
        files: files.iter().map(|(name, bytes)| FileRecord::of(name, bytes)).collect(),
        samples,
        density: options.density.clone(),
        provenance: options.provenance.clone(),
        trajectory,
    };
    let mut text = serde_json::to_vec_pretty(&manifest)?;
    text.push(b'\n');
    files.push((crate::manifest::FILE_NAME.to_owned(), text));
    directory::write(directory, &files, options.force)?;
    Ok(manifest)
}

fn check_request(model: &Model, options: &ExportOptions) -> Result<(), ExportError> {
    let wrong = |message: String| Err(ExportError::Request(message));
    let (states, inputs) = (2 * model.dof(), model.inputs());
    if !(options.dt.is_finite() && options.dt > 0.0 && (options.dt as f32).is_normal()) {
        return wrong(format!("the time step {} s is not a positive number that f32 can hold", options.dt));
    }
    if options.steps > MAX_TRAJECTORY_STEPS {
        return wrong(format!("{} steps exceed the limit of {MAX_TRAJECTORY_STEPS}", options.steps));
    }
    for (what, found, expected) in [
        ("coordinate names", options.coordinates.len(), states),
        ("input names", options.input_coordinates.len(), inputs),
    ] {
        if found != 0 && found != expected {
            return wrong(format!("{found} {what} were given, the model has {expected}"));
        }
    }
    if let Some((name, _)) = model.graph().parameters().first() {
        return wrong(format!("parameter `{name}` has no value; train the model, or bind its weights first"));
    }
    if let Some(density) = options.density.as_ref().filter(|density| density.states() != states) {
        return wrong(format!("the density of {} coordinates does not fit the model's {states}", density.states()));
    }
    match &options.x0 {
        Some(x0) if x0.len() != states || x0.iter().any(|value| !value.is_finite()) => {
            wrong(format!("the initial state must be {states} finite numbers, q first, not {x0:?}"))
        }
        _ => Ok(()),
    }
}

/// The scheme of an export that names none: RATTLE with constraints, leapfrog where H splits, implicit midpoint where it
/// does not.
#[must_use]
pub fn default_scheme(model: &Model, separability: &Separability) -> Scheme {
    match (model.constraints() > 0, separability.is_separable()) {
        (true, _) => Scheme::RATTLE,
        (false, true) => Scheme::Leapfrog,
        (false, false) => Scheme::MIDPOINT,
    }
}
