//! A function computes what it says, and a hostile one is refused as a hostile model is.

use std::vec;

use super::{CompiledFunction, Function};
use crate::format::{
    Binary, BinaryKind, Copy, Entry, EntryRecord, Header, Instruction, Operand, SchemeId, Sum, Unary, UnaryKind, seal,
};
use crate::testing::{Assembler, constant_energy};
use crate::{Error, Program, Workspace};

/// (a, b, c, d) ↦ (tanh(a·½), tanh(c·½), tanh(b·½), tanh(d·½), Σ of them): transposed, scaled, joined, summed.
fn blend() -> Assembler {
    let at = Operand::workspace;
    let (lhs, rhs, kind) = (at(4), Operand::constant(0), BinaryKind::Mul);
    let instructions = vec![
        Instruction::Copy(Copy {
            src: at(0),
            dst: 4,
            dims: [1, 1, 2, 2],
            src_strides: [0, 0, 1, 2],
            dst_strides: [0, 0, 2, 1],
        }),
        Instruction::Binary(Binary { kind, lhs, rhs, dst: 4, len: 4, lhs_step: 1, rhs_step: 0 }),
        Instruction::Unary(Unary { kind: UnaryKind::Tanh, src: at(4), dst: 4, len: 4 }),
        Instruction::Sum(Sum { src: at(4), dst: 8, outer: 1, len: 4, inner: 1 }),
    ];
    let header = Header { workspace_len: 9, arguments: 4, results: 5, ..Header::empty() };
    Assembler { header, entries: vec![(Entry::Function, instructions, at(4))], constants: vec![0.5f32.to_bits()] }
}

#[test]
fn results_follow_from_the_arguments_alone() {
    let words = blend().words();
    let function = Function::parse(&words).unwrap();
    assert_eq!((function.arguments_len(), function.results_len(), function.workspace_len()), (4, 5, 9));
    assert_eq!((function.instructions().count(), function.multiply_adds()), (4, 0));
    let mut workspace = Workspace::<9>::for_function(&function).unwrap();
    workspace.fill(f32::NAN);
    let mut compiled = CompiledFunction::bind(&function, &mut workspace).unwrap();
    for scale in [1.0f32, -3.0, 0.25] {
        let arguments = [0.2, 0.4, -0.6, 1.0].map(|value: f32| scale * value);
        let mut results = [7.0f32; 6];
        compiled.call(&arguments, &mut results);
        let expected = [0, 2, 1, 3].map(|position: usize| (f64::from(arguments[position]) / 2.0).tanh());
        for (found, expected) in results.iter().zip(expected.into_iter().chain([expected.iter().sum()])) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} is not {expected}");
        }
        assert_eq!(results[5], 7.0);
    }
    assert_eq!(Workspace::<8>::for_function(&function).err(), Some(Error::WorkspaceTooSmall { needed: 9 }));
    assert_eq!(
        CompiledFunction::bind(&function, &mut [0.0; 8][..]).err(),
        Some(Error::WorkspaceTooSmall { needed: 9 })
    );
}

#[test]
fn a_function_without_arguments_may_be_its_constants() {
    let header = Header { results: 2, ..Header::empty() };
    let entries = vec![(Entry::Function, vec![], Operand::constant(0))];
    let words = Assembler { header, entries, constants: vec![1.5f32.to_bits(), 0xffc0_0001] }.words();
    let function = Function::parse(&words).unwrap();
    let mut results = [0.0; 2];
    CompiledFunction::bind(&function, &mut []).unwrap().call(&[], &mut results);
    assert_eq!(results.map(f32::to_bits), [1.5f32.to_bits(), 0x7fc0_0000]);
}

#[test]
fn a_model_is_no_function_and_a_function_no_model() {
    assert_eq!(Function::parse(&constant_energy().words()).err(), Some(Error::Form));
    assert_eq!(Program::parse(&blend().words()).err(), Some(Error::Form));
}

#[test]
fn every_prefix_extension_and_single_bit_flip_is_refused() {
    let mut words = blend().words();
    for len in 0..words.len() {
        assert!(Function::parse(&words[..len]).is_err(), "prefix of {len} words");
    }
    for index in 0..words.len() {
        for bit in 0..32 {
            words[index] ^= 1 << bit;
            assert!(Function::parse(&words).is_err(), "bit {bit} of word {index}");
            words[index] ^= 1 << bit;
        }
    }
    words.push(0);
    assert_eq!(Function::parse(&words).err(), Some(Error::Length));
}

#[test]
fn a_forged_checksum_does_not_make_a_call_fail() {
    let words = blend().words();
    let mut accepted = 0;
    for index in 0..words.len() {
        let masks = (0..32).map(|bit| 1u32 << bit).chain([u32::MAX, 0x7fff_ffff, 0x0040_0000, 3, 5]);
        for mask in masks {
            let mut forged = words.clone();
            forged[index] ^= mask;
            assert!(seal(&mut forged));
            let Ok(function) = Function::parse(&forged) else { continue };
            accepted += 1;
            let mut workspace = vec![0.0; function.workspace_len()];
            let outcome = crate::execute::execute(&function.image, Entry::Function, &mut workspace);
            assert!(outcome.is_some(), "word {index}, mask {mask:#x}");
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn contradictions_in_the_header_are_refused() {
    type Change = fn(&mut Header);
    let missing = Err(Error::Entry(Entry::Function));
    let cases: [(&str, Change, Result<(), Error>); 14] = [
        ("nothing", |_| {}, Ok(())),
        ("degrees of freedom", |h| h.dof = 1, Err(Error::Header)),
        ("inputs", |h| h.inputs = 1, Err(Error::Header)),
        ("a flag", |h| h.flags = 1, Err(Error::Header)),
        ("a scheme", |h| h.scheme = SchemeId::Midpoint.code(), Err(Error::Header)),
        ("iterations", |h| h.setting = 1, Err(Error::Header)),
        ("a time step", |h| h.dt = 0.1, Err(Error::Header)),
        ("the time step −0", |h| h.dt = -0.0, Err(Error::Header)),
        ("an inverse mass", |h| h.inverse_mass = 0, Err(Error::Header)),
        ("arguments beyond the workspace", |h| h.arguments = 10, Err(Error::Header)),
        (
            "arguments that are written",
            |h| h.arguments = 5,
            Err(Error::Instruction { entry: Entry::Function, index: 0 }),
        ),
        ("results beyond the workspace", |h| h.results = 6, missing),
        ("a huge result", |h| h.results = u32::MAX, missing),
        ("a workspace beyond the limit", |h| h.workspace_len = 1 << 17, Err(Error::Header)),
    ];
    for (name, change, expected) in cases {
        let mut assembler = blend();
        change(&mut assembler.header);
        assert_eq!(Function::parse(&assembler.words()).map(|_| ()), expected, "{name}");
    }
    let mut assembler = blend();
    assembler.entries.push((Entry::Energy, vec![], Operand::constant(0)));
    assert_eq!(Function::parse(&assembler.words()).err(), Some(Error::Entry(Entry::Energy)));
    // A line of the table that is neither absent nor an entry.
    assembler.entries.pop();
    assembler.header.entries[2] = EntryRecord { instructions: 1, ..EntryRecord::ABSENT };
    assert_eq!(Function::parse(&assembler.words()).err(), Some(Error::Entry(Entry::Force)));
    assembler.entries.clear();
    assembler.header.entries[2] = EntryRecord::ABSENT;
    assert_eq!(Function::parse(&assembler.words()).map(|_| ()), missing);
}

#[test]
fn a_model_has_no_arguments_and_no_function() {
    let mut assembler = constant_energy();
    assembler.header.arguments = 1;
    assert_eq!(Program::parse(&assembler.words()).err(), Some(Error::Header));
    assembler.header.arguments = 0;
    assembler.entries.push((Entry::Function, vec![], Operand::constant(0)));
    assert_eq!(Program::parse(&assembler.words()).err(), Some(Error::Entry(Entry::Function)));
}
