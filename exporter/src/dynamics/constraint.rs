//! Holonomic constraints g(q) = 0: explicit multipliers for the field, and the projection onto the constraint manifold.
//!
//! With v = ∂H/∂p, G = ∂g/∂q and the force f without constraints, ṗ = f − Gᵀλ. The constraint holds along the motion if
//! d²g/dt² = 0, hence (∂ġ/∂p Gᵀ) λ = ∂ġ/∂q v + ∂ġ/∂p f with ġ = G v. Hairer, Lubich and Wanner, *Geometric Numerical
//! Integration* (2006), VII.1, equations 1.9 to 1.13. All derivatives come from `differentiate`; the k×k system is solved by
//! elimination without pivoting, which is stable as ∂ġ/∂p Gᵀ = G M⁻¹ Gᵀ is symmetric and positive definite wherever G has
//! full rank and H is convex in p. The field keeps g to the accuracy of whoever integrates it; `rattle` keeps it to rounding.

use crate::differentiate;
use crate::evaluate::evaluate;
use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor};
use crate::optimize::optimize;

use super::{CONSTRAINT, Derived, DynamicsError, Model, NEXT_STATE, declare_state};

/// Most holonomic constraints of a model.
pub const MAX_CONSTRAINTS: usize = hnn_runtime::format::MAX_CONSTRAINTS;
/// Newton iterations of [`project`]: from a tenth of a unit away, the sixth changes nothing in f64.
pub const PROJECTION_ITERATIONS: u32 = 12;
/// Largest |g| of a state that counts as projected.
pub const PROJECTION_TOLERANCE: f64 = 1e-10;

/// Constraint and Jacobian: `x` → `g` `[batch, k]` and `jacobian` `[batch, k, n]` = ∂g/∂q.
///
/// # Errors
/// [`DynamicsError::NotAModel`] where the model has no constraint.
pub fn constraint(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    let Some((value, jacobian)) = place(model, &mut graph, x)? else {
        return Err(DynamicsError::NotAModel(format!("it has no output `{CONSTRAINT}`")));
    };
    graph.set_output(CONSTRAINT, value);
    graph.set_output("jacobian", jacobian);
    Ok(graph)
}

/// A state close by that obeys the constraints, reached by steps that are shortest in the metric of the masses: `x` → `x_next` `[batch, 2n]`, and `g`
/// `[batch, k]` there.
///
/// Newton's method for g(q − M⁻¹Gᵀλ) = 0, then p − Gᵀμ with G M⁻¹(p − Gᵀμ) = 0. It is exact in p where H is quadratic in p.
///
/// # Errors
/// [`DynamicsError::NotAModel`] where the model has no constraint.
pub fn project(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    let dof = model.dof();
    let field = constraint(model)?;
    let mut q = graph.slice(x, 1, 0, dof)?;
    let mut p = graph.slice(x, 1, dof, dof)?;
    for _ in 0..PROJECTION_ITERATIONS {
        let at = graph.concat(&[q, p], 1)?;
        let (value, jacobian) = inlined(&mut graph, &field, at)?;
        let images = images(model, &mut graph, at, jacobian)?;
        let matrix = product(&mut graph, images, jacobian)?;
        let multipliers = solve(&mut graph, matrix, value)?;
        let change = combine(&mut graph, multipliers, images)?;
        q = graph.sub(q, change)?;
    }
    let at = graph.concat(&[q, p], 1)?;
    let (value, jacobian) = inlined(&mut graph, &field, at)?;
    graph.set_output(CONSTRAINT, value);
    let gradient = model.place_gradient(&mut graph, at)?;
    let velocity = graph.slice(gradient, 1, dof, dof)?;
    let images = images(model, &mut graph, at, jacobian)?;
    let matrix = product(&mut graph, images, jacobian)?;
    let rate = rates(&mut graph, jacobian, velocity)?;
    let multipliers = solve(&mut graph, matrix, rate)?;
    let change = combine(&mut graph, multipliers, jacobian)?;
    p = graph.sub(p, change)?;
    let projected = graph.concat(&[q, p], 1)?;
    graph.set_output(NEXT_STATE, projected);
    Ok(graph)
}

/// Every state as [`project`] moves it; `None` where it does not get to within [`PROJECTION_TOLERANCE`] of the constraints.
///
/// # Errors
/// [`DynamicsError::NotAModel`] where the model has no constraint, weights without value, or another number of coordinates.
pub fn projected(model: &Model, states: &[Vec<f64>]) -> Result<Vec<Option<Vec<f64>>>, DynamicsError> {
    let width = 2 * model.dof();
    let rows = Tensor::new(vec![states.len(), width], states.concat())?;
    let graph = optimize(&project(model)?)?;
    let values = evaluate(&graph, &[(super::STATE, &rows)]);
    let values = values.map_err(|error| DynamicsError::NotAModel(error.to_string()))?;
    let find = |name: &str| graph.outputs().iter().position(|(known, _)| known == name).and_then(|at| values.get(at));
    let (Some(moved), Some(errors)) = (find(NEXT_STATE), find(CONSTRAINT)) else { return Ok(Vec::new()) };
    let rows = moved.data().chunks_exact(width).zip(errors.data().chunks_exact(model.constraints()));
    // Written so that a NaN is refused as well.
    let is_met = |errors: &[f64]| errors.iter().all(|error| error.abs() <= PROJECTION_TOLERANCE);
    Ok(rows
        .map(|(state, errors)| (is_met(errors) && state.iter().all(|x| x.is_finite())).then(|| state.to_vec()))
        .collect())
}

/// −Gᵀλ, `[batch, n]`: what the constraints add to `force` at state `x`, whose velocity is `velocity`.
pub(super) fn place_reaction(
    model: &Model,
    graph: &mut Graph,
    x: NodeId,
    velocity: NodeId,
    force: NodeId,
) -> Result<Option<NodeId>, GraphError> {
    let Some((_, jacobian)) = place(model, graph, x)? else { return Ok(None) };
    let rate = rates(graph, jacobian, velocity)?;
    let slopes = differentiate::jacobian(graph, rate, x)?;
    let along = graph.concat(&[velocity, force], 1)?;
    let acceleration = rates(graph, slopes, along)?;
    let by_momentum = graph.slice(slopes, 2, model.dof(), model.dof())?;
    let matrix = product(graph, by_momentum, jacobian)?;
    let multipliers = solve(graph, matrix, acceleration)?;
    let reaction = combine(graph, multipliers, jacobian)?;
    graph.neg(reaction).map(Some)
}

/// g `[batch, k]` and G `[batch, k, n]` at state `x`.
fn place(model: &Model, graph: &mut Graph, x: NodeId) -> Result<Option<(NodeId, NodeId)>, GraphError> {
    let Some(value) = model.place(graph, CONSTRAINT, x)? else { return Ok(None) };
    let jacobian = differentiate::jacobian(graph, value, x)?;
    Ok(Some((value, graph.slice(jacobian, 2, 0, model.dof())?)))
}

/// The outputs of [`constraint`] at state `x`.
pub(super) fn inlined(graph: &mut Graph, field: &Graph, x: NodeId) -> Result<(NodeId, NodeId), GraphError> {
    let missing = || GraphError::Name(format!("`{CONSTRAINT}` and its Jacobian are missing"));
    let roots = [field.output(CONSTRAINT).ok_or_else(missing)?, field.output("jacobian").ok_or_else(missing)?];
    let leaf = field.leaf(super::STATE);
    let placed = graph.inline(field, &roots, &|id, _| (Some(id) == leaf).then_some(x))?;
    Ok((placed[0], placed[1]))
}

/// Rows of G M⁻¹, `[batch, k, n]`, where M⁻¹ = ∂²H/∂p² at state `x`.
fn images(model: &Model, graph: &mut Graph, x: NodeId, jacobian: NodeId) -> Result<NodeId, DynamicsError> {
    let dof = model.dof();
    let gradient = model.place_gradient(graph, x)?;
    let velocity = graph.slice(gradient, 1, dof, dof)?;
    let inverse_mass = differentiate::jacobian(graph, velocity, x)?;
    let inverse_mass = graph.slice(inverse_mass, 2, dof, dof)?;
    Ok(graph.matmul(jacobian, inverse_mass)?)
}

/// A v for a matrix `[batch, k, n]` and a vector `[batch, n]`: `[batch, k]`.
pub(super) fn rates(graph: &mut Graph, matrix: NodeId, vector: NodeId) -> Result<NodeId, GraphError> {
    let (rows, cols) = (graph.shape(matrix).row()[0], graph.shape(matrix).row()[1]);
    let column = graph.reshape(vector, Shape::batched(&[cols, 1])?)?;
    let product = graph.matmul(matrix, column)?;
    graph.reshape(product, Shape::batched(&[rows])?)
}

/// Σᵢ λᵢ aᵢ over the rows aᵢ of `[batch, k, n]`: `[batch, n]`.
pub(super) fn combine(graph: &mut Graph, multipliers: NodeId, rows: NodeId) -> Result<NodeId, GraphError> {
    let (count, len) = (graph.shape(rows).row()[0], graph.shape(rows).row()[1]);
    let row = graph.reshape(multipliers, Shape::batched(&[1, count])?)?;
    let sum = graph.matmul(row, rows)?;
    graph.reshape(sum, Shape::batched(&[len])?)
}

/// A Bᵀ of two matrices `[batch, k, n]`: `[batch, k, k]`.
pub(super) fn product(graph: &mut Graph, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
    graph.add(crate::graph::Op::MatMul { transpose_lhs: false, transpose_rhs: true }, &[a, b])
}

/// A⁻¹ b for `A` `[batch, k, k]` and `b` `[batch, k]` by elimination without pivoting, unrolled.
///
/// Golub and Van Loan, *Matrix Computations* (2013), section 4.2: stable where the symmetric part of A is positive definite
/// and its skew part is small, which holds here.
pub(super) fn solve(graph: &mut Graph, matrix: NodeId, vector: NodeId) -> Result<NodeId, GraphError> {
    let count = graph.shape(vector).row()[0];
    let flat = graph.reshape(matrix, Shape::batched(&[count * count])?)?;
    let mut rows = Vec::with_capacity(count);
    for index in 0..count {
        let row = graph.slice(flat, 1, index * count, count)?;
        let right = graph.slice(vector, 1, index, 1)?;
        rows.push(graph.concat(&[row, right], 1)?);
    }
    // Row i holds columns i.. and the right-hand side when its turn as pivot comes.
    for pivot in 0..count {
        let first = graph.slice(rows[pivot], 1, 0, 1)?;
        let len = count - pivot;
        let tail = graph.slice(rows[pivot], 1, 1, len)?;
        for row in rows.iter_mut().skip(pivot + 1) {
            let lead = graph.slice(*row, 1, 0, 1)?;
            let factor = graph.div(lead, first)?;
            let rest = graph.slice(*row, 1, 1, len)?;
            let scaled = graph.mul(factor, tail)?;
            *row = graph.sub(rest, scaled)?;
        }
    }
    let mut solution: Vec<NodeId> = Vec::with_capacity(count);
    for (index, row) in rows.iter().enumerate().rev() {
        let len = count - index;
        let mut value = graph.slice(*row, 1, len, 1)?;
        for (known, column) in solution.iter().zip((1..len).rev()) {
            let coefficient = graph.slice(*row, 1, column, 1)?;
            let term = graph.mul(coefficient, *known)?;
            value = graph.sub(value, term)?;
        }
        let first = graph.slice(*row, 1, 0, 1)?;
        solution.push(graph.div(value, first)?);
    }
    solution.reverse();
    graph.concat(&solution, 1)
}
