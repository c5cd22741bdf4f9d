//! Dissipation around a conservative scheme: D(dt/2) ∘ C(dt) ∘ D(dt/2), where D solves ṗ = −R ∂H/∂p with q held.
//!
//! R_p is evaluated where a D begins, and frozen. With T = ½pᵀAp, D is the exponential exp(−h R A): element by element where
//! R and A are diagonal, otherwise a Taylor sum over substeps. With any other T it is a fixed number of midpoint
//! iterations, an approximation: its last change joins the residual of the step, and iterations that do not contract are
//! refused. u acts inside the conservative scheme.

use super::midpoint::{average, larger};
use super::{MIDPOINT_ITERATIONS, Stepper, scratch};
use crate::error::Error;
use crate::format::DampingKind;
use crate::model::Damped;
use crate::rows::rows;
use crate::scalar::Scalar;
use crate::state::State;

/// Substeps of a matrix exponential.
pub const DAMPING_SUBSTEPS: u32 = 4;
/// Terms of the Taylor sum in a substep, after the first.
pub const DAMPING_TERMS: u32 = 8;
/// Largest h·‖R‖·‖A‖ (maximum absolute row sums) a matrix exponential accepts.
///
/// The truncation is then at most 5.0e-7 of p before D along every eigenvector of R A, and 2.7e-5 of what D leaves of it.
pub const DAMPING_NORM_MAX: f64 = 4.0;
/// Largest last change of the midpoint iterations in units of their first: 1/16, ⅔ from one iteration to the next.
const CONTRACTION_MAX: f64 = 0.0625;
/// A last change up to this part of max|p| counts as rounding: 2⁻²⁰.
const ROUNDING_RELATIVE: f64 = 1.0 / 1_048_576.0;
/// A last change up to this counts as rounding whatever p is, because a velocity near rest is itself rounding: 2⁻³⁰.
const ROUNDING_ABSOLUTE: f64 = 1.0 / 1_073_741_824.0;

/// A conservative scheme with dissipation around it, conformally symplectic where R and A are constant and R = r·A⁻¹.
///
/// Composition after X. Shang and H. C. Öttinger, Proc. R. Soc. A 476 (2020) 20190446, and R. I. McLachlan and
/// G. R. W. Quispel, Acta Numerica 11 (2002) 341, §3.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Dissipative<C> {
    /// Advances the conservative part, with the input.
    pub conservative: C,
}

impl<M, S, C, const N: usize> Stepper<M, S, N> for Dissipative<C>
where
    M: Damped<S>,
    S: Scalar,
    C: Stepper<M, S, N>,
{
    fn advance(&self, model: &mut M, state: &mut State<S, N>, u: &[S], dt: S) -> Result<S, Error> {
        surround(model, state, u, dt, |model, state| self.conservative.advance(model, state, u, dt))
    }
}

/// D(dt/2) ∘ C(dt) ∘ D(dt/2) for a conservative scheme C; returns the largest residual of the three.
pub(super) fn surround<M: Damped<S>, S: Scalar, const N: usize>(
    model: &mut M,
    state: &mut State<S, N>,
    u: &[S],
    dt: S,
    conservative: impl FnOnce(&mut M, &mut State<S, N>) -> Result<S, Error>,
) -> Result<S, Error> {
    let half = S::HALF * dt;
    let before = dissipate(model, state, u, half)?;
    let residual = conservative(model, state)?;
    let after = dissipate(model, state, u, half)?;
    Ok(larger(residual, larger(before, after)))
}

/// D(h): advances p by ṗ = −R ∂H/∂p for a time h; returns the residual where it iterates, else +0.
pub(super) fn dissipate<M: Damped<S>, S: Scalar, const N: usize>(
    model: &mut M,
    state: &mut State<S, N>,
    u: &[S],
    h: S,
) -> Result<S, Error> {
    let n = state.dof();
    let (mut r, mut a) = ([[S::ZERO; N]; N], [[S::ZERO; N]; N]);
    let len = match model.damping_kind() {
        DampingKind::None => return Ok(S::ZERO),
        DampingKind::Diagonal => n,
        DampingKind::Full => n * n,
    };
    let r = scratch(r.as_flattened_mut(), len)?;
    let a = scratch(a.as_flattened_mut(), n * n)?;
    model.damping(&state.q, &state.p, r);
    let r: &[S] = r;
    if !model.inverse_mass(a) {
        return by_midpoint(model, state, u, h, r);
    }
    if r.len() == n && is_diagonal(a, n) {
        for (index, (momentum, r)) in state.p.iter_mut().zip(r).enumerate() {
            let a = a.get(index * n + index).copied().unwrap_or(S::ZERO);
            *momentum = *momentum * (-(h * (*r * a))).exp();
        }
        return Ok(S::ZERO);
    }
    by_taylor_sum(state, h, r, a)?;
    Ok(S::ZERO)
}

fn is_diagonal<S: Scalar>(a: &[S], n: usize) -> bool {
    a.iter().enumerate().all(|(index, value)| index.is_multiple_of(n + 1) || *value == S::ZERO)
}

/// p ← exp(−h R A) p.
fn by_taylor_sum<S: Scalar, const N: usize>(state: &mut State<S, N>, h: S, r: &[S], a: &[S]) -> Result<(), Error> {
    let n = state.dof();
    let bound = h.abs() * (norm(r, if r.len() == n { 1 } else { n }) * norm(a, n));
    // Written so that a NaN is refused as well.
    let within = bound <= S::from_f64(DAMPING_NORM_MAX);
    if !within {
        return Err(Error::DampingTooStiff);
    }
    let (mut term, mut rate, mut next) = ([S::ZERO; N], [S::ZERO; N], [S::ZERO; N]);
    let term = scratch(&mut term, n)?;
    let (rate, next) = (scratch(&mut rate, n)?, scratch(&mut next, n)?);
    let substep = S::from_f64(1.0 / f64::from(DAMPING_SUBSTEPS)) * h;
    for _ in 0..DAMPING_SUBSTEPS {
        set(term, &state.p);
        for order in 1..=DAMPING_TERMS {
            multiply(a, term, rate);
            apply(r, rate, next);
            let factor = -(substep / S::from_f64(f64::from(order)));
            for ((term, next), sum) in term.iter_mut().zip(next.iter()).zip(state.p.iter_mut()) {
                *term = factor * *next;
                *sum = *sum + *term;
            }
        }
    }
    Ok(())
}

/// p' = p − h·R·∂H/∂p(q, (p + p')/2), by iteration from p; returns the largest change in the last iteration.
///
/// # Errors
/// [`Error::DampingTooStiff`] unless that change is small against the one in the first iteration, or rounding.
fn by_midpoint<M: Damped<S>, S: Scalar, const N: usize>(
    model: &mut M,
    state: &mut State<S, N>,
    u: &[S],
    h: S,
    r: &[S],
) -> Result<S, Error> {
    let n = state.dof();
    let start = state.p.clone();
    let mut middle = state.p.clone();
    let (mut velocity, mut unused, mut drag) = ([S::ZERO; N], [S::ZERO; N], [S::ZERO; N]);
    let (velocity, unused) = (scratch(&mut velocity, n)?, scratch(&mut unused, n)?);
    let drag = scratch(&mut drag, n)?;
    let (mut initial, mut last) = (None, S::ZERO);
    for _ in 0..MIDPOINT_ITERATIONS {
        average(&mut middle, &start, &state.p);
        model.field(&state.q, &middle, u, velocity, unused);
        apply(r, velocity, drag);
        last = S::ZERO;
        for ((momentum, start), drag) in state.p.iter_mut().zip(&start).zip(drag.iter()) {
            let next = *start - h * *drag;
            last = largest(last, (next - *momentum).abs());
            *momentum = next;
        }
        initial.get_or_insert(last);
    }
    let size = start.iter().fold(S::ZERO, |size, momentum| largest(size, momentum.abs()));
    let rounding = larger(S::from_f64(ROUNDING_RELATIVE) * size, S::from_f64(ROUNDING_ABSOLUTE));
    let first = initial.unwrap_or(last);
    let contracted = last <= larger(S::from_f64(CONTRACTION_MAX) * first, rounding);
    // A NaN fails the comparison; an infinite first change would pass any last one.
    if contracted && first.is_finite() { Ok(last) } else { Err(Error::DampingTooStiff) }
}

fn set<S: Scalar>(target: &mut [S], values: &[S]) {
    for (element, value) in target.iter_mut().zip(values) {
        *element = *value;
    }
}

/// result = R·vector, where `r` holds the diagonal or the whole of R.
fn apply<S: Scalar>(r: &[S], vector: &[S], result: &mut [S]) {
    if r.len() == vector.len() {
        for ((element, r), value) in result.iter_mut().zip(r).zip(vector) {
            *element = *r * *value;
        }
    } else {
        multiply(r, vector, result);
    }
}

/// result = matrix·vector, each sum from +0 with ascending column.
fn multiply<S: Scalar>(matrix: &[S], vector: &[S], result: &mut [S]) {
    for (element, row) in result.iter_mut().zip(rows(matrix, vector.len())) {
        let mut sum = S::ZERO;
        for (factor, value) in row.iter().zip(vector) {
            sum = sum + *factor * *value;
        }
        *element = sum;
    }
}

/// Maximum absolute row sum of a matrix with rows of `cols` elements.
fn norm<S: Scalar>(matrix: &[S], cols: usize) -> S {
    let mut norm = S::ZERO;
    for row in rows(matrix, cols) {
        let mut sum = S::ZERO;
        for value in row {
            sum = sum + value.abs();
        }
        norm = largest(norm, sum);
    }
    norm
}

/// The larger of two, except that what is not finite stays so: a NaN is never lost.
fn largest<S: Scalar>(a: S, b: S) -> S {
    if a >= b || !a.is_finite() { a } else { b }
}
