//! What is written is what is read, and nothing that is read can do harm.

pub(crate) mod cases;
mod emission;
mod file;
mod foreign;
mod functions;
mod hostile;
mod known;
mod options;
mod weights;

use prost::Message;

use super::proto::ModelProto;
use super::{Batch, OnnxError, Precision, WriteOptions, read, signature, write};
use crate::evaluate::evaluate;
use crate::graph::{Graph, Shape, Tensor};
use cases::Case;

fn f64_options() -> WriteOptions {
    WriteOptions { precision: Precision::F64, ..WriteOptions::default() }
}

fn values(graph: &Graph, case: &Case) -> Vec<Tensor> {
    let inputs: Vec<(&str, &Tensor)> = case.inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    evaluate(graph, &inputs).unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

fn operators(bytes: &[u8]) -> Vec<String> {
    let model = ModelProto::decode(bytes).unwrap();
    model.graph.unwrap().node.into_iter().map(|node| node.op_type.unwrap()).collect()
}

#[test]
fn what_is_written_reads_back_with_the_same_meaning() {
    for case in cases::all() {
        for opset in [13, 17, 26] {
            let bytes = write(&case.graph, &WriteOptions { opset, ..f64_options() }).unwrap();
            let back = read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            let names = |graph: &Graph| graph.inputs().iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
            assert_eq!(names(&back), names(&case.graph), "{}", case.name);
            for ((name, id), (back_name, back_id)) in case.graph.outputs().iter().zip(back.outputs()) {
                assert_eq!(name, back_name);
                assert_eq!(case.graph.shape(*id), back.shape(*back_id), "{}", case.name);
            }
            for (written, returned) in values(&case.graph, &case).iter().zip(&values(&back, &case)) {
                for (a, b) in written.data().iter().zip(returned.data()) {
                    assert!((a - b).abs() <= 1e-14 * (1.0 + a.abs()), "{}: {a} {b}", case.name);
                }
            }
        }
    }
}

#[test]
fn an_mlp_gradient_is_the_twelve_operators_one_writes_by_hand() {
    let bytes = write(&cases::mlp_gradient(32), &WriteOptions::default()).unwrap();
    let hand = "Gemm Tanh Gemm Tanh Mul Sub Mul MatMul Mul Sub Mul MatMul";
    let mut wanted: Vec<&str> = hand.split(' ').collect();
    let written = operators(&bytes);
    let mut found: Vec<&str> = written.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
}

#[test]
fn every_weight_is_stored_once_and_none_is_transposed() {
    let case = cases::all().into_iter().find(|case| case.name == "dense_and_adjoint_share_a_weight").unwrap();
    let bytes = write(&case.graph, &WriteOptions::default()).unwrap();
    assert_eq!(operators(&bytes), ["Gemm", "MatMul"]);
    let graph = ModelProto::decode(&bytes[..]).unwrap().graph.unwrap();
    assert_eq!(graph.initializer.len(), 1);
    for case in cases::all() {
        let graph =
            ModelProto::decode(&write(&case.graph, &WriteOptions::default()).unwrap()[..]).unwrap().graph.unwrap();
        let stored: Vec<_> = graph.initializer.iter().map(|tensor| tensor.name.clone().unwrap()).collect();
        let transposed = graph.node.iter().filter(|node| node.op_type() == "Transpose");
        assert!(transposed.flat_map(|node| &node.input).all(|input| !stored.contains(input)), "{}", case.name);
    }
}

#[test]
fn encodings_take_the_fewest_operators() {
    for (name, wanted) in [
        ("dense", vec!["Gemm"]),
        ("plain_product_with_bias", vec!["Gemm"]),
        ("product_used_twice_keeps_its_bias_apart", vec!["Gemm", "Add", "Mul"]),
        ("sum_keeps_its_axis", vec!["ReduceSum"]),
        ("stretched_by_its_user", vec!["ReduceSum", "Mul"]),
        ("both_sides_stretched", vec!["ReduceSum", "Exp", "ReduceSum", "Expand", "Sub"]),
        ("constant_stretched_over_the_batch", vec!["Shape", "Slice", "Concat", "Expand"]),
    ] {
        let case = cases::all().into_iter().find(|case| case.name == name).unwrap();
        assert_eq!(operators(&write(&case.graph, &WriteOptions::default()).unwrap()), wanted, "{name}");
    }
}

#[test]
fn a_fixed_batch_is_written_as_such_and_reads_as_a_batch() {
    let case = cases::all().into_iter().find(|case| case.name == "concat_of_slices").unwrap();
    for rows in [1, 5] {
        let bytes = write(&case.graph, &WriteOptions { batch: Batch::Fixed(rows), ..f64_options() }).unwrap();
        let declared = signature(&bytes).unwrap().inputs.remove(0);
        assert!(declared.admits(&[rows, 4]) && !declared.admits(&[rows + 1, 4]));
        let back = read(&bytes).unwrap();
        let (_, x) = back.inputs()[0];
        assert_eq!(*back.shape(x), Shape::batched(&[4]).unwrap());
    }
}

#[test]
fn names_and_metadata_are_checked_and_kept() {
    let mut graph = Graph::new();
    let x = graph.input("input.1", Shape::batched(&[2]).unwrap()).unwrap();
    graph.set_output("y", x);
    assert!(matches!(write(&graph, &WriteOptions::default()), Err(OnnxError::Value { name, .. }) if name == "input.1"));

    let mut unbound = Graph::new();
    let weight = unbound.parameter("w", &[2]).unwrap();
    let doubled = unbound.scale(weight, 2.0).unwrap();
    unbound.set_output("y", doubled);
    let message = write(&unbound, &WriteOptions::default()).unwrap_err().to_string();
    assert!(message.contains("`w`") && message.contains("trained weights"), "{message}");

    let mut options = WriteOptions::default();
    options.metadata.insert("dof".to_owned(), "1".to_owned());
    let model = ModelProto::decode(&write(&cases::mlp_gradient(3), &options).unwrap()[..]).unwrap();
    assert_eq!(model.metadata_props[0].key(), "hnn.dof");
    assert_eq!((model.ir_version, model.opset_import[0].version), (Some(8), Some(17)));
    assert!(model.graph.unwrap().value_info.is_empty());
}

#[test]
fn a_weight_beyond_f32_is_refused_rather_than_made_infinite() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[1]).unwrap()).unwrap();
    let y = graph.scale(x, 1e300).unwrap();
    graph.set_output("y", y);
    assert!(matches!(write(&graph, &WriteOptions::default()), Err(OnnxError::Value { .. })));
    assert!(write(&graph, &f64_options()).is_ok());
}
