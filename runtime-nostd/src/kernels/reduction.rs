//! Sums over one axis of a contiguous array.

use crate::format::Sum;

use super::{Regions, Source};
use crate::rows::{rows, rows_mut};

/// dst\[o·inner + i\] = Σₖ src\[(o·len + k)·inner + i\], k ascending from +0.
#[inline(never)]
pub(crate) fn sum(sum: &Sum, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (len, inner) = (sum.len as usize, sum.inner as usize);
    let count = sum.outer as usize * inner;
    let (dst, regions) = Regions::split(workspace, sum.dst, count, constants)?;
    match regions.source(sum.src, count * len)? {
        Source::Values(values) => accumulate(values, dst, len, inner, |value| *value),
        Source::Bits(words) => accumulate(words, dst, len, inner, |word| f32::from_bits(*word)),
    }
    Some(())
}

fn accumulate<T>(src: &[T], dst: &mut [f32], len: usize, inner: usize, value: impl Fn(&T) -> f32) {
    for (block, sums) in rows(src, len * inner).zip(rows_mut(dst, inner)) {
        sums.fill(0.0);
        for row in rows(block, inner) {
            for (sum, term) in sums.iter_mut().zip(row) {
                *sum += value(term);
            }
        }
    }
}
