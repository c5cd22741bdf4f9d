//! What can be known before selection: which nodes an entry needs, which merge into one layer, and where results belong.
//!
//! - A product of one vector with a constant matrix is a layer. An addition of constants that is its only user becomes its
//!   bias, a function that is the only user after that its activation.
//! - The arguments of a concatenation along the outermost dimension are computed where they will lie, and so is what is
//!   padded there or merely reshaped.

use std::collections::HashMap;

use crate::graph::{Binary, Graph, NodeId, Op, Unary};

/// A product with a constant matrix and what is merged into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layer {
    /// The product.
    pub(super) product: NodeId,
    /// The constants added to it.
    pub(super) bias: Option<NodeId>,
    /// The function applied last.
    pub(super) activation: Option<Unary>,
}

/// How one entry uses the nodes of the graph.
#[derive(Debug)]
pub(super) struct Uses {
    /// Nodes to be computed, or viewed.
    pub(super) needed: Vec<bool>,
    /// Layers, by the last node of each.
    pub(super) layers: HashMap<NodeId, Layer>,
    /// The node inside whose result a node's result belongs, and at which element.
    pub(super) homes: Vec<Option<(NodeId, usize)>>,
}

/// Which side of a product with one vector is the constant matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MatrixSide {
    /// xᵀ M
    Right,
    /// M x
    Left,
}

impl Uses {
    /// Looks at everything `root` needs.
    pub(super) fn new(graph: &Graph, root: NodeId) -> Self {
        let mut needed = graph.needed([root]);
        let fixed = constant_views(graph);
        let users = sole_users(graph, &needed, root);
        let mut layers = HashMap::new();
        for id in graph.ids().filter(|id| needed[id.index()]).collect::<Vec<_>>() {
            if matrix_side(graph, id, &fixed).is_some() {
                let (layer, merged) = layer(graph, id, &users, &fixed);
                let last = merged.last().copied().unwrap_or(id);
                // Everything of the layer but its last node has no result of its own.
                for inner in std::iter::once(id).chain(merged).filter(|inner| *inner != last) {
                    needed[inner.index()] = false;
                }
                layers.insert(last, layer);
            }
        }
        let homes = homes(graph, &needed, &layers);
        Self { needed, layers, homes }
    }
}

/// Nodes that only look into one constant.
pub(super) fn constant_views(graph: &Graph) -> Vec<bool> {
    let mut fixed = vec![false; graph.nodes().len()];
    for id in graph.ids() {
        let node = graph.node(id);
        fixed[id.index()] = match node.op {
            Op::Constant(_) => true,
            Op::Slice { .. } | Op::Transpose(_) | Op::Reshape(_) | Op::Broadcast(_) => fixed[node.args[0].index()],
            _ => false,
        };
    }
    fixed
}

/// Whether `id` multiplies one vector with a constant matrix, and on which side the matrix stands.
pub(super) fn matrix_side(graph: &Graph, id: NodeId, fixed: &[bool]) -> Option<MatrixSide> {
    let node = graph.node(id);
    let Op::MatMul { .. } = node.op else { return None };
    let dims = node.ty.shape.resolve(1);
    if node.args.iter().any(|arg| graph.shape(*arg).row_len() == 0) {
        return None;
    }
    let (lead, last) = dims.split_at(dims.len() - 2);
    let [lhs, rhs] = [0, 1].map(|side: usize| fixed[node.args[side].index()]);
    match lead.iter().all(|len| *len == 1) {
        true if last[0] == 1 && rhs && !lhs => Some(MatrixSide::Right),
        true if last[1] == 1 && lhs && !rhs => Some(MatrixSide::Left),
        _ => None,
    }
}

/// The only user of each node, where it has exactly one and is no result itself.
fn sole_users(graph: &Graph, needed: &[bool], root: NodeId) -> Vec<Option<NodeId>> {
    let mut counts = vec![0usize; graph.nodes().len()];
    let mut users = vec![None; graph.nodes().len()];
    for id in graph.ids().filter(|id| needed[id.index()]) {
        for arg in &graph.node(id).args {
            counts[arg.index()] += 1;
            users[arg.index()] = Some(id);
        }
    }
    counts[root.index()] += 1;
    users.iter().zip(counts).map(|(user, count)| user.filter(|_| count == 1)).collect()
}

/// The layer that starts with a product, and the nodes merged into it, in order.
fn layer(graph: &Graph, product: NodeId, users: &[Option<NodeId>], fixed: &[bool]) -> (Layer, Vec<NodeId>) {
    let mut layer = Layer { product, bias: None, activation: None };
    let mut merged = Vec::new();
    let len = graph.shape(product).row_len();
    while let Some(user) = users[merged.last().unwrap_or(&product).index()] {
        let node = graph.node(user);
        match &node.op {
            Op::Binary(Binary::Add) if merged.is_empty() && node.ty.shape.row_len() == len => {
                layer.bias = node.args.iter().copied().find(|arg| *arg != product && fixed[arg.index()]);
                if layer.bias.is_none() {
                    break;
                }
            }
            Op::Unary(op) => layer.activation = Some(*op),
            _ => break,
        }
        merged.push(user);
        if layer.activation.is_some() {
            break;
        }
    }
    (layer, merged)
}

/// Where results belong, for nodes that a kernel computes.
fn homes(graph: &Graph, needed: &[bool], layers: &HashMap<NodeId, Layer>) -> Vec<Option<(NodeId, usize)>> {
    let mut homes: Vec<Option<(NodeId, usize)>> = vec![None; graph.nodes().len()];
    for id in graph.ids().rev().filter(|id| needed[id.index()] && !layers.contains_key(id)) {
        let node = graph.node(id);
        let dims = node.ty.shape.resolve(1);
        let outermost = |axis: usize| dims[..axis].iter().all(|len| *len == 1);
        let inner = |axis: usize| dims[axis + 1..].iter().product::<usize>();
        let starts = match &node.op {
            Op::Concat { axis } if outermost(*axis) => {
                let lens = node.args.iter().map(|arg| graph.shape(*arg).row_len());
                lens.scan(0, |next, len| Some(std::mem::replace(next, *next + len))).collect()
            }
            Op::Pad { axis, before, .. } if outermost(*axis) => vec![before * inner(*axis)],
            Op::Reshape(_) if homes[id.index()].is_some() => vec![0],
            _ => continue,
        };
        for (arg, start) in node.args.iter().zip(starts) {
            let is_computed = !matches!(
                graph.node(*arg).op,
                Op::Input(..)
                    | Op::Parameter(..)
                    | Op::Constant(_)
                    | Op::Slice { .. }
                    | Op::Transpose(_)
                    | Op::Broadcast(_)
            );
            if is_computed && homes[arg.index()].is_none() {
                homes[arg.index()] = Some((id, start));
            }
        }
    }
    homes
}
