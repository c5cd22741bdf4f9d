//! Weights in fewer bits: what is stored how, what it saves, what it costs in accuracy.

use hnn_runtime::{Compiled, Entry as RuntimeEntry, Program};

use super::models::Network;
use super::*;
use crate::dynamics::Scheme;
use crate::graph::Unary;
use crate::weights::{Weights, WeightsError, rounded};

const NETWORK: Network = Network { widths: &[2, 18, 13, 1], activation: Unary::Tanh, seed: 3 };

fn words(model: &Model, weights: Weights) -> Vec<u32> {
    crate::emit::blob(&lower_as(model, weights).unwrap(), Scheme::MIDPOINT, 0.01)
}

/// The field at a few states.
fn fields(words: &[u32]) -> Vec<f32> {
    let program = Program::parse(words).unwrap();
    let mut workspace = vec![f32::NAN; program.workspace_len()];
    let mut compiled = Compiled::bind(&program, &mut workspace).unwrap();
    let mut field = [0.0; 2];
    let mut run = |q: f32, p: f32| {
        compiled.run(RuntimeEntry::Field, &[q], &[p], &[], &mut field);
        field
    };
    [(0.3, -0.7), (-1.2, 0.4), (0.0, 0.9)].into_iter().flat_map(|(q, p)| run(q, p)).collect()
}

fn panels(plan: &Plan) -> Vec<(Weights, usize, usize)> {
    let kernels = plan.entries.iter().flat_map(|entry| &entry.kernels);
    let mut found: Vec<_> = kernels
        .filter_map(|kernel| match kernel {
            Kernel::Dense { weights, rows, cols, .. }
            | Kernel::DenseAdjoint { weights, rows, cols, .. }
            | Kernel::DenseGradient { weights, rows, cols, .. } => Some((*weights, *rows, *cols)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(_, rows, cols)| (*rows, *cols));
    found.dedup();
    found
}

#[test]
fn halves_are_the_same_model_to_the_bit_in_less_flash() {
    let model = rounded(&NETWORK.model(), Weights::F16).unwrap();
    let (wide, narrow) = (words(&model, Weights::F32), words(&model, Weights::F16));
    assert_eq!(fields(&wide), fields(&narrow));
    // 18 × 2 and 13 × 18 weights, rows filled up to fours, at half a word each.
    assert_eq!(wide.len() - narrow.len(), 18 * 2 + 13 * 18 - (20 * 2 + 16 * 18) / 2);
}

#[test]
fn matrices_are_stored_as_asked_for_and_vectors_as_f32() {
    for weights in [Weights::F16, Weights::Int8] {
        let plan = lower_as(&rounded(&NETWORK.model(), weights).unwrap(), weights).unwrap();
        assert_eq!(panels(&plan), [(Weights::F32, 1, 13), (weights, 13, 18), (weights, 18, 2)], "{plan}");
        assert!(plan.to_string().contains(&format!(":{} [13, 18]", weights.name())), "{plan}");
    }
}

#[test]
fn what_would_lose_something_stays_f32() {
    let model = NETWORK.model();
    for weights in [Weights::F16, Weights::Int8] {
        let plan = lower_as(&model, weights).unwrap();
        assert!(panels(&plan).iter().all(|(stored, ..)| *stored == Weights::F32), "{plan}");
        assert_eq!(fields(&words(&model, weights)), fields(&words(&model, Weights::F32)));
    }
}

#[test]
fn the_field_moves_by_what_the_weights_were_rounded() {
    let model = NETWORK.model();
    let exact = fields(&words(&model, Weights::F32));
    let size = exact.iter().fold(0.0_f32, |size, value| size.max(value.abs()));
    for (weights, least, most) in [(Weights::F16, 1e-6, 1e-3), (Weights::Int8, 1e-4, 3e-2)] {
        let rounded = fields(&words(&rounded(&model, weights).unwrap(), weights));
        let error = exact.iter().zip(&rounded).fold(0.0_f32, |error, (a, b)| error.max((a - b).abs())) / size;
        assert!((least..most).contains(&error), "{}: {error}", weights.name());
    }
}

#[test]
fn a_weight_beyond_f16_is_refused_with_its_value() {
    let mut graph = Graph::new();
    let x = graph.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let weights = graph.constant(Tensor::new(vec![2, 2], vec![1.0, 2.0, 3.0, 70000.0]).unwrap()).unwrap();
    let product = graph.matmul(x, weights).unwrap();
    let square = graph.mul(product, product).unwrap();
    let energy = graph.sum_keep(square, &[1]).unwrap();
    graph.set_output(ENERGY, energy);
    let model = Model::new(graph).unwrap();
    assert_eq!(rounded(&model, Weights::F16).err(), Some(WeightsError::Range("70000".to_owned())));
    assert!(rounded(&model, Weights::Int8).is_ok());
}
