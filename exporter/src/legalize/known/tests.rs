//! Arrays against the examples of the specification and what NumPy gives for the same arguments.

use std::collections::BTreeMap;

use super::super::{Attribute, Element, Integers, Length, MAX_INTEGERS, Operator, Value};
use super::*;

fn array(shape: &[usize], values: &[i64]) -> Integers {
    Integers::new(shape.to_vec(), values.iter().map(|value| Length::Known(*value)).collect()).unwrap()
}

fn counting(shape: &[usize]) -> Integers {
    let len: usize = shape.iter().product();
    Integers::new(shape.to_vec(), (0..len).map(|at| Length::from(crate::graph::Dim::Fixed(at))).collect()).unwrap()
}

fn run_with(kind: &str, inputs: &[&Integers], attributes: &[(&str, i64)], outputs: usize) -> Result<Vec<Integers>> {
    let operator = Operator {
        kind,
        inputs: inputs.iter().map(|input| Some(Value::Integers((*input).clone()))).collect(),
        output_count: outputs,
        attributes: attributes
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Attribute::Integer(*value)))
            .collect::<BTreeMap<_, _>>(),
        opset: 18,
        frozen_batch: None,
    };
    let results = interpret(&operator).expect("a known operator")?;
    Ok(results
        .into_iter()
        .map(|result| match result {
            Value::Integers(integers) => integers,
            Value::Node(_) => panic!("a node"),
        })
        .collect())
}

/// Shape and values of the only result.
fn run(kind: &str, inputs: &[&Integers], attributes: &[(&str, i64)]) -> (Vec<usize>, Vec<i64>) {
    let result = run_with(kind, inputs, attributes, 1).unwrap().remove(0);
    (result.shape().to_vec(), result.known().unwrap())
}

fn refusal(kind: &str, inputs: &[&Integers], attributes: &[(&str, i64)]) -> String {
    run_with(kind, inputs, attributes, 1).unwrap_err().to_string()
}

#[test]
fn tables_are_sorted_and_name_each_operator_once() {
    let mut names: Vec<&str> = TABLES.iter().copied().flatten().map(|row| row.0).collect();
    assert!(TABLES.iter().all(|rows| rows.windows(2).all(|pair| pair[0].0 < pair[1].0)));
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn division_cuts_off_and_remainders_take_the_sign_asked_for() {
    let (a, b) = (Integers::of(&[7, -7, 7, -7]), Integers::of(&[3, 3, -3, -3]));
    assert_eq!(run("Div", &[&a, &b], &[]).1, [2, -2, -2, 2]);
    assert_eq!(run("Mod", &[&a, &b], &[]).1, [1, 2, -2, -1]);
    assert_eq!(run("Mod", &[&a, &b], &[("fmod", 1)]).1, [1, -1, 1, -1]);
    assert!(refusal("Div", &[&a, &Integers::of(&[0])], &[]).contains("divides by 0"));
}

#[test]
fn arithmetic_stretches_and_does_not_wrap() {
    let (column, row) = (array(&[2, 1], &[10, 20]), Integers::of(&[1, 2, 3]));
    assert_eq!(run("Add", &[&column, &row], &[]), (vec![2, 3], vec![11, 12, 13, 21, 22, 23]));
    assert_eq!(run("Max", &[&row, &Integers::of(&[2]), &Integers::of(&[0, 5, 0])], &[]).1, [2, 5, 3]);
    assert_eq!(run("Pow", &[&row, &Integers::of(&[3])], &[]).1, [1, 8, 27]);
    for (kind, a, b) in
        [("Add", i64::MAX, 1), ("Mul", i64::MAX, 2), ("Pow", 10, 19), ("Pow", 2, -1), ("Div", i64::MIN, -1)]
    {
        assert!(refusal(kind, &[&Integers::of(&[a]), &Integers::of(&[b])], &[]).contains("overflow"), "{kind}");
    }
    assert!(refusal("Add", &[&row, &Integers::of(&[1, 2])], &[]).contains("broadcast"));
}

#[test]
fn the_batch_is_carried_where_its_number_does_not_matter() {
    let batch = Integers::list(vec![Length::Batch]);
    let same = |kind: &str, other: i64| {
        run_with(kind, &[&batch, &Integers::of(&[other])], &[], 1).map(|mut all| all.remove(0))
    };
    for (kind, other) in [("Add", 0), ("Sub", 0), ("Mul", 1), ("Div", 1), ("Max", 1), ("Max", -5)] {
        assert_eq!(same(kind, other).unwrap(), batch, "{kind} {other}");
    }
    for (kind, other, value) in [("Mul", 0, 0), ("Mod", 1, 0), ("Pow", 0, 1), ("Min", 1, 1), ("Min", -3, -3)] {
        assert_eq!(same(kind, other).unwrap(), Integers::of(&[value]), "{kind} {other}");
    }
    for (kind, other, truth) in [
        ("Equal", -1, false),
        ("Equal", 0, false),
        ("Greater", 0, true),
        ("GreaterOrEqual", 1, true),
        ("Less", 1, false),
        ("LessOrEqual", 0, false),
    ] {
        assert_eq!(same(kind, other).unwrap(), Integers::truths(vec![1], &[truth]).unwrap(), "{kind} {other}");
    }
    for (kind, other) in [("Add", 1), ("Mul", 2), ("Div", 2), ("Equal", 1), ("Greater", 1), ("Max", 2), ("Min", 2)] {
        assert!(same(kind, other).unwrap_err().to_string().contains("number of rows"), "{kind} {other}");
    }
    assert_eq!(run("Sub", &[&batch, &batch], &[]).1, [0]);
    assert_eq!(run("Equal", &[&batch, &batch], &[]).1, [1]);
}

#[test]
fn truth_values_follow_their_logic() {
    let a = Integers::truths(vec![4], &[false, false, true, true]).unwrap();
    let b = Integers::truths(vec![4], &[false, true, false, true]).unwrap();
    for (kind, wanted) in [("And", [0, 0, 0, 1]), ("Or", [0, 1, 1, 1]), ("Xor", [0, 1, 1, 0])] {
        let result = run_with(kind, &[&a, &b], &[], 1).unwrap().remove(0);
        assert!(result.is_truth());
        assert_eq!(result.known().unwrap(), wanted, "{kind}");
    }
    assert_eq!(run("Not", &[&a], &[]).1, [1, 1, 0, 0]);
    assert_eq!(run("Where", &[&b, &Integers::of(&[1, 2, 3, 4]), &Integers::of(&[-1])], &[]).1, [-1, 2, -1, 4]);
    assert_eq!(run_with("Cast", &[&Integers::of(&[0, 5])], &[("to", 9)], 1).unwrap()[0].element(), Element::Truth);
    assert!(refusal("Cast", &[&Integers::of(&[300])], &[("to", 2)]).contains("uint8"));
}

#[test]
fn elements_are_picked_as_the_specification_says() {
    let x = counting(&[2, 3]);
    assert_eq!(run("Gather", &[&x, &array(&[2, 1], &[-1, 0])], &[("axis", 1)]), (vec![2, 2, 1], vec![2, 0, 5, 3]));
    assert_eq!(run("Gather", &[&x, &Integers::scalar(Length::Known(1))], &[]), (vec![3], vec![3, 4, 5]));
    assert_eq!(run("GatherElements", &[&x, &array(&[1, 3], &[1, 0, -1])], &[("axis", 0)]), (vec![1, 3], vec![3, 1, 5]));
    assert_eq!(run("GatherND", &[&x, &array(&[2, 2], &[0, 0, 1, 2])], &[]), (vec![2], vec![0, 5]));
    assert_eq!(run("GatherND", &[&x, &array(&[2, 1], &[2, 0])], &[("batch_dims", 1)]), (vec![2], vec![2, 3]));
    let scattered =
        run("ScatterND", &[&Integers::of(&[0, 0, 0, 0]), &array(&[2, 1], &[3, 1]), &Integers::of(&[8, 9])], &[]);
    assert_eq!(scattered.1, [0, 9, 0, 8]);
    let operator = Operator {
        kind: "ScatterND",
        inputs: [Integers::of(&[1, 2]), array(&[2, 1], &[1, 1]), Integers::of(&[5, 6])]
            .map(|input| Some(Value::Integers(input)))
            .to_vec(),
        output_count: 1,
        attributes: BTreeMap::from([("reduction".to_owned(), Attribute::Text("add".to_owned()))]),
        opset: 18,
        frozen_batch: None,
    };
    assert_eq!(interpret(&operator).unwrap().unwrap(), [Value::Integers(Integers::of(&[1, 13]))]);
    assert!(refusal("Gather", &[&x, &Integers::of(&[2])], &[]).contains("beyond"));
    let batch = Integers::list(vec![Length::Batch]);
    assert!(refusal("Gather", &[&x, &batch], &[]).contains("batch"));
}

#[test]
fn slices_go_either_way() {
    let slice = |start: i64, end: i64, step: i64| {
        let bounds = [start, end, 0, step].map(|value| Integers::of(&[value]));
        run("Slice", &[&Integers::of(&[0, 1, 2, 3, 4]), &bounds[0], &bounds[1], &bounds[2], &bounds[3]], &[]).1
    };
    assert_eq!(slice(1, i64::MAX, 2), [1, 3]);
    assert_eq!(slice(-1, i64::MIN, -1), [4, 3, 2, 1, 0]);
    assert_eq!(slice(i64::MAX, 0, -2), [4, 2]);
    assert_eq!(slice(3, -4, -1), [3, 2]);
    assert_eq!(slice(0, 0, 1), [0i64; 0]);
    // Backwards, the specification clamps a start below the first element to that element.
    assert_eq!(slice(-10, i64::MIN, -1), [0]);
    let bounds = [-1, i64::MIN, 0, -1].map(|value| Integers::of(&[value]));
    assert_eq!(run("Slice", &[&Integers::of(&[]), &bounds[0], &bounds[1], &bounds[2], &bounds[3]], &[]).0, [0]);
    assert_eq!(slice(4, 0, i64::MIN), [4]);
}

#[test]
fn shapes_change_as_in_numpy() {
    let x = counting(&[2, 3]);
    assert_eq!(run("Transpose", &[&x], &[]), (vec![3, 2], vec![0, 3, 1, 4, 2, 5]));
    assert_eq!(run("Reshape", &[&x, &Integers::of(&[0, -1, 1])], &[]).0, [2, 3, 1]);
    assert_eq!(run("Flatten", &[&counting(&[2, 3, 2])], &[("axis", 2)]).0, [6, 2]);
    assert_eq!(run("Unsqueeze", &[&x, &Integers::of(&[0, -1])], &[]).0, [1, 2, 3, 1]);
    assert_eq!(run("Squeeze", &[&counting(&[1, 3, 1])], &[]).0, [3]);
    assert_eq!(run("Expand", &[&array(&[2, 1], &[5, 6]), &Integers::of(&[2])], &[]), (vec![2, 2], vec![5, 5, 6, 6]));
    assert_eq!(run("Tile", &[&Integers::of(&[1, 2]), &Integers::of(&[2])], &[]).1, [1, 2, 1, 2]);
    assert_eq!(run("Concat", &[&x, &array(&[2, 1], &[8, 9])], &[("axis", -1)]).1, [0, 1, 2, 8, 3, 4, 5, 9]);
    let parts = run_with("Split", &[&Integers::of(&[1, 2, 3])], &[("num_outputs", 2)], 2).unwrap();
    assert_eq!(parts, [Integers::of(&[1, 2]), Integers::of(&[3])]);
    assert_eq!(run("Shape", &[&x], &[("start", -1)]).1, [3]);
    assert_eq!(run("Size", &[&x], &[]), (vec![], vec![6]));
    for (kind, other) in [("Reshape", 4), ("Squeeze", 0), ("Unsqueeze", 9), ("Tile", 2)] {
        assert!(run_with(kind, &[&x, &Integers::of(&[other])], &[], 1).is_err(), "{kind}");
    }
}

#[test]
fn reductions_and_running_sums_are_those_of_numpy() {
    let x = counting(&[2, 3]);
    assert_eq!(run("ReduceSum", &[&x, &Integers::of(&[1])], &[("keepdims", 0)]), (vec![2], vec![3, 12]));
    assert_eq!(run("ReduceMax", &[&x], &[]), (vec![1, 1], vec![5]));
    assert_eq!(run("ReduceProd", &[&Integers::of(&[2, 3, 4])], &[("keepdims", 0)]), (vec![], vec![24]));
    let shape = Integers::list(vec![Length::Batch, Length::Known(1)]);
    let rows = run_with("ReduceProd", &[&shape], &[("keepdims", 0)], 1).unwrap();
    assert_eq!(rows[0], Integers::scalar(Length::Batch));
    let axis = Integers::scalar(Length::Known(1));
    assert_eq!(run("CumSum", &[&x, &axis], &[]).1, [0, 1, 3, 3, 7, 12]);
    assert_eq!(run("CumSum", &[&x, &axis], &[("reverse", 1), ("exclusive", 1)]).1, [3, 2, 0, 9, 5, 0]);
    let ties = Integers::of(&[1, 3, 3, 0]);
    assert_eq!(run("ArgMax", &[&ties], &[("keepdims", 0)]), (vec![], vec![1]));
    assert_eq!(run("ArgMax", &[&ties], &[("keepdims", 0), ("select_last_index", 1)]).1, [2]);
    assert_eq!(run("ArgMin", &[&ties], &[]).1, [3]);
}

#[test]
fn arrays_are_made_from_their_description() {
    let number = |value: i64| Integers::scalar(Length::Known(value));
    assert_eq!(run("Range", &[&number(5), &number(-1), &number(-2)], &[]).1, [5, 3, 1]);
    assert!(refusal("Range", &[&number(0), &number(1), &number(0)], &[]).contains("step of 0"));
    assert_eq!(run("Trilu", &[&counting(&[2, 2])], &[("upper", 0)]).1, [0, 0, 2, 3]);
    assert_eq!(run("Trilu", &[&counting(&[2, 2]), &number(1)], &[]).1, [0, 1, 0, 0]);
    assert_eq!(run("EyeLike", &[&counting(&[2, 3])], &[("k", 1)]).1, [0, 1, 0, 0, 0, 1]);
    assert_eq!(run("NonZero", &[&array(&[2, 2], &[0, 7, 8, 0])], &[]), (vec![2, 2], vec![0, 1, 1, 0]));
}

#[test]
fn arrays_have_limits() {
    assert!(Integers::new(vec![MAX_INTEGERS + 1], Vec::new()).is_err());
    assert!(Integers::new(vec![0, usize::MAX, usize::MAX], Vec::new()).is_err());
    assert!(Integers::new(vec![1; 7], vec![Length::Known(1)]).is_err());
    let full = counting(&[MAX_INTEGERS]);
    assert!(refusal("Concat", &[&full, &Integers::of(&[1])], &[]).contains("limit"));
    assert!(refusal("Expand", &[&Integers::of(&[1]), &Integers::of(&[1 << 40])], &[]).contains("limit"));
    assert!(refusal("Tile", &[&full, &Integers::of(&[i64::MAX])], &[]).contains("limit"));
}

#[test]
fn what_gives_numbers_is_left_to_the_graph() {
    let operator = |kind, to| Operator {
        kind,
        inputs: vec![Some(Value::Integers(Integers::of(&[1])))],
        output_count: 1,
        attributes: BTreeMap::from([("to".to_owned(), Attribute::Integer(to))]),
        opset: 17,
        frozen_batch: None,
    };
    assert!(interpret(&operator("Cast", 1)).is_none());
    assert!(interpret(&operator("Cast", 7)).is_some());
    assert!(interpret(&operator("Tanh", 7)).is_none());
}
