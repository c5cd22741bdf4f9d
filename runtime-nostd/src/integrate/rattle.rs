//! RATTLE: symplectic steps on the manifold of holonomic constraints g(q) = 0, for H = ½pᵀAp + V(q).
//!
//! Half a kick, a drift whose multipliers are found by a fixed number of Newton iterations so that g vanishes at its end, half
//! a kick, and the projection of p onto the tangent space. Order 2, reversible and symplectic up to the residual, which is
//! returned; the composition of five such steps has order 4. The cost does not depend on the data. g is met anew in every
//! step, so rounding does not add up; a start off the manifold is moved onto it by the first step.

use super::midpoint::larger;
use super::{Stepper, add_scaled, scratch};
use crate::error::Error;
use crate::format::{MAX_CONSTRAINTS, MAX_ITERATIONS};
use crate::model::Constrained;
use crate::rows::rows;
use crate::scalar::Scalar;
use crate::state::State;

/// Newton iterations of RATTLE unless another number is asked for: an error of 1 % is squared to 10⁻¹⁶ in three.
pub const RATTLE_ITERATIONS: u32 = 4;

/// 1/(4 − ∛4).
const SUZUKI_OUTER: f64 = 0.414_490_771_794_375_7;
/// The one step of RATTLE itself.
const STAGES_2: &[f64] = &[1.0];
/// M. Suzuki, Phys. Lett. A 146 (1990) 319; E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.4.5).
const STAGES_4: &[f64] = &[SUZUKI_OUTER, SUZUKI_OUTER, 1.0 - 4.0 * SUZUKI_OUTER, SUZUKI_OUTER, SUZUKI_OUTER];

/// RATTLE (H. C. Andersen, J. Comput. Phys. 52 (1983) 24; E. Hairer et al., Geometric Numerical Integration, 2nd ed.,
/// (VII.1.26)), or its composition to order 4 (S. Reich, SIAM J. Numer. Anal. 33 (1996) 475).
///
/// With dissipation use [`AnyStepper`](super::AnyStepper): `Dissipative` ends with friction, after which p may violate
/// ∂g/∂q·q̇ = 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rattle {
    iterations: u32,
    stages: &'static [f64],
}

impl Rattle {
    /// RATTLE, order 2, with this many Newton iterations.
    ///
    /// # Errors
    /// [`Error::Iterations`] for 0 or more than [`MAX_ITERATIONS`].
    pub const fn new(iterations: u32) -> Result<Self, Error> {
        Self::with_stages(iterations, STAGES_2)
    }

    /// Five steps of RATTLE that make one of order 4, with this many Newton iterations in each.
    ///
    /// # Errors
    /// [`Error::Iterations`] for 0 or more than [`MAX_ITERATIONS`].
    pub const fn composed(iterations: u32) -> Result<Self, Error> {
        Self::with_stages(iterations, STAGES_4)
    }

    const fn with_stages(iterations: u32, stages: &'static [f64]) -> Result<Self, Error> {
        if iterations == 0 || iterations > MAX_ITERATIONS {
            return Err(Error::Iterations);
        }
        Ok(Self { iterations, stages })
    }

    /// Newton iterations of a stage.
    #[must_use]
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Fractions of the step that its stages take.
    #[must_use]
    pub const fn stages(&self) -> &'static [f64] {
        self.stages
    }

    /// One step of order 2; returns the largest change of a position in the last iteration.
    fn stage<M, S, const N: usize>(self, model: &mut M, state: &mut State<S, N>, u: &[S], h: S) -> Result<S, Error>
    where
        M: Constrained<S>,
        S: Scalar,
    {
        let mut rates = [S::ZERO; N];
        let rates = scratch(&mut rates, state.dof())?;
        let half = S::HALF * h;
        model.force(&state.q, u, rates);
        add_scaled(&mut state.p, half, rates);
        let start = Surface::<S, N>::at(model, &state.q)?;
        model.velocity(&state.p, rates);
        add_scaled(&mut state.q, h, rates);
        // Without a drift there is nothing to correct, and nothing to divide by.
        let inverse = if h == S::ZERO { S::ZERO } else { (S::HALF + S::HALF) / h };
        let mut residual = S::ZERO;
        for _ in 0..self.iterations {
            let now = Surface::<S, N>::without_images(model, &state.q)?;
            let multipliers = now.solve(&start, &now.value);
            residual = S::ZERO;
            for (index, (q, p)) in state.q.iter_mut().zip(&mut state.p).enumerate() {
                let change = start.along(&start.images, index, &multipliers);
                *q = *q - change;
                *p = *p - inverse * start.along(&start.jacobian, index, &multipliers);
                residual = larger(residual, change.abs());
            }
        }
        model.force(&state.q, u, rates);
        add_scaled(&mut state.p, half, rates);
        project(model, state)?;
        Ok(residual)
    }
}

impl<M: Constrained<S>, S: Scalar, const N: usize> Stepper<M, S, N> for Rattle {
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        let mut residual = S::ZERO;
        for fraction in self.stages {
            let stage = self.stage(model, state, u, S::from_f64(*fraction) * dt)?;
            residual = larger(residual, stage);
        }
        Ok(residual)
    }
}

/// p ← p − Gᵀμ such that G A p = 0: the velocity becomes one that the constraints allow.
pub(super) fn project<M, S, const N: usize>(model: &mut M, state: &mut State<S, N>) -> Result<(), Error>
where
    M: Constrained<S>,
    S: Scalar,
{
    let mut rates = [S::ZERO; N];
    let rates = scratch(&mut rates, state.dof())?;
    let surface = Surface::<S, N>::at(model, &state.q)?;
    model.velocity(&state.p, rates);
    let mut slopes = [S::ZERO; MAX_CONSTRAINTS];
    for (slope, row) in slopes.iter_mut().zip(surface.rows(&surface.jacobian)) {
        *slope = dot(row, rates);
    }
    let multipliers = surface.solve(&surface, &slopes);
    for (index, p) in state.p.iter_mut().enumerate() {
        *p = *p - surface.along(&surface.jacobian, index, &multipliers);
    }
    Ok(())
}

/// The constraints at one position: g, G = ∂g/∂q, and G A, k rows of n elements each, end to end.
struct Surface<S: Scalar, const N: usize> {
    count: usize,
    dof: usize,
    value: [S; MAX_CONSTRAINTS],
    jacobian: [[S; N]; MAX_CONSTRAINTS],
    images: [[S; N]; MAX_CONSTRAINTS],
}

impl<S: Scalar, const N: usize> Surface<S, N> {
    fn without_images<M: Constrained<S>>(model: &mut M, q: &[S]) -> Result<Self, Error> {
        let (count, dof) = (model.constraints(), q.len());
        let (value, none) = ([S::ZERO; MAX_CONSTRAINTS], [[S::ZERO; N]; MAX_CONSTRAINTS]);
        let mut surface = Self { count, dof, value, jacobian: none, images: none };
        let Some(value) = surface.value.get_mut(..count) else { return Err(Error::Constraints) };
        let jacobian = scratch(surface.jacobian.as_flattened_mut(), count * dof)?;
        model.constraint(q, value, jacobian);
        Ok(surface)
    }

    fn at<M: Constrained<S>>(model: &mut M, q: &[S]) -> Result<Self, Error> {
        let mut surface = Self::without_images(model, q)?;
        let (mut images, len) = ([[S::ZERO; N]; MAX_CONSTRAINTS], surface.count * surface.dof);
        let mut rest = scratch(images.as_flattened_mut(), len)?;
        for row in surface.rows(&surface.jacobian) {
            let Some((image, after)) = rest.split_at_mut_checked(surface.dof) else { break };
            // ∂T/∂p is linear, so that it takes a row of G to a row of G A.
            model.velocity(row, image);
            rest = after;
        }
        surface.images = images;
        Ok(surface)
    }

    fn rows<'a>(&self, matrix: &'a [[S; N]; MAX_CONSTRAINTS]) -> impl Iterator<Item = &'a [S]> + use<'a, S, N> {
        rows(matrix.as_flattened(), self.dof).take(self.count)
    }

    /// Element `index` of Σᵢ multiplierᵢ rowᵢ, summed in ascending order from +0.
    fn along(&self, matrix: &[[S; N]; MAX_CONSTRAINTS], index: usize, multipliers: &[S; MAX_CONSTRAINTS]) -> S {
        let elements = self.rows(matrix).map(|row| element(row, index));
        elements.zip(multipliers).fold(S::ZERO, |sum, (element, multiplier)| sum + *multiplier * element)
    }

    /// x with (G A₀G₀ᵀ) x = right, the images taken from `start`.
    fn solve(&self, start: &Self, right: &[S; MAX_CONSTRAINTS]) -> [S; MAX_CONSTRAINTS] {
        let mut matrix = [[S::ZERO; MAX_CONSTRAINTS]; MAX_CONSTRAINTS];
        for (entries, row) in matrix.iter_mut().zip(self.rows(&self.jacobian)) {
            for (entry, image) in entries.iter_mut().zip(start.rows(&start.images)) {
                *entry = dot(row, image);
            }
        }
        let mut solution = *right;
        eliminate(&mut matrix, solution.get_mut(..self.count).unwrap_or_default());
        solution
    }
}

/// Σ aᵢ bᵢ in ascending order from +0.
fn dot<S: Scalar>(a: &[S], b: &[S]) -> S {
    a.iter().zip(b).fold(S::ZERO, |sum, (a, b)| sum + *a * *b)
}

fn element<S: Scalar>(row: &[S], index: usize) -> S {
    row.get(index).copied().unwrap_or(S::ZERO)
}

/// right ← matrix⁻¹ right, by elimination without pivoting.
///
/// At no step G A Gᵀ is symmetric and positive definite, where this is stable (Golub and Van Loan, *Matrix Computations*,
/// 4th ed., section 4.2); over a step it differs from that by what G changes.
fn eliminate<S: Scalar>(matrix: &mut [[S; MAX_CONSTRAINTS]; MAX_CONSTRAINTS], right: &mut [S]) {
    let count = right.len();
    for pivot in 0..count {
        let (head, tail) = matrix.split_at_mut_checked(pivot + 1).unwrap_or_default();
        let (known, open) = right.split_at_mut_checked(pivot + 1).unwrap_or_default();
        let (Some(first), Some(value)) = (head.last(), known.last()) else { return };
        for (row, right) in tail.iter_mut().zip(open) {
            let factor = element(row, pivot) / element(first, pivot);
            for (entry, above) in row.iter_mut().zip(first).take(count).skip(pivot + 1) {
                *entry = *entry - factor * *above;
            }
            *right = *right - factor * *value;
        }
    }
    for pivot in (0..count).rev() {
        let (known, solved) = right.split_at_mut_checked(pivot + 1).unwrap_or_default();
        let (Some(row), Some(value)) = (matrix.get(pivot), known.last_mut()) else { return };
        for (coefficient, solution) in row.iter().skip(pivot + 1).zip(solved.iter()) {
            *value = *value - *coefficient * *solution;
        }
        *value = *value / element(row, pivot);
    }
}
