//! The kernels: what one instruction computes, which elements it touches, what it costs.
//!
//! Generic over the operand, so that a kernel before placement and after it is the same type and cannot be confused. It
//! says nothing of how a blob encodes them.

use std::fmt;

use crate::graph::{Binary, Comparison, Unary};

use super::plan::Operations;
use crate::weights::Weights;

/// A function of two numbers; comparisons give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pairwise {
    /// Arithmetic.
    Binary(Binary),
    /// Comparison.
    Compare(Comparison),
}

impl Pairwise {
    /// The name in listings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary(op) => op.name(),
            Self::Compare(op) => op.name(),
        }
    }
}

/// How the derivative of an activation follows from a value y of the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slope {
    /// y itself.
    Value,
    /// 1 − y².
    OneMinusSquare,
    /// y (1 − y).
    Logistic,
}

impl Slope {
    /// The name in listings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::OneMinusSquare => "one_minus_square",
            Self::Logistic => "logistic",
        }
    }
}

/// An operand of an elementwise kernel: element i is at `at + i · step`, `step` being 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stream<O> {
    /// First element.
    pub at: O,
    /// 0 repeats one element, 1 goes through consecutive ones.
    pub step: usize,
}

/// A matrix operand of [`Kernel::MatMul`]: element (b, r, c) is at `at + b·batch + r·row + c·col`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Matrix<O> {
    /// First element.
    pub at: O,
    /// Stride from one matrix to the next.
    pub batch: usize,
    /// Stride from one row to the next.
    pub row: usize,
    /// Stride from one column to the next.
    pub col: usize,
}

/// One instruction over operands of type `O`: unplaced buffers while lowering, [`Operand`](super::Operand) in a plan.
///
/// All arithmetic is f32; sums run in ascending index order. Lengths and strides count elements.
#[derive(Debug, Clone, PartialEq)]
pub enum Kernel<O> {
    /// dst\[i\] = op(src\[i\]).
    Unary {
        /// Function.
        op: Unary,
        /// Argument.
        src: O,
        /// Result.
        dst: O,
        /// Elements.
        len: usize,
    },
    /// dst\[i\] = op(lhs\[i\], rhs\[i\]).
    Binary {
        /// Function.
        op: Pairwise,
        /// First argument.
        lhs: Stream<O>,
        /// Second argument.
        rhs: Stream<O>,
        /// Result.
        dst: O,
        /// Elements.
        len: usize,
    },
    /// dst\[i\] = cond\[i\] ≠ 0 ? a\[i\] : b\[i\].
    Select {
        /// Which of the two.
        cond: Stream<O>,
        /// Taken where `cond` is not 0.
        a: Stream<O>,
        /// Taken where `cond` is 0.
        b: Stream<O>,
        /// Result.
        dst: O,
        /// Elements.
        len: usize,
    },
    /// dst\[i\] = value.
    Fill {
        /// Result.
        dst: O,
        /// Elements.
        len: usize,
        /// What is written.
        value: f32,
    },
    /// dst\[Σ iₖ·dst_stridesₖ\] = src\[Σ iₖ·src_stridesₖ\] for all i below `dims`.
    Copy {
        /// Source.
        src: O,
        /// Result.
        dst: O,
        /// Loop lengths, outermost first, 1 where unused.
        dims: [usize; 4],
        /// Strides in the source.
        src_strides: [usize; 4],
        /// Strides in the result.
        dst_strides: [usize; 4],
    },
    /// dst\[o·inner + i\] = Σₖ src\[(o·len + k)·inner + i\], from +0.
    Sum {
        /// Source.
        src: O,
        /// Result.
        dst: O,
        /// Outer length.
        outer: usize,
        /// Length summed over.
        len: usize,
        /// Inner length.
        inner: usize,
    },
    /// dst\[b, r, c\] = Σₖ lhs\[b, r, k\] · rhs\[b, k, c\], from +0; the result is dense.
    MatMul {
        /// Left matrices; `row` is the stride of r, `col` that of k.
        lhs: Matrix<O>,
        /// Right matrices; `row` is the stride of k, `col` that of c.
        rhs: Matrix<O>,
        /// Result.
        dst: O,
        /// Number of products.
        batch: usize,
        /// Rows of a result.
        rows: usize,
        /// Length summed over.
        inner: usize,
        /// Columns of a result.
        cols: usize,
    },
    /// dst\[r\] = act(bias\[r\] + Σ_c W\[r\]\[c\] · src\[c\]), from the bias, or +0 where there is none.
    Dense {
        /// Packed W.
        panel: O,
        /// How it is stored.
        weights: Weights,
        /// Start of the sums.
        bias: Option<O>,
        /// Argument, `cols` elements.
        src: O,
        /// Result, `rows` elements.
        dst: O,
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        cols: usize,
        /// Applied to the sum.
        activation: Option<Unary>,
    },
    /// dst\[c\] = Σ_r W\[r\]\[c\] · src\[r\] · slope\[r\], from +0; reads the panel of [`Kernel::Dense`].
    DenseAdjoint {
        /// Packed W.
        panel: O,
        /// How it is stored.
        weights: Weights,
        /// Argument, `rows` elements.
        src: O,
        /// A derivative that `src` is first multiplied with, and the `rows` elements it follows from.
        slope: Option<(Slope, O)>,
        /// Result, `cols` elements.
        dst: O,
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        cols: usize,
    },
    /// dst\[c\] = Σ_r W\[r\]\[c\] · factor\[r\] · slope(act(bias + W · src))\[r\]: [`Kernel::Dense`] and the
    /// [`Kernel::DenseAdjoint`] after it in one, with the same bits; the layer's own values are kept nowhere.
    DenseGradient {
        /// Packed W.
        panel: O,
        /// How it is stored.
        weights: Weights,
        /// Start of the forward sums.
        bias: Option<O>,
        /// Argument, `cols` elements.
        src: O,
        /// What the layer's slope is multiplied with, `rows` elements.
        factor: O,
        /// Result, `cols` elements.
        dst: O,
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        cols: usize,
        /// Applied to the forward sum.
        activation: Unary,
        /// How the derivative follows from that.
        slope: Slope,
    },
}

/// Elements an operand covers: from `at`, `span` of them, the last one touched included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access<O> {
    pub(crate) at: O,
    pub(crate) span: usize,
    /// Element i of the result depends on nothing here but element i, so that result and operand may coincide.
    pub(crate) elementwise: bool,
}

fn span<const K: usize>(lens: [usize; K], strides: [usize; K]) -> usize {
    1 + lens.iter().zip(strides).map(|(len, stride)| (len - 1) * stride).sum::<usize>()
}

impl<O: Copy> Stream<O> {
    fn access(&self, len: usize) -> Access<O> {
        Access { at: self.at, span: 1 + (len - 1) * self.step, elementwise: self.step == 1 }
    }

    fn map<P>(self, place: &impl Fn(O) -> P) -> Stream<P> {
        Stream { at: place(self.at), step: self.step }
    }
}

impl<O: Copy> Matrix<O> {
    fn access(&self, lens: [usize; 3]) -> Access<O> {
        whole(self.at, span(lens, [self.batch, self.row, self.col]))
    }

    fn map<P>(self, place: &impl Fn(O) -> P) -> Matrix<P> {
        Matrix { at: place(self.at), batch: self.batch, row: self.row, col: self.col }
    }
}

fn whole<O>(at: O, span: usize) -> Access<O> {
    Access { at, span, elementwise: false }
}

impl<O: Copy> Kernel<O> {
    /// What it reads, in the order of its operands.
    pub(crate) fn reads(&self) -> Vec<Access<O>> {
        match self {
            Self::Unary { src, len, .. } => vec![Access { at: *src, span: *len, elementwise: true }],
            Self::Binary { lhs, rhs, len, .. } => vec![lhs.access(*len), rhs.access(*len)],
            Self::Select { cond, a, b, len, .. } => [cond, a, b].map(|stream| stream.access(*len)).to_vec(),
            Self::Fill { .. } => Vec::new(),
            Self::Copy { src, dims, src_strides, .. } => vec![whole(*src, span(*dims, *src_strides))],
            Self::Sum { src, outer, len, inner, .. } => vec![whole(*src, outer * len * inner)],
            Self::MatMul { lhs, rhs, batch, rows, inner, cols, .. } => {
                vec![lhs.access([*batch, *rows, *inner]), rhs.access([*batch, *inner, *cols])]
            }
            Self::Dense { panel, weights, bias, src, rows, cols, .. } => {
                let bias = bias.map(|bias| whole(bias, *rows));
                [whole(*panel, weights.panel_words(*rows, *cols)), whole(*src, *cols)].into_iter().chain(bias).collect()
            }
            Self::DenseAdjoint { panel, weights, src, slope, rows, cols, .. } => {
                let values = slope.map(|(_, values)| whole(values, *rows));
                [whole(*panel, weights.panel_words(*rows, *cols)), whole(*src, *rows)]
                    .into_iter()
                    .chain(values)
                    .collect()
            }
            Self::DenseGradient { panel, weights, bias, src, factor, rows, cols, .. } => {
                let bias = bias.map(|bias| whole(bias, *rows));
                let others =
                    [whole(*panel, weights.panel_words(*rows, *cols)), whole(*src, *cols), whole(*factor, *rows)];
                others.into_iter().chain(bias).collect()
            }
        }
    }

    /// What it writes. A strided copy may leave elements between untouched.
    pub(crate) fn write(&self) -> Access<O> {
        match self {
            Self::Unary { dst, len, .. }
            | Self::Binary { dst, len, .. }
            | Self::Select { dst, len, .. }
            | Self::Fill { dst, len, .. } => whole(*dst, *len),
            Self::Copy { dst, dims, dst_strides, .. } => whole(*dst, span(*dims, *dst_strides)),
            Self::Sum { dst, outer, inner, .. } => whole(*dst, outer * inner),
            Self::MatMul { dst, batch, rows, cols, .. } => whole(*dst, batch * rows * cols),
            Self::Dense { dst, rows, .. } => whole(*dst, *rows),
            Self::DenseAdjoint { dst, cols, .. } | Self::DenseGradient { dst, cols, .. } => whole(*dst, *cols),
        }
    }

    /// The same kernel with every operand replaced.
    pub(crate) fn map<P>(&self, place: &impl Fn(O) -> P) -> Kernel<P> {
        match self.clone() {
            Self::Unary { op, src, dst, len } => Kernel::Unary { op, src: place(src), dst: place(dst), len },
            Self::Binary { op, lhs, rhs, dst, len } => {
                Kernel::Binary { op, lhs: lhs.map(place), rhs: rhs.map(place), dst: place(dst), len }
            }
            Self::Select { cond, a, b, dst, len } => {
                Kernel::Select { cond: cond.map(place), a: a.map(place), b: b.map(place), dst: place(dst), len }
            }
            Self::Fill { dst, len, value } => Kernel::Fill { dst: place(dst), len, value },
            Self::Copy { src, dst, dims, src_strides, dst_strides } => {
                Kernel::Copy { src: place(src), dst: place(dst), dims, src_strides, dst_strides }
            }
            Self::Sum { src, dst, outer, len, inner } => {
                Kernel::Sum { src: place(src), dst: place(dst), outer, len, inner }
            }
            Self::MatMul { lhs, rhs, dst, batch, rows, inner, cols } => {
                Kernel::MatMul { lhs: lhs.map(place), rhs: rhs.map(place), dst: place(dst), batch, rows, inner, cols }
            }
            Self::Dense { panel, weights, bias, src, dst, rows, cols, activation } => {
                let (panel, bias, src, dst) = (place(panel), bias.map(place), place(src), place(dst));
                Kernel::Dense { panel, weights, bias, src, dst, rows, cols, activation }
            }
            Self::DenseAdjoint { panel, weights, src, slope, dst, rows, cols } => {
                let (panel, src, dst) = (place(panel), place(src), place(dst));
                let slope = slope.map(|(kind, values)| (kind, place(values)));
                Kernel::DenseAdjoint { panel, weights, src, slope, dst, rows, cols }
            }
            Self::DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope } => {
                let (panel, bias, src, factor, dst) =
                    (place(panel), bias.map(place), place(src), place(factor), place(dst));
                Kernel::DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope }
            }
        }
    }

    /// What one execution costs.
    #[must_use]
    pub fn operations(&self) -> Operations {
        let (multiply_adds, element_operations, transcendental_calls) = match self {
            Self::Unary { op, len, .. } => (0, *len, calls(*op, *len)),
            Self::Binary { op: Pairwise::Binary(Binary::Pow), len, .. } => (0, *len, *len),
            Self::Binary { len, .. } | Self::Select { len, .. } => (0, *len, 0),
            Self::Fill { .. } | Self::Copy { .. } => (0, 0, 0),
            Self::Sum { outer, len, inner, .. } => (0, outer * len * inner, 0),
            Self::MatMul { batch, rows, inner, cols, .. } => (batch * rows * inner * cols, 0, 0),
            Self::Dense { rows, cols, activation, .. } => {
                let activated = if activation.is_some() { *rows } else { 0 };
                (rows * cols, activated, activation.map_or(0, |op| calls(op, *rows)))
            }
            Self::DenseAdjoint { rows, cols, slope, .. } => (rows * cols, if slope.is_some() { *rows } else { 0 }, 0),
            Self::DenseGradient { rows, cols, activation, .. } => {
                (2 * rows * cols, 2 * rows, calls(*activation, *rows))
            }
        };
        let [multiply_adds, element_operations, transcendental_calls] =
            [multiply_adds, element_operations, transcendental_calls].map(|count| count as u64);
        Operations { instructions: 1, multiply_adds, element_operations, transcendental_calls }
    }
}

/// Calls of the mathematical library for `len` elements.
fn calls(op: Unary, len: usize) -> usize {
    match op {
        Unary::Neg | Unary::Reciprocal | Unary::Sqrt | Unary::Abs | Unary::Sign | Unary::Floor | Unary::Round => 0,
        _ => len,
    }
}

/// A panel in a listing: where it lies, and its storage unless that is f32.
struct Stored<'a, O>(&'a O, Weights);

impl<O: fmt::Display> fmt::Display for Stored<'_, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Weights::F32 => self.0.fmt(f),
            weights => write!(f, "{}:{}", self.0, weights.name()),
        }
    }
}

impl<O: fmt::Display> fmt::Display for Stream<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.at, if self.step == 0 { "*" } else { "" })
    }
}

impl<O: fmt::Display> fmt::Display for Kernel<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unary { op, src, dst, len } => write!(f, "{dst} = {}({src}) [{len}]", op.name()),
            Self::Binary { op, lhs, rhs, dst, len } => write!(f, "{dst} = {}({lhs}, {rhs}) [{len}]", op.name()),
            Self::Select { cond, a, b, dst, len } => write!(f, "{dst} = select({cond}, {a}, {b}) [{len}]"),
            Self::Fill { dst, len, value } => write!(f, "{dst} = fill {value:?} [{len}]"),
            Self::Copy { src, dst, dims, src_strides, dst_strides } => {
                write!(f, "{dst} = copy({src}) {dims:?}, strides {src_strides:?} to {dst_strides:?}")
            }
            Self::Sum { src, dst, outer, len, inner } => write!(f, "{dst} = sum({src}) [{outer}, {len}, {inner}]"),
            Self::MatMul { lhs, rhs, dst, batch, rows, inner, cols } => {
                write!(f, "{dst} = matmul({}, {}) [{batch}: {rows}, {inner}, {cols}]", lhs.at, rhs.at)
            }
            Self::Dense { panel, weights, bias, src, dst, rows, cols, activation } => {
                let panel = Stored(panel, *weights);
                write!(f, "{dst} = {}(dense {panel} [{rows}, {cols}] {src}", activation.map_or("", Unary::name))?;
                match bias {
                    Some(bias) => write!(f, " + {bias})"),
                    None => f.write_str(")"),
                }
            }
            Self::DenseAdjoint { panel, weights, src, slope, dst, rows, cols } => {
                let panel = Stored(panel, *weights);
                write!(f, "{dst} = dense_adjoint {panel} [{rows}, {cols}] {src}")?;
                slope.as_ref().map_or(Ok(()), |(kind, values)| write!(f, " * {}({values})", kind.name()))
            }
            Self::DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope } => {
                let panel = Stored(panel, *weights);
                let (function, slope) = (activation.name(), slope.name());
                write!(f, "{dst} = dense_gradient {panel} [{rows}, {cols}] {factor} * {slope}({function}({src}")?;
                match bias {
                    Some(bias) => write!(f, " + {bias}))"),
                    None => f.write_str("))"),
                }
            }
        }
    }
}
