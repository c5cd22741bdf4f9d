//! What an export says about itself: `manifest.json`.
//!
//! Dimensions, files with their hashes, costs, the states it was validated on, where it came from, and a trajectory that
//! every deployment can reproduce to the bit. `docs/schema/manifest.schema.json` is the same structure as a JSON schema.
//! Numbers here are measured from what was written or derived from the graph; nothing is claimed.

mod read;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::density::Density;
use crate::dynamics::{Dissipation, Model, Scheme, Separability};
use crate::lower::Operations;
use crate::onnx::{Precision, Profile};
pub use read::ManifestError;

/// Version of the manifest's structure.
pub const FORMAT_VERSION: u32 = 1;
/// Name of the file.
pub const FILE_NAME: &str = "manifest.json";
/// Largest manifest that is read.
pub const MAX_BYTES: u64 = 64 << 20;
/// Most states kept as samples.
pub const MAX_SAMPLES: usize = 256;

/// The manifest of an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`].
    pub format: u32,
    /// Version of the tool that wrote it.
    pub hnn_version: String,
    /// The system.
    pub model: ModelRecord,
    /// How it is stepped.
    pub integration: Integration,
    /// The ONNX files.
    pub onnx: OnnxRecord,
    /// The device program, or why there is none.
    pub device: DeviceRecord,
    /// How good the device program is where its networks run in fixed point; left out where all is f32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationRecord>,
    /// Functions for the device beside the program; left out where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionRecord>,
    /// Every file beside the manifest.
    pub files: Vec<FileRecord>,
    /// States of the training distribution.
    pub samples: Samples,
    /// Where the training data were; absent where nothing was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
    /// Where the model came from.
    pub provenance: Provenance,
    /// A trajectory to reproduce; absent where there is no device program, or no sampled state gives a finite one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trajectory: Option<Trajectory>,
}

/// The system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub description: String,
    /// Degrees of freedom n.
    pub dof: usize,
    /// Inputs m.
    pub inputs: usize,
    /// The 2n coordinates, positions first.
    pub coordinates: Vec<Coordinate>,
    /// The m inputs.
    pub input_coordinates: Vec<Coordinate>,
    /// Whether H = T(p) + V(q).
    pub separability: SeparabilityRecord,
    /// The form of the dissipation.
    pub damping: DampingRecord,
    /// Holonomic constraints k, left out where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub constraints: usize,
    /// Scheme and step the energy was learned through: it is then the one whose *modified* energy under these very steps is that of the
    /// data (Hairer, Lubich and Wanner, 2006, chapter IX), and differs from the true energy by O(dt²) or as the scheme's order says.
    /// Absent where the energy was given, or learned from derivatives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned_through: Option<Integration>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One coordinate or input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coordinate {
    /// Its name, such as `q1`.
    pub name: String,
    /// Its unit, such as `rad`; empty where unknown.
    #[serde(default)]
    pub unit: String,
}

/// Whether an energy splits, and why not where it does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeparabilityRecord {
    /// H = T(p) + V(q).
    pub separable: bool,
    /// T = ½ pᵀ A p with the A given.
    pub kinetic_quadratic: bool,
    /// A, row by row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverse_mass: Option<Vec<Vec<f64>>>,
    /// What mixes q and p, where it does not split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The form of the dissipation matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DampingRecord {
    /// `none`, `diagonal` or `full`.
    pub kind: String,
    /// The same in every state.
    pub constant: bool,
}

/// How the model is stepped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Integration {
    /// Name of the scheme.
    pub scheme: String,
    /// Fixed iterations of an implicit scheme; 0 for an explicit one.
    pub iterations: u32,
    /// Binding of the two copies of a doubled state, 1/s; absent where there is one state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omega: Option<f32>,
    /// Time step in seconds.
    pub dt: f64,
}

impl Integration {
    /// Steps of this scheme and length.
    #[must_use]
    pub fn of(scheme: Scheme, dt: f64) -> Self {
        Self { scheme: scheme.to_string(), iterations: scheme.iterations(), omega: scheme.omega(), dt }
    }

    /// Whether two are the same steps; lengths within 1 % are, as recordings are not sampled more evenly.
    #[must_use]
    pub fn resembles(&self, other: &Self) -> bool {
        self.scheme == other.scheme && (self.dt / other.dt - 1.0).abs() < 0.01
    }
}

/// The ONNX files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnnxRecord {
    /// Version of the operator set.
    pub opset: i64,
    /// Version of the file format.
    pub ir_version: i64,
    /// Format of their numbers.
    #[serde(default)]
    pub precision: Precision,
    /// Who they are written for.
    #[serde(default)]
    pub profile: Profile,
    /// One for each file.
    pub graphs: Vec<OnnxGraph>,
}

/// Inputs and outputs of an ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnnxGraph {
    /// Name of the file.
    pub file: String,
    /// Its inputs.
    pub inputs: Vec<Port>,
    /// Its outputs.
    pub outputs: Vec<Port>,
    /// What was decomposed or changed for the profile or the precision, is not run everywhere, or was left unoptimized, one
    /// line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
}

/// A named tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<Dimension>,
}

/// A dimension of an ONNX tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// A known length.
    Fixed(usize),
    /// A length known at run time: `batch` or `steps`.
    Named(String),
}

/// The device program and what it costs, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeviceRecord {
    /// There is one.
    Program(ProgramRecord),
    /// There is none.
    Absent {
        /// Why.
        reason: String,
    },
}

/// What a device program costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramRecord {
    /// Bytes of the blob.
    pub flash_bytes: usize,
    /// Bytes of constants in it, weights among them.
    pub constants_bytes: usize,
    /// How many weights of layers are stored how.
    pub weights: BTreeMap<String, u64>,
    /// Bytes of the workspace, exact; the stack is measured apart, for each target.
    pub workspace_bytes: usize,
    /// Elements of the workspace.
    pub workspace_len: usize,
    /// Cost of one run of each entry.
    pub entries: BTreeMap<String, Operations>,
    /// Cost of one step of the scheme, dissipation included.
    pub step: Operations,
}

/// What is known of a device program whose networks run in fixed point: all of it measured, on the samples of the manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantizationRecord {
    /// How weights are stored.
    pub weights: String,
    /// Whether the field is the gradient of one energy; rounded in 16 bits on its way, it is not.
    pub is_gradient: bool,
    /// Networks in fixed point; what else there is of the model is f32.
    pub networks: usize,
    /// Bits after the binary point of the values of inner layers.
    pub value_bits: u32,
    /// Bits of what comes back to inner layers, beside the sign.
    pub adjoint_bits: u32,
    /// Where the coordinates of x are held from below: beyond it the field is that of the edge. Nothing for a coordinate that no
    /// network reads.
    pub held_below: Vec<Option<f64>>,
    /// The same from above.
    pub held_above: Vec<Option<f64>>,
    /// Norm of the field's error over all samples, relative to the field's.
    pub field_error_rms: f64,
    /// Largest error of a component of the field, relative to the root mean square of all.
    pub field_error_max: f64,
    /// Largest error of the energy over all samples, relative to the root mean square of the energy.
    pub energy_error_max: f64,
    /// The energy along a run on lattice states; left out for schemes and models that lattice states do not take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftRecord>,
}

/// The f64 energy along a run of a device program on lattice states, from the first sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftRecord {
    /// Steps made, of the manifest's scheme and length.
    pub steps: u64,
    /// Largest distance from the first energy; the error of the scheme is in it.
    pub energy_error_max: f64,
    /// What the straight line nearest to the energies gains over the run.
    pub energy_slope: f64,
    /// How far the energies of the samples lie apart, to compare with.
    pub energy_span: f64,
}

/// A graph compiled for the device as a function: one row of its inputs, end to end, to one row of its outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionRecord {
    /// Name of the file.
    pub file: String,
    /// What its arguments are, in order, without the batch.
    pub arguments: Vec<Port>,
    /// What its results are, in order, without the batch.
    pub results: Vec<Port>,
    /// Bytes of the blob.
    pub flash_bytes: usize,
    /// Bytes of constants in it, weights among them.
    pub constants_bytes: usize,
    /// Bytes of the workspace, exact; the stack is measured apart, for each target.
    pub workspace_bytes: usize,
    /// Elements of the workspace.
    pub workspace_len: usize,
    /// Cost of one call.
    pub call: Operations,
}

/// A file of the export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, hexadecimal.
    pub sha256: String,
}

/// States and inputs the model is meant for; `validate` evaluates on them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// What they are drawn from, in words.
    #[serde(default)]
    pub source: String,
    /// States, 2n numbers each.
    pub x: Vec<Vec<f64>>,
    /// Inputs, m numbers for each state; empty where there are none.
    #[serde(default)]
    pub u: Vec<Vec<f64>>,
    /// Smallest value of each coordinate in the distribution.
    #[serde(default)]
    pub x_min: Vec<f64>,
    /// Largest value of each coordinate in the distribution.
    #[serde(default)]
    pub x_max: Vec<f64>,
}

/// Where a model came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Where its energy comes from, in words: `expression`, `onnx FILE`, the data it was trained on.
    pub source: String,
    /// The formula, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hamiltonian: Option<String>,
    /// Formulas that the motion keeps at 0, where the energy is a formula.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// Values of the formulas' names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, f64>,
    /// Files that were learned from or read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<FileRecord>,
    /// Seed of everything random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Anything else worth knowing, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// A trajectory of the device program that every deployment reproduces to the bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// Initial state, rounded to f32.
    pub x0: Vec<f32>,
    /// Input, held throughout.
    pub u: Vec<f32>,
    /// Time step, rounded to f32.
    pub dt: f32,
    /// Name of the scheme.
    pub scheme: String,
    /// Iterations of an implicit scheme; 0 for an explicit one.
    pub iterations: u32,
    /// Binding of the two copies of a doubled state, which both start at `x0`, 1/s; absent where there is one state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omega: Option<f32>,
    /// Number of steps.
    pub steps: u32,
    /// Final state as f32 bits, hexadecimal; of a doubled one both copies.
    pub final_bits: Vec<String>,
    /// FNV-1a 64 over the f32 bits of every state, the initial one included; hexadecimal.
    pub hash: String,
}

impl Manifest {
    /// The record of one file.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&FileRecord> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl FileRecord {
    /// Name, size and hash of these bytes.
    #[must_use]
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        use sha2::Digest;
        let sha256 = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { name: name.to_owned(), bytes: bytes.len() as u64, sha256 }
    }
}

impl SeparabilityRecord {
    /// What the analysis found.
    #[must_use]
    pub fn of(separability: &Separability) -> Self {
        match separability {
            Separability::Separable { kinetic_quadratic, inverse_mass } => Self {
                separable: true,
                kinetic_quadratic: *kinetic_quadratic,
                inverse_mass: inverse_mass.as_ref().map(|mass| {
                    mass.data().chunks(mass.shape().last().copied().unwrap_or(1).max(1)).map(<[f64]>::to_vec).collect()
                }),
                reason: None,
            },
            Separability::NotSeparable { reason } => {
                Self { separable: false, kinetic_quadratic: false, inverse_mass: None, reason: Some(reason.clone()) }
            }
        }
    }
}

impl DampingRecord {
    /// The dissipation of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let kind = match model.dissipation() {
            None => "none",
            Some(Dissipation::Diagonal) => "diagonal",
            Some(Dissipation::Full) => "full",
        };
        Self { kind: kind.to_owned(), constant: model.dissipation_constant() }
    }
}
