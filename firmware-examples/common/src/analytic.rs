//! A pendulum in closed form as a model: what tests of the controllers compare with.

use hnn_runtime::format::DampingKind;
use hnn_runtime::model::{Damped, Model};

/// H = p²/2 + w (1 − cos q), ṗ = −w sin q − r p + g u.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Analytic {
    pub(crate) stiffness: f32,
    pub(crate) gain: f32,
    pub(crate) friction: f32,
}

impl Model<f32> for Analytic {
    fn dof(&self) -> usize {
        1
    }

    fn inputs(&self) -> usize {
        1
    }

    fn energy(&mut self, q: &[f32], p: &[f32]) -> f32 {
        0.5 * p[0] * p[0] + self.stiffness * (1.0 - q[0].cos())
    }

    fn field(&mut self, q: &[f32], p: &[f32], u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
        dq[0] = p[0];
        dp[0] = self.gain * u[0] - self.stiffness * q[0].sin();
    }
}

impl Damped<f32> for Analytic {
    fn damping_kind(&self) -> DampingKind {
        DampingKind::Diagonal
    }

    fn damping(&mut self, _: &[f32], _: &[f32], r: &mut [f32]) {
        r[0] = self.friction;
    }

    fn inverse_mass(&self, a: &mut [f32]) -> bool {
        a[0] = 1.0;
        true
    }
}
