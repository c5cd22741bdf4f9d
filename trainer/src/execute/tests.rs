//! burn against the f64 oracle: every primitive, then derivatives with respect to parameters.

use hnn_exporter::evaluate::evaluate;
use hnn_exporter::graph::{Comparison, Shape, Unary};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::device::tests::present;
use super::*;

const BATCH: usize = 3;

/// Leaves `x`, `y` `[batch,4]`, and the weights `w` `[4,4]`, `c` `[3,1]`, in (0.2, 1.4): inside the domain of every function.
fn leaves(graph: &mut Graph) -> [NodeId; 4] {
    [
        graph.input("x", Shape::batched(&[4]).unwrap()).unwrap(),
        graph.input("y", Shape::batched(&[4]).unwrap()).unwrap(),
        graph.parameter("w", &[4, 4]).unwrap(),
        graph.parameter("c", &[3, 1]).unwrap(),
    ]
}

fn values(seed: u64, shift: f64) -> Vec<(&'static str, graph::Tensor)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |shape: &[usize]| {
        let len = shape.iter().product();
        let data = (0..len).map(|_| random.random_range(0.2..1.4) - shift).collect();
        graph::Tensor::new(shape.to_vec(), data).unwrap()
    };
    vec![("x", draw(&[BATCH, 4])), ("y", draw(&[BATCH, 4])), ("w", draw(&[4, 4])), ("c", draw(&[3, 1]))]
}

type Build<'a> = &'a dyn Fn(&mut Graph, [NodeId; 4]) -> Result<NodeId, graph::GraphError>;

fn build_case(name: &str, build: Build<'_>) -> (String, Graph) {
    let mut graph = Graph::new();
    let leaves = leaves(&mut graph);
    let out = build(&mut graph, leaves).unwrap();
    graph.set_output("out", out);
    (name.to_owned(), graph)
}

/// One graph per primitive and per way it is used, each with the output `out`.
fn cases() -> Vec<(String, Graph)> {
    [elementwise_cases(), structural_cases()].concat()
}

fn elementwise_cases() -> Vec<(String, Graph)> {
    let mut cases: Vec<(String, Graph)> = Vec::new();
    let mut case = |name: &str, build: Build<'_>| cases.push(build_case(name, build));
    for op in Unary::ALL {
        case(op.name(), &|g, [x, _, w, _]| {
            let product = g.mul(x, x)?;
            let mixed = g.matmul(product, w)?;
            g.add(Op::Unary(*op), &[mixed])
        });
    }
    for op in graph::Binary::ALL {
        case(op.name(), &|g, [x, y, _, _]| g.add(Op::Binary(*op), &[x, y]));
        case(&format!("{} stretched", op.name()), &|g, [x, _, w, _]| {
            let row = g.slice(w, 0, 1, 1)?;
            g.add(Op::Binary(*op), &[row, x])
        });
        case(&format!("{} number right", op.name()), &|g, [x, ..]| {
            let number = g.scalar(1.3)?;
            g.add(Op::Binary(*op), &[x, number])
        });
        case(&format!("{} number left", op.name()), &|g, [x, ..]| {
            let number = g.scalar(0.7)?;
            g.add(Op::Binary(*op), &[number, x])
        });
    }
    for comparison in Comparison::ALL {
        case(comparison.name(), &|g, [x, y, w, _]| {
            let row = g.slice(w, 0, 0, 1)?;
            let condition = g.compare(*comparison, x, row)?;
            let zero = g.scalar(0.0)?;
            let chosen = g.select(condition, y, zero)?;
            let itself = g.compare(*comparison, y, y)?;
            let other = g.select(itself, row, x)?;
            g.sub(chosen, other)
        });
    }
    cases
}

fn structural_cases() -> Vec<(String, Graph)> {
    let mut cases: Vec<(String, Graph)> = Vec::new();
    let mut case = |name: &str, build: Build<'_>| cases.push(build_case(name, build));
    for (transpose_lhs, transpose_rhs) in [(false, false), (false, true), (true, false), (true, true)] {
        case(&format!("matmul {transpose_lhs} {transpose_rhs}"), &|g, [x, _, w, _]| {
            let matrices = g.reshape(x, Shape::batched(&[2, 2])?)?;
            let corner = g.slice(w, 0, 0, 2)?;
            let corner = g.slice(corner, 1, 1, 2)?;
            g.add(Op::MatMul { transpose_lhs, transpose_rhs }, &[matrices, corner])
        });
    }
    case("matmul of two batches", &|g, [x, y, _, _]| {
        let left = g.reshape(x, Shape::batched(&[4, 1])?)?;
        let right = g.reshape(y, Shape::batched(&[1, 4])?)?;
        g.matmul(left, right)
    });
    case("transpose", &|g, [x, ..]| {
        let matrices = g.reshape(x, Shape::batched(&[2, 2])?)?;
        g.transpose(matrices, &[0, 2, 1])
    });
    case("transpose of a weight", &|g, [_, _, w, _]| g.transpose(w, &[1, 0]));
    case("broadcast", &|g, [_, y, _, c]| {
        let wide = g.broadcast(c, Shape::batched(&[3, 4])?)?;
        let row = g.reshape(y, Shape::batched(&[1, 4])?)?;
        g.mul(wide, row)
    });
    case("concat", &|g, [x, y, ..]| g.concat(&[y, x, y], 1));
    case("slice", &|g, [x, ..]| g.slice(x, 1, 1, 2));
    case("pad", &|g, [x, ..]| g.pad(x, 1, 2, 1));
    case("pad before only", &|g, [_, _, w, _]| g.pad(w, 0, 2, 0));
    case("sum", &|g, [x, ..]| g.sum(x, &[1]));
    case("sum over two axes", &|g, [x, ..]| {
        let cubes = g.reshape(x, Shape::batched(&[2, 1, 2])?)?;
        g.sum(cubes, &[1, 3])
    });
    case("sum of all", &|g, [_, _, w, _]| g.sum(w, &[0, 1]));
    case("rank six", &|g, [x, ..]| {
        let wide = g.reshape(x, Shape::batched(&[1, 2, 1, 2, 1])?)?;
        g.transpose(wide, &[0, 4, 5, 2, 3, 1])
    });
    cases
}

fn run(executor: &Executor, leaves: &[(&str, graph::Tensor)], arithmetic: &Arithmetic) -> Vec<f64> {
    let find = |name: &str| {
        leaves.iter().find(|(known, _)| *known == name).map(|(_, tensor)| arithmetic.upload_tensor(tensor))
    };
    download(&executor.run(&find).unwrap()[0]).unwrap()
}

fn oracle(graph: &Graph, leaves: &[(&str, graph::Tensor)]) -> Vec<f64> {
    let known: Vec<&str> = graph.inputs().iter().chain(&graph.parameters()).map(|(name, _)| *name).collect();
    let given: Vec<(&str, &graph::Tensor)> =
        leaves.iter().filter(|(name, _)| known.contains(name)).map(|(name, tensor)| (*name, tensor)).collect();
    evaluate(graph, &given).unwrap()[0].data().to_vec()
}

fn assert_close(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{name}: {a} instead of {b}");
    }
}

#[test]
fn every_primitive_agrees_with_the_oracle() {
    for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 1e-5)] {
        for (device, arithmetic) in present(precision) {
            for (name, graph) in cases() {
                let leaves = values(7, 0.0);
                let executor = Executor::new(&graph, &["out"], &arithmetic).unwrap();
                let found = run(&executor, &leaves, &arithmetic);
                assert_close(&format!("{name} on {device}"), &found, &oracle(&graph, &leaves), tolerance);
            }
        }
    }
}

#[test]
fn softplus_sigmoid_and_tanh_keep_their_precision_far_from_zero() {
    let arithmetic = Arithmetic::plain(Precision::F64);
    let points = graph::Tensor::new(vec![8], vec![-700.0, -50.0, -20.0, -1.0, 1.0, 25.0, 50.0, 800.0]).unwrap();
    for op in [Unary::Softplus, Unary::Sigmoid, Unary::Tanh] {
        let mut graph = Graph::new();
        let x = graph.parameter("x", &[8]).unwrap();
        let out = graph.add(Op::Unary(op), &[x]).unwrap();
        graph.set_output("out", out);
        let executor = Executor::new(&graph, &["out"], &arithmetic).unwrap();
        let leaves = [("x", points.clone())];
        assert_close(op.name(), &run(&executor, &leaves, &arithmetic), &oracle(&graph, &leaves), 1e-14);
    }
}

#[test]
fn floor_and_round_agree_with_the_oracle_at_halves_and_beyond_the_integers() {
    let points = vec![-2.5, -1.5, -0.5, -0.0, 0.0, 0.5, 1.5, 2.5, 1e9, -4_194_304.5, f64::INFINITY, f64::NAN];
    let points = graph::Tensor::new(vec![points.len()], points).unwrap();
    for precision in [Precision::F64, Precision::F32] {
        let arithmetic = Arithmetic::plain(precision);
        for op in [Unary::Floor, Unary::Round] {
            let mut graph = Graph::new();
            let x = graph.parameter("x", points.shape()).unwrap();
            let out = graph.add(Op::Unary(op), &[x]).unwrap();
            graph.set_output("out", out);
            let executor = Executor::new(&graph, &["out"], &arithmetic).unwrap();
            let leaves = [("x", points.clone())];
            let pairs = run(&executor, &leaves, &arithmetic).into_iter().zip(oracle(&graph, &leaves));
            for ((found, wanted), x) in pairs.zip(points.data()) {
                assert!(found == wanted || (found.is_nan() && wanted.is_nan()), "{} {x}: {found}", op.name());
            }
        }
    }
}

/// d/dw and d/dc of Σ sin(out), by burn and by central differences of the oracle.
#[test]
fn parameter_gradients_agree_with_central_differences_of_the_oracle() {
    let arithmetic = Arithmetic::differentiable(Precision::F64);
    let mut compared = 0;
    for (name, mut graph) in cases() {
        let out = graph.output("out").unwrap();
        let sines = graph.sin(out).unwrap();
        graph.set_output("out", sines);
        let executor = Executor::new(&graph, &["out"], &arithmetic).unwrap();
        for parameter in executor.parameters().map(str::to_owned).collect::<Vec<_>>() {
            let leaves = values(11, 0.05);
            let tensors: Vec<(&str, Real)> = leaves
                .iter()
                .map(|(name, tensor)| {
                    let real = arithmetic.upload_tensor(tensor);
                    (*name, if *name == parameter { real.require_grad() } else { real })
                })
                .collect();
            let find = |name: &str| tensors.iter().find(|(known, _)| *known == name).map(|(_, real)| real.clone());
            let total = executor.run(&find).unwrap().remove(0).sum();
            let gradients = total.backward();
            let (at, weight) = tensors.iter().enumerate().find(|(_, (known, _))| *known == parameter).unwrap();
            let gradient = weight.1.grad(&gradients).map(|g| download(&g).unwrap());
            let numeric = central_differences(&graph, &leaves, at);
            let gradient = gradient.unwrap_or_else(|| vec![0.0; numeric.len()]);
            assert_close(&format!("{name} by {parameter}"), &gradient, &numeric, 1e-7);
            compared += 1;
        }
    }
    assert!(compared > 30, "only {compared} gradients were compared");
}

fn central_differences(graph: &Graph, leaves: &[(&'static str, graph::Tensor)], at: usize) -> Vec<f64> {
    let step = 1e-5;
    let total = |leaves: &[(&str, graph::Tensor)]| oracle(graph, leaves).iter().sum::<f64>();
    (0..leaves[at].1.data().len())
        .map(|element| {
            let mut moved = leaves.to_vec();
            moved[at].1.data_mut()[element] += step;
            let above = total(&moved);
            moved[at].1.data_mut()[element] -= 2.0 * step;
            (above - total(&moved)) / (2.0 * step)
        })
        .collect()
}

#[test]
fn wrong_shapes_missing_values_and_unknown_outputs_are_refused() {
    let arithmetic = Arithmetic::plain(Precision::F64);
    let mut graph = Graph::new();
    let [x, _, w, _] = leaves(&mut graph);
    let out = graph.matmul(x, w).unwrap();
    graph.set_output("out", out);
    assert_eq!(
        Executor::new(&graph, &["nothing"], &arithmetic).unwrap_err(),
        ExecuteError::UnknownOutput("nothing".to_owned())
    );
    let executor = Executor::new(&graph, &["out"], &arithmetic).unwrap();
    assert_eq!(executor.run(&|_| None).unwrap_err(), ExecuteError::MissingValue("x".to_owned()));
    let wrong = arithmetic.upload(&[2, 3], &[0.0; 6]);
    let refused = executor.run(&|_| Some(wrong.clone())).unwrap_err();
    assert!(matches!(refused, ExecuteError::WrongShape { name, .. } if name == "x"));
}
