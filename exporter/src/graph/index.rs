//! Finds the node that is equal to a given one: an open hash table of node ids that keeps no copies of nodes.
//!
//! Equal operators of equal arguments have equal types, so types are not compared.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Node, NodeId, Op};

/// Ids by the hash of their nodes; the length is a power of two, at most half of it in use.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    slots: Vec<Option<NodeId>>,
    len: usize,
}

impl Index {
    /// Nodes found here.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The node of `nodes` that applies `op` to `args`.
    pub(super) fn find(&self, nodes: &[Node], op: &Op, args: &[NodeId]) -> Option<NodeId> {
        let mut slot = self.start(op, args)?;
        while let Some(id) = self.slots[slot] {
            let node = &nodes[id.index()];
            if node.args == args && node.op == *op {
                return Some(id);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        None
    }

    /// Adds the last of `nodes`, which must not be there yet, under its id.
    pub(super) fn insert(&mut self, nodes: &[Node], id: NodeId) {
        if 2 * (self.len + 1) > self.slots.len() {
            let known: Vec<NodeId> = self.slots.iter().flatten().copied().collect();
            self.slots = vec![None; (2 * self.slots.len()).max(64)];
            known.into_iter().for_each(|id| self.put(nodes, id));
        }
        self.put(nodes, id);
        self.len += 1;
    }

    fn put(&mut self, nodes: &[Node], id: NodeId) {
        let node = &nodes[id.index()];
        let Some(mut slot) = self.start(&node.op, &node.args) else { return };
        while self.slots[slot].is_some() {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = Some(id);
    }

    /// The slot where the search begins; none in an empty table.
    fn start(&self, op: &Op, args: &[NodeId]) -> Option<usize> {
        let mut hasher = DefaultHasher::new();
        op.hash(&mut hasher);
        args.hash(&mut hasher);
        #[allow(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
        let hash = hasher.finish() as usize;
        (!self.slots.is_empty()).then(|| hash & (self.slots.len() - 1))
    }
}
