//! The table, and the arithmetic of lists of integers.

mod activation;
mod elementwise;
mod operators;
mod refusals;

use std::collections::BTreeMap;

use super::integers::clamp;
use super::*;

#[test]
fn the_table_is_sorted_and_names_each_operator_once() {
    let mut names: Vec<&str> = TABLES.iter().copied().flatten().map(|row| row.0).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(TABLES.iter().all(|rows| rows.windows(2).all(|pair| pair[0].0 < pair[1].0)));
    assert!(supported().starts_with("Abs, Acos, "));
}

#[test]
fn axes_count_from_either_end() {
    assert_eq!(axis_of(-1, 3).unwrap(), 2);
    assert_eq!(axis_of(2, 3).unwrap(), 2);
    for axis in [3, -4, i64::MIN, i64::MAX] {
        assert!(axis_of(axis, 3).is_err(), "{axis}");
    }
}

#[test]
fn slices_are_clamped_as_the_specification_says() {
    assert_eq!(clamp(1, i64::MAX, 5), (1, 5));
    assert_eq!(clamp(-2, -1, 5), (3, 4));
    assert_eq!(clamp(i64::MIN, 2, 5), (0, 2));
}

#[test]
fn a_split_has_as_many_parts_as_it_says_and_none_below_one() {
    let split = |parts: Option<Vec<i64>>, count: Option<i64>| {
        let mut graph = Graph::new();
        let x = graph.input("x", crate::graph::Shape::batched(&[4]).unwrap()).unwrap();
        let mut attributes = BTreeMap::from([("axis".to_owned(), Attribute::Integer(1))]);
        attributes.extend(parts.map(|parts| ("split".to_owned(), Attribute::Integers(parts))));
        attributes.extend(count.map(|count| ("num_outputs".to_owned(), Attribute::Integer(count))));
        let inputs = vec![
            Some(Value::Node(x)),
            attributes.remove("split").map(|parts| match parts {
                Attribute::Integers(parts) => Value::Integers(Integers::of(&parts)),
                other => panic!("{other:?}"),
            }),
        ];
        legalize(
            &mut graph,
            &Operator { kind: "Split", inputs, output_count: 2, attributes, opset: 17, frozen_batch: None },
        )
    };
    assert_eq!(split(Some(vec![2, 2]), None).unwrap().len(), 2);
    assert_eq!(split(None, Some(2)).unwrap().len(), 2);
    assert!(split(Some(vec![-7, 2, 2]), None).unwrap_err().to_string().contains("-7"));
    assert!(split(None, Some(3)).unwrap_err().to_string().contains("num_outputs"));
    assert!(split(None, Some(-2)).is_err());
}
