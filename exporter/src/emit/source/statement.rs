//! Kernels taken apart into statements: short ones element by element, elementwise ones as one expression, the rest as calls.
//!
//! The order of operations is that of the kernels, see `docs/NUMERICS.md`. A dialect spells terms, values and calls; it does not
//! look into a kernel to decide anything.

use crate::graph::Unary;
use crate::lower::{Kernel, Operand, Pairwise, Stream};

/// Up to so many elements are computed one by one.
const SHORT: usize = 8;
/// Up to so many products, for short results of a matrix product.
const SHORT_PRODUCTS: usize = 24;

/// A number that an expression reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Term {
    /// An element of the workspace.
    Cell(usize),
    /// A known number.
    Number(f32),
    /// Element i of `len` consecutive ones, in a loop over i.
    Indexed(Operand, usize),
}

/// The right-hand side of an assignment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// The term itself.
    Term(Term),
    /// A function of one number.
    Unary(Unary, Term),
    /// A function of two.
    Pairwise(Pairwise, Term, Term),
    /// The first where it is not 0: the second, else the third.
    Select(Term, Term, Term),
    /// Terms added up from +0.
    Sum(Vec<Term>),
    /// Products added up from +0.
    Products(Vec<(Term, Term)>),
}

/// One step of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement<'a> {
    /// One element.
    Element { dst: usize, value: Value },
    /// `len` elements from `dst` on, by the same expression of an index.
    Each { dst: usize, len: usize, value: Value },
    /// `len` elements from `dst` on by a function that takes four at a time.
    Quads { op: Unary, src: Operand, dst: usize, len: usize },
    /// A kernel with loops of its own.
    Call(&'a Kernel<Operand>),
}

/// Whether a function is evaluated four at a time, where there are four.
pub(crate) fn has_lanes(op: Unary) -> bool {
    matches!(op, Unary::Exp | Unary::Tanh | Unary::Sigmoid | Unary::Softplus | Unary::Erf)
}

/// The statements that compute what `kernels` compute, with known numbers put in where they are read.
pub(crate) fn statements<'a>(kernels: &'a [Kernel<Operand>], constants: &[u32]) -> Vec<Statement<'a>> {
    kernels.iter().flat_map(|kernel| Reader { constants }.statements(kernel)).collect()
}

struct Reader<'c> {
    constants: &'c [u32],
}

impl Reader<'_> {
    fn statements<'a>(&self, kernel: &'a Kernel<Operand>) -> Vec<Statement<'a>> {
        match kernel {
            Kernel::Unary { op, src, dst, len } if *len > SHORT && has_lanes(*op) => {
                vec![Statement::Quads { op: *op, src: *src, dst: target(*dst), len: *len }]
            }
            Kernel::Unary { op, src, dst, len } => {
                let src = Stream { at: *src, step: 1 };
                self.elementwise(*dst, *len, [src], |[x]| Value::Unary(*op, x))
            }
            Kernel::Binary { op, lhs, rhs, dst, len } => {
                self.elementwise(*dst, *len, [*lhs, *rhs], |[a, b]| Value::Pairwise(*op, a, b))
            }
            Kernel::Select { cond, a, b, dst, len } => {
                self.elementwise(*dst, *len, [*cond, *a, *b], |[cond, a, b]| Value::Select(cond, a, b))
            }
            Kernel::Fill { dst, len, value } => {
                self.elementwise(*dst, *len, [], |[]| Value::Term(Term::Number(*value)))
            }
            Kernel::Copy { src, dst, dims, src_strides, dst_strides } => {
                let [a, b, c, d] = *dims;
                let is_dense = a * b * c == 1 && (d == 1 || (src_strides[3] == 1 && dst_strides[3] == 1));
                if is_dense {
                    let src = Stream { at: *src, step: 1 };
                    return self.elementwise(*dst, d, [src], |[x]| Value::Term(x));
                }
                if a * b * c * d > SHORT {
                    return vec![Statement::Call(kernel)];
                }
                let at = |index: &[usize; 4], strides: &[usize; 4]| -> usize {
                    index.iter().zip(strides).map(|(index, stride)| index * stride).sum()
                };
                let assign = |index: [usize; 4]| Statement::Element {
                    dst: target(*dst) + at(&index, dst_strides),
                    value: Value::Term(self.term(*src, at(&index, src_strides))),
                };
                indices(*dims).map(assign).collect()
            }
            Kernel::Sum { src, dst, outer, len, inner } if outer * len * inner <= SHORT => {
                let sum = |o: usize, i: usize| {
                    Value::Sum((0..*len).map(|k| self.term(*src, (o * len + k) * inner + i)).collect())
                };
                let element =
                    |at: usize| Statement::Element { dst: target(*dst) + at, value: sum(at / inner, at % inner) };
                (0..outer * inner).map(element).collect()
            }
            Kernel::MatMul { lhs, rhs, dst, batch, rows, inner, cols }
                if batch * rows * inner * cols <= SHORT_PRODUCTS && *inner <= SHORT =>
            {
                let element = |[b, r, c]: [usize; 3]| {
                    let product = |k: usize| {
                        let left = self.term(lhs.at, b * lhs.batch + r * lhs.row + k * lhs.col);
                        (left, self.term(rhs.at, b * rhs.batch + k * rhs.row + c * rhs.col))
                    };
                    Statement::Element {
                        dst: target(*dst) + (b * rows + r) * cols + c,
                        value: Value::Products((0..*inner).map(product).collect()),
                    }
                };
                indices([*batch, *rows, *cols, 1]).map(|[b, r, c, _]| element([b, r, c])).collect()
            }
            _ => vec![Statement::Call(kernel)],
        }
    }

    fn elementwise<const K: usize>(
        &self,
        dst: Operand,
        len: usize,
        streams: [Stream<Operand>; K],
        value: impl Fn([Term; K]) -> Value,
    ) -> Vec<Statement<'static>> {
        let dst = target(dst);
        if len <= SHORT {
            let element = |index: usize| {
                let terms = streams.map(|stream| self.term(stream.at, index * stream.step));
                Statement::Element { dst: dst + index, value: value(terms) }
            };
            return (0..len).map(element).collect();
        }
        let indexed = |stream: Stream<Operand>| match stream.step {
            0 => self.term(stream.at, 0),
            _ => Term::Indexed(stream.at, len),
        };
        vec![Statement::Each { dst, len, value: value(streams.map(indexed)) }]
    }

    fn term(&self, at: Operand, index: usize) -> Term {
        match at {
            Operand::Workspace(offset) => Term::Cell(offset + index),
            Operand::Constant(offset) => {
                Term::Number(self.constants.get(offset + index).map_or(f32::NAN, |word| f32::from_bits(*word)))
            }
        }
    }
}

/// Where a result goes; constants are never written.
pub(crate) fn target(at: Operand) -> usize {
    match at {
        Operand::Workspace(offset) => offset,
        Operand::Constant(_) => usize::MAX,
    }
}

/// All indices below `dims`, the last running fastest.
fn indices(dims: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let [_, b, c, d] = dims;
    (0..dims.iter().product()).map(move |flat| [flat / (b * c * d), flat / (c * d) % b, flat / d % c, flat % d])
}

impl Value {
    /// What it reads.
    pub(crate) fn terms(&self) -> Vec<Term> {
        match self {
            Self::Term(term) | Self::Unary(_, term) => vec![*term],
            Self::Pairwise(_, a, b) => vec![*a, *b],
            Self::Select(a, b, c) => vec![*a, *b, *c],
            Self::Sum(terms) => terms.clone(),
            Self::Products(pairs) => pairs.iter().flat_map(|(a, b)| [*a, *b]).collect(),
        }
    }
}
