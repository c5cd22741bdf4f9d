//! How the weights of a panel are stored, and how four of them are read: f32, f16, or eight-bit whole numbers with a scale per row.
//!
//! A kernel is written once, over [`Weights`]; forward and adjoint read the same words through it, so that whatever the storage,
//! the field remains the gradient of one energy.

#[cfg(all(test, feature = "f16", feature = "int8", feature = "tanh"))]
mod tests;

use core::marker::PhantomData;

use crate::format::{Operand, PANEL_ROWS, WeightKind};

use super::part;

/// One value for each row of a group, or for each column of a tile.
pub(crate) type Quad = [f32; PANEL_ROWS];

/// A storage of weights. Groups are of four rows, column by column.
pub(crate) trait Weights {
    /// Its code in a blob.
    const KIND: WeightKind;
    /// Whether a last group of fewer rows is filled up with zeros; otherwise it has its own rows only.
    const IS_PADDED: bool = true;

    /// The columns of a group, four at a time, and those beyond the last four.
    fn columns(group: &[u32]) -> (impl Iterator<Item = [Quad; 4]>, impl Iterator<Item = Quad>);

    /// Words of a group.
    fn group_len(cols: usize) -> usize {
        cols * Self::KIND.column_words()
    }
}

/// A panel among the constants: its weights, and the scales of its rows where it has some.
pub(crate) struct Panel<'a, W> {
    pub(crate) words: &'a [u32],
    scales: &'a [u32],
    storage: PhantomData<W>,
}

impl<'a, W: Weights> Panel<'a, W> {
    pub(crate) fn find(constants: &'a [u32], at: Operand, rows: u32, cols: u32) -> Option<Self> {
        let words = part(constants, at.offset(), W::KIND.panel_words(rows, cols) as usize)?;
        let (scales, words) = words.split_at_checked(if W::KIND.is_scaled() { rows as usize } else { 0 })?;
        Some(Self { words, scales, storage: PhantomData })
    }

    /// What four sums start from: the bias, or +0 where rows are scaled.
    #[inline(always)]
    pub(crate) fn start(bias: Quad) -> Quad {
        if W::KIND.is_scaled() { [0.0; PANEL_ROWS] } else { bias }
    }

    /// The complete sums: bias + scale·sum where rows are scaled.
    #[inline(always)]
    pub(crate) fn complete(&self, row: usize, sums: Quad, bias: Quad) -> Quad {
        if !W::KIND.is_scaled() {
            return sums;
        }
        let ([a, b, c, d], [sa, sb, sc, sd]) = (sums, self.scale(row));
        let [ba, bb, bc, bd] = bias;
        [ba + sa * a, bb + sb * b, bc + sc * c, bd + sd * d]
    }

    /// The factors of four rows in an adjoint, times the scales of the rows.
    #[inline(always)]
    pub(crate) fn scaled(&self, row: usize, factors: Quad) -> Quad {
        if !W::KIND.is_scaled() {
            return factors;
        }
        let ([a, b, c, d], [sa, sb, sc, sd]) = (factors, self.scale(row));
        [sa * a, sb * b, sc * c, sd * d]
    }

    /// The scales of four rows; +0 beyond the last.
    pub(crate) fn scale(&self, row: usize) -> Quad {
        let mut scales = [0.0; PANEL_ROWS];
        for (scale, word) in scales.iter_mut().zip(self.scales.get(row..).unwrap_or_default()) {
            *scale = f32::from_bits(*word);
        }
        scales
    }
}

/// IEEE binary32, one weight a word.
pub(crate) struct F32;

impl Weights for F32 {
    const KIND: WeightKind = WeightKind::F32;
    const IS_PADDED: bool = false;

    #[inline(always)]
    fn columns(group: &[u32]) -> (impl Iterator<Item = [Quad; 4]>, impl Iterator<Item = Quad>) {
        let (tiles, rest) = group.as_chunks::<16>();
        (tiles.iter().map(tile), rest.as_chunks::<PANEL_ROWS>().0.iter().map(|words| words.map(f32::from_bits)))
    }
}

#[inline(always)]
fn tile(words: &[u32; 16]) -> [Quad; 4] {
    let [a0, b0, c0, d0, a1, b1, c1, d1, a2, b2, c2, d2, a3, b3, c3, d3] = words.map(f32::from_bits);
    [[a0, b0, c0, d0], [a1, b1, c1, d1], [a2, b2, c2, d2], [a3, b3, c3, d3]]
}

/// IEEE binary16, two weights a word, the first in the low half.
#[cfg(feature = "f16")]
pub(crate) struct F16;

#[cfg(feature = "f16")]
impl Weights for F16 {
    const KIND: WeightKind = WeightKind::F16;

    #[inline(always)]
    fn columns(group: &[u32]) -> (impl Iterator<Item = [Quad; 4]>, impl Iterator<Item = Quad>) {
        let (tiles, rest) = group.as_chunks::<8>();
        let tile =
            |[a, b, c, d, e, f, g, h]: &[u32; 8]| [halves(*a, *b), halves(*c, *d), halves(*e, *f), halves(*g, *h)];
        (tiles.iter().map(tile), rest.as_chunks::<2>().0.iter().map(|[low, high]| halves(*low, *high)))
    }
}

#[cfg(feature = "f16")]
#[inline(always)]
fn halves(first: u32, second: u32) -> Quad {
    [half(first), half(first >> 16), half(second), half(second >> 16)]
}

/// The value of a binary16 in the low half of a word; finite ones only, which is what a writer stores.
///
/// Its digits in the place of those of an f32 are the value times 2⁻¹¹², subnormal numbers included; the product is exact.
#[cfg(feature = "f16")]
#[inline(always)]
pub(crate) fn half(bits: u32) -> f32 {
    /// 2¹¹².
    const UNIT: f32 = f32::from_bits((127 + 112) << 23);
    f32::from_bits(((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13)) * UNIT
}

/// Whole numbers of eight bits, four weights a word, the first in the lowest; a row's weights are these times its scale.
#[cfg(feature = "int8")]
pub(crate) struct Int8;

#[cfg(feature = "int8")]
impl Weights for Int8 {
    const KIND: WeightKind = WeightKind::Int8;

    #[inline(always)]
    fn columns(group: &[u32]) -> (impl Iterator<Item = [Quad; 4]>, impl Iterator<Item = Quad>) {
        let (tiles, rest) = group.as_chunks::<4>();
        let tile = |[a, b, c, d]: &[u32; 4]| [bytes(*a), bytes(*b), bytes(*c), bytes(*d)];
        (tiles.iter().map(tile), rest.iter().map(|word| bytes(*word)))
    }
}

#[cfg(feature = "int8")]
#[inline(always)]
fn bytes(word: u32) -> Quad {
    let [a, b, c, d] = word.to_le_bytes().map(|byte| f32::from(byte.cast_signed()));
    [a, b, c, d]
}
