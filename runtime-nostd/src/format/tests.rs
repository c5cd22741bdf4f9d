//! The encoding is a bijection on what it accepts, and its checksum is the standard one.

use std::vec::Vec;

use super::{
    Binary, BinaryKind, Copy, Dense, DenseAdjoint, DenseGradient, Entry, Fill, Header, Instruction,
    MAX_INSTRUCTION_WORDS, MatMul, Operand, SchemeId, Select, SlopeKind, Sum, Unary, UnaryKind, WeightKind, checksum,
};

fn samples() -> Vec<Instruction> {
    [&elements()[..], &layers()].concat()
}

fn elements() -> [Instruction; 7] {
    let (at, known) = (Operand::workspace, Operand::constant);
    let (src_strides, dst_strides) = ([1, 2, 3, 4], [5, 6, 7, 8]);
    let (lhs_strides, rhs_strides) = ([1, 2, 3], [4, 5, 6]);
    [
        Instruction::Unary(Unary { kind: UnaryKind::Atan, src: known(7), dst: 8, len: 9 }),
        Instruction::Binary(Binary {
            kind: BinaryKind::Equal,
            lhs: at(1),
            rhs: known(2),
            dst: 3,
            len: 4,
            lhs_step: 0,
            rhs_step: 1,
        }),
        Instruction::Select(Select {
            condition: at(1),
            accepted: at(2),
            rejected: known(3),
            dst: 4,
            len: 5,
            steps: [1, 0, 1],
        }),
        Instruction::Fill(Fill { dst: 1, len: 2, value: 0x3f80_0000 }),
        Instruction::Copy(Copy { src: at(1), dst: 2, dims: [3, 4, 5, 6], src_strides, dst_strides }),
        Instruction::Sum(Sum { src: at(1), dst: 2, outer: 3, len: 4, inner: 5 }),
        Instruction::MatMul(MatMul {
            lhs: at(1),
            rhs: at(2),
            dst: 3,
            batch: 4,
            rows: 5,
            inner: 6,
            cols: 7,
            lhs_strides,
            rhs_strides,
        }),
    ]
}

/// Of every storage of weights.
fn layers() -> [Instruction; 4] {
    let (at, known) = (Operand::workspace, Operand::constant);
    [
        Instruction::Dense(Dense {
            panel: known(1),
            weights: WeightKind::F32,
            bias: Operand::ABSENT,
            src: at(3),
            dst: 4,
            rows: 5,
            cols: 6,
            activation: Some(UnaryKind::Tanh),
        }),
        Instruction::DenseAdjoint(DenseAdjoint {
            panel: known(1),
            weights: WeightKind::F32,
            src: at(2),
            slope: None,
            dst: 3,
            rows: 4,
            cols: 5,
        }),
        Instruction::DenseAdjoint(DenseAdjoint {
            panel: known(1),
            weights: WeightKind::F16,
            src: at(2),
            slope: Some((SlopeKind::Logistic, at(3))),
            dst: 4,
            rows: 5,
            cols: 6,
        }),
        Instruction::DenseGradient(DenseGradient {
            panel: known(1),
            weights: WeightKind::Int8,
            bias: Operand::ABSENT,
            src: at(3),
            factor: known(4),
            dst: 5,
            rows: 6,
            cols: 7,
            activation: UnaryKind::Tanh,
            slope: SlopeKind::OneMinusSquare,
        }),
    ]
}

#[test]
fn decoding_returns_what_was_encoded_and_the_words_after_it() {
    for instruction in samples() {
        let (words, len) = instruction.encode();
        assert!(len <= MAX_INSTRUCTION_WORDS);
        assert_eq!(Instruction::decode(&words[..len]), Some((instruction, &[][..])));
        assert_eq!(Instruction::decode(&words[..len - 1]), None, "{instruction:?}, cut short");
    }
}

#[test]
fn every_instruction_has_one_encoding() {
    for instruction in samples() {
        let (words, len) = instruction.encode();
        for bit in 0..32 {
            let mut changed = words;
            changed[0] ^= 1 << bit;
            if let Some((other, rest)) = Instruction::decode(&changed[..len]) {
                let used = len - rest.len();
                assert_eq!(other.encode().0[..used], changed[..used], "{instruction:?}, bit {bit}");
            }
        }
    }
}

#[test]
fn codes_and_members_correspond() {
    for kind in UnaryKind::ALL {
        assert_eq!(UnaryKind::from_code(kind.code()), Some(*kind));
    }
    for kind in BinaryKind::ALL {
        assert_eq!(BinaryKind::from_code(kind.code()), Some(*kind));
    }
    for (index, entry) in Entry::ALL.iter().enumerate() {
        assert_eq!(entry.code() as usize, index);
    }
    assert_eq!((SchemeId::from_name("yoshida4"), SchemeId::from_name("rk4")), (Some(SchemeId::Yoshida4), None));
    assert_eq!((UnaryKind::from_code(0), BinaryKind::from_code(11)), (None, None));
    assert_eq!((UnaryKind::Floor.code(), UnaryKind::Round.code(), UnaryKind::from_code(17)), (15, 16, None));
}

#[test]
fn a_header_survives_its_encoding() {
    let header = Header { dof: 3, inputs: 2, dt: 0.01, scheme: 3, setting: 8, ..Header::empty() };
    assert_eq!(Header::decode(&header.encode()), Some(header));
}

#[test]
fn the_checksum_is_that_of_zip_and_png() {
    // CRC-32 of the sixteen bytes `1234567890abcdef`, from Python's zlib, where word 3 (`cdef`) counts as 0.
    let words = [*b"1234", *b"5678", *b"90ab", *b"cdef"].map(u32::from_le_bytes);
    assert_eq!(checksum(&words), 0x86b5_47a7);
}
