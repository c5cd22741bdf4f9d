//! Pendulums in Cartesian coordinates against their equations in angles, which know no constraint.

use std::collections::BTreeMap;

use super::*;
use crate::expression::{constrained, parse};

const GRAVITY: f64 = 9.81;
const MASSES: [f64; 2] = [0.7, 1.2];
const LENGTHS: [f64; 2] = [1.0, 0.8];

fn double_pendulum() -> Model {
    let energy = "(p1^2 + p2^2)/1.4 + (p3^2 + p4^2)/2.4 + 9.81*(0.7*q2 + 1.2*q4)";
    let rods = ["q1^2 + q2^2 - 1".to_owned(), "(q3 - q1)^2 + (q4 - q2)^2 - 0.64".to_owned()];
    constrained(energy, &rods, &BTreeMap::new()).unwrap()
}

/// θ̈ of a double pendulum, angles from the vertical: Landau and Lifshitz, *Mechanics* (1976), § 5, problem 1.
fn angular_acceleration(angle: [f64; 2], rate: [f64; 2]) -> [f64; 2] {
    let ([m1, m2], [l1, l2]) = (MASSES, LENGTHS);
    let (sin, cos) = (angle[0] - angle[1]).sin_cos();
    // (m₁+m₂) l₁ θ̈₁ + m₂ l₂ cos θ̈₂ = −m₂ l₂ θ̇₂² sin − (m₁+m₂) g sin θ₁;  l₁ cos θ̈₁ + l₂ θ̈₂ = l₁ θ̇₁² sin − g sin θ₂.
    let right = [
        -m2 * l2 * rate[1] * rate[1] * sin - (m1 + m2) * GRAVITY * angle[0].sin(),
        l1 * rate[0] * rate[0] * sin - GRAVITY * angle[1].sin(),
    ];
    let (a, b, c, d) = ((m1 + m2) * l1, m2 * l2 * cos, l1 * cos, l2);
    let determinant = a * d - b * c;
    [(right[0] * d - b * right[1]) / determinant, (a * right[1] - c * right[0]) / determinant]
}

/// `[q, p]` and `[q̇, ṗ]` of angles, rates and accelerations.
fn cartesian(angle: [f64; 2], rate: [f64; 2], acceleration: [f64; 2]) -> (Vec<f64>, Vec<f64>) {
    let (mut q, mut v, mut a) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    let mut at = [[0.0; 2]; 3];
    for link in 0..2 {
        let (sin, cos) = angle[link].sin_cos();
        let (w, l) = (rate[link], LENGTHS[link]);
        let own = [
            [l * sin, -l * cos],
            [l * cos * w, l * sin * w],
            [l * (cos * acceleration[link] - sin * w * w), l * (sin * acceleration[link] + cos * w * w)],
        ];
        for (total, own) in at.iter_mut().zip(own) {
            total[0] += own[0];
            total[1] += own[1];
        }
        for axis in 0..2 {
            (q[2 * link + axis], v[2 * link + axis], a[2 * link + axis]) = (at[0][axis], at[1][axis], at[2][axis]);
        }
    }
    let mass = |index: usize| MASSES[index / 2];
    let scaled = |values: [f64; 4]| (0..4).map(|index| mass(index) * values[index]).collect::<Vec<f64>>();
    ([q.to_vec(), scaled(v)].concat(), [v.to_vec(), scaled(a)].concat())
}

/// The motion in angles by Runge–Kutta steps so small that their error does not count.
fn in_angles(mut angle: [f64; 2], mut rate: [f64; 2], time: f64) -> ([f64; 2], [f64; 2]) {
    let steps = 20_000;
    let h = time / f64::from(steps);
    let moved = |a: [f64; 2], b: [f64; 2], h: f64| [a[0] + h * b[0], a[1] + h * b[1]];
    for _ in 0..steps {
        let mut slopes = [([0.0; 2], [0.0; 2]); 4];
        for (stage, part) in [0.0, 0.5, 0.5, 1.0].into_iter().enumerate() {
            let (v, a) = if stage == 0 { ([0.0; 2], [0.0; 2]) } else { slopes[stage - 1] };
            let (q, w) = (moved(angle, v, part * h), moved(rate, a, part * h));
            slopes[stage] = (w, angular_acceleration(q, w));
        }
        for (slope, weight) in slopes.into_iter().zip([1.0, 2.0, 2.0, 1.0]) {
            angle = moved(angle, slope.0, weight * h / 6.0);
            rate = moved(rate, slope.1, weight * h / 6.0);
        }
    }
    (angle, rate)
}

const ANGLE: [f64; 2] = [1.1, -0.4];
const RATE: [f64; 2] = [0.6, 1.7];

fn stepped(scheme: Scheme, start: &[f64], dt: f64, steps: usize) -> Vec<f64> {
    let step = optimize(&step(&double_pendulum(), scheme, StepLength::Scalar).unwrap()).unwrap();
    let evaluator = crate::evaluate::Evaluator::new(&step).unwrap();
    let (mut x, dt) = (row(start), Tensor::scalar(dt));
    for _ in 0..steps {
        x = evaluator.run(&[(STATE, &x), (STEP_LENGTH, &dt)]).unwrap()[0].clone();
    }
    x.data().to_vec()
}

/// Largest |g|, and largest |ġ|.
fn violation(x: &[f64]) -> (f64, f64) {
    let graph = constraint(&double_pendulum()).unwrap();
    let values = evaluate(&graph, &[(STATE, &row(x))]).unwrap();
    let velocity: Vec<f64> = (0..4).map(|index| x[4 + index] / MASSES[index / 2]).collect();
    let size = |values: &[f64]| values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    let rates = values[1].data().chunks(4).map(|row| row.iter().zip(&velocity).map(|(g, v)| g * v).sum::<f64>());
    (size(values[0].data()), size(&rates.collect::<Vec<f64>>()))
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_constrained_field_is_the_motion_in_angles() {
    let graph = field(&double_pendulum()).unwrap();
    for (angle, rate) in [(ANGLE, RATE), ([2.9, 1.3], [-3.0, 2.0]), ([0.0, 0.0], [0.0, 0.0])] {
        let (x, dx) = cartesian(angle, rate, angular_acceleration(angle, rate));
        assert_close(&run(&graph, &[(STATE, &row(&x))]), &dx, 1e-12);
    }
}

#[test]
fn multipliers_take_friction_and_input_into_account() {
    let base = double_pendulum();
    let mut g = base.graph().clone();
    let damping = g.constant(Tensor::new(vec![4], vec![0.3, 0.3, 0.5, 0.5]).unwrap()).unwrap();
    g.set_output(DISSIPATION, damping);
    g.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
    let gain = g.constant(Tensor::new(vec![4, 1], vec![0.0, 0.0, 1.0, -0.5]).unwrap()).unwrap();
    g.set_output(GAIN, gain);
    let model = Model::new(g).unwrap();
    let (x, _) = cartesian(ANGLE, RATE, [0.0; 2]);
    let h = 1e-3;
    let graph = field(&model).unwrap();
    let dx = run(&graph, &[(STATE, &row(&x)), (INPUT, &row(&[0.8]))]);
    // Along the motion g = 0 to third order: its second difference vanishes.
    let surface = constraint(&base).unwrap();
    let values = |t: f64| {
        let at = |i: usize| x[i] + t * dx[i] + 0.5 * t * t * dx[4 + i] / MASSES[i / 2];
        let moved = [(0..4).map(at).collect(), x[4..].to_vec()].concat();
        evaluate(&surface, &[(STATE, &row(&moved))]).unwrap()[0].data().to_vec()
    };
    for (ahead, behind) in values(h).into_iter().zip(values(-h)) {
        assert!(((ahead + behind) / (h * h)).abs() < 1e-3);
    }
    // The same with the friction left out of the multipliers does not.
    let free = run(&field(&base).unwrap(), &[(STATE, &row(&x))]);
    assert!(distance(&free, &dx) > 0.1);
}

#[test]
fn a_projected_state_obeys_the_constraints_and_one_that_does_stays() {
    let (x, _) = cartesian(ANGLE, RATE, [0.0; 2]);
    let off: Vec<f64> = x.iter().enumerate().map(|(index, value)| value + 0.1 * (index as f64).cos()).collect();
    let found = projected(&double_pendulum(), &[off.clone(), x.clone()]).unwrap();
    let moved = found[0].clone().unwrap();
    assert!(violation(&off).0 > 0.05 && violation(&off).1 > 0.05);
    assert!(violation(&moved).0 < 1e-14 && violation(&moved).1 < 1e-14, "{:?}", violation(&moved));
    assert!(distance(&moved, &off) < 0.3);
    assert!(distance(found[1].as_ref().unwrap(), &x) < 1e-14);
    // From the centre of a circle no direction leads to it.
    assert_eq!(projected(&double_pendulum(), &[vec![0.0; 8]]).unwrap(), [None]);
}

#[test]
fn rattle_has_order_two_and_its_composition_order_four() {
    let (start, _) = cartesian(ANGLE, RATE, [0.0; 2]);
    let (angle, rate) = in_angles(ANGLE, RATE, 1.0);
    let (exact, _) = cartesian(angle, rate, [0.0; 2]);
    for (scheme, order, steps) in [(Scheme::RATTLE, 2.0, 64), (Scheme::RATTLE_4, 4.0, 64)] {
        let error = |steps: usize| distance(&stepped(scheme, &start, 1.0 / steps as f64, steps), &exact);
        let observed = (error(steps) / error(2 * steps)).log2();
        assert!((observed - order).abs() < 0.2, "{scheme}: {observed}");
    }
}

#[test]
fn rattle_keeps_the_constraints_to_rounding_and_runs_backwards() {
    let (start, _) = cartesian(ANGLE, RATE, [0.0; 2]);
    for scheme in [Scheme::RATTLE, Scheme::RATTLE_4] {
        let mut x = stepped(scheme, &start, 0.02, 400);
        let (value, rate) = violation(&x);
        assert!(value < 1e-14 && rate < 1e-13, "{scheme}: {value:e}, {rate:e}");
        x[4..].iter_mut().for_each(|p| *p = -*p);
        let back = stepped(scheme, &x, 0.02, 400);
        assert!(distance(&back[..4], &start[..4]) < 1e-8, "{scheme}");
    }
    // A step of no length leaves the state alone.
    assert!(distance(&stepped(Scheme::RATTLE, &start, 0.0, 1), &start) < 1e-15);
}

#[test]
fn what_has_no_meaning_is_refused_with_the_reason() {
    let free = parse("(p1^2 + p2^2)/2 + q2", &BTreeMap::new()).unwrap();
    let refused = |model: &Model, scheme| step(model, scheme, StepLength::Scalar).unwrap_err().to_string();
    assert!(refused(&free, Scheme::RATTLE).contains("this one has none"));
    assert!(refused(&double_pendulum(), Scheme::Leapfrog).contains("use `rattle`"));
    let rod = ["q1^2 + q2^2 - 1".to_owned()];
    let odd = constrained("(p1^2 + p2^2)^2 + q2", &rod, &BTreeMap::new()).unwrap();
    assert!(refused(&odd, Scheme::RATTLE).contains("½ pᵀAp"));
    let error = |energy: &str, rods: &[&str]| {
        let rods: Vec<String> = rods.iter().map(|rod| (*rod).to_owned()).collect();
        constrained(energy, &rods, &BTreeMap::new()).unwrap_err().to_string()
    };
    let energy = "(p1^2 + p2^2)/2 + q2";
    assert!(error(energy, &["q1", "q2"]).contains("2 constraints on 2 positions"));
    assert!(error(energy, &["p1"]).contains("a function of q alone"));
    assert!(error(energy, &["q3"]).contains("there are 2 positions"));
    assert!(error(energy, &["1 - 1"]).contains("depend on q"));
    assert!(error(energy, &["q1^2 - l^2"]).contains("unknown name `l`"));
}
