//! What is decided before the first node is written.
//!
//! ONNX operators do more at once than the graph's primitives, so some nodes need not appear: an expansion that an
//! elementwise user performs by itself, a product whose bias is added by Gemm, a sum whose axes are put back as length 1, an
//! activation with branches.
//! The plan says for every node which nodes it reads and which are absorbed by their only user; it changes no value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::activation::{self, Activation, Slope};
use crate::graph::{Binary, Dim, Graph, GraphError, NodeId, Op, Shape, Type};

/// A node that its only user computes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absorbed {
    /// A product; the user is the addition of the constant bias.
    ByBias {
        /// The constant added.
        bias: NodeId,
    },
    /// A sum; the user puts the summed axes back with length 1.
    ByKeptAxes,
}

/// Decisions for one graph.
#[derive(Debug)]
pub(super) struct Plan {
    args: Vec<Vec<NodeId>>,
    needed: Vec<bool>,
    absorbs: Vec<Option<(NodeId, Absorbed)>>,
    activations: BTreeMap<NodeId, Activation>,
    /// Nodes that are e^x, taken from the value of an Elu, their only argument.
    exponentials: BTreeSet<NodeId>,
}

impl Plan {
    /// Decides for `graph`; `fused` says whether activations may be one operator.
    pub(super) fn new(graph: &Graph, fused: bool) -> Result<Self, GraphError> {
        let args = graph.ids().map(|id| stretched_by_user(graph, id)).collect::<Result<Vec<_>, _>>()?;
        let mut plan = Self {
            needed: Vec::new(),
            absorbs: vec![None; args.len()],
            args,
            activations: BTreeMap::new(),
            exponentials: BTreeSet::new(),
        };
        if fused {
            plan.fuse(graph);
        }
        plan.needed = plan.reachable(graph);
        let uses = plan.uses(graph);
        for id in graph.ids().filter(|id| plan.needed[id.index()]) {
            plan.absorbs[id.index()] = plan
                .biased_product(graph, id)
                .or_else(|| plan.kept_sum(graph, id))
                .filter(|(absorbed, _)| uses[absorbed.index()] == 1);
        }
        for id in graph.ids() {
            if let Some((absorbed, _)) = plan.absorbs[id.index()] {
                plan.needed[absorbed.index()] = false;
            }
        }
        Ok(plan)
    }

    /// Nodes that `id` reads.
    pub(super) fn args(&self, id: NodeId) -> &[NodeId] {
        &self.args[id.index()]
    }

    /// Whether `id` is written.
    pub(super) fn is_needed(&self, id: NodeId) -> bool {
        self.needed[id.index()]
    }

    /// The node that `id` computes along, and how.
    pub(super) fn absorbs(&self, id: NodeId) -> Option<(NodeId, Absorbed)> {
        self.absorbs[id.index()]
    }

    /// The activation that `id` is, if it is written as one operator.
    pub(super) fn activation(&self, id: NodeId) -> Option<&Activation> {
        self.activations.get(&id)
    }

    /// Whether `id` is min(y, 0) + 1 of its argument y.
    pub(super) fn is_exponential(&self, id: NodeId) -> bool {
        self.exponentials.contains(&id)
    }

    /// The nodes that are written, each after what it reads, and otherwise in the graph's order.
    pub(super) fn order(&self, graph: &Graph) -> Vec<NodeId> {
        let mut waiting: Vec<usize> = self.args.iter().map(Vec::len).collect();
        let mut users: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for id in graph.ids() {
            for arg in self.args(id) {
                users.entry(*arg).or_default().push(id);
            }
        }
        let mut ready: BTreeSet<NodeId> = graph.ids().filter(|id| waiting[id.index()] == 0).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(id) = ready.pop_first() {
            order.push(id);
            for user in users.remove(&id).unwrap_or_default() {
                waiting[user.index()] -= 1;
                if waiting[user.index()] == 0 {
                    ready.insert(user);
                }
            }
        }
        order.retain(|id| self.is_needed(*id));
        order
    }

    /// Makes activations one operator each, and takes their slopes from the values that are there anyway.
    fn fuse(&mut self, graph: &Graph) {
        for id in graph.ids() {
            if let Some(activation) = activation::find(graph, id) {
                self.args[id.index()] = vec![activation.x];
                self.activations.insert(id, activation);
            }
        }
        let needed = self.reachable(graph);
        self.activations.retain(|id, _| needed[id.index()]);
        let values: BTreeMap<NodeId, NodeId> = self.activations.iter().map(|(id, known)| (known.x, *id)).collect();
        for id in graph.ids().filter(|id| needed[id.index()]) {
            let Some((x, slope)) = activation::slope(graph, id) else { continue };
            let Some(value) = values.get(&x).filter(|value| self.activations[*value].tells(slope)) else { continue };
            if slope == Slope::Exponential {
                self.args[id.index()] = vec![*value];
                self.exponentials.insert(id);
            } else {
                self.args[id.index()][0] = *value;
            }
        }
    }

    fn reachable(&self, graph: &Graph) -> Vec<bool> {
        let mut needed = vec![false; self.args.len()];
        for (_, id) in graph.outputs() {
            needed[id.index()] = true;
        }
        for id in graph.ids().rev() {
            if needed[id.index()] {
                for arg in &self.args[id.index()] {
                    needed[arg.index()] = true;
                }
            }
        }
        needed
    }

    fn uses(&self, graph: &Graph) -> Vec<usize> {
        let mut uses = vec![0; self.args.len()];
        for (_, id) in graph.outputs() {
            // An output must exist under its own name, so it is never absorbed.
            uses[id.index()] += 2;
        }
        for id in graph.ids().filter(|id| self.needed[id.index()]) {
            for arg in &self.args[id.index()] {
                uses[arg.index()] += 1;
            }
        }
        uses
    }

    fn biased_product(&self, graph: &Graph, id: NodeId) -> Option<(NodeId, Absorbed)> {
        let (Op::Binary(Binary::Add), &[a, b]) = (&graph.node(id).op, self.args(id)) else { return None };
        let fits = |product: NodeId, bias: NodeId| {
            let is_product = matches!(graph.node(product).op, Op::MatMul { .. });
            let flat = self.args(product).iter().all(|arg| graph.shape(*arg).rank() == 2);
            let vector = graph.constant_value(bias).is_some_and(|tensor| tensor.shape().len() == 1);
            is_product && flat && vector && graph.shape(bias).len(0) == graph.shape(product).len(1)
        };
        match (fits(a, b), fits(b, a)) {
            (true, _) => Some((a, Absorbed::ByBias { bias: b })),
            (_, true) => Some((b, Absorbed::ByBias { bias: a })),
            _ => None,
        }
    }

    fn kept_sum(&self, graph: &Graph, id: NodeId) -> Option<(NodeId, Absorbed)> {
        let (Op::Reshape(shape), &[sum]) = (&graph.node(id).op, self.args(id)) else { return None };
        let (Op::Sum(axes), &[summed]) = (&graph.node(sum).op, self.args(sum)) else { return None };
        let kept = graph
            .shape(summed)
            .dims()
            .iter()
            .enumerate()
            .map(|(axis, dim)| if axes.contains(&axis) { Dim::Fixed(1) } else { *dim });
        let kept = Shape::new(kept.collect()).ok()?;
        (kept == *shape).then_some((sum, Absorbed::ByKeptAxes))
    }
}

/// The arguments of `id` with expansions left out where the operator stretches its arguments by itself.
fn stretched_by_user(graph: &Graph, id: NodeId) -> Result<Vec<NodeId>, GraphError> {
    let node = graph.node(id);
    let mut args = node.args.clone();
    if !matches!(node.op, Op::Binary(_) | Op::Compare(_) | Op::Select | Op::Broadcast(_)) {
        return Ok(args);
    }
    for position in 0..args.len() {
        while let Op::Broadcast(_) = graph.node(args[position]).op {
            let mut shorter = args.clone();
            shorter[position] = graph.node(args[position]).args[0];
            let types: Vec<&Type> = shorter.iter().map(|arg| &graph.node(*arg).ty).collect();
            if node.op.infer(&types)? != node.ty {
                break;
            }
            args = shorter;
        }
    }
    Ok(args)
}
