//! `hnn run`: one ONNX graph, one engine, arrays in and arrays out as npz.

mod npz;

use anyhow::Context;
use hnn_exporter::onnx;
use hnn_exporter::validate::{EngineKind, Subject, evaluate};

use crate::arguments::RunArguments;
use crate::{Verdict, console, file};

/// Evaluates a graph.
pub(crate) fn run(arguments: &RunArguments) -> anyhow::Result<Verdict> {
    let kind: EngineKind = arguments.engine.parse()?;
    let bytes = file::read(&arguments.file, onnx::MAX_FILE_BYTES as u64)?;
    let context = || format!("cannot evaluate {}", arguments.file.display());
    let declared = onnx::signature(&bytes).with_context(context)?.outputs;
    let arrays = npz::read(&arguments.inputs)?;
    let outputs = evaluate(kind, &Subject::at(&arguments.file, bytes), &arrays).with_context(context)?;
    npz::write(&arguments.out, &outputs, &declared)?;
    for (name, value) in &outputs {
        console::say(format!("{name} {:?}", value.shape()));
    }
    Ok(Verdict::Good)
}
