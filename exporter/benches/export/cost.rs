//! ∇H over H in ONNX Runtime, one thread: the gradient written by the exporter against the file it came from, and against
//! the energy written by the exporter.
//!
//! Files take turns in rounds, so that what else the machine does falls on all of them, and the fastest run of each counts:
//! it is the one least disturbed. What runs longer is disturbed more often, so a median would overrate it on a busy machine.

use std::fmt;
use std::time::Duration;

use hnn_exporter::dynamics::{self, DynamicsError};
use hnn_exporter::graph::{Graph, Shape, Tensor};
use hnn_exporter::import::{StateInputs, adopt};
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_exporter::optimize::optimize;
use hnn_exporter::validate::Engine;
use hnn_exporter::validate::ort::Ort;
use serde::Serialize;

use super::Failure;
use super::subject::{Subject, tensor};

/// Rows evaluated together.
const BATCHES: [usize; 2] = [1, 1024];
/// Rounds in which the files take turns.
const ROUNDS: usize = 9;
/// Least duration of one file's turn.
const TURN: Duration = Duration::from_millis(8);

/// Models that are named for their ratios.
const WORST: usize = 10;

/// First line of the table.
pub(super) const HEADER: &str = "model                          nodes: file    H   ∇H   \
                                 batch 1: H µs   ∇H/file  ∇H/H   batch 1024: H µs   ∇H/file  ∇H/H";

/// One model's costs.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    name: String,
    /// Operators of the file as it came.
    nodes_file: usize,
    /// Operators of the energy as written.
    nodes_energy: usize,
    /// Operators of the gradient as written.
    nodes_gradient: usize,
    costs: Vec<Cost>,
}

/// Costs at one batch.
#[derive(Debug, Serialize)]
struct Cost {
    batch: usize,
    /// Absent where the file has another fixed batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_seconds: Option<f64>,
    energy_seconds: f64,
    gradient_seconds: f64,
}

impl Cost {
    fn over_energy(&self) -> f64 {
        self.gradient_seconds / self.energy_seconds
    }

    fn over_file(&self) -> Option<f64> {
        self.file_seconds.map(|seconds| self.gradient_seconds / seconds)
    }
}

/// Geometric means over models, per batch.
#[derive(Debug, Serialize)]
pub(super) struct Means {
    per_batch: Vec<Mean>,
}

/// Geometric means at one batch.
#[derive(Debug, Serialize)]
struct Mean {
    batch: usize,
    gradient_over_file: f64,
    gradient_over_energy: f64,
}

/// Name of the engine, if its library can be loaded.
pub(super) fn engine() -> Option<String> {
    let mut graph = Graph::new();
    let x = graph.input(dynamics::STATE, Shape::batched(&[1]).ok()?).ok()?;
    let value = graph.neg(x).ok()?;
    graph.set_output("y", value);
    let file = onnx::write(&graph, &WriteOptions::default()).ok()?;
    Ort::read(&file).ok().map(|engine| engine.version())
}

/// Measures one model.
pub(super) fn compare(subject: &Subject) -> Result<Model, Failure> {
    let graph = subject.graph()?;
    let two = graph.inputs().len() == 2;
    let name = |index: usize| graph.inputs().get(index).map(|(name, _)| (*name).to_owned()).filter(|_| two);
    let model = adopt(&graph, &StateInputs { q: name(0), p: name(1) })?;
    let written = |derived: Result<Graph, DynamicsError>| -> Result<Vec<u8>, Failure> {
        Ok(onnx::write(&optimize(&derived?)?, &WriteOptions::default())?)
    };
    let (energy, gradient) = (written(dynamics::hamiltonian(&model))?, written(dynamics::field(&model))?);
    let mut costs = Vec::new();
    for batch in BATCHES {
        let mut runners = vec![
            Runner::new(Ort::read(&energy)?, onnx::read(&energy)?, batch)?,
            Runner::new(Ort::read(&gradient)?, onnx::read(&gradient)?, batch)?,
        ];
        // A file for one state runs with one.
        if batch == 1 || graph.inputs().iter().all(|(_, id)| graph.shape(*id).is_batched()) {
            runners.extend(Runner::new(subject.engine()?, graph.clone(), batch));
        }
        let times = take_turns(&mut runners)?;
        costs.push(Cost {
            batch,
            energy_seconds: times[0],
            gradient_seconds: times[1],
            file_seconds: times.get(2).copied(),
        });
    }
    Ok(Model {
        name: subject.name.clone(),
        nodes_file: nodes(&subject.file)?,
        nodes_energy: nodes(&energy)?,
        nodes_gradient: nodes(&gradient)?,
        costs,
    })
}

/// Operators of a file.
fn nodes(file: &[u8]) -> Result<usize, Failure> {
    Ok(onnx::operators(file)?.values().sum())
}

/// A file in the engine, with inputs.
struct Runner {
    engine: Ort,
    inputs: Vec<(String, Tensor)>,
    repetitions: usize,
}

impl Runner {
    /// Makes up inputs and finds out how many runs fill a turn.
    fn new(engine: Ort, graph: Graph, batch: usize) -> Result<Self, Failure> {
        let mut state = 3u64;
        let inputs = graph
            .inputs()
            .into_iter()
            .map(|(name, id)| Ok((name.to_owned(), tensor(&mut state, &graph.shape(id).resolve(batch), 1.0)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut runner = Self { engine, inputs, repetitions: 4 };
        while runner.turn()? * (runner.repetitions as f64) < TURN.as_secs_f64() {
            runner.repetitions *= 2;
        }
        Ok(runner)
    }

    /// Seconds of the fastest run of one turn.
    fn turn(&mut self) -> Result<f64, Failure> {
        let inputs: Vec<(&str, &Tensor)> = self.inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
        let times = self.engine.time(&inputs, self.repetitions)?;
        Ok(times.iter().map(Duration::as_secs_f64).fold(f64::INFINITY, f64::min))
    }
}

/// Seconds of the fastest run of each.
fn take_turns(runners: &mut [Runner]) -> Result<Vec<f64>, Failure> {
    let mut fastest = vec![f64::INFINITY; runners.len()];
    for _ in 0..ROUNDS {
        for (runner, fastest) in runners.iter_mut().zip(&mut fastest) {
            *fastest = fastest.min(runner.turn()?);
        }
    }
    Ok(fastest)
}

/// Geometric means, where anything was measured.
pub(super) fn means(models: &[Model]) -> Option<Means> {
    let mean = |ratios: Vec<f64>| (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let per_batch = (0..BATCHES.len()).map(|index| {
        let costs = || models.iter().map(move |model| &model.costs[index]);
        Mean {
            batch: BATCHES[index],
            gradient_over_file: mean(costs().filter_map(Cost::over_file).collect()),
            gradient_over_energy: mean(costs().map(Cost::over_energy).collect()),
        }
    });
    (!models.is_empty()).then(|| Means { per_batch: per_batch.collect() })
}

/// The models with the greatest ratios at each batch, over the file where it can be run and over H as written elsewhere.
pub(super) fn worst(models: &[Model]) -> Vec<String> {
    let ratio = |cost: &Cost| cost.over_file().unwrap_or_else(|| cost.over_energy());
    let mut lines = Vec::new();
    for (index, batch) in BATCHES.into_iter().enumerate() {
        let mut ranked: Vec<(f64, &str)> =
            models.iter().map(|model| (ratio(&model.costs[index]), model.name.as_str())).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let listed = ranked.iter().take(WORST).map(|(ratio, name)| format!("{name} {ratio:.2}"));
        lines.push(format!("greatest at batch {batch}: {}", listed.collect::<Vec<_>>().join(", ")));
    }
    lines
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nodes_file, nodes_energy, nodes_gradient, costs } = self;
        write!(f, "{name:<37} {nodes_file:>5} {nodes_energy:>4} {nodes_gradient:>4}")?;
        for cost in costs {
            let over_file = cost.over_file().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            write!(f, "  {:>14.1} {over_file:>9} {:>5.2}", cost.energy_seconds * 1e6, cost.over_energy())?;
        }
        Ok(())
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mean in &self.per_batch {
            writeln!(
                f,
                "geometric mean at batch {}: {:.2} over the file, {:.2} over H as written",
                mean.batch, mean.gradient_over_file, mean.gradient_over_energy
            )?;
        }
        Ok(())
    }
}
