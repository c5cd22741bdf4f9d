//! A blob that holds a function: any graph of known shapes, from all its inputs to all its outputs.
//!
//! Arguments and results are rows of numbers, inputs and outputs laid end to end by whoever wrote the blob. The same
//! instructions compute it that compute a model, checked as strictly. From what is measured to what is stepped:
//!
//! ```
//! use hnn_runtime::{CompiledFunction, Error, Function, State, Workspace};
//!
//! /// The state of positions and velocities; `momentum` holds p(q, v), as `hnn export --graphs momentum` writes it.
//! fn measured(momentum: &[u32], q: [f32; 2], v: [f32; 2]) -> Result<State<f32, 2>, Error> {
//!     let function = Function::parse(momentum)?;
//!     let mut workspace = Workspace::<64>::for_function(&function)?;
//!     let mut p = [0.0; 2];
//!     CompiledFunction::bind(&function, &mut workspace)?.call(&[q[0], q[1], v[0], v[1]], &mut p);
//!     State::new(&q, &p)
//! }
//! assert!(matches!(measured(&[], [0.0; 2], [0.0; 2]), Err(Error::TooShort)));
//! ```

#[cfg(all(test, feature = "transcendental", feature = "reduction", feature = "strided"))]
mod tests;

use crate::error::Error;
use crate::execute::execute;
use crate::format::{ABSENT, Entry, Header, Instruction};
use crate::image::Image;
use crate::image::verify::{self, Contract, Span};

/// A verified function.
#[derive(Debug, Clone, Copy)]
pub struct Function<'a> {
    image: Image<'a>,
}

impl<'a> Function<'a> {
    /// Checks a blob completely, in the order given in `docs/FORMAT.md`.
    ///
    /// # Errors
    /// The first thing found wrong, as an [`Error`]; [`Error::Form`] where the blob holds a model. Every prefix and every
    /// single-bit change of a blob is refused.
    pub fn parse(words: &'a [u32]) -> Result<Self, Error> {
        let image = Image::open(words)?;
        let header = &image.header;
        if !header.is_function() {
            return Err(Error::Form);
        }
        let of_models = [
            header.dof,
            header.inputs,
            header.flags,
            header.scheme,
            header.setting,
            header.dt.to_bits(),
            header.constraints,
        ];
        let agree = of_models.iter().all(|word| *word == 0)
            && header.inverse_mass == ABSENT
            && header.arguments <= header.workspace_len;
        if !agree {
            return Err(Error::Header);
        }
        image.holds_only(Entry::Function)?;
        let contract = Contract {
            is_expected: true,
            result_len: header.results.into(),
            inputs_end: header.arguments.into(),
            forbidden: [Span::EMPTY; 2],
        };
        verify::entry(&image, Entry::Function, &contract)?;
        Ok(Self { image })
    }

    /// The header as read.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.image.header
    }

    /// Number of arguments.
    #[must_use]
    pub fn arguments_len(&self) -> usize {
        self.image.header.arguments as usize
    }

    /// Number of results.
    #[must_use]
    pub fn results_len(&self) -> usize {
        self.image.header.results as usize
    }

    /// Workspace elements needed, arguments included.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        self.image.header.workspace_len as usize
    }

    /// Instructions, in order.
    pub fn instructions(&self) -> impl Iterator<Item = Instruction> + use<'a> {
        self.image.instructions(Entry::Function)
    }

    /// Multiply-adds of matrix products.
    #[must_use]
    pub fn multiply_adds(&self) -> u64 {
        self.image.multiply_adds(Entry::Function)
    }
}

/// A function and the workspace it computes in.
#[derive(Debug)]
pub struct CompiledFunction<'a> {
    function: &'a Function<'a>,
    workspace: &'a mut [f32],
}

impl<'a> CompiledFunction<'a> {
    /// Joins a function and room for it: a [`Workspace`](crate::Workspace), or any slice of enough elements.
    ///
    /// # Errors
    /// [`Error::WorkspaceTooSmall`].
    pub fn bind<W: AsMut<[f32]> + ?Sized>(function: &'a Function<'a>, workspace: &'a mut W) -> Result<Self, Error> {
        match workspace.as_mut().get_mut(..function.workspace_len()) {
            Some(workspace) => Ok(Self { function, workspace }),
            None => Err(Error::WorkspaceTooSmall { needed: function.header().workspace_len }),
        }
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> &'a Function<'a> {
        self.function
    }

    /// Computes the results of `arguments`; NaNs come out canonical.
    ///
    /// Elements beyond the shorter of a slice and what the function expects are left alone.
    pub fn call(&mut self, arguments: &[f32], results: &mut [f32]) {
        let places = self.workspace.get_mut(..self.function.arguments_len()).unwrap_or_default();
        for (element, value) in places.iter_mut().zip(arguments) {
            *element = *value;
        }
        let image = &self.function.image;
        // Verification excludes failure, see `execute`.
        let _ = execute(image, Entry::Function, self.workspace);
        image.copy_result(Entry::Function, 0, self.function.results_len(), self.workspace, results);
    }
}
