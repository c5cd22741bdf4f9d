//! Layers with known weights, four rows at a time: forward, adjoint, and the last hidden layer in one pass over its weights.
//!
//! A panel is groups of four rows, column by column, so that consecutive weights feed four sums. Tiles of four columns keep the
//! sixteen weights they need side by side in registers. Each sum keeps the order written down in `docs/NUMERICS.md`: a tile
//! changes where a sum is held, never what is added to it next. How weights are stored is known to [`super::weights`] alone.

use crate::format::{Dense, DenseAdjoint, DenseGradient, PANEL_ROWS, SlopeKind, WeightKind};
use crate::math;
use crate::rows::rows as rows_of;

#[cfg(feature = "f16")]
use super::weights::F16;
#[cfg(feature = "int8")]
use super::weights::Int8;
use super::weights::{F32, Panel, Quad, Weights};
use super::{Regions, Source};

/// dst = f(W·src + bias).
pub(crate) fn forward(dense: &Dense, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    match dense.weights {
        WeightKind::F32 => forward_in::<F32>(dense, workspace, constants),
        #[cfg(feature = "f16")]
        WeightKind::F16 => forward_in::<F16>(dense, workspace, constants),
        #[cfg(feature = "int8")]
        WeightKind::Int8 => forward_in::<Int8>(dense, workspace, constants),
        #[cfg(not(all(feature = "f16", feature = "int8")))]
        _ => None,
    }
}

/// dst = Wᵀ·(src ⊙ slope).
pub(crate) fn adjoint(dense: &DenseAdjoint, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    match dense.weights {
        WeightKind::F32 => adjoint_in::<F32>(dense, workspace, constants),
        #[cfg(feature = "f16")]
        WeightKind::F16 => adjoint_in::<F16>(dense, workspace, constants),
        #[cfg(feature = "int8")]
        WeightKind::Int8 => adjoint_in::<Int8>(dense, workspace, constants),
        #[cfg(not(all(feature = "f16", feature = "int8")))]
        _ => None,
    }
}

/// dst = Wᵀ·(factor ⊙ slope(f(W·src + bias))), each block of rows while its weights are at hand.
pub(crate) fn gradient(dense: &DenseGradient, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    match dense.weights {
        WeightKind::F32 => gradient_in::<F32>(dense, workspace, constants),
        #[cfg(feature = "f16")]
        WeightKind::F16 => gradient_in::<F16>(dense, workspace, constants),
        #[cfg(feature = "int8")]
        WeightKind::Int8 => gradient_in::<Int8>(dense, workspace, constants),
        #[cfg(not(all(feature = "f16", feature = "int8")))]
        _ => None,
    }
}

#[inline(never)]
fn forward_in<W: Weights>(dense: &Dense, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, rows, constants)?;
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let src = regions.values(dense.src, cols)?;
    let bias = regions.optional(dense.bias, rows)?;
    let (quads, rest) = dst.as_chunks_mut::<PANEL_ROWS>();
    let (groups, last) = panel.words.split_at_checked(W::group_len(cols) * quads.len())?;
    let mut row = 0;
    for (group, sums) in rows_of(groups, W::group_len(cols)).zip(quads) {
        let bias = quad(&bias, row);
        *sums = Panel::<W>::start(bias);
        add_products::<W>(group, src, sums);
        *sums = panel.complete(row, *sums, bias);
        row += PANEL_ROWS;
    }
    if !rest.is_empty() {
        let bias = quad(&bias, row);
        let mut sums = Panel::<W>::start(bias);
        add_last_products::<W>(last, src, rest.len(), &mut sums);
        rest.iter_mut().zip(panel.complete(row, sums, bias)).for_each(|(element, sum)| *element = sum);
    }
    if let Some(kind) = dense.activation {
        math::map(kind, dst);
    }
    Some(())
}

#[inline(never)]
fn adjoint_in<W: Weights>(dense: &DenseAdjoint, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, cols, constants)?;
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let src = regions.values(dense.src, rows)?;
    let values = match dense.slope {
        Some((_, values)) => regions.values(values, rows)?,
        None => src,
    };
    let kind = dense.slope.map(|(kind, _)| kind);
    dst.fill(0.0);
    let (factors, rest) = src.as_chunks::<PANEL_ROWS>();
    let (groups, last) = panel.words.split_at_checked(W::group_len(cols) * factors.len())?;
    let mut row = 0;
    for ((group, factors), values) in rows_of(groups, W::group_len(cols)).zip(factors).zip(values.as_chunks().0) {
        add_rows::<W>(group, &panel.scaled(row, sloped(kind, *factors, *values)), dst);
        row += PANEL_ROWS;
    }
    if !rest.is_empty() {
        let (factors, values) = (quad(&Source::Values(src), row), quad(&Source::Values(values), row));
        add_last_rows::<W>(last, &panel.scaled(row, sloped(kind, factors, values)), rest.len(), dst);
    }
    Some(())
}

#[inline(never)]
fn gradient_in<W: Weights>(dense: &DenseGradient, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, cols, constants)?;
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let src = regions.values(dense.src, cols)?;
    let bias = regions.optional(dense.bias, rows)?;
    let factor = regions.source(dense.factor, rows)?;
    let (activation, slope) = (math::function(dense.activation), Some(dense.slope));
    dst.fill(0.0);
    let group_len = W::group_len(cols);
    let (mut row, mut rest) = (0, panel.words);
    while row + 2 * PANEL_ROWS <= rows {
        let (block, after) = rest.split_at_checked(2 * group_len)?;
        let (first, second) = block.split_at_checked(group_len)?;
        let [bias_above, bias_below] = two_quads(&bias, row);
        let starts = [Panel::<W>::start(bias_above), Panel::<W>::start(bias_below)];
        let [above, below] = add_products_twice::<W>([first, second], src, starts);
        let above = panel.complete(row, above, bias_above);
        let below = panel.complete(row + PANEL_ROWS, below, bias_below);
        let mut values = [above, below];
        activation(values.as_flattened_mut());
        let [above, below] = values;
        let [factor_above, factor_below] = two_quads(&factor, row);
        let above = panel.scaled(row, sloped(slope, factor_above, above));
        let below = panel.scaled(row + PANEL_ROWS, sloped(slope, factor_below, below));
        add_rows_twice::<W>([first, second], [above, below], dst);
        (row, rest) = (row + 2 * PANEL_ROWS, after);
    }
    while row < rows {
        let (group, after) = rest.split_at_checked(group_len.min(rest.len()))?;
        let bias = quad(&bias, row);
        let mut sums = Panel::<W>::start(bias);
        let count = rows - row;
        add_last_products::<W>(group, src, count, &mut sums);
        let mut values = panel.complete(row, sums, bias);
        activation(&mut values);
        let mut factors = panel.scaled(row, sloped(slope, quad(&factor, row), values));
        // Rows that only fill up a group: an activation may have a pole at 0.
        factors.iter_mut().skip(count).for_each(|factor| *factor = 0.0);
        add_last_rows::<W>(group, &factors, count, dst);
        (row, rest) = (row + PANEL_ROWS, after);
    }
    Some(())
}

/// Elements from `at` on; those beyond the end stay as they are.
#[inline(never)]
fn load(source: &Source<'_>, at: usize, elements: &mut [f32]) {
    match source {
        Source::Values(values) => {
            for (element, value) in elements.iter_mut().zip(values.get(at..).unwrap_or_default()) {
                *element = *value;
            }
        }
        Source::Bits(words) => {
            for (element, word) in elements.iter_mut().zip(words.get(at..).unwrap_or_default()) {
                *element = f32::from_bits(*word);
            }
        }
    }
}

/// Up to four elements from `at` on; +0 beyond the end.
fn quad(source: &Source<'_>, at: usize) -> Quad {
    let mut elements = [0.0; PANEL_ROWS];
    load(source, at, &mut elements);
    elements
}

/// As [`quad`] for eight.
fn two_quads(source: &Source<'_>, at: usize) -> [Quad; 2] {
    let mut elements = [[0.0; PANEL_ROWS]; 2];
    load(source, at, elements.as_flattened_mut());
    elements
}

/// factors × f′, f′ from the values of the activation or of its derivative.
#[inline(always)]
fn sloped(kind: Option<SlopeKind>, [a, b, c, d]: Quad, [ya, yb, yc, yd]: Quad) -> Quad {
    [sloped_one(kind, a, ya), sloped_one(kind, b, yb), sloped_one(kind, c, yc), sloped_one(kind, d, yd)]
}

#[inline(always)]
fn sloped_one(kind: Option<SlopeKind>, factor: f32, value: f32) -> f32 {
    match kind {
        None => factor,
        Some(SlopeKind::Value) => factor * value,
        Some(SlopeKind::OneMinusSquare) => factor * (1.0 - value * value),
        Some(SlopeKind::Logistic) => factor * (value * (1.0 - value)),
    }
}

/// Four sums of a group with the terms of four columns added, each sum's in order; products come first, so that on a short
/// pipeline no sum waits for its own product.
#[inline(always)]
fn with_columns(sums: Quad, tile: [Quad; 4], [x0, x1, x2, x3]: Quad) -> Quad {
    let [mut a, mut b, mut c, mut d] = sums;
    let [[a0, b0, c0, d0], [a1, b1, c1, d1], [a2, b2, c2, d2], [a3, b3, c3, d3]] = tile;
    let (pa, pb, pc, pd) = (a0 * x0, b0 * x0, c0 * x0, d0 * x0);
    (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    let (pa, pb, pc, pd) = (a1 * x1, b1 * x1, c1 * x1, d1 * x1);
    (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    let (pa, pb, pc, pd) = (a2 * x2, b2 * x2, c2 * x2, d2 * x2);
    (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    let (pa, pb, pc, pd) = (a3 * x3, b3 * x3, c3 * x3, d3 * x3);
    [a + pa, b + pb, c + pc, d + pd]
}

/// Sums of four columns with the terms of a group's four rows added, in the same manner.
#[inline(always)]
fn with_rows(sums: Quad, tile: [Quad; 4], [a, b, c, d]: Quad) -> Quad {
    let [mut s0, mut s1, mut s2, mut s3] = sums;
    let [[a0, b0, c0, d0], [a1, b1, c1, d1], [a2, b2, c2, d2], [a3, b3, c3, d3]] = tile;
    let (p0, p1, p2, p3) = (a0 * a, a1 * a, a2 * a, a3 * a);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (b0 * b, b1 * b, b2 * b, b3 * b);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (c0 * c, c1 * c, c2 * c, c3 * c);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (d0 * d, d1 * d, d2 * d, d3 * d);
    [s0 + p0, s1 + p1, s2 + p2, s3 + p3]
}

/// sums\[r\] += Σ W\[r\]\[c\]·src\[c\] of one group, c ascending.
#[inline(never)]
fn add_products<W: Weights>(group: &[u32], src: &[f32], sums: &mut Quad) {
    let (tiles, columns) = W::columns(group);
    let (quads, rest) = src.as_chunks();
    let mut total = *sums;
    for (tile, quad) in tiles.zip(quads) {
        total = with_columns(total, tile, *quad);
    }
    *sums = add_columns(columns, rest, total);
}

/// As [`add_products`] for two groups, which read `src` once.
#[inline(always)]
fn add_products_twice<W: Weights>(
    [first, second]: [&[u32]; 2],
    src: &[f32],
    [mut above, mut below]: [Quad; 2],
) -> [Quad; 2] {
    let ((first, first_columns), (second, second_columns)) = (W::columns(first), W::columns(second));
    let (quads, rest) = src.as_chunks();
    for ((first, second), quad) in first.zip(second).zip(quads) {
        above = with_columns(above, first, *quad);
        below = with_columns(below, second, *quad);
    }
    [add_columns(first_columns, rest, above), add_columns(second_columns, rest, below)]
}

/// As [`add_products`], for the columns beyond the last tile.
#[inline(always)]
fn add_columns(columns: impl Iterator<Item = Quad>, src: &[f32], [mut a, mut b, mut c, mut d]: Quad) -> Quad {
    for ([wa, wb, wc, wd], x) in columns.zip(src) {
        let (pa, pb, pc, pd) = (wa * x, wb * x, wc * x, wd * x);
        (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    }
    [a, b, c, d]
}

/// As [`add_products`], for the last group: of `count` rows, where that is less than four.
fn add_last_products<W: Weights>(group: &[u32], src: &[f32], count: usize, sums: &mut Quad) {
    if count >= PANEL_ROWS || W::IS_PADDED {
        return add_products::<W>(group, src, sums);
    }
    for (column, x) in rows_of(group, count).zip(src) {
        for (weight, sum) in column.iter().zip(sums.iter_mut()) {
            *sum += f32::from_bits(*weight) * x;
        }
    }
}

/// sums\[c\] += W\[r\]\[c\]·factors\[r\] for the four rows of one group, r ascending.
#[inline(never)]
fn add_rows<W: Weights>(group: &[u32], factors: &Quad, sums: &mut [f32]) {
    let (tiles, columns) = W::columns(group);
    let (quads, rest) = sums.as_chunks_mut();
    for (tile, quad) in tiles.zip(quads) {
        *quad = with_rows(*quad, tile, *factors);
    }
    add_to_columns(columns, *factors, rest);
}

/// As [`add_rows`] for two groups, which pass over `sums` once.
#[inline(always)]
fn add_rows_twice<W: Weights>([first, second]: [&[u32]; 2], [above, below]: [Quad; 2], sums: &mut [f32]) {
    let ((first, first_columns), (second, second_columns)) = (W::columns(first), W::columns(second));
    let (quads, rest) = sums.as_chunks_mut();
    for ((first, second), quad) in first.zip(second).zip(quads) {
        *quad = with_rows(with_rows(*quad, first, above), second, below);
    }
    add_to_columns(first_columns, above, rest);
    add_to_columns(second_columns, below, rest);
}

/// As [`add_rows`], for the columns beyond the last tile.
#[inline(always)]
fn add_to_columns(columns: impl Iterator<Item = Quad>, [a, b, c, d]: Quad, sums: &mut [f32]) {
    for ([wa, wb, wc, wd], sum) in columns.zip(sums) {
        let (pa, pb, pc, pd) = (wa * a, wb * b, wc * c, wd * d);
        *sum = (((*sum + pa) + pb) + pc) + pd;
    }
}

/// As [`add_rows`], for the last group: of `count` rows, where that is less than four.
fn add_last_rows<W: Weights>(group: &[u32], factors: &Quad, count: usize, sums: &mut [f32]) {
    if count >= PANEL_ROWS || W::IS_PADDED {
        return add_rows::<W>(group, factors, sums);
    }
    for (column, sum) in rows_of(group, count).zip(sums) {
        for (weight, factor) in column.iter().zip(factors) {
            *sum += f32::from_bits(*weight) * factor;
        }
    }
}
