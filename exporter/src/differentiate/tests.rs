//! Every rule against central differences of the f64 oracle, at every argument, with and without broadcasting.

use super::*;
use crate::evaluate::evaluate;
use crate::graph::{Binary, Comparison, Dim, Op, Unary};

const BATCH: usize = 3;

/// Deterministic values in (low, high), none repeated.
fn values(count: usize, low: f64, high: f64, salt: usize) -> Vec<f64> {
    // A Weyl sequence fills the interval evenly.
    (0..count)
        .map(|index| low + (high - low) * ((index + 1 + 7 * salt) as f64 * 0.618_033_988_749_894_9).fract())
        .collect()
}

fn tensor(shape: &Shape, low: f64, high: f64, salt: usize) -> Tensor {
    let dims = shape.resolve(BATCH);
    Tensor::new(dims.clone(), values(dims.iter().product(), low, high, salt)).unwrap()
}

/// Weighted sum of `y` per row, so that every element of the adjoint counts.
fn weigh(graph: &mut Graph, y: NodeId) -> NodeId {
    let row = graph.shape(y).row();
    let weights = tensor(&Shape::fixed(&row).unwrap(), 0.5, 1.5, 99);
    let weights = graph.constant(weights).unwrap();
    let weighted = graph.mul(y, weights).unwrap();
    let axes: Vec<usize> = (1..graph.shape(weighted).rank()).collect();
    graph.sum(weighted, &axes).unwrap()
}

/// Compares ∇ of a weighted sum with central differences, for every input of the graph.
fn check(graph: &mut Graph, y: NodeId, low: f64, high: f64, tolerance: f64) {
    let total = weigh(graph, y);
    let leaves: Vec<(String, NodeId)> = graph.inputs().iter().map(|(name, id)| ((*name).to_owned(), *id)).collect();
    let wrt: Vec<NodeId> = leaves.iter().map(|(_, id)| *id).collect();
    let gradients = gradient(graph, total, &wrt).unwrap();
    graph.set_output("total", total);
    for ((name, _), gradient) in leaves.iter().zip(&gradients) {
        graph.set_output(&format!("d_{name}"), *gradient);
    }
    let inputs: Vec<(String, Tensor)> = leaves
        .iter()
        .enumerate()
        .map(|(salt, (name, id))| (name.clone(), tensor(graph.shape(*id), low, high, salt)))
        .collect();
    let run = |inputs: &[(String, Tensor)]| {
        let named: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
        evaluate(graph, &named).unwrap()
    };
    let exact = run(&inputs);
    for (position, (name, value)) in inputs.iter().enumerate() {
        let row_len = value.data().len() / BATCH;
        for flat in 0..value.data().len() {
            let h = 1e-5;
            let shifted = |delta: f64| {
                let mut moved = inputs.clone();
                moved[position].1.data_mut()[flat] += delta;
                run(&moved)[0].data()[flat / row_len]
            };
            let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
            let analytic = exact[position + 1].data()[flat];
            assert!(
                (numeric - analytic).abs() <= tolerance * (1.0 + analytic.abs()),
                "d/d{name}[{flat}]: rule {analytic}, central difference {numeric}\n{graph:?}"
            );
        }
    }
}

fn batched(graph: &mut Graph, name: &str, dims: &[usize]) -> NodeId {
    graph.input(name, Shape::batched(dims).unwrap()).unwrap()
}

#[test]
fn unary_rules_agree_with_central_differences() {
    for op in Unary::ALL {
        for (low, high) in [(0.2, 1.7), (-1.4, -0.3)] {
            if low < 0.0 && matches!(op, Unary::Sqrt | Unary::Log) {
                continue;
            }
            let mut graph = Graph::new();
            let x = batched(&mut graph, "x", &[2, 3]);
            let y = graph.add(Op::Unary(*op), &[x]).unwrap();
            check(&mut graph, y, low, high, 1e-8);
        }
    }
}

#[test]
fn binary_rules_agree_with_central_differences_under_broadcasting() {
    let shapes: [(&[usize], &[usize]); 4] = [(&[3], &[3]), (&[3], &[1]), (&[1, 3], &[2, 1]), (&[2, 3], &[2, 3])];
    for op in Binary::ALL {
        for (a_dims, b_dims) in shapes {
            let mut graph = Graph::new();
            let a = batched(&mut graph, "a", a_dims);
            let b = batched(&mut graph, "b", b_dims);
            let y = graph.add(Op::Binary(*op), &[a, b]).unwrap();
            check(&mut graph, y, 0.4, 1.9, 1e-8);
        }
    }
}

#[test]
fn adjoint_of_a_constant_operand_broadcasts() {
    let mut graph = Graph::new();
    let x = batched(&mut graph, "x", &[1]);
    let wide = graph.constant(Tensor::new(vec![4], vec![1.0, -2.0, 0.5, 3.0]).unwrap()).unwrap();
    // The adjoint of a plain sum is the constant 1, which must count four times here.
    let y = graph.add_values(x, wide).unwrap();
    let total = graph.sum(y, &[1]).unwrap();
    let square = graph.mul(total, total).unwrap();
    let square = graph.reshape(square, Shape::batched(&[1]).unwrap()).unwrap();
    check(&mut graph, square, -1.0, 1.0, 1e-8);
}

#[test]
fn select_rule_agrees_with_central_differences() {
    let mut graph = Graph::new();
    let a = batched(&mut graph, "a", &[3]);
    let b = batched(&mut graph, "b", &[1]);
    let threshold = graph.scalar(0.7).unwrap();
    let condition = graph.compare(Comparison::Greater, a, threshold).unwrap();
    let (square, cube) = (graph.mul(a, a).unwrap(), graph.powi(b, 3).unwrap());
    let y = graph.select(condition, square, cube).unwrap();
    check(&mut graph, y, 0.1, 1.3, 1e-8);
}

#[test]
fn matmul_rules_agree_with_central_differences_for_every_transposition() {
    for (transpose_lhs, transpose_rhs) in [(false, false), (false, true), (true, false), (true, true)] {
        for lead in [&[][..], &[2][..], &[1][..]] {
            let mut graph = Graph::new();
            let dims = |lead: &[usize], rows: usize, cols: usize, transposed: bool| {
                let mut dims = lead.to_vec();
                dims.extend(if transposed { [cols, rows] } else { [rows, cols] });
                dims
            };
            let a = batched(&mut graph, "a", &dims(lead, 2, 3, transpose_lhs));
            let b = batched(&mut graph, "b", &dims(if lead.is_empty() { lead } else { &[2] }, 3, 4, transpose_rhs));
            let y = graph.add(Op::MatMul { transpose_lhs, transpose_rhs }, &[a, b]).unwrap();
            check(&mut graph, y, -1.0, 1.0, 1e-8);
        }
    }
}

#[test]
fn structural_rules_agree_with_central_differences() {
    type Build = fn(&mut Graph, NodeId, NodeId) -> NodeId;
    let cases: [Build; 8] = [
        |g, x, _| g.transpose(x, &[0, 2, 1]).unwrap(),
        |g, x, _| g.reshape(x, Shape::batched(&[6]).unwrap()).unwrap(),
        |g, _, z| g.broadcast(z, Shape::batched(&[2, 3]).unwrap()).unwrap(),
        |g, x, z| {
            let z = g.broadcast(z, Shape::batched(&[1, 3]).unwrap()).unwrap();
            g.concat(&[z, x, z], 1).unwrap()
        },
        |g, x, _| g.slice(x, 2, 1, 2).unwrap(),
        |g, x, _| g.pad(x, 1, 2, 1).unwrap(),
        |g, x, _| g.sum(x, &[2]).unwrap(),
        |g, x, _| g.sum_keep(x, &[1, 2]).unwrap(),
    ];
    for (number, build) in cases.iter().enumerate() {
        // Followed by a nonlinearity, so that the adjoint is full; and bare, so that it is a constant.
        for squared in [true, false] {
            let mut graph = Graph::new();
            let x = batched(&mut graph, "x", &[2, 3]);
            let z = batched(&mut graph, "z", &[1, 1]);
            let mut y = build(&mut graph, x, z);
            if squared {
                y = graph.mul(y, y).unwrap();
            }
            let total = graph.shape(y).rank();
            assert!(total >= 1, "case {number}");
            check(&mut graph, y, -1.0, 1.0, 1e-8);
        }
    }
}

#[test]
fn gradient_of_a_plain_sum_through_structure_is_exact() {
    // The seed stays a constant through every operator here; only the factors of the reductions remain.
    let mut graph = Graph::new();
    let x = batched(&mut graph, "x", &[2, 3]);
    let turned = graph.transpose(x, &[0, 2, 1]).unwrap();
    let flat = graph.reshape(turned, Shape::batched(&[6]).unwrap()).unwrap();
    let wide = graph.reshape(flat, Shape::batched(&[6, 1]).unwrap()).unwrap();
    let wide = graph.broadcast(wide, Shape::batched(&[6, 5]).unwrap()).unwrap();
    let total = graph.sum(wide, &[1, 2]).unwrap();
    let dx = gradient(&mut graph, total, &[x]).unwrap()[0];
    graph.set_output("dx", dx);
    let input = tensor(graph.shape(x), -1.0, 1.0, 0);
    let result = evaluate(&graph, &[("x", &input)]).unwrap();
    assert_eq!(result[0].shape(), &[BATCH, 2, 3]);
    assert!(result[0].data().iter().all(|value| *value == 5.0));
}

#[test]
fn the_gradient_of_an_unreached_input_is_zero() {
    let mut graph = Graph::new();
    let x = batched(&mut graph, "x", &[2]);
    let other = batched(&mut graph, "other", &[3]);
    let y = graph.sum(x, &[1]).unwrap();
    let d = gradient(&mut graph, y, &[other]).unwrap()[0];
    assert_eq!(graph.shape(d).dims(), &[Dim::Batch, Dim::Fixed(3)]);
    graph.set_output("d", d);
    let input = tensor(graph.shape(other), -1.0, 1.0, 0);
    assert!(evaluate(&graph, &[("other", &input)]).unwrap()[0].data().iter().all(|value| *value == 0.0));
}

#[test]
fn a_derivative_that_would_mix_rows_is_refused() {
    let mut graph = Graph::new();
    let shared = graph.input("shared", Shape::fixed(&[3]).unwrap()).unwrap();
    let x = batched(&mut graph, "x", &[3]);
    let y = graph.mul(x, shared).unwrap();
    let error = gradient(&mut graph, y, &[shared]).unwrap_err();
    assert!(error.to_string().contains("sum over the batch"), "{error}");
}

#[test]
fn hessian_of_a_network_is_symmetric_and_agrees_with_differences_of_its_gradient() {
    let mut graph = Graph::new();
    let x = batched(&mut graph, "x", &[4]);
    let w1 = tensor(&Shape::fixed(&[5, 4]).unwrap(), -1.0, 1.0, 1);
    let w2 = tensor(&Shape::fixed(&[1, 5]).unwrap(), -1.0, 1.0, 2);
    let (w1, w2) = (graph.constant(w1).unwrap(), graph.constant(w2).unwrap());
    let hidden = graph.matmul_transposed(x, w1).unwrap();
    let hidden = graph.tanh(hidden).unwrap();
    let energy = graph.matmul_transposed(hidden, w2).unwrap();
    let slope = gradient(&mut graph, energy, &[x]).unwrap()[0];
    let hessian = jacobian(&mut graph, slope, x).unwrap();
    graph.set_output("slope", slope);
    graph.set_output("hessian", hessian);
    let input = tensor(graph.shape(x), -1.0, 1.0, 3);
    let at = |input: &Tensor| evaluate(&graph, &[("x", input)]).unwrap();
    let exact = at(&input);
    assert_eq!(exact[1].shape(), &[BATCH, 4, 4]);
    let h = 1e-5;
    for row in 0..BATCH {
        for i in 0..4 {
            for j in 0..4 {
                let shifted = |delta: f64| {
                    let mut moved = input.clone();
                    moved.data_mut()[row * 4 + j] += delta;
                    at(&moved)[0].data()[row * 4 + i]
                };
                let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
                let entry = exact[1].data()[(row * 4 + i) * 4 + j];
                assert!((numeric - entry).abs() < 1e-8, "{numeric} {entry}");
                let mirror = exact[1].data()[(row * 4 + j) * 4 + i];
                assert!((mirror - entry).abs() < 1e-14);
            }
        }
    }
}
