//! Arithmetic, logic and selection against hand-computed values.

use super::*;
use crate::differentiate::gradient;
use crate::evaluate::evaluate;
use crate::graph::{Shape, Tensor};

/// Applies an operator to inputs that are nodes.
pub(super) fn apply(
    graph: &mut Graph,
    kind: &str,
    opset: i64,
    inputs: &[NodeId],
    attributes: &[(&str, Attribute)],
) -> Result<NodeId> {
    let operator = Operator {
        kind,
        inputs: inputs.iter().map(|id| Some(Value::Node(*id))).collect(),
        output_count: 1,
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        opset,
        frozen_batch: None,
    };
    match legalize(graph, &operator)?.remove(0) {
        Value::Node(id) => Ok(id),
        Value::Integers(integers) => panic!("{integers:?}"),
    }
}

/// The value of an operator of constants.
fn value(kind: &str, opset: i64, inputs: &[&Tensor], attributes: &[(&str, Attribute)]) -> Result<Tensor> {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = inputs.iter().map(|tensor| graph.constant((*tensor).clone()).unwrap()).collect();
    let result = apply(&mut graph, kind, opset, &inputs, attributes)?;
    graph.set_output("y", result);
    Ok(evaluate(&graph, &[]).unwrap().remove(0))
}

pub(super) fn row(values: &[f64]) -> Tensor {
    Tensor::new(vec![values.len()], values.to_vec()).unwrap()
}

pub(super) fn real(value: f64) -> Attribute {
    Attribute::Real(value)
}

#[test]
fn powers_exist_for_negative_bases_and_at_zero() {
    let base = row(&[-2.0, 0.0, 1.5]);
    for (exponent, wanted) in [(0.0, [1.0, 1.0, 1.0]), (1.0, [-2.0, 0.0, 1.5]), (3.0, [-8.0, 0.0, 3.375])] {
        assert_eq!(value("Pow", 17, &[&base, &Tensor::scalar(exponent)], &[]).unwrap(), row(&wanted));
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[]).unwrap()).unwrap();
        let number = graph.scalar(exponent).unwrap();
        let y = apply(&mut graph, "Pow", 17, &[x, number], &[]).unwrap();
        let slope = gradient(&mut graph, y, &[x]).unwrap()[0];
        graph.set_output("slope", slope);
        let slopes = evaluate(&graph, &[("x", &base)]).unwrap().remove(0);
        for (x, found) in base.data().iter().zip(slopes.data()) {
            assert!((found - exponent * x.powf((exponent - 1.0).max(0.0))).abs() < 1e-15, "{exponent} at {x}");
        }
    }
    let each = value("Pow", 13, &[&row(&[2.0, -3.0, 4.0]), &row(&[-1.0, 2.0, 1.5])], &[]).unwrap();
    assert_eq!(each, row(&[0.5, 9.0, 8.0]));
    let grown = value("Pow", 13, &[&Tensor::scalar(3.0), &row(&[2.0, 2.0])], &[]).unwrap();
    assert_eq!(grown, row(&[9.0, 9.0]));
}

#[test]
fn several_tensors_are_joined_from_the_left() {
    let (a, b, c) = (row(&[1.0, 5.0]), row(&[4.0, -2.0]), Tensor::scalar(3.0));
    for (kind, wanted) in [("Sum", [8.0, 6.0]), ("Mean", [8.0 / 3.0, 2.0]), ("Max", [4.0, 5.0]), ("Min", [1.0, -2.0])] {
        assert_eq!(value(kind, 13, &[&a, &b, &c], &[]).unwrap(), row(&wanted), "{kind}");
        assert_eq!(value(kind, 13, &[&a], &[]).unwrap(), a, "{kind}");
    }
}

#[test]
fn the_bounds_of_clip_moved_from_attributes_to_inputs() {
    let x = row(&[-2.0, 0.25, 2.0]);
    let (low, high) = (Tensor::scalar(-1.0), Tensor::scalar(0.5));
    let attributes = [("min", real(-1.0)), ("max", real(0.5))];
    let wanted = row(&[-1.0, 0.25, 0.5]);
    assert_eq!(value("Clip", 10, &[&x], &attributes).unwrap(), wanted);
    assert_eq!(value("Clip", 13, &[&x, &low, &high], &[]).unwrap(), wanted);
    assert_eq!(value("Clip", 10, &[&x], &attributes[..1]).unwrap(), row(&[-1.0, 0.25, 2.0]));
    assert_eq!(value("Clip", 13, &[&x, &low], &[]).unwrap(), row(&[-1.0, 0.25, 2.0]));
    // The specification: where the bounds are exchanged, the upper one wins.
    assert_eq!(value("Clip", 13, &[&x, &high, &low], &[]).unwrap(), row(&[-1.0, -1.0, -1.0]));
    assert!(value("Clip", 13, &[&x], &attributes).unwrap_err().to_string().contains("inputs"));
    assert!(value("Clip", 10, &[&x, &low], &[]).unwrap_err().to_string().contains("attributes"));
}

#[test]
fn slopes_of_a_parametric_relu_stretch_to_its_argument_only() {
    let x = Tensor::new(vec![2, 2], vec![-1.0, -2.0, 3.0, -4.0]).unwrap();
    let found = value("PRelu", 16, &[&x, &row(&[0.5, 0.25])], &[]).unwrap();
    assert_eq!(found.data(), [-0.5, -0.5, 3.0, -1.0]);
    assert!(value("PRelu", 16, &[&row(&[1.0, 2.0]), &x], &[]).unwrap_err().to_string().contains("does not stretch"));
}

#[test]
fn logic_has_its_truth_tables() {
    let (a, b) = (row(&[0.0, 0.0, 1.0, 1.0]), row(&[0.0, 1.0, 0.0, 1.0]));
    // Truth values come in by comparison and go out by selection.
    let table = |kind: &str, count: usize| {
        let mut graph = Graph::new();
        let half = graph.scalar(0.5).unwrap();
        let truths: Vec<NodeId> = [&a, &b][..count]
            .iter()
            .map(|column| {
                let column = graph.constant((*column).clone()).unwrap();
                apply(&mut graph, "Less", 13, &[half, column], &[]).unwrap()
            })
            .collect();
        let result = apply(&mut graph, kind, 13, &truths, &[]).unwrap();
        let (yes, no) = (graph.scalar(1.0).unwrap(), graph.scalar(0.0).unwrap());
        let shown = apply(&mut graph, "Where", 16, &[result, yes, no], &[]).unwrap();
        graph.set_output("y", shown);
        evaluate(&graph, &[]).unwrap().remove(0).data().to_vec()
    };
    assert_eq!(table("And", 2), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(table("Or", 2), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(table("Xor", 2), [0.0, 1.0, 1.0, 0.0]);
    assert_eq!(table("Equal", 2), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(table("Not", 1), [1.0, 1.0, 0.0, 0.0]);
}

#[test]
fn a_choice_between_truth_values_is_a_truth_value() {
    let mut graph = Graph::new();
    let x = graph.constant(row(&[-2.0, -0.5, 0.5, 2.0])).unwrap();
    let (zero, unit) = (graph.scalar(0.0).unwrap(), graph.scalar(1.0).unwrap());
    let positive = apply(&mut graph, "GreaterOrEqual", 16, &[x, zero], &[]).unwrap();
    let large = apply(&mut graph, "Greater", 16, &[x, unit], &[]).unwrap();
    let not_positive = apply(&mut graph, "Not", 16, &[positive], &[]).unwrap();
    let chosen = apply(&mut graph, "Where", 16, &[positive, large, not_positive], &[]).unwrap();
    let shown = apply(&mut graph, "Where", 16, &[chosen, x, zero], &[]).unwrap();
    graph.set_output("y", shown);
    assert_eq!(evaluate(&graph, &[]).unwrap().remove(0), row(&[-2.0, -0.5, 0.0, 2.0]));
}

#[test]
fn known_masks_and_integers_become_nodes_where_numbers_are_chosen() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[3]).unwrap()).unwrap();
    let mask = Integers::truths(vec![3], &[true, false, true]).unwrap();
    let mut node = |kind: &str, inputs: Vec<Value>| {
        let inputs = inputs.into_iter().map(Some).collect();
        let operator =
            Operator { kind, inputs, output_count: 1, attributes: BTreeMap::new(), opset: 17, frozen_batch: None };
        legalize(&mut graph, &operator).unwrap().remove(0)
    };
    let zero = Integers::scalar(Length::Known(0));
    let positive = node("Greater", vec![Value::Node(x), Value::Integers(zero.clone())]);
    let both = node("And", vec![Value::Integers(mask.clone()), positive]);
    let either = node("Where", vec![both.clone(), Value::Integers(mask), both]);
    let squares = node("Pow", vec![Value::Node(x), Value::Integers(Integers::scalar(Length::Known(2)))]);
    let Value::Node(chosen) = node("Where", vec![either, squares, Value::Integers(zero)]) else { panic!() };
    graph.set_output("y", chosen);
    let x = Tensor::new(vec![2, 3], vec![1.0, 2.0, 3.0, -1.0, -2.0, 3.0]).unwrap();
    assert_eq!(evaluate(&graph, &[("x", &x)]).unwrap()[0].data(), [1.0, 0.0, 9.0, 0.0, 0.0, 9.0]);
}

#[test]
fn what_is_no_finite_number_is_told_apart() {
    let x = row(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -f64::MAX]);
    let found = |kind: &str, attributes: &[(&str, Attribute)]| {
        let mut graph = Graph::new();
        let node = graph.input("x", Shape::fixed(&[5]).unwrap()).unwrap();
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let inputs = vec![Some(Value::Node(node))];
        let operator = Operator { kind, inputs, output_count: 1, attributes, opset: 17, frozen_batch: None };
        let Value::Node(truth) = legalize(&mut graph, &operator).unwrap().remove(0) else { panic!() };
        let (yes, no) = (graph.scalar(1.0).unwrap(), graph.scalar(0.0).unwrap());
        let counted = graph.select(truth, yes, no).unwrap();
        graph.set_output("y", counted);
        // The optimizer keeps the meaning where the number is none.
        let graph = crate::optimize::optimize(&graph).unwrap();
        let x = Tensor::new(vec![5], x.data().to_vec()).unwrap();
        evaluate(&graph, &[("x", &x)]).unwrap()[0].data().to_vec()
    };
    assert_eq!(found("IsNaN", &[]), [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(found("IsInf", &[]), [0.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(found("IsInf", &[("detect_negative", Attribute::Integer(0))]), [0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(found("IsInf", &[("detect_positive", Attribute::Integer(0))]), [0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn what_has_no_meaning_is_refused_with_its_reason() {
    let x = row(&[1.0]);
    let message =
        |kind: &str, attributes: &[(&str, Attribute)]| value(kind, 20, &[&x], attributes).unwrap_err().to_string();
    assert!(message("Celu", &[("alpha", real(0.0))]).contains("divides by it"));
    assert!(message("Gelu", &[("approximate", Attribute::Text("fast".to_owned()))]).contains("`none` or `tanh`"));
    assert!(message("Gelu", &[("approximate", Attribute::Integer(1))]).contains("`none` or `tanh`"));
    let neither = [("detect_negative", Attribute::Integer(0)), ("detect_positive", Attribute::Integer(0))];
    assert!(message("IsInf", &neither).contains("neither sign"));
    assert!(message("Sin", &[("alpha", real(1.0))]).contains("attribute `alpha` is not supported"));
}
