//! One method per operator, so that a model reads as its formula.
//!
//! Every method returns the node, found or added, or the reason why the arguments do not fit. Nothing is simplified here
//! beyond what keeps the graph small by construction: a reshape to the same shape is no node. That is `optimize`'s work.

use super::{Binary, Comparison, Graph, GraphError, NodeId, Op, Shape, Tensor, Unary};

type Built = Result<NodeId, GraphError>;

macro_rules! unary {
    ($($name:ident = $op:ident, $doc:literal;)+) => { $(
        #[doc = $doc]
        ///
        /// # Errors
        /// As [`Graph::add`].
        pub fn $name(&mut self, x: NodeId) -> Built {
            self.add(Op::Unary(Unary::$op), &[x])
        }
    )+ };
}

macro_rules! binary {
    ($($name:ident = $op:ident, $doc:literal;)+) => { $(
        #[doc = $doc]
        ///
        /// # Errors
        /// As [`Graph::add`].
        pub fn $name(&mut self, a: NodeId, b: NodeId) -> Built {
            self.add(Op::Binary(Binary::$op), &[a, b])
        }
    )+ };
}

impl Graph {
    /// Declares an argument of the graph.
    ///
    /// # Errors
    /// [`GraphError::Name`] where the name is taken by a leaf of another shape or kind.
    pub fn input(&mut self, name: &str, shape: Shape) -> Built {
        self.add(Op::Input(name.into(), shape), &[])
    }

    /// Declares a weight to be learned.
    ///
    /// # Errors
    /// [`GraphError::Name`] where the name is taken by a leaf of another shape or kind.
    pub fn parameter(&mut self, name: &str, shape: &[usize]) -> Built {
        self.add(Op::Parameter(name.into(), Shape::fixed(shape)?), &[])
    }

    /// A known tensor.
    ///
    /// # Errors
    /// [`GraphError::TooLarge`].
    pub fn constant(&mut self, tensor: Tensor) -> Built {
        self.add(Op::Constant(tensor.into()), &[])
    }

    /// A known number, of rank 0.
    ///
    /// # Errors
    /// [`GraphError::TooLarge`].
    pub fn scalar(&mut self, value: f64) -> Built {
        self.constant(Tensor::scalar(value))
    }

    unary! {
        neg = Neg, "−x";
        reciprocal = Reciprocal, "1/x";
        sqrt = Sqrt, "√x";
        exp = Exp, "eˣ";
        log = Log, "ln x";
        sin = Sin, "sin x";
        cos = Cos, "cos x";
        tanh = Tanh, "tanh x";
        sigmoid = Sigmoid, "1/(1 + e⁻ˣ)";
        softplus = Softplus, "ln(1 + eˣ)";
        abs = Abs, "|x|";
        sign = Sign, "−1, 0 or 1";
        erf = Erf, "The error function.";
        atan = Atan, "arctan x";
        floor = Floor, "⌊x⌋";
        round = Round, "The nearest whole number, halves to the even one.";
    }

    binary! {
        add_values = Add, "a + b";
        sub = Sub, "a − b";
        mul = Mul, "a · b";
        div = Div, "a / b";
        pow = Pow, "aᵇ";
        max = Max, "The larger of a and b.";
        min = Min, "The smaller of a and b.";
    }

    /// c · x for a number c.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn scale(&mut self, x: NodeId, factor: f64) -> Built {
        let factor = self.scalar(factor)?;
        self.mul(x, factor)
    }

    /// xᵏ for an integer k, by repeated squaring.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn powi(&mut self, x: NodeId, exponent: i32) -> Built {
        if exponent < 0 {
            let power = self.powi(x, exponent.saturating_neg())?;
            return self.reciprocal(power);
        }
        match exponent {
            0 => self.scalar(1.0),
            1 => Ok(x),
            even if even % 2 == 0 => {
                let half = self.powi(x, even / 2)?;
                self.mul(half, half)
            }
            odd => {
                let rest = self.powi(x, odd - 1)?;
                self.mul(rest, x)
            }
        }
    }

    /// Compares element by element; a truth value.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn compare(&mut self, comparison: Comparison, a: NodeId, b: NodeId) -> Built {
        self.add(Op::Compare(comparison), &[a, b])
    }

    /// `condition ? a : b`.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> Built {
        self.add(Op::Select, &[condition, a, b])
    }

    /// a · b over the last two dimensions.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn matmul(&mut self, a: NodeId, b: NodeId) -> Built {
        self.add(Op::MatMul { transpose_lhs: false, transpose_rhs: false }, &[a, b])
    }

    /// a · bᵀ over the last two dimensions: a dense layer with weights `[outputs, inputs]`.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn matmul_transposed(&mut self, a: NodeId, b: NodeId) -> Built {
        self.add(Op::MatMul { transpose_lhs: false, transpose_rhs: true }, &[a, b])
    }

    /// Permutes the dimensions.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn transpose(&mut self, x: NodeId, order: &[usize]) -> Built {
        self.add(Op::Transpose(order.to_vec()), &[x])
    }

    /// The same elements in another shape.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> Built {
        if *self.shape(x) == shape { Ok(x) } else { self.add(Op::Reshape(shape), &[x]) }
    }

    /// Stretches dimensions of length 1.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn broadcast(&mut self, x: NodeId, shape: Shape) -> Built {
        if *self.shape(x) == shape { Ok(x) } else { self.add(Op::Broadcast(shape), &[x]) }
    }

    /// Joins along an axis.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn concat(&mut self, parts: &[NodeId], axis: usize) -> Built {
        if let [only] = parts { Ok(*only) } else { self.add(Op::Concat { axis }, parts) }
    }

    /// `len` consecutive elements of an axis.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn slice(&mut self, x: NodeId, axis: usize, start: usize, len: usize) -> Built {
        if start == 0 && self.shape(x).len(axis) == Some(len) {
            Ok(x)
        } else {
            self.add(Op::Slice { axis, start, len }, &[x])
        }
    }

    /// Zeros before and after along an axis.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn pad(&mut self, x: NodeId, axis: usize, before: usize, after: usize) -> Built {
        if before == 0 && after == 0 { Ok(x) } else { self.add(Op::Pad { axis, before, after }, &[x]) }
    }

    /// Sum over axes, which disappear.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn sum(&mut self, x: NodeId, axes: &[usize]) -> Built {
        if axes.is_empty() { Ok(x) } else { self.add(Op::Sum(axes.to_vec()), &[x]) }
    }

    /// Sum over axes, which stay with length 1.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn sum_keep(&mut self, x: NodeId, axes: &[usize]) -> Built {
        let mut dims = self.shape(x).dims().to_vec();
        for axis in axes {
            if let Some(dim) = dims.get_mut(*axis) {
                *dim = super::Dim::Fixed(1);
            }
        }
        let total = self.sum(x, axes)?;
        self.reshape(total, Shape::new(dims)?)
    }
}
