//! eˣ without branches, and what follows from it: the logistic function, its integral, the error function.

use super::lanes::{Quad, each, horner, product, quotient, splat, sum, zip};

/// Beyond these every result is infinite, or 0.
const LARGEST: f32 = 89.0;
const SMALLEST: f32 = -104.0;
/// 1.5·2²³: adding it rounds to a whole number, which is then in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// ln 2 in two parts, the first so short that its product with a whole number up to 150 is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Up to here erf x is x P(x²), beyond 1 − e^(−x Q(x)).
const ERF_MIDDLE: f32 = 0.92;
/// From here on erf x is 1.
const ERF_END: f32 = 4.0;

/// eˣ = 2ᵏ eʳ, k the whole number nearest to x/ln 2, eʳ = 1 + (r + r² P(r)) with P of degree 4.
#[must_use]
#[inline]
pub fn exp(x: f32) -> f32 {
    let [y, ..] = exp_quad(splat(x));
    y
}

/// 1/(1 + e⁻ˣ), by the exponential of −|x|, so that nothing overflows and small results keep their digits.
#[must_use]
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    let [y, ..] = sigmoid_quad(splat(x));
    y
}

/// ln(1 + eˣ) = max(x, 0) + 2 artanh(d/(2 + d)), d = e^(−|x|), artanh by a polynomial.
#[must_use]
#[inline]
pub fn softplus(x: f32) -> f32 {
    let [y, ..] = softplus_quad(splat(x));
    y
}

/// The error function 2/√π ∫₀ˣ e^(−t²) dt: x P(x²) where |x| is below 0.92, beyond ±(1 − e^(−|x| Q(|x|))).
#[must_use]
#[inline]
pub fn erf(x: f32) -> f32 {
    let [y, ..] = erf_quad(splat(x));
    y
}

#[inline(always)]
fn exp_quad(x: Quad) -> Quad {
    let x = each(x, |x| if x > LARGEST { LARGEST } else { x });
    let x = each(x, |x| if x < SMALLEST { SMALLEST } else { x });
    let shifted = horner(x, splat(core::f32::consts::LOG2_E), ROUNDER);
    let whole = sum(shifted, splat(-ROUNDER));
    let r = sum(sum(x, product(whole, splat(-LN_2_HIGH))), product(whole, splat(-LN_2_LOW)));
    let p = horner(splat(1.381_451_7e-3), r, 8.368_756e-3);
    let p = horner(p, r, 4.166_839_2e-2);
    let p = horner(p, r, 0.166_665_2);
    let p = horner(p, r, 0.499_999_93);
    let power = sum(sum(product(product(r, r), p), r), splat(1.0));
    zip(power, shifted, |power, shifted| {
        let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed();
        // In two factors, because 2ᵏ alone may lie beyond f32 where the result does not.
        let half = exponent >> 1;
        power * power_of_two(half) * power_of_two(exponent.wrapping_sub(half))
    })
}

/// 2ᵏ for −126 ≤ k ≤ 127.
#[inline(always)]
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(exponent.wrapping_add(127).cast_unsigned() << 23)
}

#[inline(always)]
fn sigmoid_quad(x: Quad) -> Quad {
    let decay = exp_quad(each(x, |x| -x.abs()));
    let rising = zip(x, decay, |x, decay| if x < 0.0 { decay } else { 1.0 });
    // A NaN argument makes `decay` a NaN, which the quotient keeps.
    quotient(rising, sum(splat(1.0), decay))
}

#[inline(always)]
fn softplus_quad(x: Quad) -> Quad {
    let decay = exp_quad(each(x, |x| -x.abs()));
    let y = quotient(decay, sum(splat(2.0), decay));
    let t = product(y, y);
    let p = horner(splat(0.280_160_56), t, 0.280_010_45);
    let p = horner(horner(p, t, 0.400_215_7), t, 0.666_664_2);
    let linear = each(x, |x| if x > 0.0 { x } else { 0.0 });
    sum(linear, product(y, horner(p, t, 2.0)))
}

#[inline(always)]
fn erf_quad(x: Quad) -> Quad {
    let t = product(x, x);
    let p = horner(splat(8.316_807e-5), t, -8.130_022e-4);
    let p = horner(horner(p, t, 5.199_908e-3), t, -2.685_894_2e-2);
    let p = horner(horner(p, t, 0.112_836_87), t, -0.376_126_33);
    let near = product(x, horner(p, t, core::f32::consts::FRAC_2_SQRT_PI));
    let a = each(x, |x| if x.abs() > ERF_END { ERF_END } else { x.abs() });
    let q = horner(splat(-2.139_850_3e-4), a, 3.214_955e-3);
    let q = horner(horner(q, a, -2.288_996_6e-2), a, 0.105_261_85);
    let q = horner(horner(q, a, 0.635_718_3), a, 1.128_514_4);
    let far = sum(splat(1.0), each(exp_quad(each(product(a, q), |exponent| -exponent)), |rest| -rest));
    let far = zip(far, x, f32::copysign);
    let is_near = each(x, |x| x.abs() - ERF_MIDDLE);
    let [n0, n1, n2, n3] = near;
    let [f0, f1, f2, f3] = far;
    let [d0, d1, d2, d3] = is_near;
    let chosen = |near: f32, far: f32, distance: f32| if distance < 0.0 { near } else { far };
    [chosen(n0, f0, d0), chosen(n1, f1, d1), chosen(n2, f2, d2), chosen(n3, f3, d3)]
}

/// The same for slices.
#[cfg(any(feature = "exp", feature = "sigmoid", feature = "softplus", feature = "erf"))]
pub(super) mod replace {
    use super::super::lanes::{Quad, replace};

    macro_rules! replacements {
        ($($(#[$doc:meta])* $name:ident by $quad:ident with $feature:literal;)+) => {$(
            $(#[$doc])*
            #[cfg(feature = $feature)]
            pub(in super::super) fn $name(values: &mut [f32]) {
                #[inline(never)]
                fn quads(quads: &mut [Quad]) {
                    for quad in quads {
                        *quad = super::$quad(*quad);
                    }
                }
                replace(values, quads);
            }
        )+};
    }

    replacements! {
        /// Each value by eˣ.
        exp by exp_quad with "exp";
        /// Each value by 1/(1 + e⁻ˣ).
        sigmoid by sigmoid_quad with "sigmoid";
        /// Each value by ln(1 + eˣ).
        softplus by softplus_quad with "softplus";
        /// Each value by its error function.
        erf by erf_quad with "erf";
    }
}
