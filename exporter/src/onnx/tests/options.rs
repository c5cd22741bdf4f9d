//! What may be asked for when a file is read: arguments, parameters, notes.

use std::collections::BTreeMap;

use super::super::{Argument, ReadOptions, Weights, warnings};
use super::file::{File, X, info};
use crate::evaluate::evaluate;
use crate::graph::Tensor;
use crate::legalize::{Integers, Length, Smoothness};

fn given(arguments: &[(&str, Argument)]) -> ReadOptions {
    let arguments = arguments.iter().map(|(name, argument)| ((*name).to_owned(), argument.clone()));
    ReadOptions { arguments: Some(arguments.collect::<BTreeMap<_, _>>()), ..ReadOptions::default() }
}

#[test]
fn arguments_make_every_input_literal_and_integers_known() {
    let file = || {
        let mut file = File::new(None).node("Reshape", "x target", "y", &[]);
        file.graph.input.push(info("target", &[Some(1)]));
        file
    };
    let target = Argument::Known(Integers::of(&[8]));
    let graph = file().read_with(&given(&[("x", Argument::Reals(vec![2, 4])), ("target", target)])).unwrap().graph;
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    let y = evaluate(&graph, &[("x", &x)]).unwrap().remove(0);
    assert_eq!((y.shape(), y.data()), (&[8][..], &X[..]));
    let missing = file().read_with(&given(&[("x", Argument::Reals(vec![2, 4]))])).unwrap_err().to_string();
    assert!(missing.contains("`target`") && missing.contains("no value"), "{missing}");
}

#[test]
fn integers_and_truth_values_are_shown_as_numbers() {
    let shape = File::new(None).node("Shape", "x", "y", &[]);
    let graph = shape.read_with(&given(&[("x", Argument::Reals(vec![2, 4]))])).unwrap().graph;
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    assert_eq!(evaluate(&graph, &[("x", &x)]).unwrap()[0].data(), &[2.0, 4.0]);
    let positive = File::new(None).floats("zero", &[], &[0.0]).node("Greater", "x zero", "y", &[]);
    let graph = positive.read_with(&given(&[("x", Argument::Reals(vec![2, 4]))])).unwrap().graph;
    let wanted = X.map(|value| f64::from(value > 0.0));
    assert_eq!(evaluate(&graph, &[("x", &x)]).unwrap()[0].data(), wanted);
    let batch = Argument::Known(Integers::list(vec![Length::Batch]));
    let open = File::new(None).node("Identity", "x", "y", &[]);
    assert!(open.read_with(&given(&[("x", batch)])).is_err());
}

#[test]
fn weights_become_parameters_where_they_are_asked_for() {
    let file = || {
        File::new(None)
            .floats("w", &[4, 1], &[1.0, 2.0, 3.0, 4.0])
            .floats("scale", &[], &[0.5])
            .integers("axes", &[1], &[1])
            .node("MatMul", "x w", "column", &[])
            .node("Mul", "column scale", "scaled", &[])
            .node("Squeeze", "scaled axes", "y", &[])
    };
    let imported = file().read_with(&ReadOptions { weights: Weights::Parameters, ..ReadOptions::default() }).unwrap();
    let names: Vec<&str> = imported.graph.parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["w"]);
    assert_eq!(imported.parameters, [("w".to_owned(), Tensor::new(vec![4, 1], vec![1.0, 2.0, 3.0, 4.0]).unwrap())]);
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    let value = &imported.parameters[0].1;
    let found = evaluate(&imported.graph, &[("x", &x), ("w", value)]).unwrap().remove(0);
    assert_eq!(found.data(), evaluate(&file().read().unwrap(), &[("x", &x)]).unwrap()[0].data());
    assert_eq!(file().read().unwrap().parameters().len(), 0);
}

#[test]
fn what_is_not_smooth_in_the_state_is_noted_and_nothing_else() {
    let file = File::new(None)
        .floats("w", &[4], &[1.0, -2.0, 3.0, 4.0])
        .floats("zero", &[], &[0.0])
        .node("Relu", "w", "settled", &[])
        .node("Add", "x settled", "sum", &[])
        .node("Relu", "sum", "first", &[])
        .node("Relu", "first", "second", &[])
        .node("Floor", "second", "steps", &[])
        .node("Greater", "steps zero", "truth", &[])
        .node("Cast", "truth", "numbers", &[("to", 1)])
        .node("Greater", "w zero", "fixed", &[])
        .node("Where", "fixed numbers first", "chosen", &[])
        .node("Where", "truth chosen first", "y", &[]);
    let notes = file.read_with(&ReadOptions::default()).unwrap().notes;
    let found: Vec<(&str, &str, Smoothness)> =
        notes.iter().map(|note| (note.node.as_str(), note.operator.as_str(), note.smoothness)).collect();
    assert_eq!(
        found,
        [
            ("first", "Relu", Smoothness::Kink),
            ("second", "Relu", Smoothness::Kink),
            ("steps", "Floor", Smoothness::Jump),
            ("numbers", "Cast", Smoothness::Jump),
            ("y", "Where", Smoothness::Kink),
        ]
    );
    let lines = warnings(&notes);
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().any(|line| line.contains("Relu (node `first` and 1 more)") && line.contains("discontinuous")));
    let smooth = File::new(None).node("Tanh", "x", "y", &[]);
    assert!(smooth.read_with(&ReadOptions::default()).unwrap().notes.is_empty());
}
