//! One loop over several arrays at once, for everything that broadcasts or permutes.
//!
//! Neighbouring dimensions that are contiguous in every array are merged first, so arrays of equal shape, or an array and
//! a number, are walked in a single run without index arithmetic.

/// Row-major strides of an array.
pub(super) fn row_major(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (0..dims.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * dims[axis + 1];
    }
    strides
}

/// Strides with which an array of shape `from` is read as one of shape `to`: 0 where it is stretched.
pub(super) fn stretched(from: &[usize], to: &[usize]) -> Vec<usize> {
    let added = to.len() - from.len();
    let strides = row_major(from);
    (0..to.len()).map(|axis| if axis < added || from[axis - added] == 1 { 0 } else { strides[axis - added] }).collect()
}

/// A row-major walk over an index space, with the position in N arrays beside it.
#[derive(Debug)]
pub(super) struct Walk<const N: usize> {
    /// Length of each merged dimension and its stride in every array, innermost first.
    axes: Vec<(usize, [usize; N])>,
}

impl<const N: usize> Walk<N> {
    /// Merges what can be merged; `strides` has one entry per dimension and array.
    pub(super) fn new(dims: &[usize], strides: [&[usize]; N]) -> Self {
        let mut axes: Vec<(usize, [usize; N])> = Vec::with_capacity(dims.len());
        for axis in (0..dims.len()).rev().filter(|axis| dims[*axis] != 1) {
            let steps = strides.map(|strides| strides[axis]);
            match axes.last_mut() {
                Some((len, inner)) if inner.map(|step| step * *len) == steps => *len *= dims[axis],
                _ => axes.push((dims[axis], steps)),
            }
        }
        if axes.is_empty() {
            axes.push((1, [0; N]));
        }
        Self { axes }
    }

    /// Calls `run(position, offsets, len, steps)` for each innermost run, in row-major order.
    pub(super) fn runs(&self, mut run: impl FnMut(usize, [usize; N], usize, [usize; N])) {
        if self.axes.iter().any(|(len, _)| *len == 0) {
            return;
        }
        let (len, steps) = self.axes[0];
        let outer = &self.axes[1..];
        let mut index = vec![0usize; outer.len()];
        let mut offsets = [0usize; N];
        let mut position = 0;
        loop {
            run(position, offsets, len, steps);
            position += len;
            let mut axis = 0;
            loop {
                let Some((outer_len, strides)) = outer.get(axis) else { return };
                index[axis] += 1;
                if index[axis] < *outer_len {
                    for (offset, stride) in offsets.iter_mut().zip(strides) {
                        *offset += stride;
                    }
                    break;
                }
                // This axis starts over, and the next one advances.
                for (offset, stride) in offsets.iter_mut().zip(strides) {
                    *offset -= stride * (outer_len - 1);
                }
                index[axis] = 0;
                axis += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(dims: &[usize], strides: &[usize]) -> Vec<usize> {
        let mut seen = Vec::new();
        Walk::new(dims, [strides]).runs(|_, [offset], len, [step]| {
            seen.extend((0..len).map(|index| offset + index * step));
        });
        seen
    }

    #[test]
    fn contiguous_arrays_are_walked_in_one_run() {
        let walk = Walk::new(&[3, 4, 5], [&row_major(&[3, 4, 5]), &stretched(&[], &[3, 4, 5])]);
        assert_eq!(walk.axes, [(60, [1, 0])]);
    }

    #[test]
    fn stretched_and_permuted_strides_visit_the_right_elements() {
        assert_eq!(offsets(&[2, 3], &stretched(&[2, 1], &[2, 3])), [0, 0, 0, 1, 1, 1]);
        assert_eq!(offsets(&[2, 3], &stretched(&[3], &[2, 3])), [0, 1, 2, 0, 1, 2]);
        // A 2×3 matrix read by columns.
        assert_eq!(offsets(&[3, 2], &[1, 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(offsets(&[2, 0, 3], &[0, 3, 1]), [0usize; 0]);
        assert_eq!(offsets(&[2, 2, 2], &[1, 4, 2]), [0, 2, 4, 6, 1, 3, 5, 7]);
    }
}
