//! Finds the networks in an energy: H(x) = Σ Nₖ(x) + rest(x), each N a chain of affine maps and tanh.
//!
//! Structure is read off the graph: what lies between two layers of units has to be made of operators that are affine in the
//! lower one. The matrices are then what the f64 reference says these parts do to unit vectors, so that slices, products,
//! normalisation and whatever else lies between become one matrix. A sigmoid is ½ + ½ tanh(z/2), and stored so.

use std::ops::Range;

use crate::dynamics::{DISSIPATION, ENERGY, GAIN, INPUT, Model, STATE};
use crate::evaluate::evaluate;
use crate::graph::{Binary, Graph, GraphError, NodeId, Op, Shape, Tensor, Unary};

use super::QuantizeError;

/// One layer: units z = W s + b.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// W, row by row.
    pub(super) weights: Vec<Vec<f64>>,
    /// b.
    pub(super) biases: Vec<f64>,
}

/// offset + output · tanh(… tanh(W₁ x + b₁) …), of some coordinates of x.
#[derive(Debug, Clone)]
pub(super) struct Network {
    /// The coordinates of x: some of q, some of p, or all.
    pub(super) columns: Range<usize>,
    /// From the state up.
    pub(super) layers: Vec<Layer>,
    /// Weights of the last values.
    pub(super) output: Vec<f64>,
    /// What is added to them.
    pub(super) offset: f64,
}

/// The networks, and the same model without them.
pub(super) fn split(model: &Model) -> Result<(Vec<Network>, Model), QuantizeError> {
    let graph = model.graph();
    let energy = graph.output(ENERGY).ok_or(QuantizeError::NoNetwork { reason: "H has no output".to_owned() })?;
    let finder = Finder::new(graph, energy);
    let (mut networks, mut replaced) = (Vec::new(), Vec::new());
    let mut reason = finder.other_units();
    for top in finder.tops() {
        match finder.network(top, model.dof()) {
            Ok(network) => {
                networks.push(network);
                replaced.push(top);
            }
            Err(QuantizeError::NoNetwork { reason: found }) => reason = found,
            Err(error) => return Err(error),
        }
    }
    if networks.is_empty() {
        return Err(QuantizeError::NoNetwork { reason });
    }
    Ok((networks, without(model, &replaced)?))
}

/// The model with the values of some nodes of its energy held at 0.
fn without(model: &Model, nodes: &[NodeId]) -> Result<Model, QuantizeError> {
    let graph = model.graph();
    let mut rest = Graph::new();
    rest.input(STATE, Shape::batched(&[2 * model.dof()])?)?;
    if model.inputs() > 0 {
        rest.input(INPUT, Shape::batched(&[model.inputs()])?)?;
    }
    let zeros = zeros(&mut rest, graph, nodes)?;
    for name in [ENERGY, DISSIPATION, GAIN] {
        let Some(root) = graph.output(name) else { continue };
        let bind = |id: NodeId| zeros.iter().find(|(known, _)| name == ENERGY && *known == id).map(|(_, zero)| *zero);
        let placed = rest.inline(graph, &[root], &|id, _| bind(id))?;
        rest.set_output(name, placed[0]);
    }
    Ok(Model::new(rest)?)
}

/// A zero of its shape for each node.
fn zeros(target: &mut Graph, graph: &Graph, nodes: &[NodeId]) -> Result<Vec<(NodeId, NodeId)>, GraphError> {
    let zero = target.scalar(0.0)?;
    nodes.iter().map(|id| Ok((*id, target.broadcast(zero, graph.shape(*id).clone())?))).collect()
}

/// What is known of the nodes of an energy.
struct Finder<'a> {
    graph: &'a Graph,
    energy: NodeId,
    needed: Vec<bool>,
    /// What depends on the state.
    moving: Vec<bool>,
}

impl<'a> Finder<'a> {
    fn new(graph: &'a Graph, energy: NodeId) -> Self {
        let state: Vec<NodeId> = graph.leaf(STATE).into_iter().collect();
        Self { graph, energy, needed: graph.needed([energy]), moving: graph.dependent(&state) }
    }

    fn is_unit(&self, id: NodeId) -> bool {
        let known = matches!(self.graph.node(id).op, Op::Unary(Unary::Tanh | Unary::Sigmoid));
        known && self.needed[id.index()] && self.moving[id.index()]
    }

    /// Why there is no network where there are no units of the known kinds.
    fn other_units(&self) -> String {
        let other = |id: &NodeId| {
            let moving = self.needed[id.index()] && self.moving[id.index()];
            match self.graph.node(*id).op {
                Op::Unary(op) if moving && op != Unary::Neg => Some(op),
                _ => None,
            }
        };
        match self.graph.ids().find_map(|id| other(&id)) {
            Some(op) => format!("its units are {}, not tanh or sigmoid", Op::Unary(op).name()),
            None => "it has no units".to_owned(),
        }
    }

    /// Units that the energy is affine in.
    fn tops(&self) -> Vec<NodeId> {
        let units: Vec<NodeId> = self.graph.ids().filter(|id| self.is_unit(*id)).collect();
        // A unit below another one reaches the energy through it.
        units.into_iter().filter(|id| self.affine(*id, self.energy).is_ok()).collect()
    }

    /// Whether `root` is affine in `source`, with coefficients that do not move; else what stands in the way.
    fn affine(&self, source: NodeId, root: NodeId) -> Result<(), NodeId> {
        let depends = self.graph.dependent(&[source]);
        let needed = self.graph.needed([root]);
        for id in self.graph.ids().filter(|id| needed[id.index()] && depends[id.index()] && *id != source) {
            let node = self.graph.node(id);
            let depending = node.args.iter().filter(|arg| depends[arg.index()]).count();
            let others_rest = node.args.iter().all(|arg| depends[arg.index()] || !self.moving[arg.index()]);
            let fits = match &node.op {
                Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub) => true,
                Op::Transpose(_) | Op::Reshape(_) | Op::Broadcast(_) | Op::Concat { .. } => true,
                Op::Slice { .. } | Op::Pad { .. } | Op::Sum(_) => true,
                Op::Binary(Binary::Mul) | Op::MatMul { .. } => depending == 1 && others_rest,
                Op::Binary(Binary::Div) => depends[node.args[0].index()] && depending == 1 && others_rest,
                _ => false,
            };
            if !fits {
                return Err(id);
            }
        }
        Ok(())
    }

    /// What feeds a unit: one layer of units below it, or the state.
    fn below(&self, unit: NodeId) -> Result<Option<NodeId>, QuantizeError> {
        let (mut sources, mut reads_state) = (Vec::new(), false);
        let mut seen = vec![false; self.graph.nodes().len()];
        let mut open = self.graph.node(unit).args.clone();
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            if self.is_unit(id) {
                sources.push(id);
            } else if Some(id) == self.graph.leaf(STATE) {
                reads_state = true;
            } else {
                open.extend(&self.graph.node(id).args);
            }
        }
        match (sources.as_slice(), reads_state) {
            ([], true) => Ok(None),
            ([below], false) => Ok(Some(*below)),
            _ => Err(self.refused(unit, "more than the layer below it feeds it")),
        }
    }

    fn refused(&self, id: NodeId, why: &str) -> QuantizeError {
        let node = self.graph.node(id);
        QuantizeError::NoNetwork { reason: format!("node {id} ({} {}): {why}", node.op.name(), node.ty.shape) }
    }

    /// Follows a chain from its last units down to the state.
    fn network(&self, top: NodeId, dof: usize) -> Result<Network, QuantizeError> {
        let mut chain = vec![top];
        let mut unit = top;
        while let Some(below) = self.below(unit)? {
            chain.push(below);
            unit = below;
        }
        let state = self.graph.leaf(STATE).ok_or_else(|| self.refused(top, "there is no state"))?;
        let (output, mut offset) = self.map(top, self.energy)?;
        let mut output = output.into_iter().next().unwrap_or_default();
        let mut layers = Vec::new();
        for (position, unit) in chain.iter().enumerate() {
            let source = chain.get(position + 1).copied().unwrap_or(state);
            let (weights, biases) = self.map(source, self.graph.node(*unit).args[0])?;
            layers.push(Layer { weights, biases });
        }
        // y = ½ + ½ tanh(z/2) goes into the layer and into whatever reads it.
        let halved = |values: &mut [f64]| values.iter_mut().for_each(|value| *value *= 0.5);
        for (position, unit) in chain.iter().enumerate() {
            if !matches!(self.graph.node(*unit).op, Op::Unary(Unary::Sigmoid)) {
                continue;
            }
            layers[position].weights.iter_mut().for_each(|row| halved(row));
            halved(&mut layers[position].biases);
            match position.checked_sub(1) {
                Some(above) => {
                    let Layer { weights, biases } = &mut layers[above];
                    for (row, bias) in weights.iter_mut().zip(biases) {
                        halved(row);
                        *bias += row.iter().sum::<f64>();
                    }
                }
                None => {
                    halved(&mut output);
                    offset = vec![output.iter().sum()];
                }
            }
        }
        let is_sigmoid = matches!(self.graph.node(top).op, Op::Unary(Unary::Sigmoid));
        let offset = if is_sigmoid { offset[0] } else { 0.0 };
        layers.reverse();
        let columns = columns(&layers[0].weights, dof);
        layers[0].weights.iter_mut().for_each(|row| *row = row[columns.clone()].to_vec());
        Ok(Network { columns, layers, output, offset })
    }

    /// W and b of `root` = W·`source` + b, everything else that moves held at 0.
    fn map(&self, source: NodeId, root: NodeId) -> Result<(Vec<Vec<f64>>, Vec<f64>), QuantizeError> {
        self.affine(source, root).map_err(|id| self.refused(id, "it is not affine in the layer below"))?;
        let depends = self.graph.dependent(&[source]);
        let others: Vec<NodeId> =
            self.graph.ids().filter(|id| self.moving[id.index()] && !depends[id.index()]).collect();
        let mut part = Graph::new();
        let shape = self.graph.shape(source).clone();
        if !shape.is_batched() {
            return Err(self.refused(source, "it has no batch"));
        }
        let (len, dims) = (shape.row_len(), shape.resolve(1));
        let input = part.input("source", shape)?;
        let is_real = |id: &NodeId| self.graph.node(*id).ty.kind == crate::graph::Kind::Real;
        let others: Vec<NodeId> = others.into_iter().filter(is_real).collect();
        let zeros = zeros(&mut part, self.graph, &others)?;
        let bind = |id: NodeId| {
            let zero = zeros.iter().find(|(known, _)| *known == id).map(|(_, zero)| *zero);
            if id == source { Some(input) } else { zero }
        };
        let placed = part.inline(self.graph, &[root], &|id, _| bind(id))?;
        part.set_output("root", placed[0]);
        // One unit vector per row, and 0 last.
        let mut rows = vec![0.0; (len + 1) * len];
        (0..len).for_each(|index| rows[index * len + index] = 1.0);
        let dims = [&[len + 1], &dims[1..]].concat();
        let values = evaluate(&part, &[("source", &Tensor::new(dims, rows)?)])?.remove(0);
        let width = values.data().len() / (len + 1);
        let (units, origin) = values.data().split_at(len * width);
        let weights = (0..width).map(|row| (0..len).map(|col| units[col * width + row] - origin[row]).collect());
        Ok((weights.collect(), origin.to_vec()))
    }
}

/// The coordinates that any weight reads: a run of q, a run of p, or all where it reads both.
fn columns(weights: &[Vec<f64>], dof: usize) -> Range<usize> {
    let is_read = |col: &usize| weights.iter().any(|row| row[*col] != 0.0);
    let mut read = (0..2 * dof).filter(is_read);
    let first = read.next().unwrap_or(0);
    let last = read.next_back().unwrap_or(first);
    if (first < dof) == (last < dof) { first..last + 1 } else { 0..2 * dof }
}
