//! Hand-computed values and closed forms.

use super::*;
use crate::graph::{Binary, Comparison, NodeId, Unary};

fn tensor(shape: &[usize], data: &[f64]) -> Tensor {
    Tensor::new(shape.to_vec(), data.to_vec()).unwrap()
}

/// Evaluates one expression of constants.
fn value(build: impl FnOnce(&mut Graph) -> Result<NodeId, GraphError>) -> Tensor {
    let mut graph = Graph::new();
    let root = build(&mut graph).unwrap();
    graph.set_output("y", root);
    evaluate(&graph, &[]).unwrap().remove(0)
}

fn unary(op: Unary, x: f64) -> f64 {
    value(|graph| {
        let x = graph.scalar(x)?;
        graph.add(Op::Unary(op), &[x])
    })
    .data()[0]
}

fn binary(op: Binary, a: f64, b: f64) -> f64 {
    value(|graph| {
        let (a, b) = (graph.scalar(a)?, graph.scalar(b)?);
        graph.add(Op::Binary(op), &[a, b])
    })
    .data()[0]
}

#[test]
fn functions_of_one_number_match_published_digits() {
    // Abramowitz and Stegun, and the closed forms where there is one.
    let cases = [
        (Unary::Neg, 2.0, -2.0),
        (Unary::Reciprocal, 8.0, 0.125),
        (Unary::Sqrt, 2.0, std::f64::consts::SQRT_2),
        (Unary::Exp, 1.0, std::f64::consts::E),
        (Unary::Log, 10.0, std::f64::consts::LN_10),
        (Unary::Sin, std::f64::consts::FRAC_PI_6, 0.5),
        (Unary::Cos, std::f64::consts::FRAC_PI_3, 0.5),
        (Unary::Tanh, 0.5, 0.462_117_157_260_009_76),
        (Unary::Sigmoid, std::f64::consts::LN_2, 2.0 / 3.0),
        (Unary::Sigmoid, -std::f64::consts::LN_2, 1.0 / 3.0),
        (Unary::Softplus, 0.0, std::f64::consts::LN_2),
        (Unary::Softplus, 3.0f64.ln(), 4.0f64.ln()),
        (Unary::Abs, -3.0, 3.0),
        (Unary::Sign, -3.0, -1.0),
        (Unary::Sign, 7.0, 1.0),
        (Unary::Erf, 0.5, 0.520_499_877_813_046_5),
        (Unary::Erf, -2.0, -0.995_322_265_018_952_7),
        (Unary::Atan, 1.0, std::f64::consts::FRAC_PI_4),
        (Unary::Floor, -0.25, -1.0),
        (Unary::Floor, 2.75, 2.0),
        (Unary::Round, 2.5, 2.0),
        (Unary::Round, -3.5, -4.0),
        (Unary::Round, 0.75, 1.0),
    ];
    for (op, x, wanted) in cases {
        let found = unary(op, x);
        assert!(
            (found - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs(),
            "{}({x}) = {found}, not {wanted}",
            op.name()
        );
    }
    assert!(Unary::ALL.iter().all(|op| cases.iter().any(|case| case.0 == *op)));
}

#[test]
fn saturating_functions_do_not_overflow() {
    assert_eq!(unary(Unary::Softplus, 1e4), 1e4);
    assert_eq!(unary(Unary::Softplus, -1e4), 0.0);
    assert_eq!(unary(Unary::Sigmoid, -1e4), 0.0);
    assert_eq!(unary(Unary::Sigmoid, 1e4), 1.0);
    assert!(unary(Unary::Softplus, f64::NAN).is_nan() && unary(Unary::Sigmoid, f64::NAN).is_nan());
    // ln(1 + e^x) ≈ e^x here; 1 + e^x would have lost it.
    assert_eq!(unary(Unary::Softplus, -40.0), libm::exp(-40.0));
}

#[test]
fn edges_are_those_of_the_runtime() {
    for op in [Binary::Max, Binary::Min] {
        assert!(binary(op, f64::NAN, 1.0).is_nan() && binary(op, 1.0, f64::NAN).is_nan());
    }
    for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
        assert!(binary(Binary::Max, a, b).is_sign_positive());
        assert!(binary(Binary::Min, a, b).is_sign_negative());
    }
    assert_eq!((binary(Binary::Max, -3.0, 2.0), binary(Binary::Min, -3.0, 2.0)), (2.0, -3.0));
    assert_eq!(binary(Binary::Max, 5e-324, 5e-324), 5e-324);
    for op in [Unary::Sign, Unary::Floor, Unary::Round] {
        assert!(unary(op, f64::NAN).is_nan());
    }
    for op in [Unary::Floor, Unary::Round] {
        assert!(unary(op, -0.0).is_sign_negative() && unary(op, 0.0).is_sign_positive());
        assert_eq!(unary(op, f64::NEG_INFINITY), f64::NEG_INFINITY);
    }
    assert_eq!((unary(Unary::Round, -0.5), unary(Unary::Round, 0.5), unary(Unary::Round, 1.5)), (0.0, 0.0, 2.0));
    assert_eq!(
        (unary(Unary::Round, 4_503_599_627_370_495.5), unary(Unary::Floor, -5e-324)),
        (4_503_599_627_370_496.0, -1.0)
    );
    assert!(unary(Unary::Sign, -0.0).is_sign_positive());
    assert_eq!(binary(Binary::Pow, f64::NAN, 0.0), 1.0);
    assert_eq!(binary(Binary::Pow, -8.0, 3.0), -512.0);
    assert!(binary(Binary::Pow, -8.0, 0.5).is_nan());
    assert_eq!(binary(Binary::Div, 1.0, -0.0), f64::NEG_INFINITY);
}

#[test]
fn comparisons_choose_and_nan_compares_false() {
    let chosen = |comparison| {
        value(move |graph| {
            let a = graph.constant(tensor(&[4], &[1.0, 2.0, 3.0, f64::NAN]))?;
            let b = graph.scalar(2.0)?;
            let condition = graph.compare(comparison, a, b)?;
            let (yes, no) = (graph.constant(tensor(&[4], &[10.0, 20.0, 30.0, 40.0]))?, graph.scalar(0.0)?);
            graph.select(condition, yes, no)
        })
    };
    assert_eq!(chosen(Comparison::Greater), tensor(&[4], &[0.0, 0.0, 30.0, 0.0]));
    assert_eq!(chosen(Comparison::GreaterOrEqual), tensor(&[4], &[0.0, 20.0, 30.0, 0.0]));
    assert_eq!(chosen(Comparison::Equal), tensor(&[4], &[0.0, 20.0, 0.0, 0.0]));
}

#[test]
fn operands_stretch_to_each_other() {
    let sums = value(|graph| {
        let column = graph.constant(tensor(&[2, 1], &[10.0, 20.0]))?;
        let row = graph.constant(tensor(&[3], &[1.0, 2.0, 3.0]))?;
        graph.add_values(column, row)
    });
    assert_eq!(sums, tensor(&[2, 3], &[11.0, 12.0, 13.0, 21.0, 22.0, 23.0]));
    let stretched = value(|graph| {
        let row = graph.constant(tensor(&[1, 2], &[1.0, 2.0]))?;
        graph.broadcast(row, Shape::fixed(&[2, 2, 2])?)
    });
    assert_eq!(stretched, tensor(&[2, 2, 2], &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]));
}

#[test]
fn products_transpose_each_side() {
    let a = tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let b = tensor(&[3, 2], &[7.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
    let a_transposed = tensor(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    let b_transposed = tensor(&[2, 3], &[7.0, 9.0, 11.0, 8.0, 10.0, 12.0]);
    for (transpose_lhs, lhs) in [(false, &a), (true, &a_transposed)] {
        for (transpose_rhs, rhs) in [(false, &b), (true, &b_transposed)] {
            let product = value(|graph| {
                let (lhs, rhs) = (graph.constant(lhs.clone())?, graph.constant(rhs.clone())?);
                graph.add(Op::MatMul { transpose_lhs, transpose_rhs }, &[lhs, rhs])
            });
            assert_eq!(product, tensor(&[2, 2], &[58.0, 64.0, 139.0, 154.0]));
        }
    }
}

#[test]
fn leading_dimensions_of_products_stretch() {
    let product = value(|graph| {
        let lhs = graph.constant(tensor(&[2, 1, 1, 2], &[1.0, 2.0, 3.0, 4.0]))?;
        let rhs = graph.constant(tensor(&[3, 2, 1], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]))?;
        graph.matmul(lhs, rhs)
    });
    assert_eq!(product, tensor(&[2, 3, 1, 1], &[1.0, 2.0, 3.0, 3.0, 4.0, 7.0]));
}

#[test]
fn elements_move_where_they_should() {
    let cube = tensor(&[2, 2, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    let moved = |build: &dyn Fn(&mut Graph, NodeId) -> Result<NodeId, GraphError>| {
        value(|graph| {
            let cube = graph.constant(cube.clone())?;
            build(graph, cube)
        })
    };
    let transposed = moved(&|graph, cube| graph.transpose(cube, &[2, 0, 1]));
    assert_eq!(transposed, tensor(&[2, 2, 2], &[0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]));
    let sliced = moved(&|graph, cube| graph.slice(cube, 1, 1, 1));
    assert_eq!(sliced, tensor(&[2, 1, 2], &[2.0, 3.0, 6.0, 7.0]));
    let padded = moved(&|graph, cube| {
        let part = graph.slice(cube, 1, 1, 1)?;
        graph.pad(part, 1, 1, 1)
    });
    assert_eq!(padded, tensor(&[2, 3, 2], &[0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 6.0, 7.0, 0.0, 0.0]));
    let joined = moved(&|graph, cube| {
        let part = graph.slice(cube, 2, 0, 1)?;
        graph.concat(&[cube, part], 2)
    });
    assert_eq!(joined, tensor(&[2, 2, 3], &[0.0, 1.0, 0.0, 2.0, 3.0, 2.0, 4.0, 5.0, 4.0, 6.0, 7.0, 6.0]));
    let reshaped = moved(&|graph, cube| graph.reshape(cube, Shape::fixed(&[4, 2])?));
    assert_eq!(reshaped.data(), cube.data());
}

#[test]
fn sums_over_any_axes() {
    let sum = |axes: &[usize]| {
        value(|graph| {
            let x = graph.constant(tensor(&[2, 3, 2], &(0..12).map(f64::from).collect::<Vec<_>>()))?;
            graph.sum(x, axes)
        })
    };
    assert_eq!(sum(&[1]), tensor(&[2, 2], &[6.0, 9.0, 24.0, 27.0]));
    assert_eq!(sum(&[0, 2]), tensor(&[3], &[14.0, 22.0, 30.0]));
    assert_eq!(sum(&[0, 1, 2]), tensor(&[], &[66.0]));
    let nothing = value(|graph| {
        let x = graph.constant(tensor(&[2, 0], &[]))?;
        graph.sum(x, &[1])
    });
    assert_eq!(nothing, tensor(&[2], &[0.0, 0.0]));
}

#[test]
fn sums_ascend() {
    // 1 is lost beside 1e16 unless the large terms have cancelled before it is added.
    let total = |data: &[f64]| {
        value(|graph| {
            let x = graph.constant(tensor(&[3], data))?;
            graph.sum(x, &[0])
        })
        .data()[0]
    };
    assert_eq!(total(&[1e16, -1e16, 1.0]), 1.0);
    assert_eq!(total(&[1e16, 1.0, -1e16]), 0.0);
}

fn pendulum() -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let unused = graph.input("u", Shape::batched(&[1]).unwrap()).unwrap();
    let mass = graph.parameter("mass", &[]).unwrap();
    let q = graph.slice(x, 1, 0, 1).unwrap();
    let p = graph.slice(x, 1, 1, 1).unwrap();
    let (kinetic, cosine) = (graph.mul(p, p).unwrap(), graph.cos(q).unwrap());
    let kinetic = graph.div(kinetic, mass).unwrap();
    let energy = graph.sub(kinetic, cosine).unwrap();
    let _ = graph.mul(unused, unused).unwrap();
    graph.set_output("H", energy);
    graph.set_output("x", x);
    graph
}

#[test]
fn rows_of_the_batch_are_evaluated_independently() {
    let evaluator = Evaluator::new(&pendulum()).unwrap();
    let rows = tensor(&[3, 2], &[0.0, 1.0, 1.0, 2.0, -2.0, 0.5]);
    let mass = Tensor::scalar(2.0);
    let together = evaluator.run(&[("x", &rows), ("mass", &mass)]).unwrap();
    assert_eq!(together[0].shape(), [3, 1]);
    assert_eq!(together[1], rows);
    for (row, energy) in rows.data().chunks(2).zip(together[0].data()) {
        let alone = evaluator.run(&[("x", &tensor(&[1, 2], row)), ("mass", &mass)]).unwrap();
        assert_eq!(alone[0].data(), [*energy]);
        assert!((energy - (row[1] * row[1] / 2.0 - row[0].cos())).abs() < 1e-15);
    }
    let none = evaluator.run(&[("x", &tensor(&[0, 2], &[])), ("mass", &mass)]).unwrap();
    assert_eq!(none[0].shape(), [0, 1]);
}

#[test]
fn wrong_inputs_are_named() {
    let graph = pendulum();
    let (x, mass) = (tensor(&[1, 2], &[0.0, 0.0]), Tensor::scalar(1.0));
    let message = |inputs: &[(&str, &Tensor)]| evaluate(&graph, inputs).unwrap_err().to_string();
    assert_eq!(message(&[("x", &x)]), "input `mass` of shape [] is missing");
    assert_eq!(message(&[("y", &x)]), "the graph has no input `y`; it has `x`, `u`, `mass`");
    assert_eq!(message(&[("x", &mass)]), "input `x` should be [batch,2], but is []");
    let wide = tensor(&[1, 3], &[0.0; 3]);
    assert_eq!(message(&[("x", &wide)]), "input `x` should be [batch,2], but is [1, 3]");
    let two = tensor(&[2, 1], &[0.0; 2]);
    assert_eq!(message(&[("x", &x), ("u", &two)]), "input `u` has a batch of 2, another input one of 1");
}

#[test]
fn a_value_beyond_the_limit_is_refused_before_it_is_allocated() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[1]).unwrap()).unwrap();
    let wide = graph.broadcast(x, Shape::batched(&[crate::graph::MAX_ELEMENTS]).unwrap()).unwrap();
    graph.set_output("y", wide);
    let error = evaluate(&graph, &[("x", &tensor(&[5, 1], &[0.0; 5]))]).unwrap_err();
    assert!(matches!(error, EvaluateError::TooLarge { batch: 5, .. }));
}
