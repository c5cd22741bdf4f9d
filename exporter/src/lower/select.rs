//! Instruction selection: the graph below one output becomes kernels over buffers that have no place yet.
//!
//! Slices, transposes, broadcasts and reshapes become views; a copy appears only where a kernel cannot read a view. Elements
//! that are equal by construction are computed once. Every buffer element is written exactly once, so the kernels may be
//! reordered as long as each follows the writers of what it reads.

mod fuse;
mod movement;
mod product;
mod structure;

use std::collections::BTreeMap;

use crate::graph::{Graph, NodeId, Op};

use super::LowerError;
use super::constants::Constants;
use super::kernel::{Kernel, Pairwise, Stream};
use super::uses::{Uses, constant_views};
use super::view::{Base, View};

/// An input of a program: its name in the graph, and how many elements it has.
pub(super) type Argument<'a> = (&'a str, usize);

/// An operand before placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Unplaced {
    /// Element `offset` of a buffer.
    Buffer {
        /// Which buffer.
        index: usize,
        /// Element in it.
        offset: usize,
    },
    /// Element of the constant section.
    Constant(usize),
}

impl Unplaced {
    /// A dense tensor that starts here.
    fn view(self, dims: &[usize]) -> View {
        match self {
            Self::Buffer { index, offset } => View::dense(Base::Buffer(index), offset, dims),
            Self::Constant(offset) => View::dense(Base::Section, offset, dims),
        }
    }
}

/// The first element of a readable view.
fn start(view: &View) -> Unplaced {
    match view.base {
        Base::Buffer(index) => Unplaced::Buffer { index, offset: view.offset },
        Base::Constant(_) | Base::Section => Unplaced::Constant(view.offset),
    }
}

/// One entry, selected.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// Lengths of the buffers; the inputs are the first ones.
    pub(super) buffers: Vec<usize>,
    /// Number of inputs.
    pub(super) input_count: usize,
    /// Kernels in an order that works.
    pub(super) kernels: Vec<Kernel<Unplaced>>,
    /// Where the result starts, consecutive.
    pub(super) result: Unplaced,
    /// Elements of the result.
    pub(super) result_len: usize,
}

/// Selects kernels for everything `root` needs; `inputs` lie end to end at the start of the workspace.
///
/// # Errors
/// [`LowerError::Node`] naming the node that has no kernel.
pub(super) fn select(
    graph: &Graph,
    root: NodeId,
    inputs: &[Argument<'_>],
    constants: &mut Constants,
) -> Result<Selected, LowerError> {
    let uses = Uses::new(graph, root);
    let (fixed, count) = (constant_views(graph), graph.nodes().len());
    let mut selector = Selector {
        graph,
        inputs,
        constants,
        uses,
        fixed,
        views: vec![None; count],
        homes: vec![None; count],
        dense: BTreeMap::new(),
        buffers: inputs.iter().map(|(_, len)| *len).collect(),
        kernels: Vec::new(),
    };
    for id in graph.ids() {
        if selector.uses.needed[id.index()] {
            let shape = graph.shape(id);
            // What has no elements takes no kernel; who reads it looks at its shape alone.
            let is_empty = shape.row_len() == 0;
            let view = if is_empty { View::dense(Base::Section, 0, &shape.resolve(1)) } else { selector.node(id)? };
            selector.views[id.index()] = Some(view);
        }
    }
    let view = selector.view(root)?;
    if view.len() == 0 {
        return Err(LowerError::node(graph, root, "it has no elements"));
    }
    let result = selector.dense(root, &view)?;
    let (buffers, kernels, result_len) = (selector.buffers, selector.kernels, view.len());
    let selected = Selected { buffers, input_count: inputs.len(), kernels, result, result_len };
    Ok(fuse::fuse(selected, constants))
}

struct Selector<'a> {
    graph: &'a Graph,
    inputs: &'a [Argument<'a>],
    constants: &'a mut Constants,
    uses: Uses,
    fixed: Vec<bool>,
    views: Vec<Option<View>>,
    /// Where a node's result goes, once decided.
    homes: Vec<Option<(usize, usize)>>,
    /// Dense copies of views.
    dense: BTreeMap<View, Unplaced>,
    buffers: Vec<usize>,
    kernels: Vec<Kernel<Unplaced>>,
}

impl Selector<'_> {
    fn view(&self, id: NodeId) -> Result<View, LowerError> {
        self.views[id.index()].clone().ok_or_else(|| LowerError::node(self.graph, id, "it was merged but has a user"))
    }

    fn node(&mut self, id: NodeId) -> Result<View, LowerError> {
        if let Some(layer) = self.uses.layers.get(&id).copied() {
            return self.layer(id, layer);
        }
        let node = self.graph.node(id);
        let dims = node.ty.shape.resolve(1);
        let args = node.args.iter().map(|arg| self.view(*arg)).collect::<Result<Vec<_>, _>>()?;
        match &node.op {
            Op::Input(name, _) => match self.inputs.iter().position(|(input, _)| *input == &**name) {
                Some(index) => Ok(View::dense(Base::Buffer(index), 0, &dims)),
                None => Err(LowerError::node(self.graph, id, "the program has no such input")),
            },
            Op::Parameter(..) => {
                Err(LowerError::node(self.graph, id, "it has no value; bind the model's weights first"))
            }
            Op::Constant(tensor) => {
                let view = View::dense(Base::Constant(id.index()), 0, &dims);
                let is_uniform = tensor.uniform().is_some();
                Ok(if is_uniform { View { strides: vec![0; dims.len()], ..view } } else { view })
            }
            Op::Slice { axis, start, len } => Ok(args[0].clone().slice(*axis, *start, *len)),
            Op::Transpose(order) => Ok(args[0].transpose(order)),
            Op::Broadcast(_) => Ok(args[0].broadcast(&dims)),
            Op::Reshape(_) => match args[0].reshape(&dims) {
                Some(view) => Ok(view),
                None => Ok(self.dense(id, &args[0])?.view(&dims)),
            },
            Op::Unary(op) => {
                self.pointwise(id, &args, |[src], dst, len| Kernel::Unary { op: *op, src: src.at, dst, len })
            }
            Op::Binary(op) => {
                let op = Pairwise::Binary(*op);
                self.pointwise(id, &args, |[lhs, rhs], dst, len| Kernel::Binary { op, lhs, rhs, dst, len })
            }
            Op::Compare(op) => {
                let op = Pairwise::Compare(*op);
                self.pointwise(id, &args, |[lhs, rhs], dst, len| Kernel::Binary { op, lhs, rhs, dst, len })
            }
            Op::Select => self.pointwise(id, &args, |[cond, a, b], dst, len| Kernel::Select { cond, a, b, dst, len }),
            Op::Concat { axis } => self.concat(id, &args, *axis),
            Op::Pad { axis, before, .. } => self.pad(id, &args[0], *axis, *before),
            Op::Sum(axes) => self.sum(id, &args[0], axes),
            Op::MatMul { transpose_lhs, transpose_rhs } => self.matmul(id, args, [*transpose_lhs, *transpose_rhs]),
        }
    }

    fn buffer(&mut self, len: usize) -> (usize, usize) {
        self.buffers.push(len);
        (self.buffers.len() - 1, 0)
    }

    /// Where a node's result goes: into the result it is part of, or a buffer of its own.
    fn home(&mut self, id: NodeId) -> (usize, usize) {
        // The chain of parents is walked outwards first, then placed inwards: no recursion.
        let mut chain = vec![(id, 0)];
        let mut base = self.homes[id.index()];
        while let (None, Some((parent, start))) = (base, self.uses.homes[chain[chain.len() - 1].0.index()]) {
            base = self.homes[parent.index()];
            chain.push((parent, start));
        }
        let (outermost, _) = chain[chain.len() - 1];
        let (buffer, mut offset) = match base {
            Some(base) => base,
            None => self.buffer(self.graph.shape(outermost).row_len()),
        };
        for position in (0..chain.len()).rev() {
            self.homes[chain[position].0.index()] = Some((buffer, offset));
            offset += chain[position].1;
        }
        self.homes[id.index()].unwrap_or((buffer, offset))
    }

    /// Element by element, each element that differs from the others once.
    fn pointwise<const K: usize>(
        &mut self,
        id: NodeId,
        args: &[View],
        kernel: impl FnOnce([Stream<Unplaced>; K], Unplaced, usize) -> Kernel<Unplaced>,
    ) -> Result<View, LowerError> {
        let dims = self.graph.shape(id).resolve(1);
        let args: Vec<View> = args.iter().map(|view| view.broadcast(&dims)).collect();
        let varies = |axis: usize| args.iter().any(|view| view.strides[axis] != 0);
        let distinct: Vec<usize> = (0..dims.len()).map(|axis| if varies(axis) { dims[axis] } else { 1 }).collect();
        let mut streams = Vec::with_capacity(K);
        for view in &args {
            let view = View { dims: distinct.clone(), ..view.clone() };
            let is_single = view.is_single();
            let first = View { dims: vec![1; distinct.len()], ..view.clone() };
            let at = self.dense(id, if is_single { &first } else { &view })?;
            streams.push(Stream { at, step: usize::from(!is_single || view.len() == 1) });
        }
        let streams: [Stream<Unplaced>; K] =
            streams.try_into().map_err(|_| LowerError::node(self.graph, id, "it has another number of arguments"))?;
        let len = distinct.iter().product();
        let (index, offset) = if distinct == dims { self.home(id) } else { self.buffer(len) };
        self.kernels.push(kernel(streams, Unplaced::Buffer { index, offset }, len));
        Ok(View::dense(Base::Buffer(index), offset, &distinct).broadcast(&dims))
    }
}
