//! What the fuzz targets share: how much of a graph is worth evaluating, and what two graphs of one meaning agree in.

mod blob;
mod interpreter;

pub use blob::{exercise, resealed};
pub use interpreter::{interpreted, judge};

use hnn_exporter::evaluate::{EvaluateError, evaluate};
use hnn_exporter::graph::{Graph, GraphError, NodeId, Tensor};

/// Rows of the batch at which graphs are evaluated.
const ROWS: usize = 2;
/// Most elements of all values of a graph that is evaluated: larger ones are read only.
const MAX_EVALUATED: usize = 1 << 14;
/// Most nodes of a graph that is differentiated or evaluated.
const MAX_NODES: usize = 256;
/// Largest relative difference that is rounding.
const TOLERANCE: f64 = 1e-7;
/// Relative change of every constant by which a graph shows whether its results can be compared at all.
const NUDGE: f64 = 1e-10;

/// Whether a graph is small enough to be worked on thousands of times a second.
#[must_use]
pub fn is_small(graph: &Graph) -> bool {
    let len = |id| graph.shape(id).resolve(ROWS).iter().product::<usize>();
    graph.nodes().len() <= MAX_NODES
        && graph.ids().try_fold(0_usize, |sum, id| sum.checked_add(len(id))).is_some_and(|sum| sum <= MAX_EVALUATED)
}

/// Where a graph and another of the same meaning give different results, in words.
///
/// `None` where they agree, and where the question has no answer: an input the oracle refuses, a result that is not finite,
/// or one that changes when constants are changed by less than what is forgiven, as behind a cancellation or a jump.
#[must_use]
pub fn difference(found: &Graph, expected: &Graph) -> Option<String> {
    let (a, b) = (outputs(found).ok()?, outputs(expected).ok()?);
    let difference = disagreement(&a, &b)?;
    let nudged = outputs(&nudged(expected, NUDGE).ok()?).ok()?;
    let finite = b.iter().flat_map(Tensor::data).all(|value| value.is_finite());
    (finite && disagreement(&nudged, &b).is_none()).then_some(difference)
}

/// The outputs at inputs that are the same for every graph with inputs of these shapes.
fn outputs(graph: &Graph) -> Result<Vec<Tensor>, EvaluateError> {
    let mut values = Vec::new();
    for (name, id) in graph.inputs() {
        let shape = graph.shape(id).resolve(ROWS);
        let len: usize = shape.iter().product();
        let data = (0..len).map(|at| ((at * 7 + 3) % 11) as f64 / 8.0 - 0.5).collect();
        values.push((name, Tensor::new(shape, data)?));
    }
    let named: Vec<(&str, &Tensor)> = values.iter().map(|(name, tensor)| (*name, tensor)).collect();
    evaluate(graph, &named)
}

/// The same graph with every constant that is no whole number changed a little, neighbours in different directions.
fn nudged(graph: &Graph, nudge: f64) -> Result<Graph, GraphError> {
    let mut copy = Graph::new();
    let mut replaced: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    for (_, id) in graph.inputs() {
        copy.add(graph.node(id).op.clone(), &[])?;
    }
    for id in graph.ids() {
        let Some(tensor) = graph.constant_value(id) else { continue };
        let mut tensor = tensor.clone();
        for (at, value) in tensor.data_mut().iter_mut().enumerate().filter(|(_, value)| value.fract() != 0.0) {
            *value *= if (at + id.index()).is_multiple_of(2) { 1.0 + nudge } else { 1.0 - nudge };
        }
        replaced[id.index()] = Some(copy.constant(tensor)?);
    }
    let roots: Vec<NodeId> = graph.outputs().iter().map(|(_, id)| *id).collect();
    let placed = copy.inline(graph, &roots, &|id, _| replaced[id.index()])?;
    for ((name, _), id) in graph.outputs().iter().zip(placed) {
        copy.set_output(name, id);
    }
    Ok(copy)
}

fn disagreement(found: &[Tensor], expected: &[Tensor]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} outputs instead of {}", found.len(), expected.len()));
    }
    found.iter().zip(expected).enumerate().find_map(|(output, (a, b))| {
        if a.shape() != b.shape() {
            return Some(format!("output {output}: shape {:?} instead of {:?}", a.shape(), b.shape()));
        }
        let (a, b) = a.data().iter().zip(b.data()).find(|(a, b)| !agree(**a, **b))?;
        Some(format!("output {output}: {a:e} instead of {b:e}"))
    })
}

fn agree(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * (1.0 + b.abs())
}
