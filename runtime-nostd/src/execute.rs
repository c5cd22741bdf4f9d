//! Runs one entry of a blob: decode an instruction, call its kernel, until the words of the entry are used up.
//!
//! Infallible because [`Program::parse`](crate::Program::parse) and [`Function::parse`](crate::Function::parse) have proved that every instruction decodes and every slice exists. The `None` that
//! kernels can express is that proof's shadow in the types: it is never taken, and costs no panic path.

use crate::format::{Entry, Instruction};
use crate::image::Image;
use crate::kernels;

/// Computes an entry from the inputs that are in the workspace.
///
/// `None` would mean that a slice was not found, which verification excludes; only tests look at it.
pub(crate) fn execute(image: &Image<'_>, entry: Entry, workspace: &mut [f32]) -> Option<()> {
    let mut words = image.code(entry);
    loop {
        // Looked at where it lies: an instruction is copied nowhere.
        let decoded = Instruction::decode(words);
        let Some((instruction, rest)) = &decoded else { return Some(()) };
        run(instruction, workspace, image.constants)?;
        words = rest;
    }
}

fn run(instruction: &Instruction, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    match instruction {
        Instruction::Unary(unary) => kernels::elementwise::unary(unary, workspace, constants),
        Instruction::Binary(binary) => kernels::elementwise::binary(binary, workspace, constants),
        Instruction::Select(select) => kernels::elementwise::select(select, workspace, constants),
        Instruction::Fill(fill) => kernels::elementwise::fill(fill, workspace),
        #[cfg(feature = "strided")]
        Instruction::Copy(copy) => kernels::strided::copy(copy, workspace, constants),
        #[cfg(feature = "reduction")]
        Instruction::Sum(sum) => kernels::reduction::sum(sum, workspace, constants),
        #[cfg(feature = "matmul")]
        Instruction::MatMul(matmul) => kernels::matmul::multiply(matmul, workspace, constants),
        #[cfg(feature = "dense")]
        Instruction::Dense(dense) => kernels::dense::forward(dense, workspace, constants),
        #[cfg(feature = "dense")]
        Instruction::DenseAdjoint(dense) => kernels::dense::adjoint(dense, workspace, constants),
        #[cfg(feature = "dense")]
        Instruction::DenseGradient(dense) => kernels::dense::gradient(dense, workspace, constants),
        #[cfg(feature = "q15")]
        Instruction::Network(network) => kernels::q15::network(network, workspace, constants),
        #[cfg(not(all(
            feature = "strided",
            feature = "reduction",
            feature = "matmul",
            feature = "dense",
            feature = "q15"
        )))]
        _ => None,
    }
}
