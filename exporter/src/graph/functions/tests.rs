//! Values against closed forms, two derivatives against central differences, and the range in f32.
//!
//! The closed forms use the functions of Rust's standard library, which this crate uses nowhere else; for erf, gelu and
//! mish also values of Python's `math`: `erf(0.7)`, `0.65*(1 + erf(1.3/sqrt(2)))`, `tanh(log1p(exp(1)))`.

use hnn_runtime::format::{BinaryKind, UnaryKind};
use hnn_runtime::math;

use super::*;
use crate::differentiate::gradient;
use crate::evaluate::evaluate;
use crate::graph::{Op, Shape, Tensor};

/// A function, its closed form, the interval it is tried on in f64, and the one on which f32 must be finite and close.
type Row = (Function, fn(f64) -> f64, (f64, f64), (f64, f64));

const ROWS: [Row; 27] = [
    (Function::Abs, f64::abs, (0.1, 3.0), (-1e30, 1e30)),
    (Function::Acos, f64::acos, (-0.99, 0.99), (-0.999, 0.999)),
    (Function::Acosh, f64::acosh, (1.05, 9.0), (1.001, 1e15)),
    (Function::Asin, f64::asin, (-0.99, 0.99), (-0.999, 0.999)),
    (Function::Asinh, |x| x.signum() * (x.abs() + (x * x + 1.0).sqrt()).ln(), (-9.0, 9.0), (-1e15, 1e15)),
    (Function::Atan, f64::atan, (-9.0, 9.0), (-1e9, 1e9)),
    (Function::Atanh, f64::atanh, (-0.98, 0.98), (-0.999, 0.999)),
    (Function::Ceil, f64::ceil, (0.1, 0.9), (-1e30, 1e30)),
    (Function::Cos, f64::cos, (-9.0, 9.0), (-1e3, 1e3)),
    (Function::Cosh, f64::cosh, (-3.0, 3.0), (-88.0, 88.0)),
    (Function::Erf, libm::erf, (-3.0, 3.0), (-1e9, 1e9)),
    (Function::Exp, f64::exp, (-3.0, 3.0), (-1e9, 88.0)),
    (Function::Floor, f64::floor, (0.1, 0.9), (-1e30, 1e30)),
    (Function::Gelu, |x| x * 0.5 * libm::erfc(-x * FRAC_1_SQRT_2), (-5.0, 5.0), (-1e15, 1e15)),
    (Function::Log, f64::ln, (0.1, 9.0), (1e-10, 1e30)),
    (Function::Mish, |x| x * x.exp().ln_1p().tanh(), (-5.0, 5.0), (-1e15, 1e15)),
    (Function::Relu, |x| x.max(0.0), (0.1, 3.0), (-1e30, 1e30)),
    (Function::Round, f64::round_ties_even, (0.6, 1.4), (-1e30, 1e30)),
    (Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), (-5.0, 5.0), (-1e9, 1e9)),
    (Function::Sign, f64::signum, (0.1, 3.0), (-1e30, 1e30)),
    (Function::Sin, f64::sin, (-9.0, 9.0), (-1e3, 1e3)),
    (Function::Sinh, f64::sinh, (-3.0, 3.0), (-88.0, 88.0)),
    (Function::Softplus, |x| x.exp().ln_1p(), (-5.0, 5.0), (-1e9, 1e9)),
    (Function::Softsign, |x| x / (1.0 + x.abs()), (0.1, 5.0), (-1e12, 1e12)),
    (Function::Sqrt, f64::sqrt, (0.1, 9.0), (1e-10, 1e30)),
    (Function::Tan, f64::tan, (-1.4, 1.4), (-1.5, 1.5)),
    (Function::Tanh, f64::tanh, (-3.0, 3.0), (-1e9, 1e9)),
];

/// f, f′ and f″ as one graph of `x` `[batch]`.
fn derivatives(function: Function) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[]).unwrap()).unwrap();
    let mut value = function.build(&mut graph, x).unwrap();
    graph.set_output("value", value);
    for name in ["slope", "curvature"] {
        value = gradient(&mut graph, value, &[x]).unwrap()[0];
        graph.set_output(name, value);
    }
    graph
}

/// f, f′ and f″ at `x`, by the oracle.
fn oracle(graph: &Graph, x: f64) -> [f64; 3] {
    let values = evaluate(graph, &[("x", &Tensor::new(vec![1], vec![x]).unwrap())]).unwrap();
    [0, 1, 2].map(|order: usize| values[order].data()[0])
}

/// The same in f32, by the arithmetic of the runtime.
#[allow(clippy::cast_possible_truncation, reason = "the point is the precision of the device")]
fn on_device(graph: &Graph, x: f64) -> [f32; 3] {
    let mut values: Vec<f32> = Vec::new();
    for node in graph.nodes() {
        let arg = |position: usize| values[node.args[position].index()];
        let combined = |name: &str| {
            let result = [arg(0)].map(std::cell::Cell::new);
            math::combine(BinaryKind::from_name(name).unwrap(), &result, &result, &[std::cell::Cell::new(arg(1))]);
            result[0].get()
        };
        let value = match &node.op {
            Op::Input(..) => x as f32,
            Op::Constant(tensor) => tensor.data()[0] as f32,
            Op::Unary(op) => {
                let mut value = [arg(0)];
                math::map(UnaryKind::from_name(op.name()).unwrap(), &mut value);
                value[0]
            }
            Op::Binary(op) => combined(op.name()),
            Op::Compare(op) => combined(op.name()),
            Op::Select => [arg(2), arg(1)][usize::from(arg(0) != 0.0)],
            // One row: what moves or stretches elements keeps its one number.
            _ => arg(0),
        };
        values.push(value);
    }
    [0, 1, 2].map(|order: usize| values[graph.outputs()[order].1.index()])
}

/// Points of an interval, denser towards its ends and around 0.
fn points(low: f64, high: f64) -> Vec<f64> {
    let mut points: Vec<f64> = (0..=40).map(|step| low + (high - low) * f64::from(step) / 40.0).collect();
    for decade in -9..30 {
        let distance = 10f64.powi(decade);
        points.extend([1.0, 2.7].iter().flat_map(|digit| [digit * distance, -digit * distance]));
    }
    points.retain(|x| (low..=high).contains(x));
    points
}

/// The slope by the central difference of order 4.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-4 * 0.1f64.max(x.abs().min(1.0));
    let pair = |reach: f64| f(x + reach * h) - f(x - reach * h);
    (8.0 * pair(1.0) - pair(2.0)) / (12.0 * h)
}

#[test]
fn every_function_has_its_value_and_two_derivatives() {
    assert_eq!(ROWS.map(|row| row.0), *Function::ALL);
    for (function, closed, (low, high), _) in ROWS {
        let graph = derivatives(function);
        for step in 0..=60 {
            let x = low + (high - low) * f64::from(step) / 60.0;
            let [value, first, second] = oracle(&graph, x);
            let wanted = [closed(x), slope(closed, x), slope(|x| oracle(&graph, x)[1], x)];
            for (found, wanted, tolerance) in
                [(value, wanted[0], 1e-14), (first, wanted[1], 1e-7), (second, wanted[2], 1e-6)]
            {
                let error = (found - wanted).abs();
                assert!(error <= tolerance * (1.0 + wanted.abs()), "{function:?} at {x}: {found}, not {wanted}");
            }
        }
    }
}

#[test]
fn published_values_are_met() {
    let cases = [
        (Function::Erf, 0.7, 0.6778011938374184),
        (Function::Gelu, 1.3, 1.1741593700387067),
        (Function::Mish, 1.0, 0.8650983882673103),
    ];
    for (function, x, wanted) in cases {
        let found = oracle(&derivatives(function), x)[0];
        assert!((found - wanted).abs() < 1e-15 * 4.0, "{function:?}: {found}");
    }
}

#[test]
fn seams_and_ends_have_the_derivatives_of_the_function() {
    let infinite = f64::INFINITY;
    let bell = std::f64::consts::FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    let cases = [
        (Function::Asin, 0.0, [0.0, 1.0, 0.0]),
        (Function::Asinh, 0.0, [0.0, 1.0, 0.0]),
        (Function::Asinh, -0.0, [0.0, 1.0, 0.0]),
        (Function::Atanh, 0.0, [0.0, 1.0, 0.0]),
        (Function::Cosh, 0.0, [1.0, 0.0, 1.0]),
        (Function::Gelu, 0.0, [0.0, 0.5, bell]),
        (Function::Relu, 0.0, [0.0, 0.0, 0.0]),
        (Function::Sinh, 0.0, [0.0, 1.0, 0.0]),
        (Function::Softsign, 0.0, [0.0, 1.0, 0.0]),
        (Function::Tan, 0.0, [0.0, 1.0, 0.0]),
        (Function::Ceil, 0.0, [0.0, 0.0, 0.0]),
        (Function::Floor, -3.0, [-3.0, 0.0, 0.0]),
        (Function::Round, 2.5, [2.0, 0.0, 0.0]),
    ];
    for (function, x, wanted) in cases {
        let found = oracle(&derivatives(function), x);
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 4e-16), "{function:?} at {x}: {found:?}");
    }
    let half_pi = std::f64::consts::FRAC_PI_2;
    let ends = [
        (Function::Asin, 1.0, half_pi, infinite),
        (Function::Asin, -1.0, -half_pi, infinite),
        (Function::Acos, 1.0, 0.0, -infinite),
        (Function::Acosh, 1.0, 0.0, infinite),
    ];
    for (function, x, value, slope) in ends {
        assert_eq!(oracle(&derivatives(function), x)[..2], [value, slope], "{function:?} at {x}");
    }
    for (function, x) in
        [(Function::Asin, 1.1), (Function::Acos, -1.1), (Function::Acosh, -2.0), (Function::Atanh, 2.0)]
    {
        assert!(oracle(&derivatives(function), x)[0].is_nan(), "{function:?} at {x}");
    }
}

#[test]
fn f32_is_finite_and_close_over_the_whole_range() {
    for (function, _, _, (low, high)) in ROWS {
        let graph = derivatives(function);
        for x in points(low, high).into_iter().map(|x| f64::from(x as f32)) {
            for (found, wanted) in on_device(&graph, x).into_iter().zip(oracle(&graph, x)) {
                let error = (f64::from(found) - wanted).abs();
                // Near a pole the slope magnifies the rounding of 1 − x; elsewhere a few roundings are left.
                let tolerance = if wanted.abs() > 100.0 { 2e-3 } else { 2e-5 };
                assert!(error <= tolerance * (1.0 + wanted.abs()), "{function:?} at {x}: {found}, not {wanted}");
            }
        }
    }
}

#[test]
fn small_arguments_keep_their_digits_where_that_is_promised() {
    for function in [Function::Asin, Function::Sinh, Function::Tan, Function::Softsign] {
        for x in [1e-30f32, -3e-8, 2e-4] {
            let [value, slope, _] = on_device(&derivatives(function), f64::from(x));
            assert!((f64::from(value / x) - 1.0).abs() < 3e-4 && (slope - 1.0).abs() < 1e-3, "{function:?} at {x}");
        }
    }
    // acos x ≈ √(2(1 − x)) at its zero.
    let x = 1.0f32 - f32::EPSILON;
    let found = on_device(&derivatives(Function::Acos), f64::from(x))[0];
    assert!((f64::from(found) / f64::from(x).acos() - 1.0).abs() < 5e-7);
}
