//! Hostile blobs: nothing is accepted that should not be, and nothing that is accepted can fail.

use std::vec;
use std::vec::Vec;

use super::Program;
use crate::error::Error;
use crate::execute::execute;
use crate::format::{
    BinaryKind, Copy, Dense, DenseAdjoint, DenseGradient, Entry, Fill, HEADER_WORDS, Instruction, MatMul, Operand,
    Select, SlopeKind, Sum, Unary, UnaryKind, WeightKind, flags, kernels, seal,
};
use crate::model::Model;
use crate::testing::Assembler;
use crate::testing::pendulum::{binary, pendulum, unary};
use crate::{Compiled, DampingKind, SchemeId, Workspace};

#[test]
fn what_the_header_says_is_what_the_program_tells() {
    let words = pendulum(Some(0.25)).words();
    let program = Program::parse(&words).unwrap();
    assert_eq!((program.dof(), program.inputs(), program.workspace_len()), (1, 0, 6));
    assert_eq!((program.scheme(), program.iterations(), program.dt()), (SchemeId::Leapfrog, 0, 0.1));
    assert_eq!((program.damping_kind(), program.is_damping_constant()), (DampingKind::Diagonal, true));
    assert!(program.is_separable() && program.is_kinetic_quadratic() && program.has(Entry::Damping));
    assert_eq!((program.instruction_count(Entry::Energy), program.instruction_count(Entry::Velocity)), (5, 0));
    assert_eq!(Workspace::<5>::for_program(&program).err(), Some(Error::WorkspaceTooSmall { needed: 6 }));
    assert!(!Program::parse(&pendulum(None).words()).unwrap().has(Entry::Damping));
}

#[test]
fn every_prefix_and_extension_is_refused() {
    let mut words = pendulum(Some(0.25)).words();
    for len in 0..words.len() {
        assert!(Program::parse(&words[..len]).is_err(), "prefix of {len} words");
    }
    words.push(0);
    assert_eq!(Program::parse(&words).err(), Some(Error::Length));
}

#[test]
fn every_single_bit_flip_is_refused() {
    let words = pendulum(Some(0.25)).words();
    for index in 0..words.len() {
        for bit in 0..32 {
            let mut flipped = words.clone();
            flipped[index] ^= 1 << bit;
            assert!(Program::parse(&flipped).is_err(), "bit {bit} of word {index}");
        }
    }
}

/// A blob with every instruction, so that mutation reaches every rule.
fn everything() -> Assembler {
    let at = Operand::workspace;
    let mut assembler = pendulum(Some(0.25));
    assembler.header.workspace_len = 40;
    let field = &mut assembler.entries[3].1;
    let all = [
        Instruction::Unary(Unary { kind: UnaryKind::Tanh, src: Operand::constant(0), dst: 8, len: 3 }),
        Instruction::Select(Select {
            condition: at(0),
            accepted: at(8),
            rejected: at(1),
            dst: 8,
            len: 3,
            steps: [0, 1, 0],
        }),
        Instruction::Copy(Copy {
            src: at(8),
            dst: 12,
            dims: [1, 1, 2, 3],
            src_strides: [0, 0, 0, 1],
            dst_strides: [0, 0, 1, 2],
        }),
        Instruction::Sum(Sum { src: at(12), dst: 20, outer: 1, len: 3, inner: 2 }),
        Instruction::MatMul(MatMul {
            lhs: at(8),
            rhs: at(12),
            dst: 22,
            batch: 1,
            rows: 2,
            inner: 3,
            cols: 2,
            lhs_strides: [0, 0, 1],
            rhs_strides: [0, 2, 1],
        }),
        Instruction::Dense(Dense {
            panel: Operand::constant(3),
            weights: WeightKind::F32,
            bias: at(8),
            src: at(20),
            dst: 26,
            rows: 3,
            cols: 2,
            activation: Some(UnaryKind::Sigmoid),
        }),
        Instruction::DenseAdjoint(DenseAdjoint {
            panel: Operand::constant(3),
            weights: WeightKind::F32,
            src: at(26),
            slope: Some((SlopeKind::Logistic, at(23))),
            dst: 30,
            rows: 3,
            cols: 2,
        }),
        Instruction::DenseGradient(DenseGradient {
            panel: Operand::constant(3),
            weights: WeightKind::F32,
            bias: at(8),
            src: at(20),
            factor: at(26),
            dst: 30,
            rows: 3,
            cols: 2,
            activation: UnaryKind::Tanh,
            slope: SlopeKind::OneMinusSquare,
        }),
    ];
    field.splice(0..0, all);
    assembler.constants.extend([0.5f32, -1.0, 2.0, 0.25, 1.5, -0.75].map(f32::to_bits));
    assembler
}

#[test]
fn a_forged_checksum_does_not_make_execution_fail() {
    let words = everything().words();
    assert!(Program::parse(&words).is_ok());
    let mut accepted = 0;
    for index in 0..words.len() {
        let masks = (0..32).map(|bit| 1u32 << bit).chain([u32::MAX, 0x7fff_ffff, 0x0040_0000, 3, 5]);
        for mask in masks {
            let mut forged = words.clone();
            forged[index] ^= mask;
            assert!(seal(&mut forged));
            let Ok(program) = Program::parse(&forged) else { continue };
            accepted += 1;
            let mut workspace = vec![0.0; program.workspace_len()];
            for entry in Entry::ALL {
                assert!(execute(program.image(), *entry, &mut workspace).is_some(), "word {index}, mask {mask:#x}");
            }
        }
    }
    // Constants, for example, may be anything; the loop above must not be empty.
    assert!(accepted > 100, "{accepted}");
}

/// The verdict on an instruction put at the head of entry `entry` of the pendulum with n = 1, m = 0 and 20 elements.
fn verdict(entry: Entry, instruction: Instruction) -> Result<(), Error> {
    let mut assembler = pendulum(None);
    assembler.header.workspace_len = 20;
    assembler.entries[entry.code() as usize].1.insert(0, instruction);
    Program::parse(&assembler.words()).map(|_| ())
}

fn vector(src: u32, dst: u32, len: u32) -> Instruction {
    Instruction::Unary(Unary { kind: UnaryKind::Neg, src: Operand::workspace(src), dst, len })
}

fn matrix(src: u32, dst: u32, strides: [u32; 2]) -> Instruction {
    let [src_strides, dst_strides] = strides.map(|stride| [0, 0, stride, 1]);
    Instruction::Copy(Copy { src: Operand::workspace(src), dst, dims: [1, 1, 3, 2], src_strides, dst_strides })
}

#[test]
fn instructions_that_would_read_or_write_where_they_may_not_are_refused() {
    let refused = Err(Error::Instruction { entry: Entry::Field, index: 0 });
    let scalar_inside = Instruction::Binary(crate::format::Binary {
        kind: BinaryKind::Add,
        lhs: Operand::workspace(9),
        rhs: Operand::workspace(8),
        dst: 8,
        len: 4,
        lhs_step: 0,
        rhs_step: 1,
    });
    let dense = |dst, cols, panel| {
        let (src, bias) = (Operand::workspace(2), Operand::ABSENT);
        Instruction::Dense(Dense { panel, weights: WeightKind::F32, bias, src, dst, rows: 1, cols, activation: None })
    };
    let sum = |outer, len, inner| Instruction::Sum(Sum { src: Operand::workspace(2), dst: 8, outer, len, inner });
    let cases: Vec<(&str, Instruction, bool)> = vec![
        ("in place", vector(8, 8, 4), true),
        ("apart", vector(2, 8, 4), true),
        ("last element", vector(2, 19, 1), true),
        ("one beyond the workspace", vector(2, 17, 4), false),
        ("reads beyond the workspace", vector(18, 8, 4), false),
        ("overlaps by one", vector(5, 8, 4), false),
        ("overwrites q", vector(8, 0, 1), false),
        ("overwrites p", vector(8, 1, 1), false),
        ("empty", vector(2, 8, 0), false),
        ("huge", vector(2, 8, u32::MAX), false),
        (
            "absent source",
            Instruction::Unary(Unary { kind: UnaryKind::Neg, src: Operand::ABSENT, dst: 8, len: 1 }),
            false,
        ),
        ("scalar overwritten while it is read", scalar_inside, false),
        ("fill beyond", Instruction::Fill(Fill { dst: 18, len: 3, value: 0 }), false),
        ("strided copy", matrix(2, 8, [2, 4]), true),
        ("strided copy beyond", matrix(2, 8, [2, 6]), false),
        ("strided copy over itself", matrix(2, 6, [2, 2]), false),
        ("stride that wraps around 32 bits", matrix(2, 8, [0x8000_0000, 2]), false),
        ("sum", sum(2, 3, 1), true),
        ("sum over its source", sum(2, 4, 1), false),
        ("sum of nothing", sum(1, 0, 1), false),
        ("sum whose size wraps around 32 bits", sum(0x1_0000, 0x1_0000, 1), false),
        ("panel", dense(8, 2, Operand::constant(0)), true),
        ("panel beyond the constants", dense(8, 3, Operand::constant(0)), false),
        ("panel in the workspace", dense(8, 2, Operand::workspace(12)), false),
        ("layer over its source", dense(3, 2, Operand::constant(0)), false),
    ];
    for (name, instruction, accepted) in cases {
        let expected = if accepted { Ok(()) } else { refused };
        assert_eq!(verdict(Entry::Field, instruction), expected, "{name}");
    }
}

#[test]
fn separability_and_constant_damping_are_checked_and_not_believed() {
    let refused = |entry| Err(Error::Instruction { entry, index: 0 });
    assert_eq!(verdict(Entry::Velocity, unary(UnaryKind::Neg, 1, 8)), Ok(()));
    assert_eq!(verdict(Entry::Velocity, unary(UnaryKind::Neg, 0, 8)), refused(Entry::Velocity));
    assert_eq!(verdict(Entry::Force, unary(UnaryKind::Neg, 0, 8)), Ok(()));
    assert_eq!(verdict(Entry::Force, unary(UnaryKind::Neg, 1, 8)), refused(Entry::Force));
    // A dissipation that is declared constant may not look at the state.
    let mut assembler = pendulum(Some(0.25));
    let (_, code, result) = &mut assembler.entries[4];
    (*code, *result) = (vec![unary(UnaryKind::Abs, 0, 4)], Operand::workspace(4));
    assert_eq!(Program::parse(&assembler.words()).err(), refused(Entry::Damping).err());
    assembler.header.flags &= !flags::DAMPING_CONSTANT;
    assert!(Program::parse(&assembler.words()).is_ok());
    let both = binary(BinaryKind::Mul, Operand::workspace(0), Operand::workspace(1), 8);
    assert_eq!(verdict(Entry::Energy, both), Ok(()));
}

#[test]
fn contradictions_in_the_header_are_refused() {
    type Change = fn(&mut Assembler);
    let cases: [(&str, Change, Error); 12] = [
        ("version", |a| a.header.version = 1, Error::Version(1)),
        ("unknown kernels", |a| a.header.kernels = 1 << 31, Error::MissingKernel(1 << 31)),
        ("no degrees of freedom", |a| a.header.dof = 0, Error::Header),
        ("too many inputs", |a| a.header.inputs = 17, Error::Header),
        ("unknown flag", |a| a.header.flags |= 1 << 5, Error::Header),
        ("damping kind 3", |a| a.header.flags |= 3 << flags::DAMPING_SHIFT, Error::Header),
        ("inverse mass beyond the constants", |a| a.header.inverse_mass = 9, Error::Header),
        ("inverse mass not finite", |a| a.constants[1] = f32::INFINITY.to_bits(), Error::Header),
        ("no time step", |a| a.header.dt = 0.0, Error::Header),
        ("iterations of an explicit scheme", |a| a.header.setting = 8, Error::Header),
        ("workspace smaller than the state", |a| a.header.workspace_len = 1, Error::Header),
        ("an entry missing", |a| drop(a.entries.remove(3)), Error::Entry(Entry::Field)),
    ];
    for (name, change, error) in cases {
        let mut assembler = pendulum(Some(0.25));
        change(&mut assembler);
        assert_eq!(Program::parse(&assembler.words()).err(), Some(error), "{name}");
    }
}

#[test]
fn a_kernel_family_that_is_used_but_not_declared_is_refused() {
    let mut words = pendulum(None).words();
    words[4] &= !kernels::SIN;
    assert!(seal(&mut words));
    assert_eq!(Program::parse(&words).err(), Some(Error::Instruction { entry: Entry::Energy, index: 2 }));
    words[0] ^= 1;
    assert!(seal(&mut words[..HEADER_WORDS]));
    assert_eq!(Program::parse(&words[..HEADER_WORDS]).err(), Some(Error::Magic));
}

#[test]
fn nans_leave_a_program_in_one_form() {
    let words = pendulum(None).words();
    let program = Program::parse(&words).unwrap();
    let mut workspace = Workspace::<6>::for_program(&program).unwrap();
    let mut model = Compiled::bind(&program, &mut workspace).unwrap();
    let mut energy = [0.0];
    model.run(Entry::Energy, &[f32::from_bits(0xffc0_1234)], &[0.0], &[], &mut energy);
    assert_eq!(energy[0].to_bits(), 0x7fc0_0000);
}

#[test]
fn a_slice_longer_than_a_result_keeps_its_tail() {
    let words = pendulum(Some(0.25)).words();
    let program = Program::parse(&words).unwrap();
    let mut workspace = Workspace::<6>::for_program(&program).unwrap();
    let mut model = Compiled::bind(&program, &mut workspace).unwrap();
    for entry in Entry::ALL {
        let len = program.result_len(*entry);
        let mut result = [-7.0f32; 5];
        model.run(*entry, &[1.0], &[0.5], &[], &mut result);
        assert!(result[..len].iter().all(|value| *value != -7.0), "{entry:?}");
        assert!(result[len..].iter().all(|value| *value == -7.0), "{entry:?}");
    }
    let (mut dq, mut dp) = ([-7.0f32; 3], [-7.0f32; 3]);
    model.field(&[1.0], &[0.5], &[], &mut dq, &mut dp);
    assert!(dq[0] == 0.5 && dp[0] != -7.0 && dq[1..] == [-7.0; 2] && dp[1..] == [-7.0; 2]);
}

#[test]
fn a_workspace_of_nan_shows_an_entry_that_relies_on_what_another_left() {
    let at = Operand::workspace;
    // An honest program does not notice; one that takes an element of the workspace for its result does.
    for (energy, honest) in [(at(2), true), (at(5), false)] {
        let mut assembler = pendulum(None);
        assembler.entries[0].2 = energy;
        let words = assembler.words();
        // The reader accepts both: FORMAT.md promises no more.
        let program = Program::parse(&words).unwrap();
        let mut workspace = vec![f32::NAN; program.workspace_len()];
        let mut model = Compiled::bind(&program, &mut workspace[..]).unwrap();
        assert_eq!(model.energy(&[1.0], &[0.5]).is_nan(), !honest);
    }
}
