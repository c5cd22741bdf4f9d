//! Weights in fewer bits, as a change of the model itself.
//!
//! Matrices of the energy's graph are rounded to what f16 or eight-bit whole numbers with a scale per row can say. What is
//! differentiated, exported, validated and stepped afterwards is that model: its field is the gradient of its energy, exactly as
//! before. [`lower_as`](crate::lower::lower_as) then stores the matrices in as few bits.

use std::collections::BTreeMap;

use half::f16;
use hnn_runtime::format::WeightKind;

use crate::dynamics::{DynamicsError, Model};
use crate::graph::{Graph, GraphError, NodeId, Op, Tensor};
use crate::optimize::{Storage, optimize_for};

/// How the device stores weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// IEEE binary32.
    #[default]
    F32,
    /// IEEE binary16.
    F16,
    /// Whole numbers of eight bits, with an f32 scale for each row of a matrix.
    Int8,
}

impl Weights {
    /// The name on the command line and in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.kind().name()
    }

    /// Its code in a blob.
    #[must_use]
    pub const fn kind(self) -> WeightKind {
        match self {
            Self::F32 => WeightKind::F32,
            Self::F16 => WeightKind::F16,
            Self::Int8 => WeightKind::Int8,
        }
    }

    /// Words of a panel of so many rows and columns.
    pub(crate) fn panel_words(self, rows: usize, cols: usize) -> usize {
        // Lengths that do not fit are far beyond what lowering accepts.
        let [rows, cols] = [rows, cols].map(|len| u32::try_from(len).unwrap_or(u32::MAX));
        usize::try_from(self.kind().panel_words(rows, cols)).unwrap_or(usize::MAX)
    }
}

impl From<WeightKind> for Weights {
    fn from(kind: WeightKind) -> Self {
        match kind {
            WeightKind::F32 => Self::F32,
            WeightKind::F16 => Self::F16,
            WeightKind::Int8 => Self::Int8,
        }
    }
}

/// Why weights cannot be stored as asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// A weight has no finite f16.
    #[error("a weight of {0} is beyond f16, whose largest number is 65504; store weights as f32 or int8")]
    Range(String),
    /// The graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// What came out is no model.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
}

/// The model whose matrices, as they are after optimization, are what the storage can say; vectors and biases are left alone.
///
/// # Errors
/// [`WeightsError`].
pub fn rounded(model: &Model, weights: Weights) -> Result<Model, WeightsError> {
    if weights == Weights::F32 {
        return Ok(model.clone());
    }
    let graph = optimize_for(model.graph(), Storage::Once)?;
    let mut rounded = Graph::new();
    for (name, id) in model.graph().inputs() {
        rounded.input(name, model.graph().shape(id).clone())?;
    }
    let mut places: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    for (id, axis) in matrices(&graph) {
        if let Some(tensor) = graph.constant_value(id) {
            let tensor = round(tensor, axis, weights)?;
            places.insert(id, rounded.constant(tensor)?);
        }
    }
    let roots: Vec<NodeId> = graph.outputs().iter().map(|(_, id)| *id).collect();
    let placed = rounded.inline(&graph, &roots, &|id, _| places.get(&id).copied())?;
    for ((name, _), id) in graph.outputs().iter().zip(placed) {
        rounded.set_output(name, id);
    }
    Ok(Model::new(rounded)?)
}

/// Constants that are a factor of a product, with the axis of the rows of the layer they are: that of the product's result.
fn matrices(graph: &Graph) -> BTreeMap<NodeId, usize> {
    let mut found = BTreeMap::new();
    for node in graph.nodes() {
        let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { continue };
        for (arg, axis) in [(node.args[0], usize::from(transpose_lhs)), (node.args[1], usize::from(!transpose_rhs))] {
            let is_matrix =
                graph.constant_value(arg).is_some_and(|value| matches!(value.shape(), [a, b] if *a > 1 && *b > 1));
            if is_matrix {
                found.entry(arg).or_insert(axis);
            }
        }
    }
    found
}

fn round(tensor: &Tensor, axis: usize, weights: Weights) -> Result<Tensor, WeightsError> {
    let (shape, data) = (tensor.shape(), tensor.data());
    let row_of = |flat: usize| if axis == 0 { flat / shape[1] } else { flat % shape[1] };
    let values: Vec<f64> = match weights {
        Weights::F32 => data.to_vec(),
        Weights::F16 => {
            let beyond = |value: &&f64| !f16::from_f64(**value).is_finite();
            if let Some(value) = data.iter().find(beyond) {
                return Err(WeightsError::Range(value.to_string()));
            }
            data.iter().map(|value| f16::from_f64(*value).to_f64() + 0.0).collect()
        }
        Weights::Int8 => {
            let mut largest = vec![0.0_f64; shape[axis]];
            for (flat, value) in data.iter().enumerate() {
                largest[row_of(flat)] = largest[row_of(flat)].max(value.abs());
            }
            let scales: Vec<f64> = largest.iter().map(|largest| scale(*largest)).collect();
            let whole = |flat: usize, value: &f64| match scales[row_of(flat)] {
                0.0 => 0.0,
                scale => (value / scale).round_ties_even() * scale + 0.0,
            };
            data.iter().enumerate().map(|(flat, value)| whole(flat, value)).collect()
        }
    };
    Ok(Tensor::new(shape.to_vec(), values)?)
}

/// The scale of a row: its largest weight over 127, rounded up to 17 digits, so that every product with seven more is an f32.
fn scale(largest: f64) -> f64 {
    /// Digits of an f64 beyond those 17.
    const DROPPED: u32 = 53 - 17;
    let bits = (largest / f64::from(i8::MAX)).to_bits();
    let unit = 1_u64 << DROPPED;
    f64::from_bits((bits + unit - 1) & !(unit - 1))
}
