//! Reads a blob back into the plan it spells, so that source can be written of a model of which only the blob is left.
//!
//! The runtime has checked the blob first. Writing the plan again gives the words that were read. What a blob does not tell, how
//! many elements live at a time, is taken to be all of its workspace.

use hnn_runtime::format::{self, BinaryKind, DampingKind, Instruction, SlopeKind, UnaryKind};
use hnn_runtime::{Error, Program};

use crate::dynamics::Scheme;
use crate::graph::{Binary, Comparison, Unary};
use crate::lower::{DampingForm, Entry, EntryKind, Kernel, Matrix, Operand, Pairwise, Plan, Slope, Stream};

/// The plan that a blob spells, its scheme and its time step.
///
/// # Errors
/// Those of [`Program::parse`]; [`Error::MissingKernel`] for a network in fixed point, which is no plan.
pub fn read_blob(words: &[u32]) -> Result<(Plan, Scheme, f32), Error> {
    let program = Program::parse(words)?;
    let header = program.header();
    let section = |section: format::Section| {
        let (start, len) = (section.offset as usize, section.len as usize);
        words.get(start..start + len).unwrap_or_default()
    };
    let constants = section(header.constants).to_vec();
    let code = section(header.instructions);
    let (dof, inputs, constraints) = (program.dof(), program.inputs(), program.constraints());
    let mut entries = Vec::new();
    for kind in EntryKind::ALL {
        let record = header.entry(position(kind));
        if record.result.is_absent() {
            continue;
        }
        let mut rest = code.get(record.offset as usize..).unwrap_or_default();
        let mut kernels = Vec::new();
        for _ in 0..record.instructions {
            let (instruction, after) = Instruction::decode(rest).ok_or(Error::Entry(position(kind)))?;
            kernels.push(kernel(&instruction).ok_or(Error::MissingKernel(instruction.kernels()))?);
            rest = after;
        }
        let result_len = match (kind, program.damping_kind()) {
            (EntryKind::Energy, _) => 1,
            (EntryKind::Velocity | EntryKind::Force, _) => dof,
            (EntryKind::Field, _) => 2 * dof,
            (EntryKind::Damping, DampingKind::Full) => dof * dof,
            (EntryKind::Damping, _) => dof,
            (EntryKind::Constraint, _) => constraints * (1 + dof),
        };
        let result = operand(record.result);
        let live_len = program.workspace_len() - 2 * dof - inputs;
        entries.push(Entry { kind, kernels, result, result_len, live_len });
    }
    let plan = Plan {
        dof,
        inputs,
        constraints,
        separable: program.is_separable(),
        kinetic_quadratic: program.is_kinetic_quadratic(),
        inverse_mass: (header.inverse_mass != format::ABSENT).then_some(header.inverse_mass as usize),
        damping: match program.damping_kind() {
            DampingKind::None => DampingForm::None,
            DampingKind::Diagonal => DampingForm::Diagonal,
            DampingKind::Full => DampingForm::Full,
        },
        damping_constant: program.is_damping_constant(),
        constants,
        workspace_len: program.workspace_len(),
        entries,
    };
    Ok((plan, Scheme::of(program.scheme(), program.setting()), program.dt()))
}

fn position(kind: EntryKind) -> format::Entry {
    match kind {
        EntryKind::Energy => format::Entry::Energy,
        EntryKind::Velocity => format::Entry::Velocity,
        EntryKind::Force => format::Entry::Force,
        EntryKind::Field => format::Entry::Field,
        EntryKind::Damping => format::Entry::Damping,
        EntryKind::Constraint => format::Entry::Constraint,
    }
}

fn operand(at: format::Operand) -> Operand {
    if at.is_constant() { Operand::Constant(at.offset()) } else { Operand::Workspace(at.offset()) }
}

fn optional(at: format::Operand) -> Option<Operand> {
    (!at.is_absent()).then(|| operand(at))
}

/// The kernel that an instruction spells; a network in fixed point is none of a plan.
fn kernel(instruction: &Instruction) -> Option<Kernel<Operand>> {
    let len = |word: u32| word as usize;
    let dst = |word: u32| Operand::Workspace(word as usize);
    let stream = |at, step: u32| Stream { at: operand(at), step: step as usize };
    let matrix =
        |at, [batch, row, col]: [u32; 3]| Matrix { at: operand(at), batch: len(batch), row: len(row), col: len(col) };
    Some(match instruction {
        Instruction::Unary(i) => {
            Kernel::Unary { op: unary(i.kind), src: operand(i.src), dst: dst(i.dst), len: len(i.len) }
        }
        Instruction::Binary(i) => {
            let (lhs, rhs) = (stream(i.lhs, i.lhs_step), stream(i.rhs, i.rhs_step));
            Kernel::Binary { op: pairwise(i.kind), lhs, rhs, dst: dst(i.dst), len: len(i.len) }
        }
        Instruction::Select(i) => {
            let [condition, accepted, rejected] = i.steps;
            let (cond, a) = (stream(i.condition, condition), stream(i.accepted, accepted));
            Kernel::Select { cond, a, b: stream(i.rejected, rejected), dst: dst(i.dst), len: len(i.len) }
        }
        Instruction::Fill(i) => Kernel::Fill { dst: dst(i.dst), len: len(i.len), value: f32::from_bits(i.value) },
        Instruction::Copy(i) => Kernel::Copy {
            src: operand(i.src),
            dst: dst(i.dst),
            dims: i.dims.map(len),
            src_strides: i.src_strides.map(len),
            dst_strides: i.dst_strides.map(len),
        },
        Instruction::Sum(i) => {
            let (src, dst) = (operand(i.src), dst(i.dst));
            Kernel::Sum { src, dst, outer: len(i.outer), len: len(i.len), inner: len(i.inner) }
        }
        Instruction::MatMul(i) => {
            let (lhs, rhs) = (matrix(i.lhs, i.lhs_strides), matrix(i.rhs, i.rhs_strides));
            let [batch, rows, inner, cols] = [i.batch, i.rows, i.inner, i.cols].map(len);
            Kernel::MatMul { lhs, rhs, dst: dst(i.dst), batch, rows, inner, cols }
        }
        Instruction::Dense(_)
        | Instruction::DenseAdjoint(_)
        | Instruction::DenseGradient(_)
        | Instruction::Network(_) => {
            return layer(instruction);
        }
    })
}

/// The kernel of an instruction that reads a panel.
fn layer(instruction: &Instruction) -> Option<Kernel<Operand>> {
    let len = |word: u32| word as usize;
    let dst = |word: u32| Operand::Workspace(word as usize);
    Some(match instruction {
        Instruction::Dense(i) => {
            let (panel, bias, src, dst) = (operand(i.panel), optional(i.bias), operand(i.src), dst(i.dst));
            let activation = i.activation.map(unary);
            Kernel::Dense {
                panel,
                weights: i.weights.into(),
                bias,
                src,
                dst,
                rows: len(i.rows),
                cols: len(i.cols),
                activation,
            }
        }
        Instruction::DenseAdjoint(i) => {
            let slope = i.slope.map(|(kind, values)| (slope(kind), operand(values)));
            let (panel, src, dst) = (operand(i.panel), operand(i.src), dst(i.dst));
            Kernel::DenseAdjoint {
                panel,
                weights: i.weights.into(),
                src,
                slope,
                dst,
                rows: len(i.rows),
                cols: len(i.cols),
            }
        }
        Instruction::DenseGradient(i) => Kernel::DenseGradient {
            panel: operand(i.panel),
            weights: i.weights.into(),
            bias: optional(i.bias),
            src: operand(i.src),
            factor: operand(i.factor),
            dst: dst(i.dst),
            rows: len(i.rows),
            cols: len(i.cols),
            activation: unary(i.activation),
            slope: slope(i.slope),
        },
        _ => return None,
    })
}

fn slope(kind: SlopeKind) -> Slope {
    match kind {
        SlopeKind::Value => Slope::Value,
        SlopeKind::OneMinusSquare => Slope::OneMinusSquare,
        SlopeKind::Logistic => Slope::Logistic,
    }
}

fn unary(kind: UnaryKind) -> Unary {
    match kind {
        UnaryKind::Neg => Unary::Neg,
        UnaryKind::Reciprocal => Unary::Reciprocal,
        UnaryKind::Sqrt => Unary::Sqrt,
        UnaryKind::Exp => Unary::Exp,
        UnaryKind::Log => Unary::Log,
        UnaryKind::Sin => Unary::Sin,
        UnaryKind::Cos => Unary::Cos,
        UnaryKind::Tanh => Unary::Tanh,
        UnaryKind::Sigmoid => Unary::Sigmoid,
        UnaryKind::Softplus => Unary::Softplus,
        UnaryKind::Abs => Unary::Abs,
        UnaryKind::Sign => Unary::Sign,
        UnaryKind::Erf => Unary::Erf,
        UnaryKind::Atan => Unary::Atan,
        UnaryKind::Floor => Unary::Floor,
        UnaryKind::Round => Unary::Round,
    }
}

fn pairwise(kind: BinaryKind) -> Pairwise {
    match kind {
        BinaryKind::Add => Pairwise::Binary(Binary::Add),
        BinaryKind::Sub => Pairwise::Binary(Binary::Sub),
        BinaryKind::Mul => Pairwise::Binary(Binary::Mul),
        BinaryKind::Div => Pairwise::Binary(Binary::Div),
        BinaryKind::Pow => Pairwise::Binary(Binary::Pow),
        BinaryKind::Max => Pairwise::Binary(Binary::Max),
        BinaryKind::Min => Pairwise::Binary(Binary::Min),
        BinaryKind::Greater => Pairwise::Compare(Comparison::Greater),
        BinaryKind::GreaterOrEqual => Pairwise::Compare(Comparison::GreaterOrEqual),
        BinaryKind::Equal => Pairwise::Compare(Comparison::Equal),
    }
}
