//! Energies whose motion was measured in positions and velocities.
//!
//! Training sees a [`Tangent`]: the same weights, the field and the steps of `[q, v]`. Whatever asks for states of the energy
//! itself, which are `[q, p]`, gets them from [`with_momenta`]. Which data need either is [`determines_masses`]'s to say.

use std::borrow::Cow;

use hnn_exporter::dynamics::{self, DynamicsError, MOMENTUM, Model, POSITION, Scheme, StepLength, VELOCITY};
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::Graph;
use hnn_exporter::optimize::optimize;

use crate::architecture::{Energy, Kind, Settings};
use crate::data::{Dataset, Names, Second, Trajectory};
use crate::learned::{Learned, Motion};
use crate::system::{SystemError, tensor};

/// An energy that moves states `[q…, v…]`, v = ∂H/∂p.
#[derive(Debug, Clone, Copy)]
pub struct Tangent<'a>(pub &'a Model);

impl Motion for Tangent<'_> {
    fn dof(&self) -> usize {
        self.0.dof()
    }

    fn inputs(&self) -> usize {
        self.0.inputs()
    }

    fn field(&self) -> Result<Graph, DynamicsError> {
        dynamics::tangent_field(self.0)
    }

    fn step(&self, scheme: Scheme, length: StepLength) -> Result<Graph, DynamicsError> {
        dynamics::tangent_step(self.0, scheme, length)
    }

    fn energy(&self) -> Option<&Model> {
        Some(self.0)
    }

    fn stepper(&self, scheme: Scheme) -> String {
        scheme.to_string()
    }
}

/// Whether velocities say something of the masses of such a model: whether p = M v is to be learned.
///
/// Else velocities are momenta of unit mass. That is no loss where the mass is a constant common to all coordinates, which is the
/// factor of energy and momentum that no motion shows: one degree of freedom with a constant mass, identical bodies. It is an
/// assumption where H is not quadratic in p, or a baseline has no H.
#[must_use]
pub fn determines_masses(settings: Option<&Settings>, learned: &Learned) -> bool {
    let Ok(model) = learned.hamiltonian() else { return false };
    let common = settings.is_some_and(|settings| match settings.kind {
        Kind::Pairwise => true,
        Kind::Separable => model.dof() == 1,
        Kind::Port => model.dof() == 1 && settings.energy == Energy::Separable,
        _ => false,
    });
    !common && dynamics::momentum(model).is_ok()
}

/// Data in the states of an energy whose weights are bound: momenta in place of velocities, where these were measured. They have no derivatives.
///
/// # Errors
/// [`SystemError`] where the model's mass matrix cannot be evaluated.
pub fn with_momenta<'a>(learned: &Learned, data: &'a Dataset) -> Result<Cow<'a, Dataset>, SystemError> {
    let (Second::Velocity, Ok(model)) = (data.names.second, learned.hamiltonian()) else {
        return Ok(Cow::Borrowed(data));
    };
    let graph = optimize(&dynamics::momentum(model)?).map_err(DynamicsError::from)?;
    let (momentum, dof) = (Evaluator::new(&graph)?, data.dof);
    let lift = |one: &Trajectory| {
        let rows = one.rows(dof);
        let (q, v) = (tensor(rows, dof, one.q.clone())?, tensor(rows, dof, one.p.clone())?);
        // A graph without a leaf for q or v, as of unit masses, takes neither.
        let given = [(POSITION, &q), (VELOCITY, &v)];
        let given: Vec<_> = given.into_iter().filter(|(name, _)| graph.leaf(name).is_some()).collect();
        let p = momentum.run(&given)?.first().map_or_else(Vec::new, |p| p.data().to_vec());
        Ok(Trajectory { p, derivative: None, ..one.clone() })
    };
    let trajectories = data.trajectories.iter().map(lift).collect::<Result<Vec<_>, SystemError>>()?;
    let p = data.names.q.iter().map(|name| format!("{MOMENTUM}_{name}")).collect();
    let names = Names { p, second: Second::Momentum, ..data.names.clone() };
    Ok(Cow::Owned(Dataset::new(names, trajectories)?))
}

#[cfg(test)]
mod tests;
