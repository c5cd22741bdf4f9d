//! Motion as positions and velocities show it: the Hamiltonian flow carried over by v = ∂H/∂p.
//!
//! Most machines measure velocities, and momenta are then as unknown as the mass matrix. With `p = M(q)(v − b(q))` put before
//! the flow and `v = ∂H/∂p` after it, a field or a step takes and gives `[q, v]`, and the mass matrix is learned from them
//! like everything else. H and p are then known but for one common factor, which no motion shows.
//! The map is that of [`momentum`], with its conditions on H. It is the Legendre transformation: Arnold, *Mathematical
//! Methods of Classical Mechanics* (2nd ed. 1989), section 14.

use super::step::StepLength;
use super::{
    Derived, DynamicsError, INPUT, MOMENTUM, Model, NEXT_STATE, POSITION, STATE, STEP_LENGTH, Scheme, VELOCITY, field,
    momentum, step, velocity,
};
use crate::differentiate::vjp;
use crate::graph::{Graph, NodeId, Shape};
use crate::optimize::optimize;

/// The vector field of `[q, v]`: `x` = `[q…, v…]` `[batch, 2n]`, `u` → `dx` = `[v…, v̇…]` `[batch, 2n]`.
///
/// The acceleration is the p-part of `∇²H ẋ`, since `v̇ = d/dt ∂H/∂p`.
///
/// # Errors
/// As [`momentum`] and [`field`].
pub fn tangent_field(model: &Model) -> Derived {
    let mut tangent = Tangent::new(model)?;
    let state = tangent.lift(tangent.x)?;
    let rate = tangent.place(&field(model)?, state, "dx")?;
    let graph = &mut tangent.graph;
    let gradient = model.place_gradient(graph, state)?;
    let change = vjp(graph, &[(gradient, rate)], &[state])?[0];
    let acceleration = graph.slice(change, 1, model.dof, model.dof)?;
    let velocity = graph.slice(tangent.x, 1, model.dof, model.dof)?;
    let dx = graph.concat(&[velocity, acceleration], 1)?;
    graph.set_output("dx", dx);
    Ok(tangent.graph)
}

/// One step of `[q, v]`: `x` = `[q…, v…]` `[batch, 2n]`, `dt`, `u` → `x_next` likewise.
///
/// # Errors
/// As [`momentum`] and [`step`].
pub fn tangent_step(model: &Model, scheme: Scheme, length: StepLength) -> Derived {
    scheme.check_single()?;
    let mut tangent = Tangent::new(model)?;
    let dt = match length {
        StepLength::Scalar => tangent.graph.input(STEP_LENGTH, Shape::fixed(&[])?)?,
        StepLength::PerRow => tangent.graph.input(STEP_LENGTH, Shape::batched(&[1])?)?,
    };
    tangent.dt = Some(dt);
    let state = tangent.lift(tangent.x)?;
    let next = tangent.place(&step(model, scheme, length)?, state, NEXT_STATE)?;
    let reached = tangent.place(&velocity(model)?, next, VELOCITY)?;
    let graph = &mut tangent.graph;
    let position = graph.slice(next, 1, 0, model.dof)?;
    let next = graph.concat(&[position, reached], 1)?;
    graph.set_output(NEXT_STATE, next);
    Ok(tangent.graph)
}

/// A graph in the making, and where its inputs are.
struct Tangent {
    graph: Graph,
    x: NodeId,
    u: Option<NodeId>,
    dt: Option<NodeId>,
    momentum: Graph,
    dof: usize,
}

impl Tangent {
    fn new(model: &Model) -> Result<Self, DynamicsError> {
        let momentum = optimize(&momentum(model)?)?;
        let (graph, x, u) = model.declare()?;
        Ok(Self { graph, x, u, dt: None, momentum, dof: model.dof })
    }

    /// `[q, p]` of `[q, v]`.
    fn lift(&mut self, x: NodeId) -> Result<NodeId, DynamicsError> {
        let (position, velocity) = (self.graph.slice(x, 1, 0, self.dof)?, self.graph.slice(x, 1, self.dof, self.dof)?);
        let root =
            self.momentum.output(MOMENTUM).ok_or_else(|| DynamicsError::NotAModel("it has no momentum".into()))?;
        let bound = [(self.momentum.leaf(POSITION), position), (self.momentum.leaf(VELOCITY), velocity)];
        let bind = |id: NodeId| bound.iter().find(|(leaf, _)| *leaf == Some(id)).map(|(_, node)| *node);
        let momentum = self.graph.inline(&self.momentum, &[root], &|id, _| bind(id))?[0];
        Ok(self.graph.concat(&[position, momentum], 1)?)
    }

    /// One output of a graph at a state of momenta, with this graph's input and step length.
    fn place(&mut self, from: &Graph, state: NodeId, output: &str) -> Result<NodeId, DynamicsError> {
        let root = from.output(output).ok_or_else(|| DynamicsError::NotAModel(format!("it has no `{output}`")))?;
        let bound = [(STATE, Some(state)), (INPUT, self.u), (STEP_LENGTH, self.dt)];
        let bind = |id: NodeId| bound.iter().find(|(name, _)| from.leaf(name) == Some(id)).and_then(|(_, node)| *node);
        Ok(self.graph.inline(from, &[root], &|id, _| bind(id))?[0])
    }
}

#[cfg(test)]
mod tests;
