//! What a learned Hamiltonian is compared with: a vector field, or a map, without an energy.
//!
//! A field (`dx`) is stepped by the classical Runge–Kutta rule, a map (`x_next`) by itself, at the time step of its training
//! data. A map may carry a memory from step to step: an input and an output of the graph, zeros at the start of a motion.
//! Both are graphs with parameters like any model's; nothing here is exported.

#[cfg(test)]
mod tests;

use hnn_exporter::dynamics::{DynamicsError, INPUT, NEXT_STATE, STATE, STEP_LENGTH, Scheme, StepLength};
use hnn_exporter::graph::{Graph, NodeId, Shape, Tensor};

use crate::learned::Motion;

/// Name of the vector field's output, `[batch, 2n]`.
pub const FIELD: &str = "dx";
/// Name of the input that holds what a map remembers, `[batch, k]`.
pub const MEMORY: &str = "memory";
/// Name of the output that holds what it remembers for the next step, `[batch, k]`.
pub const NEXT_MEMORY: &str = "memory_next";

/// A field or a map whose graph has parameters or had them.
#[derive(Debug, Clone)]
pub struct Baseline {
    graph: Graph,
    dof: usize,
    inputs: usize,
}

impl Baseline {
    /// Checks inputs (`x` `[batch, 2n]`, optionally `u` `[batch, m]` and `memory` `[batch, k]`) and outputs: either `dx`
    /// `[batch, 2n]`, or `x_next` `[batch, 2n]` with `memory_next` where there is a memory.
    ///
    /// # Errors
    /// [`DynamicsError::NotAModel`] naming the input or output at fault.
    pub fn new(graph: Graph) -> Result<Self, DynamicsError> {
        let wrong = |message: String| DynamicsError::NotAModel(message);
        let leaf = |name: &str| graph.leaf(name).map(|id| graph.shape(id).clone());
        let output = |name: &str| graph.output(name).map(|id| graph.shape(id).clone());
        let row = |shape: Option<Shape>| shape.filter(|s| s.rank() == 2 && s.is_batched()).and_then(|s| s.len(1));
        let width = row(leaf(STATE))
            .filter(|len| *len > 0 && len % 2 == 0)
            .ok_or_else(|| wrong(format!("it needs an input `{STATE}` of shape [batch, 2n]")))?;
        let known = [STATE, INPUT, MEMORY];
        if let Some((name, _)) = graph.inputs().into_iter().find(|(name, _)| !known.contains(name)) {
            return Err(wrong(format!("unexpected input `{name}`")));
        }
        let (field, next) = (row(output(FIELD)), row(output(NEXT_STATE)));
        if [field, next].into_iter().flatten().ne([width]) {
            let message = format!("without an energy it needs either `{FIELD}` or `{NEXT_STATE}`, [batch, {width}]");
            return Err(wrong(message));
        }
        if leaf(MEMORY) != output(NEXT_MEMORY) || (field.is_some() && leaf(MEMORY).is_some()) {
            let message = format!("`{MEMORY}` and `{NEXT_MEMORY}` belong to a map and have one shape");
            return Err(wrong(message));
        }
        let inputs = row(leaf(INPUT)).unwrap_or(0);
        Ok(Self { graph, dof: width / 2, inputs })
    }

    /// The graph that defines it.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The same with learned parameters replaced by their values.
    ///
    /// # Errors
    /// [`DynamicsError::Graph`] where a value does not have its parameter's shape.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<Tensor>) -> Result<Self, DynamicsError> {
        Ok(Self { graph: self.graph.bind(value)?, ..*self })
    }

    /// The classical Runge–Kutta step of the field, the input held. Hairer, Nørsett and Wanner, *Solving Ordinary
    /// Differential Equations I*, table II.1.2.
    fn runge_kutta(&self, field: NodeId, length: StepLength) -> Result<Graph, DynamicsError> {
        let mut graph = Graph::new();
        let x = graph.input(STATE, Shape::batched(&[2 * self.dof])?)?;
        let dt = match length {
            StepLength::Scalar => graph.input(STEP_LENGTH, Shape::fixed(&[])?)?,
            StepLength::PerRow => graph.input(STEP_LENGTH, Shape::batched(&[1])?)?,
        };
        if self.inputs > 0 {
            graph.input(INPUT, Shape::batched(&[self.inputs])?)?;
        }
        let state = self.graph.leaf(STATE);
        let mut sum = None;
        let mut at = x;
        for (weight, next_at) in [(1.0, 0.5), (2.0, 0.5), (2.0, 1.0), (1.0, 0.0)] {
            let slope = graph.inline(&self.graph, &[field], &|id, _| (Some(id) == state).then_some(at))?[0];
            let weighted = graph.scale(slope, weight)?;
            sum = Some(match sum {
                Some(sum) => graph.add_values(sum, weighted)?,
                None => weighted,
            });
            if next_at > 0.0 {
                let part = graph.scale(dt, next_at)?;
                let increment = graph.mul(part, slope)?;
                at = graph.add_values(x, increment)?;
            }
        }
        let sixth = graph.scale(dt, 1.0 / 6.0)?;
        let increment = graph.mul(sixth, sum.unwrap_or(x))?;
        let next = graph.add_values(x, increment)?;
        graph.set_output(NEXT_STATE, next);
        Ok(graph)
    }
}

impl Motion for Baseline {
    fn dof(&self) -> usize {
        self.dof
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn field(&self) -> Result<Graph, DynamicsError> {
        if self.is_map() {
            let message = "a map from state to next state has no vector field; it is trained by `--loss rollout`";
            return Err(DynamicsError::NotAModel(message.to_owned()));
        }
        Ok(self.graph.clone())
    }

    fn step(&self, _: Scheme, length: StepLength) -> Result<Graph, DynamicsError> {
        match self.graph.output(FIELD) {
            Some(field) => self.runge_kutta(field, length),
            None => Ok(self.graph.clone()),
        }
    }

    fn is_map(&self) -> bool {
        self.graph.output(NEXT_STATE).is_some()
    }

    fn stepper(&self, _: Scheme) -> String {
        if self.is_map() { "its own map" } else { "rk4" }.to_owned()
    }
}
