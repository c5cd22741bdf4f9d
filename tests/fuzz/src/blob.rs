//! Bytes as a blob: sealed again, so that the checksum hides nothing behind it, and run as a device would.

use hnn_runtime::format::{Instruction, MAGIC, MAX_DOF, VERSION, seal};
use hnn_runtime::model::{Damped as _, Model as _};
use hnn_runtime::{AnyStepper, Compiled, CompiledFunction, Entry, Error, Function, Program, State, Stepper as _};

/// Most element visits of all instructions of a blob that is run: more are within the format's bounds, and slow.
const MAX_VISITS: u64 = 1 << 16;

/// The words of these bytes, the last one filled up, with magic, version, length and checksum set right.
#[must_use]
pub fn resealed(bytes: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> =
        bytes.chunks(4).map(|chunk| chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))).collect();
    if let [magic, version, ..] = words.as_mut_slice() {
        (*magic, *version) = (MAGIC, VERSION);
    }
    seal(&mut words);
    words
}

/// Loads, and where that works and is not long, runs everything there is: a step, the energy, the field, the function.
///
/// # Errors
/// Why it was refused.
///
/// # Panics
/// Where something was accepted and then broke its word.
pub fn exercise(words: &[u32]) -> Result<(), Error> {
    match Program::parse(words) {
        Ok(program) => model(&program),
        Err(Error::Form) => function(words),
        Err(error) => Err(error),
    }
}

fn model(program: &Program<'_>) -> Result<(), Error> {
    let visits = Entry::ALL.iter().flat_map(|entry| program.instructions(*entry)).map(|each| visits(&each));
    if visits.fold(0, u64::saturating_add) > MAX_VISITS {
        return Ok(());
    }
    let mut workspace = vec![f32::NAN; program.workspace_len()];
    let mut model = Compiled::bind(program, &mut workspace)?;
    let (n, u) = (program.dof(), vec![0.5; program.inputs()]);
    let mut state = State::<f32, MAX_DOF>::new(&vec![0.5; n], &vec![0.25; n])?;
    let before = state.clone();
    let stepper = AnyStepper::for_program(program)?;
    if stepper.step(&mut model, &mut state, &u, program.dt()).is_err() {
        assert_eq!(state, before, "a failed step changed the state");
    }
    assert!(state.is_finite());
    model.energy(state.q(), state.p());
    let (mut dq, mut dp, mut r) = (vec![0.0; n], vec![0.0; n], vec![0.0; n * n]);
    model.field(state.q(), state.p(), &u, &mut dq, &mut dp);
    model.damping(state.q(), state.p(), &mut r);
    Ok(())
}

fn function(words: &[u32]) -> Result<(), Error> {
    let function = Function::parse(words)?;
    if function.instructions().map(|each| visits(&each)).fold(0, u64::saturating_add) > MAX_VISITS {
        return Ok(());
    }
    let mut workspace = vec![f32::NAN; function.workspace_len()];
    let (arguments, mut results) = (vec![0.5; function.arguments_len()], vec![0.0; function.results_len()]);
    CompiledFunction::bind(&function, &mut workspace)?.call(&arguments, &mut results);
    Ok(())
}

/// Elements an instruction visits.
fn visits(instruction: &Instruction) -> u64 {
    let product = |lengths: &[u32]| lengths.iter().fold(1, |product: u64, len| product.saturating_mul(u64::from(*len)));
    match instruction {
        Instruction::Unary(unary) => u64::from(unary.len),
        Instruction::Binary(binary) => u64::from(binary.len),
        Instruction::Select(select) => u64::from(select.len),
        Instruction::Fill(fill) => u64::from(fill.len),
        Instruction::Copy(copy) => product(&copy.dims),
        Instruction::Sum(sum) => product(&[sum.outer, sum.len, sum.inner]),
        Instruction::MatMul(_)
        | Instruction::Dense(_)
        | Instruction::DenseAdjoint(_)
        | Instruction::DenseGradient(_)
        | Instruction::Network(_) => instruction.multiply_adds(),
    }
}
