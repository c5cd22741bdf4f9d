//! What the manifest says of the model and of its graphs.

use crate::dynamics::{Model, Separability};
use crate::graph::Graph;
use crate::manifest::{Coordinate, DampingRecord, Dimension, ModelRecord, OnnxGraph, Port, SeparabilityRecord};

use super::ExportOptions;

/// Inputs and outputs of a graph, as its file has them.
pub(super) fn ports(graph: &Graph, file: &str) -> OnnxGraph {
    let port = |name: &str, id| Port {
        name: name.to_owned(),
        shape: graph
            .shape(id)
            .dims()
            .iter()
            .map(|dim| match dim {
                crate::graph::Dim::Batch => Dimension::Named("batch".to_owned()),
                crate::graph::Dim::Fixed(len) => Dimension::Fixed(*len),
            })
            .collect(),
    };
    OnnxGraph {
        file: file.to_owned(),
        inputs: graph.inputs().into_iter().map(|(name, id)| port(name, id)).collect(),
        outputs: graph.outputs().iter().map(|(name, id)| port(name, *id)).collect(),
    }
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
    }
}
