//! Smaller graphs that mean the same: labelled rewrites, applied until none fits.
//!
//! Requires and ensures a graph that [`Graph::verify`] accepts, with the same leaves, and outputs of the same names, order
//! and types. Where every intermediate value is finite, outputs agree up to rounding; signs of zeros may change, and a
//! product with 0 is 0 even where the other factor would not have been finite. Equal subexpressions are one node by
//! construction.
//!
//! Weights stay single: a matrix that is used plainly and transposed stays one constant, read through the flags of
//! `matmul`; no constant beyond [`SMALL_LEN`] elements is copied, scaled or folded while anything else uses it. The one
//! exception is a matrix of at most [`COPIED_LEN`] elements whose columns are permuted, under [`Storage::SmallTwice`].
//!
//! A rewrite is a value: a label, and a function that finds its pattern at one node and builds the replacement. A run can
//! be stopped after the n-th one, to find the one that is to blame.

mod algebra;
mod choice;
mod factor;
mod fold;
mod prune;
mod segments;
mod sign;
mod simplify;
mod site;
mod structure;
mod weights;

use std::collections::HashMap;
use std::fmt;

use crate::graph::{Graph, GraphError, NodeId, Op};

pub use fold::SMALL_LEN;
pub use prune::prune;
use site::Site;

/// Most passes over a graph; each applies every rewrite that fits.
pub const MAX_PASSES: usize = 1024;
/// Most rewrites in a row at one node within a pass.
const MAX_REWRITES_AT_NODE: usize = 32;

/// Most elements of a matrix that is stored a second time with its columns permuted: 16 KiB in f32.
pub const COPIED_LEN: usize = 4096;

/// How often weights may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Storage {
    /// Every weight once: on a device a copy costs flash, and views cost nothing there.
    Once,
    /// Matrices of at most [`COPIED_LEN`] elements twice, where that saves operators: in a file every operator costs time.
    #[default]
    SmallTwice,
}

/// A rewrite: its label, and what finds the pattern at a node and builds the replacement.
struct Rewrite {
    label: &'static str,
    rule: fn(&mut Site<'_>) -> Result<Option<NodeId>, GraphError>,
}

/// Rewrites that look at a node and what is below it.
const GENERAL: &[&[Rewrite]] = &[
    fold::REWRITES,
    simplify::REWRITES,
    algebra::REWRITES,
    choice::REWRITES,
    factor::REWRITES,
    structure::REWRITES,
    segments::REWRITES,
];
/// Kept apart: they count the users of a constant, and no rewrite among them gives a constant a new user.
const WEIGHTS: &[&[Rewrite]] = &[weights::REWRITES, sign::REWRITES];

/// A rewrite that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The rewrite's name.
    pub label: &'static str,
    /// The pass, counted from 1.
    pub pass: usize,
    /// The node replaced, as numbered in the graph that pass began with.
    pub node: NodeId,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pass {}, {}: {}", self.pass, self.node, self.label)
    }
}

/// Rewrites a graph until nothing fits any more.
///
/// # Errors
/// [`GraphError`] where the graph is not well formed, a rewrite is defective, or rewrites still fit after [`MAX_PASSES`].
pub fn optimize(graph: &Graph) -> Result<Graph, GraphError> {
    optimize_for(graph, Storage::default())
}

/// As [`optimize`], with a say in how often weights are stored.
///
/// # Errors
/// As [`optimize`].
pub fn optimize_for(graph: &Graph, storage: Storage) -> Result<Graph, GraphError> {
    rewrite(graph, storage, None).map(|(graph, _)| graph)
}

/// As [`optimize`], with the rewrites that were applied; at most `stop_after` of them, where given.
///
/// # Errors
/// As [`optimize`].
pub fn optimize_explained(graph: &Graph, stop_after: Option<usize>) -> Result<(Graph, Vec<Applied>), GraphError> {
    rewrite(graph, Storage::default(), stop_after)
}

fn rewrite(graph: &Graph, storage: Storage, stop_after: Option<usize>) -> Result<(Graph, Vec<Applied>), GraphError> {
    graph.verify()?;
    let [general, weights] = [GENERAL, WEIGHTS].map(|tables| tables.iter().copied().flatten().collect::<Vec<_>>());
    let mut graph = prune(graph)?;
    let mut applied = Vec::new();
    let mut rewrites = &general;
    let mut settled = false;
    for pass in 1..=MAX_PASSES {
        let before = applied.len();
        let limit = stop_after.unwrap_or(usize::MAX);
        graph = prune(&Pass { old: &graph, rewrites, storage, pass, limit, applied: &mut applied }.run()?)?;
        let unchanged = applied.len() == before;
        settled = unchanged && std::ptr::eq(rewrites, &weights);
        if settled {
            break;
        }
        rewrites = if unchanged { &weights } else { &general };
    }
    if !settled {
        let last = applied.last().map(ToString::to_string).unwrap_or_default();
        return Err(GraphError::Shape(format!("rewrites still fit after {MAX_PASSES} passes, last {last}")));
    }
    graph.verify()?;
    Ok((graph, applied))
}

/// One walk over a graph, from arguments to users.
struct Pass<'a> {
    old: &'a Graph,
    rewrites: &'a [&'a Rewrite],
    storage: Storage,
    pass: usize,
    limit: usize,
    applied: &'a mut Vec<Applied>,
}

impl Pass<'_> {
    fn run(mut self) -> Result<Graph, GraphError> {
        let (uses, feeds_matmul) = self.users();
        let mut graph = Graph::new();
        let mut placed: Vec<NodeId> = Vec::with_capacity(uses.len());
        let mut placed_uses: HashMap<NodeId, usize> = HashMap::new();
        for id in self.old.ids() {
            let node = self.old.node(id);
            let args: Vec<NodeId> = node.args.iter().map(|arg| placed[arg.index()]).collect();
            let copy = graph.add(node.op.clone(), &args)?;
            let mut site = Site {
                graph: &mut graph,
                node: copy,
                uses: &placed_uses,
                direct: true,
                feeds_matmul: feeds_matmul[id.index()],
                copied_len: if self.storage == Storage::SmallTwice { COPIED_LEN } else { 0 },
            };
            self.rewrite(&mut site, id)?;
            let result = site.node;
            placed.push(result);
            *placed_uses.entry(result).or_default() += uses[id.index()];
        }
        for (name, id) in self.old.outputs() {
            graph.set_output(name, placed[id.index()]);
        }
        Ok(graph)
    }

    fn rewrite(&mut self, site: &mut Site<'_>, old: NodeId) -> Result<(), GraphError> {
        for _ in 0..MAX_REWRITES_AT_NODE {
            if self.applied.len() >= self.limit {
                return Ok(());
            }
            let mut found = None;
            for rewrite in self.rewrites {
                if let Some(replacement) = (rewrite.rule)(site)?.filter(|replacement| *replacement != site.node) {
                    found = Some((rewrite.label, replacement));
                    break;
                }
            }
            let Some((label, replacement)) = found else { return Ok(()) };
            if site.graph.node(replacement).ty != site.graph.node(site.node).ty {
                let (before, after) = (site.shape(), site.graph.shape(replacement));
                return Err(GraphError::Shape(format!("rewrite `{label}` turned {before} into {after}")));
            }
            self.applied.push(Applied { label, pass: self.pass, node: old });
            site.node = replacement;
            site.direct = false;
        }
        Ok(())
    }

    /// For each node the number of its uses, outputs included, and whether a product is among them.
    fn users(&self) -> (Vec<usize>, Vec<bool>) {
        let mut uses = vec![0usize; self.old.nodes().len()];
        let mut feeds_matmul = vec![false; uses.len()];
        for node in self.old.nodes() {
            for arg in &node.args {
                uses[arg.index()] += 1;
                feeds_matmul[arg.index()] |= matches!(node.op, Op::MatMul { .. });
            }
        }
        for (_, id) in self.old.outputs() {
            uses[id.index()] += 1;
        }
        (uses, feeds_matmul)
    }
}

#[cfg(test)]
mod tests;
