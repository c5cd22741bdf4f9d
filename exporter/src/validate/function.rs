//! Any graph on `hnn-runtime`: lowered as one function and called once for each row of the batch.
//!
//! A graph without a batch is called once, as a whole. What is computed is what a device that loads the same blob computes,
//! to the bit. Outputs that have no elements need no function.

use hnn_runtime::CompiledFunction;

use super::Outputs;
use super::batches::{self, Declared};
use super::engine::{Engine, EngineError, EngineKind, input};
use crate::emit::function_blob;
use crate::graph::{Dim, Graph, Shape, Tensor};
use crate::lower::{Port, lower_graph, ports};
use crate::manifest::{self, Dimension, FunctionRecord};

/// A graph as a function of the runtime.
#[derive(Debug, Clone)]
pub struct Function {
    /// The blob; empty where there is nothing to compute.
    words: Vec<u32>,
    arguments: Vec<Port>,
    results: Vec<Port>,
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::failed(EngineKind::Runtime, error)
}

impl Function {
    /// Lowers a graph and reads the blob back.
    ///
    /// # Errors
    /// [`EngineError::Failed`] naming the node that has no kernel, or the limit that is exceeded.
    pub fn new(graph: &Graph) -> Result<Self, EngineError> {
        let results = ports(graph, graph.outputs().iter().map(|(name, id)| (name.as_str(), *id)));
        if !results.is_empty() && results.iter().all(Port::is_empty) {
            return Ok(Self { words: Vec::new(), arguments: ports(graph, graph.inputs()), results });
        }
        let plan = lower_graph(graph).map_err(failed)?;
        let words = function_blob(&plan);
        hnn_runtime::Function::parse(&words).map_err(failed)?;
        Ok(Self { words, arguments: plan.arguments, results: plan.results })
    }

    /// Takes a blob as an export holds it, whose arguments and results are what its record says.
    ///
    /// # Errors
    /// [`EngineError::Failed`] where the blob is damaged, or has another number of arguments or results.
    pub fn stored(record: &FunctionRecord, words: &[u32]) -> Result<Self, EngineError> {
        let function = hnn_runtime::Function::parse(words).map_err(failed)?;
        let (arguments, results) = (rows(&record.arguments)?, rows(&record.results)?);
        let recorded = [&arguments, &results].map(|ports| ports.iter().map(Port::len).sum::<usize>());
        let found = [function.arguments_len(), function.results_len()];
        if found != recorded {
            let file = &record.file;
            return Err(failed(format!(
                "{file} has {found:?} arguments and results, the manifest says {recorded:?}; export the model again"
            )));
        }
        Ok(Self { words: words.to_vec(), arguments, results })
    }

    /// The inputs in order, and the number of rows; 1 where the graph has no batch.
    fn given<'a>(&self, inputs: &[(&str, &'a Tensor)]) -> Result<(Vec<&'a Tensor>, usize), EngineError> {
        let mut rows = None;
        let mut given = Vec::new();
        for port in &self.arguments {
            let tensor = input(EngineKind::Runtime, inputs, &port.name)?;
            let found = tensor.shape();
            let batch = if port.shape.is_batched() { found.first().copied() } else { None };
            if found != port.shape.resolve(batch.unwrap_or_default()) {
                return Err(failed(format!("input `{}` should be {}, but is {found:?}", port.name, port.shape)));
            }
            if let Some(batch) = batch
                && *rows.get_or_insert(batch) != batch
            {
                return Err(failed(format!("input `{}` has a batch of {batch}, another input another", port.name)));
            }
            given.push(tensor);
        }
        Ok((given, rows.unwrap_or(1)))
    }
}

/// Ports of a manifest, end to end, each a row of a batch.
fn rows(ports: &[manifest::Port]) -> Result<Vec<Port>, EngineError> {
    let mut offset = 0;
    let mut rows = Vec::with_capacity(ports.len());
    for manifest::Port { name, shape } in ports {
        let [Dimension::Fixed(len)] = shape[..] else {
            return Err(failed(format!(
                "`{name}` of a function should have one fixed dimension; export the model again"
            )));
        };
        rows.push(Port { name: name.clone(), shape: Shape::batched(&[len])?, offset });
        offset += len;
    }
    Ok(rows)
}

impl Engine for Function {
    fn kind(&self) -> EngineKind {
        EngineKind::Runtime
    }

    fn version(&self) -> String {
        super::runtime::version()
    }

    fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>, EngineError> {
        let known = |dim: &Dim| if let Dim::Fixed(len) = dim { Some(*len) } else { None };
        let declared: Vec<Declared> = self
            .arguments
            .iter()
            .map(|port| (port.name.clone(), Some(port.shape.dims().iter().map(known).collect())))
            .collect();
        batches::run(&declared, inputs, |inputs| self.call(inputs))
    }
}

impl Function {
    /// Calls the function for every row.
    fn call(&self, inputs: &[(&str, &Tensor)]) -> Result<Outputs, EngineError> {
        let (given, rows) = self.given(inputs)?;
        let mut outputs: Vec<Vec<f64>> = vec![Vec::new(); self.results.len()];
        if !self.words.is_empty() {
            self.fill(&given, rows, &mut outputs)?;
        }
        let named =
            |(port, values): (&Port, Vec<f64>)| Ok((port.name.clone(), Tensor::new(port.shape.resolve(rows), values)?));
        self.results.iter().zip(outputs).map(named).collect()
    }

    /// Appends the results of every row to the outputs.
    fn fill(&self, given: &[&Tensor], rows: usize, outputs: &mut [Vec<f64>]) -> Result<(), EngineError> {
        let function = hnn_runtime::Function::parse(&self.words).map_err(failed)?;
        let mut workspace = vec![0.0; function.workspace_len()];
        let mut compiled = CompiledFunction::bind(&function, &mut workspace).map_err(failed)?;
        let (mut arguments, mut results) = (vec![0.0; function.arguments_len()], vec![0.0; function.results_len()]);
        for row in 0..rows {
            for (port, tensor) in self.arguments.iter().zip(given) {
                let first = if port.shape.is_batched() { row * port.len() } else { 0 };
                let values = &tensor.data()[first..first + port.len()];
                for (argument, value) in arguments[port.offset..].iter_mut().zip(values) {
                    *argument = *value as f32;
                }
            }
            compiled.call(&arguments, &mut results);
            for (port, output) in self.results.iter().zip(&mut *outputs) {
                // What has no batch is the same in every row.
                if port.shape.is_batched() || row == 0 {
                    let values = &results[port.offset..port.offset + port.len()];
                    output.extend(values.iter().map(|value| f64::from(*value)));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_called_one_by_one_and_wrong_shapes_are_refused() {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
        let scale = graph.input("scale", Shape::fixed(&[]).unwrap()).unwrap();
        let scaled = graph.mul(x, scale).unwrap();
        let double = graph.scale(scale, 2.0).unwrap();
        graph.set_output("scaled", scaled);
        graph.set_output("double", double);
        let mut function = Function::new(&graph).unwrap();
        let rows = Tensor::new(vec![3, 2], vec![1., 2., 3., 4., 5., 6.]).unwrap();
        let (half, pair) = (Tensor::scalar(0.5), Tensor::new(vec![1, 1], vec![0.5]).unwrap());
        let found = function.run(&[("x", &rows), ("scale", &half)]).unwrap();
        let scaled = Tensor::new(vec![3, 2], vec![0.5, 1., 1.5, 2., 2.5, 3.]).unwrap();
        assert_eq!(found, [("scaled".to_owned(), scaled), ("double".to_owned(), Tensor::scalar(1.0))]);
        for (inputs, named) in [
            (vec![("x", &rows)], "`scale` is missing"),
            (vec![("x", &rows), ("scale", &pair)], "`scale` should be []"),
            (vec![("x", &half), ("scale", &half)], "`x` should be [batch,2]"),
        ] {
            let message = function.run(&inputs).unwrap_err().to_string();
            assert!(message.contains(named), "{message}");
        }
    }
}
