//! What a model with friction and one input says of rates and power: ẋ = (J − R) ∇H + G u, dH/dt = y u − v R v.
//!
//! For one coordinate: v = ∂H/∂p is a velocity, y = G v what the input works on.

use hnn_runtime::format::DampingKind;
use hnn_runtime::model::Damped;

/// Where energy goes at a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// y: energy per second that a unit of the input gives.
    pub output: f32,
    /// v R v: energy per second that friction takes.
    pub dissipated: f32,
}

/// ẋ at x = [q, p] under the input u.
pub fn rate<M: Damped<f32>>(model: &mut M, [q, p]: [f32; 2], u: f32) -> [f32; 2] {
    let ([velocity], [force]) = field(model, [q, p], u);
    [velocity, force - resistance(model, [q, p]) * velocity]
}

/// The power at x = [q, p].
pub fn power<M: Damped<f32>>(model: &mut M, [q, p]: [f32; 2]) -> Power {
    let ([velocity], [free]) = field(model, [q, p], 0.0);
    let (_, [driven]) = field(model, [q, p], 1.0);
    let dissipated = velocity * resistance(model, [q, p]) * velocity;
    Power { output: velocity * (driven - free), dissipated }
}

/// v and the force without friction.
fn field<M: Damped<f32>>(model: &mut M, [q, p]: [f32; 2], u: f32) -> ([f32; 1], [f32; 1]) {
    let (mut dq, mut dp) = ([0.0], [0.0]);
    model.field(&[q], &[p], &[u], &mut dq, &mut dp);
    (dq, dp)
}

/// R.
fn resistance<M: Damped<f32>>(model: &mut M, [q, p]: [f32; 2]) -> f32 {
    let mut r = [0.0];
    if model.damping_kind() != DampingKind::None {
        model.damping(&[q], &[p], &mut r);
    }
    let [r] = r;
    r
}

#[cfg(test)]
mod tests {
    use super::{Power, power, rate};
    use crate::analytic::Analytic;

    #[test]
    fn energy_changes_by_what_the_input_gives_and_friction_takes() {
        let mut model = Analytic { stiffness: 14.0, gain: 5.7, friction: 0.2 };
        let (q, p, u) = (0.7_f32, -1.3_f32, 0.4_f32);
        let [dq, dp] = rate(&mut model, [q, p], u);
        let energy_rate = 14.0 * q.sin() * dq + p * dp;
        let Power { output, dissipated } = power(&mut model, [q, p]);
        assert!((output * u - dissipated - energy_rate).abs() < 1e-4);
        assert!((output - 5.7 * p).abs() < 1e-4 && (dissipated - 0.2 * p * p).abs() < 1e-5);
    }
}
