//! A fixed-point network as plain matrices: spelled as a blob, and computed as `docs/NUMERICS.md` says, one number at a time.

use std::vec;
use std::vec::Vec;

use crate::format::{Entry, Header, Instruction, Network, NetworkKind, Operand, SchemeId};
use crate::testing::Assembler;

/// Largest magnitude of a sum.
pub(super) const SUM_MAX: i64 = i32::MAX as i64;

#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) rows: usize,
    pub(super) weights: Vec<Vec<i16>>,
    pub(super) biases: Vec<i32>,
    pub(super) multipliers: Vec<u32>,
    pub(super) back: Vec<u32>,
    pub(super) shift: u32,
    pub(super) back_shift: u32,
}

#[derive(Debug, Clone)]
pub(super) struct Plain {
    /// Centre, scale and scale of the gradient.
    pub(super) inputs: Vec<[f32; 3]>,
    pub(super) rotation: u32,
    pub(super) value: [f32; 2],
    pub(super) layers: Vec<Layer>,
    pub(super) factors: Vec<i16>,
    pub(super) output: Vec<i16>,
    /// Words that belong to nothing.
    pub(super) surplus: usize,
}

/// Knuth's MMIX generator.
struct Numbers(u64);

impl Numbers {
    fn within(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % (2 * limit + 1) - limit
    }
}

/// 2⁻³² of a product, halves up.
fn high(sum: i64, multiplier: u32) -> i64 {
    (i128::from(sum) * i128::from(multiplier) + (1 << 31)).div_euclid(1 << 32) as i64
}

/// A sum that must not leave 32 bits on any way.
fn sum(terms: impl Iterator<Item = i64>) -> i64 {
    let terms: Vec<i64> = terms.collect();
    assert!(terms.iter().map(|term| term.abs()).sum::<i64>() <= SUM_MAX);
    terms.iter().sum()
}

impl Plain {
    /// Weights as large as their sums allow, multipliers that keep tanh busy. The first width is that of the state.
    pub(super) fn random(widths: &[usize], seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let inputs = vec![[0.0, 8191.75, 1e-6]; widths[0]];
        let last = widths.len() - 2;
        let layer = |(index, pair): (usize, &[usize])| {
            let [cols, rows] = *pair else { panic!("a pair") };
            let limit = (60_000 / rows.max(cols)).min(32_767) as i64;
            let row = |numbers: &mut Numbers| (0..cols).map(|_| numbers.within(limit) as i16).collect();
            let weights = (0..rows).map(|_| row(&mut numbers)).collect();
            let reach = 32_767 * limit * cols as i64;
            let multiplier = ((3 << 47) / reach.max(1 << 18)) as u32;
            let is_last = index == last;
            Layer {
                rows,
                weights,
                biases: (0..rows).map(|_| numbers.within(20_000_000) as i32).collect(),
                multipliers: (0..rows).map(|_| multiplier + numbers.within(3) as u32).collect(),
                back: (0..rows).map(|_| 1_000_000 + numbers.within(900_000) as u32).collect(),
                shift: if is_last { 0 } else { (index % 6) as u32 },
                back_shift: if is_last { 0 } else { ((index + 2) % 6) as u32 },
            }
        };
        let layers: Vec<Layer> = widths.windows(2).enumerate().map(layer).collect();
        let rows = widths[widths.len() - 1];
        let mut half = |_| numbers.within(32_767) as i16;
        let (factors, output) = ((0..rows).map(&mut half).collect(), (0..rows).map(&mut half).collect());
        let rotation = widths[0] as u32 / 2;
        Self { inputs, rotation, value: [1e-9, 0.25], layers, factors, output, surplus: 0 }
    }

    pub(super) fn shape(&self, index: usize) -> Layer {
        self.layers[index].clone()
    }

    /// A state of which some coordinates lie beyond the edge.
    pub(super) fn state(&self, seed: u64) -> Vec<f32> {
        let mut numbers = Numbers(seed);
        self.inputs.iter().map(|_| numbers.within(5_000) as f32 / 1_000.0).collect()
    }

    fn quantized(&self, x: &[f32]) -> Vec<i64> {
        let units = |(x, [centre, scale, _]): (&f32, &[f32; 3])| {
            let units = f64::from((x - centre) * scale).round_ties_even();
            units.clamp(-32_767.0, 32_767.0) as i64
        };
        x.iter().zip(&self.inputs).map(units).collect()
    }

    /// Sums of every layer, and values in units of 2⁻¹⁵ and rounded.
    fn forward(&self, x: &[f32]) -> Vec<(Vec<i64>, Vec<i64>, Vec<i64>)> {
        let mut source = self.quantized(x);
        let mut found = Vec::new();
        for layer in &self.layers {
            let of_row = |(weights, bias): (&Vec<i16>, &i32)| {
                let products = weights.iter().zip(&source).map(|(weight, value)| i64::from(*weight) * value);
                sum(products.chain([i64::from(*bias)]))
            };
            let sums: Vec<i64> = layer.weights.iter().zip(&layer.biases).map(of_row).collect();
            let tanh =
                |(sum, multiplier): (&i64, &u32)| i64::from(super::super::tanh::tanh(high(*sum, *multiplier) as i32));
            let values: Vec<i64> = sums.iter().zip(&layer.multipliers).map(tanh).collect();
            let half = (1 << layer.shift) / 2;
            source = values.iter().map(|value| (value + half) >> layer.shift).collect();
            found.push((sums, values, source.clone()));
        }
        found
    }

    /// The largest magnitude of a sum on the way there.
    pub(super) fn largest_sum(&self, x: &[f32]) -> i64 {
        self.forward(x).iter().flat_map(|(sums, _, _)| sums).map(|sum| sum.abs()).max().unwrap_or(0)
    }

    /// The value, and the gradient in the order of the result.
    pub(super) fn reference(&self, x: &[f32]) -> (f32, Vec<f32>) {
        let layers = self.forward(x);
        let (_, values, _) = &layers[layers.len() - 1];
        let total: i64 = self.output.iter().zip(values).map(|(weight, value)| i64::from(*weight) * value).sum();
        let energy = total as f32 * self.value[0] + self.value[1];
        let sloped = |coming: i64, value: i64, shift: u32, back_shift: u32| {
            let square = (value * value + (1 << (15 - 2 * shift)) / 2) >> (15 - 2 * shift);
            (coming * (32_768 - square) + (1 << (14 + back_shift))) >> (15 + back_shift)
        };
        let mut coming: Vec<i64> =
            self.factors.iter().zip(values).map(|(factor, value)| sloped(i64::from(*factor), *value, 0, 0)).collect();
        let mut sums = Vec::new();
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let of_column =
                |col: usize| sum(layer.weights.iter().zip(&coming).map(|(row, value)| i64::from(row[col]) * value));
            sums = (0..layer.weights[0].len()).map(of_column).collect();
            let Some((below, (_, _, rounded))) = index.checked_sub(1).map(|at| (&self.layers[at], &layers[at])) else {
                break;
            };
            let held = sums.iter().zip(&below.back).map(|(sum, by)| high(*sum, *by).clamp(-32_768, 32_767));
            coming =
                held.zip(rounded).map(|(held, value)| sloped(held, *value, below.shift, below.back_shift)).collect();
        }
        let scaled = sums.iter().zip(&self.inputs).map(|(sum, [_, _, scale])| *sum as f32 * scale);
        let mut gradient: Vec<f32> = scaled.collect();
        gradient.rotate_right(self.rotation as usize);
        (energy, gradient)
    }

    fn table(&self) -> Vec<u32> {
        let padded = |values: &[u32]| {
            let mut values = values.to_vec();
            values.resize(values.len().next_multiple_of(4), 0);
            values
        };
        let halves = |values: &[i16]| -> Vec<u32> {
            let bits: Vec<u32> = padded(&values.iter().map(|value| u32::from(*value as u16)).collect::<Vec<_>>());
            bits.chunks(2).map(|pair| pair[0] | pair[1] << 16).collect()
        };
        let [scale, offset] = self.value.map(f32::to_bits);
        let mut words = vec![self.layers.len() as u32, self.inputs.len() as u32, self.rotation, scale, offset];
        words.extend(self.inputs.iter().flatten().map(|value| value.to_bits()));
        for layer in &self.layers {
            words.extend([layer.rows as u32, layer.shift, layer.back_shift]);
        }
        for (index, layer) in self.layers.iter().enumerate() {
            words.extend(padded(&layer.biases.iter().map(|bias| *bias as u32).collect::<Vec<_>>()));
            words.extend(padded(&layer.multipliers));
            let cols = layer.weights[0].len();
            let at = |row: usize, col: usize| {
                let weight = layer.weights.get(row).and_then(|row| row.get(col)).copied().unwrap_or(0);
                u32::from(weight as u16)
            };
            for group in (0..layer.rows).step_by(4) {
                for col in (0..cols.next_multiple_of(4)).step_by(2) {
                    words.extend((group..group + 4).map(|row| at(row, col) | at(row, col + 1) << 16));
                }
            }
            if index + 1 < self.layers.len() {
                words.extend(padded(&layer.back));
            } else {
                words.extend(halves(&self.factors));
                words.extend(halves(&self.output));
            }
        }
        words.extend(vec![0; self.surplus]);
        words
    }

    /// A model whose energy is this network: x at 0, the result of either entry behind it, then the scratch.
    pub(super) fn blob(&self) -> Vec<u32> {
        let constants = self.table();
        let states = self.inputs.len();
        let quads = |len: usize| 2 * len.div_ceil(4);
        let scratch: usize = quads(states) + self.layers.iter().map(|layer| quads(layer.rows)).sum::<usize>();
        let weights: usize = self.layers.iter().map(|layer| layer.rows * layer.weights[0].len()).sum();
        let network = |kind| {
            Instruction::Network(Network {
                kind,
                table: Operand::constant(0),
                len: constants.len() as u32,
                weights: weights as u32,
                src: Operand::workspace(0),
                dst: states as u32,
                scratch: 2 * states as u32,
                scratch_len: scratch as u32,
            })
        };
        let mut header = Header::empty();
        (header.dof, header.workspace_len, header.dt) = (states as u32 / 2, (2 * states + scratch) as u32, 0.1);
        (header.scheme, header.setting) = (SchemeId::Midpoint.code(), 1);
        let result = Operand::workspace(states as u32);
        let entries = vec![
            (Entry::Energy, vec![network(NetworkKind::Value)], result),
            (Entry::Field, vec![network(NetworkKind::Gradient)], result),
        ];
        Assembler { header, entries, constants }.words()
    }
}
