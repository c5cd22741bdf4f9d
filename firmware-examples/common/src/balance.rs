//! A pendulum held where it would fall: the linear-quadratic regulator of a model's own linearisation.
//!
//! Everything comes from the model: its field and its friction, differenced about the equilibrium, give A and B; the Riccati
//! recursion gives the cost-to-go V(δ) = δᵀPδ and the gain. V tells as well how far the torque limit lets the regulator reach: within
//! V ≤ c, c the level at which the torque would first be exceeded, it never saturates. For one coordinate and one input.

use hnn_runtime::math::round;
use hnn_runtime::model::Damped;

use crate::port::rate;

/// Step of the differences, in units of the state.
const DIFFERENCE: f32 = 1e-2;
/// Most steps of the Riccati recursion.
const RECURSIONS_MAX: u32 = 20_000;
/// Relative change of P at which it has converged.
const CONVERGED: f32 = 1e-6;

/// What a deviation costs: each is divided by its scale, squared, and integrated over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// Of the position.
    pub position: f32,
    /// Of the momentum.
    pub momentum: f32,
    /// Of the input.
    pub input: f32,
}

/// Why a model cannot be balanced or swung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It has not one coordinate and one input.
    Shape,
    /// The input does not reach the motion, or the recursion did not converge.
    NotStabilisable,
    /// At the top its energy is not above that at rest.
    NotUpright,
}

/// An angle's distance from another, the shorter way round, rad.
#[must_use]
pub fn turned(angle: f32, from: f32) -> f32 {
    let difference = angle - from;
    difference - core::f32::consts::TAU * round(difference / core::f32::consts::TAU)
}

/// u = −Kδ about an equilibrium, and the quadratic form of its cost-to-go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Balance {
    position: f32,
    gain: [f32; 2],
    cost: [[f32; 2]; 2],
    level: f32,
}

impl Balance {
    /// The regulator of `model` at rest at `position`, for a controller that ticks every `dt` s and an input within ±`limit`.
    ///
    /// # Errors
    /// [`Unfit::Shape`], [`Unfit::NotStabilisable`].
    pub fn new<M: Damped<f32>>(
        model: &mut M,
        position: f32,
        scales: Scales,
        limit: f32,
        dt: f32,
    ) -> Result<Self, Unfit> {
        if (model.dof(), model.inputs()) != (1, 1) {
            return Err(Unfit::Shape);
        }
        let linear = Linear::of(model, position, dt);
        let (gain, cost) = linear.riccati(scales, dt).ok_or(Unfit::NotStabilisable)?;
        // The largest |Kδ| on δᵀPδ = c is √(c K P⁻¹ Kᵀ).
        let [[p00, p01], [_, p11]] = cost;
        let determinant = p00 * p11 - p01 * p01;
        let [k0, k1] = gain;
        let reach = (p11 * k0 * k0 - 2.0 * p01 * k0 * k1 + p00 * k1 * k1) / determinant;
        let level = limit * limit / reach;
        // Written so that a NaN is refused as well.
        let usable = determinant > 0.0 && level > 0.0 && level.is_finite();
        if usable { Ok(Self { position, gain, cost, level }) } else { Err(Unfit::NotStabilisable) }
    }

    /// The input, before any limit.
    #[must_use]
    pub fn input(&self, q: f32, p: f32) -> f32 {
        let [k0, k1] = self.gain;
        -(k0 * turned(q, self.position) + k1 * p)
    }

    /// V over the level c: up to 1 the regulator never saturates.
    #[must_use]
    pub fn reach(&self, q: f32, p: f32) -> f32 {
        let [[p00, p01], [_, p11]] = self.cost;
        let d = turned(q, self.position);
        (p00 * d * d + 2.0 * p01 * d * p + p11 * p * p) / self.level
    }

    /// K.
    #[must_use]
    pub fn gain(&self) -> [f32; 2] {
        self.gain
    }
}

/// δx⁺ = A δx + B u of one tick.
#[derive(Debug, Clone, Copy)]
struct Linear {
    a: [[f32; 2]; 2],
    b: [f32; 2],
}

impl Linear {
    /// Central differences of the rate, then the exponential of one tick to second order.
    fn of<M: Damped<f32>>(model: &mut M, position: f32, dt: f32) -> Self {
        let mut slope = |dq: f32, dp: f32, du: f32| {
            let [f0, f1] = rate(model, [position + dq, dp], du);
            let [b0, b1] = rate(model, [position - dq, -dp], -du);
            [(f0 - b0) / (2.0 * DIFFERENCE), (f1 - b1) / (2.0 * DIFFERENCE)]
        };
        let [a00, a10] = slope(DIFFERENCE, 0.0, 0.0);
        let [a01, a11] = slope(0.0, DIFFERENCE, 0.0);
        let [b0, b1] = slope(0.0, 0.0, DIFFERENCE);
        let half = 0.5 * dt;
        let a = [
            [1.0 + dt * (a00 + half * (a00 * a00 + a01 * a10)), dt * (a01 + half * (a00 * a01 + a01 * a11))],
            [dt * (a10 + half * (a10 * a00 + a11 * a10)), 1.0 + dt * (a11 + half * (a10 * a01 + a11 * a11))],
        ];
        let b = [dt * (b0 + half * (a00 * b0 + a01 * b1)), dt * (b1 + half * (a10 * b0 + a11 * b1))];
        Self { a, b }
    }

    /// P ← Q + AᵀPA − AᵀPB (R + BᵀPB)⁻¹ BᵀPA until it stays; returns the gain and P.
    fn riccati(&self, scales: Scales, dt: f32) -> Option<([f32; 2], [[f32; 2]; 2])> {
        let Self { a: [[a00, a01], [a10, a11]], b: [b0, b1] } = *self;
        let weight = |scale: f32| dt / (scale * scale);
        let (q0, q1, r) = (weight(scales.position), weight(scales.momentum), weight(scales.input));
        let (mut p00, mut p01, mut p11) = (q0, 0.0, q1);
        for _ in 0..RECURSIONS_MAX {
            // PA, then AᵀPA and BᵀPA.
            let (m00, m01) = (p00 * a00 + p01 * a10, p00 * a01 + p01 * a11);
            let (m10, m11) = (p01 * a00 + p11 * a10, p01 * a01 + p11 * a11);
            let (g0, g1) = (b0 * m00 + b1 * m10, b0 * m01 + b1 * m11);
            let curvature = r + b0 * (p00 * b0 + p01 * b1) + b1 * (p01 * b0 + p11 * b1);
            let gain = [g0 / curvature, g1 / curvature];
            let [k0, k1] = gain;
            let n00 = q0 + a00 * m00 + a10 * m10 - g0 * k0;
            let n01 = a00 * m01 + a10 * m11 - g0 * k1;
            let n11 = q1 + a01 * m01 + a11 * m11 - g1 * k1;
            let change = (n00 - p00).abs() + (n01 - p01).abs() + (n11 - p11).abs();
            (p00, p01, p11) = (n00, n01, n11);
            if change <= CONVERGED * (p00.abs() + p01.abs() + p11.abs()) {
                return Some((gain, [[p00, p01], [p01, p11]]));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{PI, TAU};

    use super::{Balance, Scales, Unfit, turned};
    use crate::analytic::Analytic;

    const MODEL: Analytic = Analytic { stiffness: 14.0, gain: 5.7, friction: 0.0 };
    const SCALES: Scales = Scales { position: 0.5, momentum: 2.0, input: 0.5 };

    #[test]
    fn the_gain_is_that_of_the_riccati_equation() {
        // Upright, ẍ = w x + g u: the algebraic Riccati equation of two states in closed form.
        let (w, g) = (f64::from(MODEL.stiffness), f64::from(MODEL.gain));
        let [q0, q1, r] = [0.5_f64, 2.0, 0.5].map(|scale| 1.0 / (scale * scale));
        let p01 = r * (w + (w * w + g * g * q0 / r).sqrt()) / (g * g);
        let p11 = (r * (2.0 * p01 + q1)).sqrt() / g;
        let expected = [g * p01 / r, g * p11 / r];
        let found = Balance::new(&mut MODEL.clone(), PI, SCALES, 0.5, 5e-4).unwrap().gain();
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((f64::from(found) / expected - 1.0).abs() < 5e-3, "{found} against {expected}");
        }
    }

    #[test]
    fn within_its_reach_the_regulator_never_saturates_and_beyond_it_does() {
        let limit = 0.5;
        let balance = Balance::new(&mut MODEL.clone(), PI, SCALES, limit, 1e-3).unwrap();
        let mut largest = 0.0_f32;
        for step in 0..1000 {
            let (sine, cosine) = (TAU * step as f32 / 1000.0).sin_cos();
            // A ray in this direction leaves the reach where V is c; V is quadratic.
            let scale = balance.reach(PI + 1e-3 * cosine, 1e-3 * sine).sqrt().recip() * 1e-3;
            largest = largest.max(balance.input(PI + scale * cosine, scale * sine).abs());
        }
        assert!((largest / limit - 1.0).abs() < 1e-2, "{largest} on the border");
    }

    #[test]
    fn what_no_input_reaches_cannot_be_balanced() {
        let deaf = Analytic { gain: 0.0, ..MODEL };
        assert_eq!(Balance::new(&mut deaf.clone(), PI, SCALES, 0.5, 1e-3), Err(Unfit::NotStabilisable));
    }

    #[test]
    fn angles_are_compared_the_shorter_way_round() {
        for turns in [-2.0, 0.0, 3.0] {
            assert!((turned(PI + 0.1 + TAU * turns, PI) - 0.1).abs() < 1e-5);
            assert!((turned(PI - 0.1 + TAU * turns, PI) + 0.1).abs() < 1e-5);
        }
    }
}
