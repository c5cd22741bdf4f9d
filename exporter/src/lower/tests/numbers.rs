//! What the runtime computes from a lowered model, against the f64 evaluation of the unoptimized graph.

use hnn_runtime::{Compiled, Entry as RuntimeEntry, Program};

use super::models::{Network, Numbers, expression, port, random};
use super::*;
use crate::dynamics::{INPUT, STATE, Scheme};
use crate::evaluate::evaluate;
use crate::graph::Unary;
use crate::weights::{Weights, rounded};

const STATES: usize = 24;

/// Relative difference that f32 is allowed.
const TOLERANCE: f64 = 1e-5;

/// Runs every entry at many states and compares each element.
fn check_entries(label: &str, model: &Model, scale: f64) {
    check_stored(label, model, scale, Weights::F32);
}

/// As [`check_entries`], of the model that these weights can store.
fn check_stored(label: &str, model: &Model, scale: f64, weights: Weights) {
    let model = &rounded(model, weights).unwrap_or_else(|error| panic!("{label}: {error}"));
    let plan = lower_as(model, weights).unwrap_or_else(|error| panic!("{label}: {error}"));
    let words = crate::emit::blob(&plan, Scheme::Midpoint { iterations: 8 }, 0.01);
    let program = Program::parse(&words).unwrap_or_else(|error| panic!("{label}: {error}\n{plan}"));
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut compiled = Compiled::bind(&program, &mut workspace).unwrap();
    let (n, m) = (model.dof(), model.inputs());
    let mut numbers = Numbers(77);
    // States that f32 holds exactly, so that both sides start from the same one.
    let mut draw = |len: usize| -> Vec<f64> { (0..len).map(|_| f64::from((scale * numbers.next()) as f32)).collect() };
    let (x, u) = (draw(STATES * 2 * n), draw(STATES * m));
    let x_tensor = Tensor::new(vec![STATES, 2 * n], x.clone()).unwrap();
    let u_tensor = Tensor::new(vec![STATES, m], u.clone()).unwrap();
    let graph = dynamics::parts(model).unwrap();
    let inputs = [(STATE, &x_tensor), (INPUT, &u_tensor)];
    let expected = evaluate(&graph, if m == 0 { &inputs[..1] } else { &inputs }).unwrap();
    let rows = |name: &str| -> Vec<Vec<f64>> {
        let position = graph.outputs().iter().position(|(known, _)| known == name).unwrap();
        let values = expected[position].data();
        values.chunks(values.len() / STATES).map(<[f64]>::to_vec).collect()
    };
    for entry in &plan.entries {
        let wanted: Vec<Vec<f64>> = match entry.kind {
            EntryKind::Energy => rows("H"),
            EntryKind::Velocity => rows("velocity"),
            EntryKind::Force => rows("force"),
            EntryKind::Field => rows("velocity").into_iter().zip(rows("force")).map(|(v, f)| [v, f].concat()).collect(),
            EntryKind::Damping => rows("damping"),
            EntryKind::Constraint => panic!("{label} has no constraints"),
        };
        let kind = RuntimeEntry::ALL.iter().copied().find(|kind| kind.name() == entry.kind.name()).unwrap();
        let count: usize = wanted.iter().map(Vec::len).sum();
        let rms = (wanted.iter().flatten().map(|value| value * value).sum::<f64>() / count as f64).sqrt();
        for (state, wanted) in wanted.iter().enumerate() {
            let row = |values: &[f64], len: usize| -> Vec<f32> {
                values[state * len..(state + 1) * len].iter().map(|value| *value as f32).collect()
            };
            let (x, u) = (row(&x, 2 * n), row(&u, m));
            let mut found = vec![f32::NAN; wanted.len()];
            // What an entry must not read is poisoned.
            let (q, p) = match entry.kind {
                EntryKind::Velocity => (vec![f32::NAN; n], x[n..].to_vec()),
                EntryKind::Force => (x[..n].to_vec(), vec![f32::NAN; n]),
                _ => (x[..n].to_vec(), x[n..].to_vec()),
            };
            compiled.run(kind, &q, &p, &u, &mut found);
            for (found, wanted) in found.iter().zip(wanted) {
                let error = (f64::from(*found) - wanted).abs();
                assert!(
                    error <= TOLERANCE * (wanted.abs() + rms),
                    "{label}, {}, state {state}: {found} is not {wanted}\n{plan}",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn formulas_agree_with_the_reference() {
    for text in [
        "p^2/2 + q^2/2",
        "p^2/2 + 3*(1-cos(q))",
        "(1+q^2)*p^2/2 + exp(-q^2)",
        "(p1^2+p2^2+p3^2+p4^2)/2 - 1/sqrt((q1-q3)^2+(q2-q4)^2)",
        "p1^2 + p2^2/4 + q1*q2 + sqrt(1 + q1^2) + abs(q2)*tanh(q1)",
        "p^4/4 + p^2 + log(2+q)^2",
    ] {
        check_entries(text, &expression(text), 0.9);
    }
}

#[test]
fn networks_of_ragged_sizes_agree_with_the_reference() {
    let sizes: [&'static [usize]; 6] =
        [&[2, 7, 5, 1], &[2, 1, 1], &[4, 4, 4, 1], &[6, 13, 3, 9, 1], &[2, 32, 32, 1], &[8, 1]];
    for (seed, widths) in (1..).zip(sizes) {
        for activation in [Unary::Tanh, Unary::Sin, Unary::Softplus, Unary::Sigmoid] {
            let label = format!("{widths:?} {}", activation.name());
            check_entries(&label, &Network { widths, activation, seed }.model(), 1.5);
        }
    }
}

#[test]
fn networks_in_fewer_bits_agree_with_the_reference_of_the_model_they_then_are() {
    let sizes: [&'static [usize]; 4] = [&[2, 7, 5, 1], &[4, 4, 4, 1], &[6, 13, 3, 9, 1], &[2, 32, 32, 1]];
    for (seed, widths) in (1..).zip(sizes) {
        for weights in [Weights::F16, Weights::Int8] {
            for activation in [Unary::Tanh, Unary::Sin, Unary::Softplus] {
                let label = format!("{widths:?} {} {}", activation.name(), weights.name());
                check_stored(&label, &Network { widths, activation, seed }.model(), 1.5, weights);
            }
        }
    }
}

#[test]
fn dissipation_and_input_agree_with_the_reference() {
    for full in [false, true] {
        check_entries(&format!("port, full = {full}"), &port(full), 1.0);
    }
}

#[test]
fn graphs_put_together_at_random_agree_with_the_reference() {
    for seed in 0..60 {
        check_entries(&format!("random graph {seed}"), &random(seed, 8 + seed as usize % 17), 1.0);
    }
}
