//! Between momentum and velocity: `v = ∂H/∂p`, and its inverse where H is quadratic in p.
//!
//! There `v = b(q) + M⁻¹(q) p`, with `M⁻¹ = ∂²H/∂p²` and `b` the velocity at p = 0 (0 in most mechanical systems), so that
//! `p = M (v − b)`. The system is solved without square roots, `M⁻¹ = L D Lᵀ` (Golub and Van Loan, *Matrix Computations*, 4th
//! ed. 2013, section 4.1.2), unrolled into numbers per row: n ≤ [`MAX_SOLVED_DOF`]. A mass matrix that is not positive definite gives
//! a pivot ≤ 0, and values that are not to be trusted; whether it is one, only its definition can say.

use super::{Derived, DynamicsError, ENERGY, MOMENTUM, Model, POSITION, STATE, VELOCITY, declare_state, separability};
use crate::differentiate::gradient;
use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor};
use crate::optimize::optimize;

/// Most degrees of freedom of an unrolled solve: n³/6 multiplications per row, 120 for 8.
pub const MAX_SOLVED_DOF: usize = 8;

/// The velocity: `x` → `v` `[batch, n]` = ∂H/∂p.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn velocity(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    let gradient = model.place_gradient(&mut graph, x)?;
    let velocity = graph.slice(gradient, 1, model.dof, model.dof)?;
    graph.set_output(VELOCITY, velocity);
    Ok(graph)
}

/// The momentum: `q` `[batch, n]`, `v` `[batch, n]` → `p` `[batch, n]`, the p at which ∂H/∂p = v.
///
/// # Errors
/// [`DynamicsError::NotAModel`] where H is not a polynomial of degree 2 in p, as far as its graph shows, or n exceeds
/// [`MAX_SOLVED_DOF`].
pub fn momentum(model: &Model) -> Derived {
    let dof = model.dof;
    if dof > MAX_SOLVED_DOF {
        let message =
            format!("p from v is solved for at most {MAX_SOLVED_DOF} degrees of freedom, the model has {dof}");
        return Err(DynamicsError::NotAModel(message));
    }
    let kinetic = Kinetic::new(model)?;
    kinetic.check_quadratic(dof)?;
    let mut graph = Graph::new();
    let q = graph.input(POSITION, Shape::batched(&[dof])?)?;
    let v = graph.input(VELOCITY, Shape::batched(&[dof])?)?;
    let rest = graph.constant(Tensor::full(&[1, dof], 0.0)?)?;
    let rest = graph.broadcast(rest, Shape::batched(&[dof])?)?;
    let placed = kinetic.place(&mut graph, q, rest)?;
    let (bias, rows) = placed.split_first().ok_or_else(|| DynamicsError::NotAModel("it has no velocity".into()))?;
    let relative = graph.sub(v, *bias)?;
    let momentum = solve(&mut graph, rows, relative)?;
    graph.set_output(MOMENTUM, momentum);
    Ok(graph)
}

/// `q`, `p` → ∂H/∂p and its derivatives in p, each `[batch, n]`: what depends on q only is held, hence out of them.
struct Kinetic {
    graph: Graph,
    /// ∂H/∂p, then the rows of ∂²H/∂p².
    roots: Vec<NodeId>,
}

impl Kinetic {
    fn new(model: &Model) -> Result<Self, DynamicsError> {
        let wrong = |message: &str| DynamicsError::NotAModel(message.to_owned());
        let dof = model.dof;
        let mut joined = Graph::new();
        let q = joined.input(POSITION, Shape::batched(&[dof])?)?;
        let p = joined.input(MOMENTUM, Shape::batched(&[dof])?)?;
        let x = joined.concat(&[q, p], 1)?;
        let energy = model.place(&mut joined, ENERGY, x)?.ok_or_else(|| wrong("it needs an output `H`"))?;
        joined.set_output(ENERGY, energy);
        // Slices of the join become q or p: as long as they are cut from both, q would count as depending on p.
        let mut graph = optimize(&joined)?;
        let (Some(energy), Some(p)) = (graph.output(ENERGY), graph.leaf(MOMENTUM)) else {
            return Err(wrong("H does not depend on p, so that no p gives a velocity"));
        };
        let velocity = gradient(&mut graph, energy, &[p])?[0];
        let mut roots = vec![velocity];
        for index in 0..dof {
            let one = graph.slice(velocity, 1, index, 1)?;
            roots.extend(gradient(&mut graph, one, &[p])?);
        }
        Ok(Self { graph, roots })
    }

    /// The same values at other nodes of another graph.
    fn place(&self, into: &mut Graph, q: NodeId, p: NodeId) -> Result<Vec<NodeId>, GraphError> {
        let bound = [(self.graph.leaf(POSITION), q), (self.graph.leaf(MOMENTUM), p)];
        into.inline(&self.graph, &self.roots, &|id, _| {
            bound.iter().find(|(leaf, _)| *leaf == Some(id)).map(|(_, node)| *node)
        })
    }

    /// Refuses an H whose second derivative in p still depends on p.
    fn check_quadratic(&self, dof: usize) -> Result<(), DynamicsError> {
        let mut graph = Graph::new();
        let x = graph.input(STATE, Shape::batched(&[2 * dof])?)?;
        let (q, p) = (graph.slice(x, 1, 0, dof)?, graph.slice(x, 1, dof, dof)?);
        let placed = self.place(&mut graph, q, p)?;
        let inverse_mass = graph.concat(&placed[1..], 1)?;
        let mut single = Graph::new();
        let placed = single.inline(&graph, &[inverse_mass], &|_, _| None)?;
        single.set_output(MOMENTUM, placed[0]);
        let single = optimize(&single)?;
        let marks = separability::marks(&single, dof)?;
        let found = single.output(MOMENTUM).and_then(|id| marks[id.index()].as_ref());
        if found.is_some_and(|row| row.iter().any(|mark| mark.p)) {
            return Err(DynamicsError::NotAModel(
                "p from v needs an H that is quadratic in p, but ∂²H/∂p² depends on p. Models with a quadratic kinetic \
                 energy are `separable` and `port` with `--kinetic quadratic`, `mechanical`, and formulas in p^2"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// `A⁻¹ b` for the symmetric positive-definite matrix of these rows, by `A = L D Lᵀ` with a unit lower triangle L.
///
/// Only the lower triangle of A is read.
fn solve(graph: &mut Graph, rows: &[NodeId], b: NodeId) -> Result<NodeId, GraphError> {
    let dof = rows.len();
    // unit[i][j] = L_ij below the diagonal; the products of a row are L_ij D_j.
    let mut unit: Vec<Vec<NodeId>> = Vec::with_capacity(dof);
    let mut pivots: Vec<NodeId> = Vec::with_capacity(dof);
    for row in rows {
        let (mut products, mut units) = (Vec::new(), Vec::new());
        for column in 0..pivots.len() {
            let element = graph.slice(*row, 1, column, 1)?;
            let product = minus_products(graph, element, &products, &unit[column])?;
            products.push(product);
            units.push(graph.div(product, pivots[column])?);
        }
        let diagonal = graph.slice(*row, 1, pivots.len(), 1)?;
        pivots.push(minus_products(graph, diagonal, &products, &units)?);
        unit.push(units);
    }
    let mut forward: Vec<NodeId> = Vec::with_capacity(dof);
    for (index, row) in unit.iter().enumerate() {
        let element = graph.slice(b, 1, index, 1)?;
        forward.push(minus_products(graph, element, row, &forward)?);
    }
    let mut solution: Vec<NodeId> = Vec::with_capacity(dof);
    for index in (0..dof).rev() {
        let scaled = graph.div(forward[index], pivots[index])?;
        let below: Vec<NodeId> = (index + 1..dof).map(|row| unit[row][index]).collect();
        solution.insert(0, minus_products(graph, scaled, &below, &solution)?);
    }
    graph.concat(&solution, 1)
}

/// `value − Σ aᵢ bᵢ`, over as many terms as both have.
fn minus_products(graph: &mut Graph, value: NodeId, a: &[NodeId], b: &[NodeId]) -> Result<NodeId, GraphError> {
    a.iter().zip(b).try_fold(value, |rest, (a, b)| {
        let product = graph.mul(*a, *b)?;
        graph.sub(rest, product)
    })
}

#[cfg(test)]
mod tests;
