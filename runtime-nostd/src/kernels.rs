//! What the instructions do: one file per family, each behind the cargo feature of its name.
//!
//! Kernels know slices, not programs. They are called with operands that have been verified; where a slice is not found
//! they return `None` and leave the workspace as it is.

#[cfg(feature = "dense")]
pub(crate) mod dense;
pub(crate) mod elementwise;
#[cfg(feature = "matmul")]
pub(crate) mod matmul;
#[cfg(feature = "q15")]
pub(crate) mod q15;
#[cfg(feature = "reduction")]
pub(crate) mod reduction;
mod regions;
#[cfg(feature = "strided")]
pub(crate) mod strided;
#[cfg(all(test, feature = "dense", feature = "matmul", feature = "reduction", feature = "strided"))]
mod tests;
#[cfg(feature = "dense")]
pub(crate) mod weights;

use crate::format::kernels;

use regions::Regions;

/// Kernels in this build, bits of [`kernels`].
pub(crate) const BUILT_IN: u32 = kernels::ELEMENTWISE
    | if cfg!(feature = "strided") { kernels::STRIDED } else { 0 }
    | if cfg!(feature = "reduction") { kernels::REDUCTION } else { 0 }
    | if cfg!(feature = "matmul") { kernels::MATMUL } else { 0 }
    | if cfg!(feature = "dense") { kernels::DENSE } else { 0 }
    | if cfg!(feature = "f16") { kernels::F16 } else { 0 }
    | if cfg!(feature = "int8") { kernels::INT8 } else { 0 }
    | if cfg!(feature = "q15") { kernels::Q15 } else { 0 }
    | if cfg!(feature = "sqrt") { kernels::SQRT } else { 0 }
    | if cfg!(feature = "exp") { kernels::EXP } else { 0 }
    | if cfg!(feature = "log") { kernels::LOG } else { 0 }
    | if cfg!(feature = "sin") { kernels::SIN } else { 0 }
    | if cfg!(feature = "tanh") { kernels::TANH } else { 0 }
    | if cfg!(feature = "sigmoid") { kernels::SIGMOID } else { 0 }
    | if cfg!(feature = "softplus") { kernels::SOFTPLUS } else { 0 }
    | if cfg!(feature = "erf") { kernels::ERF } else { 0 }
    | if cfg!(feature = "atan") { kernels::ATAN } else { 0 }
    | if cfg!(feature = "pow") { kernels::POW } else { 0 };

/// Elements to read: of the workspace, or of the constant section as bits.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Computed values.
    Values(&'a [f32]),
    /// Bits of known values.
    Bits(&'a [u32]),
}

impl Source<'_> {
    /// The first element; +0 where there is none, which verified operands never reach.
    fn first(&self) -> f32 {
        match self {
            Self::Values(values) => values.first().copied().unwrap_or(0.0),
            Self::Bits(words) => words.first().map_or(0.0, |word| f32::from_bits(*word)),
        }
    }

    /// One element; +0 beyond the end, which verified operands never reach.
    #[cfg(any(feature = "matmul", feature = "strided"))]
    fn at(&self, index: usize) -> f32 {
        match self {
            Self::Values(values) => values.get(index).copied().unwrap_or(0.0),
            Self::Bits(words) => words.get(index).map_or(0.0, |word| f32::from_bits(*word)),
        }
    }
}

/// Copies values of any source.
fn set(dst: &mut [f32], source: Source<'_>) {
    match source {
        Source::Values(values) => {
            for (element, value) in dst.iter_mut().zip(values) {
                *element = *value;
            }
        }
        Source::Bits(words) => {
            for (element, word) in dst.iter_mut().zip(words) {
                *element = f32::from_bits(*word);
            }
        }
    }
}

fn part<T>(values: &[T], offset: usize, len: usize) -> Option<&[T]> {
    values.split_at_checked(offset)?.1.get(..len)
}

fn part_mut<T>(values: &mut [T], offset: usize, len: usize) -> Option<&mut [T]> {
    values.split_at_mut_checked(offset)?.1.get_mut(..len)
}

#[cfg(test)]
mod families {
    use super::BUILT_IN;
    use crate::testing::constant_energy;
    use crate::{Error, Program};

    #[test]
    fn a_blob_that_needs_a_family_this_build_leaves_out_is_refused_by_name() {
        for bit in (0..32).map(|shift| 1 << shift) {
            let mut assembler = constant_energy();
            assembler.header.kernels = bit;
            let expected = if BUILT_IN & bit == 0 { Some(Error::MissingKernel(bit)) } else { None };
            assert_eq!(Program::parse(&assembler.words()).err(), expected);
        }
    }
}
