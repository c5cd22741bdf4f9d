//! Selection of what joins, pads and sums: mostly a question of where things lie.

use crate::graph::NodeId;
use crate::lower::LowerError;
use crate::lower::kernel::Kernel;
use crate::lower::view::{Base, View, dense_strides};

use super::{Selector, Unplaced};

impl Selector<'_> {
    /// Joins values; those computed in their final place need nothing.
    pub(super) fn concat(&mut self, id: NodeId, args: &[View], axis: usize) -> Result<View, LowerError> {
        let dims = self.graph.shape(id).resolve(1);
        let (index, offset) = self.home(id);
        let whole = View::dense(Base::Buffer(index), offset, &dims);
        let mut first = 0;
        for arg in args.iter().filter(|arg| arg.len() > 0) {
            let part = whole.clone().slice(axis, first, arg.dims[axis]);
            first += arg.dims[axis];
            self.put(id, arg, &part)?;
        }
        Ok(whole)
    }

    /// Zeros around a value along one axis.
    pub(super) fn pad(&mut self, id: NodeId, arg: &View, axis: usize, before: usize) -> Result<View, LowerError> {
        let dims = self.graph.shape(id).resolve(1);
        let (index, offset) = self.home(id);
        let whole = View::dense(Base::Buffer(index), offset, &dims);
        let end = before + arg.dims[axis];
        for (first, len) in [(0, before), (end, dims[axis] - end)] {
            if len > 0 {
                self.clear(id, &whole.clone().slice(axis, first, len))?;
            }
        }
        if arg.len() > 0 {
            self.put(id, arg, &whole.clone().slice(axis, before, arg.dims[axis]))?;
        }
        Ok(whole)
    }

    /// Copies a value to where it belongs unless it is there already.
    fn put(&mut self, id: NodeId, value: &View, target: &View) -> Result<(), LowerError> {
        let Base::Buffer(index) = target.base else {
            return Err(LowerError::node(self.graph, id, "it writes to a constant"));
        };
        let is_there = value.base == target.base
            && value.offset == target.offset
            && value.dims.iter().zip(&value.strides).zip(&target.strides).all(|((len, a), b)| *len == 1 || a == b);
        if is_there { Ok(()) } else { self.copy(id, value, (index, target.offset), &target.strides) }
    }

    /// A result that is the sum of nothing.
    pub(super) fn zeros(&mut self, id: NodeId, dims: &[usize]) -> View {
        let (index, offset) = self.home(id);
        let dst = Unplaced::Buffer { index, offset };
        self.kernels.push(Kernel::Fill { dst, len: dims.iter().product(), value: 0.0 });
        dst.view(dims)
    }

    /// Writes zeros.
    fn clear(&mut self, id: NodeId, target: &View) -> Result<(), LowerError> {
        let Base::Buffer(index) = target.base else {
            return Err(LowerError::node(self.graph, id, "it writes to a constant"));
        };
        if target.is_dense() {
            let dst = Unplaced::Buffer { index, offset: target.offset };
            self.kernels.push(Kernel::Fill { dst, len: target.len(), value: 0.0 });
            return Ok(());
        }
        let zero = self.constants.intern(&[0.0]);
        let zeros =
            View { base: Base::Section, offset: zero, dims: target.dims.clone(), strides: vec![0; target.dims.len()] };
        self.copy(id, &zeros, (index, target.offset), &target.strides)
    }

    /// Sums over axes, one kernel for each run of neighbouring ones, the last run first.
    pub(super) fn sum(&mut self, id: NodeId, arg: &View, axes: &[usize]) -> Result<View, LowerError> {
        let dims = self.graph.shape(id).resolve(1);
        if arg.len() == 0 {
            return Ok(self.zeros(id, &dims));
        }
        // Runs of axes that are all summed or all kept: length and whether summed.
        let mut runs: Vec<(usize, bool)> = Vec::new();
        for (axis, len) in arg.dims.iter().enumerate().filter(|(_, len)| **len != 1) {
            let is_summed = axes.contains(&axis);
            match runs.last_mut() {
                Some((run, same)) if *same == is_summed => *run *= len,
                _ => runs.push((*len, is_summed)),
            }
        }
        if runs.iter().all(|(_, is_summed)| !is_summed) {
            return match arg.reshape(&dims) {
                Some(view) => Ok(view),
                None => Ok(self.dense(id, arg)?.view(&dims)),
            };
        }
        let mut src = self.dense(id, arg)?;
        while let Some(position) = runs.iter().rposition(|(_, is_summed)| *is_summed) {
            let product = |runs: &[(usize, bool)]| runs.iter().map(|(len, _)| len).product::<usize>();
            let (outer, inner) = (product(&runs[..position]), product(&runs[position + 1..]));
            let (len, _) = runs.remove(position);
            let is_last = runs.iter().all(|(_, is_summed)| !is_summed);
            let (index, offset) = if is_last { self.home(id) } else { self.buffer(outer * inner) };
            let dst = Unplaced::Buffer { index, offset };
            self.kernels.push(Kernel::Sum { src, dst, outer, len, inner });
            src = dst;
        }
        Ok(src.view(&dims))
    }

    /// The view broadcast to `dims` with real elements behind every index.
    pub(super) fn stretched(&mut self, id: NodeId, view: &View) -> Result<View, LowerError> {
        let place = self.buffer(view.len());
        self.copy(id, view, place, &dense_strides(&view.dims))?;
        Ok(View::dense(Base::Buffer(place.0), place.1, &view.dims))
    }
}
