//! Fixed-point networks against their definition, written down a second time without tiles and with sums that must not leave 32
//! bits; weights at the very bound; hostile tables.

mod network;

use std::vec;
use std::vec::Vec;

use network::{Layer, Plain, SUM_MAX};

use crate::error::Error;
use crate::format::Entry;
use crate::model::Model as _;
use crate::{Compiled, Program};

/// H and [∂H/∂p, −∂H/∂q] by the runtime, out of a workspace full of NaN.
fn run(words: &[u32], x: &[f32]) -> (f32, Vec<f32>) {
    let program = Program::parse(words).unwrap();
    let mut workspace = vec![f32::NAN; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace).unwrap();
    let (q, p) = x.split_at(program.dof());
    let mut rates = vec![0.0; x.len()];
    let (dq, dp) = rates.split_at_mut(program.dof());
    let energy = model.energy(q, p);
    model.field(q, p, &[], dq, dp);
    (energy, rates)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_bits_are_those_of_the_definition_for_ragged_sizes() {
    let shapes: [&[usize]; 9] = [
        &[2, 1],
        &[2, 4],
        &[2, 7, 5],
        &[4, 3, 8, 2],
        &[2, 33],
        &[6, 9, 9, 9],
        &[2, 32, 32],
        &[8, 5, 1, 6],
        &[2, 1, 1, 1, 1, 1, 1, 1, 1],
    ];
    for (seed, shape) in (1..).zip(shapes) {
        let plain = Plain::random(shape, seed);
        let words = plain.blob();
        for state in 0..20 {
            let x = plain.state(100 * seed + state);
            let (energy, rates) = run(&words, &x);
            let (expected_energy, expected_rates) = plain.reference(&x);
            assert_eq!(energy.to_bits(), expected_energy.to_bits(), "{shape:?}");
            assert_eq!(bits(&rates), bits(&expected_rates), "{shape:?}");
        }
    }
}

/// One hidden layer of one row whose sum reaches `i32::MAX` exactly where both inputs are held.
fn at_the_bound() -> Plain {
    let mut plain = Plain::random(&[2, 1], 1);
    let layer = &mut plain.layers[0];
    layer.weights = vec![vec![32_767, -32_767]];
    layer.biases = vec![i32::MAX - 2 * 32_767 * 32_767];
    (plain.factors, plain.output) = (vec![-32_768], vec![-32_768]);
    plain
}

#[test]
fn sums_reach_the_bound_and_one_more_is_refused() {
    let plain = at_the_bound();
    let x = [1e6, -1e6];
    assert_eq!(plain.largest_sum(&x), SUM_MAX);
    let (energy, rates) = run(&plain.blob(), &x);
    let (expected_energy, expected_rates) = plain.reference(&x);
    assert_eq!((energy.to_bits(), bits(&rates)), (expected_energy.to_bits(), bits(&expected_rates)));
    let mut beyond = plain;
    beyond.layers[0].biases[0] += 1;
    assert!(matches!(Program::parse(&beyond.blob()), Err(Error::Instruction { entry: Entry::Energy, index: 0 })));
}

#[test]
fn sums_on_the_way_back_are_bounded_column_by_column() {
    // Four rows whose factors come back at 32768 each: 2¹⁵ · 16383 · 4 fits, 16384 does not.
    let column = |weight: i16| {
        let mut plain = Plain::random(&[2, 4], 1);
        plain.layers[0].weights = vec![vec![weight, 0]; 4];
        plain.layers[0].biases = vec![0; 4];
        plain.factors = vec![-32_768; 4];
        plain
    };
    let plain = column(-16_383);
    let (_, rates) = run(&plain.blob(), &[0.0, 0.0]);
    assert_eq!(rates[1], (4 * 16_383 * 32_768) as f32 * plain.inputs[0][2]);
    assert!(Program::parse(&column(-16_384).blob()).is_err());
    // What comes back to an inner layer has 16 bits, or as many fewer as it is rounded by.
    let inner = |weight: i16, back_shift: u32| {
        let mut plain = Plain::random(&[2, 4, 4], 1);
        plain.layers[0].weights = vec![vec![weight, 0]; 4];
        plain.layers[0].biases = vec![0; 4];
        plain.layers[0].back_shift = back_shift;
        Program::parse(&plain.blob()).is_ok()
    };
    assert!(inner(16_383, 0) && !inner(16_384, 0));
    assert!(inner(32_767, 1) && !inner(32_767, 0));
}

#[test]
fn inputs_beyond_the_calibrated_box_are_held_at_its_edge() {
    let plain = Plain::random(&[2, 8, 8], 3);
    let words = plain.blob();
    // The scale of the inputs makes ±4 the edge.
    let edge = run(&words, &[4.0, -4.0]);
    for x in [[5.0, -5.0], [1e30, -1e30], [f32::INFINITY, f32::NEG_INFINITY]] {
        assert_eq!(run(&words, &x), edge);
    }
    assert_ne!(run(&words, &[3.9, -3.9]), edge, "inside the box it moves");
}

#[test]
fn what_a_table_may_not_hold_is_refused() {
    let spoilt: [fn(&mut Plain); 8] = [
        |plain| plain.inputs[0][1] = 0.0,
        |plain| plain.inputs[0][0] = f32::NAN,
        |plain| plain.inputs[1][2] = f32::INFINITY,
        |plain| plain.value[0] = f32::NEG_INFINITY,
        |plain| plain.rotation = 2,
        |plain| plain.layers[0].shift = 6,
        |plain| plain.layers[0].back_shift = 6,
        |plain| plain.layers[1].shift = 1,
    ];
    let good = Plain::random(&[2, 4, 4], 7);
    assert!(Program::parse(&good.blob()).is_ok());
    for (index, spoil) in spoilt.iter().enumerate() {
        let mut plain = Plain::random(&[2, 4, 4], 7);
        spoil(&mut plain);
        assert!(Program::parse(&plain.blob()).is_err(), "{index}");
    }
    let mut negative = Plain::random(&[2, 4, 4], 7);
    negative.layers[1].multipliers[2] |= 1 << 31;
    assert!(Program::parse(&negative.blob()).is_err());
    let mut no_layers = Plain::random(&[2, 4], 7);
    no_layers.layers.clear();
    assert!(Program::parse(&no_layers.blob()).is_err());
}

#[test]
fn every_prefix_and_every_flipped_bit_is_refused_and_no_forged_table_runs_out_of_bounds() {
    let plain = Plain::random(&[2, 3, 2], 11);
    let words = plain.blob();
    for len in 0..words.len() {
        assert!(Program::parse(&words[..len]).is_err());
    }
    let (mut accepted, mut refused) = (0, 0);
    for word in 0..words.len() {
        for bit in 0..32 {
            let mut flipped = words.clone();
            flipped[word] ^= 1 << bit;
            assert!(Program::parse(&flipped).is_err());
            // With its checksum put right, a changed blob is another one: what is accepted must run.
            crate::format::seal(&mut flipped);
            match Program::parse(&flipped) {
                Ok(program) if program.dof() == 1 => {
                    run(&flipped, &[2.0, -3.0]);
                    accepted += 1;
                }
                _ => refused += 1,
            }
        }
    }
    assert!(accepted > 500 && refused > 500, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_layer_must_fill_its_table() {
    let mut plain = Plain::random(&[2, 4], 7);
    plain.surplus = 1;
    assert!(Program::parse(&plain.blob()).is_err());
    let Layer { rows, .. } = Plain::random(&[2, 4], 7).shape(0);
    assert_eq!(rows, 4);
}
