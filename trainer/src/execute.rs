//! Evaluates a graph on burn tensors, so that what is trained is the graph that is exported.
//!
//! Every primitive becomes forward operations of burn; on a device with automatic differentiation the first derivative
//! with respect to the parameters follows from them. This is the only module that names both burn tensors and graph operators.
//!
//! A burn tensor carries its rank in its type, a graph value does not. All values are therefore held at one rank, [`RANK`],
//! with leading dimensions of 1: broadcasting, which aligns at the right, is not changed by them. Measured on the training
//! step of a field loss (2-32-1 and 2-200-1, 25 and 750 rows, f32), rank 6 takes the time of rank 2 and gives the same bits; an
//! enum over ranks would only add conversions.

mod device;
mod operator;
#[cfg(test)]
mod tests;

use operator::Kernel;

use burn::tensor::{self, Bool, DType, Tensor, TensorCreationOptions, TensorData};
use hnn_exporter::graph::{self, Graph, NodeId, Op};
use serde::{Deserialize, Serialize};

pub use device::{Device, DeviceError};

/// Rank at which every value is held: the largest a graph may have.
pub const RANK: usize = graph::MAX_RANK;

/// A tensor of real numbers, with leading dimensions of 1.
pub type Real = Tensor<RANK>;

/// Why a graph cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecuteError {
    /// An output is wanted that the graph does not have.
    #[error("the graph has no output `{0}`")]
    UnknownOutput(String),
    /// A leaf is needed and no value was given for it.
    #[error("no value was given for `{0}`")]
    MissingValue(String),
    /// A value does not have the shape of its leaf.
    #[error("`{name}` is {expected}, the value given has shape {found:?}")]
    WrongShape {
        /// The leaf.
        name: String,
        /// Its shape in the graph.
        expected: String,
        /// The shape given.
        found: Vec<usize>,
    },
    /// A wanted output is a truth value.
    #[error("output `{0}` is a truth value, not a number")]
    NotANumber(String),
    /// A tensor could not be read back.
    #[error("a tensor cannot be read: {0}")]
    Unreadable(String),
}

/// Precision of the numbers in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single.
    #[default]
    F32,
    /// IEEE double.
    F64,
}

impl Precision {
    fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F64 => DType::F64,
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

impl std::str::FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f32" => Ok(Self::F32),
            "f64" => Ok(Self::F64),
            other => Err(format!("`{other}` is no precision; there are f32 and f64")),
        }
    }
}

/// Where and how precisely tensors are computed.
///
/// Every tensor is created with its precision named, so both precisions can be used in one process.
#[derive(Debug, Clone)]
pub struct Arithmetic {
    device: tensor::Device,
    dtype: DType,
}

impl Arithmetic {
    /// A device, without derivatives.
    ///
    /// # Errors
    /// [`DeviceError`] where this build, this machine or the device's precisions do not allow it.
    pub fn on(device: Device, precision: Precision) -> Result<Self, DeviceError> {
        let dtype = precision.dtype();
        // burn's default device may be another one, and the environment may override it.
        let opened = device.open()?;
        if !opened.supports_dtype(dtype) {
            return Err(DeviceError::Precision { device, precision });
        }
        Ok(Self { device: opened, dtype })
    }

    /// The processor, without derivatives.
    #[must_use]
    pub fn plain(precision: Precision) -> Self {
        Self { device: tensor::Device::flex(), dtype: precision.dtype() }
    }

    /// The processor, recording operations for derivatives.
    #[must_use]
    pub fn differentiable(precision: Precision) -> Self {
        Self::plain(precision).with_derivatives()
    }

    /// The same, recording operations for derivatives.
    #[must_use]
    pub fn with_derivatives(&self) -> Self {
        Self { device: self.device.clone().autodiff(), dtype: self.dtype }
    }

    /// What the hardware is called, where the device tells: a graphics adapter may be a program on the processor.
    #[must_use]
    pub fn hardware(&self) -> Option<String> {
        device::hardware(&self.device)
    }

    /// The same without recording.
    #[must_use]
    pub fn without_derivatives(&self) -> Self {
        Self { device: self.device.clone().without_autodiff(), dtype: self.dtype }
    }

    /// A tensor of `shape` (rank at most [`RANK`]) with the given row-major values, rounded to the precision.
    ///
    /// `values` fills `shape`; callers take both from one place.
    #[must_use]
    pub fn upload(&self, shape: &[usize], values: &[f64]) -> Real {
        let data = TensorData::new(values.to_vec(), padded(shape));
        let data = data.convert_dtype(self.dtype);
        Real::from_data(data, self.options())
    }

    /// A constant tensor of the graph.
    #[must_use]
    pub fn upload_tensor(&self, tensor: &graph::Tensor) -> Real {
        self.upload(tensor.shape(), tensor.data())
    }

    fn zeros(&self, dims: [usize; RANK]) -> Real {
        Real::zeros(dims, self.options())
    }

    fn options(&self) -> TensorCreationOptions {
        TensorCreationOptions::new(self.device.clone()).with_dtype(self.dtype)
    }
}

/// The values of a tensor, row-major, widened to f64.
///
/// # Errors
/// [`ExecuteError::Unreadable`] where burn cannot give them.
pub fn download(tensor: &Real) -> Result<Vec<f64>, ExecuteError> {
    let data = tensor.clone().try_into_data().map_err(|error| ExecuteError::Unreadable(error.to_string()))?;
    let data = data.convert::<f64>();
    data.try_to_vec::<f64>().map_err(|error| ExecuteError::Unreadable(format!("{error:?}")))
}

/// The one value of a tensor with one element.
///
/// # Errors
/// [`ExecuteError::Unreadable`] where burn cannot give it.
pub fn download_scalar(tensor: &Real) -> Result<f64, ExecuteError> {
    download(tensor)?.first().copied().ok_or_else(|| ExecuteError::Unreadable("it is empty".to_owned()))
}

fn padded(shape: &[usize]) -> [usize; RANK] {
    let mut dims = [1; RANK];
    let missing = RANK.saturating_sub(shape.len());
    for (dim, len) in dims.iter_mut().skip(missing).zip(shape) {
        *dim = *len;
    }
    dims
}

#[derive(Debug, Clone)]
enum Value {
    Real(Real),
    Truth(Tensor<RANK, Bool>),
}

impl Value {
    fn real(self) -> Option<Real> {
        if let Self::Real(tensor) = self { Some(tensor) } else { None }
    }
}

#[derive(Debug)]
struct Step {
    kernel: Kernel,
    arg_rank: usize,
    args: Vec<Arg>,
    shape: graph::Shape,
    target: usize,
}

/// An argument: a slot, and whether this is its last use, after which burn may write in place.
#[derive(Debug, Clone, Copy)]
struct Arg {
    slot: usize,
    last: bool,
}

#[derive(Debug)]
struct Leaf {
    name: String,
    shape: graph::Shape,
    slot: usize,
}

/// A graph planned for repeated evaluation: only the nodes its outputs need, constants uploaded once.
#[derive(Debug)]
pub struct Executor {
    arithmetic: Arithmetic,
    slots: Vec<Option<Value>>,
    inputs: Vec<Leaf>,
    parameters: Vec<Leaf>,
    steps: Vec<Step>,
    results: Vec<(String, usize)>,
}

impl Executor {
    /// Plans the evaluation of the named outputs.
    ///
    /// # Errors
    /// [`ExecuteError::UnknownOutput`], or [`ExecuteError::NotANumber`] for a truth value.
    pub fn new(graph: &Graph, outputs: &[&str], arithmetic: &Arithmetic) -> Result<Self, ExecuteError> {
        let mut results = Vec::with_capacity(outputs.len());
        for name in outputs {
            let id = graph.output(name).ok_or_else(|| ExecuteError::UnknownOutput((*name).to_owned()))?;
            if graph.node(id).ty.kind == graph::Kind::Truth {
                return Err(ExecuteError::NotANumber((*name).to_owned()));
            }
            results.push(((*name).to_owned(), id.index()));
        }
        let roots: Vec<NodeId> = outputs.iter().filter_map(|name| graph.output(name)).collect();
        let needed = graph.needed(roots.iter().copied());
        let mut executor = Self {
            arithmetic: arithmetic.clone(),
            slots: vec![None; graph.nodes().len()],
            inputs: Vec::new(),
            parameters: Vec::new(),
            steps: Vec::new(),
            results,
        };
        for id in graph.ids().filter(|id| needed[id.index()]) {
            executor.plan(graph, id);
        }
        executor.mark_last_uses(&roots);
        Ok(executor)
    }

    fn plan(&mut self, graph: &Graph, id: NodeId) {
        let node = graph.node(id);
        let slot = id.index();
        let leaf = |name: &str| Leaf { name: name.to_owned(), shape: node.ty.shape.clone(), slot };
        match &node.op {
            Op::Input(name, _) => self.inputs.push(leaf(name)),
            Op::Parameter(name, _) => self.parameters.push(leaf(name)),
            Op::Constant(tensor) => self.slots[slot] = Some(Value::Real(self.arithmetic.upload_tensor(tensor))),
            op => {
                let (kernel, args) = Kernel::select(op, graph, &node.args);
                self.steps.push(Step {
                    kernel,
                    arg_rank: node.args.first().map_or(0, |arg| graph.shape(*arg).rank()),
                    args: args.iter().map(|arg| Arg { slot: arg.index(), last: false }).collect(),
                    shape: node.ty.shape.clone(),
                    target: slot,
                });
            }
        }
    }

    fn mark_last_uses(&mut self, roots: &[NodeId]) {
        let mut used = vec![false; self.slots.len()];
        for root in roots {
            used[root.index()] = true;
        }
        for step in self.steps.iter_mut().rev() {
            for arg in step.args.iter_mut().rev() {
                arg.last = !std::mem::replace(&mut used[arg.slot], true);
            }
        }
    }

    /// Names of the parameters the outputs depend on, in the order of the graph.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|leaf| leaf.name.as_str())
    }

    /// Number of operations in one evaluation.
    #[must_use]
    pub fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// Evaluates the outputs, in the order they were named.
    ///
    /// `value` supplies inputs and parameters by name. The batch is read from the first batched input.
    ///
    /// # Errors
    /// [`ExecuteError::MissingValue`] and [`ExecuteError::WrongShape`].
    pub fn run(&self, value: &dyn Fn(&str) -> Option<Real>) -> Result<Vec<Real>, ExecuteError> {
        let mut slots = self.slots.clone();
        let mut batch = None;
        for leaf in self.inputs.iter().chain(&self.parameters) {
            let tensor = value(&leaf.name).ok_or_else(|| ExecuteError::MissingValue(leaf.name.clone()))?;
            let dims = tensor.dims();
            if leaf.shape.is_batched() && batch.is_none() {
                batch = Some(dims[RANK - leaf.shape.rank()]);
            }
            if dims != padded(&leaf.shape.resolve(batch.unwrap_or(1))) {
                return Err(ExecuteError::WrongShape {
                    name: leaf.name.clone(),
                    expected: leaf.shape.to_string(),
                    found: dims.to_vec(),
                });
            }
            slots[leaf.slot] = Some(Value::Real(tensor));
        }
        for step in &self.steps {
            let dims = padded(&step.shape.resolve(batch.unwrap_or(1)));
            let args = step.args.iter().filter_map(|arg| take(&mut slots, *arg)).collect();
            slots[step.target] = operator::apply(step, args, dims, &self.arithmetic);
        }
        self.results
            .iter()
            .map(|(name, slot)| match &slots[*slot] {
                Some(Value::Real(tensor)) => Ok(tensor.clone()),
                _ => Err(ExecuteError::NotANumber(name.clone())),
            })
            .collect()
    }
}

fn take(slots: &mut [Option<Value>], arg: Arg) -> Option<Value> {
    if arg.last { slots[arg.slot].take() } else { slots[arg.slot].clone() }
}
