//! All it takes to continue a training, and the safetensors files that hold weights.
//!
//! A number is written with the precision it has (f32 values widen to f64 exactly and back), so what is read is, bit for bit,
//! what was written. Files appear by rename: a reader never sees half of one.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use hnn_exporter::graph::Tensor;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::architecture::Parameters;
use crate::execute::Precision;
use crate::fit::{Memory, Starts};

/// Version of the checkpoint's layout.
const LAYOUT: &str = "1";
/// Longest file that is read.
pub const MAX_FILE_BYTES: u64 = 1 << 32;

/// Why a file of tensors cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

/// State of a training after some step.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Steps taken.
    pub step: u64,
    /// Judgements since the last improvement.
    pub stale: u64,
    /// Loss of the best weights, once judged.
    pub best_loss: Option<f64>,
    /// Loss at the last judgement.
    pub held_out: Option<f64>,
    /// Weights now.
    pub parameters: Parameters,
    /// First moments of Adam; empty before the first step.
    pub moment_1: Parameters,
    /// Second moments of Adam.
    pub moment_2: Parameters,
    /// Best weights so far.
    pub best: Parameters,
    /// Learned first states of training windows.
    pub starts: Starts,
    /// Learned first states of held-out windows.
    pub judge_starts: Starts,
    /// What L-BFGS remembers; empty for other methods.
    pub memory: Memory,
    /// Its last steps in a row that made no progress.
    pub idle_steps: u32,
}

const GROUPS: [&str; 4] = ["parameter", "moment_1", "moment_2", "best"];
const START_GROUPS: [&str; 2] = ["starts", "judge_starts"];
const MEMORY_COLUMNS: [&str; 2] = ["memory/moves", "memory/changes"];

impl Checkpoint {
    /// Writes everything as one safetensors file, atomically.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let groups = [&self.parameters, &self.moment_1, &self.moment_2, &self.best];
        let mut tensors: Vec<(String, Tensor)> = Vec::new();
        for (group, parameters) in GROUPS.iter().zip(groups) {
            tensors.extend(parameters.iter().map(|(name, tensor)| (format!("{group}/{name}"), tensor.clone())));
        }
        for (group, starts) in START_GROUPS.iter().zip([&self.starts, &self.judge_starts]) {
            #[expect(clippy::cast_precision_loss, reason = "visits stay below the step limit of 2^32")]
            let visits = starts.visits.iter().map(|visits| *visits as f64).collect();
            let columns = [&starts.offsets, &starts.moment_1, &starts.moment_2, &visits];
            for (column, values) in ["offsets", "moment_1", "moment_2", "visits"].iter().zip(columns) {
                if !values.is_empty() {
                    let tensor = Tensor::new(vec![values.len()], values.clone());
                    let tensor = tensor.map_err(|error| content(path, error.to_string()))?;
                    tensors.push((format!("{group}/{column}"), tensor));
                }
            }
        }
        for (column, rows) in MEMORY_COLUMNS.iter().zip([&self.memory.moves, &self.memory.changes]) {
            if let Some(first) = rows.first() {
                let tensor = Tensor::new(vec![rows.len(), first.len()], rows.concat());
                let tensor = tensor.map_err(|error| content(path, error.to_string()))?;
                tensors.push(((*column).to_owned(), tensor));
            }
        }
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{:016x}", value.to_bits()));
        let metadata = [
            ("layout", LAYOUT.to_owned()),
            ("step", self.step.to_string()),
            ("stale", self.stale.to_string()),
            ("idle_steps", self.idle_steps.to_string()),
            ("best_loss", number(self.best_loss)),
            ("held_out", number(self.held_out)),
            ("start_width", self.starts.width.to_string()),
            ("judge_start_width", self.judge_starts.width.to_string()),
        ];
        let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        // The state of training is kept at full width: f32 values widen exactly.
        write(path, &tensors, Precision::F64, metadata)
    }

    /// Reads what [`Checkpoint::save`] wrote.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn load(path: &Path) -> Result<Self, CheckpointError> {
        let (tensors, metadata) = read(path)?;
        let text = |key: &str| metadata.get(key).ok_or_else(|| content(path, format!("it has no entry `{key}`")));
        if text("layout")? != LAYOUT {
            return Err(content(path, format!("layout {} instead of {LAYOUT}", text("layout")?)));
        }
        let wrong = |key: &str| content(path, format!("entry `{key}` is not a number"));
        let count = |key: &str| text(key)?.parse::<u64>().map_err(|_| wrong(key));
        let number = |key: &str| match text(key)?.as_str() {
            "" => Ok(None),
            bits => u64::from_str_radix(bits, 16).map(|bits| Some(f64::from_bits(bits))).map_err(|_| wrong(key)),
        };
        let group = |name: &str| -> Parameters {
            let prefix = format!("{name}/");
            let own = |(key, tensor): (&String, &Tensor)| Some((key.strip_prefix(&prefix)?.to_owned(), tensor.clone()));
            tensors.iter().filter_map(own).collect()
        };
        let starts = |name: &str, width: &str| -> Result<Starts, CheckpointError> {
            let columns = group(name);
            let column = |key: &str| columns.get(key).map(|tensor| tensor.data().to_vec()).unwrap_or_default();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "written from counts")]
            let visits = column("visits").iter().map(|visits| *visits as u64).collect();
            let width = usize::try_from(count(width)?).map_err(|_| wrong(width))?;
            let (offsets, moment_1, moment_2) = (column("offsets"), column("moment_1"), column("moment_2"));
            Ok(Starts { width, offsets, moment_1, moment_2, visits })
        };
        let memory = |column: &str| -> Vec<Vec<f64>> {
            let rows = |tensor: &Tensor| {
                let width = tensor.shape().last().copied().unwrap_or(1).max(1);
                tensor.data().chunks_exact(width).map(<[f64]>::to_vec).collect()
            };
            tensors.get(column).map(rows).unwrap_or_default()
        };
        // Absent where an earlier version wrote the file.
        let idle_steps =
            metadata.get("idle_steps").map_or(Ok(0), |text| text.parse().map_err(|_| wrong("idle_steps")))?;
        Ok(Self {
            memory: Memory { moves: memory(MEMORY_COLUMNS[0]), changes: memory(MEMORY_COLUMNS[1]) },
            idle_steps,
            step: count("step")?,
            stale: count("stale")?,
            best_loss: number("best_loss")?,
            held_out: number("held_out")?,
            parameters: group(GROUPS[0]),
            moment_1: group(GROUPS[1]),
            moment_2: group(GROUPS[2]),
            best: group(GROUPS[3]),
            starts: starts(START_GROUPS[0], "start_width")?,
            judge_starts: starts(START_GROUPS[1], "judge_start_width")?,
        })
    }
}

/// Writes weights, each under its name, in the precision they were trained in.
///
/// # Errors
/// [`CheckpointError`].
pub fn save_parameters(path: &Path, parameters: &Parameters, precision: Precision) -> Result<(), CheckpointError> {
    let tensors: Vec<(String, Tensor)> = parameters.iter().map(|(name, t)| (name.clone(), t.clone())).collect();
    write(path, &tensors, precision, HashMap::new())
}

/// Reads weights.
///
/// # Errors
/// [`CheckpointError`].
pub fn load_parameters(path: &Path) -> Result<Parameters, CheckpointError> {
    Ok(read(path)?.0)
}

fn content(path: &Path, message: String) -> CheckpointError {
    CheckpointError::Content { path: path.to_owned(), message }
}

fn write(
    path: &Path,
    tensors: &[(String, Tensor)],
    precision: Precision,
    metadata: HashMap<String, String>,
) -> Result<(), CheckpointError> {
    let dtype = match precision {
        Precision::F32 => Dtype::F32,
        Precision::F64 => Dtype::F64,
    };
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| encode(tensor.data(), precision)).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, tensor), bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(dtype, tensor.shape().to_vec(), bytes);
        views.push((name.clone(), view.map_err(|error| content(path, error.to_string()))?));
    }
    let metadata = if metadata.is_empty() { None } else { Some(metadata) };
    let file = safetensors::serialize(views, metadata).map_err(|error| content(path, error.to_string()))?;
    write_atomically(path, &file).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })
}

fn encode(values: &[f64], precision: Precision) -> Vec<u8> {
    match precision {
        #[expect(clippy::cast_possible_truncation, reason = "values trained in f32 are f32 already")]
        Precision::F32 => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        Precision::F64 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}

type Contents = (BTreeMap<String, Tensor>, HashMap<String, String>);

fn read(path: &Path) -> Result<Contents, CheckpointError> {
    let io = |source: io::Error| CheckpointError::Io { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(io)?.len() > MAX_FILE_BYTES {
        return Err(content(path, format!("it is longer than {MAX_FILE_BYTES} bytes")));
    }
    let file = std::fs::read(path).map_err(io)?;
    let invalid = |error: safetensors::SafeTensorError| content(path, format!("no safetensors file: {error}"));
    let parsed = SafeTensors::deserialize(&file).map_err(invalid)?;
    let (_, header) = SafeTensors::read_metadata(&file).map_err(invalid)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in parsed.iter() {
        let values = decode(view.data(), view.dtype())
            .ok_or_else(|| content(path, format!("tensor `{name}` is {:?}; f32 and f64 are known", view.dtype())))?;
        let tensor = Tensor::new(view.shape().to_vec(), values).map_err(|error| content(path, error.to_string()))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

fn decode(bytes: &[u8], dtype: Dtype) -> Option<Vec<f64>> {
    match dtype {
        Dtype::F32 => {
            let words = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok());
            Some(words.map(|word| f64::from(f32::from_le_bytes(word))).collect())
        }
        Dtype::F64 => {
            let words = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok());
            Some(words.map(f64::from_le_bytes).collect())
        }
        _ => None,
    }
}

/// Writes a file under a temporary name beside its own, makes it durable, and renames it.
///
/// # Errors
/// What the file system says; the temporary file is removed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = std::fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
    if renamed.is_err() {
        // The first error is the one to report, whether or not this succeeds.
        let _ = std::fs::remove_file(&temporary);
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |value: f64| Tensor::new(vec![2, 1], vec![value, -0.1]).unwrap();
        let parameters: Parameters = [("a.weight".to_owned(), tensor(0.3)), ("b".to_owned(), tensor(1e-40))].into();
        let mut starts = Starts::new(3, 2);
        starts.offsets[4] = 0.1;
        starts.visits[2] = 7;
        Checkpoint {
            step: 12,
            stale: 3,
            best_loss: Some(0.1 + 0.2),
            held_out: None,
            parameters: parameters.clone(),
            moment_1: parameters.clone(),
            moment_2: Parameters::new(),
            best: parameters,
            starts,
            judge_starts: Starts::default(),
            memory: Memory { moves: vec![vec![0.1, 1e-40], vec![0.3, 0.5]], changes: vec![vec![1.0, 2.0]; 2] },
            idle_steps: 2,
        }
    }

    #[test]
    fn what_is_loaded_is_what_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        checkpoint().save(&path).unwrap();
        assert_eq!(Checkpoint::load(&path).unwrap(), checkpoint());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_cut_or_altered_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        checkpoint().save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for len in [0, 7, 8, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..len]).unwrap();
            let message = Checkpoint::load(&path).unwrap_err().to_string();
            assert!(message.contains("checkpoint.safetensors"), "{message}");
        }
    }

    #[test]
    fn parameters_keep_the_precision_they_were_trained_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parameters.safetensors");
        let value = f64::from(0.1_f32);
        let parameters: Parameters = [("w".to_owned(), Tensor::scalar(value))].into();
        save_parameters(&path, &parameters, Precision::F32).unwrap();
        assert_eq!(load_parameters(&path).unwrap(), parameters);
        assert!(std::fs::metadata(&path).unwrap().len() % 8 == 4);
    }

    #[test]
    fn writing_into_a_missing_folder_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write_atomically(&folder.path().join("none").join("file"), b"x").is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
