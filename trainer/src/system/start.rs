//! How the initial states of a named system are drawn.
//!
//! A way of drawing is data in the catalogue; the numbers come from the stream, so a start is a function of the seed and its
//! index alone. Where a publication draws velocities, momenta follow from the system's own H.

use faer::prelude::Solve;

use super::{Energy, Field, ModelField, Settings, System, SystemError, chain};
use crate::random::Stream;

/// Most draws of a state of a given energy before it is taken to be impossible.
const MAX_DRAWS: usize = 10_000;

/// One number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Draw {
    /// Uniform in `[low, high)`.
    Uniform { low: f64, high: f64 },
    /// Normal about 0.
    Normal { deviation: f64 },
}

/// How initial states are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Start {
    /// A uniform point of [−1, 1)² moved along its ray to a radius uniform in `[low, high)`.
    Disc { low: f64, high: f64 },
    /// Two equal masses opposite each other on a circular orbit, the first at a position uniform in `[low, high)²`, both
    /// velocities scaled by 1 + `deviation`·N(0, 1).
    Orbit { low: f64, high: f64, deviation: f64 },
    /// Three equal masses at the corners of an equilateral triangle about the origin, at a radius uniform in `[low, high)` and
    /// in a random direction, on their common circular orbit; then each velocity component is scaled by
    /// 1 + `deviation`·U(−1, 1).
    Triangle { low: f64, high: f64, deviation: f64 },
    /// Every coordinate `[q…, p…]` on its own.
    State(&'static [Draw]),
    /// Positions and velocities on their own; p solves ∂H/∂p = v, H being quadratic in p.
    Velocity { q: &'static [Draw], v: &'static [Draw] },
    /// For H = T + V of two degrees of freedom and unit mass: q in ±`position`, p₁ in ±`momentum`, and p₂ ≥ 0 such that
    /// H is uniform in `[low, high)`; drawn again where no real p₂ does.
    Shell { position: f64, momentum: f64, low: f64, high: f64 },
    /// A chain of pendulums; `chain` says how. Its formula depends on the number of links, so that it is written there, too.
    Chain,
}

impl Draw {
    fn from(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Uniform { low, high } => stream.uniform(low, high),
            Self::Normal { deviation } => stream.normal(0.0, deviation),
        }
    }
}

impl System {
    /// Draws an initial state `[q…, p…]`, `[2n]`.
    ///
    /// # Errors
    /// [`SystemError::Setting`] where a name is not one of this system's, [`SystemError::Protocol`] where these settings leave
    /// no state to draw.
    pub fn start(&self, given: &Settings, stream: &mut Stream) -> Result<Vec<f64>, SystemError> {
        let settings = self.settings_with(given)?;
        let setting = |name: &str| settings.get(name).copied().unwrap_or(1.0);
        Ok(match self.start {
            Start::Disc { low, high } => on_ray(stream, low, high).to_vec(),
            Start::Orbit { low, high, deviation } => {
                let (x, y) = (stream.uniform(low, high), stream.uniform(low, high));
                let radius = x.hypot(y);
                // Masses m at distance 2r: G m²/(4r²) = m v²/r, hence v = √(G m / 4r) across the radius.
                let speed = (setting("G") * setting("m") / (4.0 * radius)).sqrt() * stream.normal(1.0, deviation);
                let momentum = setting("m") * speed / radius;
                let (px, py) = (-y * momentum, x * momentum);
                vec![x, y, -x, -y, px, py, -px, -py]
            }
            Start::Triangle { low, high, deviation } => {
                triangle(on_ray(stream, low, high), setting("m"), setting("G"), deviation, stream)
            }
            Start::State(draws) => draws.iter().map(|draw| draw.from(stream)).collect(),
            Start::Velocity { q, v } => {
                let mut draw = |draws: &[Draw]| draws.iter().map(|draw| draw.from(stream)).collect::<Vec<_>>();
                let (q, v) = (draw(q), draw(v));
                let p = self.momentum(given, &q, &v)?;
                [q, p].concat()
            }
            Start::Chain => chain::starts(&settings, std::slice::from_mut(stream))?.concat(),
            Start::Shell { position, momentum, low, high } => {
                self.of_energy(given, [position, momentum, low, high], stream)?
            }
        })
    }

    /// The momenta at which these velocities are ∂H/∂p: M⁻¹ is read off ∂H/∂p at unit momenta, then M⁻¹ p = v is solved.
    fn momentum(&self, given: &Settings, q: &[f64], v: &[f64]) -> Result<Vec<f64>, SystemError> {
        let dof = self.dof;
        let unit = |column: usize| (0..dof).map(move |row| f64::from(u8::from(row == column)));
        let states: Vec<f64> = (0..dof).flat_map(|column| q.iter().copied().chain(unit(column))).collect();
        let mut slopes = vec![0.0; states.len()];
        ModelField::new(&self.model(given)?)?.evaluate(&states, &mut slopes)?;
        let inverse_mass = faer::Mat::from_fn(dof, dof, |row, column| slopes[column * 2 * dof + row]);
        let velocity = faer::Mat::from_fn(dof, 1, |row, _| v[row]);
        let solved = inverse_mass.partial_piv_lu().solve(&velocity);
        Ok((0..dof).map(|row| solved[(row, 0)]).collect())
    }

    fn of_energy(
        &self,
        given: &Settings,
        [position, momentum, low, high]: [f64; 4],
        stream: &mut Stream,
    ) -> Result<Vec<f64>, SystemError> {
        let energy = Energy::new(&self.model(given)?)?;
        let wanted = stream.uniform(low, high);
        for _ in 0..MAX_DRAWS {
            let q = [stream.uniform(-position, position), stream.uniform(-position, position)];
            let p = stream.uniform(-momentum, momentum);
            let rest = wanted - energy.evaluate(&[q[0], q[1], p, 0.0])?[0];
            if rest >= 0.0 {
                return Ok(vec![q[0], q[1], p, (2.0 * rest).sqrt()]);
            }
        }
        let message = format!("{}: no state of energy {wanted} was found; other settings are needed", self.name);
        Err(SystemError::Protocol(message))
    }
}

/// A uniform point of [−1, 1)², moved along its ray to a radius uniform in `[low, high)`.
fn on_ray(stream: &mut Stream, low: f64, high: f64) -> [f64; 2] {
    let direction = [stream.uniform(-1.0, 1.0), stream.uniform(-1.0, 1.0)];
    let radius = stream.uniform(low, high);
    let scale = radius / direction[0].hypot(direction[1]).max(f64::MIN_POSITIVE);
    [direction[0] * scale, direction[1] * scale]
}

/// Corners at radius r attract each with G m²/(√3 r²) towards the centre, hence v = √(G m/(√3 r)) across the radius.
fn triangle([x, y]: [f64; 2], mass: f64, gravity: f64, deviation: f64, stream: &mut Stream) -> Vec<f64> {
    let radius = x.hypot(y);
    let momentum = mass * (gravity * mass / (3f64.sqrt() * radius)).sqrt() / radius;
    let (mut q, mut p) = (Vec::with_capacity(12), Vec::with_capacity(6));
    for corner in 0..3 {
        let (sin, cos) = (std::f64::consts::TAU * f64::from(corner) / 3.0).sin_cos();
        let [x, y] = [cos * x - sin * y, sin * x + cos * y];
        q.extend([x, y]);
        for across in [-y, x] {
            p.push(across * momentum * (1.0 + deviation * stream.uniform(-1.0, 1.0)));
        }
    }
    q.extend(p);
    q
}
