//! The step of generated Rust. The state lies at the start of the workspace, where no entry writes; so a step changes it in
//! place and hands it out when it is finite.
//!
//! Names in capitals and the entries are the model's: what a scheme needs of them stands in `docs/NUMERICS.md`.

use core::cell::Cell;

use super::exponential::exp;
use super::kernels::{Element, part};
use super::{
    A, CHECK_HASH, CHECK_INPUT, CHECK_START, CHECK_STEPS, Cells, DOF, DT, Error, ITERATIONS, MOVES, Model, R_LEN,
    conserve, damping, dissipate, field, force, velocity,
};

/// The conservative step with half a step of dissipation before and after.
fn surround(w: &Cells) -> Result<f32, Error> {
    let before = dissipate(w, 0.5 * DT)?;
    let residual = conserve(w).ok_or(Error::NonFinite)?;
    let after = dissipate(w, 0.5 * DT)?;
    Ok(larger(residual, larger(before, after)))
}

/// Kicks and drifts.
fn splitting(w: &Cells) -> Option<f32> {
    for (is_kick, h) in MOVES {
        if is_kick {
            add_scaled(part::<_, DOF, DOF>(w)?, h, force(w)?);
        } else {
            add_scaled(part::<_, 0, DOF>(w)?, h, velocity(w)?);
        }
    }
    Some(0.0)
}

/// values[k] ← values[k] + h·rates[k].
fn add_scaled<E: Element>(values: &[Cell<f32>; DOF], h: f32, rates: &[E; DOF]) {
    for (value, rate) in values.iter().zip(rates) {
        value.set(value.get() + h * Element::value(rate));
    }
}

/// The implicit midpoint rule; the residual is the largest change in the last iteration.
fn midpoint(w: &Cells) -> Option<f32> {
    let state = part::<_, 0, { 2 * DOF }>(w)?;
    let start = state.each_ref().map(Cell::get);
    let (mut end, mut residual) = (start, 0.0);
    for _ in 0..ITERATIONS {
        for ((middle, start), end) in state.iter().zip(&start).zip(&end) {
            middle.set((*start + *end) * 0.5);
        }
        residual = 0.0;
        for ((end, start), rate) in end.iter_mut().zip(&start).zip(field(w)?) {
            let next = *start + DT * Element::value(rate);
            residual = larger(residual, (next - *end).abs());
            *end = next;
        }
    }
    for (cell, end) in state.iter().zip(end) {
        cell.set(end);
    }
    Some(residual)
}

/// p[k] ← p[k]·exp(−h·r[k]·A[k][k]).
fn dissipate_exactly(w: &Cells, h: f32) -> Result<f32, Error> {
    let r = frozen(w).ok_or(Error::NonFinite)?;
    let momenta = part::<_, DOF, DOF>(w).ok_or(Error::NonFinite)?;
    for (index, (momentum, r)) in momenta.iter().zip(r).enumerate() {
        let a = A.get(index * (DOF + 1)).map_or(0.0, Element::value);
        momentum.set(momentum.get() * exp(-(h * (r * a))));
    }
    Ok(0.0)
}

/// R where a dissipation begins.
fn frozen(w: &Cells) -> Option<[f32; R_LEN]> {
    Some(damping(w)?.each_ref().map(Element::value))
}

/// p ← exp(−h R A) p by a Taylor sum over substeps.
fn dissipate_by_series(w: &Cells, h: f32) -> Result<f32, Error> {
    let r = frozen(w).ok_or(Error::NonFinite)?;
    let momenta = part::<_, DOF, DOF>(w).ok_or(Error::NonFinite)?;
    let a = A.each_ref().map(Element::value);
    let bound = h.abs() * (norm::<R_COLS>(&r) * norm::<DOF>(&a));
    // Written so that a NaN is refused as well.
    let within = bound <= 4.0;
    if !within {
        return Err(Error::DampingTooStiff);
    }
    let substep = 0.25 * h;
    for _ in 0..4 {
        let mut term = momenta.each_ref().map(Cell::get);
        for order in 1_u8..=8 {
            let next = apply(&r, &multiply(&a, &term));
            let factor = -(substep / f32::from(order));
            for ((term, next), momentum) in term.iter_mut().zip(next).zip(momenta) {
                *term = factor * next;
                momentum.set(momentum.get() + *term);
            }
        }
    }
    Ok(0.0)
}

/// p' = p − h·R·∂H/∂p(q, (p + p')/2), by iteration from p; the residual is the largest change in the last one.
fn dissipate_by_midpoint(w: &Cells, h: f32) -> Result<f32, Error> {
    let r = frozen(w).ok_or(Error::NonFinite)?;
    let momenta = part::<_, DOF, DOF>(w).ok_or(Error::NonFinite)?;
    let start = momenta.each_ref().map(Cell::get);
    let (mut end, mut first, mut last) = (start, 0.0, 0.0);
    for iteration in 0..8 {
        for ((middle, start), end) in momenta.iter().zip(&start).zip(&end) {
            middle.set((*start + *end) * 0.5);
        }
        let rates = field(w).ok_or(Error::NonFinite)?;
        let mut velocity = [0.0; DOF];
        for (velocity, rate) in velocity.iter_mut().zip(rates) {
            *velocity = Element::value(rate);
        }
        last = 0.0;
        for ((end, start), drag) in end.iter_mut().zip(&start).zip(apply(&r, &velocity)) {
            let next = *start - h * drag;
            last = largest(last, (next - *end).abs());
            *end = next;
        }
        if iteration == 0 {
            first = last;
        }
    }
    for (cell, end) in momenta.iter().zip(end) {
        cell.set(end);
    }
    let size = start.iter().fold(0.0, |size, momentum| largest(size, momentum.abs()));
    // 2⁻²⁰ of the momenta, or 2⁻³⁰, is rounding.
    let rounding = larger(f32::from_bits(0x3580_0000) * size, f32::from_bits(0x3080_0000));
    let contracted = last <= larger(0.0625 * first, rounding);
    if contracted && first.is_finite() { Ok(last) } else { Err(Error::DampingTooStiff) }
}

/// R·vector, R a diagonal or a matrix.
fn apply(r: &[f32; R_LEN], vector: &[f32; DOF]) -> [f32; DOF] {
    if R_LEN != DOF {
        return multiply(r, vector);
    }
    let mut result = [0.0; DOF];
    for ((element, r), value) in result.iter_mut().zip(r).zip(vector) {
        *element = *r * *value;
    }
    result
}

/// matrix·vector, each sum from +0 with ascending column.
fn multiply(matrix: &[f32], vector: &[f32; DOF]) -> [f32; DOF] {
    let mut result = [0.0; DOF];
    for (element, row) in result.iter_mut().zip(matrix.as_chunks::<DOF>().0) {
        let mut sum = 0.0;
        for (factor, value) in row.iter().zip(vector) {
            sum += *factor * *value;
        }
        *element = sum;
    }
    result
}

/// Elements in a row of R.
const R_COLS: usize = if R_LEN == DOF { 1 } else { DOF };

/// Maximum absolute row sum of a matrix with rows of `COLS` elements.
fn norm<const COLS: usize>(matrix: &[f32]) -> f32 {
    let mut norm = 0.0;
    for row in matrix.as_chunks::<COLS>().0 {
        let mut sum = 0.0;
        for value in row {
            sum += value.abs();
        }
        norm = largest(norm, sum);
    }
    norm
}

/// The larger of two; a NaN on the right is passed over.
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The larger of two, except that what is not finite stays so: a NaN is never lost.
fn largest(a: f32, b: f32) -> f32 {
    if a >= b || !a.is_finite() { a } else { b }
}

/// Hands the state out where it is finite.
fn hand_out(w: &Cells, q: &mut [f32; DOF], p: &mut [f32; DOF]) -> Result<(), Error> {
    let positions = part::<_, 0, DOF>(w).ok_or(Error::NonFinite)?;
    let momenta = part::<_, DOF, DOF>(w).ok_or(Error::NonFinite)?;
    if !positions.iter().chain(momenta).all(|cell| cell.get().is_finite()) {
        return Err(Error::NonFinite);
    }
    *q = positions.each_ref().map(Cell::get);
    *p = momenta.each_ref().map(Cell::get);
    Ok(())
}

/// Whether a few steps give the bits they gave when this file was written (FNV-1a over every state).
fn is_reproduced(model: &mut Model) -> bool {
    let [mut q, mut p] = CHECK_START.map(|half| half.map(f32::from_bits));
    let u = CHECK_INPUT.map(f32::from_bits);
    let mut hash = hashed(0xcbf2_9ce4_8422_2325, &q, &p);
    for _ in 0..CHECK_STEPS {
        if model.step(&mut q, &mut p, &u).is_err() {
            return false;
        }
        hash = hashed(hash, &q, &p);
    }
    hash == CHECK_HASH
}

fn hashed(mut hash: u64, q: &[f32; DOF], p: &[f32; DOF]) -> u64 {
    for value in q.iter().chain(p) {
        for byte in value.to_bits().to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
