//! What is in a model: operators, cost, separability with its reason, flash, memory, operations per step.
//!
//! Takes a model in memory, an exported directory, an ONNX file, a device program or function. Everything is counted from what is
//! there; a device program tells less than a graph, and then less is reported.

mod count;
mod listing;
mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hnn_runtime::format::MAX_BLOB_WORDS;
use hnn_runtime::{DampingKind, Function, Program};
use serde::Serialize;

use crate::dynamics::{self, DynamicsError, Model, Scheme};
use crate::graph::Graph;
use crate::import::{StateInputs, adopt};
use crate::limited::{ReadError, read_limited};
use crate::lower::{Plan, lower};
use crate::manifest::{
    self, DampingRecord, DeviceRecord, FunctionRecord, Integration, Manifest, ManifestError, ProgramRecord,
    SeparabilityRecord,
};
use crate::onnx::{self, MAX_FILE_BYTES, OnnxError};
use crate::optimize::optimize;
pub(crate) use count::program_costs;
use count::{function_costs, program_scheme, summary};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// `model`, `export`, `onnx`, `program` or `function`.
    pub kind: &'static str,
    /// Name of the model or file.
    pub name: String,
    /// Degrees of freedom n; absent for an ONNX file that is no energy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dof: Option<usize>,
    /// Inputs m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// Whether H = T(p) + V(q), with the reason where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separability: Option<SeparabilityRecord>,
    /// The form of the dissipation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damping: Option<DampingRecord>,
    /// Scheme and time step, where they are fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integration: Option<Integration>,
    /// Scheme and time step the energy was learned through, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned_through: Option<Integration>,
    /// Unknown numbers of a formula, as they were learned.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unknowns: BTreeMap<String, f64>,
    /// Graphs and what they are made of.
    pub graphs: Vec<GraphSummary>,
    /// Multiply-adds of the field over those of the energy; absent where either is not there or the energy has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_over_energy: Option<f64>,
    /// The device program and its cost, or why there is none; absent where the model has no weights yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceRecord>,
    /// Functions for the device and their cost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionRecord>,
}

/// What a graph is made of.
#[derive(Debug, Clone, Serialize)]
pub struct GraphSummary {
    /// `hamiltonian`, `field`, or the name of the file.
    pub name: String,
    /// Inputs and their shapes.
    pub inputs: BTreeMap<String, String>,
    /// Outputs and their shapes.
    pub outputs: BTreeMap<String, String>,
    /// Operators, by name.
    pub operators: BTreeMap<String, usize>,
    /// Numbers in parameters and constants.
    pub weights: usize,
    /// Multiply-adds of matrix products, for one state.
    pub multiply_adds: u64,
    /// Elements through exp, log, sin, cos, tanh, sigmoid, softplus, erf, atan and pow, for one state.
    pub transcendental_calls: u64,
    /// The graph itself, for [`GraphSummary::listing`].
    #[serde(skip)]
    graph: Graph,
}

/// Why something cannot be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no device program.
    #[error("{}: {reason}", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is no ONNX model.
    #[error("{}: {source}", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: OnnxError,
    },
    /// An export's manifest is missing or damaged.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The model cannot be derived.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
}

/// Looks into a model in memory.
///
/// # Errors
/// [`InspectError::Dynamics`] where its field cannot be derived.
pub fn model(name: &str, model: &Model) -> Result<Inspection, InspectError> {
    let separability = dynamics::separability(model)?;
    let optimized = |graph: Graph| optimize(&graph).map_err(DynamicsError::from);
    let graphs = vec![
        summary("hamiltonian", optimized(dynamics::hamiltonian(model)?)?),
        summary("field", optimized(dynamics::field(model)?)?),
    ];
    // The cost of a step needs a scheme: the one an export would choose.
    let scheme = crate::pipeline::default_scheme(model, &separability);
    let device = model.graph().parameters().is_empty().then(|| match lower(model) {
        Ok(plan) => DeviceRecord::Program(program_record(&plan, scheme)),
        Err(error) => DeviceRecord::Absent { reason: error.to_string() },
    });
    Ok(Inspection {
        kind: "model",
        name: name.to_owned(),
        dof: Some(model.dof()),
        inputs: Some(model.inputs()),
        separability: Some(SeparabilityRecord::of(&separability)),
        damping: Some(DampingRecord::of(model)),
        integration: None,
        learned_through: None,
        unknowns: BTreeMap::new(),
        field_over_energy: ratio(&graphs),
        graphs,
        device,
        functions: Vec::new(),
    })
}

/// Multiply-adds of the graph `field` over those of `hamiltonian`.
fn ratio(graphs: &[GraphSummary]) -> Option<f64> {
    let cost = |name: &str| graphs.iter().find(|graph| graph.name == name).map(|graph| graph.multiply_adds);
    let (field, energy) = (cost("field")?, cost("hamiltonian")?);
    (energy > 0).then(|| field as f64 / energy as f64)
}

/// What a plan costs when it is stepped with `scheme`.
fn program_record(plan: &Plan, scheme: Scheme) -> ProgramRecord {
    let words = crate::emit::blob(plan, scheme, 1.0).len();
    crate::pipeline::program_record(plan, scheme, words)
}

/// Looks into an exported directory, an ONNX file or a device program.
///
/// # Errors
/// [`InspectError`] naming the file and what is wrong with it.
pub fn path(path: &Path) -> Result<Inspection, InspectError> {
    path_with(path, &StateInputs::default())
}

/// As [`path`], with the inputs of an ONNX file that are the state, where it comes in two.
///
/// # Errors
/// As [`path`]; [`InspectError::Dynamics`] where inputs are named and the file is no energy of these.
pub fn path_with(path: &Path, state: &StateInputs) -> Result<Inspection, InspectError> {
    if path.is_dir() {
        return export(path);
    }
    // A device program says so in its first bytes; anything else is taken for ONNX.
    let bytes = read(path, MAX_FILE_BYTES as u64)?;
    if bytes.starts_with(b"HNN1") { program(path, &bytes) } else { onnx_file(path, &bytes, state) }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InspectError> {
    let unreadable = |source| InspectError::Read { path: path.to_owned(), source };
    read_limited(path, limit).map_err(|error| match error {
        ReadError::System(source) => unreadable(source),
        ReadError::TooLarge => {
            unreadable(std::io::Error::other(format!("more bytes than the limit of {limit}; this is no model")))
        }
    })
}

fn parse_onnx(path: &Path, bytes: &[u8]) -> Result<Graph, InspectError> {
    let options = onnx::ReadOptions { directory: path.parent().map(Path::to_owned), ..Default::default() };
    let imported = onnx::read_with(bytes, &options).map(|imported| imported.graph);
    // A rollout of this tool is a loop, and stands for the step it repeats.
    let read = imported.or_else(|error| onnx::read_rollout(bytes).map_err(|_| error));
    read.map_err(|source| InspectError::Onnx { path: path.to_owned(), source })
}

fn export(directory: &Path) -> Result<Inspection, InspectError> {
    let manifest = Manifest::read(directory)?;
    let mut graphs = Vec::new();
    for record in &manifest.onnx.graphs {
        let path = directory.join(&record.file);
        let bytes = read(&path, MAX_FILE_BYTES as u64)?;
        graphs.push(summary(record.file.trim_end_matches(".onnx"), parse_onnx(&path, &bytes)?));
    }
    let manifest::ModelRecord { name, dof, inputs, separability, damping, learned_through, .. } = manifest.model;
    Ok(Inspection {
        kind: "export",
        name,
        dof: Some(dof),
        inputs: Some(inputs),
        separability: Some(separability),
        damping: Some(damping),
        integration: Some(manifest.integration),
        learned_through,
        unknowns: BTreeMap::new(),
        field_over_energy: ratio(&graphs),
        graphs,
        device: Some(manifest.device),
        functions: manifest.functions,
    })
}

fn onnx_file(path: &Path, bytes: &[u8], state: &StateInputs) -> Result<Inspection, InspectError> {
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let graph = parse_onnx(path, bytes)?;
    // One number per row of a single state is an energy, whatever it is called; anything else is only counted.
    match adopt(&graph, state) {
        Ok(energy) => return Ok(Inspection { kind: "onnx", ..model(&name, &energy)? }),
        Err(error) if *state != StateInputs::default() => return Err(error.into()),
        Err(_) => {}
    }
    Ok(Inspection { graphs: vec![summary(&name, graph)], ..bare("onnx", name) })
}

fn program(path: &Path, bytes: &[u8]) -> Result<Inspection, InspectError> {
    let refused = |reason: String| InspectError::Program { path: path.to_owned(), reason };
    if !bytes.len().is_multiple_of(4) || bytes.len() / 4 > MAX_BLOB_WORDS {
        return Err(refused(format!("{} bytes are no device program: truncated, padded or too large", bytes.len())));
    }
    let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let program = match Program::parse(&words) {
        Err(hnn_runtime::Error::Form) => {
            let function = Function::parse(&words).map_err(|error| refused(error.to_string()))?;
            return Ok(of_function(path, &function));
        }
        parsed => parsed.map_err(|error| refused(error.to_string()))?,
    };
    let scheme = program_scheme(&program);
    let kind = match program.damping_kind() {
        DampingKind::None => "none",
        DampingKind::Diagonal => "diagonal",
        DampingKind::Full => "full",
    };
    let separable = program.is_separable();
    Ok(Inspection {
        kind: "program",
        name: path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        dof: Some(program.dof()),
        inputs: Some(program.inputs()),
        separability: Some(SeparabilityRecord {
            separable,
            kinetic_quadratic: program.is_kinetic_quadratic(),
            inverse_mass: None,
            reason: (!separable).then(|| "the program says so; inspect the ONNX file for the reason".to_owned()),
        }),
        damping: Some(DampingRecord { kind: kind.to_owned(), constant: program.is_damping_constant() }),
        integration: Some(Integration::of(scheme, f64::from(program.dt()))),
        learned_through: None,
        unknowns: BTreeMap::new(),
        graphs: Vec::new(),
        field_over_energy: None,
        device: Some(DeviceRecord::Program(program_costs(&program, scheme))),
        functions: Vec::new(),
    })
}

/// What is known of something of which nothing was read yet.
fn bare(kind: &'static str, name: String) -> Inspection {
    Inspection {
        kind,
        name,
        dof: None,
        inputs: None,
        separability: None,
        damping: None,
        integration: None,
        learned_through: None,
        unknowns: BTreeMap::new(),
        graphs: Vec::new(),
        field_over_energy: None,
        device: None,
        functions: Vec::new(),
    }
}

/// A function says how many numbers it takes and gives, not what they are.
fn of_function(path: &Path, function: &Function<'_>) -> Inspection {
    let named =
        |name: Option<&std::ffi::OsStr>| name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Inspection {
        functions: vec![function_costs(named(path.file_name()), function)],
        ..bare("function", named(path.file_stem()))
    }
}
