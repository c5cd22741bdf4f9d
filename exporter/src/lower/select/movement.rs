//! Moving elements: constants into the constant section, and views to where their elements are consecutive.

use hnn_runtime::format::MAX_INSTRUCTIONS;

use crate::graph::{NodeId, Op};
use crate::lower::constants::round;
use crate::lower::kernel::Kernel;
use crate::lower::view::{Base, View, coalesce, dense_strides};
use crate::lower::{LowerError, check};

use super::{Selector, Unplaced, start};

/// Nested loops of one copy kernel.
const LOOPS: usize = 4;

impl Selector<'_> {
    /// The f32 values of a view into a constant, in the order of the view.
    pub(super) fn values(&self, id: NodeId, view: &View, node: usize) -> Result<Vec<f32>, LowerError> {
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
    pub(super) fn readable(&mut self, id: NodeId, view: &View) -> Result<View, LowerError> {
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
    pub(super) fn dense(&mut self, id: NodeId, view: &View) -> Result<Unplaced, LowerError> {
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
        self.copy(id, view, place, &dense_strides(&view.dims))?;
        let at = Unplaced::Buffer { index: place.0, offset: place.1 };
        self.dense.insert(view.clone(), at);
        Ok(at)
    }

    /// Moves the elements of `src` to `place`, with the given strides.
    pub(super) fn copy(
        &mut self,
        id: NodeId,
        src: &View,
        place: (usize, usize),
        strides: &[usize],
    ) -> Result<(), LowerError> {
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
        // Loops beyond the kernel's own are unrolled: one kernel for each combination of the outermost indices.
        let (outer, inner) = loops.split_at(loops.len().saturating_sub(LOOPS));
        let unused = LOOPS - inner.len();
        let (mut dims, mut src_strides, mut dst_strides) = ([1; LOOPS], [0; LOOPS], [0; LOOPS]);
        for (position, (len, [from, to])) in inner.iter().enumerate() {
            dims[unused + position] = *len;
            src_strides[unused + position] = *from;
            dst_strides[unused + position] = *to;
        }
        let mut starts = vec![(src.offset, place.1)];
        for (len, [from, to]) in outer {
            let steps = |(src, dst): (usize, usize)| (0..*len).map(move |index| (src + index * from, dst + index * to));
            starts = starts.into_iter().flat_map(steps).collect();
        }
        check("instructions in one entry", self.kernels.len() + starts.len(), MAX_INSTRUCTIONS)?;
        for (from, to) in starts {
            let src = start(&View { offset: from, ..src.clone() });
            let dst = Unplaced::Buffer { index: place.0, offset: to };
            self.kernels.push(Kernel::Copy { src, dst, dims, src_strides, dst_strides });
        }
        Ok(())
    }
}
