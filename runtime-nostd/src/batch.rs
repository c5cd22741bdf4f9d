//! Eight states at once: the same program on a workspace whose elements are eight numbers, for hosts that simulate many.
//!
//! Every lane has, to the bit, what it would have alone: a kernel does for all lanes what it does for one, and each sum keeps its
//! order. Steppers see [`Lanes`] as just another [`Scalar`](crate::Scalar), so that every scheme steps eight states as it steps one:
//!
//! ```
//! use hnn_runtime::batch::{Batch, LANES, Lanes};
//! use hnn_runtime::integrate::LEAPFROG;
//! use hnn_runtime::{Error, Program, State, Stepper};
//!
//! fn swing(blob: &[u32], angles: [f32; LANES]) -> Result<[f32; LANES], Error> {
//!     let program = Program::parse(blob)?;
//!     let mut workspace = [Lanes::default(); 256];
//!     let mut model = Batch::bind(&program, &mut workspace)?;
//!     let mut state = State::<Lanes, 1>::new(&[Lanes(angles)], &[Lanes::default()])?;
//!     for _ in 0..1000 {
//!         LEAPFROG.step(&mut model.separable()?, &mut state, &[], Lanes::splat(program.dt()))?;
//!     }
//!     Ok(state.q()[0].0)
//! }
//! assert!(swing(&[], [0.5; LANES]).is_err());
//! ```

mod kernels;
mod lanes;

use crate::error::Error;
use crate::format::{DampingKind, Entry, kernels as kernel_bits};
use crate::math;
use crate::model::{Damped, Model, Separable};
use crate::program::Program;

pub use lanes::{LANES, Lanes};

/// A program bound to a workspace for eight states: the model that steppers see.
#[derive(Debug)]
pub struct Batch<'a> {
    program: &'a Program<'a>,
    workspace: &'a mut [Lanes],
}

impl<'a> Batch<'a> {
    /// Joins a program and room for it, [`Program::workspace_len`] elements of eight numbers.
    ///
    /// # Errors
    /// [`Error::WorkspaceTooSmall`]; [`Error::MissingKernel`] for a network in fixed point, which is stepped alone.
    pub fn bind(program: &'a Program<'a>, workspace: &'a mut [Lanes]) -> Result<Self, Error> {
        if program.header().kernels & kernel_bits::Q15 != 0 {
            return Err(Error::MissingKernel(kernel_bits::Q15));
        }
        match workspace.get_mut(..program.workspace_len()) {
            Some(workspace) => Ok(Self { program, workspace }),
            None => Err(Error::WorkspaceTooSmall { needed: program.header().workspace_len }),
        }
    }

    /// The view that explicit schemes need.
    ///
    /// # Errors
    /// [`Error::NotSeparable`].
    pub fn separable(&mut self) -> Result<SeparableBatch<'_, 'a>, Error> {
        if self.program.is_separable() { Ok(SeparableBatch { model: self }) } else { Err(Error::NotSeparable) }
    }

    /// Runs one entry and copies its result; NaNs come out canonical. Does nothing where the program lacks the entry.
    pub fn run(&mut self, entry: Entry, q: &[Lanes], p: &[Lanes], u: &[Lanes], result: &mut [Lanes]) {
        let dof = self.program.dof();
        let (state, rest) = self.workspace.split_at_mut_checked(2 * dof).unwrap_or_default();
        let (positions, momenta) = state.split_at_mut_checked(dof).unwrap_or_default();
        let inputs = rest.get_mut(..self.program.inputs()).unwrap_or_default();
        for (target, values) in [(positions, q), (momenta, p), (inputs, u)] {
            target.iter_mut().zip(values).for_each(|(element, value)| *element = *value);
        }
        // Verification excludes failure, see `execute`.
        let _ = kernels::execute(self.program.image(), entry, self.workspace);
        self.copy_result(entry, 0, result);
    }

    fn copy_result(&self, entry: Entry, skip: usize, result: &mut [Lanes]) {
        let image = self.program.image();
        let operand = image.header.entry(entry).result;
        if operand.is_absent() {
            return;
        }
        let first = operand.offset().saturating_add(skip);
        let result = result.iter_mut().take(self.program.result_len(entry).saturating_sub(skip));
        for (index, element) in result.enumerate() {
            let value = kernels::value(operand.is_constant(), first + index, self.workspace, image.constants);
            *element = Lanes(value.map(math::canonical));
        }
    }
}

impl Model<Lanes> for Batch<'_> {
    fn dof(&self) -> usize {
        self.program.dof()
    }

    fn inputs(&self) -> usize {
        self.program.inputs()
    }

    fn energy(&mut self, q: &[Lanes], p: &[Lanes]) -> Lanes {
        let mut energy = [Lanes::default()];
        self.run(Entry::Energy, q, p, &[], &mut energy);
        let [energy] = energy;
        energy
    }

    fn field(&mut self, q: &[Lanes], p: &[Lanes], u: &[Lanes], dq: &mut [Lanes], dp: &mut [Lanes]) {
        let dof = self.program.dof();
        let dq = dq.get_mut(..dof).unwrap_or_default();
        self.run(Entry::Field, q, p, u, dq);
        self.copy_result(Entry::Field, dof, dp);
    }
}

impl Damped<Lanes> for Batch<'_> {
    fn damping_kind(&self) -> DampingKind {
        self.program.damping_kind()
    }

    fn damping(&mut self, q: &[Lanes], p: &[Lanes], r: &mut [Lanes]) {
        self.run(Entry::Damping, q, p, &[], r);
    }

    fn inverse_mass(&self, a: &mut [Lanes]) -> bool {
        let Some(words) = self.program.inverse_mass_words() else { return false };
        a.iter_mut().zip(words).for_each(|(element, word)| *element = Lanes::splat(f32::from_bits(*word)));
        true
    }
}

/// A [`Batch`] whose program is known to be separable; made by [`Batch::separable`].
#[derive(Debug)]
pub struct SeparableBatch<'b, 'a> {
    model: &'b mut Batch<'a>,
}

impl Model<Lanes> for SeparableBatch<'_, '_> {
    fn dof(&self) -> usize {
        self.model.dof()
    }

    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn energy(&mut self, q: &[Lanes], p: &[Lanes]) -> Lanes {
        self.model.energy(q, p)
    }

    fn field(&mut self, q: &[Lanes], p: &[Lanes], u: &[Lanes], dq: &mut [Lanes], dp: &mut [Lanes]) {
        self.model.field(q, p, u, dq, dp);
    }
}

impl Separable<Lanes> for SeparableBatch<'_, '_> {
    fn velocity(&mut self, p: &[Lanes], dq: &mut [Lanes]) {
        self.model.run(Entry::Velocity, &[], p, &[], dq);
    }

    fn force(&mut self, q: &[Lanes], u: &[Lanes], dp: &mut [Lanes]) {
        self.model.run(Entry::Force, q, &[], u, dp);
    }
}

impl Damped<Lanes> for SeparableBatch<'_, '_> {
    fn damping_kind(&self) -> DampingKind {
        self.model.damping_kind()
    }

    fn damping(&mut self, q: &[Lanes], p: &[Lanes], r: &mut [Lanes]) {
        self.model.damping(q, p, r);
    }

    fn inverse_mass(&self, a: &mut [Lanes]) -> bool {
        self.model.inverse_mass(a)
    }
}
