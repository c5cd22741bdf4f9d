//! Swing-up by energy and a catch at the top, for a pendulum whose motor cannot lift it.
//!
//! The model tells the energy the pendulum has, H, the energy it needs, H at rest at the top, what the input does to it, dH/dt = y u
//! with y = Gᵀ ∂H/∂p, and what friction takes. u = k (H_top − H) sign y, limited, drives H to H_top: K. J. Åström and
//! K. Furuta, Automatica 36 (2000) 287; friction is compensated as the model knows it. Near the top, within the reach
//! of [`Balance`], its regulator takes over, and gives back control only well outside.

use hnn_runtime::math::{max, min};
use hnn_runtime::model::Damped;

use crate::balance::{Balance, Scales, Unfit};
use crate::port::{Power, power};

/// Part of the energy between rest and the top, below which the pump stops being limited by the motor alone.
const PROPORTIONAL_BAND: f32 = 0.02;
/// The regulator takes over at this reach, and is given up at that.
const CATCH: f32 = 1.0;
const RELEASE: f32 = 4.0;
/// Upright, rad.
const TOP: f32 = core::f32::consts::PI;

/// A controller of q and p, at rest at q = 0 and upright at q = π.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwingUp {
    balance: Balance,
    energy_top: f32,
    pump: f32,
    limit: f32,
    is_balancing: bool,
}

impl SwingUp {
    /// The controller that `model` makes, for an input within ±`limit` and a tick of `dt` s.
    ///
    /// # Errors
    /// [`Unfit`]: why there is none.
    pub fn new<M: Damped<f32>>(model: &mut M, scales: Scales, limit: f32, dt: f32) -> Result<Self, Unfit> {
        let balance = Balance::new(model, TOP, scales, limit, dt)?;
        let energy_top = model.energy(&[TOP], &[0.0]);
        let height = energy_top - model.energy(&[0.0], &[0.0]);
        let rises = height > 0.0;
        if !rises {
            return Err(Unfit::NotUpright);
        }
        Ok(Self { balance, energy_top, pump: limit / (PROPORTIONAL_BAND * height), limit, is_balancing: false })
    }

    /// The input at q, p.
    pub fn input<M: Damped<f32>>(&mut self, model: &mut M, q: f32, p: f32) -> f32 {
        let reach = self.balance.reach(q, p);
        self.is_balancing = reach <= if self.is_balancing { RELEASE } else { CATCH };
        let u = if self.is_balancing { self.balance.input(q, p) } else { self.pumping(model, q, p) };
        max(min(u, self.limit), -self.limit)
    }

    fn pumping<M: Damped<f32>>(&self, model: &mut M, q: f32, p: f32) -> f32 {
        let Power { output, dissipated } = power(model, [q, p]);
        let towards = if output >= 0.0 { 1.0 } else { -1.0 };
        let missing = self.energy_top - model.energy(&[q], &[p]);
        // So much input gives back what friction takes; it vanishes with the velocity.
        let compensation = if output == 0.0 { 0.0 } else { dissipated / output };
        max(min(self.pump * missing, self.limit), -self.limit) * towards + compensation
    }

    /// Whether the regulator has taken over.
    #[must_use]
    pub fn is_balancing(&self) -> bool {
        self.is_balancing
    }

    /// The regulator.
    #[must_use]
    pub fn balance(&self) -> &Balance {
        &self.balance
    }
}

#[cfg(test)]
mod tests {
    use super::{SwingUp, TOP};
    use crate::analytic::Analytic;
    use crate::balance::{Scales, Unfit};
    use crate::port::rate;

    const MODEL: Analytic = Analytic { stiffness: 14.0, gain: 5.7, friction: 0.2 };
    const SCALES: Scales = Scales { position: 0.5, momentum: 2.0, input: 0.5 };
    const LIMIT: f32 = 0.5;

    #[test]
    fn the_pump_brings_energy_to_that_of_the_top_from_either_side() {
        let mut model = MODEL;
        let controller = SwingUp::new(&mut model, SCALES, LIMIT, 1e-3).unwrap();
        for (q, p) in [(0.3, 1.0), (-1.0, -2.0), (2.0, 0.5), (0.0, 9.0), (1.0, -9.0), (-2.5, 6.0)] {
            let u = controller.clone().input(&mut model, q, p);
            assert!(u.abs() <= LIMIT);
            let [_, force] = rate(&mut model, [q, p], u);
            let energy_rate = p * (force + MODEL.stiffness * q.sin());
            let missing = 2.0 * MODEL.stiffness - (0.5 * p * p + MODEL.stiffness * (1.0 - q.cos()));
            assert!(energy_rate * missing > 0.0, "q {q}, p {p}: dH/dt = {energy_rate}, missing {missing}");
        }
    }

    #[test]
    fn at_rest_it_pushes_and_at_the_top_it_holds_still() {
        let mut model = MODEL;
        let mut controller = SwingUp::new(&mut model, SCALES, LIMIT, 1e-3).unwrap();
        assert_eq!(controller.input(&mut model, 0.0, 0.0), LIMIT);
        assert!(!controller.is_balancing());
        assert!(controller.input(&mut model, TOP, 0.0).abs() < 1e-6);
        assert!(controller.is_balancing());
    }

    #[test]
    fn a_pendulum_that_is_upright_by_itself_is_refused() {
        let mut hanging = Analytic { stiffness: -14.0, ..MODEL };
        assert_eq!(SwingUp::new(&mut hanging, SCALES, LIMIT, 1e-3).err(), Some(Unfit::NotUpright));
    }
}
