//! tanh without branches, by a rational function of its own.

use super::lanes::{Quad, each, horner, product, quotient, splat, sum};

/// The last argument at which the result is 1; up to here no result exceeds 1, which was tried for every f32.
const END: f32 = 8.927_725;

/// tanh x = 2T/(1 + T²) with T = tanh ½x = ½N/Q, N = x P(x²), and |x| held at `END`, where the result is ±1.
///
/// P and Q have degree 3, positive coefficients and P(0) = Q(0) = 1: no term cancels, the error of T fades where the result
/// nears ±1, small arguments are their own tanh, and no instruction depends on the data. The coefficients minimise the largest
/// relative error of T for |x| ≤ 8.8.
#[must_use]
#[inline]
pub fn tanh(x: f32) -> f32 {
    let [y, ..] = quad(splat(x));
    y
}

#[inline(always)]
fn quad(x: Quad) -> Quad {
    let x = each(x, |x| if x > END { END } else { x });
    let x = each(x, |x| if x < -END { -END } else { x });
    let t = product(x, x);
    let (p, q) = (splat(8.716_453e-8), splat(2.759_792e-6));
    let (p, q) = (horner(p, t, 1.606_284_5e-4), horner(q, t, 1.398_517_4e-3));
    let (p, q) = (horner(p, t, 0.031_521_137), horner(q, t, 0.114_854_43));
    let (n, q) = (sum(product(product(x, t), p), x), horner(q, t, 1.0));
    quotient(product(n, q), sum(product(product(n, n), splat(0.25)), product(q, q)))
}

/// Replaces each value by its tanh.
#[cfg(feature = "tanh")]
pub(super) fn replace(values: &mut [f32]) {
    super::lanes::replace(values, quads);
}

#[cfg(feature = "tanh")]
#[inline(never)]
fn quads(quads: &mut [Quad]) {
    for values in quads {
        *values = quad(*values);
    }
}
