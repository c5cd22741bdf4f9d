//! Scales for a network, and the words of its table.
//!
//! Weights of a row share a scale α, which serves both passes: forward sums are α z, and what comes back to a row is divided by
//! α before it meets the row's weights again. α is bounded by 16 bits and by the forward sum; where weights times what comes
//! back reach 32 bits, the bits are shared out between the two. What comes back is scaled to its largest value over the samples.

use hnn_runtime::format::{QUAD, QUAD_WORDS};

use super::network::{Layer, Network};

/// Largest magnitude of a 16-bit value.
const HALF_MAX: f64 = 32767.0;
/// Largest magnitude of a sum; a little room for the rounding of its terms is left.
const SUM_MAX: f64 = 2_147_483_647.0 * 0.999;
/// Units of tanh's argument, and of its value, for 1.
const ONE: f64 = 32768.0;
/// A multiplier is 2⁻³² of what it multiplies with.
const MULTIPLIER: f64 = 4_294_967_296.0;
/// The fewest units of a multiplier: its rounding then stays below 2⁻¹⁰ of arguments that are small beside 1.
const MULTIPLIER_MIN: f64 = 1024.0;
/// The most units of a multiplier that scales are lowered to.
const MULTIPLIER_MAX: f64 = 1_073_741_824.0;
/// Room above the largest value that came back from any sample.
const BACK_MARGIN: f64 = 1.5;

/// How bits are shared out; tried out, and chosen by the error that is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bits {
    /// Bits by which the values of inner layers are rounded.
    pub(super) shift: u32,
    /// Bits by which what comes back to inner layers is rounded.
    pub(super) back_shift: u32,
    /// How much larger than balanced the weights of the last layer are, the factors being as much smaller.
    pub(super) favour: f64,
}

/// Where the inputs of a network lie.
#[derive(Debug, Clone)]
pub(super) struct Calibration {
    /// Middle of each coordinate.
    pub(super) centres: Vec<f64>,
    /// Half of the range of each coordinate.
    pub(super) ranges: Vec<f64>,
    /// Largest |∂N/∂y| of every unit of every inner layer over the samples, layer by layer.
    pub(super) back: Vec<Vec<f64>>,
}

/// A table and what an instruction says about it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) words: Vec<u32>,
    pub(super) weights: usize,
    pub(super) scratch_len: usize,
}

/// A layer in whole numbers.
struct Whole {
    weights: Vec<Vec<i16>>,
    biases: Vec<i32>,
    multipliers: Vec<u32>,
    scales: Vec<f64>,
}

/// ∂N/∂y of every inner layer at a state, largest so far kept.
pub(super) fn observe(network: &Network, x: &[f64], back: &mut [Vec<f64>]) {
    let mut values = vec![x[network.columns.clone()].to_vec()];
    for layer in &network.layers {
        let source = &values[values.len() - 1];
        let unit = |(row, bias): (&Vec<f64>, &f64)| {
            (bias + row.iter().zip(source).map(|(weight, value)| weight * value).sum::<f64>()).tanh()
        };
        let next = layer.weights.iter().zip(&layer.biases).map(unit).collect();
        values.push(next);
    }
    let mut coming = network.output.clone();
    for index in (1..network.layers.len()).rev() {
        let sloped: Vec<f64> =
            coming.iter().zip(&values[index + 1]).map(|(coming, y)| coming * (1.0 - y * y)).collect();
        let weights = &network.layers[index].weights;
        let column = |col: usize| weights.iter().zip(&sloped).map(|(row, value)| row[col] * value).sum::<f64>();
        coming = (0..weights[0].len()).map(column).collect();
        for (largest, value) in back[index - 1].iter_mut().zip(&coming) {
            *largest = largest.max(value.abs());
        }
    }
}

/// The table of a network whose gradient is that of −N by the first `negated` coordinates.
pub(super) fn table(network: &Network, negated: usize, rotation: usize, at: &Calibration, bits: Bits) -> Table {
    let input_scales: Vec<f64> = at.ranges.iter().map(|range| HALF_MAX / range).collect();
    let last = network.layers.len() - 1;
    let value_one = f64::from(1_u32 << (15 - bits.shift));
    let mut layers = Vec::new();
    let mut factors = Vec::new();
    let mut factor_scale = 1.0;
    for (index, layer) in network.layers.iter().enumerate() {
        let units: Vec<f64> = if index == 0 { input_scales.clone() } else { vec![value_one; layer.weights[0].len()] };
        let shifts = if index == 0 { at.centres.clone() } else { vec![0.0; units.len()] };
        let reach = if index == 0 { HALF_MAX } else { value_one };
        let scaled = scaled(layer, &units, &shifts);
        let mut scales = forward_scales(&scaled, reach);
        if index == last {
            factor_scale = share_out(&scaled, &network.output, bits.favour, &mut scales);
            let factor = |(output, scale): (&f64, &f64)| half(factor_scale * output / scale);
            factors = network.output.iter().zip(&scales).map(factor).collect();
        } else {
            limit_columns(&scaled, f64::from(1_u32 << (15 - bits.back_shift)), &mut scales);
        }
        layers.push(whole(&scaled, scales));
    }
    let (backs, gradient_scale) = back_multipliers(network, &layers, at, bits, factor_scale);
    let output_max = network.output.iter().fold(f64::MIN_POSITIVE, |max, value| max.max(value.abs()));
    let output: Vec<i16> = network.output.iter().map(|value| half(value / output_max * HALF_MAX)).collect();
    let mut words = vec![layers.len() as u32, units_len(at), rotation as u32];
    words.push(((output_max / HALF_MAX / ONE) as f32).to_bits());
    words.push((network.offset as f32).to_bits());
    for (position, (centre, scale)) in at.centres.iter().zip(&input_scales).enumerate() {
        let sign = if position < negated { -1.0 } else { 1.0 };
        words.extend([*centre, *scale, sign * scale / gradient_scale].map(|value| (value as f32).to_bits()));
    }
    for (index, layer) in layers.iter().enumerate() {
        let (shift, back) = if index == last { (0, 0) } else { (bits.shift, bits.back_shift) };
        words.extend([layer.weights.len() as u32, shift, back]);
    }
    for (index, layer) in layers.iter().enumerate() {
        words.extend(padded(&layer.biases.iter().map(|bias| bias.cast_unsigned()).collect::<Vec<_>>()));
        words.extend(padded(&layer.multipliers));
        words.extend(tiles(&layer.weights));
        match backs.get(index) {
            Some(back) => words.extend(padded(back)),
            None => words.extend(halves(&factors).into_iter().chain(halves(&output))),
        }
    }
    let quads = |len: usize| QUAD_WORDS * len.div_ceil(QUAD);
    let weights = layers.iter().map(|layer| layer.weights.len() * layer.weights[0].len()).sum();
    let scratch_len = quads(at.centres.len()) + layers.iter().map(|layer| quads(layer.weights.len())).sum::<usize>();
    Table { words, weights, scratch_len }
}

fn units_len(at: &Calibration) -> u32 {
    // At most 2 · MAX_DOF, which lowering has checked.
    at.centres.len() as u32
}

/// The layer as a function of sources in whole units: W/unit, and b with the centres in it.
fn scaled(layer: &Layer, units: &[f64], centres: &[f64]) -> Layer {
    let weights = layer.weights.iter().map(|row| row.iter().zip(units).map(|(weight, unit)| weight / unit).collect());
    let bias = |(row, bias): (&Vec<f64>, &f64)| bias + row.iter().zip(centres).map(|(w, x)| w * x).sum::<f64>();
    Layer { weights: weights.collect(), biases: layer.weights.iter().zip(&layer.biases).map(bias).collect() }
}

fn largest(row: &[f64]) -> f64 {
    row.iter().fold(0.0, |max: f64, value| max.max(value.abs()))
}

/// The largest scale of every row that 16-bit weights, its sum and its multiplier allow.
fn forward_scales(layer: &Layer, reach: f64) -> Vec<f64> {
    let scale = |(row, bias): (&Vec<f64>, &f64)| {
        let sum = row.iter().map(|weight| weight.abs()).sum::<f64>() * reach + bias.abs();
        let by_sum = SUM_MAX / sum.max(f64::MIN_POSITIVE);
        let by_weight = HALF_MAX / largest(row).max(f64::MIN_POSITIVE);
        by_sum.min(by_weight).min(MULTIPLIER * ONE / MULTIPLIER_MIN)
    };
    layer.weights.iter().zip(&layer.biases).map(scale).collect()
}

/// Lowers the scales of the last layer so that weights and factors are `favour`² apart; returns the scale of the factors.
///
/// A product of weight and factor does not depend on a row's scale, so the column sums bound the factors' own scale alone.
fn share_out(layer: &Layer, output: &[f64], favour: f64, scales: &mut [f64]) -> f64 {
    let column = |col: usize| layer.weights.iter().zip(output).map(|(row, out)| (row[col] * out).abs()).sum::<f64>();
    let sum = (0..layer.weights[0].len()).map(column).fold(f64::MIN_POSITIVE, f64::max);
    // A factor is scale·output/α, and no row's α may be larger than it is here.
    let by_factor = |(alpha, out): (&f64, &f64)| HALF_MAX * alpha / out.abs().max(f64::MIN_POSITIVE);
    let by_factors = scales.iter().zip(output).map(by_factor).fold(f64::MAX, f64::min);
    // Rounding may add half a unit to each factor; the sums are verified when the table is read.
    let scale = (0.99 * SUM_MAX / sum).min(by_factors);
    for ((alpha, row), out) in scales.iter_mut().zip(&layer.weights).zip(output) {
        let balanced = (scale * out.abs() / largest(row).max(f64::MIN_POSITIVE)).sqrt();
        // Below this a factor would leave 16 bits, or the multiplier its 31.
        let least = (scale * out.abs() / HALF_MAX).max(MULTIPLIER * ONE / MULTIPLIER_MAX);
        *alpha = alpha.min((favour * balanced).max(least));
    }
    scale
}

/// Lowers all scales of an inner layer until its column sums fit what comes back.
fn limit_columns(layer: &Layer, limit: f64, scales: &mut [f64]) {
    let column =
        |col: usize| layer.weights.iter().zip(&*scales).map(|(row, scale)| (row[col] * scale).abs()).sum::<f64>();
    let sum = (0..layer.weights[0].len()).map(column).fold(f64::MIN_POSITIVE, f64::max) * limit;
    let by = (0.99 * SUM_MAX / sum).min(1.0);
    scales.iter_mut().for_each(|scale| *scale *= by);
}

fn half(value: f64) -> i16 {
    value.round().clamp(-HALF_MAX, HALF_MAX) as i16
}

/// A multiplier of 31 bits.
fn multiplier(value: f64) -> u32 {
    value.round().clamp(0.0, 2_147_483_647.0) as u32
}

fn whole(layer: &Layer, scales: Vec<f64>) -> Whole {
    let row = |(row, scale): (&Vec<f64>, &f64)| row.iter().map(|weight| half(weight * scale)).collect();
    let bias = |(bias, scale): (&f64, &f64)| (bias * scale).round().clamp(-SUM_MAX, SUM_MAX) as i32;
    Whole {
        weights: layer.weights.iter().zip(&scales).map(row).collect(),
        biases: layer.biases.iter().zip(&scales).map(bias).collect(),
        multipliers: scales.iter().map(|scale| multiplier(MULTIPLIER * ONE / scale)).collect(),
        scales,
    }
}

/// Multipliers of the inner layers, and the units of the sums at the inputs for a derivative of 1 by an input in whole units.
fn back_multipliers(
    network: &Network,
    layers: &[Whole],
    at: &Calibration,
    bits: Bits,
    factor_scale: f64,
) -> (Vec<Vec<u32>>, f64) {
    let value_one = f64::from(1_u32 << (15 - bits.shift));
    let mut backs = Vec::new();
    let mut above = factor_scale;
    for index in (0..network.layers.len() - 1).rev() {
        // v = sum·multiplier/2³² is ∂N/∂y·units/α, the largest of all rows a 16-bit number.
        let scales = &layers[index].scales;
        let seen =
            at.back[index].iter().zip(scales).map(|(back, scale)| back / scale).fold(f64::MIN_POSITIVE, f64::max);
        let units = HALF_MAX / (BACK_MARGIN * seen);
        backs.push(scales.iter().map(|scale| multiplier(MULTIPLIER * units * value_one / (above * scale))).collect());
        above = units / f64::from(1_u32 << bits.back_shift);
    }
    backs.reverse();
    (backs, above)
}

/// Filled up to whole quads with 0.
fn padded(values: &[u32]) -> Vec<u32> {
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(QUAD), 0);
    values
}

/// Two values to a word, the first in the lower half.
fn pair(low: i16, high: i16) -> u32 {
    u32::from(low.cast_unsigned()) | u32::from(high.cast_unsigned()) << 16
}

fn halves(values: &[i16]) -> Vec<u32> {
    let mut values = values.to_vec();
    values.resize(values.len().next_multiple_of(QUAD), 0);
    values.chunks_exact(2).map(|two| pair(two[0], two[1])).collect()
}

/// Four rows of four columns at a time: the four rows of two columns, then of the next two.
fn tiles(weights: &[Vec<i16>]) -> Vec<u32> {
    let at = |row: usize, col: usize| weights.get(row).and_then(|row| row.get(col)).copied().unwrap_or(0);
    let cols = weights[0].len().next_multiple_of(QUAD);
    let groups = (0..weights.len()).step_by(QUAD);
    let words = groups.flat_map(|group| {
        let pairs = (0..cols).step_by(2);
        pairs.flat_map(move |col| (group..group + QUAD).map(move |row| (row, col)))
    });
    words.map(|(row, col)| pair(at(row, col), at(row, col + 1))).collect()
}
