//! The node a rewrite looks at, and the questions patterns are made of.

use std::collections::HashMap;

use crate::graph::{Binary, Graph, GraphError, NodeId, Op, Shape, Unary};

/// A node of the graph being built, with what is known about uses.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) graph: &'a mut Graph,
    pub(super) node: NodeId,
    /// Uses of the nodes placed so far; new intermediate nodes are not among them.
    pub(super) uses: &'a HashMap<NodeId, usize>,
    /// Whether the node still has the arguments it had in the graph this pass began with.
    pub(super) direct: bool,
    /// Whether one of the node's users is a matrix product.
    pub(super) feeds_matmul: bool,
    /// Most elements of a constant that may be stored a second time, changed.
    pub(super) copied_len: usize,
}

impl Site<'_> {
    pub(super) fn op(&self) -> &Op {
        &self.graph.node(self.node).op
    }

    pub(super) fn shape(&self) -> Shape {
        self.graph.shape(self.node).clone()
    }

    /// The node's arguments, if it is that function of two numbers.
    pub(super) fn binary(&self, op: Binary) -> Option<(NodeId, NodeId)> {
        self.binary_at(self.node, op)
    }

    /// The arguments of any node, if it is that function of two numbers.
    pub(super) fn binary_at(&self, id: NodeId, op: Binary) -> Option<(NodeId, NodeId)> {
        let node = self.graph.node(id);
        (node.op == Op::Binary(op)).then(|| (node.args[0], node.args[1]))
    }

    /// The argument of any node, if it is that function of one number.
    pub(super) fn unary_at(&self, id: NodeId, op: Unary) -> Option<NodeId> {
        let node = self.graph.node(id);
        (node.op == Op::Unary(op)).then(|| node.args[0])
    }

    /// The one value of all elements of a constant, also a stretched or reshaped one.
    pub(super) fn uniform(&self, mut id: NodeId) -> Option<f64> {
        while matches!(self.graph.node(id).op, Op::Broadcast(..) | Op::Reshape(..)) {
            id = self.graph.node(id).args[0];
        }
        self.graph.constant_value(id)?.uniform()
    }

    /// For a commutative function: the other argument and the number, if one argument is a uniform constant.
    pub(super) fn with_number(&self, id: NodeId, op: Binary) -> Option<(NodeId, f64)> {
        let (a, b) = self.binary_at(id, op)?;
        let right = self.uniform(b).map(|value| (a, value));
        right.or_else(|| self.uniform(a).map(|value| (b, value)))
    }

    /// Whether the node is the only use of `id`, as far as is known.
    pub(super) fn single_use(&self, id: NodeId) -> bool {
        self.uses.get(&id) == Some(&1)
    }

    /// Whether the node is the only use of its argument `id`, for certain.
    pub(super) fn exclusive(&self, id: NodeId) -> bool {
        self.direct && self.single_use(id)
    }

    /// Whether a result of the node's shape has no more elements than `id`.
    pub(super) fn shrinks(&self, id: NodeId) -> bool {
        let (own, other) = (self.graph.shape(self.node), self.graph.shape(id));
        own.is_batched() <= other.is_batched() && own.row_len() <= other.row_len()
    }

    /// `id` stretched to the node's shape.
    pub(super) fn shaped(&mut self, id: NodeId) -> Result<Option<NodeId>, GraphError> {
        let shape = self.shape();
        self.graph.broadcast(id, shape).map(Some)
    }

    /// A number stretched to the node's shape.
    pub(super) fn number(&mut self, value: f64) -> Result<Option<NodeId>, GraphError> {
        let id = self.graph.scalar(value)?;
        self.shaped(id)
    }

    /// `x op value`, stretched to the node's shape.
    pub(super) fn with(&mut self, op: Binary, x: NodeId, value: f64) -> Result<Option<NodeId>, GraphError> {
        let number = self.graph.scalar(value)?;
        let id = self.graph.add(Op::Binary(op), &[x, number])?;
        self.shaped(id)
    }
}
