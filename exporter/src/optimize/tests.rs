//! Every rewrite as text in and text out, and every step of every run checked by the oracle.

use std::collections::BTreeMap;

use super::*;
use crate::dynamics::{self, Model};
use crate::evaluate::evaluate;
use crate::expression;
use crate::graph::{Binary, Comparison, Shape, Tensor, Unary};

/// Label, graph and expected graph of each case.
fn golden() -> Vec<(&'static str, Graph, String)> {
    let graph =
        |nodes: &str| Graph::parse(&format!("hnn-graph 1\n{nodes}")).unwrap_or_else(|error| panic!("{error}\n{nodes}"));
    let cases = include_str!("golden.txt").split("\nrewrite ").skip(1).map(|case| {
        let (label, rest) = case.split_once('\n').unwrap();
        let (before, after) = rest.split_once("\ngives\n").unwrap();
        (label, graph(before), graph(after).to_string())
    });
    cases.collect()
}

fn random(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % below
}

/// Numbers in (−1, 1) with three decimals.
fn tensor(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed;
    let value = |_| f64::from(u32::try_from(random(&mut state, 1999)).unwrap()) / 1000.0 - 0.999;
    Tensor::new(shape.to_vec(), (0..shape.iter().product()).map(value).collect()).unwrap()
}

/// Edge values, then random rows.
fn inputs(graph: &Graph) -> Vec<(String, Tensor)> {
    const EDGES: [f64; 8] = [0.0, 1.0, -1.0, 1e-3, -30.0, 0.5, 2.0, 3.0];
    let leaves = graph.inputs().into_iter().chain(graph.parameters());
    let value = |(name, id): (&str, NodeId)| {
        let mut value = tensor(&graph.shape(id).resolve(12), name.len() as u64 + 7);
        let row_len = graph.shape(id).row_len();
        if graph.shape(id).is_batched() {
            for (index, value) in value.data_mut().iter_mut().take(EDGES.len() * row_len).enumerate() {
                *value = EDGES[(index / row_len + index % row_len) % EDGES.len()];
            }
        }
        (name.to_owned(), value)
    };
    leaves.map(value).collect()
}

fn values(graph: &Graph, inputs: &[(String, Tensor)]) -> Vec<Tensor> {
    let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    evaluate(graph, &inputs).unwrap()
}

/// The first output element that differs where the original is finite.
fn difference(wanted: &[Tensor], found: &[Tensor]) -> Option<String> {
    for (output, (wanted, found)) in wanted.iter().zip(found).enumerate() {
        assert_eq!(wanted.shape(), found.shape());
        let finite = wanted.data().iter().copied().filter(|value| value.is_finite());
        let scale = finite.fold(0.0f64, |largest, value| largest.max(value.abs().min(1e6)));
        for (index, (a, b)) in wanted.data().iter().zip(found.data()).enumerate() {
            // NaN must fail, so the comparison is written to hold.
            let close = (a - b).abs() <= 1e-9 * (a.abs() + scale) + 1e-300;
            if a.is_finite() && !close {
                return Some(format!("output {output}, element {index}: {a} became {b}"));
            }
        }
    }
    None
}

/// Translation validation: the graph after each single rewrite means what it meant before.
fn validate(graph: &Graph, name: &str) -> Graph {
    let inputs = inputs(graph);
    let wanted = values(graph, &inputs);
    let (optimized, applied) = optimize_explained(graph, None).unwrap();
    // Long runs are sampled.
    let stride = applied.len() / 64 + 1;
    for stop_after in (0..=applied.len()).step_by(stride) {
        let (partial, first) = optimize_explained(graph, Some(stop_after)).unwrap();
        assert_eq!(first[..], applied[..stop_after]);
        if let Some(difference) = difference(&wanted, &values(&partial, &inputs)) {
            panic!("{name}, after {stop_after} rewrites ({:?}): {difference}\n{graph}\n{partial}", first.last());
        }
    }
    assert_eq!(difference(&wanted, &values(&optimized, &inputs)), None, "{name}");
    assert_eq!(optimized.outputs().len(), graph.outputs().len());
    for ((before, a), (after, b)) in graph.outputs().iter().zip(optimized.outputs()) {
        assert_eq!((before, &graph.node(*a).ty), (after, &optimized.node(*b).ty));
    }
    let (again, more) = optimize_explained(&optimized, None).unwrap();
    assert_eq!((again.to_string(), more), (optimized.to_string(), vec![]), "{name} is at a fixed point");
    optimized
}

#[test]
fn each_rewrite_does_what_its_equation_says() {
    for (label, before, after) in golden() {
        let (found, applied) = optimize_explained(&before, None).unwrap();
        assert!(applied.iter().any(|applied| applied.label == label), "`{label}` was not applied: {applied:?}");
        assert_eq!(found.to_string(), after, "{label}");
        validate(&before, label);
    }
}

#[test]
fn every_rewrite_has_a_golden_case_and_a_label_of_its_own() {
    let mut labels: Vec<&str> = GENERAL.iter().chain(WEIGHTS).copied().flatten().map(|rewrite| rewrite.label).collect();
    let mut covered: Vec<&str> = golden().iter().map(|case| case.0).collect();
    labels.sort_unstable();
    covered.sort_unstable();
    assert_eq!(labels, covered);
    labels.dedup();
    assert_eq!(labels, covered);
}

/// Random operators on random earlier nodes; about a third of the constants are special numbers.
fn random_graph(seed: u64) -> Graph {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut graph = Graph::new();
    let mut pool = vec![graph.input("x", Shape::batched(&[4]).unwrap()).unwrap()];
    pool.push(graph.parameter("w", &[4, 4]).unwrap());
    pool.push(graph.constant(tensor(&[4, 4], seed)).unwrap());
    for _ in 0..24 {
        // Later nodes are taken more often, so that graphs become deep.
        let mut pick = || pool[random(&mut state, pool.len()).max(random(&mut state, pool.len()))];
        let (a, b) = (pick(), pick());
        let mut next = |below| random(&mut state, below);
        let op = match next(12) {
            0 | 1 => Op::Unary(Unary::ALL[next(Unary::ALL.len())]),
            2..=4 => Op::Binary(Binary::ALL[next(Binary::ALL.len())]),
            5 => Op::MatMul { transpose_lhs: next(2) == 0, transpose_rhs: next(2) == 0 },
            6 => Op::Slice { axis: 1, start: next(3), len: 1 + next(2) },
            7 => Op::Pad { axis: 1, before: next(3), after: next(3) },
            8 => Op::Concat { axis: next(2) },
            9 => Op::Sum(vec![next(2)]),
            10 => {
                [Op::Transpose(vec![1, 0]), Op::Broadcast(Shape::batched(&[1 + 3 * next(2)]).unwrap())][next(2)].clone()
            }
            _ => Op::Constant(Tensor::full(&[1 + 3 * next(2)], [0.0, 1.0, -1.0, 2.0, 0.3][next(5)]).unwrap().into()),
        };
        let args = match &op {
            Op::Constant(..) => vec![],
            Op::Binary(..) | Op::MatMul { .. } | Op::Concat { .. } => vec![a, b],
            _ => vec![a],
        };
        pool.extend(graph.add(op, &args));
    }
    graph.set_output("last", pool[pool.len() - 1]);
    graph.set_output("middle", pool[pool.len() / 2]);
    graph
}

#[test]
fn random_graphs_keep_their_meaning() {
    let (mut finite, mut rewrites) = (0, 0);
    for seed in 0..600 {
        let graph = random_graph(seed);
        let found = values(&graph, &inputs(&graph));
        finite += usize::from(found[0].data().iter().any(|value| value.is_finite() && *value != 0.0));
        // Rounding may be magnified without bound where a function is steep or jumps; such graphs prove nothing.
        if conditioned(&graph) {
            validate(&graph, &format!("seed {seed}"));
            rewrites += optimize_explained(&graph, None).unwrap().1.len();
        }
    }
    assert!(finite > 400 && rewrites > 1000, "only {finite} graphs compare anything, by {rewrites} rewrites");
}

/// Whether outputs move little when every constant and input moves by a few units in the last place.
fn conditioned(graph: &Graph) -> bool {
    let inputs = inputs(graph);
    let wanted = values(graph, &inputs);
    let moved: Vec<(String, Tensor)> = inputs
        .into_iter()
        .map(|(name, mut value)| {
            value.data_mut().iter_mut().for_each(|value| *value = *value * (1.0 + 1e-14) + 1e-15);
            (name, value)
        })
        .collect();
    difference(&wanted, &values(graph, &moved)).is_none()
}

/// A tanh network with constant weights, H of 2n = 4 coordinates.
fn network() -> Model {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[4]).unwrap()).unwrap();
    let mut value = x;
    for (layer, (outputs, inputs)) in [(32, 4), (32, 32), (1, 32)].into_iter().enumerate() {
        let weights = graph.constant(tensor(&[outputs, inputs], layer as u64)).unwrap();
        let bias = graph.constant(tensor(&[outputs], layer as u64 + 10)).unwrap();
        let product = graph.matmul_transposed(value, weights).unwrap();
        let sum = graph.add_values(product, bias).unwrap();
        value = if outputs == 1 { sum } else { graph.tanh(sum).unwrap() };
    }
    graph.set_output("H", value);
    Model::new(graph).unwrap()
}

fn matrices(graph: &Graph) -> usize {
    graph.ids().filter_map(|id| graph.constant_value(id)).filter(|tensor| tensor.data().len() > 64).count()
}

#[test]
fn models_and_what_is_derived_from_them_keep_their_meaning() {
    let formulas = [
        "p^2/(2*0.25) + 9.81*0.5*(1-cos(q))",
        "(p1^2+p2^2)/2 - 1/sqrt(q1^2+q2^2+0.1) + q1^2*q2/3",
        "p1^2/2/(1+q2^2) + p2^3*tanh(q1) + exp(-abs(q1))",
        "(p1^2+p2^2+p3^2)/2 + (q1-q2)^4/4 + (q2-q3)^4/4 + log(1+q3^2)^1.5",
    ];
    let mut models: Vec<Model> =
        formulas.iter().map(|text| expression::parse(text, &BTreeMap::new()).unwrap()).collect();
    models.push(network());
    for (index, model) in models.iter().enumerate() {
        let name = formulas.get(index).copied().unwrap_or("network");
        let graphs = [
            dynamics::hamiltonian(model).unwrap(),
            dynamics::field(model).unwrap(),
            dynamics::parts(model).unwrap(),
            dynamics::jacobian(model).unwrap(),
            dynamics::hessian(model).unwrap(),
        ];
        for graph in graphs {
            let optimized = validate(&graph, name);
            assert!(optimized.nodes().len() <= graph.nodes().len(), "{name}");
        }
    }
}

#[test]
fn the_field_of_a_network_is_the_one_written_by_hand() {
    let field = optimize(&dynamics::field(&network()).unwrap()).unwrap();
    let count = |wanted: &Op| field.nodes().iter().filter(|node| node.op == *wanted).count();
    // Forward two products, adjoint two; the last layer and the seed leave only its weights.
    assert_eq!(field.nodes().iter().filter(|node| matches!(node.op, Op::MatMul { .. })).count(), 4);
    assert_eq!(count(&Op::Unary(Unary::Tanh)), 2);
    assert_eq!(count(&Op::Binary(Binary::Mul)), 4);
    assert_eq!(count(&Op::Binary(Binary::Sub)), 2);
    // J is in a permuted copy of the small first matrix; no operator is left of it. Forward, two layers of product, bias
    // and tanh; back, two of square, difference, product with the adjoint and matrix product.
    let operators = field.nodes().iter().filter(|node| !node.args.is_empty()).count();
    assert_eq!((operators, matrices(&field)), (2 * 3 + 2 * 4, 3));
    // Where weights are stored once, the adjoint reads the matrices of the forward pass.
    let once = optimize_for(&dynamics::field(&network()).unwrap(), Storage::Once).unwrap();
    assert_eq!(matrices(&once), 2);
    assert_eq!(once.nodes().iter().filter(|node| matches!(node.op, Op::Concat { .. })).count(), 1);
}

#[test]
fn the_field_of_a_pendulum_is_the_textbook_one() {
    let model = expression::parse("p^2/(2*0.25) + 9.81*0.5*(1-cos(q))", &BTreeMap::new()).unwrap();
    let field = optimize(&dynamics::field(&model).unwrap()).unwrap();
    let wanted = r#"hnn-graph 1
%0 = input "x" [batch,2]
%1 = slice %0 {axis=1, start=1, len=1} : [batch,1]
%2 = slice %0 {axis=1, start=0, len=1} : [batch,1]
%3 = sin %2 : [batch,1]
%4 = constant [] (-4.905)
%5 = constant [] (4)
%6 = mul %1 %5 : [batch,1]
%7 = mul %3 %4 : [batch,1]
%8 = concat %6 %7 {axis=1} : [batch,2]
output "dx" = %8
"#;
    assert_eq!(field.to_string(), wanted);
}

#[test]
fn weights_in_use_elsewhere_are_neither_scaled_nor_copied() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[8]).unwrap()).unwrap();
    let weights = graph.constant(tensor(&[8, 8], 1)).unwrap();
    let transposed = graph.transpose(weights, &[1, 0]).unwrap();
    let forward = graph.matmul(x, transposed).unwrap();
    let forward = graph.scale(forward, 3.0).unwrap();
    let activated = graph.tanh(forward).unwrap();
    let adjoint = graph.matmul(activated, weights).unwrap();
    let adjoint = graph.neg(adjoint).unwrap();
    graph.set_output("y", adjoint);
    let optimized = validate(&graph, "shared weights");
    let constants: Vec<&Tensor> = optimized.ids().filter_map(|id| optimized.constant_value(id)).collect();
    assert_eq!(constants.iter().filter(|tensor| tensor.data().len() == 64).count(), 1);
    assert_eq!(constants.iter().find(|tensor| tensor.data().len() == 64).copied(), Some(&tensor(&[8, 8], 1)));
    assert!(!optimized.nodes().iter().any(|node| matches!(node.op, Op::Transpose(..))));
}

#[test]
fn a_chain_of_ten_thousand_functions_settles_in_a_few_passes() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let mut value = x;
    for index in 0..2_500u32 {
        let sine = graph.sin(value).unwrap();
        let scaled = graph.scale(sine, 1.0 / f64::from(index + 2)).unwrap();
        let sum = graph.add_values(scaled, x).unwrap();
        value = graph.mul(sum, value).unwrap();
    }
    let part = graph.slice(value, 1, 1, 1).unwrap();
    graph.set_output("y", part);
    let (optimized, applied) = optimize_explained(&graph, None).unwrap();
    assert!(applied.last().unwrap().pass <= 4, "{:?}", applied.last());
    // The slice has gone all the way down to x.
    assert!(optimized.nodes().iter().all(|node| node.args.is_empty() || node.ty.shape.row_len() <= 1));
}

#[test]
fn a_sign_stays_where_what_it_would_turn_is_used_elsewhere() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let exponential = graph.exp(x).unwrap();
    let difference = graph.sub(x, exponential).unwrap();
    let product = graph.mul(difference, exponential).unwrap();
    let negative = graph.neg(product).unwrap();
    graph.set_output("y", negative);
    let count = |graph: &Graph| graph.nodes().iter().filter(|node| node.op == Op::Unary(Unary::Neg)).count();
    assert_eq!(count(&validate(&graph, "the difference has one use")), 0);
    graph.set_output("z", difference);
    assert_eq!(count(&validate(&graph, "the difference has two")), 1);
    graph.set_output("z", product);
    assert_eq!(count(&validate(&graph, "the product has two")), 1);
}

#[test]
fn leaves_stay_even_where_nothing_uses_them() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    graph.parameter("unused", &[3]).unwrap();
    let dead = graph.exp(x).unwrap();
    let _ = graph.sin(dead).unwrap();
    graph.set_output("y", x);
    let optimized = optimize(&graph).unwrap();
    assert_eq!(optimized.nodes().len(), 2);
    assert_eq!(optimized.parameters().len(), 1);
}

#[test]
fn a_rewrite_is_named_with_its_place() {
    let (_, graph, _) = golden().into_iter().find(|case| case.0 == "x - x: 0").unwrap();
    let (_, applied) = optimize_explained(&graph, Some(1)).unwrap();
    assert_eq!(applied.iter().map(ToString::to_string).collect::<Vec<_>>(), ["pass 1, %1: x - x: 0"]);
}

#[test]
fn halves_of_two_different_choices_stay_a_sum() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let (zero, one) = (graph.scalar(0.0).unwrap(), graph.scalar(1.0).unwrap());
    let above = |graph: &mut Graph, number| graph.compare(Comparison::Greater, x, number).unwrap();
    let (first, second) = (above(&mut graph, zero), above(&mut graph, one));
    let exponential = graph.exp(x).unwrap();
    let left = graph.select(first, exponential, zero).unwrap();
    let right = graph.select(second, zero, x).unwrap();
    let sum = graph.add_values(left, right).unwrap();
    graph.set_output("y", sum);
    // The exponential below 1 is not 1 where the other condition holds.
    let guarded = graph.select(second, zero, x).unwrap();
    let decayed = graph.exp(guarded).unwrap();
    let scaled = graph.mul(exponential, decayed).unwrap();
    let chosen = graph.select(first, exponential, scaled).unwrap();
    graph.set_output("z", chosen);
    let optimized = validate(&graph, "two conditions");
    let choices = optimized.nodes().iter().filter(|node| node.op == Op::Select).count();
    assert_eq!(choices, 3);
}

#[test]
fn a_term_that_is_used_elsewhere_keeps_its_factor() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let (sine, exponential, tangent) = (graph.sin(x).unwrap(), graph.exp(x).unwrap(), graph.tanh(x).unwrap());
    let (left, right) = (graph.mul(sine, exponential).unwrap(), graph.mul(sine, tangent).unwrap());
    let sum = graph.add_values(left, right).unwrap();
    graph.set_output("y", sum);
    let products = |graph: &Graph| graph.nodes().iter().filter(|node| node.op == Op::Binary(Binary::Mul)).count();
    assert_eq!(products(&validate(&graph, "both terms are used once")), 1);
    graph.set_output("z", left);
    assert_eq!(products(&validate(&graph, "one term is an output")), 2);
}
