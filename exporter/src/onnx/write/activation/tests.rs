//! Fused activations mean what their primitives mean, and near misses stay as they are.

use super::super::{Precision, Profile, WriteOptions, write};
use crate::differentiate::gradient;
use crate::evaluate::evaluate;
use crate::graph::{Comparison, Graph, GraphError, NodeId, Shape, Tensor};
use crate::onnx::{operators, read};
use crate::optimize::optimize;
use crate::validate::{EngineError, EngineKind, open};

const COLUMNS: usize = 6;

type Build = fn(&mut Graph, NodeId) -> Result<NodeId, GraphError>;

/// y = f(x), and the gradient of Σ y² as another output.
fn with_slope(build: Build) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[COLUMNS]).unwrap()).unwrap();
    let y = build(&mut graph, x).unwrap();
    let square = graph.mul(y, y).unwrap();
    let total = graph.sum_keep(square, &[1]).unwrap();
    let slope = gradient(&mut graph, total, &[x]).unwrap()[0];
    graph.set_output("y", y);
    graph.set_output("dx", slope);
    graph
}

/// x ≥ 0 ? x : α (e^(x/width) − 1), the exponential guarded.
fn exponential(graph: &mut Graph, x: NodeId, alpha: f64, width: f64) -> Result<NodeId, GraphError> {
    let (zero, one) = (graph.scalar(0.0)?, graph.scalar(1.0)?);
    let right = graph.compare(Comparison::GreaterOrEqual, x, zero)?;
    let left = graph.select(right, zero, x)?;
    let left = graph.scale(left, 1.0 / width)?;
    let power = graph.exp(left)?;
    let below = graph.sub(power, one)?;
    let below = graph.scale(below, alpha)?;
    graph.select(right, x, below)
}

/// x ≥ 0 ? x : slope · x.
fn leaky(graph: &mut Graph, x: NodeId, slope: f64) -> Result<NodeId, GraphError> {
    let zero = graph.scalar(0.0)?;
    let right = graph.compare(Comparison::GreaterOrEqual, x, zero)?;
    let scaled = graph.scale(x, slope)?;
    graph.select(right, x, scaled)
}

/// max(min(x/6 + ½, top), 0).
fn line(graph: &mut Graph, x: NodeId, top: f64) -> Result<NodeId, GraphError> {
    let (half, top, zero) = (graph.scalar(0.5)?, graph.scalar(top)?, graph.scalar(0.0)?);
    let scaled = graph.scale(x, 1.0 / 6.0)?;
    let line = graph.add_values(scaled, half)?;
    let bounded = graph.min(line, top)?;
    graph.max(bounded, zero)
}

fn relu(graph: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    let zero = graph.scalar(0.0)?;
    graph.max(x, zero)
}

/// Zero and both sides of it, small and large, exact in f32.
fn arguments() -> Tensor {
    Tensor::new(vec![2, COLUMNS], vec![0.0, 0.75, -0.75, 6.5, -6.5, 40.0, -40.0, 1e-3, -1e-3, 2.5, -2.5, -0.125])
        .unwrap()
}

/// Writes and reads back; the oracle and the engines that are there agree on both, to the rounding of f32.
fn reread(graph: &Graph) -> std::collections::BTreeMap<String, usize> {
    let optimized = optimize(graph).unwrap();
    let file = write(&optimized, &WriteOptions::default()).unwrap();
    let again = read(&file).unwrap();
    let x = arguments();
    let (wanted, found) = (evaluate(graph, &[("x", &x)]).unwrap(), evaluate(&again, &[("x", &x)]).unwrap());
    for (wanted, found) in wanted.iter().zip(&found) {
        for (a, b) in wanted.data().iter().zip(found.data()) {
            assert!((a - b).abs() <= 1e-6 * (1.0 + a.abs()), "{a} became {b}\n{optimized}");
        }
    }
    for kind in [EngineKind::Tract, EngineKind::Ort] {
        let mut engine = match open(kind, &file) {
            Err(EngineError::Missing { .. }) => continue,
            opened => opened.unwrap(),
        };
        let found = engine.run(&[("x", &x)]).unwrap();
        for ((name, _), wanted) in graph.outputs().iter().zip(&wanted) {
            let (_, found) = found.iter().find(|(known, _)| known == name).unwrap();
            for (a, b) in wanted.data().iter().zip(found.data()) {
                assert!((a - b).abs() <= 3e-6 * (1.0 + a.abs()), "{kind}: {a} became {b}\n{optimized}");
            }
        }
    }
    operators(&file).unwrap()
}

#[test]
fn activations_become_one_operator_and_mean_the_same() {
    let cases: [(&str, Build); 6] = [
        ("Relu", relu),
        ("LeakyRelu", |graph, x| leaky(graph, x, 0.1)),
        ("Elu", |graph, x| exponential(graph, x, 1.0, 1.0)),
        ("Elu", |graph, x| exponential(graph, x, 1.5, 1.0)),
        ("HardSigmoid", |graph, x| line(graph, x, 1.0)),
        ("Elu", |graph, x| {
            let first = exponential(graph, x, 1.0, 1.0)?;
            exponential(graph, first, 1.0, 1.0)
        }),
    ];
    for (operator, build) in cases {
        let found = reread(&with_slope(build));
        assert!(found.contains_key(operator), "{operator} is not in {found:?}");
    }
}

#[test]
fn the_slope_of_elu_is_taken_from_its_value() {
    let found = reread(&with_slope(|graph, x| exponential(graph, x, 1.0, 1.0)));
    assert!(!found.contains_key("Exp") && !found.contains_key("Where"), "{found:?}");
    assert_eq!((found.get("Min"), found.get("Add")), (Some(&1), Some(&1)));
}

#[test]
fn near_misses_stay_primitives() {
    let cases: [(&str, Build); 6] = [
        ("Relu", |graph, x| {
            let one = graph.scalar(1.0)?;
            graph.max(x, one)
        }),
        ("LeakyRelu", |graph, x| leaky(graph, x, -0.1)),
        ("Elu", |graph, x| exponential(graph, x, 1.0, 2.0)),
        ("Celu", |graph, x| exponential(graph, x, 1.5, 1.5)),
        ("HardSigmoid", |graph, x| line(graph, x, 2.0)),
        // The argument is stretched, and the operator would not stretch it.
        ("Relu", |graph, x| {
            let part = graph.slice(x, 1, 0, 1)?;
            let zeros = graph.constant(Tensor::full(&[COLUMNS], 0.0)?)?;
            graph.max(part, zeros)
        }),
    ];
    for (operator, build) in cases {
        let found = reread(&with_slope(build));
        assert!(!found.contains_key(operator), "{operator} is in {found:?}");
    }
}

#[test]
fn other_precisions_and_profiles_decompose() {
    let graph = optimize(&with_slope(relu)).unwrap();
    let others = [
        WriteOptions { precision: Precision::F64, ..WriteOptions::default() },
        WriteOptions { profile: Profile::St, ..WriteOptions::default() },
    ];
    for options in others {
        let found = operators(&write(&graph, &options).unwrap()).unwrap();
        assert!(found.contains_key("Max") && !found.contains_key("Relu"), "{found:?}");
    }
}
