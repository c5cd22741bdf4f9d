//! The ONNX files of an export: derived, optimized, written, and described as they were written.

use crate::dynamics::{self, Model, Scheme, StepLength};
use crate::graph::Graph;
use crate::manifest::OnnxGraph;
use crate::onnx::{self, OnnxError, WriteOptions, Written};
use crate::optimize::{Applied, optimize_explained};

use super::record::{ports, rollout_ports};
use super::{ExportError, ExportOptions, GraphKind};

/// A record for the manifest, and the file with its name.
pub(super) type File = (OnnxGraph, (String, Vec<u8>));

/// The files of every kind that is asked for, each once.
///
/// # Errors
/// [`ExportError`] where a graph cannot be derived or written. A scheme the model cannot be stepped with is refused whatever
/// is asked for.
pub(super) fn write(model: &Model, scheme: Scheme, options: &ExportOptions) -> Result<Vec<File>, ExportError> {
    let step = dynamics::step(model, scheme, StepLength::Scalar)?;
    let mut kinds = options.graphs.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let mut files = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let derived = if kind.is_stepped() { step.clone() } else { kind.derive(model, scheme)? };
        let (graph, applied) = optimize_explained(&derived, options.stop_after)?;
        graph.verify()?;
        let file = kind.file_name();
        let written = written(model, &graph, kind, scheme, options);
        let (bytes, record) = written
            .and_then(|written| {
                let stopped = options.stop_after.filter(|most| *most == applied.len()).map(|_| stopped(&applied));
                let changes = stopped.into_iter().chain(written.changes).collect();
                Ok((written.bytes, record(&graph, kind, changes, &options.onnx)?))
            })
            .map_err(|source| ExportError::Onnx { file: file.clone(), source })?;
        files.push((record, (file, bytes)));
    }
    Ok(files)
}

/// What the manifest says of a graph whose rewrites were bounded.
fn stopped(applied: &[Applied]) -> String {
    match applied.last() {
        Some(last) => format!("the optimizer was stopped after {} rewrite(s), the last: {last}", applied.len()),
        None => "not optimized".to_owned(),
    }
}

fn record(
    graph: &Graph,
    kind: GraphKind,
    changes: Vec<String>,
    options: &WriteOptions,
) -> Result<OnnxGraph, OnnxError> {
    let batch = options.batch_written();
    let [inputs, outputs] = if kind == GraphKind::Rollout { rollout_ports(graph, batch)? } else { ports(graph, batch) };
    Ok(OnnxGraph { file: kind.file_name(), inputs, outputs, changes })
}

fn written(
    model: &Model,
    graph: &Graph,
    kind: GraphKind,
    scheme: Scheme,
    options: &ExportOptions,
) -> Result<Written, OnnxError> {
    let mut settings = WriteOptions { name: kind.name().to_owned(), ..options.onnx.clone() };
    if settings.description.is_empty() {
        settings.description.clone_from(&options.description);
    }
    let mut entry = |key: &str, value: String| settings.metadata.insert(key.to_owned(), value);
    entry("model", options.name.clone());
    entry("dof", model.dof().to_string());
    entry("inputs", model.inputs().to_string());
    entry("graph", kind.name().to_owned());
    entry("precision", options.onnx.precision.to_string());
    entry("profile", options.onnx.profile.to_string());
    if kind.is_stepped() {
        entry("scheme", scheme.to_string());
        entry("iterations", scheme.iterations().to_string());
        if let Some(omega) = scheme.omega() {
            entry("omega", omega.to_string());
        }
        entry("dt", options.dt.to_string());
    }
    match kind {
        GraphKind::Rollout => onnx::write_rollout(graph, &settings),
        _ => onnx::write_listing(graph, &settings),
    }
}

#[cfg(test)]
mod tests;
