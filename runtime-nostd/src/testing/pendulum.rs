//! A pendulum assembled by hand.

use std::vec::Vec;

use super::Assembler;
use crate::format::{
    Binary, BinaryKind, DampingKind, Entry, Fill, Header, Instruction, Operand, SchemeId, Unary, UnaryKind, flags,
};

pub(crate) fn unary(kind: UnaryKind, src: u32, dst: u32) -> Instruction {
    Instruction::Unary(Unary { kind, src: Operand::workspace(src), dst, len: 1 })
}

pub(crate) fn binary(kind: BinaryKind, lhs: Operand, rhs: Operand, dst: u32) -> Instruction {
    Instruction::Binary(Binary { kind, lhs, rhs, dst, len: 1, lhs_step: 1, rhs_step: 1 })
}

/// H = p²/2 + 1 − cos q, R = r if given, scheme leapfrog at 0.1 s: q at 0, p at 1, scratch behind.
pub(crate) fn pendulum(damping: Option<f32>) -> Assembler {
    let at = Operand::workspace;
    let (half, one) = (Operand::constant(0), Operand::constant(1));
    let mut header = Header::empty();
    (header.dof, header.workspace_len, header.scheme, header.dt) = (1, 6, SchemeId::Leapfrog.code(), 0.1);
    header.flags = flags::SEPARABLE | flags::KINETIC_QUADRATIC;
    header.inverse_mass = 1;
    let energy = std::vec![
        binary(BinaryKind::Mul, at(1), at(1), 2),
        binary(BinaryKind::Mul, at(2), half, 2),
        unary(UnaryKind::Cos, 0, 3),
        binary(BinaryKind::Sub, one, at(3), 3),
        binary(BinaryKind::Add, at(2), at(3), 2),
    ];
    let force = std::vec![unary(UnaryKind::Sin, 0, 3), unary(UnaryKind::Neg, 3, 3)];
    let mut field = std::vec![Instruction::Fill(Fill { dst: 2, len: 1, value: 0 })];
    field.push(binary(BinaryKind::Add, at(1), at(2), 2));
    field.extend(&force);
    let mut entries = std::vec![
        (Entry::Energy, energy, at(2)),
        (Entry::Velocity, Vec::new(), at(1)),
        (Entry::Force, force, at(3)),
        (Entry::Field, field, at(2)),
    ];
    let mut constants = std::vec![0.5f32.to_bits(), 1.0f32.to_bits()];
    if let Some(r) = damping {
        header.flags |= flags::DAMPING_CONSTANT | (DampingKind::Diagonal.code() << flags::DAMPING_SHIFT);
        entries.push((Entry::Damping, Vec::new(), Operand::constant(2)));
        constants.push(r.to_bits());
    }
    Assembler { header, entries, constants }
}
