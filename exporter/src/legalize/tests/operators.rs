//! Operators against the ONNX reference implementation and NumPy: `operators.json`, which `operators.py` writes.
//!
//! Every case is evaluated twice where it can be: once with literal shapes, all numbers being inputs, and once with the
//! leading axis as the batch. Derivatives of the same graphs are compared with central differences of the oracle.

use serde_json::Value as Json;

use super::*;
use crate::differentiate::{gradient, jacobian, vjp};
use crate::evaluate::evaluate;
use crate::graph::{Dim, Op, Shape, Tensor};
use crate::optimize::optimize;

/// One line of the file.
struct Case {
    json: Json,
    name: String,
}

fn cases() -> Vec<Case> {
    let json: Vec<Json> = serde_json::from_str(include_str!("operators.json")).unwrap();
    json.into_iter().map(|json| Case { name: json["name"].as_str().unwrap().to_owned(), json }).collect()
}

fn lengths(json: &Json) -> Vec<usize> {
    json["shape"].as_array().unwrap().iter().map(|len| usize::try_from(len.as_u64().unwrap()).unwrap()).collect()
}

fn reals(json: &Json) -> Option<Tensor> {
    // JSON has no infinities; they are texts.
    let number = |value: &Json| value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
    let data = json["reals"].as_array()?.iter().map(number).collect();
    Some(Tensor::new(lengths(json), data).unwrap())
}

fn integers(json: &Json) -> Integers {
    if let Some(truths) = json["truths"].as_array() {
        let truths: Vec<bool> = truths.iter().map(|truth| truth.as_bool().unwrap()).collect();
        return Integers::truths(lengths(json), &truths).unwrap();
    }
    let values = json["integers"].as_array().unwrap().iter().map(|value| Length::Known(value.as_i64().unwrap()));
    Integers::new(lengths(json), values.collect()).unwrap()
}

fn attribute(json: &Json) -> Attribute {
    match json {
        Json::String(text) => Attribute::Text(text.clone()),
        Json::Object(_) => Attribute::Tensor(reals(json).unwrap()),
        Json::Array(values) => Attribute::Integers(values.iter().map(|value| value.as_i64().unwrap()).collect()),
        number => number.as_i64().map_or_else(|| Attribute::Real(number.as_f64().unwrap()), Attribute::Integer),
    }
}

/// A case as a graph whose outputs are `y0`, `y1`, …, and the values of its inputs.
struct Built {
    graph: Graph,
    nodes: usize,
    results: Vec<Value>,
    inputs: Vec<(String, Tensor)>,
}

fn build(case: &Case, batched: bool) -> Built {
    let mut graph = Graph::new();
    let (mut inputs, mut values) = (Vec::new(), Vec::new());
    let states = usize::try_from(case.json["states"].as_u64().unwrap()).unwrap();
    for (position, json) in case.json["inputs"].as_array().unwrap().iter().enumerate() {
        values.push(match reals(json) {
            _ if json.is_null() => None,
            None => Some(Value::Integers(integers(json))),
            Some(tensor) if states == 0 || (batched && position >= states) => {
                Some(Value::Node(graph.constant(tensor).unwrap()))
            }
            Some(tensor) => {
                let mut dims: Vec<Dim> = tensor.shape().iter().map(|len| Dim::Fixed(*len)).collect();
                if batched {
                    dims[0] = Dim::Batch;
                }
                let name = format!("x{position}");
                let id = graph.input(&name, Shape::new(dims).unwrap()).unwrap();
                inputs.push((name, tensor));
                Some(Value::Node(id))
            }
        });
    }
    let attributes = case.json["attributes"].as_object().unwrap();
    let operator = Operator {
        kind: case.json["kind"].as_str().unwrap(),
        inputs: values,
        output_count: case.json["outputs"].as_array().unwrap().len(),
        attributes: attributes.iter().map(|(name, json)| (name.clone(), attribute(json))).collect(),
        opset: case.json["opset"].as_i64().unwrap(),
        frozen_batch: None,
    };
    let results = legalize(&mut graph, &operator).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    let primitive = |op: &Op| !matches!(op, Op::Input(..) | Op::Constant(..));
    let nodes = graph.nodes().iter().filter(|node| primitive(&node.op)).count();
    for (position, result) in results.iter().enumerate() {
        if let Value::Node(id) = result {
            graph.set_output(&format!("y{position}"), *id);
        }
    }
    Built { graph, nodes, results, inputs }
}

fn oracle(graph: &Graph, inputs: &[(String, Tensor)]) -> Vec<Tensor> {
    let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    evaluate(graph, &inputs).unwrap()
}

fn forms(case: &Case) -> Vec<bool> {
    if case.json["batched"].as_bool().unwrap() { vec![false, true] } else { vec![false] }
}

#[test]
fn values_are_those_of_the_reference_implementation() {
    let mut failures = Vec::new();
    for case in cases() {
        for batched in forms(&case) {
            let built = build(&case, batched);
            let mut found = oracle(&built.graph, &built.inputs).into_iter();
            for (result, json) in built.results.iter().zip(case.json["outputs"].as_array().unwrap()) {
                match result {
                    Value::Integers(result) => assert_eq!(*result, integers(json), "{}", case.name),
                    Value::Node(_) => {
                        let (found, wanted) = (found.next().unwrap(), reals(json).unwrap());
                        assert_eq!(found.shape(), wanted.shape(), "{}, batched: {batched}", case.name);
                        for (a, b) in found.data().iter().zip(wanted.data()) {
                            let close = a == b || (a - b).abs() <= 1e-12 * (1.0 + b.abs());
                            if !close {
                                failures.push(format!("{}, batched: {batched}: {a}, not {b}", case.name));
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Σ y · w over all outputs, and its gradient with respect to every input.
fn with_gradient(built: &Built) -> (Graph, Vec<f64>) {
    let mut graph = built.graph.clone();
    let values = oracle(&graph, &built.inputs);
    let outputs: Vec<NodeId> = graph.outputs().iter().map(|(_, id)| *id).collect();
    let wrt: Vec<NodeId> = graph.inputs().iter().map(|(_, id)| *id).collect();
    let (mut seeds, mut weights) = (Vec::new(), Vec::new());
    for (output, value) in outputs.into_iter().zip(values) {
        let row = graph.shape(output).row();
        let data: Vec<f64> = (0..row.iter().product()).map(|at: usize| ((at * 7 + 3) as f64).sin() + 0.3).collect();
        weights.extend((0..value.data().len()).map(|at| data[at % data.len().max(1)]));
        let seed = graph.constant(Tensor::new(row, data).unwrap()).unwrap();
        seeds.push((output, seed));
    }
    for (position, gradient) in vjp(&mut graph, &seeds, &wrt).unwrap().into_iter().enumerate() {
        graph.set_output(&format!("gradient{position}"), gradient);
    }
    (graph, weights)
}

#[test]
fn derivatives_are_central_differences() {
    const STEP: f64 = 1e-5;
    for case in cases().into_iter().filter(|case| case.json["smooth"].as_bool().unwrap()) {
        for batched in forms(&case) {
            let built = build(&case, batched);
            let (graph, weights) = with_gradient(&built);
            let gradients = oracle(&graph, &built.inputs).split_off(built.results.len());
            let total = |inputs: &[(String, Tensor)]| -> f64 {
                let values: Vec<f64> =
                    oracle(&built.graph, inputs).iter().flat_map(|tensor| tensor.data().to_vec()).collect();
                values.iter().zip(&weights).map(|(value, weight)| value * weight).sum()
            };
            for (position, gradient) in gradients.iter().enumerate() {
                for (at, found) in gradient.data().iter().enumerate() {
                    let moved = |by: f64| {
                        let mut inputs = built.inputs.clone();
                        inputs[position].1.data_mut()[at] += by;
                        total(&inputs)
                    };
                    let wanted = (moved(STEP) - moved(-STEP)) / (2.0 * STEP);
                    let close = (found - wanted).abs() <= 1e-6 * (1.0 + wanted.abs());
                    assert!(close, "{}, batched: {batched}, input {position}: {found}, not {wanted}", case.name);
                }
            }
        }
    }
}

#[test]
fn graphs_have_the_nodes_one_writes_by_hand() {
    let mut failures = Vec::new();
    for case in cases() {
        let nodes = build(&case, case.json["batched"].as_bool().unwrap()).nodes as u64;
        if case.json["nodes"].as_u64().is_some_and(|most| nodes != most) {
            failures.push(format!("{}: {nodes} nodes, not {}", case.name, case.json["nodes"]));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn the_shift_of_an_exponential_has_no_part_in_any_derivative() {
    // ∂ ln Σ eˣ/∂x = p = softmax x, ∂²/∂x² = diag p − p pᵀ; the largest element may be where its floor jumps.
    for x in [[2.0, 1.999_999, -1.0], [0.3, -4.5, 0.1], [-3.0, -3.0, -3.0], [50.0, 49.0, -50.0]] {
        let mut graph = Graph::new();
        let state = graph.input("x", Shape::batched(&[3]).unwrap()).unwrap();
        let attributes = BTreeMap::from([("axes".to_owned(), Attribute::Integers(vec![-1]))]);
        let inputs = vec![Some(Value::Node(state))];
        let operator =
            Operator { kind: "ReduceLogSumExp", inputs, output_count: 1, attributes, opset: 13, frozen_batch: None };
        let Value::Node(energy) = legalize(&mut graph, &operator).unwrap().remove(0) else { panic!("no node") };
        let slope = gradient(&mut graph, energy, &[state]).unwrap()[0];
        let curvature = jacobian(&mut graph, slope, state).unwrap();
        graph.set_output("slope", slope);
        graph.set_output("curvature", curvature);
        let found = oracle(&graph, &[("x".to_owned(), Tensor::new(vec![1, 3], x.to_vec()).unwrap())]);
        let largest = x.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = x.iter().map(|x| (x - largest).exp()).sum();
        let p = x.map(|x| (x - largest).exp() / total);
        for i in 0..3 {
            assert!((found[0].data()[i] - p[i]).abs() < 1e-15, "{x:?}: {:?}", found[0]);
            for j in 0..3 {
                let wanted = if i == j { p[i] } else { 0.0 } - p[i] * p[j];
                assert!((found[1].data()[3 * i + j] - wanted).abs() < 1e-15, "{x:?}: {:?}", found[1]);
            }
        }
    }
}

/// Operators that compute in the optimised field of an energy with one hidden layer and `kind` behind it.
fn field_len(kind: &str, weights: &[f64]) -> usize {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[4]).unwrap()).unwrap();
    let matrix = |rows: usize, columns: usize| {
        let data = (0..rows * columns).map(|at| (at as f64 + 0.5).sin()).collect();
        Tensor::new(vec![rows, columns], data).unwrap()
    };
    let (inner, outer) = (graph.constant(matrix(4, 8)).unwrap(), graph.constant(matrix(8, 1)).unwrap());
    let product = graph.matmul(x, inner).unwrap();
    let mut inputs = vec![Some(Value::Node(graph.tanh(product).unwrap()))];
    for weight in weights {
        let weight = Tensor::new(vec![8], (0..8).map(|at| weight + (at as f64).cos()).collect()).unwrap();
        inputs.push(Some(Value::Node(graph.constant(weight).unwrap())));
    }
    let operator =
        Operator { kind, inputs, output_count: 1, attributes: BTreeMap::new(), opset: 23, frozen_batch: None };
    let Value::Node(hidden) = legalize(&mut graph, &operator).unwrap().remove(0) else { panic!("no node") };
    let energy = graph.matmul(hidden, outer).unwrap();
    let slope = gradient(&mut graph, energy, &[x]).unwrap()[0];
    graph.set_output("dx", slope);
    let graph = optimize(&graph).unwrap();
    let needed = graph.needed(graph.outputs().iter().map(|(_, id)| *id));
    let computes = |op: &Op| !matches!(op, Op::Input(..) | Op::Constant(..));
    graph.nodes().iter().zip(needed).filter(|(node, needed)| *needed && computes(&node.op)).count()
}

#[test]
fn the_field_of_a_normalized_layer_stays_compact() {
    // A layer alone needs 6. Normalizing forwards is 13 operators without the affine map, which folds into the weights.
    assert_eq!(field_len("Identity", &[]), 6);
    assert!(field_len("LayerNormalization", &[1.0, 0.5]) <= 6 + 13 + 14);
    assert!(field_len("RMSNormalization", &[1.0]) <= 6 + 8 + 10);
    assert!(field_len("Softmax", &[]) <= 6 + 15 + 8);
}
