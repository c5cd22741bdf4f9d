//! Proof that no sum of a fixed-point network leaves 32 bits, whatever its inputs are.
//!
//! A sum stays in range, in any order of its terms, where the magnitudes of its terms do together. Every source of a sum has
//! a bound: inputs are held in ±32767, values of tanh and what comes back to an inner layer, held in 16 bits, are
//! rounded to fewer, and what leaves the last one is at most its factor, a slope being at most 1.

use crate::format::{MAX_OPERATIONS, NetworkLayer, NetworkTable, NetworkTile, QUAD};

/// Largest magnitude of a sum.
const SUM_MAX: u64 = i32::MAX as u64;
/// Largest magnitude of an input, and of a value that is not rounded to fewer bits.
const VALUE_MAX: u64 = 32767;

/// Largest magnitude of what comes back to an inner layer, before it is rounded to fewer bits.
const BACK_MAX: u64 = 32768;

/// The number of weights, where the table keeps its promises.
pub(super) fn weights(table: &NetworkTable<'_>) -> Option<u64> {
    let scales = table.inputs().all(|input| {
        [input.centre, input.scale, input.gradient_scale].iter().all(|value| value.is_finite()) && input.scale > 0.0
    });
    if !(scales && table.value_scale.is_finite() && table.value_offset.is_finite()) {
        return None;
    }
    let mut layers = table.layers();
    let (mut weights, mut bound) = (0, VALUE_MAX);
    for position in 1..=table.layers_len() {
        let layer = layers.next()?;
        let is_last = position == table.layers_len();
        let work = layer.rows as u64 * layer.cols as u64;
        let is_sound = (layer.shift.max(layer.back_shift) == 0 || !is_last)
            && work <= MAX_OPERATIONS as u64 / 2
            && multipliers(layer.multipliers)
            && (is_last || multipliers(layer.back_multipliers()))
            && rows(&layer, bound)
            && columns(&layer, is_last);
        if !is_sound {
            return None;
        }
        bound = (VALUE_MAX + ((1 << layer.shift) >> 1)) >> layer.shift;
        weights += work;
    }
    layers.rest().is_empty().then_some(weights)
}

/// Whether none is negative.
fn multipliers(words: &[[u32; QUAD]]) -> bool {
    words.as_flattened().iter().all(|word| *word >> 31 == 0)
}

fn magnitude(half: u32) -> u64 {
    u64::from((half as i16).unsigned_abs())
}

/// The two values of a word.
fn magnitudes(word: u32) -> [u64; 2] {
    [magnitude(word & 0xffff), magnitude(word >> 16)]
}

/// Whether every row's sum stays in range for sources up to `bound`.
fn rows(layer: &NetworkLayer<'_>, bound: u64) -> bool {
    crate::rows::rows(layer.tiles, layer.quads()).zip(layer.biases).all(|(tiles, biases)| {
        biases.iter().enumerate().all(|(row, bias)| {
            let of_row = |tile: &NetworkTile| -> u64 {
                tile.iter().flatten().skip(row).step_by(QUAD).flat_map(|word| magnitudes(*word)).sum()
            };
            // Below 2¹² · 2¹⁵ · 2¹⁵ + 2³¹.
            let sum: u64 = tiles.iter().map(of_row).sum();
            sum * bound + u64::from(bias.cast_signed().unsigned_abs()) <= SUM_MAX
        })
    })
}

/// Whether every column's sum stays in range.
fn columns(layer: &NetworkLayer<'_>, is_last: bool) -> bool {
    (0..layer.quads()).all(|quad| {
        let mut sums = [0_u64; QUAD];
        for (group, tiles) in crate::rows::rows(layer.tiles, layer.quads()).enumerate() {
            let factors = if is_last { factors(layer, group) } else { [BACK_MAX >> layer.back_shift; QUAD] };
            for (pair, words) in tiles.get(quad).into_iter().flatten().enumerate() {
                for (word, factor) in words.iter().zip(factors) {
                    for (sum, weight) in sums.iter_mut().skip(2 * pair).zip(magnitudes(*word)) {
                        *sum += weight * factor;
                    }
                }
            }
        }
        sums.iter().all(|sum| *sum <= SUM_MAX)
    })
}

fn factors(layer: &NetworkLayer<'_>, group: usize) -> [u64; QUAD] {
    let [first, second] = layer.factors().0.get(group).copied().unwrap_or_default();
    let ([a, b], [c, d]) = (magnitudes(first), magnitudes(second));
    [a, b, c, d]
}
