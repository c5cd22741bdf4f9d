//! The f64 oracle, and three ways through which a graph must come out with the same meaning.

use anyhow::{Context, Result};
use hnn_exporter::evaluate::evaluate;
use hnn_exporter::graph::{Graph, Tensor};
use hnn_exporter::onnx::{self, Precision, WriteOptions};

use super::{Executor, Question, arguments};
use crate::cases::Case;

/// The derived graph, evaluated as it is.
#[derive(Debug)]
pub struct Oracle;

/// The graph after all optimisations.
#[derive(Debug)]
pub struct Optimised;

/// The optimised graph, printed and parsed again.
#[derive(Debug)]
pub struct TextForm;

/// The optimised graph, written as an ONNX file in f64 and read again.
#[derive(Debug)]
pub struct OnnxReread;

impl Executor for Oracle {
    fn name(&self) -> &'static str {
        "oracle"
    }

    fn tolerance(&self) -> f64 {
        0.0
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        first_output(case, &question.graph(case)?)
    }
}

impl Executor for Optimised {
    fn name(&self) -> &'static str {
        "optimised graph"
    }

    /// Rewrites regroup sums and products: some units of the last place of f64, amplified by cancellation.
    fn tolerance(&self) -> f64 {
        1e-12
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        first_output(case, &question.optimised_graph(case)?)
    }
}

impl Executor for TextForm {
    fn name(&self) -> &'static str {
        "text form"
    }

    fn tolerance(&self) -> f64 {
        1e-12
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        let graph = question.optimised_graph(case)?;
        let text = graph.to_string();
        let parsed = Graph::parse(&text).with_context(|| format!("parsing\n{text}"))?;
        anyhow::ensure!(parsed.to_string() == text, "printing what was parsed gives another text:\n{text}");
        first_output(case, &parsed)
    }
}

impl Executor for OnnxReread {
    fn name(&self) -> &'static str {
        "ONNX, written and read"
    }

    fn tolerance(&self) -> f64 {
        1e-12
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        let options = WriteOptions { precision: Precision::F64, ..WriteOptions::default() };
        let bytes = onnx::write(&question.optimised_graph(case)?, &options)?;
        first_output(case, &onnx::read(&bytes)?)
    }
}

fn first_output(case: &Case, graph: &Graph) -> Result<Option<Tensor>> {
    let arguments = arguments(case, graph)?;
    let arguments: Vec<(&str, &Tensor)> = arguments.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let outputs = evaluate(graph, &arguments)?;
    Ok(Some(outputs.into_iter().next().context("the graph has no output")?))
}
