//! An observer of energy: does what is measured still obey the model's power balance?
//!
//! Between two ticks H has to change by dt (y u − v R v). An account Ê is kept by that rule and drawn to the measured H with a time
//! constant, so that what the model leaves out does not add up for ever; the smoothed difference H − Ê is the residual. Extra
//! friction, a shifted sensor or another load put power into the balance that the model does not know, and the residual leaves the
//! band that it kept while all was well. The band is calibrated, not computed: model error and noise are both in it.

use hnn_runtime::math::max;
use hnn_runtime::model::Damped;

use crate::port::{Power, power};

/// Time in which the account forgets, s: the residual of a constant unknown power is that power times this.
const MEMORY: f32 = 1.0;
/// Time over which the difference is averaged, s.
const SMOOTHING: f32 = 0.1;
/// Half width of the band, in largest residuals of the commissioning.
///
/// Of 1000 watches of the simulated machine without a fault, 20 s each after a commissioning of their own, none was flagged; the largest
/// residual was 0.74 of the band (`examples/scenarios.rs alarms 1000`).
pub const BAND_FACTOR: f32 = 1.5;

/// The account of energy and its residual.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnergyObserver {
    account: Option<Account>,
    residual: f32,
    dt: f32,
}

/// The account at a measurement, and what drives it on from there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Account {
    /// Ê, after it was drawn to H.
    expected: f32,
    power: Power,
    input: f32,
}

impl EnergyObserver {
    /// An account that opens with the first measurement, one every `dt` s.
    #[must_use]
    pub const fn new(dt: f32) -> Self {
        Self { account: None, residual: 0.0, dt }
    }

    /// Takes in the measured x = [q, p] and the input u from now to the next measurement; returns the residual, in units of H.
    pub fn update<M: Damped<f32>>(&mut self, model: &mut M, [q, p]: [f32; 2], u: f32) -> f32 {
        let energy = model.energy(&[q], &[p]);
        let power = power(model, [q, p]);
        // The trapezoidal rule: power changes much between two ticks, the held input does not.
        let expected = self.account.map_or(energy, |Account { expected, power: before, input }| {
            let work = input * (before.output + power.output);
            let friction = before.dissipated + power.dissipated;
            expected + 0.5 * self.dt * (work - friction)
        });
        let difference = energy - expected;
        let drawn = expected + self.dt / MEMORY * difference;
        self.account = Some(Account { expected: drawn, power, input: u });
        self.residual += self.dt / SMOOTHING * (difference - self.residual);
        self.residual
    }
}

/// Residuals while all is well.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Calibration {
    largest: f32,
}

impl Calibration {
    /// Without residuals yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { largest: 0.0 }
    }

    /// Takes in a residual.
    pub fn take(&mut self, residual: f32) {
        self.largest = max(self.largest, residual.abs());
    }

    /// Half the width of the band, in units of H: [`BAND_FACTOR`] times the largest residual.
    #[must_use]
    pub fn band(&self) -> f32 {
        BAND_FACTOR * self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::{BAND_FACTOR, Calibration, EnergyObserver, MEMORY};
    use crate::analytic::Analytic;
    use crate::port::rate;

    const DT: f32 = 1e-3;
    const MODEL: Analytic = Analytic { stiffness: 14.0, gain: 5.7, friction: 0.2 };

    /// The last residual of ten seconds of a machine with that friction, turning over fast, and its mean v².
    fn residual(friction: f32) -> (f32, f32) {
        let (mut model, mut machine) = (MODEL, Analytic { friction, ..MODEL });
        let mut observer = EnergyObserver::new(DT);
        let (mut q, mut p, mut last, mut square) = (0.0, 12.0, 0.0, 0.0);
        for tick in 0..10_000 {
            // Holds the speed at which the friction of the model is made up for.
            let u = 0.2 * 12.0 / 5.7;
            last = observer.update(&mut model, [q, p], u);
            // Symplectic Euler with friction: its energy error is bounded, unlike that of explicit Euler.
            let [_, force] = rate(&mut machine, [q, p], u);
            p += DT * force;
            q += DT * p;
            square += (p * p - square) / (tick + 1) as f32;
        }
        (last, square)
    }

    #[test]
    fn friction_that_the_model_lacks_moves_the_residual_by_its_power_times_the_memory() {
        let (well, _) = residual(MODEL.friction);
        let (worn, square) = residual(MODEL.friction + 0.02);
        let expected = -0.02 * square * MEMORY;
        assert!(well.abs() < 0.2 * expected.abs(), "well: {well}");
        assert!((worn / expected - 1.0).abs() < 0.3, "worn: {worn} against {expected}");
    }

    #[test]
    fn the_band_is_a_multiple_of_the_largest_residual() {
        let mut calibration = Calibration::new();
        for residual in [0.1, -0.3, 0.2] {
            calibration.take(residual);
        }
        assert!((calibration.band() - 0.3 * BAND_FACTOR).abs() < 1e-6);
    }
}
