//! Counting what a graph or a device program is made of, for one state.

use std::collections::BTreeMap;

use hnn_runtime::format::{BinaryKind, Entry, Instruction, UnaryKind};
use hnn_runtime::{DampingKind, Function, Program};

use crate::dynamics::Scheme;
use crate::graph::{Binary, Graph, Node, NodeId, Op, Unary};
use crate::lower::{Operations, stored};
use crate::manifest::{Dimension, FunctionRecord, Port, ProgramRecord};
use crate::pipeline::step_operations;

use super::GraphSummary;

/// Operators, weights and cost of a graph.
pub(super) fn summary(name: &str, graph: Graph) -> GraphSummary {
    let shapes = |ports: Vec<(&str, NodeId)>| {
        ports.into_iter().map(|(name, id)| (name.to_owned(), graph.shape(id).to_string())).collect()
    };
    let needed = graph.needed(graph.outputs().iter().map(|(_, id)| *id));
    let inputs = shapes(graph.inputs());
    let outputs = shapes(graph.outputs().iter().map(|(name, id)| (name.as_str(), *id)).collect());
    let mut operators = BTreeMap::<String, usize>::new();
    let (mut weights, mut multiply_adds, mut transcendental_calls) = (0, 0, 0);
    for id in graph.ids().filter(|id| needed[id.index()]) {
        let node = graph.node(id);
        let len = node.ty.shape.resolve(1).iter().product::<usize>();
        match &node.op {
            Op::Input(..) => continue,
            Op::Parameter(..) | Op::Constant(_) => {
                weights += len;
                continue;
            }
            Op::MatMul { .. } => multiply_adds += (len * inner_len(&graph, node)) as u64,
            Op::Unary(op) if is_transcendental(*op) => transcendental_calls += len as u64,
            Op::Binary(Binary::Pow) => transcendental_calls += len as u64,
            _ => {}
        }
        *operators.entry(node.op.name().to_owned()).or_default() += 1;
    }
    GraphSummary {
        name: name.to_owned(),
        inputs,
        outputs,
        operators,
        weights,
        multiply_adds,
        transcendental_calls,
        graph,
    }
}

/// Length that a matrix product sums over.
fn inner_len(graph: &Graph, node: &Node) -> usize {
    let Op::MatMul { transpose_lhs, .. } = node.op else { return 0 };
    let lhs = graph.shape(node.args[0]).resolve(1);
    lhs[lhs.len() - if transpose_lhs { 2 } else { 1 }]
}

fn is_transcendental(op: Unary) -> bool {
    use Unary::{Abs, Floor, Neg, Reciprocal, Round, Sign, Sqrt};
    !matches!(op, Neg | Reciprocal | Sqrt | Abs | Sign | Floor | Round)
}

/// The scheme a program was validated with.
pub(super) fn program_scheme(program: &Program<'_>) -> Scheme {
    Scheme::of(program.scheme(), program.setting())
}

/// What a device program costs, counted from its instructions.
pub(crate) fn program_costs(program: &Program<'_>, scheme: Scheme) -> ProgramRecord {
    let cost = |entry: Entry| {
        let instructions = program.instructions(entry);
        instructions.fold(Operations::default(), |sum, instruction| sum.plus(operations(&instruction), 1))
    };
    let present = Entry::ALL.iter().copied().filter(|entry| program.has(*entry));
    let entries: BTreeMap<String, Operations> = present.map(|entry| (entry.name().to_owned(), cost(entry))).collect();
    let damped = program.damping_kind() != DampingKind::None;
    ProgramRecord {
        flash_bytes: program.header().word_count as usize * size_of::<u32>(),
        constants_bytes: std::mem::size_of_val(program.constants()),
        weights: stored(
            Entry::ALL.iter().flat_map(|entry| program.instructions(*entry)).filter_map(|each| panel(&each)),
        ),
        workspace_bytes: program.workspace_len() * size_of::<f32>(),
        workspace_len: program.workspace_len(),
        step: step_operations(&entries, scheme, damped, program.is_kinetic_quadratic(), program.constraints()),
        entries,
    }
}

/// What a function costs, counted from its instructions.
pub(super) fn function_costs(file: String, function: &Function<'_>) -> FunctionRecord {
    let port = |name: &str, len: usize| vec![Port { name: name.to_owned(), shape: vec![Dimension::Fixed(len)] }];
    let header = function.header();
    FunctionRecord {
        file,
        arguments: port("arguments", function.arguments_len()),
        results: port("results", function.results_len()),
        flash_bytes: header.word_count as usize * size_of::<u32>(),
        constants_bytes: header.constants.len as usize * size_of::<f32>(),
        workspace_bytes: function.workspace_len() * size_of::<f32>(),
        workspace_len: function.workspace_len(),
        call: function.instructions().fold(Operations::default(), |sum, each| sum.plus(operations(&each), 1)),
    }
}

/// Start, storage and number of the weights that an instruction reads.
fn panel(instruction: &Instruction) -> Option<(usize, &'static str, u64)> {
    let (panel, weights, rows, cols) = match instruction {
        Instruction::Dense(dense) => (dense.panel, dense.weights, dense.rows, dense.cols),
        Instruction::DenseAdjoint(dense) => (dense.panel, dense.weights, dense.rows, dense.cols),
        Instruction::DenseGradient(dense) => (dense.panel, dense.weights, dense.rows, dense.cols),
        _ => return None,
    };
    Some((panel.offset(), weights.name(), u64::from(rows) * u64::from(cols)))
}

fn operations(instruction: &Instruction) -> Operations {
    let is_call = |kind: UnaryKind| {
        use UnaryKind::{Abs, Floor, Neg, Reciprocal, Round, Sign, Sqrt};
        !matches!(kind, Neg | Reciprocal | Sqrt | Abs | Sign | Floor | Round)
    };
    let (elements, is_call) = match instruction {
        Instruction::Unary(unary) => (u64::from(unary.len), is_call(unary.kind)),
        Instruction::Binary(binary) => (u64::from(binary.len), binary.kind == BinaryKind::Pow),
        Instruction::Select(select) => (u64::from(select.len), false),
        Instruction::Sum(sum) => (u64::from(sum.outer) * u64::from(sum.len) * u64::from(sum.inner), false),
        Instruction::Dense(dense) => match dense.activation {
            Some(kind) => (u64::from(dense.rows), is_call(kind)),
            None => (0, false),
        },
        Instruction::DenseAdjoint(dense) => (dense.slope.map_or(0, |_| u64::from(dense.rows)), false),
        Instruction::DenseGradient(dense) => (u64::from(dense.rows), is_call(dense.activation)),
        Instruction::Network(_) | Instruction::Fill(_) | Instruction::Copy(_) | Instruction::MatMul(_) => (0, false),
    };
    // Besides its activation, a gradient evaluates as many slopes.
    let slopes = if let Instruction::DenseGradient(dense) = instruction { u64::from(dense.rows) } else { 0 };
    Operations {
        instructions: 1,
        multiply_adds: instruction.multiply_adds(),
        element_operations: elements + slopes,
        transcendental_calls: if is_call { elements } else { 0 },
    }
}
