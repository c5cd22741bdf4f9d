//! Activations against closed forms, their slopes and curvatures against central differences, and where they jump.
//!
//! Defaults are those of `onnx.defs.get_schema(kind)` of the Python package onnx 1.22.0.

use super::elementwise::{apply, real, row};
use super::*;
use crate::differentiate::gradient;
use crate::evaluate::evaluate;
use crate::graph::{Shape, Tensor};

/// f, f′ and f″ of an operator of one input as one graph of `x` `[batch]`.
fn derivatives(kind: &str, attributes: &[(&str, Attribute)]) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[]).unwrap()).unwrap();
    let mut value = apply(&mut graph, kind, 24, &[x], attributes).unwrap();
    graph.set_output("value", value);
    for name in ["slope", "curvature"] {
        value = gradient(&mut graph, value, &[x]).unwrap()[0];
        graph.set_output(name, value);
    }
    graph
}

fn at(graph: &Graph, x: f64) -> [f64; 3] {
    let values = evaluate(graph, &[("x", &Tensor::new(vec![1], vec![x]).unwrap())]).unwrap();
    [0, 1, 2].map(|order: usize| values[order].data()[0])
}

/// The slope by the central difference of order 4.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-4;
    let pair = |reach: f64| f(x + reach * h) - f(x - reach * h);
    (8.0 * pair(1.0) - pair(2.0)) / (12.0 * h)
}

type Case = (&'static str, Vec<(&'static str, Attribute)>, fn(f64) -> f64);

/// The activations, with default and with other parameters.
fn cases() -> Vec<Case> {
    let tanh_form: fn(f64) -> f64 = |x| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
        x / (1.0 + (-2.0 * inner).exp())
    };
    let erf_form: fn(f64) -> f64 = |x| 0.5 * x * libm::erfc(-x / 2f64.sqrt());
    let text = |form: &str| vec![("approximate", Attribute::Text(form.to_owned()))];
    vec![
        ("Celu", vec![], |x| x.max(0.0) + x.exp_m1().min(0.0)),
        ("Celu", vec![("alpha", real(2.5))], |x| x.max(0.0) + (2.5 * (x / 2.5).exp_m1()).min(0.0)),
        ("Elu", vec![], |x| if x < 0.0 { x.exp_m1() } else { x }),
        ("Elu", vec![("alpha", real(0.3))], |x| if x < 0.0 { 0.3 * x.exp_m1() } else { x }),
        ("Gelu", vec![], erf_form),
        ("Gelu", text("none"), erf_form),
        ("Gelu", text("tanh"), tanh_form),
        ("HardSigmoid", vec![], |x| (0.200_000_002_980_232_24 * x + 0.5).clamp(0.0, 1.0)),
        ("HardSigmoid", vec![("alpha", real(0.5)), ("beta", real(0.6))], |x| (0.5 * x + 0.6).clamp(0.0, 1.0)),
        ("HardSwish", vec![], |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        ("LeakyRelu", vec![], |x| if x < 0.0 { 0.009_999_999_776_482_582 * x } else { x }),
        ("LeakyRelu", vec![("alpha", real(1.5))], |x| if x < 0.0 { 1.5 * x } else { x }),
        ("Selu", vec![], |x| 1.050_701_022_148_132_3 * if x < 0.0 { 1.673_263_192_176_818_8 * x.exp_m1() } else { x }),
        (
            "Selu",
            vec![("alpha", real(2.0)), ("gamma", real(3.0))],
            |x| if x < 0.0 { 6.0 * x.exp_m1() } else { 3.0 * x },
        ),
        ("Swish", vec![], |x| x / (1.0 + (-x).exp())),
        ("Swish", vec![("alpha", real(0.4))], |x| x / (1.0 + (-0.4 * x).exp())),
        ("ThresholdedRelu", vec![], |x| if x > 1.0 { x } else { 0.0 }),
        ("ThresholdedRelu", vec![("alpha", real(-0.7))], |x| if x > -0.7 { x } else { 0.0 }),
        ("Mish", vec![], |x| x * x.exp().ln_1p().tanh()),
        ("Softsign", vec![], |x| x / (1.0 + x.abs())),
        ("Relu", vec![], |x| x.max(0.0)),
        ("Reciprocal", vec![], |x| 1.0 / x),
        ("Neg", vec![], |x| -x),
    ]
}

#[test]
fn activations_have_their_value_and_two_derivatives() {
    for (kind, attributes, closed) in cases() {
        let graph = derivatives(kind, &attributes);
        // An irrational step keeps every point away from the seams.
        for step in -30..=30 {
            let x = f64::from(step) * 0.161_803 + 0.037;
            let [value, first, second] = at(&graph, x);
            let wanted = [closed(x), slope(closed, x), slope(|x| at(&graph, x)[1], x)];
            for (found, wanted, tolerance) in
                [(value, wanted[0], 1e-14), (first, wanted[1], 1e-9), (second, wanted[2], 1e-7)]
            {
                let error = (found - wanted).abs();
                assert!(error <= tolerance * (1.0 + wanted.abs().powi(3)), "{kind} at {x}: {found}, not {wanted}");
            }
        }
    }
}

#[test]
fn a_seam_belongs_to_the_larger_arguments_and_no_branch_overflows() {
    let gamma = 1.050_701_022_148_132_3;
    let cases: [(&str, Option<f64>, f64, [f64; 3]); 9] = [
        ("Elu", None, 0.0, [0.0, 1.0, 0.0]),
        ("Elu", Some(3.0), 0.0, [0.0, 1.0, 0.0]),
        ("Celu", Some(3.0), 0.0, [0.0, 1.0, 0.0]),
        ("Selu", None, 0.0, [0.0, gamma, 0.0]),
        ("LeakyRelu", Some(0.5), 0.0, [0.0, 1.0, 0.0]),
        ("Elu", None, 1e6, [1e6, 1.0, 0.0]),
        ("Elu", None, -1e6, [-1.0, 0.0, 0.0]),
        ("Celu", Some(1e-3), 1e6, [1e6, 1.0, 0.0]),
        ("Mish", None, -1e6, [0.0, 0.0, 0.0]),
    ];
    for (kind, alpha, x, wanted) in cases {
        let attributes: Vec<_> = alpha.map(|alpha| ("alpha", real(alpha))).into_iter().collect();
        let found = at(&derivatives(kind, &attributes), x);
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-15), "{kind} at {x}: {found:?}");
    }
}

#[test]
fn smoothness_is_what_the_numbers_show() {
    let names = "Abs Acos Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor Mish Relu Round Sigmoid Sign Sin Sinh Softplus \
                 Softsign Tan Tanh Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Selu Swish ThresholdedRelu";
    let plain = names.split_whitespace().map(|kind| (kind, vec![]));
    let stretched = [("Celu", vec![("alpha", real(2.5))]), ("Elu", vec![("alpha", real(2.5))])];
    let clipped = [("Clip", vec![("max", real(0.5))]), ("Clip", vec![])];
    for (kind, attributes) in plain.chain(stretched).chain(clipped) {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[]).unwrap()).unwrap();
        let opset = if kind == "Clip" { 9 } else { 24 };
        let y = apply(&mut graph, kind, opset, &[x], &attributes).unwrap();
        let slope = gradient(&mut graph, y, &[x]).unwrap()[0];
        graph.set_output("value", y);
        graph.set_output("slope", slope);
        // Every seam of these functions is a multiple of ½ up to 3, but for the rounding of defaults to f32.
        let jump = |output: usize| {
            let steps = (-6..=6).map(|step| {
                let side = |offset: f64| {
                    let x = row(&[f64::from(step) * 0.5 + offset]);
                    let values = evaluate(&graph, &[("x", &x)]).unwrap();
                    // Beyond the end of a domain there is nothing to compare with.
                    if values[0].data()[0].is_finite() { values[output].data()[0] } else { f64::NAN }
                };
                let (left, right) = (side(-1e-6), side(1e-6));
                let difference = (right - left).abs() / (1.0 + left.abs());
                if difference.is_finite() { difference } else { 0.0 }
            });
            steps.fold(0.0, f64::max)
        };
        let vanishes = (-6..6).all(|step| {
            let x = row(&[f64::from(step) * 0.5 + 0.2]);
            evaluate(&graph, &[("x", &x)]).unwrap()[1].data()[0] == 0.0
        });
        let shown = match (jump(0) > 0.1 || vanishes, jump(1) > 1e-4) {
            (true, _) => Smoothness::Jump,
            (_, true) => Smoothness::Kink,
            _ => Smoothness::Smooth,
        };
        let operator = Operator {
            kind,
            inputs: vec![Some(Value::Node(x))],
            output_count: 1,
            attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            opset,
            frozen_batch: None,
        };
        assert_eq!(smoothness(&operator), shown, "{kind} {:?}", operator.attributes);
        assert_eq!(shown.consequence().is_none(), shown == Smoothness::Smooth);
    }
}
