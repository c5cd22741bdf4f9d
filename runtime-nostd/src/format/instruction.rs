//! The instruction set: what each instruction computes, and its words.
//!
//! The first word is `opcode | kind << 8 | bits << 16`; the number of words that follow is fixed by the opcode. Offsets
//! and strides count elements. Decoding rejects unknown codes and stray bits, so every instruction has one encoding.

use super::{
    BinaryKind, MAX_INSTRUCTION_WORDS, Network, NetworkKind, Operand, SlopeKind, UnaryKind, WeightKind, kernels,
};

/// dst\[i\] = f(src\[i\]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unary {
    /// The function.
    pub kind: UnaryKind,
    /// Its argument, `len` elements.
    pub src: Operand,
    /// Workspace offset of the result; may equal `src`.
    pub dst: u32,
    /// Number of elements.
    pub len: u32,
}

/// dst\[i\] = f(lhs\[i·lhs_step\], rhs\[i·rhs_step\]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binary {
    /// The function.
    pub kind: BinaryKind,
    /// First argument.
    pub lhs: Operand,
    /// Second argument.
    pub rhs: Operand,
    /// Workspace offset of the result; may equal an argument of step 1.
    pub dst: u32,
    /// Number of elements of the result.
    pub len: u32,
    /// 1 for `len` elements, 0 for one that serves all.
    pub lhs_step: u32,
    /// 1 for `len` elements, 0 for one that serves all.
    pub rhs_step: u32,
}

/// dst\[i\] = condition\[i·step₀\] ≠ 0 ? accepted\[i·step₁\] : rejected\[i·step₂\].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Select {
    /// Truth value, as a number.
    pub condition: Operand,
    /// Result where the condition is not zero.
    pub accepted: Operand,
    /// Result where it is zero.
    pub rejected: Operand,
    /// Workspace offset of the result; may equal an argument of step 1.
    pub dst: u32,
    /// Number of elements of the result.
    pub len: u32,
    /// Step of condition, accepted and rejected: 1 for `len` elements, 0 for one that serves all.
    pub steps: [u32; 3],
}

/// dst\[i\] = value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Workspace offset of the result.
    pub dst: u32,
    /// Number of elements.
    pub len: u32,
    /// The value, as bits of an f32.
    pub value: u32,
}

/// dst\[Σ iₖ·dst_stridesₖ\] = src\[Σ iₖ·src_stridesₖ\] for all 0 ≤ iₖ < dimsₖ, the last index running fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// Where to read.
    pub src: Operand,
    /// Workspace offset to write to; what lies between written elements is left alone.
    pub dst: u32,
    /// Lengths; unused ones are 1 and come first.
    pub dims: [u32; 4],
    /// Elements from one index to the next when reading; 0 repeats.
    pub src_strides: [u32; 4],
    /// Elements from one index to the next when writing.
    pub dst_strides: [u32; 4],
}

/// dst\[o·inner + i\] = Σₖ src\[(o·len + k)·inner + i\], k ascending from +0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Where to read: outer·len·inner elements.
    pub src: Operand,
    /// Workspace offset of the result: outer·inner elements.
    pub dst: u32,
    /// Product of the lengths before the axis.
    pub outer: u32,
    /// Length of the axis.
    pub len: u32,
    /// Product of the lengths after the axis.
    pub inner: u32,
}

/// dst\[b, r, c\] = Σₖ lhs\[b, r, k\] · rhs\[b, k, c\], k ascending from +0; dst is contiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatMul {
    /// First factor.
    pub lhs: Operand,
    /// Second factor.
    pub rhs: Operand,
    /// Workspace offset of the result: batch·rows·cols elements.
    pub dst: u32,
    /// Number of independent products.
    pub batch: u32,
    /// Rows of `lhs` and of the result.
    pub rows: u32,
    /// Length of the sum.
    pub inner: u32,
    /// Columns of `rhs` and of the result.
    pub cols: u32,
    /// Strides of `lhs` over batch, rows and inner.
    pub lhs_strides: [u32; 3],
    /// Strides of `rhs` over batch, inner and cols.
    pub rhs_strides: [u32; 3],
}

/// dst = f(W·src + bias): the sum of a row starts at its bias, or +0, and adds W\[r\]\[c\]·src\[c\], c ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dense {
    /// Packed weights in the constant section.
    pub panel: Operand,
    /// How they are stored.
    pub weights: WeightKind,
    /// `rows` values, or [`Operand::ABSENT`].
    pub bias: Operand,
    /// `cols` values of the workspace.
    pub src: Operand,
    /// Workspace offset of the result: `rows` elements.
    pub dst: u32,
    /// Rows of W.
    pub rows: u32,
    /// Columns of W.
    pub cols: u32,
    /// Applied to each row's sum.
    pub activation: Option<UnaryKind>,
}

/// dst\[c\] = Σᵣ W\[r\]\[c\]·src\[r\]·slope\[r\], r ascending from +0: the transposed product, from the same panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseAdjoint {
    /// Packed weights in the constant section.
    pub panel: Operand,
    /// How they are stored.
    pub weights: WeightKind,
    /// `rows` values of the workspace.
    pub src: Operand,
    /// What `src` is first multiplied with: the derivative of an activation, and the `rows` values of the workspace it
    /// follows from.
    pub slope: Option<(SlopeKind, Operand)>,
    /// Workspace offset of the result: `cols` elements.
    pub dst: u32,
    /// Rows of W.
    pub rows: u32,
    /// Columns of W.
    pub cols: u32,
}

/// dst\[c\] = Σᵣ W\[r\]\[c\]·factor\[r\]·slope(f(W·src + bias))\[r\]: a [`Dense`] and the [`DenseAdjoint`] that follows it, with
/// the same bits, in one pass over the weights and without room for the layer's own values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseGradient {
    /// Packed weights in the constant section.
    pub panel: Operand,
    /// How they are stored.
    pub weights: WeightKind,
    /// `rows` values, or [`Operand::ABSENT`].
    pub bias: Operand,
    /// `cols` values of the workspace.
    pub src: Operand,
    /// `rows` values: the derivative with respect to the layer's result.
    pub factor: Operand,
    /// Workspace offset of the result: `cols` elements.
    pub dst: u32,
    /// Rows of W.
    pub rows: u32,
    /// Columns of W.
    pub cols: u32,
    /// The function f that is evaluated.
    pub activation: UnaryKind,
    /// How the activation's derivative follows from f.
    pub slope: SlopeKind,
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Opcode 1.
    Unary(Unary),
    /// Opcode 2.
    Binary(Binary),
    /// Opcode 3.
    Select(Select),
    /// Opcode 4.
    Fill(Fill),
    /// Opcode 5.
    Copy(Copy),
    /// Opcode 6.
    Sum(Sum),
    /// Opcode 7.
    MatMul(MatMul),
    /// Opcode 8.
    Dense(Dense),
    /// Opcode 9.
    DenseAdjoint(DenseAdjoint),
    /// Opcode 10.
    DenseGradient(DenseGradient),
    /// Opcode 32.
    Network(Network),
}

const UNARY: u32 = 1;
const BINARY: u32 = 2;
const SELECT: u32 = 3;
const FILL: u32 = 4;
const COPY: u32 = 5;
const SUM: u32 = 6;
const MATMUL: u32 = 7;
const DENSE: u32 = 8;
const DENSE_ADJOINT: u32 = 9;
const DENSE_GRADIENT: u32 = 10;
const NETWORK: u32 = 32;

fn head(opcode: u32, kind: u32, bits: u32) -> u32 {
    opcode | (kind << 8) | (bits << 16)
}

fn steps_bits(steps: &[u32]) -> u32 {
    steps.iter().rev().fold(0, |bits, step| (bits << 1) | (step & 1))
}

impl Instruction {
    /// The words of this instruction and how many of them count.
    #[must_use]
    pub fn encode(&self) -> ([u32; MAX_INSTRUCTION_WORDS], usize) {
        let mut words = [0; MAX_INSTRUCTION_WORDS];
        let mut len = 0;
        let mut put = |values: &[u32]| {
            for (word, value) in words.iter_mut().skip(len).zip(values) {
                *word = *value;
            }
            len += values.len();
        };
        match *self {
            Self::Unary(i) => put(&[head(UNARY, i.kind.code(), 0), i.src.word(), i.dst, i.len]),
            Self::Binary(i) => {
                let bits = steps_bits(&[i.lhs_step, i.rhs_step]);
                put(&[head(BINARY, i.kind.code(), bits), i.lhs.word(), i.rhs.word(), i.dst, i.len]);
            }
            Self::Select(i) => {
                put(&[head(SELECT, 0, steps_bits(&i.steps)), i.condition.word(), i.accepted.word(), i.rejected.word()]);
                put(&[i.dst, i.len]);
            }
            Self::Fill(i) => put(&[head(FILL, 0, 0), i.dst, i.len, i.value]),
            Self::Copy(i) => {
                put(&[head(COPY, 0, 0), i.src.word(), i.dst]);
                put(&i.dims);
                put(&i.src_strides);
                put(&i.dst_strides);
            }
            Self::Sum(i) => put(&[head(SUM, 0, 0), i.src.word(), i.dst, i.outer, i.len, i.inner]),
            Self::MatMul(i) => {
                put(&[head(MATMUL, 0, 0), i.lhs.word(), i.rhs.word(), i.dst, i.batch, i.rows, i.inner, i.cols]);
                put(&i.lhs_strides);
                put(&i.rhs_strides);
            }
            Self::Dense(i) => {
                let kind = i.activation.map_or(0, UnaryKind::code);
                put(&[
                    head(DENSE, kind, i.weights.code() << 8),
                    i.panel.word(),
                    i.bias.word(),
                    i.src.word(),
                    i.dst,
                    i.rows,
                    i.cols,
                ]);
            }
            Self::DenseAdjoint(i) => {
                let (kind, values) = i.slope.map_or((0, Operand::ABSENT), |(kind, values)| (kind.code(), values));
                let head = head(DENSE_ADJOINT, kind, i.weights.code() << 8);
                put(&[head, i.panel.word(), i.src.word(), values.word(), i.dst, i.rows, i.cols]);
            }
            Self::DenseGradient(i) => {
                let head = head(DENSE_GRADIENT, i.activation.code(), i.slope.code() | i.weights.code() << 8);
                put(&[head, i.panel.word(), i.bias.word()]);
                put(&[i.src.word(), i.factor.word(), i.dst, i.rows, i.cols]);
            }
            Self::Network(i) => {
                put(&[head(NETWORK, i.kind.code(), 0), i.table.word(), i.len, i.weights]);
                put(&[i.src.word(), i.dst, i.scratch, i.scratch_len]);
            }
        }
        (words, len)
    }

    /// Reads the first instruction of `words` and returns it with the words after it.
    ///
    /// `None` where the words end early, the opcode or kind is unknown or belongs to a kernel that this build leaves out, or an
    /// unused bit of the first word is set.
    #[must_use]
    pub fn decode(words: &[u32]) -> Option<(Self, &[u32])> {
        let (&head, rest) = words.split_first()?;
        let (opcode, kind, bits) = (head & 0xff, (head >> 8) & 0xff, head >> 16);
        let step = |position: u32| (bits >> position) & 1;
        let bits_used = match opcode {
            BINARY => 0b11,
            SELECT => 0b111,
            DENSE | DENSE_ADJOINT => 0xff00,
            DENSE_GRADIENT => 0xffff,
            _ => 0,
        };
        let kind_used = matches!(opcode, UNARY | BINARY | DENSE | DENSE_ADJOINT | DENSE_GRADIENT | NETWORK);
        if bits & !bits_used != 0 || (kind != 0 && !kind_used) {
            return None;
        }
        match opcode {
            UNARY => {
                let (&[src, dst, len], rest) = rest.split_first_chunk()?;
                let kind = UnaryKind::from_code(kind)?;
                Some((Self::Unary(Unary { kind, src: Operand::from_word(src), dst, len }), rest))
            }
            BINARY => {
                let (&[lhs, rhs, dst, len], rest) = rest.split_first_chunk()?;
                let (lhs, rhs) = (Operand::from_word(lhs), Operand::from_word(rhs));
                let kind = BinaryKind::from_code(kind)?;
                Some((Self::Binary(Binary { kind, lhs, rhs, dst, len, lhs_step: step(0), rhs_step: step(1) }), rest))
            }
            SELECT => {
                let (&[condition, accepted, rejected, dst, len], rest) = rest.split_first_chunk()?;
                let [condition, accepted, rejected] = [condition, accepted, rejected].map(Operand::from_word);
                let steps = [step(0), step(1), step(2)];
                Some((Self::Select(Select { condition, accepted, rejected, dst, len, steps }), rest))
            }
            FILL => {
                let (&[dst, len, value], rest) = rest.split_first_chunk()?;
                Some((Self::Fill(Fill { dst, len, value }), rest))
            }
            COPY if cfg!(feature = "strided") => decode_copy(rest),
            SUM if cfg!(feature = "reduction") => {
                let (&[src, dst, outer, len, inner], rest) = rest.split_first_chunk()?;
                Some((Self::Sum(Sum { src: Operand::from_word(src), dst, outer, len, inner }), rest))
            }
            MATMUL if cfg!(feature = "matmul") => decode_matmul(rest),
            DENSE | DENSE_ADJOINT | DENSE_GRADIENT if cfg!(feature = "dense") => decode_dense(opcode, kind, bits, rest),
            NETWORK if cfg!(feature = "q15") => decode_network(kind, rest),
            _ => None,
        }
    }

    /// Families of kernels this instruction needs, bits of [`kernels`].
    #[must_use]
    pub const fn kernels(&self) -> u32 {
        match self {
            Self::Unary(i) => unary_kernels(i.kind),
            Self::Binary(i) if matches!(i.kind, BinaryKind::Pow) => kernels::ELEMENTWISE | kernels::POW,
            Self::Binary(_) | Self::Select(_) | Self::Fill(_) => kernels::ELEMENTWISE,
            Self::Copy(_) => kernels::STRIDED,
            Self::Sum(_) => kernels::REDUCTION,
            Self::MatMul(_) => kernels::MATMUL,
            Self::Dense(Dense { activation: Some(kind), weights, .. }) => {
                dense_kernels(*weights) | unary_kernels(*kind)
            }
            Self::DenseGradient(i) => dense_kernels(i.weights) | unary_kernels(i.activation),
            Self::Dense(Dense { weights, .. }) | Self::DenseAdjoint(DenseAdjoint { weights, .. }) => {
                dense_kernels(*weights)
            }
            Self::Network(_) => kernels::Q15,
        }
    }

    /// Multiply-adds: the terms of every product of matrices.
    #[must_use]
    pub const fn multiply_adds(&self) -> u64 {
        match self {
            Self::Dense(Dense { rows, cols, .. }) | Self::DenseAdjoint(DenseAdjoint { rows, cols, .. }) => {
                *rows as u64 * *cols as u64
            }
            Self::DenseGradient(i) => (i.rows as u64 * i.cols as u64).saturating_mul(2),
            Self::Network(i) if matches!(i.kind, NetworkKind::Gradient) => 2 * i.weights as u64,
            Self::Network(i) => i.weights as u64,
            Self::MatMul(i) => (i.batch as u64 * i.rows as u64).saturating_mul(i.inner as u64 * i.cols as u64),
            _ => 0,
        }
    }
}

const fn dense_kernels(weights: WeightKind) -> u32 {
    kernels::DENSE
        | match weights {
            WeightKind::F32 => 0,
            WeightKind::F16 => kernels::F16,
            WeightKind::Int8 => kernels::INT8,
        }
}

const fn unary_kernels(kind: UnaryKind) -> u32 {
    kernels::ELEMENTWISE
        | match kind {
            UnaryKind::Neg
            | UnaryKind::Reciprocal
            | UnaryKind::Abs
            | UnaryKind::Sign
            | UnaryKind::Floor
            | UnaryKind::Round => 0,
            UnaryKind::Sqrt => kernels::SQRT,
            UnaryKind::Exp => kernels::EXP,
            UnaryKind::Log => kernels::LOG,
            UnaryKind::Sin | UnaryKind::Cos => kernels::SIN,
            UnaryKind::Tanh => kernels::TANH,
            UnaryKind::Sigmoid => kernels::SIGMOID,
            UnaryKind::Softplus => kernels::SOFTPLUS,
            UnaryKind::Erf => kernels::ERF,
            UnaryKind::Atan => kernels::ATAN,
        }
}

/// The three instructions that read a panel.
fn decode_dense(opcode: u32, kind: u32, bits: u32, rest: &[u32]) -> Option<(Instruction, &[u32])> {
    let weights = WeightKind::from_code(bits >> 8)?;
    match opcode {
        DENSE => {
            let (&[panel, bias, src, dst, rows, cols], rest) = rest.split_first_chunk()?;
            let [panel, bias, src] = [panel, bias, src].map(Operand::from_word);
            let activation = if kind == 0 { None } else { Some(UnaryKind::from_code(kind)?) };
            Some((Instruction::Dense(Dense { panel, weights, bias, src, dst, rows, cols, activation }), rest))
        }
        DENSE_ADJOINT => {
            let (&[panel, src, values, dst, rows, cols], rest) = rest.split_first_chunk()?;
            let [panel, src, values] = [panel, src, values].map(Operand::from_word);
            let slope = match (kind, values.is_absent()) {
                (0, true) => None,
                (_, false) => Some((SlopeKind::from_code(kind)?, values)),
                _ => return None,
            };
            Some((Instruction::DenseAdjoint(DenseAdjoint { panel, weights, src, slope, dst, rows, cols }), rest))
        }
        DENSE_GRADIENT => {
            let (&[panel, bias, src, factor, dst, rows, cols], rest) = rest.split_first_chunk()?;
            let [panel, bias, src, factor] = [panel, bias, src, factor].map(Operand::from_word);
            let (activation, slope) = (UnaryKind::from_code(kind)?, SlopeKind::from_code(bits & 0xff)?);
            let gradient = DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope };
            Some((Instruction::DenseGradient(gradient), rest))
        }
        _ => None,
    }
}

fn decode_copy(rest: &[u32]) -> Option<(Instruction, &[u32])> {
    let (&[src, dst], rest) = rest.split_first_chunk()?;
    let (&dims, rest) = rest.split_first_chunk::<4>()?;
    let (&src_strides, rest) = rest.split_first_chunk::<4>()?;
    let (&dst_strides, rest) = rest.split_first_chunk::<4>()?;
    Some((Instruction::Copy(Copy { src: Operand::from_word(src), dst, dims, src_strides, dst_strides }), rest))
}

fn decode_network(kind: u32, rest: &[u32]) -> Option<(Instruction, &[u32])> {
    let (&[table, len, weights, src, dst, scratch, scratch_len], rest) = rest.split_first_chunk()?;
    let (kind, [table, src]) = (NetworkKind::from_code(kind)?, [table, src].map(Operand::from_word));
    Some((Instruction::Network(Network { kind, table, len, weights, src, dst, scratch, scratch_len }), rest))
}

fn decode_matmul(rest: &[u32]) -> Option<(Instruction, &[u32])> {
    let (&[lhs, rhs, dst, batch, rows, inner, cols], rest) = rest.split_first_chunk()?;
    let (&lhs_strides, rest) = rest.split_first_chunk::<3>()?;
    let (&rhs_strides, rest) = rest.split_first_chunk::<3>()?;
    let (lhs, rhs) = (Operand::from_word(lhs), Operand::from_word(rhs));
    Some((Instruction::MatMul(MatMul { lhs, rhs, dst, batch, rows, inner, cols, lhs_strides, rhs_strides }), rest))
}
