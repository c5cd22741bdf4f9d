//! Lowered programs on the runtime against the f64 reference, and the memory plan against an independent checker.

mod functions;
mod fusion;
mod memory;
mod models;
mod numbers;
mod refusal;
mod storage;

use super::*;
use crate::graph::Unary;
use models::{Network, expression};

/// A plain tanh network on two coordinates, ragged everywhere: 2-7-5-1.
fn ragged() -> Model {
    Network { widths: &[2, 7, 5, 1], activation: Unary::Tanh, seed: 1 }.model()
}

#[test]
fn weights_are_stored_once() {
    let plan = lower(&ragged()).unwrap();
    let weights = 2 * 7 + 7 * 5 + 5;
    let biases = 7 + 5 + 1;
    assert_eq!(plan.constants.len(), weights + biases, "{plan}");
    let words = crate::emit::blob(&plan, crate::dynamics::Scheme::MIDPOINT, 0.01);
    let code: usize = hnn_runtime::Program::parse(&words).unwrap().header().instructions.len as usize;
    assert_eq!(words.len(), hnn_runtime::format::HEADER_WORDS + code + plan.constants.len());
}

#[test]
fn a_network_runs_on_layers_alone() {
    let plan = lower(&ragged()).unwrap();
    let field = plan.entry(EntryKind::Field).unwrap();
    let is_general = |kernel: &&Kernel<Operand>| matches!(kernel, Kernel::MatMul { .. } | Kernel::Copy { .. });
    assert_eq!(field.kernels.iter().filter(is_general).count(), 1, "one copy puts ∂H/∂p first:\n{plan}");
    let energy = plan.entry(EntryKind::Energy).unwrap();
    assert_eq!(energy.kernels.len(), 3, "bias and activation belong to the layer:\n{plan}");
    assert_eq!(energy.operations().multiply_adds, 2 * 7 + 7 * 5 + 5);
    // Forward without the last layer, then back through the two others.
    assert_eq!(field.operations().multiply_adds, (2 * 7 + 7 * 5) + (5 * 7 + 7 * 2));
}

#[test]
fn the_same_model_gives_the_same_words() {
    let words = |model: &Model| crate::emit::blob(&lower(model).unwrap(), crate::dynamics::Scheme::MIDPOINT, 0.01);
    assert_eq!(words(&ragged()), words(&ragged()));
    assert_ne!(words(&ragged()), words(&Network { widths: &[2, 7, 5, 1], activation: Unary::Tanh, seed: 2 }.model()));
}

#[test]
fn the_parts_of_a_field_are_computed_in_place() {
    let plan = lower(&expression("p^2 + 3*(1-cos(q))")).unwrap();
    for entry in &plan.entries {
        let moves = entry.kernels.iter().filter(|kernel| matches!(kernel, Kernel::Copy { .. } | Kernel::Fill { .. }));
        assert_eq!(moves.count(), 0, "{plan}");
    }
}

#[test]
fn a_listing_has_one_line_for_each_kernel_and_names_every_entry_with_its_cost() {
    let plan = lower(&expression("p^2/2 + q^2/2")).unwrap();
    let text = plan.to_string();
    for entry in &plan.entries {
        assert!(text.contains(&format!("{}: {} instructions", entry.kind.name(), entry.kernels.len())), "{text}");
    }
    let kernels: usize = plan.entries.iter().map(|entry| entry.kernels.len()).sum();
    assert_eq!(text.lines().filter(|line| line.starts_with("  w")).count(), kernels);
    assert!(text.contains("  w2 = neg(w0) [1]\n"), "{text}");
}
