//! The reference: the graph as read from the file, evaluated in f64.

use super::batches::{self, Declared};
use super::engine::{Engine, EngineError, EngineKind};
use crate::evaluate::Evaluator;
use crate::graph::{Dim, Graph, Tensor};
use crate::onnx;

/// A graph and the oracle prepared for it.
#[derive(Debug)]
pub struct Reference {
    inputs: Vec<Declared>,
    outputs: Vec<String>,
    evaluator: Evaluator,
}

impl Reference {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`EngineError::File`].
    pub fn read(file: &[u8]) -> Result<Self, EngineError> {
        Self::new(&onnx::read(file)?)
    }

    /// Prepares a graph.
    ///
    /// # Errors
    /// [`EngineError::Evaluate`].
    pub fn new(graph: &Graph) -> Result<Self, EngineError> {
        let known = |dim: &Dim| if let Dim::Fixed(len) = dim { Some(*len) } else { None };
        let shape = |id| graph.shape(id).dims().iter().map(known).collect();
        Ok(Self {
            inputs: graph.inputs().into_iter().map(|(name, id)| (name.to_owned(), Some(shape(id)))).collect(),
            outputs: graph.outputs().iter().map(|(name, _)| name.clone()).collect(),
            evaluator: Evaluator::new(graph)?,
        })
    }

    /// The one output of that name.
    ///
    /// # Errors
    /// As [`Engine::run`]; also where there is no such output.
    pub fn output(&mut self, inputs: &[(&str, &Tensor)], name: &str) -> Result<Tensor, EngineError> {
        let found = self.run(inputs)?.into_iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor);
        found.ok_or_else(|| EngineError::failed(EngineKind::Reference, format!("the file has no output `{name}`")))
    }
}

impl Engine for Reference {
    fn kind(&self) -> EngineKind {
        EngineKind::Reference
    }

    fn version(&self) -> String {
        format!("{} {}, f64", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    }

    fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>, EngineError> {
        let known: Vec<(&str, &Tensor)> =
            inputs.iter().copied().filter(|(name, _)| self.inputs.iter().any(|(input, _)| input == name)).collect();
        batches::run(&self.inputs, &known, |inputs| {
            Ok(self.outputs.iter().cloned().zip(self.evaluator.run(inputs)?).collect())
        })
    }
}
