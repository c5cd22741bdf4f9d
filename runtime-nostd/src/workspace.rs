//! The one buffer a program computes in; its capacity is in its type, its size is the program's.

use heapless::Vec;

use crate::error::Error;
use crate::format::Header;
use crate::function::Function;
use crate::program::Program;

/// Room for `N` elements, owned by the caller: on the stack, in a static, wherever it is put.
#[derive(Debug, Clone)]
pub struct Workspace<const N: usize> {
    values: Vec<f32, N>,
}

impl<const N: usize> Workspace<N> {
    /// A workspace of the size the program states, all +0.
    ///
    /// # Errors
    /// [`Error::WorkspaceTooSmall`] where `N` is less than that.
    pub fn for_program(program: &Program<'_>) -> Result<Self, Error> {
        Self::of(program.header())
    }

    /// A workspace of the size the function states, all +0.
    ///
    /// # Errors
    /// [`Error::WorkspaceTooSmall`] where `N` is less than that.
    pub fn for_function(function: &Function<'_>) -> Result<Self, Error> {
        Self::of(function.header())
    }

    fn of(header: &Header) -> Result<Self, Error> {
        let mut values = Vec::new();
        match values.resize(header.workspace_len as usize, 0.0) {
            Ok(()) => Ok(Self { values }),
            Err(_) => Err(Error::WorkspaceTooSmall { needed: header.workspace_len }),
        }
    }

    /// The elements.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Sets every element: with NaN, a test can show that a program reads nothing that it has not written.
    pub fn fill(&mut self, value: f32) {
        self.values.fill(value);
    }
}

impl<const N: usize> AsMut<[f32]> for Workspace<N> {
    fn as_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}
