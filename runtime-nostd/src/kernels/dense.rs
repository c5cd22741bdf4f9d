//! Layers with known weights, four rows at a time, forward and adjoint from the same packed panel.
//!
//! A panel is groups of four rows, each stored `[cols][4]`, so that one pass over consecutive words feeds four sums; a
//! ragged last group of r rows is `[cols][r]`. Each sum keeps the order written down in `docs/NUMERICS.md`.

use crate::format::{Dense, DenseAdjoint, PANEL_ROWS};
use crate::math;
use crate::rows::rows as rows_of;

use super::{Regions, Source, part, set};

/// dst = f(W·src + bias).
pub(crate) fn forward(dense: &Dense, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, rows, constants)?;
    let panel = part(constants, dense.panel.offset(), rows * cols)?;
    if dense.bias.is_absent() {
        dst.fill(0.0);
    } else {
        set(dst, regions.source(dense.bias, rows)?);
    }
    match regions.source(dense.src, cols)? {
        Source::Values(src) => add_products(panel, cols, src.iter().copied(), dst),
        Source::Bits(src) => add_products(panel, cols, src.iter().map(|word| f32::from_bits(*word)), dst),
    }
    if let Some(kind) = dense.activation {
        math::map(kind, dst);
    }
    Some(())
}

/// dst = Wᵀ·src.
pub(crate) fn adjoint(dense: &DenseAdjoint, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, cols, constants)?;
    let panel = part(constants, dense.panel.offset(), rows * cols)?;
    let src = regions.source(dense.src, rows)?;
    dst.fill(0.0);
    let (groups, ragged) = panel.split_at_checked(cols * (rows - rows % PANEL_ROWS))?;
    let mut row = 0;
    for group in rows_of(groups, PANEL_ROWS * cols) {
        let [a, b, c, d] = [src.at(row), src.at(row + 1), src.at(row + 2), src.at(row + 3)];
        for ([wa, wb, wc, wd], sum) in group.as_chunks().0.iter().zip(dst.iter_mut()) {
            let mut total = *sum;
            total += f32::from_bits(*wa) * a;
            total += f32::from_bits(*wb) * b;
            total += f32::from_bits(*wc) * c;
            total += f32::from_bits(*wd) * d;
            *sum = total;
        }
        row += PANEL_ROWS;
    }
    for (column, sum) in rows_of(ragged, rows % PANEL_ROWS).zip(dst.iter_mut()) {
        for (index, weight) in column.iter().enumerate() {
            *sum += f32::from_bits(*weight) * src.at(row + index);
        }
    }
    Some(())
}

/// dst\[r\] += Σ W\[r\]\[c\]·src\[c\], c ascending, each product added to the running sum.
fn add_products(panel: &[u32], cols: usize, src: impl Iterator<Item = f32> + Clone, dst: &mut [f32]) {
    let (quads, rest) = dst.as_chunks_mut::<PANEL_ROWS>();
    let (groups, ragged) = panel.split_at_checked(cols * quads.as_flattened().len()).unwrap_or_default();
    for (group, sums) in rows_of(groups, PANEL_ROWS * cols).zip(quads) {
        let [mut a, mut b, mut c, mut d] = *sums;
        for ([wa, wb, wc, wd], x) in group.as_chunks().0.iter().zip(src.clone()) {
            a += f32::from_bits(*wa) * x;
            b += f32::from_bits(*wb) * x;
            c += f32::from_bits(*wc) * x;
            d += f32::from_bits(*wd) * x;
        }
        *sums = [a, b, c, d];
    }
    for (column, x) in rows_of(ragged, rest.len()).zip(src) {
        for (weight, sum) in column.iter().zip(rest.iter_mut()) {
            *sum += f32::from_bits(*weight) * x;
        }
    }
}
