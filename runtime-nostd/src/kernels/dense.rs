//! Layers with known weights, four rows at a time: forward, adjoint, and the last hidden layer in one pass over its weights.
//!
//! A panel is groups of four rows, each stored `[cols][4]`, so that consecutive words feed four sums; a ragged last group of
//! r rows is `[cols][r]`. Tiles of four columns keep the sixteen weights they need side by side in registers. Each sum keeps the
//! order written down in `docs/NUMERICS.md`: a tile changes where a sum is held, never what is added to it next.

use crate::format::{Dense, DenseAdjoint, DenseGradient, PANEL_ROWS, SlopeKind};
use crate::math;
use crate::rows::rows as rows_of;

use super::{Regions, Source, part, set};

/// Words of a tile: four columns of four rows.
const TILE: usize = 4 * PANEL_ROWS;

/// One value for each row of a group, or for each column of a tile.
type Quad = [f32; PANEL_ROWS];

/// dst = f(W·src + bias).
#[inline(never)]
pub(crate) fn forward(dense: &Dense, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, rows, constants)?;
    let panel = part(constants, dense.panel.offset(), rows * cols)?;
    let src = regions.values(dense.src, cols)?;
    let bias = regions.optional(dense.bias, rows)?;
    let (quads, rest) = dst.as_chunks_mut::<PANEL_ROWS>();
    let full = quads.as_flattened().len();
    let (groups, ragged) = panel.split_at_checked(cols * full)?;
    let mut row = 0;
    for (group, sums) in rows_of(groups, PANEL_ROWS * cols).zip(quads) {
        *sums = add_products(group, src, quad(&bias, row));
        row += PANEL_ROWS;
    }
    set(rest, Source::Values(&quad(&bias, row)));
    add_products_ragged(ragged, src, rest);
    if let Some(kind) = dense.activation {
        math::map(kind, dst);
    }
    Some(())
}

/// dst = Wᵀ·(src ⊙ slope).
#[inline(never)]
pub(crate) fn adjoint(dense: &DenseAdjoint, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, cols, constants)?;
    let panel = part(constants, dense.panel.offset(), rows * cols)?;
    let src = regions.values(dense.src, rows)?;
    let values = match dense.slope {
        Some((_, values)) => regions.values(values, rows)?,
        None => src,
    };
    let kind = dense.slope.map(|(kind, _)| kind);
    dst.fill(0.0);
    let (factors, rest) = src.as_chunks::<PANEL_ROWS>();
    let (values, rest_values) = values.as_chunks::<PANEL_ROWS>();
    let (groups, ragged) = panel.split_at_checked(cols * factors.as_flattened().len())?;
    for ((group, factors), values) in rows_of(groups, PANEL_ROWS * cols).zip(factors).zip(values) {
        add_rows(group, scaled(kind, *factors, *values), dst);
    }
    let mut last = [0.0; PANEL_ROWS];
    let last = last.get_mut(..rest.len())?;
    let terms = rest.iter().zip(rest_values);
    last.iter_mut().zip(terms).for_each(|(term, (factor, value))| *term = sloped(kind, *factor, *value));
    add_rows_ragged(ragged, last, dst);
    Some(())
}

/// dst = Wᵀ·(factor ⊙ slope(f(W·src + bias))), each block of rows while its weights are at hand.
#[inline(never)]
pub(crate) fn gradient(dense: &DenseGradient, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let (dst, regions) = Regions::split(workspace, dense.dst, cols, constants)?;
    let panel = part(constants, dense.panel.offset(), rows * cols)?;
    let src = regions.values(dense.src, cols)?;
    let bias = regions.optional(dense.bias, rows)?;
    let factor = regions.source(dense.factor, rows)?;
    let (activation, slope) = (math::function(dense.activation), Some(dense.slope));
    dst.fill(0.0);
    let group_len = PANEL_ROWS * cols;
    let (mut row, mut rest) = (0, panel);
    while let Some((block, after)) = rest.split_at_checked(2 * group_len) {
        let (first, second) = block.split_at_checked(group_len)?;
        let mut values = add_products_twice([first, second], src, two_quads(&bias, row));
        activation(values.as_flattened_mut());
        let [above, below] = values;
        let [first_factors, second_factors] = two_quads(&factor, row);
        let above = scaled(slope, first_factors, above);
        let below = scaled(slope, second_factors, below);
        add_rows_twice([first, second], [above, below], dst);
        (row, rest) = (row + 2 * PANEL_ROWS, after);
    }
    for group in rows_of(rest, group_len) {
        let mut values = add_products(group, src, quad(&bias, row));
        activation(&mut values);
        add_rows(group, scaled(slope, quad(&factor, row), values), dst);
        row += PANEL_ROWS;
    }
    let mut values = quad(&bias, row);
    let values = values.get_mut(..rows - row)?;
    let ragged = panel.get(cols * row..)?;
    add_products_ragged(ragged, src, values);
    activation(values);
    let mut factors = quad(&factor, row);
    let factors = factors.get_mut(..rows - row)?;
    factors.iter_mut().zip(values).for_each(|(factor, value)| *factor = sloped(slope, *factor, *value));
    add_rows_ragged(ragged, factors, dst);
    Some(())
}

/// Up to four elements from `at` on; +0 beyond the end.
#[inline(always)]
fn quad(source: &Source<'_>, at: usize) -> Quad {
    let whole = match source {
        Source::Values(values) => part(values, at, PANEL_ROWS).and_then(|quad| quad.first_chunk().copied()),
        Source::Bits(words) => {
            part(words, at, PANEL_ROWS).and_then(|quad| quad.first_chunk().map(|quad| quad.map(f32::from_bits)))
        }
    };
    whole.unwrap_or_else(|| [source.at(at), source.at(at + 1), source.at(at + 2), source.at(at + 3)])
}

/// Eight elements from `at` on; +0 where they are not all there.
#[inline(always)]
fn two_quads(source: &Source<'_>, at: usize) -> [Quad; 2] {
    let eight = match source {
        Source::Values(values) => part(values, at, 2 * PANEL_ROWS).and_then(|eight| eight.first_chunk().copied()),
        Source::Bits(words) => part(words, at, 2 * PANEL_ROWS)
            .and_then(|eight| eight.first_chunk().map(|eight: &[u32; 8]| eight.map(f32::from_bits))),
    };
    let [a, b, c, d, e, f, g, h]: [f32; 8] = eight.unwrap_or_default();
    [[a, b, c, d], [e, f, g, h]]
}

/// factor × f′, f′ from the value of the activation or of its derivative.
#[inline(always)]
fn sloped(kind: Option<SlopeKind>, factor: f32, value: f32) -> f32 {
    match kind {
        None => factor,
        Some(SlopeKind::Value) => factor * value,
        Some(SlopeKind::OneMinusSquare) => factor * (1.0 - value * value),
        Some(SlopeKind::Logistic) => factor * (value * (1.0 - value)),
    }
}

#[inline(always)]
fn scaled(kind: Option<SlopeKind>, [a, b, c, d]: Quad, [ya, yb, yc, yd]: Quad) -> Quad {
    [sloped(kind, a, ya), sloped(kind, b, yb), sloped(kind, c, yc), sloped(kind, d, yd)]
}

/// Four sums of a group with the terms of four columns added, each sum's in order; products come first, so that on a short
/// pipeline no sum waits for its own product.
#[inline(always)]
fn with_columns(sums: Quad, tile: &[u32; TILE], [x0, x1, x2, x3]: Quad) -> Quad {
    let [mut a, mut b, mut c, mut d] = sums;
    let [a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3] = tile.map(f32::from_bits);
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
fn with_rows(sums: Quad, tile: &[u32; TILE], [a, b, c, d]: Quad) -> Quad {
    let [mut s0, mut s1, mut s2, mut s3] = sums;
    let [a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3] = tile.map(f32::from_bits);
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
#[inline(always)]
fn add_products(group: &[u32], src: &[f32], mut sums: Quad) -> Quad {
    let (tiles, columns) = group.as_chunks();
    let (quads, rest) = src.as_chunks();
    for (tile, quad) in tiles.iter().zip(quads) {
        sums = with_columns(sums, tile, *quad);
    }
    add_columns(columns, rest, sums)
}

/// As [`add_products`] for two groups, which read `src` once.
#[inline(always)]
fn add_products_twice([first, second]: [&[u32]; 2], src: &[f32], [mut above, mut below]: [Quad; 2]) -> [Quad; 2] {
    let ((first, first_columns), (second, second_columns)) = (first.as_chunks(), second.as_chunks());
    let (quads, rest) = src.as_chunks();
    for ((first, second), quad) in first.iter().zip(second).zip(quads) {
        above = with_columns(above, first, *quad);
        below = with_columns(below, second, *quad);
    }
    [add_columns(first_columns, rest, above), add_columns(second_columns, rest, below)]
}

/// As [`add_products`], for the columns beyond the last tile.
#[inline(always)]
fn add_columns(columns: &[u32], src: &[f32], [mut a, mut b, mut c, mut d]: Quad) -> Quad {
    for ([wa, wb, wc, wd], x) in columns.as_chunks().0.iter().zip(src) {
        let (pa, pb) = (f32::from_bits(*wa) * x, f32::from_bits(*wb) * x);
        let (pc, pd) = (f32::from_bits(*wc) * x, f32::from_bits(*wd) * x);
        (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    }
    [a, b, c, d]
}

/// As [`add_products`], for a group of `sums.len()` rows.
fn add_products_ragged(group: &[u32], src: &[f32], sums: &mut [f32]) {
    for (column, x) in rows_of(group, sums.len()).zip(src) {
        for (weight, sum) in column.iter().zip(sums.iter_mut()) {
            *sum += f32::from_bits(*weight) * x;
        }
    }
}

/// sums\[c\] += W\[r\]\[c\]·factors\[r\] for the four rows of one group, r ascending.
#[inline(always)]
fn add_rows(group: &[u32], factors: Quad, sums: &mut [f32]) {
    let (tiles, columns) = group.as_chunks();
    let (quads, rest) = sums.as_chunks_mut();
    for (tile, quad) in tiles.iter().zip(quads) {
        *quad = with_rows(*quad, tile, factors);
    }
    add_to_columns(columns, factors, rest);
}

/// As [`add_rows`] for two groups, which pass over `sums` once.
#[inline(always)]
fn add_rows_twice([first, second]: [&[u32]; 2], [above, below]: [Quad; 2], sums: &mut [f32]) {
    let ((first, first_columns), (second, second_columns)) = (first.as_chunks(), second.as_chunks());
    let (quads, rest) = sums.as_chunks_mut();
    for ((first, second), quad) in first.iter().zip(second).zip(quads) {
        *quad = with_rows(with_rows(*quad, first, above), second, below);
    }
    add_to_columns(first_columns, above, rest);
    add_to_columns(second_columns, below, rest);
}

/// As [`add_rows`], for the columns beyond the last tile.
#[inline(always)]
fn add_to_columns(columns: &[u32], [a, b, c, d]: Quad, sums: &mut [f32]) {
    for ([wa, wb, wc, wd], sum) in columns.as_chunks().0.iter().zip(sums) {
        let (pa, pb) = (f32::from_bits(*wa) * a, f32::from_bits(*wb) * b);
        let (pc, pd) = (f32::from_bits(*wc) * c, f32::from_bits(*wd) * d);
        *sum = (((*sum + pa) + pb) + pc) + pd;
    }
}

/// As [`add_rows`], for a group of `factors.len()` rows.
fn add_rows_ragged(group: &[u32], factors: &[f32], sums: &mut [f32]) {
    for (column, sum) in rows_of(group, factors.len()).zip(sums) {
        for (weight, factor) in column.iter().zip(factors) {
            *sum += f32::from_bits(*weight) * factor;
        }
    }
}
