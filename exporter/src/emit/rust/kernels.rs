//! Kernels of generated Rust: sizes are in the types, operands are shared cells of the one workspace.
//!
//! What a file needs of this text is copied into it. The order of operations is that of the interpreter's kernels and of
//! `docs/NUMERICS.md`; a tile changes where a sum is held, never what is added to it next.

use core::cell::Cell;

use super::lanes::Quad;
use super::math::canonical;

/// A number, computed or known.
pub trait Element {
    /// Its value.
    fn value(&self) -> f32;
}

impl Element for u32 {
    #[inline(always)]
    fn value(&self) -> f32 {
        f32::from_bits(*self)
    }
}

impl Element for Cell<f32> {
    #[inline(always)]
    fn value(&self) -> f32 {
        self.get()
    }
}

/// +0, for sums that start from nothing.
#[derive(Clone, Copy)]
pub struct Zero;

impl Element for Zero {
    #[inline(always)]
    fn value(&self) -> f32 {
        0.0
    }
}

/// `LEN` elements from `FIRST` on; every use in this file lies within, so that `None` and its branch are compiled away.
#[inline(always)]
fn part<T, const FIRST: usize, const LEN: usize>(all: &[T]) -> Option<&[T; LEN]> {
    all.split_at_checked(FIRST)?.1.first_chunk()
}

/// One element; +0 beyond the end.
#[inline(always)]
fn at<T: Element>(elements: &[T], index: usize) -> f32 {
    elements.get(index).map_or(0.0, Element::value)
}

/// Four numbers; written out, because `map` is a loop where size is minded.
#[inline(always)]
fn four<T: Element>([a, b, c, d]: &[T; 4]) -> Quad {
    [a.value(), b.value(), c.value(), d.value()]
}

/// dst[i] = f(i), in ascending order.
#[inline(always)]
fn tabulate<const LEN: usize>(dst: &[Cell<f32>; LEN], f: impl Fn(usize) -> f32) {
    for (index, element) in dst.iter().enumerate() {
        element.set(f(index));
    }
}

/// dst[i] = f(src[i]), four at a time; the last ones are padded.
fn by_quads<S: Element, const LEN: usize>(src: &[S; LEN], dst: &[Cell<f32>; LEN], f: impl Fn(&mut Quad)) {
    let ((quads, rest), (targets, last)) = (src.as_chunks::<4>(), dst.as_chunks::<4>());
    for (quad, target) in quads.iter().zip(targets) {
        let mut values = four(quad);
        f(&mut values);
        put(target, values);
    }
    if !LEN.is_multiple_of(4) {
        let mut values = [at(rest, 0), at(rest, 1), at(rest, 2), 0.0];
        f(&mut values);
        for (cell, value) in last.iter().zip(values) {
            cell.set(value);
        }
    }
}

/// dst[Σ iₖ·dst_stridesₖ] = src[Σ iₖ·src_stridesₖ], the last index running fastest.
fn copy_strided<S: Element>(
    [d0, d1, d2, d3]: [usize; 4],
    src: &[S],
    [s0, s1, s2, s3]: [usize; 4],
    dst: &[Cell<f32>],
    [t0, t1, t2, t3]: [usize; 4],
) {
    for i0 in 0..d0 {
        for i1 in 0..d1 {
            for i2 in 0..d2 {
                for i3 in 0..d3 {
                    let value = at(src, i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3);
                    if let Some(cell) = dst.get(i0 * t0 + i1 * t1 + i2 * t2 + i3 * t3) {
                        cell.set(value);
                    }
                }
            }
        }
    }
}

/// dst[o·inner + i] = Σₖ src[(o·len + k)·inner + i], k ascending from +0.
fn add_up<S: Element>([outer, len, inner]: [usize; 3], src: &[S], dst: &[Cell<f32>]) {
    for o in 0..outer {
        for i in 0..inner {
            let mut sum = 0.0;
            for k in 0..len {
                sum += at(src, (o * len + k) * inner + i);
            }
            if let Some(cell) = dst.get(o * inner + i) {
                cell.set(sum);
            }
        }
    }
}

/// dst[b, r, c] = Σₖ lhs[b, r, k] · rhs[b, k, c], k ascending from +0; sizes are batch, rows, inner, columns.
fn multiply<L: Element, R: Element>(
    [batch, rows, inner, cols]: [usize; 4],
    lhs: &[L],
    [lhs_batch, lhs_row, lhs_inner]: [usize; 3],
    rhs: &[R],
    [rhs_batch, rhs_inner, rhs_col]: [usize; 3],
    dst: &[Cell<f32>],
) {
    for b in 0..batch {
        for r in 0..rows {
            for c in 0..cols {
                let mut sum = 0.0;
                for k in 0..inner {
                    let left = at(lhs, b * lhs_batch + r * lhs_row + k * lhs_inner);
                    sum += left * at(rhs, b * rhs_batch + k * rhs_inner + c * rhs_col);
                }
                if let Some(cell) = dst.get((b * rows + r) * cols + c) {
                    cell.set(sum);
                }
            }
        }
    }
}

/// A weight matrix: rows in groups of four, each group column by column, and the rows that are left.
pub struct Panel<const GROUPS: usize, const COLS: usize, const REST: usize> {
    pub(super) groups: [[[u32; 4]; COLS]; GROUPS],
    pub(super) rest: [[u32; REST]; COLS],
}

/// dst = f(W·src + bias).
#[inline]
fn forward<B: Element, const GROUPS: usize, const REST: usize, const ROWS: usize, const COLS: usize>(
    panel: &Panel<GROUPS, COLS, REST>,
    bias: &[B; ROWS],
    src: &[Cell<f32>; COLS],
    dst: &[Cell<f32>; ROWS],
    f: impl Fn(&mut Quad),
) {
    let ((biases, last_bias), (targets, last)) = (bias.as_chunks::<4>(), dst.as_chunks::<4>());
    for ((group, bias), target) in panel.groups.iter().zip(biases).zip(targets) {
        let mut sums = add_products(group, src, four(bias));
        f(&mut sums);
        put(target, sums);
    }
    if REST > 0 {
        let mut sums = add_products_ragged(&panel.rest, src, last_bias);
        f(&mut sums);
        for (cell, sum) in last.iter().zip(sums) {
            cell.set(sum);
        }
    }
}

/// dst = Wᵀ·(src ⊙ slope), the slope from `values`.
#[inline]
fn adjoint<V: Element, const GROUPS: usize, const REST: usize, const ROWS: usize, const COLS: usize>(
    panel: &Panel<GROUPS, COLS, REST>,
    src: &[Cell<f32>; ROWS],
    values: &[V; ROWS],
    dst: &[Cell<f32>; COLS],
    sloped: impl Fn(f32, f32) -> f32,
) {
    dst.iter().for_each(|cell| cell.set(0.0));
    let ((factors, last_factors), (values, last_values)) = (src.as_chunks::<4>(), values.as_chunks::<4>());
    for ((group, factors), values) in panel.groups.iter().zip(factors).zip(values) {
        let factors = scaled(four(factors), four(values), &sloped);
        add_rows(group, factors, dst);
    }
    if REST > 0 {
        let mut factors = [0.0; REST];
        for (index, factor) in factors.iter_mut().enumerate() {
            *factor = sloped(at(last_factors, index), at(last_values, index));
        }
        add_rows_ragged(&panel.rest, &factors, dst);
    }
}

/// dst = Wᵀ·(factor ⊙ slope(f(W·src + bias))), two groups of rows at a time while their weights are at hand.
#[inline]
fn gradient<B: Element, F: Element, const GROUPS: usize, const REST: usize, const ROWS: usize, const COLS: usize>(
    panel: &Panel<GROUPS, COLS, REST>,
    bias: &[B; ROWS],
    factor: &[F; ROWS],
    src: &[Cell<f32>; COLS],
    dst: &[Cell<f32>; COLS],
    f: impl Fn(&mut Quad),
    sloped: impl Fn(f32, f32) -> f32,
) {
    dst.iter().for_each(|cell| cell.set(0.0));
    let (pairs, single) = panel.groups.as_chunks::<2>();
    let ((biases, last_bias), (factors, last_factors)) = (bias.as_chunks::<4>(), factor.as_chunks::<4>());
    let ((bias_pairs, single_bias), (factor_pairs, single_factor)) =
        (biases.as_chunks::<2>(), factors.as_chunks::<2>());
    for (([first, second], [b0, b1]), [f0, f1]) in pairs.iter().zip(bias_pairs).zip(factor_pairs) {
        let starts = [four(b0), four(b1)];
        let [mut above, mut below] = add_products_twice([first, second], src, starts);
        f(&mut above);
        f(&mut below);
        let above = scaled(four(f0), above, &sloped);
        let below = scaled(four(f1), below, &sloped);
        add_rows_twice([first, second], [above, below], dst);
    }
    for ((group, bias), factor) in single.iter().zip(single_bias).zip(single_factor) {
        let mut values = add_products(group, src, four(bias));
        f(&mut values);
        add_rows(group, scaled(four(factor), values, &sloped), dst);
    }
    if REST > 0 {
        let mut values = add_products_ragged(&panel.rest, src, last_bias);
        f(&mut values);
        let mut factors = [0.0; REST];
        for (index, (factor, value)) in factors.iter_mut().zip(values).enumerate() {
            *factor = sloped(at(last_factors, index), value);
        }
        add_rows_ragged(&panel.rest, &factors, dst);
    }
}

/// Slope 1.
#[inline(always)]
fn straight(factor: f32, _: f32) -> f32 {
    factor
}

/// Slope y.
#[inline(always)]
fn by_value(factor: f32, y: f32) -> f32 {
    factor * y
}

/// Slope 1 − y².
#[inline(always)]
fn by_one_minus_square(factor: f32, y: f32) -> f32 {
    factor * (1.0 - y * y)
}

/// Slope y (1 − y).
#[inline(always)]
fn by_logistic(factor: f32, y: f32) -> f32 {
    factor * (y * (1.0 - y))
}

/// No activation.
#[inline(always)]
fn identity(_: &mut Quad) {}

#[inline(always)]
fn scaled([a, b, c, d]: Quad, [ya, yb, yc, yd]: Quad, sloped: impl Fn(f32, f32) -> f32) -> Quad {
    [sloped(a, ya), sloped(b, yb), sloped(c, yc), sloped(d, yd)]
}

/// Writes four cells.
#[inline(always)]
fn put([c0, c1, c2, c3]: &[Cell<f32>; 4], [a, b, c, d]: Quad) {
    c0.set(a);
    c1.set(b);
    c2.set(c);
    c3.set(d);
}

/// Four sums of a group with the terms of four columns added, each sum's in order; products come first, so that on a short
/// pipeline no sum waits for its own product.
#[inline(always)]
fn with_columns([mut a, mut b, mut c, mut d]: Quad, tile: &[[u32; 4]; 4], [x0, x1, x2, x3]: Quad) -> Quad {
    let [first, second, third, fourth] = tile;
    let ([a0, b0, c0, d0], [a1, b1, c1, d1]) = (four(first), four(second));
    let ([a2, b2, c2, d2], [a3, b3, c3, d3]) = (four(third), four(fourth));
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
fn with_rows([mut s0, mut s1, mut s2, mut s3]: Quad, tile: &[[u32; 4]; 4], [a, b, c, d]: Quad) -> Quad {
    let [first, second, third, fourth] = tile;
    let ([a0, b0, c0, d0], [a1, b1, c1, d1]) = (four(first), four(second));
    let ([a2, b2, c2, d2], [a3, b3, c3, d3]) = (four(third), four(fourth));
    let (p0, p1, p2, p3) = (a0 * a, a1 * a, a2 * a, a3 * a);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (b0 * b, b1 * b, b2 * b, b3 * b);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (c0 * c, c1 * c, c2 * c, c3 * c);
    (s0, s1, s2, s3) = (s0 + p0, s1 + p1, s2 + p2, s3 + p3);
    let (p0, p1, p2, p3) = (d0 * d, d1 * d, d2 * d, d3 * d);
    [s0 + p0, s1 + p1, s2 + p2, s3 + p3]
}

/// sums[r] += Σ W[r][c]·src[c] of one group, c ascending.
#[inline(always)]
fn add_products<const COLS: usize>(group: &[[u32; 4]; COLS], src: &[Cell<f32>; COLS], mut sums: Quad) -> Quad {
    let ((tiles, columns), (quads, rest)) = (group.as_chunks::<4>(), src.as_chunks::<4>());
    for (tile, quad) in tiles.iter().zip(quads) {
        sums = with_columns(sums, tile, four(quad));
    }
    add_columns(columns, rest, sums)
}

/// As [`add_products`] for two groups, which read `src` once.
#[inline(always)]
fn add_products_twice<const COLS: usize>(
    [first, second]: [&[[u32; 4]; COLS]; 2],
    src: &[Cell<f32>; COLS],
    [mut above, mut below]: [Quad; 2],
) -> [Quad; 2] {
    let ((first, first_columns), (second, second_columns)) = (first.as_chunks::<4>(), second.as_chunks::<4>());
    let (quads, rest) = src.as_chunks::<4>();
    for ((first, second), quad) in first.iter().zip(second).zip(quads) {
        let x = four(quad);
        above = with_columns(above, first, x);
        below = with_columns(below, second, x);
    }
    [add_columns(first_columns, rest, above), add_columns(second_columns, rest, below)]
}

/// As [`add_products`], for the columns beyond the last tile.
#[inline(always)]
fn add_columns(columns: &[[u32; 4]], src: &[Cell<f32>], [mut a, mut b, mut c, mut d]: Quad) -> Quad {
    for (column, x) in columns.iter().zip(src) {
        let ([wa, wb, wc, wd], x) = (four(column), x.get());
        let (pa, pb, pc, pd) = (wa * x, wb * x, wc * x, wd * x);
        (a, b, c, d) = (a + pa, b + pb, c + pc, d + pd);
    }
    [a, b, c, d]
}

/// Sums of the rows that are left, padded to four.
fn add_products_ragged<B: Element, const REST: usize, const COLS: usize>(
    columns: &[[u32; REST]; COLS],
    src: &[Cell<f32>; COLS],
    bias: &[B],
) -> Quad {
    let mut sums = [at(bias, 0), at(bias, 1), at(bias, 2), 0.0];
    for (column, x) in columns.iter().zip(src) {
        for (sum, weight) in sums.iter_mut().zip(column) {
            *sum += f32::from_bits(*weight) * x.get();
        }
    }
    sums
}

/// sums[c] += W[r][c]·factors[r] for the four rows of one group, r ascending.
#[inline(always)]
fn add_rows<const COLS: usize>(group: &[[u32; 4]; COLS], factors: Quad, sums: &[Cell<f32>; COLS]) {
    let ((tiles, columns), (quads, rest)) = (group.as_chunks::<4>(), sums.as_chunks::<4>());
    for (tile, quad) in tiles.iter().zip(quads) {
        put(quad, with_rows(four(quad), tile, factors));
    }
    add_to_columns(columns, factors, rest);
}

/// As [`add_rows`] for two groups, which pass over `sums` once.
#[inline(always)]
fn add_rows_twice<const COLS: usize>(
    [first, second]: [&[[u32; 4]; COLS]; 2],
    [above, below]: [Quad; 2],
    sums: &[Cell<f32>; COLS],
) {
    let ((first, first_columns), (second, second_columns)) = (first.as_chunks::<4>(), second.as_chunks::<4>());
    let (quads, rest) = sums.as_chunks::<4>();
    for ((first, second), quad) in first.iter().zip(second).zip(quads) {
        let sums = with_rows(four(quad), first, above);
        put(quad, with_rows(sums, second, below));
    }
    add_to_columns(first_columns, above, rest);
    add_to_columns(second_columns, below, rest);
}

/// As [`add_rows`], for the columns beyond the last tile.
#[inline(always)]
fn add_to_columns(columns: &[[u32; 4]], [a, b, c, d]: Quad, sums: &[Cell<f32>]) {
    for (column, cell) in columns.iter().zip(sums) {
        let [wa, wb, wc, wd] = four(column);
        let (pa, pb, pc, pd) = (wa * a, wb * b, wc * c, wd * d);
        cell.set((((cell.get() + pa) + pb) + pc) + pd);
    }
}

/// As [`add_rows`], for the rows that are left.
fn add_rows_ragged<const REST: usize, const COLS: usize>(
    columns: &[[u32; REST]; COLS],
    factors: &[f32; REST],
    sums: &[Cell<f32>; COLS],
) {
    for (column, cell) in columns.iter().zip(sums) {
        let mut sum = cell.get();
        for (weight, factor) in column.iter().zip(factors) {
            sum += f32::from_bits(*weight) * factor;
        }
        cell.set(sum);
    }
}

/// Writes numbers into the workspace from `FIRST` on.
#[inline(always)]
fn set<const FIRST: usize, const LEN: usize>(w: &[Cell<f32>], values: &[f32; LEN]) {
    if let Some(cells) = part::<_, FIRST, LEN>(w) {
        for (cell, value) in cells.iter().zip(values) {
            cell.set(*value);
        }
    }
}

/// `LEN` numbers of a result from `FIRST` on; every NaN is the same one.
#[inline(always)]
fn taken<T: Element, const FIRST: usize, const LEN: usize, const ALL: usize>(result: Option<&[T; ALL]>) -> [f32; LEN] {
    match result.and_then(|all| part::<T, FIRST, LEN>(all)) {
        Some(found) => found.each_ref().map(|element| canonical(element.value())),
        None => [f32::NAN; LEN],
    }
}
