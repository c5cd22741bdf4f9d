//! What cannot run on a device is refused with the node and the reason.

use super::models::{Numbers, expression};
use super::*;
use crate::dynamics::STATE;
use crate::graph::Shape;

/// H = f(Σ x²) with whatever `build` makes of the sum.
fn model(build: impl Fn(&mut Graph, NodeId, NodeId) -> NodeId) -> Model {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let square = graph.mul(x, x).unwrap();
    let sum = graph.sum_keep(square, &[1]).unwrap();
    let energy = build(&mut graph, x, sum);
    graph.set_output(ENERGY, energy);
    Model::new(graph).unwrap()
}

#[test]
fn a_constant_beyond_f32_is_refused_with_its_node() {
    let refused = model(|graph, _, sum| graph.scale(sum, 1e39).unwrap());
    let error = lower(&refused).unwrap_err();
    assert!(matches!(error, LowerError::Node { .. }), "{error}");
    assert!(error.to_string().contains("1e39") && error.to_string().contains("mul"), "{error}");
}

#[test]
fn a_parameter_without_a_value_is_refused_by_name() {
    let refused = model(|graph, _, sum| {
        let weight = graph.parameter("weight", &[1]).unwrap();
        let scaled = graph.mul(sum, weight).unwrap();
        graph.tanh(scaled).unwrap()
    });
    let error = lower(&refused).unwrap_err();
    assert!(error.to_string().contains("bind"), "{error}");
}

#[test]
fn too_many_degrees_of_freedom_are_refused_with_both_numbers() {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2 * (MAX_DOF + 1)]).unwrap()).unwrap();
    let square = graph.mul(x, x).unwrap();
    let energy = graph.sum_keep(square, &[1]).unwrap();
    graph.set_output(ENERGY, energy);
    let error = lower(&Model::new(graph).unwrap()).unwrap_err();
    let expected = LowerError::TooLarge { what: "degrees of freedom", found: MAX_DOF + 1, limit: MAX_DOF };
    assert_eq!(error, expected);
}

#[test]
fn a_workspace_beyond_the_limit_is_refused() {
    let refused = model(|graph, x, sum| {
        let weights = graph.constant(Numbers(3).tensor(&[MAX_WORKSPACE, 2])).unwrap();
        let hidden = graph.matmul_transposed(x, weights).unwrap();
        let hidden = graph.tanh(hidden).unwrap();
        let total = graph.sum_keep(hidden, &[1]).unwrap();
        graph.mul(total, sum).unwrap()
    });
    assert!(matches!(lower(&refused), Err(LowerError::TooLarge { what: "elements of workspace", .. })));
}

#[test]
fn a_non_separable_model_has_no_velocity_and_no_force() {
    let plan = lower(&expression("(1+q^2)*p^2/2")).unwrap();
    let kinds: Vec<EntryKind> = plan.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Energy, EntryKind::Field]);
    assert!(!plan.separable && plan.inverse_mass.is_none());
}
