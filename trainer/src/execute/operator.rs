//! One burn expression per primitive.
//!
//! Arguments and results have [`RANK`] dimensions, leading ones of length 1, so an axis of the graph is moved by the
//! dimensions added in front. The graph was checked when it was built, hence operands of the wrong kind cannot occur;
//! were there one, the result would be absent and the executor would report it.

use burn::tensor::{Tensor, activation};
use hnn_exporter::graph::{Binary, Comparison, Graph, NodeId, Op, Unary};

use super::{Arithmetic, RANK, Real, Step, Value};

/// Beyond this, ln(1 + eˣ) = x to the last bit of f64.
const SOFTPLUS_LINEAR_FROM: f64 = 40.0;

/// What a step does: a primitive, or one whose other operand is a number known when planning.
#[derive(Debug)]
pub(super) enum Kernel {
    Primitive(Op),
    WithScalar(Binary, f64),
}

impl Kernel {
    /// The kernel and the arguments it takes.
    ///
    /// A constant number spares the broadcast, and the sum over it in the backward pass.
    pub(super) fn select(op: &Op, graph: &Graph, args: &[NodeId]) -> (Self, Vec<NodeId>) {
        if let (Op::Binary(binary), [left, right]) = (op, args) {
            let number = |id: NodeId, other: NodeId| {
                let tensor = graph.constant_value(id)?;
                // With more dimensions than the other side it would change the shape of the result.
                let stretches = tensor.shape().len() > graph.shape(other).rank();
                if stretches || tensor.data().len() > 1 { None } else { tensor.data().first().copied() }
            };
            let linear = matches!(binary, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div);
            if let (true, Some(value)) = (linear, number(*right, *left)) {
                return (Self::WithScalar(*binary, value), vec![*left]);
            }
            let commutes = matches!(binary, Binary::Add | Binary::Mul);
            if let (true, Some(value)) = (commutes, number(*left, *right)) {
                return (Self::WithScalar(*binary, value), vec![*right]);
            }
        }
        (Self::Primitive(op.clone()), args.to_vec())
    }
}

/// The result of one step for arguments in order; `dims` are those of the result.
pub(super) fn apply(step: &Step, args: Vec<Value>, dims: [usize; RANK], arithmetic: &Arithmetic) -> Option<Value> {
    let mut args = args.into_iter();
    let op = match &step.kernel {
        Kernel::WithScalar(op, value) => return Some(Value::Real(with_scalar(*op, args.next()?.real()?, *value))),
        Kernel::Primitive(op) => op,
    };
    // Axes of the graph count from the rank of the argument.
    let lead = RANK - step.arg_rank;
    Some(Value::Real(match op {
        Op::Input(..) | Op::Parameter(..) | Op::Constant(..) => return None,
        Op::Unary(op) => unary(*op, args.next()?.real()?)?,
        Op::Binary(op) => binary(*op, args.next()?.real()?, args.next()?.real()?),
        Op::Compare(op) => {
            let (left, right) = (stretch(args.next()?.real()?, dims), stretch(args.next()?.real()?, dims));
            return Some(Value::Truth(match op {
                Comparison::Greater => left.greater(right),
                Comparison::GreaterOrEqual => left.greater_equal(right),
                Comparison::Equal => left.equal(right),
            }));
        }
        Op::Select => {
            let Value::Truth(condition) = args.next()? else { return None };
            let condition = if condition.dims() == dims { condition } else { condition.expand(dims) };
            let (chosen, other) = (stretch(args.next()?.real()?, dims), stretch(args.next()?.real()?, dims));
            other.mask_where(condition, chosen)
        }
        Op::MatMul { transpose_lhs, transpose_rhs } => {
            let oriented = |x: Real, swap: bool| if swap { x.swap_dims(RANK - 2, RANK - 1) } else { x };
            let left = oriented(args.next()?.real()?, *transpose_lhs);
            product(left, oriented(args.next()?.real()?, *transpose_rhs))
        }
        Op::Transpose(order) => {
            let mut axes = [0; RANK];
            for (axis, target) in axes.iter_mut().enumerate() {
                *target = if axis < lead { axis } else { order[axis - lead] + lead };
            }
            args.next()?.real()?.permute(axes)
        }
        Op::Reshape(_) => args.next()?.real()?.reshape(dims),
        Op::Broadcast(_) => stretch(args.next()?.real()?, dims),
        Op::Concat { axis } => {
            let parts: Option<Vec<Real>> = args.map(Value::real).collect();
            Tensor::cat(parts?, axis + lead)
        }
        Op::Slice { axis, start, len } => args.next()?.real()?.narrow(axis + lead, *start, *len),
        Op::Pad { axis, before, after } => pad(args.next()?.real()?, axis + lead, *before, *after, arithmetic),
        Op::Sum(axes) => {
            let axes: Vec<usize> = axes.iter().map(|axis| axis + lead).collect();
            args.next()?.real()?.sum_dims(&axes).reshape(dims)
        }
    }))
}

fn with_scalar(op: Binary, x: Real, value: f64) -> Real {
    match op {
        Binary::Add => x.add_scalar(value),
        Binary::Sub => x.sub_scalar(value),
        Binary::Div => x.div_scalar(value),
        _ => x.mul_scalar(value),
    }
}

fn unary(op: Unary, x: Real) -> Option<Real> {
    Some(match op {
        Unary::Neg => x.neg(),
        Unary::Reciprocal => x.recip(),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => x.exp(),
        Unary::Log => x.log(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => activation::sigmoid(x),
        Unary::Softplus => activation::softplus_with_threshold(x, 1.0, SOFTPLUS_LINEAR_FROM),
        Unary::Abs => x.abs(),
        Unary::Sign => x.sign(),
        Unary::Erf => x.erf(),
        Unary::Atan => x.atan(),
        Unary::Floor => x.floor(),
        Unary::Round => x.round(),
        _ => return None,
    })
}

fn binary(op: Binary, left: Real, right: Real) -> Real {
    match op {
        Binary::Add => left.add(right),
        Binary::Sub => left.sub(right),
        Binary::Mul => left.mul(right),
        Binary::Div => left.div(right),
        Binary::Pow => left.powf(right),
        Binary::Max => extreme(left, right, Real::max_pair),
        Binary::Min => extreme(left, right, Real::min_pair),
    }
}

/// The larger or smaller of two; burn does not stretch these operands itself.
fn extreme(left: Real, right: Real, choose: fn(Real, Real) -> Real) -> Real {
    let mut dims = left.dims();
    for (dim, other) in dims.iter_mut().zip(right.dims()) {
        *dim = (*dim).max(other);
    }
    choose(stretch(left, dims), stretch(right, dims))
}

/// A matrix that all matrices on the left share multiplies them in one product of all their rows.
fn product(left: Real, right: Real) -> Real {
    let (mut dims, shared) = (left.dims(), right.dims());
    let count: usize = dims[..RANK - 2].iter().product();
    if count == 1 || shared[..RANK - 2].iter().any(|len| *len != 1) {
        return left.matmul(right);
    }
    let mut rows = [1; RANK];
    rows[RANK - 2..].copy_from_slice(&[count * dims[RANK - 2], dims[RANK - 1]]);
    dims[RANK - 1] = shared[RANK - 1];
    left.reshape(rows).matmul(right).reshape(dims)
}

fn stretch(x: Real, dims: [usize; RANK]) -> Real {
    if x.dims() == dims { x } else { x.expand(dims) }
}

fn pad(x: Real, axis: usize, before: usize, after: usize, arithmetic: &Arithmetic) -> Real {
    let zeros = |len: usize| {
        let mut dims = x.dims();
        dims[axis] = len;
        arithmetic.zeros(dims)
    };
    let mut parts = Vec::with_capacity(3);
    if before > 0 {
        parts.push(zeros(before));
    }
    let last = (after > 0).then(|| zeros(after));
    parts.push(x);
    parts.extend(last);
    Tensor::cat(parts, axis)
}
