//! Ground truth against closed forms, and a method that does not reach it.

use std::f64::consts::PI;

use super::pace::Extrapolation;
use super::*;

/// A field in closed form.
struct Closed<F: Fn(&[f64], &mut [f64])> {
    width: usize,
    field: F,
}

impl<F: Fn(&[f64], &mut [f64])> Field for Closed<F> {
    fn width(&self) -> usize {
        self.width
    }

    fn evaluate(&mut self, x: &[f64], dx: &mut [f64]) -> Result<(), SystemError> {
        for (x, dx) in x.chunks_exact(self.width).zip(dx.chunks_exact_mut(self.width)) {
            (self.field)(x, dx);
        }
        Ok(())
    }
}

fn spring(x: &[f64], dx: &mut [f64]) {
    dx.copy_from_slice(&[2.0 * x[1], -2.0 * x[0]]);
}

/// H = p² + 3(1 − cos q), so q̈ = −6 sin q.
fn pendulum(x: &[f64], dx: &mut [f64]) {
    dx.copy_from_slice(&[2.0 * x[1], -3.0 * x[0].sin()]);
}

/// Planar motion about a fixed centre: q̈ = −q/|q|³.
fn kepler(x: &[f64], dx: &mut [f64]) {
    let cube = x[0].hypot(x[1]).powi(3);
    dx.copy_from_slice(&[x[2], x[3], -x[0] / cube, -x[1] / cube]);
}

/// Period of q̈ = −6 sin q at amplitude q₀: 4K(sin(q₀/2))/√6, K = π/(2·agm(1, cos(q₀/2))).
fn pendulum_period(amplitude: f64) -> f64 {
    let (mut a, mut b) = (1.0, (amplitude / 2.0).cos());
    for _ in 0..8 {
        (a, b) = ((a + b) / 2.0, f64::sqrt(a * b));
    }
    2.0 * PI / (a * 6.0f64.sqrt())
}

#[test]
fn springs_follow_their_circles() {
    let times: Vec<f64> = (0..=200).map(|at| 0.1 * f64::from(at)).collect();
    let starts = [1.0, 0.0, 0.3, -0.4];
    let truth = integrate(&mut Closed { width: 2, field: spring }, &starts, &times, 1e-10).unwrap();
    // Two integrations that took the same steps would agree without saying anything.
    assert!(0.0 < truth.attained && truth.attained <= 1e-10);
    let mut error: f64 = 0.0;
    for (row, start) in starts.chunks_exact(2).enumerate() {
        for (t, x) in times.iter().zip(truth.motion(row).chunks_exact(2)) {
            let (sin, cos) = (2.0 * t).sin_cos();
            error = error.max((x[0] - (start[0] * cos + start[1] * sin)).abs());
            error = error.max((x[1] - (start[1] * cos - start[0] * sin)).abs());
        }
    }
    assert!(error <= truth.attained.max(1e-12), "error {error:e}, claimed {:e}", truth.attained);
}

#[test]
fn pendulums_return_after_the_period_of_the_elliptic_integral() {
    for amplitude in [0.5, 1.5, 2.5, 3.1] {
        let times = [0.0, pendulum_period(amplitude)];
        let truth = integrate(&mut Closed { width: 2, field: pendulum }, &[amplitude, 0.0], &times, 1e-10).unwrap();
        // At a turning point the position is stationary and the momentum is not: the momentum shows an error in time.
        let (q, p) = (truth.states[2], truth.states[3]);
        assert!((q - amplitude).abs() < 1e-10 && p.abs() < 1e-9, "{amplitude}: {q}, {p:e}");
    }
}

#[test]
fn eccentric_orbits_return_after_keplers_period() {
    // Apocentre 1 with half the circular speed squared: a = 1/(2 − v²), period 2π a^{3/2}.
    let speed: f64 = 0.5f64.sqrt();
    let axis = 1.0 / (2.0 - speed * speed);
    let times: Vec<f64> = (0..=40).map(|at| 2.0 * PI * axis.powf(1.5) * f64::from(at) / 40.0).collect();
    let start = [1.0, 0.0, 0.0, speed];
    let truth = integrate(&mut Closed { width: 4, field: kepler }, &start, &times, 1e-10).unwrap();
    let end = &truth.states[40 * 4..];
    let error = start.iter().zip(end).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(error < 1e-10, "{error:e}, claimed {:e}", truth.attained);
}

/// Kepler's orbit of eccentricity 0.99: near the centre it needs steps a thousand times shorter than far from it.
#[test]
fn a_close_encounter_shortens_its_own_steps_only() {
    // Semi-major axis 1, hence period 2π; at the apocentre 1 + e the speed is √((1 − e)/(1 + e)).
    let speed = (0.01f64 / 1.99).sqrt();
    let times: Vec<f64> = (0..=20).map(|at| 2.0 * PI * f64::from(at) / 20.0).collect();
    let (encounter, circle) = ([1.99, 0.0, 0.0, speed], [1.0, 0.0, 0.0, 1.0]);
    let evaluations = |starts: &[f64]| {
        let truth = integrate(&mut Closed { width: 4, field: kepler }, starts, &times, 1e-8).unwrap();
        for (row, start) in starts.chunks_exact(4).enumerate() {
            let end = &truth.motion(row)[80..];
            let error = start.iter().zip(end).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(error < 1e-8, "row {row}: {error:e}, claimed {:e}", truth.attained);
        }
        truth.evaluations
    };
    let (close, wide) = (evaluations(&encounter), evaluations(&circle));
    assert!(close < 12 * wide, "{close} evaluations beside {wide}");
    assert_eq!(evaluations(&[encounter, circle].concat()), close + wide, "motions do not know of each other");
}

#[test]
fn the_extrapolation_has_order_twelve() {
    let mut field = Closed { width: 2, field: spring };
    let error = |steps: u32, field: &mut Closed<_>| {
        let (mut x, mut scheme) = ([1.0, 0.0], Extrapolation::default());
        for _ in 0..steps {
            scheme.attempt(field, &x, &[4.0 / f64::from(steps)]).unwrap();
            x.iter_mut().zip(scheme.increment()).for_each(|(x, increment)| *x += increment);
        }
        (x[0] - 8.0f64.cos()).hypot(x[1] + 8.0f64.sin())
    };
    let (coarse, fine) = (error(3, &mut field), error(6, &mut field));
    let order = (coarse / fine).log2();
    assert!((11.0..13.5).contains(&order), "order {order}, errors {coarse:e}, {fine:e}");
}

#[test]
fn a_coarse_runge_kutta_does_not_reach_the_tolerance() {
    let period = pendulum_period(1.5);
    let steps = 100;
    let h = period / f64::from(steps);
    let mut x = [1.5, 0.0];
    let slope = |x: [f64; 2]| {
        let mut dx = [0.0; 2];
        pendulum(&x, &mut dx);
        dx
    };
    let ahead = |x: [f64; 2], k: [f64; 2], h: f64| [x[0] + h * k[0], x[1] + h * k[1]];
    for _ in 0..steps {
        let k1 = slope(x);
        let k2 = slope(ahead(x, k1, h / 2.0));
        let k3 = slope(ahead(x, k2, h / 2.0));
        let k4 = slope(ahead(x, k3, h));
        for at in 0..2 {
            x[at] += h / 6.0 * (k1[at] + 2.0 * k2[at] + 2.0 * k3[at] + k4[at]);
        }
    }
    assert!(x[1].abs() > 1e-8, "RK4 with {steps} steps a period must miss the period, p = {:e}", x[1]);
}

#[test]
fn escapes_and_unreachable_tolerances_are_reported() {
    let mut explosion = Closed { width: 2, field: |x: &[f64], dx: &mut [f64]| dx.copy_from_slice(&[x[0] * x[0], 0.0]) };
    let error = integrate(&mut explosion, &[1.0, 0.0], &[0.0, 0.5, 2.0, 3.0], 1e-10).unwrap_err();
    assert!(matches!(error, SystemError::NotFinite { .. } | SystemError::Stuck { .. }), "{error}");
    // The sign of a fast oscillation has a kink in every period: no refinement makes it smooth.
    let mut kinks =
        Closed { width: 2, field: |x: &[f64], dx: &mut [f64]| dx.copy_from_slice(&[1.0, (1e6 * x[0]).sin().signum()]) };
    let error = integrate(&mut kinks, &[0.0, 0.0], &[0.0, 1.0], 1e-14).unwrap_err();
    assert!(error.to_string().contains("shorten the horizon"), "{error}");
}
