//! Position and momentum from an encoder alone: the model predicts, what is measured corrects.
//!
//! x̂⁺ = x̂ + dt (f(x̂, u) + L (y − q̂)), a Luenberger observer around the model's own rate f. The model carries the momentum through
//! a tick, so that the estimate does not lag as a filtered difference does. Momenta are those of unit mass: velocities.

use hnn_runtime::model::Damped;

use crate::balance::turned;
use crate::port::rate;

/// Both poles of the error, 1/s, far above what a pendulum does and far below the tick.
const BANDWIDTH: f32 = 100.0;

/// The estimate of q and p.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimator {
    state: [f32; 2],
}

impl Estimator {
    /// At rest at a measured position.
    #[must_use]
    pub const fn at_rest(position: f32) -> Self {
        Self { state: [position, 0.0] }
    }

    /// Takes in a measured position, after a tick of `dt` s with the input u; returns q and p now.
    pub fn update<M: Damped<f32>>(&mut self, model: &mut M, measured: f32, u: f32, dt: f32) -> [f32; 2] {
        let [q, p] = self.state;
        let [velocity, force] = rate(model, [q, p], u);
        let (q, p) = (q + dt * velocity, p + dt * force);
        let error = measured - q;
        self.state = [q + dt * 2.0 * BANDWIDTH * error, p + dt * BANDWIDTH * BANDWIDTH * error];
        self.state
    }
}

/// Makes one angle without jumps of the readings of a sensor that begins anew with every turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turns {
    angle: f32,
    zero: f32,
}

impl Turns {
    /// A machine that hangs at rest, at angle 0, while the sensor shows `reading`, rad.
    #[must_use]
    pub const fn hanging_at(reading: f32) -> Self {
        Self { angle: 0.0, zero: reading }
    }

    /// The angle at the next reading, less than half a turn from the last.
    pub fn follow(&mut self, reading: f32) -> f32 {
        self.angle += turned(reading - self.zero, self.angle);
        self.angle
    }
}

#[cfg(test)]
mod tests {
    use super::{Estimator, Turns};
    use crate::analytic::Analytic;
    use crate::port::rate;

    const DT: f32 = 1e-3;

    #[test]
    fn the_momentum_is_found_from_positions_and_does_not_lag() {
        let mut model = Analytic { stiffness: 14.0, gain: 5.7, friction: 0.2 };
        let (mut q, mut p) = (1.0_f32, 3.0_f32);
        let mut estimator = Estimator::at_rest(q);
        let (mut worst, mut worst_difference, mut last, mut filtered) = (0.0_f32, 0.0_f32, q, 0.0_f32);
        for tick in 0..5000 {
            let u = 0.5 * (3.0 * DT * tick as f32).sin();
            let [dq, dp] = rate(&mut model, [q, p], u);
            (q, p) = (q + DT * dq, p + DT * dp);
            // An encoder of 16384 counts, and for comparison a difference filtered as slowly as the estimator is.
            let step = core::f32::consts::TAU / 16384.0;
            let measured = (q / step).round() * step;
            let [_, estimate] = estimator.update(&mut model, measured, u, DT);
            filtered += 100.0 * DT * ((measured - last) / DT - filtered);
            last = measured;
            if tick > 200 {
                worst = worst.max((estimate - p).abs());
                worst_difference = worst_difference.max((filtered - p).abs());
            }
        }
        assert!(worst < 0.02, "estimate off by {worst}");
        assert!(worst_difference > 5.0 * worst, "a filtered difference is off by {worst_difference}");
    }

    #[test]
    fn turns_are_counted_both_ways() {
        let mut turns = Turns::hanging_at(5.0);
        for step in 0..2000 {
            // Three turns ahead, then back to one behind.
            let angle = if step < 1000 { 0.019 * step as f32 } else { 19.0 - 0.0253 * (step - 1000) as f32 };
            let reading = (angle + 5.0).rem_euclid(core::f32::consts::TAU);
            assert!((turns.follow(reading) - angle).abs() < 1e-4, "step {step}");
        }
    }
}
