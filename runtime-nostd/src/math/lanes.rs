//! Four evaluations side by side, so that on a short pipeline none waits for its own last result.
//!
//! Each lane computes what it would alone, to the bit. Lanes are written out: an optimiser that minds size keeps them in registers.

/// Four values.
pub(super) type Quad = [f32; 4];

/// a × b.
#[inline(always)]
pub(super) fn product([a0, a1, a2, a3]: Quad, [b0, b1, b2, b3]: Quad) -> Quad {
    [a0 * b0, a1 * b1, a2 * b2, a3 * b3]
}

/// a + b.
#[inline(always)]
pub(super) fn sum([a0, a1, a2, a3]: Quad, [b0, b1, b2, b3]: Quad) -> Quad {
    [a0 + b0, a1 + b1, a2 + b2, a3 + b3]
}

/// a ÷ b.
#[inline(always)]
pub(super) fn quotient([a0, a1, a2, a3]: Quad, [b0, b1, b2, b3]: Quad) -> Quad {
    [a0 / b0, a1 / b1, a2 / b2, a3 / b3]
}

/// total × t + coefficient: all products before the first sum.
#[inline(always)]
pub(super) fn horner(total: Quad, t: Quad, coefficient: f32) -> Quad {
    sum(product(total, t), splat(coefficient))
}

/// The same value in every lane; written out, because `[value; 4]` is a loop where size is minded.
#[inline(always)]
pub(super) fn splat(value: f32) -> Quad {
    [value, value, value, value]
}

/// A function of one value, lane by lane.
#[inline(always)]
pub(super) fn each([x0, x1, x2, x3]: Quad, function: impl Fn(f32) -> f32) -> Quad {
    [function(x0), function(x1), function(x2), function(x3)]
}

/// A function of two values, lane by lane.
#[inline(always)]
pub(super) fn zip([a0, a1, a2, a3]: Quad, [b0, b1, b2, b3]: Quad, function: impl Fn(f32, f32) -> f32) -> Quad {
    [function(a0, b0), function(a1, b1), function(a2, b2), function(a3, b3)]
}

/// Replaces each value by its function, the last ones padded to four.
#[cfg(any(feature = "exp", feature = "tanh", feature = "sigmoid", feature = "softplus", feature = "erf"))]
#[inline]
pub(super) fn replace(values: &mut [f32], quads: fn(&mut [Quad])) {
    let (whole, rest) = values.as_chunks_mut();
    quads(whole);
    if !rest.is_empty() {
        let mut last = [[0.0; 4]];
        let lanes = last.as_flattened_mut();
        lanes.iter_mut().zip(&*rest).for_each(|(lane, value)| *lane = *value);
        quads(&mut last);
        rest.iter_mut().zip(last.as_flattened()).for_each(|(value, lane)| *value = *lane);
    }
}
