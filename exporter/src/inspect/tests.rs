//! Counts by hand, and the same model seen through every door.

use super::*;
use crate::pipeline::{ExportOptions, export};

fn pendulum() -> Model {
    crate::expression::parse("p^2/2 + 3*(1-cos(q))", &Default::default()).unwrap()
}

fn check_schema(inspection: &Inspection) {
    let schema = include_str!("../../../docs/schema/inspect.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let value = serde_json::to_value(inspection).unwrap();
    let faults: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn one_model_is_the_same_through_every_door() {
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("out");
    export(&pendulum(), &ExportOptions { steps: 3, ..ExportOptions::default() }, &out).unwrap();
    let in_memory = model("pendulum", &pendulum()).unwrap();
    let [directory, energy, program] = ["", "hamiltonian.onnx", "model.hnn"].map(|name| path(&out.join(name)).unwrap());
    for inspection in [&in_memory, &directory, &energy, &program] {
        check_schema(inspection);
        assert_eq!((inspection.dof, inspection.inputs), (Some(1), Some(0)));
        assert!(inspection.separability.as_ref().unwrap().separable);
    }
    assert_eq!([in_memory.kind, directory.kind, energy.kind, program.kind], ["model", "export", "onnx", "program"]);
    assert_eq!(in_memory.device, directory.device);
    assert_eq!(directory.device, program.device);
    assert!(directory.graphs.iter().any(|graph| graph.name == "step"));
}

#[test]
fn a_layer_is_counted_by_hand() {
    use crate::graph::{Shape, Tensor};
    let mut graph = Graph::new();
    let x = graph.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let first = graph.constant(Tensor::full(&[7, 2], 0.5).unwrap()).unwrap();
    let second = graph.constant(Tensor::full(&[1, 7], 0.25).unwrap()).unwrap();
    let hidden = graph.matmul_transposed(x, first).unwrap();
    let hidden = graph.tanh(hidden).unwrap();
    let energy = graph.matmul_transposed(hidden, second).unwrap();
    graph.set_output(ENERGY, energy);
    let found = summary("hamiltonian", &graph);
    assert_eq!((found.multiply_adds, found.transcendental_calls, found.weights), (14 + 7, 7, 14 + 7));
    assert_eq!(found.operators, BTreeMap::from([("matmul".to_owned(), 2), ("tanh".to_owned(), 1)]));
    check_schema(&model("layer", &Model::new(graph).unwrap()).unwrap());
}

#[test]
fn a_mixing_energy_is_reported_with_its_reason() {
    let mixing = crate::expression::parse("(1+q^2)*p^2/2", &Default::default()).unwrap();
    let found = model("mixing", &mixing).unwrap();
    assert!(found.separability.as_ref().unwrap().reason.as_ref().unwrap().contains("mixes q and p"));
    let text = found.to_string();
    assert!(text.contains("separable           no: node"), "{text}");
    assert!(text.contains("one step"), "{text}");
}

#[test]
fn a_graph_that_is_no_energy_is_summarised_alone() {
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("out");
    export(&pendulum(), &ExportOptions { steps: 3, ..ExportOptions::default() }, &out).unwrap();
    let found = path(&out.join("field.onnx")).unwrap();
    check_schema(&found);
    assert_eq!((found.dof, found.graphs.len()), (None, 1));
    assert_eq!(found.graphs[0].outputs["dx"], "[batch,2]");
}

#[test]
fn damaged_and_foreign_files_are_refused_by_name() {
    let room = tempfile::tempdir().unwrap();
    let place = room.path().join("thing");
    for bytes in [&b"HNN1"[..], b"HNN1abcdefg", b"not a model"] {
        std::fs::write(&place, bytes).unwrap();
        let error = path(&place).unwrap_err().to_string();
        assert!(error.contains("thing"), "{error}");
    }
    assert!(matches!(path(&room.path().join("nothing")), Err(InspectError::Read { .. })));
    assert!(matches!(path(room.path()), Err(InspectError::Manifest(_))));
}
