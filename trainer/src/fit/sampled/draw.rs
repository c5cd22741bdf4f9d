//! Hidden layers drawn where the data are.

use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::{Graph, Tensor};

use crate::architecture::{Architecture, Layer, Linear, Parameters};
use crate::data::{Dataset, as_f64, samples};
use crate::fit::FitError;
use crate::random::Stream;
use crate::system::tensor;

/// States among which pairs are drawn.
const MAX_STATES: usize = 4096;
/// A unit's tanh goes from −½ to ½ between the two states of its pair. Bolager et al. (2023), definition 1.
const SLOPE: f64 = 1.098_612_288_668_109_8;
/// Closest pair, in root mean square distances from the mean: units are not steeper than an energy that the data could show.
const MIN_DISTANCE: f64 = 0.5;

/// The initial parameters, hidden layers replaced: unit k of a layer has wₖ = ln 3 (b − a)/|b − a|² and its centre halfway
/// between a and b, two inputs of this layer for states of the data drawn at random.
pub(super) fn hidden_layers(architecture: &Architecture, data: &Dataset, seed: u64) -> Result<Parameters, FitError> {
    let mut parameters = architecture.initial.clone();
    let states = samples(data, MAX_STATES);
    let x = tensor(states.count, 2 * data.dof, states.x)?;
    for layer in architecture.linear.layers() {
        let inputs = layer_inputs(&architecture.linear, layer, &parameters, &x)?;
        let shape = match parameters.get(&layer.weight) {
            Some(weight) => weight.shape().to_vec(),
            None => continue,
        };
        let mut stream = Stream::new(seed, &format!("pairs of {}", layer.weight), 0);
        let (weight, bias) = units(&inputs, [shape[0], shape[1]], &mut stream);
        parameters.insert(layer.bias.clone(), Tensor::new(vec![shape[0]], bias)?);
        parameters.insert(layer.weight.clone(), Tensor::new(shape, weight)?);
    }
    Ok(parameters)
}

/// What a layer reads for these states, `[rows × inputs]`.
fn layer_inputs(linear: &Linear, layer: &Layer, parameters: &Parameters, x: &Tensor) -> Result<Vec<f64>, FitError> {
    let bound = linear.graph().bind(&|name| parameters.get(name).cloned())?;
    let Some(node) = bound.output(&layer.input) else { return Ok(Vec::new()) };
    let mut graph = Graph::new();
    if let Some(state) = bound.leaf(hnn_exporter::dynamics::STATE) {
        graph.add(bound.node(state).op.clone(), &[])?;
    }
    let placed = graph.inline(&bound, &[node], &|_, _| None)?[0];
    graph.set_output(&layer.input, placed);
    let values = Evaluator::new(&graph)?.run(&[(hnn_exporter::dynamics::STATE, x)])?;
    Ok(values.first().map_or_else(Vec::new, |tensor| tensor.data().to_vec()))
}

fn units(z: &[f64], [units, inputs]: [usize; 2], stream: &mut Stream) -> (Vec<f64>, Vec<f64>) {
    let rows = z.len() / inputs;
    let nearest = MIN_DISTANCE * spread(z, inputs);
    let (mut weight, mut bias) = (Vec::with_capacity(units * inputs), Vec::with_capacity(units));
    for _ in 0..units {
        let mut pick = || {
            let row = stream.below(rows);
            &z[row * inputs..(row + 1) * inputs]
        };
        let (a, b) = (pick(), pick());
        let square = a.iter().zip(b).map(|(a, b)| (b - a).powi(2)).sum::<f64>().max(nearest * nearest);
        let row: Vec<f64> = a.iter().zip(b).map(|(a, b)| SLOPE * (b - a) / square).collect();
        let centre: f64 = row.iter().zip(a.iter().zip(b)).map(|(weight, (a, b))| weight * 0.5 * (a + b)).sum();
        weight.extend(row);
        bias.push(-centre);
    }
    (weight, bias)
}

/// Root mean square distance from the mean; 1 where all are the same.
fn spread(z: &[f64], inputs: usize) -> f64 {
    let moments = crate::data::Moments::of(z, inputs);
    let square: f64 = moments.deviation.iter().map(|deviation| deviation * deviation).sum();
    if square > 0.0 { square.sqrt() } else { as_f64(1) }
}
