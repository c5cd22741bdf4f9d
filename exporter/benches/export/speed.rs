//! CPU time of an export, stage by stage: the network 2-200-200-1, and graphs with 10⁴ operators.

use std::fmt;
use std::time::{Duration, Instant};

use hnn_exporter::dynamics::{self, ENERGY, Model, STATE};
use hnn_exporter::graph::{Graph, Shape};
use hnn_exporter::import::{StateInputs, adopt};
use hnn_exporter::lower::lower;
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_exporter::optimize::optimize;
use hnn_exporter::pipeline::{ExportOptions, export};
use serde::Serialize;

use super::Failure;
use super::subject::network;

/// Exports per subject; the fastest counts.
const REPETITIONS: usize = 5;
/// Operators of the large graphs.
const MANY: usize = 10_000;

/// Seconds of CPU time, in the order of the work.
#[derive(Debug, Serialize)]
pub(super) struct Export {
    name: String,
    /// Operators of the file that is read.
    nodes: usize,
    /// Operators of the field that is written.
    nodes_field: usize,
    read_seconds: f64,
    differentiate_seconds: f64,
    optimize_seconds: f64,
    write_seconds: f64,
    /// Absent where the model has no device program.
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_seconds: Option<f64>,
    /// All of the above: H, field and device program.
    total_seconds: f64,
    /// `pipeline::export` with all its files, but for a reference trajectory of 1 step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline_seconds: Option<f64>,
}

/// Measures every subject.
pub(super) fn measure() -> Result<Vec<Export>, Failure> {
    let subjects =
        [("mlp 2-200-200-1", network(200)?), ("10^4 nodes, wide", wide(MANY)?), ("10^4 nodes, deep", deep(MANY)?)];
    subjects.into_iter().map(|(name, model)| fastest(name, &model)).collect()
}

fn fastest(name: &str, model: &Model) -> Result<Export, Failure> {
    let file = onnx::write(model.graph(), &WriteOptions::default())?;
    let mut best: Option<Export> = None;
    for _ in 0..REPETITIONS {
        let found = once(name, &file)?;
        let faster = best.as_ref().is_none_or(|best| found.total_seconds < best.total_seconds);
        if faster {
            best = Some(found);
        }
    }
    best.ok_or_else(|| "nothing was measured".into())
}

fn once(name: &str, file: &[u8]) -> Result<Export, Failure> {
    let clock = Clock::start();
    let model = adopt(&onnx::read(file)?, &StateInputs::default())?;
    let read = clock.seconds();
    let (energy, field) = (dynamics::hamiltonian(&model)?, dynamics::field(&model)?);
    let differentiated = clock.seconds();
    let (energy, field) = (optimize(&energy)?, optimize(&field)?);
    let optimized = clock.seconds();
    let _energy = onnx::write(&energy, &WriteOptions::default())?;
    let field = onnx::write(&field, &WriteOptions::default())?;
    let written = clock.seconds();
    let is_lowered = lower(&model).is_ok();
    let lowered = clock.seconds();
    Ok(Export {
        name: name.to_owned(),
        nodes: onnx::operators(file)?.values().sum(),
        nodes_field: onnx::operators(&field)?.values().sum(),
        read_seconds: read,
        differentiate_seconds: differentiated - read,
        optimize_seconds: optimized - differentiated,
        write_seconds: written - optimized,
        lower_seconds: is_lowered.then_some(lowered - written),
        total_seconds: if is_lowered { lowered } else { written },
        pipeline_seconds: pipeline(&model)?,
    })
}

/// Time of the whole export into a folder, where the model can be stepped.
fn pipeline(model: &Model) -> Result<Option<f64>, Failure> {
    if model.graph().nodes().len() > MANY / 2 {
        return Ok(None);
    }
    let room = tempfile::tempdir()?;
    let options = ExportOptions { steps: 1, ..ExportOptions::default() };
    let clock = Clock::start();
    export(model, &options, &room.path().join("out"))?;
    Ok(Some(clock.seconds()))
}

/// Time this thread spends computing, where the system tells it; else time that passes.
struct Clock {
    begun: Instant,
    computed: Option<Duration>,
}

impl Clock {
    fn start() -> Self {
        Self { begun: Instant::now(), computed: computed() }
    }

    fn seconds(&self) -> f64 {
        let spent = computed().zip(self.computed).map(|(now, then)| now.saturating_sub(then));
        spent.unwrap_or_else(|| self.begun.elapsed()).as_secs_f64()
    }
}

/// Linux counts the nanoseconds a thread has run.
fn computed() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// A chain of coupled pendulums, every coordinate cut out of the state by itself.
fn wide(nodes: usize) -> Result<Model, Failure> {
    // Per pendulum: two slices, the potential, the kinetic term and two sums.
    let count = nodes / 9;
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2 * count])?)?;
    let positions = (0..count).map(|index| graph.slice(x, 1, index, 1)).collect::<Result<Vec<_>, _>>()?;
    let mut energy = graph.scalar(0.0)?;
    for index in 0..count {
        let next = graph.sub(positions[index], positions[(index + 1) % count])?;
        let cosine = graph.cos(next)?;
        let potential = graph.scale(cosine, -1.0 - index as f64 / count as f64)?;
        let momentum = graph.slice(x, 1, count + index, 1)?;
        let square = graph.mul(momentum, momentum)?;
        let kinetic = graph.scale(square, 0.5 + index as f64 / count as f64)?;
        let both = graph.add_values(potential, kinetic)?;
        energy = graph.add_values(energy, both)?;
    }
    graph.set_output(ENERGY, energy);
    Ok(Model::new(graph)?)
}

/// One value through a long chain of functions that never leaves a small range.
fn deep(nodes: usize) -> Result<Model, Failure> {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2])?)?;
    let mut value = x;
    for index in 0..nodes / 5 {
        let sine = graph.sin(value)?;
        let scaled = graph.scale(sine, 0.5 + index as f64 / nodes as f64)?;
        let shifted = graph.add_values(scaled, x)?;
        let bent = graph.tanh(shifted)?;
        value = graph.mul(bent, value)?;
    }
    let energy = graph.sum_keep(value, &[1])?;
    graph.set_output(ENERGY, energy);
    Ok(Model::new(graph)?)
}

impl fmt::Display for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
        write!(
            f,
            "export of {}: {} of CPU time for {} operators (read {}, differentiate {}, optimize {}, write {}, lower {})",
            self.name,
            milliseconds(self.total_seconds),
            self.nodes,
            milliseconds(self.read_seconds),
            milliseconds(self.differentiate_seconds),
            milliseconds(self.optimize_seconds),
            milliseconds(self.write_seconds),
            self.lower_seconds.map_or_else(|| "not possible".to_owned(), milliseconds),
        )?;
        if let Some(seconds) = self.pipeline_seconds {
            write!(f, "; with all files {}", milliseconds(seconds))?;
        }
        write!(f, "; field of {} operators", self.nodes_field)
    }
}
