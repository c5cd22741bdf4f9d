//! A graph while it is being read, and what has been spent of the limits.

use super::super::OnnxError;
use super::super::proto::tensor_proto::DataType;
use super::super::proto::{GraphProto, ValueInfoProto};
use super::names::Names;
use super::node::Context;
use super::note::Notes;
use super::options::{Argument, Imported, ReadOptions, Weights};
use super::settle::Settler;
use super::structure::{Structure, fixed, tensor_type, text};
use super::tensor::{Decoder, Stored};
use super::within;
use crate::graph::{Dim, Graph, Kind, NodeId, Op, Shape};
use crate::legalize::Value;

/// Most elements of all known arrays that are stored in a file, and that its operators take and give, together.
pub const MAX_KNOWN_ELEMENTS: usize = 1 << 23;

/// Most elements of all constants of the graph together, those that rules make of a few integers included; a node counts
/// as `NODE_ELEMENTS` of them.
pub const MAX_GRAPH_ELEMENTS: usize = 1 << 25;
/// What a node takes in memory besides its constant, in elements.
const NODE_ELEMENTS: usize = 32;

/// What the first dimension of an input means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leading {
    /// The batch where it is symbolic.
    Symbolic,
    /// The batch, which the file fixed to that many rows.
    Frozen(i64),
    /// Itself; there is no batch.
    Literal,
    /// Itself, or that many rows where it is symbolic; there is no batch.
    Open(usize),
}

/// Reads one file in one way.
pub(super) struct Reader<'a> {
    pub(super) structure: &'a Structure<'a>,
    pub(super) graph: Graph,
    pub(super) decoder: Decoder<'a>,
    pub(super) settler: Settler,
    pub(super) notes: Notes,
    pub(super) expanded: usize,
    known_elements: usize,
    graph_elements: usize,
    counted_nodes: usize,
    parameters: Vec<(String, crate::graph::Tensor)>,
    leading: Leading,
    options: &'a ReadOptions,
}

impl<'a> Reader<'a> {
    pub(super) fn new(structure: &'a Structure<'a>, options: &'a ReadOptions, leading: Leading) -> Self {
        Self {
            structure,
            graph: Graph::new(),
            decoder: Decoder::new(options.directory.as_deref()),
            settler: Settler::default(),
            notes: Notes::default(),
            expanded: 0,
            known_elements: 0,
            graph_elements: 0,
            counted_nodes: 0,
            parameters: Vec::new(),
            leading,
            options,
        }
    }

    /// Reads the whole model.
    pub(super) fn model(mut self) -> Result<Imported, OnnxError> {
        let graph = self.structure.graph;
        let mut names = Names::default();
        names.enter();
        for info in self.structure.inputs() {
            let value = self.input(info)?;
            names.define(text(&info.name), Some(value))?;
        }
        self.initializers(graph, &mut names, self.options.weights)?;
        let context = Context::of_model(self.structure.opset);
        for node in &graph.node {
            self.node(&mut names, node, &context)?;
        }
        for info in &graph.output {
            self.output(&names, text(&info.name))?;
        }
        let Self { graph, parameters, notes, .. } = self;
        Ok(Imported { graph, parameters, notes: notes.found, not_batched: None })
    }

    /// The rows the batch is fixed to in the file.
    pub(super) fn frozen_batch(&self) -> Option<i64> {
        if let Leading::Frozen(rows) = self.leading { Some(rows) } else { None }
    }

    /// Counts what is known against the limit.
    pub(super) fn count_known(&mut self, value: &Value) -> Result<(), OnnxError> {
        if let Value::Integers(integers) = value {
            self.known_elements += integers.values().len();
        }
        within("integers known while the file is read", self.known_elements, MAX_KNOWN_ELEMENTS)
    }

    /// Counts the nodes that came since the last time, and their constants, against the limit.
    pub(super) fn count_nodes(&mut self) -> Result<(), OnnxError> {
        for node in &self.graph.nodes()[self.counted_nodes..] {
            let constant = if let Op::Constant(tensor) = &node.op { tensor.data().len() } else { 0 };
            self.graph_elements = self.graph_elements.saturating_add(NODE_ELEMENTS + constant);
        }
        self.counted_nodes = self.graph.nodes().len();
        within("elements of the graph's constants and nodes", self.graph_elements, MAX_GRAPH_ELEMENTS)
    }

    /// Stored weights of the file, or of a graph within a node.
    pub(super) fn initializers(
        &mut self,
        graph: &'a GraphProto,
        names: &mut Names<'a>,
        weights: Weights,
    ) -> Result<(), OnnxError> {
        for tensor in &graph.initializer {
            let name = text(&tensor.name);
            let value = match (self.argument(name), self.decoder.tensor(name, tensor)?) {
                (Some(argument), _) => self.supplied(name, argument)?,
                (None, Stored::Reals(tensor)) if weights == Weights::Parameters && !tensor.shape().is_empty() => {
                    let id = self.graph.parameter(name, tensor.shape())?;
                    self.parameters.push((name.to_owned(), tensor));
                    Value::Node(id)
                }
                (None, stored) => self.stored(stored)?,
            };
            names.define(name, Some(value))?;
        }
        Ok(())
    }

    fn stored(&mut self, stored: Stored) -> Result<Value, OnnxError> {
        let value = match stored {
            Stored::Reals(tensor) => Value::Node(self.graph.constant(tensor)?),
            Stored::Integers(integers) => Value::Integers(integers),
        };
        self.count_known(&value)?;
        Ok(value)
    }

    fn argument(&self, name: &str) -> Option<&'a Argument> {
        self.options.arguments.as_ref()?.get(name)
    }

    fn supplied(&mut self, name: &str, argument: &Argument) -> Result<Value, OnnxError> {
        let value = match argument {
            Argument::Reals(shape) => Value::Node(self.graph.input(name, Shape::fixed(shape)?)?),
            Argument::Known(integers) => Value::Integers(integers.clone()),
        };
        self.count_known(&value)?;
        Ok(value)
    }

    fn input(&mut self, info: &ValueInfoProto) -> Result<Value, OnnxError> {
        let name = text(&info.name);
        if self.options.arguments.is_some() {
            let argument = self.argument(name);
            let argument = argument.ok_or_else(|| OnnxError::value(name, "this input is given no value"))?;
            return self.supplied(name, argument);
        }
        let Some(ty) = tensor_type(info) else {
            return Err(OnnxError::value(name, "this input is no tensor"));
        };
        let element = ty.elem_type.and_then(|element| DataType::try_from(element).ok());
        if !matches!(element, Some(DataType::Float | DataType::Double | DataType::Float16 | DataType::Bfloat16)) {
            let found = element.map_or("an unknown type", |element| element.as_str_name());
            let message =
                format!("an input of {found}; inputs are float, double, float16 or bfloat16: fix it as a weight");
            return Err(OnnxError::value(name, message));
        }
        let Some(shape) = &ty.shape else {
            return Err(OnnxError::value(name, "this input has no shape; export it with one"));
        };
        let mut dims = Vec::new();
        for (axis, dim) in shape.dim.iter().enumerate() {
            dims.push(match fixed(dim) {
                Some(rows) if axis == 0 && self.leading == Leading::Frozen(rows) && shape.dim.len() >= 2 => Dim::Batch,
                Some(len) => Dim::Fixed(
                    usize::try_from(len).map_err(|_| OnnxError::value(name, format!("length {len} of axis {axis}")))?,
                ),
                None if axis == 0 => match self.leading {
                    Leading::Open(rows) => Dim::Fixed(rows),
                    _ => Dim::Batch,
                },
                None => {
                    let message = format!(
                        "axis {axis} has no fixed length; only the first, the batch, may vary: export with this length \
                         fixed (leave it out of dynamic_axes or dynamic_shapes)"
                    );
                    return Err(OnnxError::value(name, message));
                }
            });
        }
        Ok(Value::Node(self.graph.input(name, Shape::new(dims)?)?))
    }

    fn output(&mut self, names: &Names<'a>, name: &str) -> Result<(), OnnxError> {
        let value = match names.find(name) {
            Some(Some(value)) => value.clone(),
            Some(None) | None => return Err(OnnxError::value(name, "no node computes this output")),
        };
        let id = match value {
            Value::Node(id) if self.graph.node(id).ty.kind == Kind::Real => id,
            // A value asked for by example is shown as a number, whatever it is made of.
            Value::Node(id) if self.options.arguments.is_some() => self.truth_as_number(id)?,
            Value::Integers(integers) if self.options.arguments.is_some() => {
                let numbers = integers.numbers().map_err(|error| OnnxError::value(name, error.to_string()))?;
                self.graph.constant(numbers)?
            }
            _ => return Err(OnnxError::value(name, "this output holds no real numbers; cast it to float")),
        };
        self.graph.set_output(name, id);
        Ok(())
    }

    fn truth_as_number(&mut self, id: NodeId) -> Result<NodeId, OnnxError> {
        let (yes, no) = (self.graph.scalar(1.0)?, self.graph.scalar(0.0)?);
        Ok(self.graph.add(Op::Select, &[id, yes, no])?)
    }
}
