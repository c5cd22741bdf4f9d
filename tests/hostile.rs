//! Damaged and malicious files: refused with an error, or harmless. Never a panic, never a run without end.
//!
//! A checksum stops accidents only, so blobs are also damaged and then sealed again: what the loader accepts then must still
//! run within its bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::collections::HashSet;
use std::mem::{Discriminant, discriminant};

use hnn_conformance::cases::{self, Case};
use hnn_conformance::executors::{DT, Question, scheme};
use hnn_exporter::emit::blob;
use hnn_exporter::graph::Graph;
use hnn_exporter::lower::lower;
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_runtime::format::{Instruction, MAX_DOF, seal};
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Entry, Error, Program, State, Stepper as _};

/// Words that are likely to break arithmetic on offsets.
const EDGES: [u32; 9] = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, u32::MAX, 1 << 16];

fn words(case: &Case) -> Vec<u32> {
    blob(&lower(&case.model).unwrap(), scheme(case), DT as f32)
}

/// Kinds of instructions there are.
const INSTRUCTION_KINDS: usize = 10;

/// The kinds of instructions in a blob.
fn kinds(words: &[u32]) -> HashSet<Discriminant<Instruction>> {
    let program = Program::parse(words).unwrap();
    let entries = Entry::ALL.iter().flat_map(|entry| program.instructions(*entry));
    entries.map(|instruction| discriminant(&instruction)).collect()
}

/// The cases with small blobs, where every damage can be tried: five, and more until every kind of instruction is among them.
fn small() -> Vec<(&'static str, Vec<u32>)> {
    let all = cases::all().unwrap();
    let mut blobs: Vec<_> = all.iter().map(|case| (case.name, words(case))).collect();
    blobs.sort_by_key(|(_, words)| words.len());
    let mut seen = HashSet::new();
    let mut kept = 0..5;
    blobs.retain(|(_, words)| {
        let before = seen.len();
        seen.extend(kinds(words));
        kept.next().is_some() || seen.len() > before
    });
    blobs
}

#[test]
fn the_blobs_that_are_damaged_hold_every_kind_of_instruction() {
    let found: HashSet<_> = small().iter().flat_map(|(_, words)| kinds(words)).collect();
    assert_eq!(found.len(), INSTRUCTION_KINDS, "{:?}", small().iter().map(|(name, _)| name).collect::<Vec<_>>());
}

/// Loads and, where that works, takes a step and evaluates everything.
fn exercise(words: &[u32]) -> Result<(), Error> {
    let program = Program::parse(words)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let stepper = AnyStepper::for_program(&program)?;
    let (dof, u) = (program.dof(), vec![0.5; program.inputs()]);
    let mut state = State::<f32, MAX_DOF>::new(&vec![0.5; dof], &vec![0.25; dof])?;
    let before = state.clone();
    if stepper.step(&mut model, &mut state, &u, program.dt()).is_err() {
        assert_eq!(state, before, "a failed step changed the state");
    }
    assert!(state.is_finite());
    model.energy(state.q(), state.p());
    Ok(())
}

#[test]
fn undamaged_blobs_load_and_step() {
    for (name, words) in small() {
        assert_eq!(exercise(&words), Ok(()), "{name}");
    }
}

#[test]
fn every_prefix_of_a_blob_is_refused() {
    for (name, words) in small() {
        for len in 0..words.len() {
            assert!(Program::parse(&words[..len]).is_err(), "{name}: {len} of {} words", words.len());
        }
    }
}

#[test]
fn every_flipped_bit_of_a_blob_is_refused() {
    for (name, mut words) in small() {
        for index in 0..words.len() {
            for bit in 0..32 {
                words[index] ^= 1 << bit;
                assert!(Program::parse(&words).is_err(), "{name}: word {index}, bit {bit}");
                words[index] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn a_sealed_blob_with_any_word_replaced_is_refused_or_harmless() {
    let (mut refused, mut harmless) = (0, 0);
    for (_, good) in small() {
        for index in 0..good.len() {
            let neighbours = [good[index].wrapping_add(1), good[index].wrapping_sub(1), good[index] ^ 1 << 31];
            for replacement in EDGES.into_iter().chain(neighbours) {
                let mut words = good.clone();
                words[index] = replacement;
                assert!(seal(&mut words));
                match exercise(&words) {
                    Ok(()) => harmless += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    // Constants may be replaced, structure may not: both kinds must occur.
    assert!(refused > 100 && harmless > 100, "{refused} refused, {harmless} harmless");
}

#[test]
fn sealed_blobs_with_many_words_replaced_are_refused_or_harmless() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for (_, good) in small() {
        for _ in 0..2_000 {
            let mut words = good.clone();
            for _ in 0..1 + next() % 4 {
                let (target, source) = (next() as usize % words.len(), next() as usize % words.len());
                words[target] = if next() % 2 == 0 { words[source] } else { EDGES[next() as usize % EDGES.len()] };
            }
            assert!(seal(&mut words));
            // Whatever it says, it must say it without a panic.
            let _ = exercise(&words);
        }
    }
}

fn small_file() -> (Graph, Vec<u8>) {
    let case = cases::all().unwrap().remove(0);
    let graph = Question::Field.optimised_graph(&case).unwrap();
    let bytes = onnx::write(&graph, &WriteOptions::default()).unwrap();
    (graph, bytes)
}

#[test]
fn an_undamaged_onnx_file_is_read() {
    let (graph, bytes) = small_file();
    assert_eq!(onnx::read(&bytes).unwrap().outputs().len(), graph.outputs().len());
}

#[test]
fn no_prefix_of_an_onnx_file_is_read_as_the_whole_model() {
    let (graph, bytes) = small_file();
    let mut refused = 0;
    for len in 0..bytes.len() {
        match onnx::read(&bytes[..len]) {
            // Protobuf has no length of its own: cut between two fields, a prefix may be a smaller but complete file.
            Ok(read) => assert!(read.outputs().len() <= graph.outputs().len()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 2, "only {refused} of {} prefixes were refused", bytes.len());
}

#[test]
fn no_flipped_bit_of_an_onnx_file_causes_a_panic() {
    let (_, mut bytes) = small_file();
    let mut refused = 0;
    for index in 0..bytes.len() {
        for bit in 0..8 {
            bytes[index] ^= 1 << bit;
            refused += usize::from(onnx::read(&bytes).is_err());
            bytes[index] ^= 1 << bit;
        }
    }
    assert!(refused > bytes.len(), "only {refused} of {} flips were refused", 8 * bytes.len());
}

#[test]
fn no_prefix_of_a_graph_text_causes_a_panic() {
    let text = small_file().0.to_string();
    let refused =
        (0..text.len()).filter(|len| text.is_char_boundary(*len)).filter(|len| Graph::parse(&text[..*len]).is_err());
    assert!(refused.count() > text.len() / 2);
}
