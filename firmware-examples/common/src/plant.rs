//! The machine that stands in for a real one: a pendulum with a motor and friction, seen through an encoder of finite resolution.
//!
//! Its equation is written out here and shares nothing with any model: (J + m l²) v̇ = u − m g l sin q − b v − c tanh(v/w), q = 0
//! hanging, q growing without bound as it turns over. It is stepped finer than any controller runs, in f32 by the runtime's own
//! functions, so that every machine computes the same bits.

use hnn_runtime::math::{cos, sin, tanh};

/// Standard gravity, m/s².
const GRAVITY: f32 = 9.81;
/// Speed at which Coulomb friction has three quarters of its level, rad/s.
const TRANSITION: f32 = 0.05;
/// Steps of the machine in a tick of the controller.
const SUBSTEPS: u16 = 2;
/// Counts of the encoder in a turn.
const ENCODER_COUNTS: f32 = 16384.0;

/// What the machine is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pendulum {
    /// Inertia J of the motor, kg m².
    pub inertia: f32,
    /// Mass m at the end of the rod, kg.
    pub mass: f32,
    /// Length l of the rod, m.
    pub length: f32,
    /// Viscous friction b, N m s.
    pub viscous: f32,
    /// Level c of Coulomb friction, N m.
    pub coulomb: f32,
}

impl Pendulum {
    /// The machine of the examples: m g l = 2.45 N m, 3.7 rad/s for small swings.
    pub const EXAMPLE: Self = Self { inertia: 0.05, mass: 0.5, length: 0.5, viscous: 0.01, coulomb: 0.02 };

    /// The same with another mass at the end.
    #[must_use]
    pub const fn carrying(self, mass: f32) -> Self {
        Self { mass, ..self }
    }

    /// Torque that holds it level, N m.
    #[must_use]
    pub fn gravity_torque(&self) -> f32 {
        self.mass * GRAVITY * self.length
    }

    /// J + m l², kg m².
    #[must_use]
    pub fn total_inertia(&self) -> f32 {
        self.inertia + self.mass * self.length * self.length
    }

    /// Kinetic and potential energy, 0 hanging at rest, J.
    #[must_use]
    pub fn energy(&self, motion: &Motion) -> f32 {
        let kinetic = 0.5 * self.total_inertia() * motion.velocity * motion.velocity;
        kinetic + self.gravity_torque() * (1.0 - cos(motion.angle))
    }

    /// Advances by `dt` s under a constant torque in N m: [`SUBSTEPS`] steps of the classical Runge–Kutta method.
    pub fn advance(&self, motion: &mut Motion, torque: f32, dt: f32) {
        let h = dt / f32::from(SUBSTEPS);
        for _ in 0..SUBSTEPS {
            let Motion { angle: q, velocity: v } = *motion;
            let a1 = self.acceleration(q, v, torque);
            let v2 = v + 0.5 * h * a1;
            let a2 = self.acceleration(q + 0.5 * h * v, v2, torque);
            let v3 = v + 0.5 * h * a2;
            let a3 = self.acceleration(q + 0.5 * h * v2, v3, torque);
            let v4 = v + h * a3;
            let a4 = self.acceleration(q + h * v3, v4, torque);
            motion.angle = q + h / 6.0 * (v + 2.0 * v2 + 2.0 * v3 + v4);
            motion.velocity = v + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4);
        }
    }

    fn acceleration(&self, q: f32, v: f32, torque: f32) -> f32 {
        let friction = self.viscous * v + self.coulomb * tanh(v / TRANSITION);
        (torque - self.gravity_torque() * sin(q) - friction) / self.total_inertia()
    }
}

/// How the machine moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// q, rad.
    pub angle: f32,
    /// v, rad/s.
    pub velocity: f32,
}

impl Motion {
    /// Hanging at rest.
    pub const REST: Self = Self { angle: 0.0, velocity: 0.0 };

    /// The angle as an encoder counts it, in whole steps, rad.
    #[must_use]
    pub fn encoded(&self) -> f32 {
        let step = core::f32::consts::TAU / ENCODER_COUNTS;
        hnn_runtime::math::round(self.angle / step) * step
    }
}

#[cfg(test)]
mod tests {
    use super::{Motion, Pendulum};

    const DT: f32 = 1e-3;

    fn after(machine: &Pendulum, start: Motion, torque: f32, ticks: u32) -> Motion {
        let mut motion = start;
        for _ in 0..ticks {
            machine.advance(&mut motion, torque, DT);
        }
        motion
    }

    #[test]
    fn without_friction_the_energy_stays() {
        let machine = Pendulum { viscous: 0.0, coulomb: 0.0, ..Pendulum::EXAMPLE };
        let start = Motion { angle: 2.5, velocity: 0.0 };
        let end = after(&machine, start, 0.0, 10_000);
        let (before, after) = (machine.energy(&start), machine.energy(&end));
        assert!((after / before - 1.0).abs() < 1e-4, "{before} J, later {after} J");
    }

    #[test]
    fn small_swings_have_the_period_of_the_formula() {
        let machine = Pendulum { viscous: 0.0, coulomb: 0.0, ..Pendulum::EXAMPLE };
        let period = core::f32::consts::TAU * (machine.total_inertia() / machine.gravity_torque()).sqrt();
        let end = after(&machine, Motion { angle: 0.02, velocity: 0.0 }, 0.0, (period / DT).round() as u32);
        assert!((end.angle / 0.02 - 1.0).abs() < 1e-3, "{end:?}");
    }

    #[test]
    fn friction_takes_what_power_balance_says() {
        // Far above the transition: dE = -(b v + c) v dt.
        let machine = Pendulum::EXAMPLE.carrying(0.0);
        let start = Motion { angle: 0.0, velocity: 5.0 };
        let end = after(&machine, start, 0.0, 1);
        let lost = machine.energy(&start) - machine.energy(&end);
        let expected = (machine.viscous * 5.0 + machine.coulomb) * 5.0 * DT;
        assert!((lost / expected - 1.0).abs() < 0.02, "{lost} J against {expected} J");
    }
}
