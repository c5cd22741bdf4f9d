//! A program bound to its workspace: the model that steppers see.
//!
//! [`Compiled`] offers what every program has; [`Compiled::separable`] adds velocity and force where the program has them,
//! so that an explicit scheme cannot be applied to a model whose kinetic and potential energy mix.

use crate::error::Error;
use crate::execute::execute;
use crate::format::{DampingKind, Entry};
use crate::model::{Constrained, Damped, Model, Separable};
use crate::program::Program;

/// A program and the workspace it computes in.
#[derive(Debug)]
pub struct Compiled<'a> {
    program: &'a Program<'a>,
    workspace: &'a mut [f32],
}

impl<'a> Compiled<'a> {
    /// Joins a program and room for it: a [`Workspace`](crate::Workspace), or any slice of enough elements.
    ///
    /// # Errors
    /// [`Error::WorkspaceTooSmall`].
    pub fn bind<W: AsMut<[f32]> + ?Sized>(program: &'a Program<'a>, workspace: &'a mut W) -> Result<Self, Error> {
        match workspace.as_mut().get_mut(..program.workspace_len()) {
            Some(workspace) => Ok(Self { program, workspace }),
            None => Err(Error::WorkspaceTooSmall { needed: program.header().workspace_len }),
        }
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &'a Program<'a> {
        self.program
    }

    /// The view that explicit schemes need.
    ///
    /// # Errors
    /// [`Error::NotSeparable`].
    pub fn separable(&mut self) -> Result<SeparableView<'_, 'a>, Error> {
        if self.program.is_separable() { Ok(SeparableView { model: self }) } else { Err(Error::NotSeparable) }
    }

    /// Runs one entry and copies its result; NaNs come out canonical. Does nothing where the program lacks the entry.
    ///
    /// Elements beyond the shorter of a slice and what the program expects are left alone.
    pub fn run(&mut self, entry: Entry, q: &[f32], p: &[f32], u: &[f32], result: &mut [f32]) {
        let dof = self.program.dof();
        let (state, rest) = self.workspace.split_at_mut_checked(2 * dof).unwrap_or_default();
        let (positions, momenta) = state.split_at_mut_checked(dof).unwrap_or_default();
        let inputs = rest.get_mut(..self.program.inputs()).unwrap_or_default();
        for (target, values) in [(positions, q), (momenta, p), (inputs, u)] {
            for (element, value) in target.iter_mut().zip(values) {
                *element = *value;
            }
        }
        // Verification excludes failure, see `execute`.
        let _ = execute(self.program.image(), entry, self.workspace);
        self.copy_result(entry, 0, result);
    }

    fn copy_result(&self, entry: Entry, skip: usize, result: &mut [f32]) {
        let len = self.program.result_len(entry);
        self.program.image().copy_result(entry, skip, len, self.workspace, result);
    }
}

impl Model<f32> for Compiled<'_> {
    fn dof(&self) -> usize {
        self.program.dof()
    }

    fn inputs(&self) -> usize {
        self.program.inputs()
    }

    fn energy(&mut self, q: &[f32], p: &[f32]) -> f32 {
        let mut energy = [0.0];
        self.run(Entry::Energy, q, p, &[], &mut energy);
        let [energy] = energy;
        energy
    }

    fn field(&mut self, q: &[f32], p: &[f32], u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
        let dof = self.program.dof();
        let dq = dq.get_mut(..dof).unwrap_or_default();
        self.run(Entry::Field, q, p, u, dq);
        self.copy_result(Entry::Field, dof, dp);
    }
}

impl Damped<f32> for Compiled<'_> {
    fn damping_kind(&self) -> DampingKind {
        self.program.damping_kind()
    }

    fn damping(&mut self, q: &[f32], p: &[f32], r: &mut [f32]) {
        self.run(Entry::Damping, q, p, &[], r);
    }

    fn inverse_mass(&self, a: &mut [f32]) -> bool {
        let Some(words) = self.program.inverse_mass_words() else { return false };
        for (element, word) in a.iter_mut().zip(words) {
            *element = f32::from_bits(*word);
        }
        true
    }
}

/// A [`Compiled`] model whose program is known to be separable; made by [`Compiled::separable`].
#[derive(Debug)]
pub struct SeparableView<'b, 'a> {
    model: &'b mut Compiled<'a>,
}

impl Model<f32> for SeparableView<'_, '_> {
    fn dof(&self) -> usize {
        self.model.dof()
    }

    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn energy(&mut self, q: &[f32], p: &[f32]) -> f32 {
        self.model.energy(q, p)
    }

    fn field(&mut self, q: &[f32], p: &[f32], u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
        self.model.field(q, p, u, dq, dp);
    }
}

impl Separable<f32> for SeparableView<'_, '_> {
    fn velocity(&mut self, p: &[f32], dq: &mut [f32]) {
        self.model.run(Entry::Velocity, &[], p, &[], dq);
    }

    fn force(&mut self, q: &[f32], u: &[f32], dp: &mut [f32]) {
        self.model.run(Entry::Force, q, &[], u, dp);
    }
}

impl Constrained<f32> for SeparableView<'_, '_> {
    fn constraints(&self) -> usize {
        self.model.program.constraints()
    }

    fn constraint(&mut self, q: &[f32], g: &mut [f32], jacobian: &mut [f32]) {
        let count = self.constraints();
        let g = g.get_mut(..count).unwrap_or_default();
        self.model.run(Entry::Constraint, q, &[], &[], g);
        self.model.copy_result(Entry::Constraint, count, jacobian);
    }
}

impl Damped<f32> for SeparableView<'_, '_> {
    fn damping_kind(&self) -> DampingKind {
        self.model.damping_kind()
    }

    fn damping(&mut self, q: &[f32], p: &[f32], r: &mut [f32]) {
        self.model.damping(q, p, r);
    }

    fn inverse_mass(&self, a: &mut [f32]) -> bool {
        self.model.inverse_mass(a)
    }
}
