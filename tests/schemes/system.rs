//! Systems in either precision, with motions known from an independent integrator: two springs that mix, a ring to slide on, and
//! an energy that does not split.

use hnn_runtime::model::{Constrained, Damped, Model, Separable};
use hnn_runtime::{DampingKind, Scalar};

/// How fast momentum decays, 1/s: R = γ(1 + slope·p²)A⁻¹.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Friction {
    pub(crate) gamma: f64,
    pub(crate) slope: f64,
}

impl Friction {
    fn kind(self) -> DampingKind {
        if self.gamma == 0.0 { DampingKind::None } else { DampingKind::Diagonal }
    }

    fn coefficient(self, p: f64) -> f64 {
        self.gamma * (1.0 + self.slope * p * p)
    }
}

/// H = ½|p|² + ½|q|² + q₁²q₂ − q₂³/3 (Hénon and Heiles, 1964), pushed along q₁.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Springs(pub(crate) Friction);

/// H = ½pᵀAp + 2q₂ + ½q₁² on (q₁/a)² + (q₂/b)² = 1, pushed along q₁.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ring(pub(crate) Friction);

/// H = ½(1 + |q|²)(p₁² + 2p₂²) + ½|q|², pushed along q₁.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mixed;

pub(crate) const AXES: [f64; 2] = [1.5, 0.8];
pub(crate) const INVERSE_MASS: [f64; 2] = [1.0, 0.5];

fn exact<S: Scalar>(values: &[S]) -> [f64; 2] {
    [values[0].to_f64(), values[1].to_f64()]
}

fn put<S: Scalar>(values: [f64; 2], into: &mut [S]) {
    into.iter_mut().zip(values).for_each(|(place, value)| *place = S::from_f64(value));
}

macro_rules! system {
    ($system:ty, $energy:expr, $field:expr) => {
        impl<S: Scalar> Model<S> for $system {
            fn dof(&self) -> usize {
                2
            }
            fn inputs(&self) -> usize {
                1
            }
            fn energy(&mut self, q: &[S], p: &[S]) -> S {
                S::from_f64($energy(exact(q), exact(p)))
            }
            fn field(&mut self, q: &[S], p: &[S], u: &[S], dq: &mut [S], dp: &mut [S]) {
                let ([v1, v2], [f1, f2]) = $field(exact(q), exact(p));
                put([v1, v2], dq);
                put([f1 + u[0].to_f64(), f2], dp);
            }
        }
    };
}

system!(
    Springs,
    |q: [f64; 2], p: [f64; 2]| 0.5 * (p[0] * p[0] + p[1] * p[1] + q[0] * q[0] + q[1] * q[1]) + q[0] * q[0] * q[1]
        - q[1].powi(3) / 3.0,
    |q: [f64; 2], p: [f64; 2]| (p, [-q[0] - 2.0 * q[0] * q[1], -q[1] - q[0] * q[0] + q[1] * q[1]])
);
system!(
    Ring,
    |q: [f64; 2], p: [f64; 2]| 0.5 * (INVERSE_MASS[0] * p[0] * p[0] + INVERSE_MASS[1] * p[1] * p[1])
        + 2.0 * q[1]
        + 0.5 * q[0] * q[0],
    |q: [f64; 2], p: [f64; 2]| ([INVERSE_MASS[0] * p[0], INVERSE_MASS[1] * p[1]], [-q[0], -2.0])
);
system!(
    Mixed,
    |q: [f64; 2], p: [f64; 2]| {
        let size = q[0] * q[0] + q[1] * q[1];
        0.5 * (1.0 + size) * (p[0] * p[0] + 2.0 * p[1] * p[1]) + 0.5 * size
    },
    |q: [f64; 2], p: [f64; 2]| {
        let (size, kinetic) = (q[0] * q[0] + q[1] * q[1], p[0] * p[0] + 2.0 * p[1] * p[1]);
        ([(1.0 + size) * p[0], 2.0 * (1.0 + size) * p[1]], [-q[0] * (kinetic + 1.0), -q[1] * (kinetic + 1.0)])
    }
);

macro_rules! separable {
    ($system:ty, $inverse_mass:expr) => {
        impl<S: Scalar> Separable<S> for $system {
            fn velocity(&mut self, p: &[S], dq: &mut [S]) {
                let mut unused = [S::ZERO; 2];
                self.field(&[S::ZERO; 2], p, &[S::ZERO], dq, &mut unused);
            }
            fn force(&mut self, q: &[S], u: &[S], dp: &mut [S]) {
                let mut unused = [S::ZERO; 2];
                self.field(q, &[S::ZERO; 2], u, &mut unused, dp);
            }
        }
        impl<S: Scalar> Damped<S> for $system {
            fn damping_kind(&self) -> DampingKind {
                self.0.kind()
            }
            fn damping(&mut self, _q: &[S], p: &[S], r: &mut [S]) {
                let [p1, p2] = exact(p);
                put([self.0.coefficient(p1) / $inverse_mass[0], self.0.coefficient(p2) / $inverse_mass[1]], r);
            }
            fn inverse_mass(&self, a: &mut [S]) -> bool {
                a.copy_from_slice(&[$inverse_mass[0], 0.0, 0.0, $inverse_mass[1]].map(S::from_f64));
                true
            }
        }
    };
}

separable!(Springs, [1.0, 1.0]);
separable!(Ring, INVERSE_MASS);

impl<S: Scalar> Damped<S> for Mixed {
    fn damping_kind(&self) -> DampingKind {
        DampingKind::None
    }
    fn damping(&mut self, _q: &[S], _p: &[S], _r: &mut [S]) {}
    fn inverse_mass(&self, _a: &mut [S]) -> bool {
        false
    }
}

impl<S: Scalar> Constrained<S> for Ring {
    fn constraints(&self) -> usize {
        1
    }
    fn constraint(&mut self, q: &[S], g: &mut [S], jacobian: &mut [S]) {
        // In the state's own arithmetic, as a program has it.
        let one = S::from_f64(1.0);
        let ratio = |index: usize| q[index] / S::from_f64(AXES[index]);
        g[0] = ratio(0) * ratio(0) + ratio(1) * ratio(1) - one;
        for (index, element) in jacobian.iter_mut().enumerate() {
            *element = (one + one) * ratio(index) / S::from_f64(AXES[index]);
        }
    }
}

/// The state at time `t` by small steps of Runge and Kutta's method, of ẋ = f(x).
pub(crate) fn integrated<const N: usize>(f: impl Fn([f64; N]) -> [f64; N], start: [f64; N], t: f64) -> [f64; N] {
    const STEPS: usize = 4096;
    let h = t / STEPS as f64;
    let along = |x: [f64; N], k: [f64; N], h: f64| std::array::from_fn::<f64, N, _>(|at| x[at] + h * k[at]);
    (0..STEPS).fold(start, |x, _| {
        let k1 = f(x);
        let k2 = f(along(x, k1, h / 2.0));
        let k3 = f(along(x, k2, h / 2.0));
        let k4 = f(along(x, k3, h));
        std::array::from_fn(|at| x[at] + h / 6.0 * (k1[at] + 2.0 * k2[at] + 2.0 * k3[at] + k4[at]))
    })
}

/// ẋ of springs with friction, pushed by u.
pub(crate) fn springs_field(friction: Friction, u: f64) -> impl Fn([f64; 4]) -> [f64; 4] {
    move |[q1, q2, p1, p2]| {
        let drag = |p: f64| friction.coefficient(p) * p;
        [p1, p2, u - q1 - 2.0 * q1 * q2 - drag(p1), -q2 - q1 * q1 + q2 * q2 - drag(p2)]
    }
}

/// ẋ of the energy that does not split, pushed by u.
pub(crate) fn mixed_field(u: f64) -> impl Fn([f64; 4]) -> [f64; 4] {
    move |[q1, q2, p1, p2]| {
        let (size, kinetic) = (1.0 + q1 * q1 + q2 * q2, 1.0 + p1 * p1 + 2.0 * p2 * p2);
        [size * p1, 2.0 * size * p2, u - q1 * kinetic, -q2 * kinetic]
    }
}

/// The state of the ring at an angle θ with the rate ω: it knows no constraint.
pub(crate) fn on_ring(theta: f64, rate: f64) -> [f64; 4] {
    let [a, b] = AXES;
    let slope = [-a * theta.sin(), b * theta.cos()];
    [a * theta.cos(), b * theta.sin(), slope[0] * rate / INVERSE_MASS[0], slope[1] * rate / INVERSE_MASS[1]]
}

/// The rates of θ and ω: d/dt(m ω) = ½ m′ω² − V′ + u q₁′ − γ m ω with m(θ) = q′ᵀA⁻¹q′.
pub(crate) fn ring_field(friction: Friction, u: f64) -> impl Fn([f64; 2]) -> [f64; 2] {
    move |[theta, rate]| {
        let ([a, b], (sin, cos)) = (AXES, theta.sin_cos());
        let mass = a * a * sin * sin / INVERSE_MASS[0] + b * b * cos * cos / INVERSE_MASS[1];
        let mass_slope = 2.0 * sin * cos * (a * a / INVERSE_MASS[0] - b * b / INVERSE_MASS[1]);
        let potential_slope = 2.0 * b * cos - a * a * sin * cos;
        let push = -a * sin * u;
        [rate, (push - potential_slope - 0.5 * mass_slope * rate * rate) / mass - friction.gamma * rate]
    }
}
