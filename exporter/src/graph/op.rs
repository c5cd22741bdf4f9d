//! The closed set of primitives and the type each one gives.
//!
//! Closed under differentiation: every rule of `differentiate` is written in these operators. Values are real numbers;
//! truth values exist only as the result of [`Op::Compare`] and the first argument of [`Op::Select`].

use std::sync::Arc;

use super::{Dim, GraphError, NodeId, Shape, Tensor};

/// Functions of one number, applied to each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unary {
    /// −x
    Neg,
    /// 1/x
    Reciprocal,
    /// √x
    Sqrt,
    /// eˣ
    Exp,
    /// ln x
    Log,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// tanh x
    Tanh,
    /// 1/(1 + e⁻ˣ)
    Sigmoid,
    /// ln(1 + eˣ)
    Softplus,
    /// |x|
    Abs,
    /// −1, 0 or 1
    Sign,
    /// 2/√π ∫₀ˣ e^(−t²) dt
    Erf,
    /// arctan x
    Atan,
    /// ⌊x⌋, the largest whole number that is not above x
    Floor,
    /// the nearest whole number, halves to the even one
    Round,
}

/// Functions of two numbers, applied element by element with broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a · b
    Mul,
    /// a / b
    Div,
    /// aᵇ
    Pow,
    /// the larger
    Max,
    /// the smaller
    Min,
}

/// Comparisons of two numbers, applied element by element with broadcasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comparison {
    /// a > b
    Greater,
    /// a ≥ b
    GreaterOrEqual,
    /// a = b
    Equal,
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Op {
    /// A named argument of the graph.
    Input(Arc<str>, Shape),
    /// A named weight, supplied from outside while it is being learned.
    Parameter(Arc<str>, Shape),
    /// A known tensor.
    Constant(Arc<Tensor>),
    /// One number to one number.
    Unary(Unary),
    /// Two numbers to one number.
    Binary(Binary),
    /// Two numbers to a truth value.
    Compare(Comparison),
    /// `condition ? a : b`, element by element.
    Select,
    /// Product over the last two dimensions, leading ones broadcast; each side optionally transposed first.
    MatMul {
        /// Swap the last two dimensions of the left side first.
        transpose_lhs: bool,
        /// Swap the last two dimensions of the right side first.
        transpose_rhs: bool,
    },
    /// Permute the dimensions; the batch stays first.
    Transpose(Vec<usize>),
    /// The same elements in another shape; the batch stays.
    Reshape(Shape),
    /// Stretch dimensions of length 1, and add leading ones.
    Broadcast(Shape),
    /// Join along an axis.
    Concat {
        /// Dimension joined, never the batch.
        axis: usize,
    },
    /// `len` consecutive elements of an axis.
    Slice {
        /// Dimension cut, never the batch.
        axis: usize,
        /// First index kept.
        start: usize,
        /// Number of indices kept.
        len: usize,
    },
    /// Zeros before and after along an axis: the adjoint of [`Op::Slice`].
    Pad {
        /// Dimension extended, never the batch.
        axis: usize,
        /// Zeros put before.
        before: usize,
        /// Zeros put after.
        after: usize,
    },
    /// Sum over axes, which disappear; ascending, never the batch.
    Sum(Vec<usize>),
}

/// What a value is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Real numbers.
    Real,
    /// Truth values.
    Truth,
}

/// Kind and shape of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Type {
    /// What its elements are.
    pub kind: Kind,
    /// Its dimensions.
    pub shape: Shape,
}

impl Op {
    /// The operator's name in the text form and in messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input(..) => "input",
            Self::Parameter(..) => "parameter",
            Self::Constant(..) => "constant",
            Self::Unary(op) => op.name(),
            Self::Binary(op) => op.name(),
            Self::Compare(op) => op.name(),
            Self::Select => "select",
            Self::MatMul { .. } => "matmul",
            Self::Transpose(..) => "transpose",
            Self::Reshape(..) => "reshape",
            Self::Broadcast(..) => "broadcast",
            Self::Concat { .. } => "concat",
            Self::Slice { .. } => "slice",
            Self::Pad { .. } => "pad",
            Self::Sum(..) => "sum",
        }
    }

    /// Type of the result for arguments of the given types.
    ///
    /// # Errors
    /// [`GraphError`] where number, kind or shape of the arguments do not fit.
    pub fn infer(&self, args: &[&Type]) -> Result<Type, GraphError> {
        let wanted = match self {
            Self::Input(..) | Self::Parameter(..) | Self::Constant(..) => Some(0),
            Self::Binary(..) | Self::Compare(..) | Self::MatMul { .. } => Some(2),
            Self::Select => Some(3),
            Self::Concat { .. } => None,
            _ => Some(1),
        };
        if wanted.is_some_and(|count| count != args.len()) || (wanted.is_none() && args.is_empty()) {
            return Err(GraphError::arity(self.name(), args.len()));
        }
        let truth_wanted = |position: usize| matches!(self, Self::Select) && position == 0;
        for (position, arg) in args.iter().enumerate() {
            if (arg.kind == Kind::Truth) != truth_wanted(position) {
                return Err(GraphError::kind(self.name(), position));
            }
        }
        let shape = self.infer_shape(args).map_err(|error| error.within(self.name()))?;
        let kind = if matches!(self, Self::Compare(..)) { Kind::Truth } else { Kind::Real };
        Ok(Type { kind, shape })
    }

    fn infer_shape(&self, args: &[&Type]) -> Result<Shape, GraphError> {
        match self {
            Self::Input(_, shape) | Self::Parameter(_, shape) => Ok(shape.clone()),
            Self::Constant(tensor) => Shape::fixed(tensor.shape()),
            Self::Unary(..) => Ok(args[0].shape.clone()),
            Self::Binary(..) | Self::Compare(..) => args[0].shape.broadcast(&args[1].shape),
            Self::Select => args[0].shape.broadcast(&args[1].shape)?.broadcast(&args[2].shape),
            Self::MatMul { transpose_lhs, transpose_rhs } => {
                matmul_shape(&args[0].shape, &args[1].shape, *transpose_lhs, *transpose_rhs)
            }
            Self::Transpose(order) => transpose_shape(&args[0].shape, order),
            Self::Reshape(shape) => reshape_shape(&args[0].shape, shape),
            Self::Broadcast(shape) => {
                if args[0].shape.broadcast(shape)? == *shape {
                    Ok(shape.clone())
                } else {
                    Err(GraphError::shape(format!("{} does not stretch to {shape}", args[0].shape)))
                }
            }
            Self::Concat { axis } => concat_shape(args, *axis),
            Self::Slice { axis, start, len } => {
                let have = fixed_axis(&args[0].shape, *axis)?;
                match start.checked_add(*len) {
                    Some(end) if end <= have => replace_axis(&args[0].shape, *axis, *len),
                    _ => Err(GraphError::shape(format!("{start}+{len} exceeds axis {axis} of {}", args[0].shape))),
                }
            }
            Self::Pad { axis, before, after } => {
                let have = fixed_axis(&args[0].shape, *axis)?;
                let len = have.checked_add(*before).and_then(|sum| sum.checked_add(*after));
                replace_axis(&args[0].shape, *axis, len.unwrap_or(usize::MAX))
            }
            Self::Sum(axes) => sum_shape(&args[0].shape, axes),
        }
    }
}

fn fixed_axis(shape: &Shape, axis: usize) -> Result<usize, GraphError> {
    shape.len(axis).ok_or_else(|| GraphError::shape(format!("{shape} has no fixed axis {axis}")))
}

fn replace_axis(shape: &Shape, axis: usize, len: usize) -> Result<Shape, GraphError> {
    let mut dims = shape.dims().to_vec();
    dims[axis] = Dim::Fixed(len);
    Shape::new(dims)
}

fn matmul_shape(lhs: &Shape, rhs: &Shape, transpose_lhs: bool, transpose_rhs: bool) -> Result<Shape, GraphError> {
    let mismatch = || GraphError::shape(format!("{lhs} and {rhs} do not multiply"));
    if lhs.rank() < 2 || rhs.rank() < 2 {
        return Err(mismatch());
    }
    let split = |shape: &Shape, transposed: bool| {
        let (lead, last) = shape.dims().split_at(shape.rank() - 2);
        let (rows, cols) = if transposed { (last[1], last[0]) } else { (last[0], last[1]) };
        (lead.to_vec(), rows, cols)
    };
    let (lhs_lead, rows, inner) = split(lhs, transpose_lhs);
    let (rhs_lead, inner_rhs, cols) = split(rhs, transpose_rhs);
    // The batch may be the rows of a plain product, but neither summed over nor moved from the front.
    let batch_moves = (transpose_lhs && lhs.rank() == 2 && lhs.is_batched()) || (rhs.rank() == 2 && rhs.is_batched());
    if inner != inner_rhs || inner == Dim::Batch || batch_moves {
        return Err(mismatch());
    }
    let mut dims = Shape::new(lhs_lead)?.broadcast(&Shape::new(rhs_lead)?)?.dims().to_vec();
    dims.extend([rows, cols]);
    Shape::new(dims).map_err(|_| mismatch())
}

fn transpose_shape(shape: &Shape, order: &[usize]) -> Result<Shape, GraphError> {
    let mut seen = order.to_vec();
    seen.sort_unstable();
    let permutes = seen.iter().copied().eq(0..shape.rank());
    if !permutes || (shape.is_batched() && order.first() != Some(&0)) {
        return Err(GraphError::shape(format!("{order:?} does not permute {shape}")));
    }
    Shape::new(order.iter().map(|axis| shape.dims()[*axis]).collect())
}

fn reshape_shape(from: &Shape, to: &Shape) -> Result<Shape, GraphError> {
    if from.is_batched() == to.is_batched() && from.row_len() == to.row_len() {
        Ok(to.clone())
    } else {
        Err(GraphError::shape(format!("{from} does not reshape to {to}")))
    }
}

fn concat_shape(args: &[&Type], axis: usize) -> Result<Shape, GraphError> {
    let first = &args[0].shape;
    let mut len = 0usize;
    for arg in args {
        len = len.saturating_add(fixed_axis(&arg.shape, axis)?);
        let same = arg.shape.rank() == first.rank()
            && arg.shape.dims().iter().zip(first.dims()).enumerate().all(|(at, (a, b))| at == axis || a == b);
        if !same {
            return Err(GraphError::shape(format!("{} and {first} do not join along axis {axis}", arg.shape)));
        }
    }
    replace_axis(first, axis, len)
}

fn sum_shape(shape: &Shape, axes: &[usize]) -> Result<Shape, GraphError> {
    let ascending = axes.windows(2).all(|pair| pair[0] < pair[1]);
    if axes.is_empty() || !ascending {
        return Err(GraphError::shape(format!("axes {axes:?} are not ascending")));
    }
    for axis in axes {
        fixed_axis(shape, *axis)?;
    }
    Shape::new(shape.dims().iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, dim)| *dim).collect())
}

macro_rules! names {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every member, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in the text form.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

names!(Unary {
    Neg = "neg", Reciprocal = "reciprocal", Sqrt = "sqrt", Exp = "exp", Log = "log", Sin = "sin", Cos = "cos",
    Tanh = "tanh", Sigmoid = "sigmoid", Softplus = "softplus", Abs = "abs", Sign = "sign", Erf = "erf", Atan = "atan",
    Floor = "floor", Round = "round",
});
names!(Binary { Add = "add", Sub = "sub", Mul = "mul", Div = "div", Pow = "pow", Max = "max", Min = "min" });
names!(Comparison { Greater = "greater", GreaterOrEqual = "greater_or_equal", Equal = "equal" });

/// A node: an operator, its arguments, and the type of its result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// What it computes it from; always earlier nodes.
    pub args: Vec<NodeId>,
    /// Kind and shape of the result.
    pub ty: Type,
}
