//! `hnn run`: one ONNX graph, one engine, arrays in and arrays out as npz.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, bail};
use hnn_exporter::graph::Tensor;
use hnn_exporter::onnx::MAX_FILE_BYTES;
use hnn_exporter::validate::{EngineKind, open};
use ndarray::{ArrayD, IxDyn};
use ndarray_npy::{NpzReader, NpzWriter, ReadNpzError};

use super::write_atomically;
use crate::arguments::RunArguments;
use crate::{Verdict, console, file};

/// Evaluates a graph.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<Verdict> {
    let kind: EngineKind = arguments.engine.parse()?;
    let bytes = file::read(&arguments.file, MAX_FILE_BYTES as u64)?;
    let inputs = read_inputs(&arguments.inputs)?;
    let mut engine = open(kind, &bytes).with_context(|| format!("cannot evaluate {}", arguments.file.display()))?;
    let named: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let outputs = engine.run(&named)?;
    write_outputs(&arguments.out, &outputs)?;
    for (name, value) in &outputs {
        console::say(format!("{name} {:?}", value.shape()));
    }
    Ok(Verdict::Good)
}

/// Reads every array of an npz file; 32-bit and 64-bit floats are accepted.
fn read_inputs(path: &Path) -> anyhow::Result<BTreeMap<String, Tensor>> {
    let context = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(context)?;
    let mut archive = NpzReader::new(file).with_context(context)?;
    let mut inputs = BTreeMap::new();
    for name in archive.names().with_context(context)? {
        let plain = name.trim_end_matches(".npy").to_owned();
        let array = match archive.by_name::<ndarray::OwnedRepr<f32>, IxDyn>(&name) {
            Ok(array) => array.mapv(f64::from),
            Err(ReadNpzError::Npy(_)) => archive
                .by_name::<ndarray::OwnedRepr<f64>, IxDyn>(&name)
                .with_context(|| format!("{}: array `{plain}` is neither f32 nor f64", path.display()))?,
            Err(error) => return Err(error).with_context(context),
        };
        let shape = array.shape().to_vec();
        // Iteration order is row-major whatever the order in the file.
        inputs.insert(plain, Tensor::new(shape, array.iter().copied().collect())?);
    }
    if inputs.is_empty() {
        bail!("{} holds no arrays", path.display());
    }
    Ok(inputs)
}

/// Writes outputs as f64 arrays, whole or not at all.
fn write_outputs(path: &Path, outputs: &[(String, Tensor)]) -> anyhow::Result<()> {
    write_atomically(path, |file| {
        let mut archive = std::io::Cursor::new(Vec::new());
        let mut writer = NpzWriter::new(&mut archive);
        for (name, value) in outputs {
            let array = ArrayD::from_shape_vec(IxDyn(value.shape()), value.data().to_vec())?;
            writer.add_array(name.as_str(), &array)?;
        }
        writer.finish()?;
        file.write_all(archive.get_ref())?;
        Ok(())
    })
}
