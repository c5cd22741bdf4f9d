//! What the manifest says of the model and of its graphs.

use crate::dynamics::{Model, Separability};
use crate::graph::{Dim, Graph, Shape};
use crate::manifest::{Coordinate, DampingRecord, Dimension, ModelRecord, Port, SeparabilityRecord};
use crate::onnx::{self, Batch, OnnxError, RolloutPort, STEPS};

use super::ExportOptions;

/// Inputs and outputs of a graph, as its file has them.
pub(super) fn ports(graph: &Graph, batch: Batch) -> [Vec<Port>; 2] {
    let port = |name: &str, id| Port { name: name.to_owned(), shape: dimensions(graph.shape(id), batch) };
    [
        graph.inputs().into_iter().map(|(name, id)| port(name, id)).collect(),
        graph.outputs().iter().map(|(name, id)| port(name, *id)).collect(),
    ]
}

/// Inputs and outputs of the rollout of a step.
pub(super) fn rollout_ports(step: &Graph, batch: Batch) -> Result<[Vec<Port>; 2], OnnxError> {
    let port = |RolloutPort { name, stacked, shape }: RolloutPort| {
        let steps = stacked.then(|| Dimension::Named(STEPS.to_owned()));
        Port { name, shape: steps.into_iter().chain(dimensions(&shape, batch)).collect() }
    };
    Ok(onnx::rollout_ports(step)?.map(|ports| ports.into_iter().map(port).collect()))
}

fn dimensions(shape: &Shape, batch: Batch) -> Vec<Dimension> {
    let dimension = |dim: &Dim| match (*dim, batch) {
        (Dim::Fixed(len), _) | (Dim::Batch, Batch::Fixed(len)) => Dimension::Fixed(len),
        (Dim::Batch, Batch::Dynamic) => Dimension::Named("batch".to_owned()),
    };
    shape.dims().iter().map(dimension).collect()
}

/// The system an export describes.
pub(super) fn model_record(model: &Model, options: &ExportOptions, separability: &Separability) -> ModelRecord {
    let numbered = |letter: &str, count: usize| {
        (1..=count)
            .map(|index| Coordinate {
                name: if count == 1 { letter.to_owned() } else { format!("{letter}{index}") },
                unit: String::new(),
            })
            .collect::<Vec<_>>()
    };
    let given_or = |given: &[Coordinate], otherwise: Vec<Coordinate>| {
        if given.is_empty() { otherwise } else { given.to_vec() }
    };
    let states = [numbered("q", model.dof()), numbered("p", model.dof())].concat();
    ModelRecord {
        name: options.name.clone(),
        description: options.description.clone(),
        dof: model.dof(),
        inputs: model.inputs(),
        coordinates: given_or(&options.coordinates, states),
        input_coordinates: given_or(&options.input_coordinates, numbered("u", model.inputs())),
        separability: SeparabilityRecord::of(separability),
        damping: DampingRecord::of(model),
        constraints: model.constraints(),
        learned_through: options.learned_through.clone(),
    }
}
