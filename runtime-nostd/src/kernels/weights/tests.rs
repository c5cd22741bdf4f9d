//! Every storage of weights against its description: values of halves, bits of layers forward, backward and fused.

use std::vec;
use std::vec::Vec;

use super::half;
use crate::format::{Dense, DenseAdjoint, DenseGradient, Operand, PANEL_ROWS, SlopeKind, UnaryKind, WeightKind};
use crate::kernels::dense;
use crate::math;

/// Below a group and a tile, whole ones, two groups at once, and ragged ends of each.
const SIZES: [(usize, usize); 8] = [(1, 1), (2, 3), (3, 2), (4, 4), (7, 9), (13, 8), (16, 16), (33, 18)];

/// Whole numbers of eight bits, of no regular pattern.
fn whole(count: usize) -> Vec<i8> {
    (0..count as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8 as i8).map(|k| k.max(-127)).collect()
}

fn numbers(count: usize, start: f32) -> Vec<f32> {
    (0..count).map(|index| (start + 0.37 * index as f32) % 1.0 - 0.5).collect()
}

/// The words of a panel by its description in `docs/FORMAT.md`, and the weights as they are meant.
fn panel(kind: WeightKind, rows: usize, cols: usize) -> (Vec<u32>, Vec<f32>, Vec<f32>) {
    let whole = whole(rows * cols);
    let scales: Vec<f32> = (0..rows).map(|r| 0.01 + 0.003 * r as f32).collect();
    let mut words: Vec<u32> =
        if kind == WeightKind::Int8 { scales.iter().map(|s| s.to_bits()).collect() } else { vec![] };
    for first in (0..rows).step_by(PANEL_ROWS) {
        for c in 0..cols {
            let at = |r: usize| if r < rows { whole[r * cols + c] } else { 0 };
            let column = [at(first), at(first + 1), at(first + 2), at(first + 3)];
            match kind {
                WeightKind::Int8 => words.push(u32::from_le_bytes(column.map(i8::cast_unsigned))),
                WeightKind::F16 => {
                    let [a, b, c, d] = column.map(encoded);
                    words.extend([a | b << 16, c | d << 16]);
                }
                WeightKind::F32 => {
                    let real = rows.min(first + PANEL_ROWS) - first;
                    words.extend(column[..real].iter().map(|k| f32::from(*k).to_bits()));
                }
            }
        }
    }
    (words, whole.iter().map(|k| f32::from(*k)).collect(), scales)
}

/// A whole number as binary16, by its definition.
fn encoded(k: i8) -> u32 {
    if k == 0 {
        return 0;
    }
    let size = u32::from(k.unsigned_abs());
    let exponent = 31 - size.leading_zeros();
    let sign = if k < 0 { 0x8000 } else { 0 };
    sign | (exponent + 15) << 10 | (size << (10 - exponent)) & 0x3ff
}

#[test]
fn every_finite_half_has_the_value_that_ieee_754_gives_it() {
    for bits in 0..=u32::from(u16::MAX) {
        let (exponent, mantissa) = ((bits >> 10) & 31, f64::from(bits & 0x3ff));
        if exponent == 31 {
            continue;
        }
        let size = match exponent {
            0 => mantissa / 1024.0 * 2f64.powi(-14),
            _ => (1.0 + mantissa / 1024.0) * 2f64.powi(exponent as i32 - 15),
        };
        let value = if bits & 0x8000 == 0 { size } else { -size };
        assert_eq!(half(bits).to_bits(), (value as f32).to_bits(), "{bits:#x}");
        // What lies above is another number's.
        assert_eq!(half(bits | 0xabcd_0000).to_bits(), half(bits).to_bits());
    }
}

#[test]
fn a_row_that_fills_up_a_group_adds_nothing_even_where_its_activation_has_a_pole() {
    for kind in WeightKind::ALL {
        let (constants, ..) = panel(*kind, 5, 3);
        let mut workspace = [vec![1.5; 3], vec![0.0; 3], vec![1.0; 5]].concat();
        let gradient = DenseGradient {
            panel: Operand::constant(0),
            weights: *kind,
            bias: Operand::ABSENT,
            src: Operand::workspace(0),
            factor: Operand::workspace(6),
            dst: 3,
            rows: 5,
            cols: 3,
            activation: UnaryKind::Reciprocal,
            slope: SlopeKind::Value,
        };
        dense::gradient(&gradient, &mut workspace, &constants).unwrap();
        assert!(workspace[3..6].iter().all(|value| value.is_finite()), "{}: {workspace:?}", kind.name());
    }
}

#[test]
fn layers_of_every_storage_have_the_documented_bits_forward_backward_and_fused() {
    for (rows, cols) in SIZES {
        for kind in WeightKind::ALL {
            let (mut constants, weights, scales) = panel(*kind, rows, cols);
            assert_eq!(constants.len() as u64, kind.panel_words(rows as u32, cols as u32));
            let (x, bias, factor) = (numbers(cols, 0.1), numbers(rows, 0.2), numbers(rows, 0.3));
            let bias_at = constants.len() as u32;
            constants.extend(bias.iter().map(|value| value.to_bits()));
            // [x, layer, adjoint, gradient, factor]
            let mut workspace = [x.clone(), vec![7.0; rows + 2 * cols], factor.clone()].concat();
            let at = |offset: usize| Operand::workspace(offset as u32);
            let (panel, bias_operand, weights_kind) = (Operand::constant(0), Operand::constant(bias_at), *kind);
            let (rows_word, cols_word) = (rows as u32, cols as u32);
            let forward = Dense {
                panel,
                weights: weights_kind,
                bias: bias_operand,
                src: at(0),
                dst: cols as u32,
                rows: rows_word,
                cols: cols_word,
                activation: Some(UnaryKind::Tanh),
            };
            let adjoint = DenseAdjoint {
                panel,
                weights: weights_kind,
                src: at(rows + 3 * cols),
                slope: Some((SlopeKind::OneMinusSquare, at(cols))),
                dst: (rows + cols) as u32,
                rows: rows_word,
                cols: cols_word,
            };
            let gradient = DenseGradient {
                panel,
                weights: weights_kind,
                bias: bias_operand,
                src: at(0),
                factor: at(rows + 3 * cols),
                dst: (rows + 2 * cols) as u32,
                rows: rows_word,
                cols: cols_word,
                activation: UnaryKind::Tanh,
                slope: SlopeKind::OneMinusSquare,
            };
            dense::forward(&forward, &mut workspace, &constants).unwrap();
            dense::adjoint(&adjoint, &mut workspace, &constants).unwrap();
            dense::gradient(&gradient, &mut workspace, &constants).unwrap();

            let is_scaled = *kind == WeightKind::Int8;
            let layer: Vec<f32> = (0..rows)
                .map(|r| {
                    let row = &weights[r * cols..][..cols];
                    let sum = |start: f32| row.iter().zip(&x).fold(start, |sum, (w, x)| sum + w * x);
                    math::tanh(if is_scaled { bias[r] + scales[r] * sum(0.0) } else { sum(bias[r]) })
                })
                .collect();
            let back: Vec<f32> = (0..cols)
                .map(|c| {
                    (0..rows).fold(0.0f32, |sum, r| {
                        let term = factor[r] * (1.0 - layer[r] * layer[r]);
                        sum + weights[r * cols + c] * if is_scaled { scales[r] * term } else { term }
                    })
                })
                .collect();
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            let expected = [x, layer, back.clone(), back, factor].concat();
            assert_eq!(bits(&workspace), bits(&expected), "{} {rows}×{cols}", kind.name());
        }
    }
}
