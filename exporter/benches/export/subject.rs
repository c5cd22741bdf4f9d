//! What is measured: energies from files, with weights beside them where they are kept there, and networks made here.

use std::path::{Path, PathBuf};

use hnn_exporter::dynamics::{ENERGY, Model, STATE};
use hnn_exporter::graph::{Graph, GraphError, Shape, Tensor};
use hnn_exporter::onnx::{self, ReadOptions, WriteOptions};
use hnn_exporter::validate::ort::Ort;

use super::Failure;

/// An energy as an ONNX file.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) file: Vec<u8>,
    /// Where the file lies, if it lies anywhere.
    path: Option<PathBuf>,
}

impl Subject {
    /// The graph of the file.
    pub(super) fn graph(&self) -> Result<Graph, Failure> {
        let directory = self.path.as_deref().and_then(Path::parent).map(Path::to_owned);
        Ok(onnx::read_with(&self.file, &ReadOptions { directory, ..ReadOptions::default() })?.graph)
    }

    /// The file in the engine.
    pub(super) fn engine(&self) -> Result<Ort, Failure> {
        Ok(match &self.path {
            Some(path) => Ort::read_at(path)?,
            None => Ort::read(&self.file)?,
        })
    }
}

/// The tanh networks 2-n-n-1, then the files in `paths`, by name.
pub(super) fn all(paths: &[PathBuf]) -> Result<Vec<Subject>, Failure> {
    let mut subjects = Vec::new();
    for width in [32, 200] {
        let file = onnx::write(network(width)?.graph(), &WriteOptions::default())?;
        subjects.push(Subject { name: format!("mlp 2-{width}-{width}-1"), file, path: None });
    }
    let mut files = Vec::new();
    for path in paths {
        gather(path, &mut files)?;
    }
    files.sort();
    for path in files {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        subjects.push(Subject { name, file: std::fs::read(&path)?, path: Some(path) });
    }
    Ok(subjects)
}

/// The ONNX files in `path` and the folders in it.
fn gather(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            gather(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|extension| extension == "onnx") {
        files.push(path.to_owned());
    }
    Ok(())
}

/// H of a tanh network 2-n-n-1 with pseudo-random weights.
pub(super) fn network(width: usize) -> Result<Model, Failure> {
    let mut graph = Graph::new();
    let mut value = graph.input(STATE, Shape::batched(&[2])?)?;
    let mut state = 1u64;
    for (outputs, inputs) in [(width, 2), (width, width), (1, width)] {
        let scale = 1.0 / (inputs as f64).sqrt();
        let weights = tensor(&mut state, &[outputs, inputs], scale)?;
        let bias = tensor(&mut state, &[outputs], scale)?;
        let (weights, bias) = (graph.constant(weights)?, graph.constant(bias)?);
        let product = graph.matmul_transposed(value, weights)?;
        let sum = graph.add_values(product, bias)?;
        value = if outputs == 1 { sum } else { graph.tanh(sum)? };
    }
    graph.set_output(ENERGY, value);
    Ok(Model::new(graph)?)
}

/// Pseudo-random numbers in ±scale that f32 holds exactly.
pub(super) fn tensor(state: &mut u64, shape: &[usize], scale: f64) -> Result<Tensor, GraphError> {
    let mut number = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = (*state >> 40) as f64 / f64::from(1u32 << 23) - 1.0;
        f64::from((unit * scale) as f32)
    };
    Tensor::new(shape.to_vec(), (0..shape.iter().product()).map(|_| number()).collect())
}
