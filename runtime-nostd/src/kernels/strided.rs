//! Moves elements between four-dimensional strided layouts: slice, transpose, broadcast, concatenate and pad are all this.

use crate::format::Copy;

use super::{Regions, set};

/// dst\[Σ iₖ·dst_stridesₖ\] = src\[Σ iₖ·src_stridesₖ\], the last index running fastest.
#[inline(never)]
pub(crate) fn copy(copy: &Copy, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let [d0, d1, d2, d3] = copy.dims.map(|dim| dim as usize);
    let [s0, s1, s2, s3] = copy.src_strides.map(|stride| stride as usize);
    let [t0, t1, t2, t3] = copy.dst_strides.map(|stride| stride as usize);
    let span = |strides: [usize; 4]| {
        let [a, b, c, d] = strides;
        1 + (d0 - 1) * a + (d1 - 1) * b + (d2 - 1) * c + (d3 - 1) * d
    };
    let (dst, regions) = Regions::split(workspace, copy.dst, span([t0, t1, t2, t3]), constants)?;
    let src = regions.source(copy.src, span([s0, s1, s2, s3]))?;
    if d0 * d1 * d2 == 1 && (d3 == 1 || (s3 == 1 && t3 == 1)) {
        set(dst, src);
        return Some(());
    }
    for i0 in 0..d0 {
        for i1 in 0..d1 {
            for i2 in 0..d2 {
                let mut from = i0 * s0 + i1 * s1 + i2 * s2;
                let mut to = i0 * t0 + i1 * t1 + i2 * t2;
                for _ in 0..d3 {
                    *dst.get_mut(to)? = src.at(from);
                    from += s3;
                    to += t3;
                }
            }
        }
    }
    Some(())
}
