//! Instruction selection: the graph below one output becomes kernels over buffers that have no place yet.
//!
//! Slices, transposes, broadcasts and reshapes become views; a copy appears only where a kernel cannot read a view. Elements
//! that are equal by construction are computed once. Every buffer element is written exactly once, so the kernels may be
//! reordered as long as each follows the writers of what it reads.

mod product;
mod structure;

use std::collections::BTreeMap;

use crate::graph::{Graph, NodeId, Op};

use super::LowerError;
use super::constants::{Constants, round};
use super::kernel::{Kernel, Pairwise, Stream};
use super::uses::{Uses, constant_views};
use super::view::{Base, View, coalesce};

/// The buffer that holds x.
pub(super) const STATE_BUFFER: usize = 0;
/// The buffer that holds u.
pub(super) const INPUT_BUFFER: usize = 1;

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
    /// Lengths of the buffers; x and u are the first two.
    pub(super) buffers: Vec<usize>,
    /// Kernels in an order that works.
    pub(super) kernels: Vec<Kernel<Unplaced>>,
    /// Where the result starts, consecutive.
    pub(super) result: Unplaced,
    /// Elements of the result.
    pub(super) result_len: usize,
}

/// Selects kernels for everything `root` needs. `state` and `input` are the names of x and u.
///
/// # Errors
/// [`LowerError::Node`] naming the node that has no kernel.
pub(super) fn select(
    graph: &Graph,
    root: NodeId,
    lens: [usize; 2],
    constants: &mut Constants,
) -> Result<Selected, LowerError> {
    let uses = Uses::new(graph, root);
    let (fixed, count) = (constant_views(graph), graph.nodes().len());
    let mut selector = Selector {
        graph,
        constants,
        uses,
        fixed,
        views: vec![None; count],
        homes: vec![None; count],
        dense: BTreeMap::new(),
        buffers: lens.to_vec(),
        kernels: Vec::new(),
    };
    for id in graph.ids() {
        if selector.uses.needed[id.index()] {
            if graph.shape(id).row_len() == 0 {
                return Err(LowerError::node(graph, id, "it has no elements"));
            }
            let view = selector.node(id)?;
            selector.views[id.index()] = Some(view);
        }
    }
    let view = selector.view(root)?;
    let result = selector.dense(root, &view)?;
    Ok(Selected { buffers: selector.buffers, kernels: selector.kernels, result, result_len: view.len() })
}

struct Selector<'a> {
    graph: &'a Graph,
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
            Op::Input(name, _) if &**name == crate::dynamics::STATE => {
                Ok(View::dense(Base::Buffer(STATE_BUFFER), 0, &dims))
            }
            Op::Input(name, _) if &**name == crate::dynamics::INPUT => {
                Ok(View::dense(Base::Buffer(INPUT_BUFFER), 0, &dims))
            }
            Op::Input(..) => Err(LowerError::node(self.graph, id, "a device program takes only `x` and `u`")),
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

    /// The f32 values of a view into a constant, in the order of the view.
    fn values(&self, id: NodeId, view: &View, node: usize) -> Result<Vec<f32>, LowerError> {
        let Some(Op::Constant(tensor)) = self.graph.nodes().get(node).map(|node| &node.op) else {
            return Err(LowerError::node(self.graph, id, "it reads a constant that is none"));
        };
        view.offsets()
            .into_iter()
            .map(|offset| {
                let value = tensor.data()[offset];
                round(value).ok_or_else(|| {
                    LowerError::node(self.graph, id, &format!("it uses the constant {value:e}, which no f32 can hold"))
                })
            })
            .collect()
    }

    /// The same elements where a kernel can read them: constants of the graph move to the constant section.
    fn readable(&mut self, id: NodeId, view: &View) -> Result<View, LowerError> {
        let Base::Constant(node) = view.base else { return Ok(view.clone()) };
        if view.is_single() {
            let first = View { dims: Vec::new(), strides: Vec::new(), ..view.clone() };
            let offset = self.constants.intern(&self.values(id, &first, node)?);
            let strides = vec![0; view.dims.len()];
            return Ok(View { base: Base::Section, offset, dims: view.dims.clone(), strides });
        }
        let values = self.values(id, view, node)?;
        Ok(View::dense(Base::Section, self.constants.intern(&values), &view.dims))
    }

    /// The consecutive elements of a view, copied where they are not consecutive.
    fn dense(&mut self, id: NodeId, view: &View) -> Result<Unplaced, LowerError> {
        if let Base::Constant(node) = view.base {
            let values = self.values(id, view, node)?;
            return Ok(Unplaced::Constant(self.constants.intern(&values)));
        }
        if view.is_dense() {
            return Ok(start(view));
        }
        if let Some(known) = self.dense.get(view) {
            return Ok(*known);
        }
        let place = self.buffer(view.len());
        self.copy(id, view, place, &super::view::dense_strides(&view.dims))?;
        let at = Unplaced::Buffer { index: place.0, offset: place.1 };
        self.dense.insert(view.clone(), at);
        Ok(at)
    }

    /// Moves the elements of `src` to `place`, with the given strides.
    fn copy(&mut self, id: NodeId, src: &View, place: (usize, usize), strides: &[usize]) -> Result<(), LowerError> {
        let dst = Unplaced::Buffer { index: place.0, offset: place.1 };
        let target = View { strides: strides.to_vec(), ..src.clone() };
        if let (Base::Constant(node), true) = (src.base, src.is_single() && target.is_dense()) {
            let first = View { dims: Vec::new(), strides: Vec::new(), ..src.clone() };
            let value = self.values(id, &first, node)?[0];
            self.kernels.push(Kernel::Fill { dst, len: src.len(), value });
            return Ok(());
        }
        let src = self.readable(id, src)?;
        let loops = coalesce(&src.dims, [&src.strides, strides]);
        let Some(unused) = 4usize.checked_sub(loops.len()) else {
            let reason = format!("it moves elements in {} nested loops; the runtime has 4", loops.len());
            return Err(LowerError::node(self.graph, id, &reason));
        };
        let (mut dims, mut src_strides, mut dst_strides) = ([1; 4], [0; 4], [0; 4]);
        for (position, (len, [from, to])) in loops.iter().enumerate() {
            dims[unused + position] = *len;
            src_strides[unused + position] = *from;
            dst_strides[unused + position] = *to;
        }
        self.kernels.push(Kernel::Copy { src: start(&src), dst, dims, src_strides, dst_strides });
        Ok(())
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
