//! The graph is the model: a hash-consed arena of typed operators.
//!
//! A [`Graph`] is a value. Nodes are added, never changed; equal nodes get equal ids; arguments precede their users, so
//! ascending ids are a topological order. Passes take a graph and return another. It knows no ONNX, no training, no device.
//!
//! ```
//! use hnn_exporter::graph::{Graph, Shape};
//! let mut graph = Graph::new();
//! let x = graph.input("x", Shape::batched(&[2])?)?;
//! let square = graph.mul(x, x)?;
//! let energy = graph.sum(square, &[1])?;
//! graph.set_output("H", energy);
//! assert_eq!(graph.shape(energy).to_string(), "[batch]");
//! # Ok::<(), hnn_exporter::graph::GraphError>(())
//! ```

mod builder;
mod functions;
mod index;
mod op;
mod shape;
mod tensor;
mod text;
mod verify;

use std::collections::{BTreeMap, HashMap};

pub use functions::Function;
use index::Index;
pub use op::{Binary, Comparison, Kind, Node, Op, Type, Unary};
pub use shape::{Dim, MAX_ELEMENTS, MAX_RANK, Shape};
pub use tensor::Tensor;
pub use text::{MAX_TEXT_BYTES, TextError};
pub use verify::{MAX_NAME_LEN, MAX_OUTPUTS};

/// Most nodes of a graph.
pub const MAX_NODES: usize = 1 << 20;

/// Index of a node in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// Position in [`Graph::nodes`].
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "%{}", self.0)
    }
}

/// Why a node cannot be built, or a graph is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Dimensions do not fit.
    #[error("{0}")]
    Shape(String),
    /// Wrong number of arguments.
    #[error("{op} does not take {count} arguments")]
    Arity {
        /// Operator at fault.
        op: &'static str,
        /// Arguments given.
        count: usize,
    },
    /// A truth value where a number is wanted, or the other way round.
    #[error("{op}: argument {position} is a truth value where a number is wanted, or the other way round")]
    Kind {
        /// Operator at fault.
        op: &'static str,
        /// Argument at fault, counted from 0.
        position: usize,
    },
    /// A name declared twice with different shapes, or used but not declared.
    #[error("{0}")]
    Name(String),
    /// More than [`MAX_NODES`] nodes.
    #[error("the graph exceeds the limit of {MAX_NODES} nodes")]
    TooLarge,
}

impl GraphError {
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self::Shape(message.into())
    }

    pub(crate) fn arity(op: &'static str, count: usize) -> Self {
        Self::Arity { op, count }
    }

    pub(crate) fn kind(op: &'static str, position: usize) -> Self {
        Self::Kind { op, position }
    }

    fn within(self, op: &str) -> Self {
        match self {
            Self::Shape(message) => Self::Shape(format!("{op}: {message}")),
            other => other,
        }
    }
}

/// An arena of nodes with named outputs.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    index: Index,
    leaves: BTreeMap<String, NodeId>,
    outputs: Vec<(String, NodeId)>,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, or finds the equal one that is there.
    ///
    /// # Errors
    /// [`GraphError`] where the arguments do not fit the operator, a leaf's name is taken by another leaf, or the graph is full.
    pub fn add(&mut self, op: Op, args: &[NodeId]) -> Result<NodeId, GraphError> {
        if let Some(arg) = args.iter().find(|arg| arg.index() >= self.nodes.len()) {
            return Err(GraphError::Name(format!("{}: argument {arg} is not in this graph", op.name())));
        }
        if let Some(id) = self.index.find(&self.nodes, &op, args) {
            return Ok(id);
        }
        let types: Vec<&Type> = args.iter().map(|arg| &self.nodes[arg.index()].ty).collect();
        let ty = op.infer(&types)?;
        let node = Node { op, args: args.to_vec(), ty };
        let id = match u32::try_from(self.nodes.len()) {
            Ok(index) if self.nodes.len() < MAX_NODES => NodeId(index),
            _ => return Err(GraphError::TooLarge),
        };
        if let Op::Input(name, _) | Op::Parameter(name, _) = &node.op {
            if self.leaves.contains_key(&**name) {
                return Err(GraphError::Name(format!("`{name}` is declared twice")));
            }
            self.leaves.insert(name.to_string(), id);
        }
        self.nodes.push(node);
        self.index.insert(&self.nodes, id);
        Ok(id)
    }

    /// All nodes; arguments precede their users.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ids of all nodes, ascending.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        // `add` keeps the count below MAX_NODES, which fits.
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Shape of a node's result.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.node(id).ty.shape
    }

    /// The input or parameter of that name.
    #[must_use]
    pub fn leaf(&self, name: &str) -> Option<NodeId> {
        self.leaves.get(name).copied()
    }

    /// Inputs in the order of their declaration: name and node.
    #[must_use]
    pub fn inputs(&self) -> Vec<(&str, NodeId)> {
        self.leaves_where(|op| if let Op::Input(name, _) = op { Some(name) } else { None })
    }

    /// Parameters in the order of their declaration: name and node.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&str, NodeId)> {
        self.leaves_where(|op| if let Op::Parameter(name, _) = op { Some(name) } else { None })
    }

    fn leaves_where<'a>(&'a self, name: impl Fn(&'a Op) -> Option<&'a std::sync::Arc<str>>) -> Vec<(&'a str, NodeId)> {
        self.ids().filter_map(|id| name(&self.node(id).op).map(|name| (&**name, id))).collect()
    }

    /// Names a result; an output of that name is replaced.
    pub fn set_output(&mut self, name: &str, id: NodeId) {
        match self.outputs.iter_mut().find(|(known, _)| known == name) {
            Some(output) => output.1 = id,
            None => self.outputs.push((name.to_owned(), id)),
        }
    }

    /// Named results in the order they were named.
    #[must_use]
    pub fn outputs(&self) -> &[(String, NodeId)] {
        &self.outputs
    }

    /// The result of that name.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<NodeId> {
        self.outputs.iter().find(|(known, _)| known == name).map(|(_, id)| *id)
    }

    /// The constant a node holds.
    #[must_use]
    pub fn constant_value(&self, id: NodeId) -> Option<&Tensor> {
        if let Op::Constant(tensor) = &self.node(id).op { Some(tensor) } else { None }
    }

    /// Nodes that `roots` need, as a mask over [`Graph::nodes`].
    #[must_use]
    pub fn needed(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut mask = vec![false; self.nodes.len()];
        for root in roots {
            mask[root.index()] = true;
        }
        for id in self.ids().rev() {
            if mask[id.index()] {
                for arg in &self.node(id).args {
                    mask[arg.index()] = true;
                }
            }
        }
        mask
    }

    /// Nodes whose value depends on any of `sources`, as a mask over [`Graph::nodes`].
    #[must_use]
    pub fn dependent(&self, sources: &[NodeId]) -> Vec<bool> {
        let mut mask = vec![false; self.nodes.len()];
        for id in self.ids() {
            mask[id.index()] = sources.contains(&id) || self.node(id).args.iter().any(|arg| mask[arg.index()]);
        }
        mask
    }

    /// Copies what `roots` of `other` need into this graph and returns where they are.
    ///
    /// `bind` may supply a node of this graph for a node of `other`, which is then used in its place: an input, or any
    /// subexpression. Inputs and parameters that are not bound are declared here under their own names, once.
    ///
    /// # Errors
    /// [`GraphError`] where a bound node's shape does not fit its users, or a name is declared with another shape.
    pub fn inline(
        &mut self,
        other: &Self,
        roots: &[NodeId],
        bind: &dyn Fn(NodeId, &Node) -> Option<NodeId>,
    ) -> Result<Vec<NodeId>, GraphError> {
        let mut copies: Vec<Option<NodeId>> = vec![None; other.nodes.len()];
        let bound: Vec<Option<NodeId>> = other.ids().map(|id| bind(id, other.node(id))).collect();
        let mut mask = vec![false; other.nodes.len()];
        for root in roots {
            mask[root.index()] = true;
        }
        for id in other.ids().rev() {
            if mask[id.index()] && bound[id.index()].is_none() {
                for arg in &other.node(id).args {
                    mask[arg.index()] = true;
                }
            }
        }
        for id in other.ids().filter(|id| mask[id.index()]) {
            let node = other.node(id);
            let args: Vec<NodeId> = match bound[id.index()] {
                Some(_) => Vec::new(),
                None => node.args.iter().filter_map(|arg| copies[arg.index()]).collect(),
            };
            copies[id.index()] = Some(match bound[id.index()] {
                Some(local) => local,
                None => self.add(node.op.clone(), &args)?,
            });
        }
        Ok(roots.iter().filter_map(|root| copies[root.index()]).collect())
    }

    /// The same graph with parameters replaced by constants where `value` knows them.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where a value does not have its parameter's shape.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<Tensor>) -> Result<Self, GraphError> {
        let mut bound = Self::new();
        let mut constants = HashMap::new();
        for (name, id) in self.parameters() {
            if let Some(tensor) = value(name) {
                if Shape::fixed(tensor.shape())? != *self.shape(id) {
                    return Err(GraphError::shape(format!(
                        "parameter `{name}` is {}, its value is {:?}",
                        self.shape(id),
                        tensor.shape()
                    )));
                }
                constants.insert(id, bound.constant(tensor)?);
            }
        }
        // Inputs first, so that their order survives even where one is not used.
        for (_, id) in self.inputs() {
            bound.add(self.node(id).op.clone(), &[])?;
        }
        let roots: Vec<NodeId> = self.outputs.iter().map(|(_, id)| *id).collect();
        let copies = bound.inline(self, &roots, &|id, _| constants.get(&id).copied())?;
        for ((name, _), id) in self.outputs.iter().zip(copies) {
            bound.set_output(name, id);
        }
        Ok(bound)
    }
}
