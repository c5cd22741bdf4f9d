//! From a model to kernels with fixed places: what runs on a device, decided to the last offset.
//!
//! [`lower`] takes the parts of a field (energy, velocity, force, damping), selects kernels for each, orders them and
//! places their results in one workspace; [`lower_graph`] does so for any graph as a whole. The batch is 1. A [`Plan`] or
//! [`FunctionPlan`] holds every decision; [`crate::emit`] spells it. It knows the limits of the runtime's format and nothing
//! of how a step is made.

mod compress;
mod constants;
mod function;
mod kernel;
mod place;
mod plan;
mod schedule;
mod select;
#[cfg(test)]
mod tests;
mod uses;
mod view;

use std::ops::Range;

use hnn_runtime::format::{MAX_BLOB_WORDS, MAX_DOF, MAX_INPUTS, MAX_INSTRUCTIONS, MAX_WORKSPACE};

use crate::dynamics::{self, CONSTRAINT, Dissipation, DynamicsError, ENERGY, Model, Separability};
use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor};
use crate::optimize::{Storage, optimize_for};
use crate::weights::Weights;

use constants::Constants;
pub use function::{FunctionPlan, Port, lower_graph, ports};
pub use kernel::{Kernel, Matrix, Pairwise, Slope, Stream};
use place::Placed;
pub(crate) use plan::stored;
pub use plan::{DampingForm, Entry, EntryKind, Operand, Operations, Plan};
use select::Argument;

/// Why a model cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerError {
    /// The parts of the field could not be derived.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
    /// A graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A node has no kernel.
    #[error("node {node} cannot run on a device: {reason}")]
    Node {
        /// The node: id, operator and shape.
        node: String,
        /// Why it has none.
        reason: String,
    },
    /// The model is larger than the runtime accepts.
    #[error("the model needs {found} {what}, the runtime accepts {limit}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much the model needs.
        found: usize,
        /// How much the runtime accepts.
        limit: usize,
    },
    /// A part reads what it must not depend on.
    #[error("the {entry} of a separable model still reads {read}; the optimizer could not remove it")]
    Depends {
        /// The entry at fault.
        entry: &'static str,
        /// What it reads.
        read: &'static str,
    },
}

impl LowerError {
    fn node(graph: &Graph, id: NodeId, reason: &str) -> Self {
        let node = graph.node(id);
        Self::Node { node: format!("{id} ({} {})", node.op.name(), node.ty.shape), reason: reason.to_owned() }
    }
}

/// Lowers a model whose weights are known, and stores them as they are asked for wherever that loses nothing.
///
/// What can be stored in fewer bits is what [`weights::rounded`](crate::weights::rounded) has rounded; other panels stay f32.
///
/// # Errors
/// As [`lower`].
pub fn lower_as(model: &Model, weights: Weights) -> Result<Plan, LowerError> {
    in_f32(model).map(|plan| compress::compress(&plan, weights))
}

/// Lowers a model whose weights are known, to f32.
///
/// # Errors
/// [`LowerError`] naming the node that has no kernel, or the limit that is exceeded.
pub fn lower(model: &Model) -> Result<Plan, LowerError> {
    lower_as(model, Weights::F32)
}

fn in_f32(model: &Model) -> Result<Plan, LowerError> {
    let inputs = [(dynamics::STATE, 2 * model.dof()), (dynamics::INPUT, model.inputs())];
    check("degrees of freedom", model.dof(), MAX_DOF)?;
    check("inputs", model.inputs(), MAX_INPUTS)?;
    let separability = dynamics::separability(model)?;
    let mut constants = Constants::default();
    let mut entries: Vec<Entry> = Vec::new();
    let mut workspace_len: usize = inputs.iter().map(|(_, len)| len).sum();
    for (kind, graph, root) in roots(model, separability.is_separable())? {
        let mut found = constants.clone();
        let (mut entry, mut needed_len) = entry(kind, &graph, root, &inputs, &mut found)?;
        if reads_forbidden(&entry, model.dof()) {
            let (graph, root) = frozen(&graph, root, kind, model.dof())?;
            found = constants;
            (entry, needed_len) = self::entry(kind, &graph, root, &inputs, &mut found)?;
            if reads_forbidden(&entry, model.dof()) {
                return Err(LowerError::Depends { entry: kind.name(), read: forbidden(kind, model.dof()).1 });
            }
        }
        constants = found;
        workspace_len = workspace_len.max(needed_len);
        entries.push(entry);
    }
    check("elements of workspace", workspace_len, MAX_WORKSPACE)?;
    let (separable, kinetic_quadratic, inverse_mass) = kinetic(&separability, &mut constants);
    let constants = constants.into_words();
    check("words of constants", constants.len(), MAX_BLOB_WORDS)?;
    Ok(Plan {
        dof: model.dof(),
        inputs: model.inputs(),
        constraints: model.constraints(),
        separable,
        kinetic_quadratic,
        inverse_mass,
        damping: match model.dissipation() {
            None => DampingForm::None,
            Some(Dissipation::Diagonal) => DampingForm::Diagonal,
            Some(Dissipation::Full) => DampingForm::Full,
        },
        damping_constant: model.dissipation_constant(),
        constants,
        workspace_len,
        entries,
    })
}

fn check(what: &'static str, found: usize, limit: usize) -> Result<(), LowerError> {
    if found <= limit { Ok(()) } else { Err(LowerError::TooLarge { what, found, limit }) }
}

/// The optimized graph and the result of every entry the model has, in the order of the blob's table.
fn roots(model: &Model, separable: bool) -> Result<Vec<Root>, LowerError> {
    let parts = dynamics::parts(model)?;
    let constrained = constrained_roots(model)?;
    let mut entries = Vec::new();
    for kind in EntryKind::ALL {
        let mut graph = parts.clone();
        let output = |name: &str| parts.output(name);
        let root = match kind {
            EntryKind::Energy => output(ENERGY),
            EntryKind::Velocity if separable => output("velocity"),
            EntryKind::Force if separable => output("force"),
            EntryKind::Field | EntryKind::Constraint if constrained.is_some() => None,
            EntryKind::Constraint => None,
            EntryKind::Field => match (output("velocity"), output("force")) {
                (Some(velocity), Some(force)) => Some(graph.concat(&[velocity, force], 1)?),
                _ => None,
            },
            EntryKind::Damping => output("damping"),
            EntryKind::Velocity | EntryKind::Force => None,
        };
        if let Some(root) = root {
            let (graph, root) = optimized(&graph, root, kind.name())?;
            entries.push((kind, graph, root));
        }
    }
    for (kind, graph, root) in constrained.into_iter().flatten() {
        let (graph, root) = optimized(&graph, root, kind.name())?;
        entries.push((kind, graph, root));
    }
    Ok(entries)
}

/// What an entry computes: a graph and its root.
type Root = (EntryKind, Graph, NodeId);

/// Field and constraint of a constrained model. No stepper of such a model uses the field; it is there to be compared.
fn constrained_roots(model: &Model) -> Result<Option<[Root; 2]>, LowerError> {
    let count = model.constraints();
    if count == 0 {
        return Ok(None);
    }
    let (field, mut surface) = (dynamics::field(model)?, dynamics::constraint(model)?);
    let missing = || GraphError::Name("the field or the constraint has no output".to_owned());
    let dx = field.output("dx").ok_or_else(missing)?;
    let (value, jacobian) = surface.output(CONSTRAINT).zip(surface.output("jacobian")).ok_or_else(missing)?;
    let rows = surface.reshape(jacobian, Shape::batched(&[count * model.dof()])?)?;
    let all = surface.concat(&[value, rows], 1)?;
    Ok(Some([(EntryKind::Field, field, dx), (EntryKind::Constraint, surface, all)]))
}

/// Whether H splits, whether T is quadratic, and where its inverse mass lies.
fn kinetic(separability: &Separability, constants: &mut Constants) -> (bool, bool, Option<usize>) {
    let Separability::Separable { inverse_mass, .. } = separability else { return (false, false, None) };
    let rounded =
        |mass: &Tensor| mass.data().iter().map(|value| constants::finite(*value)).collect::<Option<Vec<f32>>>();
    // Without the matrix, a stepper has no use for the fact that T is quadratic.
    let inverse_mass = inverse_mass.as_ref().and_then(rounded).map(|values| constants.intern(&values));
    (true, inverse_mass.is_some(), inverse_mass)
}

/// What an entry must not read, as a range of x and by name: a stepper passes only p to `Velocity`, q and u to `Force`.
fn forbidden(kind: EntryKind, dof: usize) -> (Range<usize>, &'static str) {
    match kind {
        EntryKind::Velocity => (0..dof, "q"),
        EntryKind::Force | EntryKind::Constraint => (dof..2 * dof, "p"),
        _ => (0..0, "nothing"),
    }
}

fn reads_forbidden(entry: &Entry, dof: usize) -> bool {
    let (forbidden, _) = forbidden(entry.kind, dof);
    let touches = |at: Operand, span: usize| match at {
        Operand::Workspace(start) => start < forbidden.end && forbidden.start < start + span,
        Operand::Constant(_) => false,
    };
    let mut reads = entry.kernels.iter().flat_map(Kernel::reads);
    reads.any(|access| touches(access.at, access.span)) || touches(entry.result, entry.result_len)
}

/// The same part with what it must not read held at a constant.
///
/// H = T(p) + V(q) is proven and [`Model::new`] lets G depend on q only, so the part does not depend on the values; some
/// operator only happens to compute on all of x.
/// Distinct coordinates, none of them zero, keep potentials with poles out of the way.
fn frozen(graph: &Graph, root: NodeId, kind: EntryKind, dof: usize) -> Result<(Graph, NodeId), LowerError> {
    let (forbidden, _) = forbidden(kind, dof);
    let values = forbidden.clone().map(|index| 0.3 + 0.17 * index as f64).collect();
    let mut held = Graph::new();
    let x = held.input(dynamics::STATE, Shape::batched(&[2 * dof])?)?;
    let constant = held.constant(Tensor::new(vec![1, dof], values)?)?;
    let constant = held.broadcast(constant, Shape::batched(&[dof])?)?;
    let free = held.slice(x, 1, dof - forbidden.start, dof)?;
    let parts = if forbidden.start == 0 { [constant, free] } else { [free, constant] };
    let state = held.concat(&parts, 1)?;
    let leaf = graph.leaf(dynamics::STATE);
    let placed = held.inline(graph, &[root], &|id, _| (Some(id) == leaf).then_some(state))?;
    optimized(&held, placed[0], kind.name())
}

/// The optimized graph of one result alone, so that what only another entry needs does not hold back a simplification.
fn optimized(graph: &Graph, root: NodeId, name: &str) -> Result<(Graph, NodeId), LowerError> {
    let mut single = Graph::new();
    let placed = single.inline(graph, &[root], &|_, _| None)?;
    single.set_output(name, placed[0]);
    let single = optimize_for(&single, Storage::Once)?;
    let missing = || GraphError::Name(format!("the optimizer lost the output `{name}`"));
    let root = single.output(name).ok_or_else(missing)?;
    Ok((single, root))
}

/// Selects, orders and places one entry; also the length of the workspace it needs.
fn entry(
    kind: EntryKind,
    graph: &Graph,
    root: NodeId,
    inputs: &[Argument<'_>],
    constants: &mut Constants,
) -> Result<(Entry, usize), LowerError> {
    let (placed, result_len) = program(graph, root, inputs, constants)?;
    let Placed { kernels, result, workspace_len, live_len } = placed;
    Ok((Entry { kind, kernels, result, result_len, live_len }, workspace_len))
}

/// Selects, orders and places what computes `root`; also the number of elements that has.
fn program(
    graph: &Graph,
    root: NodeId,
    inputs: &[Argument<'_>],
    constants: &mut Constants,
) -> Result<(Placed, usize), LowerError> {
    let selected = select::select(graph, root, inputs, constants)?;
    let in_order = |order: &Vec<usize>| place::place(&selected, &schedule::reordered(&selected.kernels, order));
    let [first, others @ ..] = schedule::orders(&selected).map(|order| in_order(&order));
    let placed = others.into_iter().fold(
        first,
        |best, other| {
            if other.workspace_len < best.workspace_len { other } else { best }
        },
    );
    check("instructions in one entry", placed.kernels.len(), MAX_INSTRUCTIONS)?;
    Ok((placed, selected.result_len))
}
