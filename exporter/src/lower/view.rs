//! Where the elements of a value lie: a base, an offset, and one stride per dimension.
//!
//! Slices, transposes, broadcasts and most reshapes only change the view; they become no instruction. Strides are never
//! negative. The batch is 1 here: a device evaluates one state.

/// What a view looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Base {
    /// A piece of the workspace, not placed yet.
    Buffer(usize),
    /// A constant of the graph, by the index of its node.
    Constant(usize),
    /// The constant section.
    Section,
}

/// Elements of a base, in the order of a dense tensor of shape `dims`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct View {
    pub(super) base: Base,
    pub(super) offset: usize,
    pub(super) dims: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// Strides of a dense row-major tensor.
pub(super) fn dense_strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

impl View {
    /// All of a dense tensor that starts at `offset` of `base`.
    pub(super) fn dense(base: Base, offset: usize, dims: &[usize]) -> Self {
        Self { base, offset, dims: dims.to_vec(), strides: dense_strides(dims) }
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether all elements are the same one.
    pub(super) fn is_single(&self) -> bool {
        self.dims.iter().zip(&self.strides).all(|(len, stride)| *len == 1 || *stride == 0)
    }

    /// Whether the elements are consecutive.
    pub(super) fn is_dense(&self) -> bool {
        let mut next = 1;
        self.dims.iter().zip(&self.strides).rev().filter(|(len, _)| **len != 1).all(|(len, stride)| {
            let fits = *stride == next;
            next *= len;
            fits
        })
    }

    /// `len` indices of `axis`, from `start`.
    pub(super) fn slice(mut self, axis: usize, start: usize, len: usize) -> Self {
        self.offset += start * self.strides[axis];
        self.dims[axis] = len;
        self
    }

    /// The dimensions in another order.
    pub(super) fn transpose(&self, order: &[usize]) -> Self {
        let pick = |from: &[usize]| order.iter().map(|axis| from[*axis]).collect();
        Self { base: self.base, offset: self.offset, dims: pick(&self.dims), strides: pick(&self.strides) }
    }

    /// Stretched to `dims`, aligned at the right; what is stretched gets stride 0.
    pub(super) fn broadcast(&self, dims: &[usize]) -> Self {
        let missing = dims.len() - self.dims.len();
        let strides = dims
            .iter()
            .enumerate()
            .map(|(axis, len)| match axis.checked_sub(missing) {
                Some(own) if self.dims[own] == *len => self.strides[own],
                _ => 0,
            })
            .collect();
        Self { base: self.base, offset: self.offset, dims: dims.to_vec(), strides }
    }

    /// The same elements in the same order in another shape, or `None` where no strides can say that.
    pub(super) fn reshape(&self, dims: &[usize]) -> Option<Self> {
        let mut groups = coalesce(&self.dims, [&self.strides]);
        let mut strides = vec![0; dims.len()];
        for (axis, len) in dims.iter().enumerate().rev().filter(|(_, len)| **len != 1) {
            let (remaining, [stride]) = groups.last_mut()?;
            if !remaining.is_multiple_of(*len) {
                return None;
            }
            strides[axis] = *stride;
            *stride *= len;
            *remaining /= len;
            if *remaining == 1 {
                groups.pop();
            }
        }
        Some(Self { base: self.base, offset: self.offset, dims: dims.to_vec(), strides })
    }

    /// Offsets into the base of all elements, in row-major order of the view.
    pub(super) fn offsets(&self) -> Vec<usize> {
        let mut offsets = vec![self.offset];
        for (len, stride) in self.dims.iter().zip(&self.strides) {
            offsets = offsets.iter().flat_map(|start| (0..*len).map(move |index| start + index * stride)).collect();
        }
        offsets
    }
}

/// The fewest loops over `dims` that visit the same elements in the same order, for several operands at once.
///
/// Dimensions of length 1 disappear; neighbours are merged where every operand's strides allow it.
pub(super) fn coalesce<const K: usize>(dims: &[usize], strides: [&[usize]; K]) -> Vec<(usize, [usize; K])> {
    let mut loops: Vec<(usize, [usize; K])> = Vec::new();
    for axis in (0..dims.len()).filter(|axis| dims[*axis] != 1) {
        let own = strides.map(|strides| strides[axis]);
        match loops.last_mut() {
            Some((len, outer)) if (0..K).all(|operand| outer[operand] == own[operand] * dims[axis]) => {
                *len *= dims[axis];
                *outer = own;
            }
            _ => loops.push((dims[axis], own)),
        }
    }
    loops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> View {
        View::dense(Base::Buffer(0), 0, &[3, 4])
    }

    #[test]
    fn a_transposed_matrix_reads_columns() {
        let view = matrix().transpose(&[1, 0]);
        assert_eq!(view.offsets(), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert!(!view.is_dense());
        assert!(view.reshape(&[12]).is_none());
    }

    #[test]
    fn a_slice_of_rows_stays_dense_and_a_slice_of_columns_does_not() {
        assert!(matrix().slice(0, 1, 2).is_dense());
        assert!(!matrix().slice(1, 1, 2).is_dense());
        assert_eq!(matrix().slice(1, 1, 2).offsets(), [1, 2, 5, 6, 9, 10]);
    }

    #[test]
    fn reshape_keeps_the_order_of_elements() {
        let view = matrix().slice(1, 1, 2);
        for dims in [vec![1, 3, 2], vec![3, 1, 2], vec![3, 2, 1]] {
            assert_eq!(view.reshape(&dims).unwrap().offsets(), view.offsets());
        }
        assert!(view.reshape(&[6]).is_none());
        assert_eq!(matrix().reshape(&[2, 6]).unwrap().offsets(), matrix().offsets());
    }

    #[test]
    fn broadcasting_aligns_at_the_right() {
        let view = View::dense(Base::Buffer(0), 5, &[2]).broadcast(&[3, 2]);
        assert_eq!(view.offsets(), [5, 6, 5, 6, 5, 6]);
        assert!(View::dense(Base::Buffer(0), 0, &[1, 1]).broadcast(&[2, 3]).is_single());
    }
}
