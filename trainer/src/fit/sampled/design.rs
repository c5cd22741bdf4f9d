//! The linear equations of a model: J∇φ at given states, from the features' graph by differentiating twice.

use hnn_exporter::differentiate::vjp;
use hnn_exporter::dynamics::{self, STATE};
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::{Graph, GraphError, NodeId, Shape, Tensor};

use super::Units;
use super::ridge::Sizes;
use crate::architecture::{Architecture, Linear, Parameters};
use crate::data::{NODES, centre_columns, cumulative_integrals};
use crate::fit::FitError;
use crate::system::tensor;

/// Most numbers of a block of equations.
const MAX_BLOCK: usize = 1 << 21;
/// The cotangent of the features, which the slopes do not depend on.
const COTANGENT: &str = "cotangent";

/// ẋ = f₀(x) + Σ wₖ J∇φₖ(x), to be evaluated for many states.
#[derive(Debug)]
pub(super) struct Design {
    slopes: Evaluator,
    features: Evaluator,
    /// The field with every linear parameter at 0.
    rest: Evaluator,
    dof: usize,
    unknowns: usize,
}

/// Equations A w = b, row by row, before b is known.
#[derive(Debug)]
pub(super) struct Block {
    /// Row-major, `[rows·2n × unknowns]`.
    matrix: Vec<f64>,
    /// What does not depend on the unknowns, `[rows·2n]`.
    rest: Vec<f64>,
    width: usize,
    unknowns: usize,
}

impl Design {
    /// For an architecture whose other parameters have these values.
    pub(super) fn new(architecture: &Architecture, parameters: &Parameters) -> Result<Self, FitError> {
        let linear = &architecture.linear;
        let model = architecture.model.hamiltonian()?;
        let dof = model.dof();
        let value = |name: &str| parameters.get(name).cloned();
        let features = all_features(linear, dof)?.bind(&value)?;
        let at_rest = |name: &str| {
            let mut tensor = parameters.get(name)?.clone();
            if linear.terms().iter().any(|term| term.parameter == name) {
                tensor.data_mut().fill(0.0);
            }
            Some(tensor)
        };
        Ok(Self {
            slopes: Evaluator::new(&slopes(&features, dof)?)?,
            features: Evaluator::new(&features)?,
            rest: Evaluator::new(&dynamics::field(&model.bind(&at_rest)?)?)?,
            dof,
            unknowns: linear.unknowns(),
        })
    }

    pub(super) fn unknowns(&self) -> usize {
        self.unknowns
    }

    /// States whose equations are made together.
    pub(super) fn chunk(&self) -> usize {
        (MAX_BLOCK / (2 * self.dof * self.unknowns)).max(1)
    }

    /// The equations of ẋ at states `[rows × 2n]`.
    pub(super) fn rates(&self, x: &[f64]) -> Result<Block, FitError> {
        let width = 2 * self.dof;
        let rows = x.len() / width;
        let x = tensor(rows, width, x.to_vec())?;
        let slopes = self.slopes.run(&[(STATE, &x)])?;
        let mut matrix = Vec::with_capacity(rows * width * self.unknowns);
        for row in 0..rows {
            // q̇ᵢ = ∂H/∂pᵢ, ṗᵢ = −∂H/∂qᵢ.
            for coordinate in 0..width {
                let (of, sign) =
                    if coordinate < self.dof { (coordinate + self.dof, 1.0) } else { (coordinate - self.dof, -1.0) };
                let slope = &slopes[of].data()[row * self.unknowns..(row + 1) * self.unknowns];
                matrix.extend(slope.iter().map(|value| sign * value));
            }
        }
        let rest = self.rest.run(&[(STATE, &x)])?;
        let rest = rest.first().map_or_else(Vec::new, |tensor| tensor.data().to_vec());
        Ok(Block { matrix, rest, width, unknowns: self.unknowns })
    }

    /// How large each unknown's terms are in H and in ẋ, at states `[rows × 2n]`, in their units.
    pub(super) fn sizes(&self, x: &[f64], units: &Units) -> Result<Sizes, FitError> {
        let rows = x.len() / (2 * self.dof);
        let block = self.rates(x)?;
        let rates = block.matrix.chunks_exact(self.unknowns).zip(units.rate.iter().cycle());
        let mut sizes: Vec<f64> =
            rates.flat_map(|(row, unit)| row.iter().map(move |value| value.abs() / unit)).collect();
        let values = self.features.run(&[(STATE, &tensor(rows, 2 * self.dof, x.to_vec())?)])?;
        if let Some(features) = values.first() {
            sizes.extend(features.data().iter().map(|value| value.abs() / units.energy));
        }
        Ok(Sizes { rows: sizes, unknowns: self.unknowns })
    }
}

impl Block {
    /// Integrates over the times of consecutive rows, from the first.
    pub(super) fn integrate(self, time: &[f64]) -> Self {
        let matrix = cumulative_integrals(time, &self.matrix, self.width * self.unknowns, NODES);
        let rest = cumulative_integrals(time, &self.rest, self.width, NODES);
        Self { matrix, rest, ..self }
    }

    /// Σ wₖ Aₖ + the rest.
    pub(super) fn apply(&self, weights: &[f64]) -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(weights).map(|(a, w)| a * w).sum::<f64>();
        self.matrix.chunks_exact(self.unknowns).zip(&self.rest).map(|(row, rest)| dot(row) + rest).collect()
    }

    /// Rows `[A | b]` of the equations A w = `target` − rest, each divided by its coordinate's unit.
    pub(super) fn against(&self, target: &[f64], unit: &[f64]) -> Vec<f64> {
        let mut rows = Vec::with_capacity(target.len() * (self.unknowns + 1));
        let values = target.iter().zip(&self.rest).zip(unit.iter().cycle());
        for (row, ((target, rest), unit)) in self.matrix.chunks_exact(self.unknowns).zip(values) {
            rows.extend(row.iter().map(|value| value / unit));
            rows.push((target - rest) / unit);
        }
        rows
    }

    /// The same with an unknown constant per coordinate, which is eliminated by centring every column.
    pub(super) fn against_centred(self, target: &[f64], unit: &[f64]) -> Vec<f64> {
        let (mut matrix, mut difference) = (self.matrix, target.to_vec());
        centre_columns(&mut matrix, self.width * self.unknowns);
        difference.iter_mut().zip(&self.rest).for_each(|(value, rest)| *value -= rest);
        centre_columns(&mut difference, self.width);
        let rest = vec![0.0; difference.len()];
        Self { matrix, rest, ..self }.against(&difference, unit)
    }
}

/// `x` → `features` `[batch, unknowns]`, of all terms behind each other.
fn all_features(linear: &Linear, dof: usize) -> Result<Graph, GraphError> {
    let mut graph = Graph::new();
    graph.input(STATE, Shape::batched(&[2 * dof])?)?;
    let outputs: Vec<NodeId> = linear.terms().iter().filter_map(|term| linear.graph().output(&term.features)).collect();
    let placed = graph.inline(linear.graph(), &outputs, &|_, _| None)?;
    let mut parts = Vec::with_capacity(placed.len());
    for (node, term) in placed.into_iter().zip(linear.terms()) {
        parts.push(graph.broadcast(node, Shape::batched(&[term.len])?)?);
    }
    let features = if parts.len() == 1 { parts[0] } else { graph.concat(&parts, 1)? };
    graph.set_output("features", features);
    Ok(graph)
}

/// `x` → ∂φ/∂xᵢ, `[batch, unknowns]`, one output per coordinate.
///
/// The pullback cᵀ ∂φ/∂x is linear in the cotangent c, so its own pullback along eᵢ is ∂φ/∂xᵢ, whatever c is (J. Townsend, *A new
/// trick for calculating Jacobian vector products*, 2017).
fn slopes(features: &Graph, dof: usize) -> Result<Graph, GraphError> {
    let mut graph = features.clone();
    let missing = || GraphError::Name("a graph of features has an input `x` and an output `features`".to_owned());
    let (x, phi) = (graph.leaf(STATE).ok_or_else(missing)?, graph.output("features").ok_or_else(missing)?);
    let shape = graph.shape(phi).clone();
    let cotangent = graph.input(COTANGENT, shape)?;
    let pullback = vjp(&mut graph, &[(phi, cotangent)], &[x])?[0];
    let mut derived = Graph::new();
    derived.input(STATE, Shape::batched(&[2 * dof])?)?;
    for coordinate in 0..2 * dof {
        let mut unit = vec![0.0; 2 * dof];
        unit[coordinate] = 1.0;
        let direction = graph.constant(Tensor::new(vec![2 * dof], unit)?)?;
        let slope = vjp(&mut graph, &[(pullback, direction)], &[cotangent])?[0];
        let placed = derived.inline(&graph, &[slope], &|_, _| None)?[0];
        derived.set_output(&format!("slope_{coordinate}"), placed);
    }
    Ok(derived)
}
