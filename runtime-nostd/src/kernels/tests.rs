//! Every kernel against a naive loop: to the bit in f32 with the documented order, to rounding in f64, on ragged sizes.

use core::cell::Cell;
use std::vec;
use std::vec::Vec;

use super::{dense, elementwise, matmul, reduction, strided};
use crate::format::{
    Binary, BinaryKind, Copy, Dense, DenseAdjoint, DenseGradient, Fill, MatMul, Operand, PANEL_ROWS, Select, SlopeKind,
    Sum, Unary, UnaryKind, WeightKind,
};
use crate::math;

/// Numbers in (−1, 1) from a linear congruence (Knuth, TAOCP vol. 2, 3.3.4), the same in every run.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Packs row-major weights as `docs/FORMAT.md` describes.
fn pack(weights: &[f32], rows: usize, cols: usize) -> Vec<u32> {
    let mut panel = Vec::new();
    for first in (0..rows).step_by(PANEL_ROWS) {
        for c in 0..cols {
            for r in first..rows.min(first + PANEL_ROWS) {
                panel.push(weights[r * cols + c].to_bits());
            }
        }
    }
    panel
}

/// Rows and columns: below a group and a tile, whole ones, two groups at once, and ragged ends of each.
const SIZES: [(usize, usize); 12] =
    [(1, 1), (1, 7), (2, 3), (3, 2), (4, 4), (5, 1), (7, 9), (8, 5), (13, 8), (16, 16), (20, 6), (33, 18)];

#[test]
fn dense_layers_sum_in_the_documented_order() {
    for (rows, cols) in SIZES {
        let (weights, x, bias) = (numbers(rows * cols, 1), numbers(cols, 2), numbers(rows, 3));
        let mut constants = pack(&weights, rows, cols);
        constants.extend(bits(&bias));
        for (with_bias, activation) in [(true, Some(UnaryKind::Tanh)), (true, None), (false, None)] {
            let mut workspace = x.clone();
            workspace.resize(cols + rows + 1, 7.0);
            let layer = Dense {
                panel: Operand::constant(0),
                weights: WeightKind::F32,
                bias: if with_bias { Operand::constant((rows * cols) as u32) } else { Operand::ABSENT },
                src: Operand::workspace(0),
                dst: cols as u32,
                rows: rows as u32,
                cols: cols as u32,
                activation,
            };
            dense::forward(&layer, &mut workspace, &constants).unwrap();
            for r in 0..rows {
                let start = if with_bias { bias[r] } else { 0.0 };
                let row = &weights[r * cols..][..cols];
                let sum = row.iter().zip(&x).fold(start, |sum, (w, x)| sum + w * x);
                let exact = row.iter().zip(&x).fold(f64::from(start), |s, (w, x)| s + f64::from(*w) * f64::from(*x));
                assert!((f64::from(sum) - exact).abs() < 1e-5);
                let expected = if activation.is_some() { math::tanh(sum) } else { sum };
                assert_eq!(workspace[cols + r].to_bits(), expected.to_bits(), "{rows}×{cols}, row {r}");
            }
            assert_eq!(workspace[cols + rows].to_bits(), 7.0f32.to_bits(), "one beyond the result");
        }
    }
}

/// factor × f′ as `docs/NUMERICS.md` writes it.
fn sloped(slope: Option<SlopeKind>, factor: f32, y: f32) -> f32 {
    match slope {
        None => factor,
        Some(SlopeKind::Value) => factor * y,
        Some(SlopeKind::OneMinusSquare) => factor * (1.0 - y * y),
        Some(SlopeKind::Logistic) => factor * (y * (1.0 - y)),
    }
}

const SLOPES: [Option<SlopeKind>; 4] =
    [None, Some(SlopeKind::Value), Some(SlopeKind::OneMinusSquare), Some(SlopeKind::Logistic)];

#[test]
fn the_adjoint_reads_the_same_panel_and_sums_in_the_documented_order() {
    for ((rows, cols), slope) in SIZES.into_iter().flat_map(|size| SLOPES.map(|slope| (size, slope))) {
        let (weights, factors, y) = (numbers(rows * cols, 4), numbers(rows, 5), numbers(rows, 6));
        let constants = pack(&weights, rows, cols);
        let mut workspace = vec![7.0; cols];
        workspace.extend(factors.iter().chain(&y));
        let layer = DenseAdjoint {
            panel: Operand::constant(0),
            weights: WeightKind::F32,
            src: Operand::workspace(cols as u32),
            slope: slope.map(|slope| (slope, Operand::workspace((cols + rows) as u32))),
            dst: 0,
            rows: rows as u32,
            cols: cols as u32,
        };
        dense::adjoint(&layer, &mut workspace, &constants).unwrap();
        for c in 0..cols {
            let term = |r: usize| weights[r * cols + c] * sloped(slope, factors[r], y[r]);
            let sum = (0..rows).fold(0.0f32, |sum, r| sum + term(r));
            assert_eq!(workspace[c].to_bits(), sum.to_bits(), "{rows}×{cols}, {slope:?}, column {c}");
        }
    }
}

#[test]
fn a_gradient_has_the_bits_of_the_layer_and_the_adjoint_it_stands_for() {
    for ((rows, cols), slope) in SIZES.into_iter().flat_map(|size| SLOPES.map(|slope| (size, slope))) {
        let Some(kind) = slope else { continue };
        let (weights, x) = (numbers(rows * cols, 1), numbers(cols, 2));
        let (bias, factors) = (numbers(rows, 3), numbers(rows, 4));
        let mut constants = pack(&weights, rows, cols);
        constants.extend(bits(&bias).into_iter().chain(bits(&factors)));
        let (panel, at) = (Operand::constant(0), |offset: usize| Operand::workspace(offset as u32));
        let (rows_word, cols_word) = (rows as u32, cols as u32);
        // [x, y or the result, the result, factors]
        let mut workspace = x.clone();
        workspace.resize(2 * cols + rows, 7.0);
        workspace.extend(&factors);
        let activation = UnaryKind::Tanh;
        for (with_bias, constant_factor) in [(true, true), (true, false), (false, true)] {
            let bias = if with_bias { Operand::constant((rows * cols) as u32) } else { Operand::ABSENT };
            let layer = Dense {
                panel,
                weights: WeightKind::F32,
                bias,
                src: at(0),
                dst: cols_word,
                rows: rows_word,
                cols: cols_word,
                activation: Some(activation),
            };
            let adjoint = DenseAdjoint {
                panel,
                weights: WeightKind::F32,
                src: at(2 * cols + rows),
                slope: Some((kind, at(cols))),
                dst: (cols + rows) as u32,
                rows: rows_word,
                cols: cols_word,
            };
            let (mut apart, mut fused) = (workspace.clone(), workspace.clone());
            dense::forward(&layer, &mut apart, &constants).unwrap();
            dense::adjoint(&adjoint, &mut apart, &constants).unwrap();
            let factor = Operand::constant((rows * cols + rows) as u32);
            let factor = if constant_factor { factor } else { at(2 * cols + rows) };
            let dst = cols_word;
            let (src, slope) = (at(0), kind);
            let gradient = DenseGradient {
                panel,
                weights: WeightKind::F32,
                bias,
                src,
                factor,
                dst,
                rows: rows_word,
                cols: cols_word,
                activation,
                slope,
            };
            dense::gradient(&gradient, &mut fused, &constants).unwrap();
            assert_eq!(bits(&fused[cols..2 * cols]), bits(&apart[cols + rows..][..cols]), "{rows}×{cols}, {kind:?}");
            assert_eq!(bits(&fused[2 * cols..]), bits(&workspace[2 * cols..]), "nothing else is written");
        }
    }
}

#[test]
fn a_bias_may_be_a_computed_value() {
    let (weights, x) = (numbers(15, 6), numbers(3, 7));
    let constants = pack(&weights, 5, 3);
    let (src, panel, bias) = (Operand::workspace(10), Operand::constant(0), Operand::workspace(5));
    let mut workspace = vec![0.5; 10];
    workspace.extend(&x);
    let layer = Dense { panel, weights: WeightKind::F32, bias, src, dst: 0, rows: 5, cols: 3, activation: None };
    dense::forward(&layer, &mut workspace, &constants).unwrap();
    for r in 0..5 {
        let sum = (0..3).fold(0.5f32, |sum, c| sum + weights[r * 3 + c] * x[c]);
        assert_eq!(workspace[r].to_bits(), sum.to_bits());
    }
}

#[test]
fn matrix_products_follow_their_strides() {
    let (batch, rows, inner, cols) = (2, 3, 5, 4);
    let (lhs, rhs) = (numbers(batch * rows * inner, 8), numbers(inner * cols, 9));
    let dst = lhs.len() as u32;
    let mut workspace = lhs.clone();
    workspace.resize(lhs.len() + batch * rows * cols, 0.0);
    // lhs is stored transposed, [batch, inner, rows]; rhs is a constant that serves every batch.
    let product = MatMul {
        lhs: Operand::workspace(0),
        rhs: Operand::constant(0),
        dst,
        batch: 2,
        rows: 3,
        inner: 5,
        cols: 4,
        lhs_strides: [15, 1, 3],
        rhs_strides: [0, 4, 1],
    };
    matmul::multiply(&product, &mut workspace, &bits(&rhs)).unwrap();
    for b in 0..batch {
        for r in 0..rows {
            for c in 0..cols {
                let term = |k: usize| lhs[b * 15 + k * 3 + r] * rhs[k * cols + c];
                let sum = (0..inner).fold(0.0f32, |sum, k| sum + term(k));
                assert_eq!(workspace[lhs.len() + (b * rows + r) * cols + c].to_bits(), sum.to_bits());
            }
        }
    }
}

#[test]
fn sums_run_over_the_middle_axis() {
    for (outer, len, inner) in [(1, 9, 1), (3, 4, 1), (2, 3, 5), (4, 1, 2)] {
        let src = numbers(outer * len * inner, 10);
        let mut workspace = vec![7.0; outer * inner];
        let [outer_word, len_word, inner_word] = [outer, len, inner].map(|len| len as u32);
        let sum = Sum { src: Operand::constant(0), dst: 0, outer: outer_word, len: len_word, inner: inner_word };
        reduction::sum(&sum, &mut workspace, &bits(&src)).unwrap();
        for o in 0..outer {
            for i in 0..inner {
                let expected = (0..len).fold(0.0f32, |sum, k| sum + src[(o * len + k) * inner + i]);
                assert_eq!(workspace[o * inner + i].to_bits(), expected.to_bits());
            }
        }
    }
}

#[test]
fn strided_copies_transpose_broadcast_and_interleave() {
    let src = numbers(6, 11);
    let mut workspace = src.clone();
    workspace.resize(6 + 12, 9.0);
    // A 2×3 matrix becomes a 3×2 one in every other element.
    let copy = Copy {
        src: Operand::workspace(0),
        dst: 6,
        dims: [1, 1, 3, 2],
        src_strides: [0, 0, 1, 3],
        dst_strides: [0, 0, 4, 2],
    };
    strided::copy(&copy, &mut workspace, &[]).unwrap();
    for row in 0..3 {
        for col in 0..2 {
            assert_eq!(workspace[6 + 4 * row + 2 * col].to_bits(), src[3 * col + row].to_bits());
        }
    }
    assert!(workspace[6..].iter().skip(1).step_by(2).all(|value| *value == 9.0), "gaps are left alone");
}

#[test]
fn elementwise_kernels_cover_steps_constants_and_places_in_one() {
    for len in [1usize, 7, 8, 9, 20] {
        let (a, b) = (numbers(len, 12), numbers(len, 13));
        let known = bits(&b);
        let run = |rhs: Operand, rhs_step: u32, dst: usize| {
            let mut workspace = a.clone();
            workspace.extend(&b);
            workspace.resize(3 * len, 0.0);
            let (lhs, kind) = (Operand::workspace(0), BinaryKind::Sub);
            let binary = Binary { kind, lhs, rhs, dst: dst as u32, len: len as u32, lhs_step: 1, rhs_step };
            elementwise::binary(&binary, &mut workspace, &known).unwrap();
            bits(&workspace[dst..][..len])
        };
        let expected: Vec<u32> = a.iter().zip(&b).map(|(a, b)| (a - b).to_bits()).collect();
        let other = Operand::workspace(len as u32);
        for (rhs, dst) in [(other, 2 * len), (other, 0), (other, len), (Operand::constant(0), 0)] {
            assert_eq!(run(rhs, 1, dst), expected, "{len} elements to {dst}");
        }
        let scalar: Vec<u32> = a.iter().map(|a| (a - b[0]).to_bits()).collect();
        assert_eq!(run(Operand::constant(0), 0, 2 * len), scalar);
        assert_eq!(run(other, 0, 0), scalar);
    }
}

#[test]
fn every_binary_kind_agrees_in_every_combination_of_places() {
    let len = 11;
    let (a, b) = (numbers(len, 14), numbers(len, 15));
    let a: Vec<f32> = a.iter().zip(&b).enumerate().map(|(i, (a, b))| if i % 4 == 0 { *b } else { a.abs() }).collect();
    let mut constants = bits(&a);
    constants.extend(bits(&b));
    let places = |offset: u32| [Operand::workspace(offset), Operand::constant(offset)];
    for kind in BinaryKind::ALL {
        for (lhs, rhs) in places(0).into_iter().flat_map(|lhs| places(11).map(|rhs| (lhs, rhs))) {
            for (lhs_step, rhs_step, dst) in (0..12).map(|case| (case & 1, case >> 1 & 1, case / 4 * 11)) {
                let overwrites_scalar =
                    |operand: Operand, step| step == 0 && !operand.is_constant() && operand.offset() == dst as usize;
                if overwrites_scalar(lhs, lhs_step) || overwrites_scalar(rhs, rhs_step) {
                    continue;
                }
                let mut workspace = [a.clone(), b.clone(), vec![0.0; len]].concat();
                let binary = Binary { kind: *kind, lhs, rhs, dst, len: len as u32, lhs_step, rhs_step };
                elementwise::binary(&binary, &mut workspace, &constants).unwrap();
                for i in 0..len {
                    let mut expected = [a[i * lhs_step as usize]];
                    let cells = Cell::from_mut(&mut expected[..]).as_slice_of_cells();
                    math::combine(*kind, cells, cells, &[Cell::new(b[i * rhs_step as usize])]);
                    let found = workspace[dst as usize + i];
                    assert_eq!(
                        math::canonical(found).to_bits(),
                        math::canonical(expected[0]).to_bits(),
                        "{binary:?} {i}"
                    );
                }
            }
        }
    }
}

#[test]
fn functions_comparisons_and_selection_do_what_their_names_say() {
    let (a, b) = ([1.0f32, 2.0, 3.0], [2.0f32, 2.0, 2.0]);
    let table = [
        (BinaryKind::Add, [3.0, 4.0, 5.0]),
        (BinaryKind::Sub, [-1.0, 0.0, 1.0]),
        (BinaryKind::Mul, [2.0, 4.0, 6.0]),
        (BinaryKind::Div, [0.5, 1.0, 1.5]),
        (BinaryKind::Pow, [1.0, 4.0, 9.0]),
        (BinaryKind::Max, [2.0, 2.0, 3.0]),
        (BinaryKind::Min, [1.0, 2.0, 2.0]),
        (BinaryKind::Greater, [0.0, 0.0, 1.0]),
        (BinaryKind::GreaterOrEqual, [0.0, 1.0, 1.0]),
        (BinaryKind::Equal, [0.0, 1.0, 0.0]),
    ];
    assert_eq!(table.len(), BinaryKind::ALL.len());
    for (kind, expected) in table {
        let mut values = a;
        let cells = Cell::from_mut(&mut values[..]).as_slice_of_cells();
        math::combine(kind, cells, cells, &b.map(Cell::new));
        assert_eq!(values, expected, "{}", kind.name());
    }
    let mut workspace = vec![0.0, -0.0, f32::NAN, 2.0, 0.0, 0.0, 0.0, 0.0];
    let constants = bits(&[10.0, 11.0, 12.0, 13.0, -1.0]);
    let steps = [1, 1, 0];
    let (condition, accepted, rejected) = (Operand::workspace(0), Operand::constant(0), Operand::constant(4));
    let select = Select { condition, accepted, rejected, dst: 4, len: 4, steps };
    elementwise::select(&select, &mut workspace, &constants).unwrap();
    assert_eq!(workspace[4..], [-1.0, -1.0, 12.0, 13.0], "a NaN counts as not 0");
    elementwise::fill(&Fill { dst: 5, len: 2, value: 4.0f32.to_bits() }, &mut workspace).unwrap();
    elementwise::unary(
        &Unary { kind: UnaryKind::Neg, src: Operand::workspace(4), dst: 4, len: 4 },
        &mut workspace,
        &[],
    )
    .unwrap();
    assert_eq!(workspace[4..], [1.0, -4.0, -4.0, -13.0]);
}

#[test]
fn every_unary_kind_calls_the_function_of_its_name() {
    let x = 0.75f32;
    let table: [(UnaryKind, f64); 16] = [
        (UnaryKind::Neg, -0.75),
        (UnaryKind::Reciprocal, 1.0 / 0.75),
        (UnaryKind::Sqrt, 0.75f64.sqrt()),
        (UnaryKind::Exp, 0.75f64.exp()),
        (UnaryKind::Log, 0.75f64.ln()),
        (UnaryKind::Sin, 0.75f64.sin()),
        (UnaryKind::Cos, 0.75f64.cos()),
        (UnaryKind::Tanh, 0.75f64.tanh()),
        (UnaryKind::Sigmoid, 1.0 / (1.0 + (-0.75f64).exp())),
        (UnaryKind::Softplus, 0.75f64.exp().ln_1p()),
        (UnaryKind::Abs, 0.75),
        (UnaryKind::Sign, 1.0),
        (UnaryKind::Erf, 0.711_155_633_653_515_2),
        (UnaryKind::Atan, 0.75f64.atan()),
        (UnaryKind::Floor, 0.0),
        (UnaryKind::Round, 1.0),
    ];
    assert_eq!(table.len(), UnaryKind::ALL.len());
    for (kind, exact) in table {
        let mut values = [x];
        math::map(kind, &mut values);
        assert!((f64::from(values[0]) - exact).abs() <= 2e-7 * exact.abs(), "{}", kind.name());
    }
}
