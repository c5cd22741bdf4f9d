//! The systems of several degrees of freedom against forms of them that share nothing with their formulas.

use super::*;
use crate::system::start::Start;

const STEP: f64 = 1e-4;

fn states(system: &System, count: u64) -> Vec<Vec<f64>> {
    let draw = |index| system.start(&Settings::new(), &mut Stream::new(11, "mechanics", index)).unwrap();
    (0..count).map(draw).collect()
}

fn slopes(system: &System, x: &[f64]) -> Vec<f64> {
    let mut field = ModelField::new(&system.model(&Settings::new()).unwrap()).unwrap();
    let mut dx = vec![0.0; x.len()];
    field.evaluate(x, &mut dx).unwrap();
    dx
}

/// Central difference of order 4.
fn slope(f: impl Fn(f64) -> f64) -> f64 {
    (8.0 * (f(STEP) - f(-STEP)) - (f(2.0 * STEP) - f(-2.0 * STEP))) / (12.0 * STEP)
}

/// Hamilton's equations of the formula against those that Legendre's transform gives: with v = ∂H/∂p, p = ∂L/∂v and
/// ṗ = ∂L/∂q.
fn follows_from(system: &System, lagrangian: impl Fn(&[f64], &[f64]) -> f64) {
    for x in states(system, 20) {
        let (q, p) = x.split_at(system.dof);
        let dx = slopes(system, &x);
        let (v, force) = dx.split_at(system.dof);
        let moved = |values: &[f64], at: usize, by: f64| {
            let mut values = values.to_vec();
            values[at] += by;
            values
        };
        for at in 0..system.dof {
            let momentum = slope(|by| lagrangian(q, &moved(v, at, by)));
            assert!((momentum - p[at]).abs() < 1e-8, "{}: p{} is {}, ∂L/∂v {momentum}", system.name, at + 1, p[at]);
            let push = slope(|by| lagrangian(&moved(q, at, by), v));
            assert!((push - force[at]).abs() < 1e-8, "{}: ṗ{} is {}, ∂L/∂q {push}", system.name, at + 1, force[at]);
        }
        let work: f64 = p.iter().zip(v).map(|(p, v)| p * v).sum();
        let energy = energies(system, &x)[0];
        assert!((work - lagrangian(q, v) - energy).abs() < 1e-12 * (1.0 + energy.abs()), "{}: p·v − L", system.name);
    }
}

/// ½ m |v|² − m g h of a point, positions and velocities in the plane.
fn point(mass: f64, gravity: f64, height: f64, velocity: [f64; 2]) -> f64 {
    mass * (velocity[0].powi(2) + velocity[1].powi(2)) / 2.0 - mass * gravity * height
}

#[test]
fn the_double_pendulum_is_two_points_in_the_plane() {
    follows_from(find("double_pendulum").unwrap(), |q, w| {
        let upper = [q[0].cos() * w[0], q[0].sin() * w[0]];
        let lower = [upper[0] + q[1].cos() * w[1], upper[1] + q[1].sin() * w[1]];
        let height = [1.0 - q[0].cos(), 2.0 - q[0].cos() - q[1].cos()];
        point(1.0, 9.81, height[0], upper) + point(1.0, 9.81, height[1], lower)
    });
}

/// The rod is summed over its length by Gauss–Legendre's rule of two points, exact for the quadratic |v(s)|².
#[test]
fn the_cart_pole_is_a_cart_and_a_rod_of_mass_points() {
    follows_from(find("cart_pole").unwrap(), |q, v| {
        let (sin, cos) = q[1].sin_cos();
        let gauss = 0.5 / 3f64.sqrt();
        let along = |s: f64| {
            let velocity = [v[0] + s * cos * v[1], -s * sin * v[1]];
            point(0.05, 9.8, s * cos + 0.5, velocity)
        };
        0.25 * v[0] * v[0] + along(0.5 - gauss) + along(0.5 + gauss)
    });
}

#[test]
fn henon_heiles_has_its_three_saddles_at_one_sixth_and_starts_below() {
    let system = find("henon_heiles").unwrap();
    let (x, y) = (0.75f64.sqrt(), -0.5);
    for saddle in [[0.0, 1.0, 0.0, 0.0], [x, y, 0.0, 0.0], [-x, y, 0.0, 0.0]] {
        assert!((energies(system, &saddle)[0] - 1.0 / 6.0).abs() < 1e-15);
        assert!(slopes(system, &saddle).iter().all(|value| value.abs() < 1e-15));
    }
    let starts = states(system, 200);
    let drawn: Vec<f64> = starts.iter().map(|x| energies(system, x)[0]).collect();
    assert!(drawn.iter().all(|energy| (0.02..0.15).contains(energy)), "{drawn:?}");
    assert!(drawn.iter().any(|energy| *energy < 0.04) && drawn.iter().any(|energy| *energy > 0.13));
    assert!(starts.iter().all(|x| x[0].abs() < 0.3 && x[1].abs() < 0.3 && x[2].abs() < 0.2));
}

/// ω = 2 √(k/m) sin(jπ/8) with displacements ∝ sin(jiπ/4): Goldstein, *Classical Mechanics*, chapter 6.
#[test]
fn coupled_springs_swing_in_their_normal_modes() {
    use std::f64::consts::PI;
    let system = find("coupled_springs").unwrap();
    let mut field = ModelField::new(&system.model(&Settings::new()).unwrap()).unwrap();
    let times: Vec<f64> = (0..=20).map(f64::from).collect();
    for mode in 1..=3 {
        let mode = f64::from(mode);
        let frequency = 2.0 * (mode * PI / 8.0).sin();
        let shape = [1.0, 2.0, 3.0].map(|at: f64| (mode * at * PI / 4.0).sin());
        let start = [shape[0], shape[1], shape[2], 0.0, 0.0, 0.0];
        let truth = integrate(&mut field, &start, &times, TRUTH_TOLERANCE).unwrap();
        for (t, x) in times.iter().zip(truth.states.chunks_exact(6)) {
            let (sin, cos) = (frequency * t).sin_cos();
            for at in 0..3 {
                assert!((x[at] - shape[at] * cos).abs() < 1e-9);
                assert!((x[3 + at] + frequency * shape[at] * sin).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn three_bodies_circle_together_where_nothing_disturbs_them() {
    let mut system = *find("three_body").unwrap();
    system.start = Start::Triangle { low: 0.9, high: 1.2, deviation: 0.0 };
    let start = system.start(&Settings::new(), &mut Stream::new(2, "circle", 0)).unwrap();
    let radius = start[0].hypot(start[1]);
    // Lagrange (1772): the triangle turns as a whole, ω² = G m / (√3 r³).
    let rate = (1.0 / (3f64.sqrt() * radius.powi(3))).sqrt();
    let mut field = ModelField::new(&system.model(&Settings::new()).unwrap()).unwrap();
    let times = [0.0, 1.0, 2.5, 5.0];
    let truth = integrate(&mut field, &start, &times, TRUTH_TOLERANCE).unwrap();
    for (t, x) in times.iter().zip(truth.states.chunks_exact(12)) {
        let (sin, cos) = (rate * t).sin_cos();
        for (now, first) in x.chunks_exact(2).zip(start.chunks_exact(2)) {
            assert!((now[0] - (cos * first[0] - sin * first[1])).abs() < 1e-9);
            assert!((now[1] - (sin * first[0] + cos * first[1])).abs() < 1e-9);
        }
    }
}

#[test]
fn three_bodies_start_within_a_fifth_of_the_circle() {
    let system = find("three_body").unwrap();
    for x in states(system, 100) {
        let (q, p) = x.split_at(6);
        let radius = q[0].hypot(q[1]);
        assert!((0.9..1.2).contains(&radius));
        let speed = (1.0 / (3f64.sqrt() * radius)).sqrt();
        for (q, p) in q.chunks_exact(2).zip(p.chunks_exact(2)) {
            assert!((q[0].hypot(q[1]) - radius).abs() < 1e-12);
            for (found, circle) in p.iter().zip([-q[1] * speed / radius, q[0] * speed / radius]) {
                assert!((found - circle).abs() <= 0.2 * circle.abs() + 1e-12, "{found} is not near {circle}");
            }
        }
    }
}

#[test]
fn the_truth_holds_over_the_time_each_system_is_judged_by() {
    for system in SYSTEMS {
        let starts = fresh_starts(system, &Settings::new(), 15, 0).unwrap();
        let mut field = ModelField::new(&system.model(&Settings::new()).unwrap()).unwrap();
        let times = spaced(system.judged_over, 201);
        let is_chain = !system.constraints(&Settings::new()).unwrap().is_empty();
        let tolerance = if is_chain { system.tolerance } else { TRUTH_TOLERANCE };
        let truth = integrate(&mut field, &starts, &times, tolerance);
        let attained = truth.unwrap_or_else(|error| panic!("{}: {error}", system.name)).attained;
        assert!(attained <= tolerance, "{}", system.name);
    }
}
