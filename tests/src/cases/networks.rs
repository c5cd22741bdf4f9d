//! Small networks, written with the graph builder and fixed random weights: each activation and each way to be damped or driven.
//!
//! Widths are chosen so that weight panels are full, ragged, and narrower than one group.

use anyhow::Result;
use hnn_exporter::dynamics::Model;
use hnn_exporter::graph::{Comparison, Graph, GraphError, NodeId, Shape, Tensor};

use super::Uniform;

type Build = fn() -> Result<Model>;
type Activation = fn(&mut Graph, NodeId) -> Result<NodeId, GraphError>;

/// Name, how it is built, whether H = T(p) + V(q).
pub(super) const ALL: [(&str, Build, bool); 10] = [
    ("mlp_tanh", || mlp(1, &[8, 8], Graph::tanh), false),
    ("mlp_softplus_ragged", || mlp(2, &[7, 5], Graph::softplus), false),
    ("mlp_sine_narrow", || mlp(1, &[3, 6], Graph::sin), false),
    ("mlp_silu_residual", || residual(8), false),
    ("mlp_gelu", || gelu(8), false),
    ("spring_with_stops", stops, true),
    ("separable_quadratic", || separable(2).and_then(model), true),
    ("port_diagonal_constant", || damped(1, Damping::Constant), true),
    ("port_diagonal_in_state", || damped(2, Damping::InState), true),
    ("port_full_in_state", || damped(2, Damping::Full), true),
];

/// The same, wide enough that generated source goes through its loops; none splits.
pub(super) const WIDE: [(&str, Build); 6] = [
    ("wide_tanh", || mlp(1, &[32, 32], Graph::tanh)),
    ("wide_softplus", || mlp(2, &[19, 14], Graph::softplus)),
    ("wide_sine", || mlp(1, &[12, 21], Graph::sin)),
    ("wide_sigmoid", || mlp(1, &[13, 10], Graph::sigmoid)),
    ("wide_silu_residual", || residual(13)),
    ("wide_gelu", || gelu(18)),
];

/// A graph under construction with its weights' generator.
struct Network {
    graph: Graph,
    x: NodeId,
    dof: usize,
    weights: Uniform,
}

impl Network {
    fn new(dof: usize) -> Result<Self, GraphError> {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[2 * dof])?)?;
        Ok(Self { graph, x, dof, weights: Uniform(0xcafe) })
    }

    /// Uniform in ±1/√inputs, rounded to f32 so that no executor loses anything.
    fn weight(&mut self, shape: &[usize], inputs: usize) -> Result<NodeId, GraphError> {
        let bound = 1.0 / (inputs as f64).sqrt();
        let len = shape.iter().product();
        let values = (0..len).map(|_| f64::from((bound * (2.0 * self.weights.next() - 1.0)) as f32)).collect();
        self.graph.constant(Tensor::new(shape.to_vec(), values)?)
    }

    /// W x + b for `x` of shape `[batch, inputs]`.
    fn dense(&mut self, x: NodeId, inputs: usize, outputs: usize) -> Result<NodeId, GraphError> {
        let weight = self.weight(&[outputs, inputs], inputs)?;
        let bias = self.weight(&[outputs], inputs)?;
        let product = self.graph.matmul_transposed(x, weight)?;
        self.graph.add_values(product, bias)
    }

    fn hidden(&mut self, x: NodeId, inputs: usize, widths: &[usize], act: Activation) -> Result<NodeId, GraphError> {
        let (mut x, mut inputs) = (x, inputs);
        for width in widths {
            let sum = self.dense(x, inputs, *width)?;
            x = act(&mut self.graph, sum)?;
            inputs = *width;
        }
        self.dense(x, inputs, 1)
    }

    fn positions(&mut self) -> Result<NodeId, GraphError> {
        self.graph.slice(self.x, 1, 0, self.dof)
    }

    fn momenta(&mut self) -> Result<NodeId, GraphError> {
        self.graph.slice(self.x, 1, self.dof, self.dof)
    }
}

fn model(network: Network) -> Result<Model> {
    Ok(Model::new(network.graph)?)
}

fn mlp(dof: usize, widths: &[usize], activation: Activation) -> Result<Model> {
    let mut network = Network::new(dof)?;
    let energy = network.hidden(network.x, 2 * dof, widths, activation)?;
    network.graph.set_output("H", energy);
    model(network)
}

/// The network that the peers of `cargo xtask bench mcu` compute: 2-n-n-1 with tanh.
pub(super) fn plain(width: usize) -> Result<Model> {
    mlp(1, &[width, width], Graph::tanh)
}

/// SiLU x·σ(x), with a skip over the second layer.
fn residual(width: usize) -> Result<Model> {
    let mut network = Network::new(1)?;
    let first = network.dense(network.x, 2, width)?;
    let first = silu(&mut network.graph, first)?;
    let second = network.dense(first, width, width)?;
    let second = silu(&mut network.graph, second)?;
    let joined = network.graph.add_values(first, second)?;
    let energy = network.dense(joined, width, 1)?;
    network.graph.set_output("H", energy);
    model(network)
}

fn silu(graph: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    let gate = graph.sigmoid(x)?;
    graph.mul(x, gate)
}

/// GELU ½x(1 + erf(x/√2)), with weights kept as `[inputs, outputs]` and transposed in the graph.
fn gelu(width: usize) -> Result<Model> {
    let mut network = Network::new(1)?;
    let weight = network.weight(&[2, width], 2)?;
    let graph = &mut network.graph;
    let weight = graph.transpose(weight, &[1, 0])?;
    let sum = graph.matmul_transposed(network.x, weight)?;
    let scaled = graph.scale(sum, std::f64::consts::FRAC_1_SQRT_2)?;
    let erf = graph.erf(scaled)?;
    let one = graph.scalar(1.0)?;
    let gate = graph.add_values(erf, one)?;
    let gated = graph.mul(sum, gate)?;
    let hidden = graph.scale(gated, 0.5)?;
    let energy = network.dense(hidden, width, 1)?;
    network.graph.set_output("H", energy);
    model(network)
}

/// H = ½p² + (|q| > ½ ? 4(|q| − ½)² : 0) + q·atan q + ½ min(q², 1): a spring that is stiffer at its stops.
fn stops() -> Result<Model> {
    let mut network = Network::new(1)?;
    let (q, p) = (network.positions()?, network.momenta()?);
    let graph = &mut network.graph;
    let (half, one, zero) = (graph.scalar(0.5)?, graph.scalar(1.0)?, graph.scalar(0.0)?);
    let distance = graph.abs(q)?;
    let beyond = graph.sub(distance, half)?;
    let pressed = graph.compare(Comparison::Greater, distance, half)?;
    let stiff = graph.mul(beyond, beyond)?;
    let stiff = graph.scale(stiff, 4.0)?;
    let contact = graph.select(pressed, stiff, zero)?;
    let angle = graph.atan(q)?;
    let bend = graph.mul(q, angle)?;
    let (square, kinetic) = (graph.mul(q, q)?, graph.mul(p, p)?);
    let bounded = graph.min(square, one)?;
    let halves = graph.add_values(bounded, kinetic)?;
    let halves = graph.scale(halves, 0.5)?;
    let energy = graph.add_values(contact, bend)?;
    let energy = graph.add_values(energy, halves)?;
    graph.set_output("H", energy);
    model(network)
}

/// H = ½ pᵀ L Lᵀ p + V(sin q, cos q), with a network V.
fn separable(dof: usize) -> Result<Network> {
    let mut network = Network::new(dof)?;
    let (q, p) = (network.positions()?, network.momenta()?);
    let factor = network.weight(&[dof, dof], dof)?;
    let scaled = network.graph.matmul(p, factor)?;
    let squares = network.graph.mul(scaled, scaled)?;
    let sum = network.graph.sum_keep(squares, &[1])?;
    let kinetic = network.graph.scale(sum, 0.5)?;
    let (sine, cosine) = (network.graph.sin(q)?, network.graph.cos(q)?);
    let embedded = network.graph.concat(&[sine, cosine], 1)?;
    let potential = network.hidden(embedded, 2 * dof, &[6, 5], Graph::tanh)?;
    let energy = network.graph.add_values(kinetic, potential)?;
    network.graph.set_output("H", energy);
    Ok(network)
}

#[derive(Clone, Copy)]
enum Damping {
    Constant,
    InState,
    Full,
}

/// A separable H with dissipation R ⪰ 0 and one input of constant gain.
fn damped(dof: usize, damping: Damping) -> Result<Model> {
    let mut network = separable(dof)?;
    network.graph.input("u", Shape::batched(&[1])?)?;
    let gain = network.weight(&[dof, 1], 1)?;
    network.graph.set_output("G", gain);
    let dissipation = match damping {
        Damping::Constant => {
            let root = network.weight(&[dof], 1)?;
            network.graph.mul(root, root)?
        }
        Damping::InState => {
            let raw = network.dense(network.x, 2 * dof, dof)?;
            network.graph.softplus(raw)?
        }
        Damping::Full => {
            let raw = network.dense(network.x, 2 * dof, dof * dof)?;
            let factor = network.graph.reshape(raw, Shape::batched(&[dof, dof])?)?;
            network.graph.matmul_transposed(factor, factor)?
        }
    };
    network.graph.set_output("R", dissipation);
    model(network)
}
