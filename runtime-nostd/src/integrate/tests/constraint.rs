//! RATTLE on a mass that an ellipse guides, against the motion in the angle, which knows no constraint.

use std::vec::Vec;

use super::super::rattle::RATTLE_ITERATIONS;
use super::super::{LEAPFROG, Rattle};
use super::*;
use crate::model::Constrained;

/// Inverse masses of the two directions: different ones, so that the projections are oblique.
const INVERSE_MASS: [f64; 2] = [1.0, 0.5];
const AXES: [f64; 2] = [1.5, 0.8];

/// H = ½ pᵀAp + 2 q₂ + ½ q₁², on (q₁/a)² + (q₂/b)² = 1.
struct Guided;

impl<S: Scalar> Model<S> for Guided {
    fn dof(&self) -> usize {
        2
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[S], p: &[S]) -> S {
        let kinetic: f64 = p.iter().zip(INVERSE_MASS).map(|(p, a)| 0.5 * a * p.to_f64() * p.to_f64()).sum();
        S::from_f64(kinetic + 2.0 * q[1].to_f64() + 0.5 * q[0].to_f64() * q[0].to_f64())
    }
    fn field(&mut self, q: &[S], p: &[S], u: &[S], dq: &mut [S], dp: &mut [S]) {
        self.velocity(p, dq);
        self.force(q, u, dp);
    }
}

impl<S: Scalar> Separable<S> for Guided {
    fn velocity(&mut self, p: &[S], dq: &mut [S]) {
        for ((rate, p), a) in dq.iter_mut().zip(p).zip(INVERSE_MASS) {
            *rate = S::from_f64(a) * *p;
        }
    }
    fn force(&mut self, q: &[S], _u: &[S], dp: &mut [S]) {
        dp.copy_from_slice(&[-q[0], S::from_f64(-2.0)]);
    }
}

impl<S: Scalar> Constrained<S> for Guided {
    fn constraints(&self) -> usize {
        1
    }
    fn constraint(&mut self, q: &[S], g: &mut [S], jacobian: &mut [S]) {
        let ratio = |index: usize| q[index] / S::from_f64(AXES[index]);
        g[0] = ratio(0) * ratio(0) + ratio(1) * ratio(1) - S::from_f64(1.0);
        for (index, element) in jacobian.iter_mut().enumerate() {
            *element = S::from_f64(2.0) * ratio(index) / S::from_f64(AXES[index]);
        }
    }
}

/// q = (a sin θ, −b cos θ), and ∂q/∂θ.
fn place(angle: f64) -> ([f64; 2], [f64; 2]) {
    let (sin, cos) = angle.sin_cos();
    ([AXES[0] * sin, -AXES[1] * cos], [AXES[0] * cos, AXES[1] * sin])
}

/// p from the momentum of the angle: p = A⁻¹ ∂q/∂θ θ̇, p_θ = ∂q/∂θᵀ p.
fn on_ellipse(angle: f64, momentum: f64) -> State<f64, 2> {
    let (q, tangent) = place(angle);
    let inertia: f64 = tangent.iter().zip(INVERSE_MASS).map(|(t, a)| t * t / a).sum();
    let rate = momentum / inertia;
    let p: Vec<f64> = tangent.iter().zip(INVERSE_MASS).map(|(t, a)| t * rate / a).collect();
    state(&q, &p)
}

/// The angle near `guess` and its momentum.
fn in_angle(x: &State<f64, 2>, guess: f64) -> [f64; 2] {
    let angle = f64::atan2(x.q()[0] / AXES[0], -x.q()[1] / AXES[1]);
    let turns = ((guess - angle) / std::f64::consts::TAU).round();
    let (_, tangent) = place(angle);
    [angle + turns * std::f64::consts::TAU, tangent[0] * x.p()[0] + tangent[1] * x.p()[1]]
}

/// The motion by Lagrange's equation for the angle, in Runge–Kutta steps so small that their error does not count.
fn exact(angle: f64, momentum: f64, time: f64) -> State<f64, 2> {
    let inertia = |angle: f64| place(angle).1.iter().zip(INVERSE_MASS).map(|(t, a)| t * t / a).sum::<f64>();
    let slope = |[angle, momentum]: [f64; 2]| {
        let ((q, tangent), (sin, cos)) = (place(angle), angle.sin_cos());
        let rate = momentum / inertia(angle);
        // ∂I/∂θ = 2 sin θ cos θ (−a²/A₁ + b²/A₂).
        let turn = 2.0 * sin * cos * (-AXES[0] * AXES[0] / INVERSE_MASS[0] + AXES[1] * AXES[1] / INVERSE_MASS[1]);
        [rate, 0.5 * turn * rate * rate - q[0] * tangent[0] - 2.0 * tangent[1]]
    };
    let (mut x, steps) = ([angle, momentum], 20_000);
    let h = time / f64::from(steps);
    let moved = |x: [f64; 2], k: [f64; 2], h: f64| [x[0] + h * k[0], x[1] + h * k[1]];
    for _ in 0..steps {
        let k1 = slope(x);
        let k2 = slope(moved(x, k1, 0.5 * h));
        let k3 = slope(moved(x, k2, 0.5 * h));
        let k4 = slope(moved(x, k3, h));
        for (at, value) in x.iter_mut().enumerate() {
            *value += h / 6.0 * (k1[at] + 2.0 * k2[at] + 2.0 * k3[at] + k4[at]);
        }
    }
    on_ellipse(x[0], x[1])
}

fn schemes() -> [(&'static str, u32, Rattle); 2] {
    [("rattle", 2, Rattle::new(6).unwrap()), ("rattle4", 4, Rattle::composed(6).unwrap())]
}

/// |g| and |ġ|.
fn violation<S: Scalar, const N: usize>(x: &State<S, N>) -> (f64, f64) {
    let (mut g, mut jacobian, mut rate) = ([S::ZERO; 1], [S::ZERO; 2], [S::ZERO; 2]);
    Guided.constraint(x.q(), &mut g, &mut jacobian);
    Guided.velocity(x.p(), &mut rate);
    (g[0].abs().to_f64(), (jacobian[0] * rate[0] + jacobian[1] * rate[1]).abs().to_f64())
}

#[test]
fn rattle_and_its_composition_have_their_orders() {
    let exact = exact(1.0, 0.7, 2.0);
    for (name, order, scheme) in schemes() {
        let error = |steps: usize| {
            distance(&run(&scheme, &mut Guided, &on_ellipse(1.0, 0.7), 2.0 / steps as f64, steps), &exact)
        };
        let observed = (error(64) / error(128)).log2();
        assert!((observed - f64::from(order)).abs() < 0.2, "{name}: {observed}");
    }
}

#[test]
fn the_constraint_holds_to_rounding_for_as_long_as_it_is_stepped_and_leapfrog_leaves_it() {
    for (name, _, scheme) in schemes() {
        let end = run(&scheme, &mut Guided, &on_ellipse(1.0, 0.7), 0.05, 20_000);
        let (value, rate) = violation(&end);
        assert!(value < 1e-14 && rate < 1e-14, "{name}: {value:e}, {rate:e}");
        let start = on_ellipse(1.0, 0.7);
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let mut single = State::<f32, 2>::new(&narrow(start.q()), &narrow(start.p())).unwrap();
        let scheme =
            if name == "rattle" { Rattle::new(RATTLE_ITERATIONS) } else { Rattle::composed(RATTLE_ITERATIONS) };
        for _ in 0..20_000 {
            let residual = scheme.unwrap().step(&mut Guided, &mut single, &[], 0.05).unwrap();
            assert!(residual < 1e-6, "{name}: {residual:e}");
            assert!(violation(&single).0 < 1e-6 && violation(&single).1 < 1e-6, "{name}: {:?}", violation(&single));
        }
    }
    let free = run(&LEAPFROG, &mut Guided, &on_ellipse(1.0, 0.7), 0.05, 200);
    assert!(violation(&free).0 > 1.0, "{:?}", violation(&free));
}

#[test]
fn the_energy_has_no_trend_on_the_constraint() {
    for (name, order, scheme) in schemes() {
        let mut x = on_ellipse(1.0, 0.7);
        let initial = Guided.energy(x.q(), x.p());
        let mut largest = [0.0f64; 2];
        for most in &mut largest {
            for _ in 0..20_000 {
                scheme.step(&mut Guided, &mut x, &[], 0.05).unwrap();
                *most = most.max((Guided.energy(x.q(), x.p()) - initial).abs());
            }
        }
        let limit = if order == 2 { 0.02 } else { 1e-4 };
        assert!(largest[0] < limit && largest[1] < 1.2 * largest[0], "{name}: {largest:?}");
    }
}

#[test]
fn rattle_is_reversible_and_symplectic_on_the_constraint() {
    for (name, _, scheme) in schemes() {
        let start = on_ellipse(1.0, 0.7);
        let mut end = run(&scheme, &mut Guided, &start, 0.1, 60);
        end.reverse();
        let mut back = run(&scheme, &mut Guided, &end, 0.1, 60);
        back.reverse();
        assert!(distance(&back, &start) < 1e-10, "{name}");
        // With one degree of freedom left, symplectic means that areas of (θ, p_θ) are kept.
        let h = 1e-5;
        let after =
            |angle: f64, momentum: f64| in_angle(&run(&scheme, &mut Guided, &on_ellipse(angle, momentum), 0.3, 1), 1.0);
        let column = |d: [f64; 2]| {
            let (plus, minus) = (after(1.0 + d[0], 0.7 + d[1]), after(1.0 - d[0], 0.7 - d[1]));
            [(plus[0] - minus[0]) / (2.0 * h), (plus[1] - minus[1]) / (2.0 * h)]
        };
        let (a, b) = (column([h, 0.0]), column([0.0, h]));
        let defect = (a[0] * b[1] - a[1] * b[0] - 1.0).abs();
        assert!(defect < 1e-8, "{name}: {defect:e}");
    }
}

#[test]
fn too_few_iterations_show_in_the_residual() {
    let residual = |iterations| {
        let mut x = on_ellipse(1.0, 0.7);
        Rattle::new(iterations).unwrap().step(&mut Guided, &mut x, &[], 0.2).unwrap()
    };
    assert!(residual(1) > 1e-3 && residual(5) < 1e-14, "{:e}, {:e}", residual(1), residual(5));
    assert!(Rattle::new(0).is_err() && Rattle::composed(crate::format::MAX_ITERATIONS + 1).is_err());
}
