//! What is validated: the files of an exported directory, in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use hnn_runtime::format::MAX_BLOB_WORDS;

use super::samples::Samples;
use crate::graph::GraphError;
use crate::limited::{ReadError, read_limited};
use crate::manifest::{DeviceRecord, FileRecord, FunctionRecord, Manifest, ManifestError, QuantizationRecord};
use crate::onnx::{MAX_FILE_BYTES, Precision};
use crate::pipeline::BLOB_FILE;

/// One of the graphs of an exported model that engines are compared on: three that must be there, and two that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// x → H
    Hamiltonian,
    /// x, u → dx
    Field,
    /// x, dt, u → `x_next`
    Step,
    /// x → v
    Velocity,
    /// q, v → p
    Momentum,
}

impl Part {
    /// Every part, in the order of reports.
    pub const ALL: &[Self] = &[Self::Hamiltonian, Self::Field, Self::Step, Self::Velocity, Self::Momentum];

    /// Those that validation cannot do without; the device program answers for them.
    pub const REQUIRED: &[Self] = &[Self::Hamiltonian, Self::Field, Self::Step];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hamiltonian => "hamiltonian",
            Self::Field => "field",
            Self::Step => "step",
            Self::Velocity => "velocity",
            Self::Momentum => "momentum",
        }
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("{}.onnx", self.name())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why an exported directory cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file is missing or unreadable.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is larger than any this program writes.
    #[error("{}: more bytes than the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest length.
        limit: u64,
    },
    /// The export was made without files that validation compares.
    #[error(
        "{}: the export has no {missing}, and validation compares all of {}; export the model again with the default \
         graphs, that is without `--graphs` and `--emit`",
        path.display(),
        Part::REQUIRED.iter().map(|part| part.file_name()).collect::<Vec<_>>().join(", ")
    )]
    Incomplete {
        /// The export.
        path: PathBuf,
        /// What it lacks.
        missing: String,
    },
    /// The blob is no list of words.
    #[error("{}: {found} bytes are no whole number of 4-byte words; the file is damaged", path.display())]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: usize,
    },
    /// The manifest is missing or damaged.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest's samples are no table.
    #[error("the manifest's samples: {0}")]
    Samples(#[from] GraphError),
}

/// The files of an exported model, and what its manifest says about trying them.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifact {
    /// `hamiltonian.onnx`
    pub hamiltonian: Vec<u8>,
    /// `field.onnx`
    pub field: Vec<u8>,
    /// `step.onnx`
    pub step: Vec<u8>,
    /// The other ONNX files that are compared.
    pub optional: BTreeMap<Part, Vec<u8>>,
    /// `model.hnn`, as words; the manifest may say that the device cannot hold the model.
    pub blob: Option<Vec<u32>>,
    /// What its export measured of it, where its networks run in fixed point.
    pub quantization: Option<QuantizationRecord>,
    /// Functions for the device whose ONNX files are there, with what the manifest says of them.
    pub functions: BTreeMap<Part, (FunctionRecord, Vec<u32>)>,
    /// Numbers of the ONNX files.
    pub precision: Precision,
    /// Other graphs and functions of the export, which validation does not evaluate.
    pub other_graphs: Vec<String>,
    /// Length of a time step.
    pub dt: f64,
    /// States of the training distribution.
    pub samples: Samples,
    /// Files that are no longer what was exported, by their hash in the manifest.
    pub changed_files: Vec<String>,
}

impl Artifact {
    /// Loads the files of `directory`.
    ///
    /// # Errors
    /// [`ArtifactError`] naming the file at fault.
    pub fn load(directory: &Path) -> Result<Self, ArtifactError> {
        let manifest = Manifest::read(directory)?;
        let missing: Vec<String> = Part::REQUIRED.iter().map(|part| part.file_name()).collect();
        let missing: Vec<String> = missing.into_iter().filter(|name| manifest.file(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(ArtifactError::Incomplete { path: directory.to_owned(), missing: missing.join(", ") });
        }
        let blob = match manifest.device {
            DeviceRecord::Absent { .. } => None,
            DeviceRecord::Program(_) => Some(words(directory, BLOB_FILE)?),
        };
        let part = |part: Part| read(&directory.join(part.file_name()), MAX_FILE_BYTES as u64);
        let (mut optional, mut functions) = (BTreeMap::new(), BTreeMap::new());
        for kind in Part::ALL.iter().copied().filter(|kind| !Part::REQUIRED.contains(kind)) {
            if manifest.file(&kind.file_name()).is_none() {
                continue;
            }
            optional.insert(kind, part(kind)?);
            let file = format!("{kind}.hnn");
            if let Some(record) = manifest.functions.iter().find(|record| record.file == file) {
                functions.insert(kind, (record.clone(), words(directory, &file)?));
            }
        }
        Ok(Self {
            hamiltonian: part(Part::Hamiltonian)?,
            field: part(Part::Field)?,
            step: part(Part::Step)?,
            other_graphs: other_graphs(&manifest, &optional),
            optional,
            blob,
            quantization: manifest.quantization,
            functions,
            precision: manifest.onnx.precision,
            dt: manifest.integration.dt,
            samples: Samples {
                constrained: manifest.model.constraints > 0,
                ..Samples::new(&manifest.samples.x, &manifest.samples.u)?
            },
            changed_files: changed_files(directory, &manifest.files)?,
        })
    }

    /// One of the ONNX files, where the export has it.
    #[must_use]
    pub fn file(&self, part: Part) -> Option<&[u8]> {
        match part {
            Part::Hamiltonian => Some(&self.hamiltonian),
            Part::Field => Some(&self.field),
            Part::Step => Some(&self.step),
            Part::Velocity | Part::Momentum => self.optional.get(&part).map(Vec::as_slice),
        }
    }
}

fn other_graphs(manifest: &Manifest, compared: &BTreeMap<Part, Vec<u8>>) -> Vec<String> {
    let is_compared = |file: &String| {
        Part::REQUIRED.iter().any(|part| part.file_name() == *file)
            || compared.keys().any(|part| [part.file_name(), format!("{part}.hnn")].contains(file))
    };
    let graphs = manifest.onnx.graphs.iter().map(|graph| &graph.file);
    let functions = manifest.functions.iter().map(|record| &record.file);
    graphs.chain(functions).filter(|file| !is_compared(file)).cloned().collect()
}

fn words(directory: &Path, name: &str) -> Result<Vec<u32>, ArtifactError> {
    let path = directory.join(name);
    let bytes = read(&path, 4 * MAX_BLOB_WORDS as u64)?;
    let (words, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    } else {
        Err(ArtifactError::Ragged { path, found: bytes.len() })
    }
}

/// The files that are gone, or not those of the manifest any more; also those that validation does not evaluate.
fn changed_files(directory: &Path, files: &[FileRecord]) -> Result<Vec<String>, ArtifactError> {
    let limit = (MAX_FILE_BYTES as u64).max(4 * MAX_BLOB_WORDS as u64);
    let mut changed = Vec::new();
    for record in files {
        // A manifest can be edited; it must not send this tool to other places.
        let is_plain = Path::new(&record.name).file_name().is_some_and(|name| name == record.name.as_str());
        let same = is_plain
            && match read(&directory.join(&record.name), limit) {
                Ok(bytes) => FileRecord::of(&record.name, &bytes) == *record,
                Err(ArtifactError::TooLarge { .. }) => false,
                Err(ArtifactError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => false,
                Err(error) => return Err(error),
            };
        if !same {
            changed.push(record.name.clone());
        }
    }
    Ok(changed)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ArtifactError> {
    read_limited(path, limit).map_err(|error| match error {
        ReadError::System(source) => ArtifactError::Read { path: path.to_owned(), source },
        ReadError::TooLarge => ArtifactError::TooLarge { path: path.to_owned(), limit },
    })
}
