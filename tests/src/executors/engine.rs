//! Engines that were written by others: the optimised graph as an f32 ONNX file, evaluated by tract or ONNX Runtime.

use anyhow::{Context, Result};
use hnn_exporter::graph::Tensor;
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_exporter::validate::{EngineKind, open};

use super::{Executor, Question, arguments};
use crate::cases::Case;

/// The exported file in one engine.
#[derive(Debug)]
pub struct OnnxEngine(EngineKind);

impl OnnxEngine {
    /// tract, which is compiled in.
    #[must_use]
    pub fn tract() -> Self {
        Self(EngineKind::Tract)
    }

    /// ONNX Runtime, which is loaded.
    ///
    /// # Errors
    /// Where its library is not there.
    pub fn onnx_runtime() -> Result<Self> {
        let engine = Self(EngineKind::Ort);
        let spring = crate::cases::all()?.into_iter().next().context("there are no cases")?;
        engine.answer(&spring, Question::Energy)?;
        Ok(engine)
    }
}

impl Executor for OnnxEngine {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What engines must agree within, by the contract of `hnn validate`.
    fn tolerance(&self) -> f64 {
        1e-5
    }

    fn answer(&self, case: &Case, question: Question) -> Result<Option<Tensor>> {
        let graph = question.optimised_graph(case)?;
        let mut engine = open(self.0, &onnx::write(&graph, &WriteOptions::default())?)?;
        let arguments = arguments(case, &graph)?;
        let arguments: Vec<(&str, &Tensor)> = arguments.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let (_, first) = engine.run(&arguments)?.into_iter().next().context("the engine gives no output")?;
        Ok(Some(first))
    }
}
