//! Spells a plan as the words of a blob.
//!
//! Header, instructions entry by entry, constants; no gaps. What each word means is defined once, in
//! [`hnn_runtime::format`]; this file only translates names. The same plan gives the same words.

use hnn_runtime::format::{
    self, BinaryKind, DampingKind, EntryRecord, HEADER_WORDS, Header, Instruction, Section, SlopeKind, UnaryKind, flags,
};

use crate::dynamics::Scheme;
use crate::graph::{Binary, Comparison, Unary};
use crate::lower::{DampingForm, EntryKind, FunctionPlan, Kernel, Operand, Pairwise, Plan, Slope};

/// The words of a plan to be stepped with `scheme` and `dt` seconds.
///
/// `lower` keeps every number of a plan below the format's limits, so none is cut here; whoever loads the blob checks again.
#[must_use]
pub fn blob(plan: &Plan, scheme: Scheme, dt: f32) -> Vec<u32> {
    let mut header = Header::empty();
    let mut code: Vec<u32> = Vec::new();
    for kind in EntryKind::ALL {
        if let Some(entry) = plan.entry(kind) {
            header.entries[position(kind)] = program(&mut header.kernels, &mut code, &entry.kernels, entry.result);
        }
    }
    header.dof = word(plan.dof);
    header.inputs = word(plan.inputs);
    header.flags = plan_flags(plan);
    header.workspace_len = word(plan.workspace_len);
    (header.scheme, header.setting) = (scheme.id().code(), scheme.setting());
    header.constraints = word(plan.constraints);
    header.dt = dt;
    header.inverse_mass = plan.inverse_mass.map_or(format::ABSENT, word);
    sealed(header, &code, &plan.constants)
}

/// Line of the entry table.
pub(super) fn position(kind: EntryKind) -> usize {
    let entry = match kind {
        EntryKind::Energy => format::Entry::Energy,
        EntryKind::Velocity => format::Entry::Velocity,
        EntryKind::Force => format::Entry::Force,
        EntryKind::Field => format::Entry::Field,
        EntryKind::Damping => format::Entry::Damping,
        EntryKind::Constraint => format::Entry::Constraint,
    };
    entry.code() as usize
}

/// The words of a function.
#[must_use]
pub fn function_blob(plan: &FunctionPlan) -> Vec<u32> {
    let mut header = Header::empty();
    let mut code: Vec<u32> = Vec::new();
    let record = program(&mut header.kernels, &mut code, &plan.kernels, plan.result);
    header.entries[format::Entry::Function.code() as usize] = record;
    header.workspace_len = word(plan.workspace_len);
    header.arguments = word(plan.arguments_len());
    header.results = word(plan.results_len());
    sealed(header, &code, &plan.constants)
}

/// Appends the instructions of one entry and notes which families of kernels they need.
fn program(families: &mut u32, code: &mut Vec<u32>, kernels: &[Kernel<Operand>], result: Operand) -> EntryRecord {
    let offset = word(code.len());
    for kernel in kernels {
        let instruction = instruction(kernel);
        *families |= instruction.kernels();
        let (words, len) = instruction.encode();
        code.extend(words.iter().take(len));
    }
    let len = word(code.len()) - offset;
    EntryRecord { offset, len, instructions: word(kernels.len()), result: operand(result) }
}

/// Header, instructions and constants in one, with word count and checksum.
pub(super) fn sealed(mut header: Header, code: &[u32], constants: &[u32]) -> Vec<u32> {
    header.instructions = Section { offset: word(HEADER_WORDS), len: word(code.len()) };
    header.constants = Section { offset: word(HEADER_WORDS + code.len()), len: word(constants.len()) };
    let mut words: Vec<u32> = header.encode().iter().chain(code).chain(constants).copied().collect();
    format::seal(&mut words);
    words
}

/// The bytes of a file that holds these words.
#[must_use]
pub fn blob_bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A count or offset; the plan's limits are far below the largest word, which the reader refuses.
pub(super) fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(super) fn plan_flags(plan: &Plan) -> u32 {
    let damping = match plan.damping {
        DampingForm::None => DampingKind::None,
        DampingForm::Diagonal => DampingKind::Diagonal,
        DampingForm::Full => DampingKind::Full,
    };
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    bit(plan.separable, flags::SEPARABLE)
        | bit(plan.kinetic_quadratic, flags::KINETIC_QUADRATIC)
        | bit(plan.damping_constant, flags::DAMPING_CONSTANT)
        | (damping.code() << flags::DAMPING_SHIFT)
}

pub(super) fn operand(at: Operand) -> format::Operand {
    match at {
        Operand::Workspace(offset) => format::Operand::workspace(word(offset)),
        Operand::Constant(offset) => format::Operand::constant(word(offset)),
    }
}

/// Where a result goes; constants are never written.
fn target(at: Operand) -> u32 {
    match at {
        Operand::Workspace(offset) => word(offset),
        Operand::Constant(_) => u32::MAX,
    }
}

pub(super) fn instruction(kernel: &Kernel<Operand>) -> Instruction {
    match kernel {
        Kernel::Unary { op, src, dst, len } => {
            let (kind, src, dst, len) = (unary(*op), operand(*src), target(*dst), word(*len));
            Instruction::Unary(format::Unary { kind, src, dst, len })
        }
        Kernel::Binary { op, lhs, rhs, dst, len } => Instruction::Binary(format::Binary {
            kind: pairwise(*op),
            lhs: operand(lhs.at),
            rhs: operand(rhs.at),
            dst: target(*dst),
            len: word(*len),
            lhs_step: word(lhs.step),
            rhs_step: word(rhs.step),
        }),
        Kernel::Select { cond, a, b, dst, len } => Instruction::Select(format::Select {
            condition: operand(cond.at),
            accepted: operand(a.at),
            rejected: operand(b.at),
            dst: target(*dst),
            len: word(*len),
            steps: [word(cond.step), word(a.step), word(b.step)],
        }),
        Kernel::Fill { dst, len, value } => {
            Instruction::Fill(format::Fill { dst: target(*dst), len: word(*len), value: value.to_bits() })
        }
        Kernel::Copy { src, dst, dims, src_strides, dst_strides } => Instruction::Copy(format::Copy {
            src: operand(*src),
            dst: target(*dst),
            dims: dims.map(word),
            src_strides: src_strides.map(word),
            dst_strides: dst_strides.map(word),
        }),
        Kernel::Sum { src, dst, outer, len, inner } => {
            let (src, dst) = (operand(*src), target(*dst));
            Instruction::Sum(format::Sum { src, dst, outer: word(*outer), len: word(*len), inner: word(*inner) })
        }
        Kernel::MatMul { lhs, rhs, dst, batch, rows, inner, cols } => Instruction::MatMul(format::MatMul {
            lhs: operand(lhs.at),
            rhs: operand(rhs.at),
            dst: target(*dst),
            batch: word(*batch),
            rows: word(*rows),
            inner: word(*inner),
            cols: word(*cols),
            lhs_strides: [lhs.batch, lhs.row, lhs.col].map(word),
            rhs_strides: [rhs.batch, rhs.row, rhs.col].map(word),
        }),
        Kernel::Dense { panel, weights, bias, src, dst, rows, cols, activation } => {
            let weights = weights.kind();
            let (panel, bias, src, dst) = (operand(*panel), optional(*bias), operand(*src), target(*dst));
            let (rows, cols, activation) = (word(*rows), word(*cols), activation.map(unary));
            Instruction::Dense(format::Dense { panel, weights, bias, src, dst, rows, cols, activation })
        }
        Kernel::DenseAdjoint { panel, weights, src, slope, dst, rows, cols } => {
            let weights = weights.kind();
            let (panel, src, dst, rows, cols) =
                (operand(*panel), operand(*src), target(*dst), word(*rows), word(*cols));
            let slope = slope.map(|(kind, values)| (slope_kind(kind), operand(values)));
            Instruction::DenseAdjoint(format::DenseAdjoint { panel, weights, src, slope, dst, rows, cols })
        }
        Kernel::DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope } => {
            let weights = weights.kind();
            let (panel, bias, src, factor) = (operand(*panel), optional(*bias), operand(*src), operand(*factor));
            let (dst, rows, cols) = (target(*dst), word(*rows), word(*cols));
            let (activation, slope) = (unary(*activation), slope_kind(*slope));
            let gradient =
                format::DenseGradient { panel, weights, bias, src, factor, dst, rows, cols, activation, slope };
            Instruction::DenseGradient(gradient)
        }
    }
}

fn optional(at: Option<Operand>) -> format::Operand {
    at.map_or(format::Operand::ABSENT, operand)
}

fn slope_kind(slope: Slope) -> SlopeKind {
    match slope {
        Slope::Value => SlopeKind::Value,
        Slope::OneMinusSquare => SlopeKind::OneMinusSquare,
        Slope::Logistic => SlopeKind::Logistic,
    }
}

fn unary(op: Unary) -> UnaryKind {
    match op {
        Unary::Neg => UnaryKind::Neg,
        Unary::Reciprocal => UnaryKind::Reciprocal,
        Unary::Sqrt => UnaryKind::Sqrt,
        Unary::Exp => UnaryKind::Exp,
        Unary::Log => UnaryKind::Log,
        Unary::Sin => UnaryKind::Sin,
        Unary::Cos => UnaryKind::Cos,
        Unary::Tanh => UnaryKind::Tanh,
        Unary::Sigmoid => UnaryKind::Sigmoid,
        Unary::Softplus => UnaryKind::Softplus,
        Unary::Abs => UnaryKind::Abs,
        Unary::Sign => UnaryKind::Sign,
        Unary::Erf => UnaryKind::Erf,
        Unary::Atan => UnaryKind::Atan,
        Unary::Floor => UnaryKind::Floor,
        Unary::Round => UnaryKind::Round,
    }
}

fn pairwise(op: Pairwise) -> BinaryKind {
    match op {
        Pairwise::Binary(Binary::Add) => BinaryKind::Add,
        Pairwise::Binary(Binary::Sub) => BinaryKind::Sub,
        Pairwise::Binary(Binary::Mul) => BinaryKind::Mul,
        Pairwise::Binary(Binary::Div) => BinaryKind::Div,
        Pairwise::Binary(Binary::Pow) => BinaryKind::Pow,
        Pairwise::Binary(Binary::Max) => BinaryKind::Max,
        Pairwise::Binary(Binary::Min) => BinaryKind::Min,
        Pairwise::Compare(Comparison::Greater) => BinaryKind::Greater,
        Pairwise::Compare(Comparison::GreaterOrEqual) => BinaryKind::GreaterOrEqual,
        Pairwise::Compare(Comparison::Equal) => BinaryKind::Equal,
    }
}
