//! Precisions, opsets, profiles and rollouts: what is in the file, held against what was asked for.

use prost::Message;

use super::super::proto::{GraphProto, ModelProto};
use super::*;
use crate::dynamics::{self, Model, Scheme, StepLength};
use crate::graph::{Op, Unary};
use crate::onnx::{
    MAX_OPSET, MIN_WRITTEN_OPSET, OPERATORS, Profile, ir_version, read_rollout, rollout_ports, write_listing,
    write_rollout,
};
use crate::optimize::optimize;

fn decoded(bytes: &[u8]) -> GraphProto {
    ModelProto::decode(bytes).unwrap().graph.unwrap()
}

fn st(rows: usize) -> WriteOptions {
    WriteOptions { profile: Profile::St, batch: Batch::Fixed(rows), ..WriteOptions::default() }
}

fn model(text: &str) -> Model {
    crate::expression::parse(text, &Default::default()).unwrap()
}

fn step(text: &str, scheme: Scheme) -> Graph {
    optimize(&dynamics::step(&model(text), scheme, StepLength::Scalar).unwrap()).unwrap()
}

#[test]
fn the_file_format_is_that_of_the_opset() {
    // VERSION_TABLE of the `onnx` package, release 1.22.0.
    let known = [7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13];
    let graph = cases::mlp_gradient(2);
    for (opset, wanted) in (MIN_WRITTEN_OPSET..=MAX_OPSET).zip(known) {
        let bytes = write(&graph, &WriteOptions { opset, ..WriteOptions::default() }).unwrap();
        assert_eq!(ModelProto::decode(&bytes[..]).unwrap().ir_version, Some(wanted), "opset {opset}");
        assert_eq!(ir_version(opset), wanted);
    }
    let asked = WriteOptions { ir_version: Some(10), ..WriteOptions::default() };
    assert_eq!(ModelProto::decode(&write(&graph, &asked).unwrap()[..]).unwrap().ir_version, Some(10));
    for opset in [12, 27] {
        assert!(write(&graph, &WriteOptions { opset, ..WriteOptions::default() }).is_err());
    }
    for rows in [0, crate::graph::MAX_ELEMENTS + 1, usize::MAX] {
        assert!(write(&graph, &WriteOptions { batch: Batch::Fixed(rows), ..WriteOptions::default() }).is_err());
    }
}

#[test]
fn every_node_of_every_case_is_in_the_table_and_says_what_it_computes() {
    for case in cases::all() {
        for node in decoded(&write(&case.graph, &WriteOptions::default()).unwrap()).node {
            assert!(OPERATORS.iter().any(|(name, _)| *name == node.op_type()), "{}", node.op_type());
            let line = format!("{} = ", node.output[0]);
            assert!(node.doc_string().starts_with(&line) && node.doc_string().len() > line.len(), "{node:?}");
        }
    }
}

#[test]
fn a_weight_beyond_f16_is_refused_and_a_tiny_one_stays_subnormal_or_is_named() {
    let f16 = WriteOptions { precision: Precision::F16, ..WriteOptions::default() };
    let scaled = |factor: f64| {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[1]).unwrap()).unwrap();
        let y = graph.scale(x, factor).unwrap();
        graph.set_output("y", y);
        write_listing(&graph, &f16)
    };
    let message = scaled(7e4).unwrap_err().to_string();
    assert!(message.contains("f16") && message.contains("7e4"), "{message}");
    let written = scaled(6e-8).unwrap();
    assert!(written.changes.is_empty(), "{:?}", written.changes);
    let graph = decoded(&written.bytes);
    // The smallest subnormal of binary16 is 2⁻²⁴ = 5.96e-8.
    assert_eq!((graph.initializer[0].data_type, graph.initializer[0].raw_data()), (Some(10), &[1, 0][..]));
    let changes = scaled(2e-8).unwrap().changes;
    assert!(changes.len() == 1 && changes[0].contains("1 of 1") && changes[0].contains("f16"), "{changes:?}");
}

#[test]
fn no_profile_leaves_a_weight_that_nothing_reads() {
    let constant = optimize(&dynamics::hamiltonian(&model("0*q + 0*p + 3")).unwrap()).unwrap();
    for graph in cases::all().into_iter().map(|case| case.graph).chain([constant]) {
        for options in [st(cases::ROWS), WriteOptions::default()] {
            let graph = decoded(&write(&graph, &options).unwrap());
            let reads = |name: &str| graph.node.iter().any(|node| node.input.iter().any(|input| input == name));
            let idle = graph.initializer.iter().find(|weight| !reads(weight.name()));
            assert!(idle.is_none(), "{} for {}", idle.map_or("", |weight| weight.name()), options.profile);
        }
    }
}

#[test]
fn softplus_in_f64_is_written_as_what_it_is_made_of() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[1]).unwrap()).unwrap();
    let y = graph.add(Op::Unary(Unary::Softplus), &[x]).unwrap();
    graph.set_output("y", y);
    let written = write_listing(&graph, &f64_options()).unwrap();
    assert_eq!(
        operators(&written.bytes),
        ["Abs", "Neg", "Exp", "Add", "Sub", "Sub", "Div", "Log", "Add", "Max", "Add"]
    );
    assert_eq!(written.changes.len(), 1);
    // ln(1 + eˣ) by arbitrary-precision arithmetic.
    let points = [
        (-800.0, 0.0),
        (-40.0, 4.248_354_255_291_589e-18),
        (-25.0, 1.388_794_386_486_758_3e-11),
        (-1.0, 0.313_261_687_518_222_8),
        (0.0, core::f64::consts::LN_2),
        (800.0, 800.0),
    ];
    let x = Tensor::new(vec![points.len(), 1], points.iter().map(|(x, _)| *x).collect()).unwrap();
    let found = evaluate(&read(&written.bytes).unwrap(), &[("x", &x)]).unwrap();
    for (found, (x, wanted)) in found[0].data().iter().zip(points) {
        assert!((found - wanted).abs() <= 2f64.powi(-51) * wanted, "{x}: {found}");
    }
    assert_eq!(operators(&write(&graph, &WriteOptions::default()).unwrap()), ["Softplus"]);
}

#[test]
fn what_onnx_runtime_lacks_in_f64_is_named() {
    for (function, operator) in [(Unary::Erf, "Erf"), (Unary::Atan, "Atan")] {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[1]).unwrap()).unwrap();
        let y = graph.add(Op::Unary(function), &[x]).unwrap();
        graph.set_output("y", y);
        let written = write_listing(&graph, &f64_options()).unwrap();
        assert_eq!(operators(&written.bytes), [operator]);
        assert!(written.changes.len() == 1 && written.changes[0].contains("ONNX Runtime"), "{:?}", written.changes);
        assert!(write_listing(&graph, &WriteOptions::default()).unwrap().changes.is_empty());
    }
}

#[test]
fn the_st_profile_keeps_the_meaning_and_its_limits() {
    for case in cases::all() {
        let bytes = write(&case.graph, &st(cases::ROWS)).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let back = read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for (written, returned) in values(&case.graph, &case).iter().zip(&values(&back, &case)) {
            for (a, b) in written.data().iter().zip(returned.data()) {
                assert!((a - b).abs() <= 1e-5 * (1.0 + a.abs()), "{}: {a} {b}", case.name);
            }
        }
        for info in decoded(&bytes).input {
            let Some(super::super::proto::type_proto::Value::TensorType(tensor)) = info.r#type.unwrap().value else {
                panic!("no tensor")
            };
            for dim in tensor.shape.unwrap().dim {
                assert!(matches!(
                    dim.value,
                    Some(super::super::proto::tensor_shape_proto::dimension::Value::DimValue(_))
                ));
            }
        }
    }
}

#[test]
fn a_product_above_rank_3_is_flattened_for_st_and_named() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2, 2, 3]).unwrap()).unwrap();
    let y = graph.add(Op::MatMul { transpose_lhs: false, transpose_rhs: true }, &[x, x]).unwrap();
    let weight = graph.constant(cases::Numbers::new(5).tensor(&[2, 4])).unwrap();
    let z = graph.matmul(y, weight).unwrap();
    graph.set_output("z", z);
    let case = cases::with_inputs("rank 4", graph);
    let written = write_listing(&case.graph, &st(cases::ROWS)).unwrap();
    assert_eq!(written.changes.len(), 2, "{:?}", written.changes);
    assert!(written.changes.iter().all(|change| change.contains("rank 3")));
    let back = read(&written.bytes).unwrap();
    for (a, b) in values(&case.graph, &case)[0].data().iter().zip(values(&back, &case)[0].data()) {
        assert!((a - b).abs() <= 1e-6, "{a} {b}");
    }
    assert!(write_listing(&case.graph, &WriteOptions::default()).unwrap().changes.is_empty());
}

#[test]
fn what_st_cannot_have_is_refused_by_name() {
    let graph = cases::mlp_gradient(2);
    let step = step("p^2/2 + 1 - cos(q)", Scheme::Leapfrog);
    let refusal = |options: WriteOptions| write(&graph, &options).unwrap_err().to_string();
    for (message, wanted) in [
        (refusal(WriteOptions { precision: Precision::F16, ..st(1) }), "f16"),
        (refusal(WriteOptions { opset: 21, ..st(1) }), "choose 13 to 20"),
        (refusal(st(65_536)), "65536 exceeds the limit of 65535"),
        (write_rollout(&step, &st(1)).unwrap_err().to_string(), "Scan"),
    ] {
        assert!(message.contains(wanted) && message.contains("`st`"), "{message}");
    }
    let one = write_listing(&graph, &WriteOptions { profile: Profile::St, ..WriteOptions::default() }).unwrap();
    assert!(one.changes[0].contains("fixed at 1"), "{:?}", one.changes);
}

#[test]
fn a_rollout_repeats_the_very_nodes_of_the_step() {
    for (text, scheme) in
        [("p^2/2 + 1 - cos(q)", Scheme::Leapfrog), ("(1+q^2)*p^2/2", Scheme::Midpoint { iterations: 4 })]
    {
        let step = step(text, scheme);
        let alone = decoded(&write(&step, &WriteOptions::default()).unwrap());
        let bytes = write_rollout(&step, &WriteOptions::default()).unwrap().bytes;
        let rollout = decoded(&bytes);
        assert_eq!(operators(&bytes), ["Scan"]);
        assert_eq!(rollout.initializer, alone.initializer, "weights stay outside, each once");
        let body = rollout.node[0].attribute[0].g.clone().unwrap();
        assert!(body.initializer.is_empty());
        let kinds = |graph: &GraphProto| {
            graph.node.iter().map(|node| (node.op_type().to_owned(), node.attribute.clone())).collect::<Vec<_>>()
        };
        let (inside, row) = (kinds(&body), body.node.last().unwrap());
        assert_eq!((&inside[..inside.len() - 1], row.op_type()), (&kinds(&alone)[..], "Identity"));
        let names = |ports: &[crate::onnx::RolloutPort]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
        let [inputs, outputs] = rollout_ports(&step).unwrap();
        let declared = |infos: &[super::super::proto::ValueInfoProto]| {
            infos.iter().map(|info| info.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((names(&inputs), names(&outputs)), (declared(&rollout.input), declared(&rollout.output)));
        assert!(read(&bytes).unwrap_err().to_string().contains("Scan"));
        let back = read_rollout(&bytes).unwrap();
        let x = Tensor::new(vec![2, 2], vec![0.3, -0.7, 1.1, 0.4]).unwrap();
        let dt = Tensor::scalar(0.125);
        let wanted = evaluate(&step, &[("x", &x), ("dt", &dt)]).unwrap();
        let found = evaluate(&back, &[("x_now", &x), ("dt_now", &dt)]).unwrap();
        for (a, b) in wanted[0].data().iter().zip(found[0].data()) {
            assert!((a - b).abs() <= 1e-6, "{a} {b}");
        }
    }
}

#[test]
fn only_a_step_can_be_rolled_out() {
    let message = write_rollout(&cases::mlp_gradient(2), &WriteOptions::default()).unwrap_err().to_string();
    assert!(message.contains("step"), "{message}");
}
