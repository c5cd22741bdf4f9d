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
    let functions = vec![crate::pipeline::GraphKind::Momentum];
    export(&pendulum(), &ExportOptions { steps: 3, functions, ..ExportOptions::default() }, &out).unwrap();
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
    // A function alone knows how many numbers it takes, not their names; its cost is the same.
    let function = path(&out.join("momentum.hnn")).unwrap();
    check_schema(&function);
    let (known, counted) = (&directory.functions[0], &function.functions[0]);
    assert_eq!((function.kind, known.arguments.len(), counted.arguments.len()), ("function", 2, 1));
    assert_eq!(
        (known.call, known.flash_bytes, known.workspace_len),
        (counted.call, counted.flash_bytes, counted.workspace_len)
    );
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
    graph.set_output(dynamics::ENERGY, energy);
    let found = summary("hamiltonian", graph.clone());
    assert_eq!((found.multiply_adds, found.transcendental_calls, found.weights), (14 + 7, 7, 14 + 7));
    assert_eq!(found.operators, BTreeMap::from([("matmul".to_owned(), 2), ("tanh".to_owned(), 1)]));
    check_schema(&model("layer", &Model::new(graph).unwrap()).unwrap());
}

#[test]
fn an_energy_of_any_names_is_inspected_and_its_field_costs_twice() {
    use crate::graph::{Shape, Tensor};
    let mut graph = Graph::new();
    let [pos, mom] = ["pos", "mom"].map(|name| graph.input(name, Shape::batched(&[3]).unwrap()).unwrap());
    let state = graph.concat(&[pos, mom], 1).unwrap();
    let first = graph.constant(Tensor::new(vec![7, 6], (1..=42).map(f64::from).collect()).unwrap()).unwrap();
    let second = graph.constant(Tensor::new(vec![1, 7], (1..=7).map(f64::from).collect()).unwrap()).unwrap();
    let hidden = graph.matmul_transposed(state, first).unwrap();
    let hidden = graph.tanh(hidden).unwrap();
    let energy = graph.matmul_transposed(hidden, second).unwrap();
    graph.set_output("total", energy);
    let room = tempfile::tempdir().unwrap();
    let place = room.path().join("foreign.onnx");
    std::fs::write(&place, onnx::write(&graph, &onnx::WriteOptions::default()).unwrap()).unwrap();
    let names = StateInputs { q: Some("pos".into()), p: Some("mom".into()) };
    let found = path_with(&place, &names).unwrap();
    check_schema(&found);
    assert_eq!((found.kind, found.dof), ("onnx", Some(3)));
    // H: 42 + 7. The field: 42 forward, 42 back; the last layer leaves only its weights.
    assert_eq!(found.field_over_energy, Some(84.0 / 49.0));
    assert!(found.to_string().contains("field over energy     1.71 times"), "{found}");
    // Without names it is a graph like any other; with wrong ones it is refused.
    assert_eq!(path(&place).unwrap().dof, None);
    let wrong = StateInputs { q: Some("position".into()), p: Some("mom".into()) };
    assert!(matches!(path_with(&place, &wrong), Err(InspectError::Dynamics(_))));
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

#[test]
fn a_listing_names_every_node_and_cuts_long_constants_only() {
    use crate::graph::Tensor;
    let mut graph = Graph::new();
    let six = graph.constant(Tensor::new(vec![2, 3], (1..=6).map(f64::from).collect()).unwrap()).unwrap();
    let seven = graph.constant(Tensor::new(vec![7], (1..=7).map(f64::from).collect()).unwrap()).unwrap();
    graph.set_output("six (6), = constant (", six);
    graph.set_output("seven", seven);
    let expected = "  %0 = constant [2,3] (1, 2, 3, 4, 5, 6)\n  %1 = constant [7] (1, 2, 3, 4, 5, 6, …) 7 numbers\n  \
                    output \"six (6), = constant (\" = %0\n  output \"seven\" = %1\n";
    assert_eq!(summary("numbers", graph).listing(), expected);
    // The node that the report blames is in the listing of H.
    let found = model("mixing", &crate::expression::parse("(1+q^2)*p^2/2", &Default::default()).unwrap()).unwrap();
    let reason = found.separability.as_ref().unwrap().reason.clone().unwrap();
    let node = reason.split_whitespace().nth(1).unwrap();
    let (operator, _) = reason.split_once('`').unwrap().1.split_once('`').unwrap();
    let listing = found.graphs[0].listing();
    assert!(listing.contains(&format!("  {node} = {operator} ")), "{reason}\n{listing}");
}
