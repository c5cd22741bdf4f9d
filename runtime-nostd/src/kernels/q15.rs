//! Networks in 16-bit fixed point: products of 16 by 16 bits, sums of 32.
//!
//! Two values share a word. Products are written so that a compiler for a core with DSP instructions makes one
//! multiply-accumulate of each (`SMLABB` and its kin on Armv7E-M), and any other a multiplication; no product waits for
//! special types. A tile of four by four weights serves the way there and the way back. The sums that the reader of the blob
//! has proved never to overflow are written as wrapping ones: there is no path to a panic in any build.

mod tanh;
#[cfg(test)]
mod tests;

use super::{Regions, part};
use crate::format::{Network, NetworkKind, NetworkLayer, NetworkTable, NetworkTile, Operand, QUAD, QUAD_WORDS};

/// A sum, or a value, for each of four rows or columns.
type Quad = [i32; QUAD];
/// Four values, two to a word.
type Packed = [u32; QUAD_WORDS];

/// Bits after the binary point of a layer's values before they are rounded, of slopes, and of whatever a slope multiplies.
const VALUE_BITS: u32 = 15;
/// Largest magnitude of an input.
const INPUT_MAX: f32 = 32767.0;

/// dst = N(src), or the scaled gradient.
#[inline(never)]
pub(crate) fn network(network: &Network, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let table = NetworkTable::open(part(constants, network.table.offset(), network.len as usize)?)?;
    let (scratch, regions) = Regions::split(workspace, network.scratch, network.scratch_len as usize, constants)?;
    quantize(&table, regions.values(network.src, table.inputs_len())?, scratch);
    let mut layers = table.layers();
    let mut layer = layers.next()?;
    for next in layers {
        forward(&layer, scratch)?;
        layer = next;
    }
    if network.kind == NetworkKind::Value {
        let value = output(&layer, scratch)?;
        let (dst, _) = Regions::split(workspace, network.dst, 1, constants)?;
        dst.fill(value * table.value_scale + table.value_offset);
        return Some(());
    }
    slopes(&layer, scratch)?;
    for index in (0..table.layers_len() - 1).rev() {
        let below = table.layer(index)?;
        adjoint(&layer, &below, scratch)?;
        layer = below;
    }
    let (dst, regions) = Regions::split(workspace, network.dst, table.inputs_len(), constants)?;
    let factors = regions.values(Operand::workspace(network.scratch + layer.result as u32), layer.result_len())?;
    gradient(&table, &layer, factors, dst)
}

/// The inputs as 16-bit values; a quad is filled up with 0.
fn quantize(table: &NetworkTable<'_>, src: &[f32], scratch: &mut [f32]) {
    let mut inputs = table.inputs().zip(src).map(|(input, x)| units((x - input.centre) * input.scale));
    let len = QUAD_WORDS * table.inputs_len().div_ceil(QUAD);
    for word in scratch.iter_mut().take(len) {
        let (even, odd) = (inputs.next().unwrap_or(0), inputs.next().unwrap_or(0));
        *word = packed(even, odd);
    }
}

/// The nearest whole number, halves to the even one, held in ±32767 (NaN, which no state has, at −32767); without a branch.
fn units(x: f32) -> i32 {
    let held = if x > -INPUT_MAX { x } else { -INPUT_MAX };
    let held = if held < INPUT_MAX { held } else { INPUT_MAX };
    // Numbers from 2²³ on are whole, their last bits count, and an addition rounds as said.
    const WHOLE: f32 = 12_582_912.0;
    (held + WHOLE).to_bits().cast_signed() - WHOLE.to_bits().cast_signed()
}

/// The values of an inner layer.
#[inline(never)]
fn forward(layer: &NetworkLayer<'_>, scratch: &mut [f32]) -> Option<()> {
    let (shift, half) = (layer.shift, (1 << layer.shift) >> 1);
    let round = |value: i32| (value + half) >> shift;
    activated(layer, scratch, |quad, [a, b, c, d], _| {
        *quad = [packed(round(a), round(b)), packed(round(c), round(d))];
        Some(())
    })
}

/// What goes back from the last layer: factor × tanh′ of each row.
#[inline(never)]
fn slopes(layer: &NetworkLayer<'_>, scratch: &mut [f32]) -> Option<()> {
    let (factors, _) = layer.factors();
    activated(layer, scratch, |quad, values, group| {
        let factors = unpacked(*factors.get(group)?);
        *quad = sloped(factors, values, VALUE_BITS, VALUE_BITS);
        Some(())
    })
}

/// The output in units of its weights and values. The sum cannot leave i64.
#[inline(never)]
fn output(layer: &NetworkLayer<'_>, scratch: &mut [f32]) -> Option<f32> {
    let (_, weights) = layer.factors();
    let mut sum = 0_i64;
    activated(layer, scratch, |_, values, group| {
        for (weight, value) in unpacked(*weights.get(group)?).iter().zip(values) {
            sum = sum.wrapping_add(i64::from(weight.wrapping_mul(value)));
        }
        Some(())
    })?;
    #[allow(clippy::cast_precision_loss, reason = "rounding to f32 is the purpose")]
    Some(sum as f32)
}

/// Calls `take` with room for a quad of results, the quad of values in units of 2⁻¹⁵, and its position, group of rows by group.
#[inline(always)]
fn activated(
    layer: &NetworkLayer<'_>,
    scratch: &mut [f32],
    mut take: impl FnMut(&mut [f32; QUAD_WORDS], Quad, usize) -> Option<()>,
) -> Option<()> {
    let (before, rest) = scratch.split_at_mut_checked(layer.result)?;
    let (source, _) = part(before, layer.source, layer.source_len())?.as_chunks::<QUAD_WORDS>();
    let (results, _) = rest.get_mut(..layer.result_len())?.as_chunks_mut::<QUAD_WORDS>();
    let mut tiles = layer.tiles;
    let starts = layer.biases.iter().zip(layer.multipliers);
    for (group, (quad, (biases, multipliers))) in results.iter_mut().zip(starts).enumerate() {
        let (tile, after) = tiles.split_at_checked(layer.quads())?;
        tiles = after;
        let [a, b, c, d] = products(tile, source, biases);
        let [ma, mb, mc, md] = *multipliers;
        let values = [
            tanh::tanh(high_product(a, ma)),
            tanh::tanh(high_product(b, mb)),
            tanh::tanh(high_product(c, mc)),
            tanh::tanh(high_product(d, md)),
        ];
        take(quad, values, group)?;
    }
    Some(())
}

/// What comes back to the layer below, in the place of its values.
#[inline(never)]
fn adjoint(layer: &NetworkLayer<'_>, below: &NetworkLayer<'_>, scratch: &mut [f32]) -> Option<()> {
    let (before, rest) = scratch.split_at_mut_checked(layer.result)?;
    let (factors, _) = rest.get(..layer.result_len())?.as_chunks::<QUAD_WORDS>();
    let (values, _) = before.get_mut(layer.source..)?.get_mut(..layer.source_len())?.as_chunks_mut::<QUAD_WORDS>();
    let (bits, shift) = (VALUE_BITS - below.shift, VALUE_BITS + below.back_shift);
    let held = |sum: i32, multiplier: u32| high_product(sum, multiplier).clamp(-32_768, 32_767);
    for ((quad, [ma, mb, mc, md]), index) in values.iter_mut().zip(below.back_multipliers()).zip(0..) {
        let [a, b, c, d] = column_sums(layer, index, factors)?;
        let coming = [held(a, *ma), held(b, *mb), held(c, *mc), held(d, *md)];
        *quad = sloped(coming, unpacked(quad.map(f32::to_bits)), bits, shift);
    }
    Some(())
}

/// The derivatives by the inputs, in the order of the result.
#[inline(never)]
fn gradient(table: &NetworkTable<'_>, layer: &NetworkLayer<'_>, factors: &[f32], dst: &mut [f32]) -> Option<()> {
    let (factors, _) = factors.as_chunks::<QUAD_WORDS>();
    let mut inputs = table.inputs();
    let mut place = table.rotation;
    for index in 0..layer.quads() {
        for (sum, input) in column_sums(layer, index, factors)?.iter().zip(&mut inputs) {
            #[allow(clippy::cast_precision_loss, reason = "rounding to f32 is the purpose")]
            let derivative = *sum as f32 * input.gradient_scale;
            *dst.get_mut(place)? = derivative;
            place = if place + 1 == dst.len() { 0 } else { place + 1 };
        }
    }
    Some(())
}

/// biases\[r\] + Σ W\[r\]\[c\]·source\[c\] for the four rows of a group.
#[inline(always)]
fn products(tiles: &[NetworkTile], source: &[[f32; QUAD_WORDS]], biases: &[u32; QUAD]) -> Quad {
    let mut sums = biases.map(u32::cast_signed);
    for ([first, second], [x, y]) in tiles.iter().zip(source) {
        sums = with_columns(sums, *first, x.to_bits());
        sums = with_columns(sums, *second, y.to_bits());
    }
    sums
}

/// Σ W\[r\]\[c\]·factors\[r\] for the four columns of a quad.
#[inline(always)]
fn column_sums(layer: &NetworkLayer<'_>, quad: usize, factors: &[[f32; QUAD_WORDS]]) -> Option<Quad> {
    // At least 1, for the compiler to see that there is a length.
    let quads = layer.quads().max(1);
    let mut sums = [0, 0, 0, 0];
    for ([x, y], group) in factors.iter().zip(layer.tiles.chunks_exact(quads)) {
        let [[a, b, c, d], [e, f, g, h]] = group.get(quad)?;
        sums = with_rows(sums, [*a, *b, *e, *f], x.to_bits());
        sums = with_rows(sums, [*c, *d, *g, *h], y.to_bits());
    }
    Some(sums)
}

/// Sums of four rows with the products of two columns. Few words at a time: they and the sums have to fit the registers.
#[inline(always)]
fn with_columns([mut a, mut b, mut c, mut d]: Quad, [wa, wb, wc, wd]: [u32; QUAD], x: u32) -> Quad {
    a = with(with(a, low(wa), low(x)), high(wa), high(x));
    b = with(with(b, low(wb), low(x)), high(wb), high(x));
    c = with(with(c, low(wc), low(x)), high(wc), high(x));
    d = with(with(d, low(wd), low(x)), high(wd), high(x));
    [a, b, c, d]
}

/// Sums of four columns with the products of two rows: the words of the first two columns, then of the others.
#[inline(always)]
fn with_rows([mut a, mut b, mut c, mut d]: Quad, [first, second, third, fourth]: [u32; QUAD], x: u32) -> Quad {
    a = with(with(a, low(first), low(x)), low(second), high(x));
    b = with(with(b, high(first), low(x)), high(second), high(x));
    c = with(with(c, low(third), low(x)), low(fourth), high(x));
    d = with(with(d, high(third), low(x)), high(fourth), high(x));
    [a, b, c, d]
}

/// coming × (1 − y²) ÷ 2ˢʰⁱᶠᵗ⁻¹⁵, y in units of 2⁻ᵇⁱᵗˢ.
#[inline(always)]
fn sloped([a, b, c, d]: Quad, [ya, yb, yc, yd]: Quad, bits: u32, shift: u32) -> [f32; QUAD_WORDS] {
    let square_shift = 2 * bits - VALUE_BITS;
    let (square_half, half) = ((1 << square_shift) >> 1, (1 << shift) >> 1);
    let times = |coming: i32, y: i32| {
        let slope = (1 << VALUE_BITS) - (y.wrapping_mul(y).wrapping_add(square_half) >> square_shift);
        coming.wrapping_mul(slope).wrapping_add(half) >> shift
    };
    [packed(times(a, ya), times(b, yb)), packed(times(c, yc), times(d, yd))]
}

/// 2⁻³² of a product, rounded to nearest, halves up.
#[inline(always)]
fn high_product(sum: i32, multiplier: u32) -> i32 {
    let product = i64::from(sum).wrapping_mul(i64::from(multiplier.cast_signed()));
    // Below 2³⁰ in magnitude, as a multiplier is below 2³¹.
    (product.wrapping_add(1 << 31) >> 32) as i32
}

/// sum + a·b.
#[inline(always)]
fn with(sum: i32, a: i32, b: i32) -> i32 {
    sum.wrapping_add(a.wrapping_mul(b))
}

/// The value in the lower half of a word.
#[inline(always)]
fn low(word: u32) -> i32 {
    i32::from(word as i16)
}

/// The value in the upper half of a word.
#[inline(always)]
fn high(word: u32) -> i32 {
    word.cast_signed() >> 16
}

/// Two values in one element of the workspace, which is moved but never computed with.
#[inline(always)]
fn packed(even: i32, odd: i32) -> f32 {
    f32::from_bits((even.cast_unsigned() & 0xffff) | (odd.cast_unsigned() << 16))
}

#[inline(always)]
fn unpacked([first, second]: Packed) -> Quad {
    [low(first), high(first), low(second), high(second)]
}
