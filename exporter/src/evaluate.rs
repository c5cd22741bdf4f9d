//! The meaning of every operator, in f64: the oracle all other executors are compared with.
//!
//! Plain and deterministic: elementary functions come from `libm`, sums run in ascending index order from +0, so two
//! machines agree to the bit. Truth values are 1 and 0. Edges are those of the runtime: `max` and `min` of anything with NaN
//! are NaN, and +0 is larger than −0; `sign` of ±0 is +0, of NaN is NaN; `floor` and `round` keep the sign of zero; `select` takes its second argument where the
//! condition is not 0; comparisons with NaN are false; `pow`, division and the rest follow IEEE 754 and C99.
//!
//! It knows no precision but f64 and no layout but row-major. It is vectorised over the batch, because it also integrates
//! ground truth.

mod elementwise;
mod strides;
mod structure;

use std::borrow::Cow;

use crate::graph::{Dim, Graph, GraphError, Op, Shape, Tensor};

/// Most elements of one intermediate result, the batch included.
pub const MAX_VALUE_LEN: usize = 1 << 28;

/// Why a graph cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// A value was given for a name the graph does not have.
    #[error("the graph has no input `{name}`; it has {known}")]
    Unknown {
        /// Name at fault.
        name: String,
        /// Names that would have been right.
        known: String,
    },
    /// An output needs a value that was not given.
    #[error("input `{name}` of shape {shape} is missing")]
    Missing {
        /// Name at fault.
        name: String,
        /// Shape wanted.
        shape: String,
    },
    /// A value has the wrong shape.
    #[error("input `{name}` should be {wanted}, but is {found:?}")]
    Shape {
        /// Name at fault.
        name: String,
        /// Shape wanted.
        wanted: String,
        /// Shape given.
        found: Vec<usize>,
    },
    /// Two inputs have different batches.
    #[error("input `{name}` has a batch of {found}, another input one of {wanted}")]
    Batch {
        /// Name at fault.
        name: String,
        /// Batch of the input seen first.
        wanted: usize,
        /// Batch of this input.
        found: usize,
    },
    /// An intermediate result would exceed [`MAX_VALUE_LEN`].
    #[error("a batch of {batch} makes a value of shape {shape} exceed the limit of {MAX_VALUE_LEN} elements")]
    TooLarge {
        /// Batch asked for.
        batch: usize,
        /// Shape at fault.
        shape: String,
    },
    /// A result exceeds what a [`Tensor`] may hold.
    #[error(transparent)]
    Result(#[from] GraphError),
}

/// Evaluates all outputs once; results in the order of [`Graph::outputs`].
///
/// Inputs and parameters are given by name. Those with a leading `batch` carry it as their first dimension, all the same;
/// without any such value the batch is 1.
///
/// # Errors
/// [`EvaluateError`] where values are missing, unknown or of the wrong shape, or would grow beyond a limit.
pub fn evaluate(graph: &Graph, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, EvaluateError> {
    Evaluator::new(graph)?.run(inputs)
}

/// One node that the outputs need.
#[derive(Debug)]
struct Step {
    op: Op,
    args: Vec<usize>,
    shape: Shape,
    result: usize,
    /// Values nobody reads after this step.
    expired: Vec<usize>,
}

/// A graph prepared for repeated evaluation.
#[derive(Debug)]
pub struct Evaluator {
    leaves: Vec<(String, Shape)>,
    steps: Vec<Step>,
    value_count: usize,
    outputs: Vec<(usize, Shape)>,
}

impl Evaluator {
    /// Finds out what the outputs need, and when each value is needed last.
    ///
    /// # Errors
    /// None today; the signature leaves room for graphs that cannot be evaluated.
    pub fn new(graph: &Graph) -> Result<Self, EvaluateError> {
        let roots: Vec<_> = graph.outputs().iter().map(|(_, id)| *id).collect();
        let needed = graph.needed(roots.iter().copied());
        let mut last_use: Vec<usize> = vec![usize::MAX; graph.nodes().len()];
        for id in graph.ids().filter(|id| needed[id.index()]) {
            for arg in &graph.node(id).args {
                last_use[arg.index()] = id.index();
            }
        }
        for root in &roots {
            last_use[root.index()] = usize::MAX;
        }
        let step = |id: crate::graph::NodeId| {
            let node = graph.node(id);
            let args: Vec<usize> = node.args.iter().map(|arg| arg.index()).collect();
            let mut expired: Vec<usize> = args.iter().copied().filter(|arg| last_use[*arg] == id.index()).collect();
            expired.sort_unstable();
            expired.dedup();
            Step { op: node.op.clone(), args, shape: node.ty.shape.clone(), result: id.index(), expired }
        };
        let leaves = graph.inputs().into_iter().chain(graph.parameters());
        Ok(Self {
            leaves: leaves.map(|(name, id)| (name.to_owned(), graph.shape(id).clone())).collect(),
            steps: graph.ids().filter(|id| needed[id.index()]).map(step).collect(),
            value_count: graph.nodes().len(),
            outputs: roots.iter().map(|id| (id.index(), graph.shape(*id).clone())).collect(),
        })
    }

    /// Evaluates all outputs; see [`evaluate`].
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn run(&self, inputs: &[(&str, &Tensor)]) -> Result<Vec<Tensor>, EvaluateError> {
        let batch = self.batch(inputs)?;
        let mut values: Vec<Option<Cow<'_, [f64]>>> = vec![None; self.value_count];
        let mut spare: Vec<Vec<f64>> = Vec::new();
        for step in &self.steps {
            values[step.result] = Some(self.value(step, batch, inputs, &mut values, &mut spare)?);
            for expired in &step.expired {
                if let Some(Cow::Owned(buffer)) = values[*expired].take() {
                    spare.push(buffer);
                }
            }
        }
        let result = |(node, shape): &(usize, Shape)| {
            let data = values[*node].as_deref().unwrap_or_default().to_vec();
            Ok(Tensor::new(shape.resolve(batch), data)?)
        };
        self.outputs.iter().map(result).collect()
    }

    fn value<'a>(
        &self,
        step: &'a Step,
        batch: usize,
        inputs: &[(&str, &'a Tensor)],
        values: &mut [Option<Cow<'a, [f64]>>],
        spare: &mut Vec<Vec<f64>>,
    ) -> Result<Cow<'a, [f64]>, EvaluateError> {
        match &step.op {
            Op::Constant(tensor) => return Ok(Cow::Borrowed(tensor.data())),
            Op::Input(name, shape) | Op::Parameter(name, shape) => {
                let given = inputs.iter().find(|(given, _)| **given == **name);
                let missing = || EvaluateError::Missing { name: name.to_string(), shape: shape.to_string() };
                return given.map(|(_, tensor)| Cow::Borrowed(tensor.data())).ok_or_else(missing);
            }
            Op::Reshape(..) => {
                let expires = step.expired.contains(&step.args[0]);
                let value = if expires { values[step.args[0]].take() } else { values[step.args[0]].clone() };
                return Ok(value.unwrap_or_default());
            }
            _ => {}
        }
        let dims = step.shape.resolve(batch);
        let len = value_len(&dims).ok_or_else(|| EvaluateError::TooLarge { batch, shape: step.shape.to_string() })?;
        let mut out = spare.pop().unwrap_or_default();
        out.clear();
        out.resize(len, 0.0);
        let args: Vec<structure::View<'_>> = step
            .args
            .iter()
            .map(|arg| structure::View {
                dims: self.dims(*arg, batch),
                data: values[*arg].as_deref().unwrap_or_default(),
            })
            .collect();
        structure::apply(&step.op, &args, &dims, &mut out);
        Ok(Cow::Owned(out))
    }

    /// Dimensions of a needed node's value.
    fn dims(&self, node: usize, batch: usize) -> Vec<usize> {
        let step = self.steps.binary_search_by_key(&node, |step| step.result);
        step.map(|at| self.steps[at].shape.resolve(batch)).unwrap_or_default()
    }

    /// The batch all inputs agree on; checks names and shapes on the way.
    fn batch(&self, inputs: &[(&str, &Tensor)]) -> Result<usize, EvaluateError> {
        let mut batch = None;
        for (name, tensor) in inputs {
            let Some((_, shape)) = self.leaves.iter().find(|(known, _)| known == name) else {
                let known: Vec<String> = self.leaves.iter().map(|(known, _)| format!("`{known}`")).collect();
                return Err(EvaluateError::Unknown { name: (*name).to_owned(), known: known.join(", ") });
            };
            let fits = |(dim, found): (&Dim, &usize)| *dim == Dim::Batch || *dim == Dim::Fixed(*found);
            let found = tensor.shape();
            if shape.rank() != found.len() || !shape.dims().iter().zip(found).all(fits) {
                return Err(EvaluateError::Shape {
                    name: (*name).to_owned(),
                    wanted: shape.to_string(),
                    found: found.to_vec(),
                });
            }
            if shape.is_batched() {
                let wanted = *batch.get_or_insert(found[0]);
                if wanted != found[0] {
                    return Err(EvaluateError::Batch { name: (*name).to_owned(), wanted, found: found[0] });
                }
            }
        }
        Ok(batch.unwrap_or(1))
    }
}

fn value_len(dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(1usize, |product, len| product.checked_mul(*len)).filter(|len| *len <= MAX_VALUE_LEN)
}

#[cfg(test)]
mod tests;
