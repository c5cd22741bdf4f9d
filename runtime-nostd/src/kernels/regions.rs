//! A workspace that is written in one place while it is read in others, without unsafe code.

use super::{Source, part};
use crate::format::Operand;

/// The workspace cut at the elements an instruction writes, so that it can read the others meanwhile.
pub(super) struct Regions<'a> {
    before: &'a [f32],
    after: &'a [f32],
    after_offset: usize,
    constants: &'a [u32],
}

impl<'a> Regions<'a> {
    /// The written elements, and everything else.
    pub(super) fn split(
        workspace: &'a mut [f32],
        dst: u32,
        len: usize,
        constants: &'a [u32],
    ) -> Option<(&'a mut [f32], Self)> {
        let (before, rest) = workspace.split_at_mut_checked(dst as usize)?;
        let (written, after) = rest.split_at_mut_checked(len)?;
        let after_offset = before.len() + written.len();
        Some((written, Self { before, after, after_offset, constants }))
    }

    /// The `len` elements at `operand`, which must not be among those written.
    #[inline]
    pub(super) fn source(&self, operand: Operand, len: usize) -> Option<Source<'a>> {
        if operand.is_constant() {
            return part(self.constants, operand.offset(), len).map(Source::Bits);
        }
        match operand.offset().checked_sub(self.after_offset) {
            Some(offset) => part(self.after, offset, len).map(Source::Values),
            None => part(self.before, operand.offset(), len).map(Source::Values),
        }
    }

    /// The `len` elements of the workspace at `operand`, which must not be among those written.
    #[cfg(any(feature = "dense", feature = "q15"))]
    #[inline]
    pub(super) fn values(&self, operand: Operand, len: usize) -> Option<&'a [f32]> {
        match operand.offset().checked_sub(self.after_offset) {
            _ if operand.is_constant() => None,
            Some(offset) => part(self.after, offset, len),
            None => part(self.before, operand.offset(), len),
        }
    }

    /// As [`Regions::source`], nothing where the operand is absent.
    #[cfg(feature = "dense")]
    pub(super) fn optional(&self, operand: Operand, len: usize) -> Option<Source<'a>> {
        if operand.is_absent() { Some(Source::Bits(&[])) } else { self.source(operand, len) }
    }
}
