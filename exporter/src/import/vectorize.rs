//! Puts a batch in front of every value that depends on the state, for a graph that computes one row.
//!
//! Exporters that trace one example (JAX, as a rule) leave no trace of a batch. Every primitive acts on one row of its
//! arguments, so the same primitive, shifted by one dimension, acts on many; what does not depend on the state stays one
//! value for all rows. Rows cannot mix, because no primitive here joins two of them.
//!
//! A dependent value of shape `[d₁, …]` is kept as `[batch, dᵢ, …]` *without* its dimensions of length 1. A traced layer,
//! `[1, k]` or `[k]`, thus becomes `[batch, k]`, and the result has the nodes of a graph that had a batch all along.

mod product;

use crate::graph::{Comparison, Dim, Graph, GraphError, Kind, NodeId, Op, Shape};

type Built = Result<NodeId, GraphError>;

/// A node of the graph being made, for one of the source.
#[derive(Debug, Clone, Copy)]
enum Value {
    /// The same for all rows, in its own shape.
    Shared(NodeId),
    /// One per row, in the shape that [`squeezed`] gives.
    PerRow(NodeId),
}

/// `[batch, …]` with the lengths of `lengths` that are not 1.
pub(super) fn squeezed(lengths: &[usize]) -> Result<Shape, GraphError> {
    Shape::batched(&lengths.iter().copied().filter(|len| *len != 1).collect::<Vec<_>>())
}

/// `[batch, …]` with all of `lengths`.
fn full(lengths: &[usize]) -> Result<Shape, GraphError> {
    Shape::batched(lengths)
}

/// Adds to `target`, for every row, what `roots` of `source` are for the one row it computes.
///
/// `bound` gives, for inputs of `source`, nodes of `target` of the shape that [`squeezed`] gives; so are the results.
///
/// # Errors
/// [`GraphError`] where `source` has a batch already, or a value exceeds the limits with one more dimension.
pub(super) fn vectorize(
    target: &mut Graph,
    source: &Graph,
    bound: &[(NodeId, NodeId)],
    roots: &[NodeId],
) -> Result<Vec<NodeId>, GraphError> {
    let needed = source.needed(roots.iter().copied());
    let mut values: Vec<Option<Value>> = vec![None; source.nodes().len()];
    for id in source.ids().filter(|id| needed[id.index()]) {
        if source.shape(id).is_batched() {
            return Err(GraphError::shape(format!("{} has a batch already", source.shape(id))));
        }
        let local = bound.iter().find(|(input, _)| *input == id).map(|(_, local)| Value::PerRow(*local));
        let value = match local {
            Some(value) => value,
            None => node(target, source, id, &values)?,
        };
        values[id.index()] = Some(value);
    }
    let mut results = Vec::with_capacity(roots.len());
    for root in roots {
        let lengths = source.shape(*root).row();
        results.push(match values[root.index()] {
            Some(Value::PerRow(id)) => id,
            Some(Value::Shared(id)) => spread(target, id, &lengths)?,
            None => return Err(GraphError::shape("a result that is not part of the graph")),
        });
    }
    Ok(results)
}

fn node(target: &mut Graph, source: &Graph, id: NodeId, values: &[Option<Value>]) -> Result<Value, GraphError> {
    let node = source.node(id);
    let args: Vec<Arg> = node
        .args
        .iter()
        .filter_map(|arg| Some(Arg { value: values[arg.index()]?, lengths: source.shape(*arg).row() }))
        .collect();
    if args.iter().all(|arg| matches!(arg.value, Value::Shared(_))) {
        let args: Vec<NodeId> = args.iter().map(Arg::id).collect();
        return Ok(Value::Shared(target.add(node.op.clone(), &args)?));
    }
    let lengths = node.ty.shape.row();
    let result = match (&node.op, args.as_slice()) {
        (Op::MatMul { transpose_lhs, transpose_rhs }, [lhs, rhs]) => {
            product::multiply(target, [lhs, rhs], [*transpose_lhs, *transpose_rhs], &lengths)?
        }
        (Op::Concat { axis }, parts) => concat(target, parts, *axis, &lengths)?,
        (op, [arg]) => structure(target, op, arg, &lengths)?,
        (op, args) => {
            let aligned = args.iter().map(|arg| arg.aligned(target, &lengths)).collect::<Result<Vec<_>, _>>()?;
            target.add(op.clone(), &aligned)?
        }
    };
    Ok(Value::PerRow(result))
}

/// An argument and its lengths in the source.
struct Arg {
    value: Value,
    lengths: Vec<usize>,
}

impl Arg {
    fn id(&self) -> NodeId {
        match self.value {
            Value::Shared(id) | Value::PerRow(id) => id,
        }
    }

    /// In the shape that stretches to a result of `lengths`, whose dimensions of length 1 are gone.
    fn aligned(&self, target: &mut Graph, lengths: &[usize]) -> Built {
        let missing = lengths.len() - self.lengths.len();
        let kept = lengths.iter().enumerate().filter(|(_, len)| **len != 1);
        // Where the result has a length, the argument has the same, or 1.
        let own: Vec<usize> =
            kept.map(|(axis, _)| if axis < missing { 1 } else { self.lengths[axis - missing] }).collect();
        match self.value {
            Value::PerRow(id) => reshaped(target, id, full(&own)?),
            Value::Shared(id) => {
                let leading = own.iter().take_while(|len| **len == 1).count();
                reshaped(target, id, Shape::fixed(&own[leading..])?)
            }
        }
    }

    /// With a batch and all dimensions of the source, those of length 1 included.
    fn unsqueezed(&self, target: &mut Graph) -> Built {
        match self.value {
            Value::PerRow(id) => target.reshape(id, full(&self.lengths)?),
            Value::Shared(id) => Ok(id),
        }
    }
}

/// The same elements in another shape; truth values, which only choose, go through numbers.
fn reshaped(target: &mut Graph, id: NodeId, shape: Shape) -> Built {
    if target.node(id).ty.kind == Kind::Real || *target.shape(id) == shape {
        return target.reshape(id, shape);
    }
    let (yes, no) = (target.scalar(1.0)?, target.scalar(0.0)?);
    let numbers = target.select(id, yes, no)?;
    let numbers = target.reshape(numbers, shape)?;
    target.compare(Comparison::Greater, numbers, no)
}

/// A shared value repeated for every row.
fn spread(target: &mut Graph, id: NodeId, lengths: &[usize]) -> Built {
    let shape = squeezed(lengths)?;
    let fixed = target.reshape(id, Shape::fixed(&shape.row())?)?;
    target.broadcast(fixed, shape)
}

/// The place of `axis` in a value `[batch, …]` whose dimensions of length 1 are gone.
fn place(lengths: &[usize], axis: usize) -> usize {
    1 + lengths[..axis].iter().filter(|len| **len != 1).count()
}

/// Operators of one argument.
fn structure(target: &mut Graph, op: &Op, arg: &Arg, lengths: &[usize]) -> Built {
    let x = arg.id();
    let result = match op {
        Op::Unary(_) => target.add(op.clone(), &[x])?,
        Op::Transpose(order) => {
            let moved = order.iter().filter(|axis| arg.lengths[**axis] != 1);
            let order: Vec<usize> = std::iter::once(0).chain(moved.map(|axis| place(&arg.lengths, *axis))).collect();
            if order.windows(2).all(|pair| pair[0] < pair[1]) { x } else { target.transpose(x, &order)? }
        }
        Op::Reshape(_) => x,
        Op::Broadcast(_) => {
            let aligned = arg.aligned(target, lengths)?;
            target.broadcast(aligned, squeezed(lengths)?)?
        }
        // A dimension of length 1 is either kept whole or cut to nothing.
        Op::Slice { axis, start, len } if arg.lengths[*axis] != 1 => {
            target.slice(x, place(&arg.lengths, *axis), *start, *len)?
        }
        Op::Slice { len: 1, .. } => x,
        Op::Slice { axis, start, len } => {
            let whole = target.reshape(x, full(&arg.lengths)?)?;
            target.slice(whole, axis + 1, *start, *len)?
        }
        Op::Pad { axis, before, after } => {
            let at = place(&arg.lengths, *axis);
            let mut own = squeezed(&arg.lengths)?.row();
            if arg.lengths[*axis] == 1 {
                own.insert(at - 1, 1);
            }
            let x = target.reshape(x, full(&own)?)?;
            target.pad(x, at, *before, *after)?
        }
        Op::Sum(axes) => {
            let summed = axes.iter().filter(|axis| arg.lengths[**axis] != 1);
            let axes: Vec<usize> = summed.map(|axis| place(&arg.lengths, *axis)).collect();
            target.sum(x, &axes)?
        }
        _ => return Err(GraphError::arity(op.name(), 1)),
    };
    target.reshape(result, squeezed(lengths)?)
}

fn concat(target: &mut Graph, parts: &[Arg], axis: usize, lengths: &[usize]) -> Built {
    let mut joined = Vec::with_capacity(parts.len());
    for part in parts {
        // Other dimensions are the same for all; along this one even a length of 1 is needed.
        let own: Vec<usize> = part
            .lengths
            .iter()
            .enumerate()
            .filter(|(at, len)| *at == axis || **len != 1)
            .map(|(_, len)| *len)
            .collect();
        joined.push(match part.value {
            Value::PerRow(id) => target.reshape(id, full(&own)?)?,
            Value::Shared(id) => {
                let fixed = target.reshape(id, Shape::fixed(&own)?)?;
                target.broadcast(fixed, full(&own)?)?
            }
        });
    }
    let result = target.concat(&joined, place(lengths, axis))?;
    target.reshape(result, squeezed(lengths)?)
}

/// The dimensions of a node of the graph being made, the batch left out.
fn row(target: &Graph, id: NodeId) -> Vec<usize> {
    let dims = target.shape(id).dims().iter();
    dims.filter_map(|dim| if let Dim::Fixed(len) = dim { Some(*len) } else { None }).collect()
}

#[cfg(test)]
mod tests;
