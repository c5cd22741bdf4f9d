//! The interpreter against the oracle: what a device computes in f32 is what the graph means in f64, up to rounding.
//!
//! [`judge`] takes any way to compute the graph's outputs in f32, so that another one, such as generated source, is one more
//! caller.

use hnn_exporter::evaluate::{EvaluateError, evaluate};
use hnn_exporter::graph::{Graph, Tensor};
use hnn_exporter::validate::{Engine as _, Function};

use crate::{ROWS, nudged};

/// Largest difference in f32, relative to 1 + |expected|, that is rounding.
const TOLERANCE: f64 = 1e-3;
/// Relative change of every constant and input by which a graph shows whether f32 can tell its results at all: its own
/// rounding, some hundred times.
const NUDGE: f64 = 2e-5;
/// Magnitudes beyond which f32 has no room, or no digits, for what happens in between.
const MAGNITUDE_MAX: f64 = 1e6;

/// The outputs of a graph on the runtime at the oracle's inputs; `None` where it has no kernel or room for it.
#[must_use]
pub fn interpreted(graph: &Graph) -> Option<Vec<Tensor>> {
    let inputs = inputs(graph, 0.0).ok()?;
    let given: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let outputs = Function::new(graph).ok()?.run(&given).ok()?;
    Some(outputs.into_iter().map(|(_, value)| value).collect())
}

/// Where outputs found in f32 differ from what the graph means, in words.
///
/// `None` where they agree, and where f32 cannot tell: a result that is not finite or very large, or one that changes by more
/// than is forgiven when constants and inputs change by some roundings of f32, as behind a cancellation or a jump.
#[must_use]
pub fn judge(graph: &Graph, found: &[Tensor]) -> Option<String> {
    let expected = meaning(graph, 0.0)?;
    let differs = |a: &[Tensor], b: &[Tensor]| {
        let pairs = a
            .iter()
            .zip(b)
            .enumerate()
            .flat_map(|(output, (a, b))| a.data().iter().zip(b.data()).map(move |(a, b)| (output, *a, *b)));
        // Negated, so that a NaN differs.
        let mut wrong = pairs.filter(|(_, a, b)| !((a - b).abs() <= TOLERANCE * (1.0 + b.abs())));
        wrong.next().map(|(output, a, b)| format!("output {output}: {a:e} instead of {b:e}"))
    };
    let difference = differs(found, &expected)?;
    let tame = expected.iter().flat_map(Tensor::data).all(|value| value.abs() < MAGNITUDE_MAX);
    let moved = |nudge: f64| {
        let graph = nudged(graph, nudge).ok()?;
        meaning(&graph, nudge)
    };
    let steady =
        [NUDGE, -NUDGE].into_iter().all(|nudge| moved(nudge).is_some_and(|moved| differs(&moved, &expected).is_none()));
    (tame && steady && is_tame_throughout(graph)).then_some(difference)
}

fn meaning(graph: &Graph, nudge: f64) -> Option<Vec<Tensor>> {
    let inputs = inputs(graph, nudge).ok()?;
    let given: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    evaluate(graph, &given).ok()
}

/// Whether no value on the way to an output is beyond what f32 can hold well.
fn is_tame_throughout(graph: &Graph) -> bool {
    let mut all = graph.clone();
    for id in graph.ids() {
        all.set_output(&format!("value_{}", id.index()), id);
    }
    let fits = |value: &f64| *value == 0.0 || (1.0 / MAGNITUDE_MAX..MAGNITUDE_MAX).contains(&value.abs());
    meaning(&all, 0.0).is_some_and(|values| values.iter().flat_map(Tensor::data).all(fits))
}

/// Inputs that are the same for every graph with inputs of these shapes; exact in f32 where nothing is nudged.
fn inputs(graph: &Graph, nudge: f64) -> Result<Vec<(String, Tensor)>, EvaluateError> {
    let mut values = Vec::new();
    for (name, id) in graph.inputs() {
        let shape = graph.shape(id).resolve(ROWS);
        let len: usize = shape.iter().product();
        let data = (0..len).map(|at| (((at * 7 + 3) % 11) as f64 / 8.0 - 0.5) * (1.0 + nudge)).collect();
        values.push((name.to_owned(), Tensor::new(shape, data)?));
    }
    Ok(values)
}
