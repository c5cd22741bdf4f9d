//! Several evaluations side by side, so that on a short pipeline none waits for its own last result.
//!
//! One lane or four: each lane computes what it would alone, to the bit.

/// a × b, lane by lane.
#[inline(always)]
pub(super) fn product<const N: usize>(mut a: [f32; N], b: [f32; N]) -> [f32; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a *= b;
    }
    a
}

/// a + b, lane by lane.
#[inline(always)]
pub(super) fn sum<const N: usize>(mut a: [f32; N], b: [f32; N]) -> [f32; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
    a
}

/// sum × t + coefficient, lane by lane: all products before the first sum.
#[inline(always)]
pub(super) fn horner<const N: usize>(sum: [f32; N], t: [f32; N], coefficient: f32) -> [f32; N] {
    product(sum, t).map(|product| product + coefficient)
}

/// Replaces each value by its function, four at a time by `quads` and the rest by `one`.
#[cfg(feature = "transcendental")]
#[inline]
pub(super) fn by_four(values: &mut [f32], quads: fn(&mut [[f32; 4]]), one: fn(f32) -> f32) {
    let (whole, rest) = values.as_chunks_mut();
    quads(whole);
    for value in rest {
        *value = one(*value);
    }
}
