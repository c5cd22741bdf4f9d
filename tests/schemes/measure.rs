//! Order by halving, the symplectic form by the Jacobian of a step, and the way back: each of a function from numbers to numbers.

use hnn_exporter::dynamics::claims::Numbers;
use hnn_runtime::integrate::{ExplicitEuler, RungeKutta4};

use crate::flow::{Flow, lattice, steps, units};
use crate::system::{Springs, integrated, mixed_field, on_ring, ring_field, springs_field};

/// Time over which errors are compared, s.
const TIME: f64 = 2.0;
/// A start away from symmetries, exact in f32.
const START: [f64; 4] = [0.25, -0.125, 0.125, 0.25];
/// Step length on ways there and back, s.
const RETURN_STEP: f64 = 0.125;
/// Angle and rate of a start on the ring.
const RING_START: [f64; 2] = [0.5, 0.75];

/// A start as the scheme takes it: on the ring with constraints, twice where the state is doubled.
fn start(flow: &Flow) -> Vec<f64> {
    let [theta, rate] = RING_START;
    let once = if flow.scheme.keeps_constraints() { on_ring(theta, rate) } else { START };
    if flow.scheme.is_doubled() { once.repeat(2) } else { once.to_vec() }
}

/// Where the motion is after [`TIME`].
fn exact(flow: &Flow, u: f64) -> [f64; 4] {
    if flow.scheme.keeps_constraints() {
        let [theta, rate] = integrated(ring_field(flow.friction, u), RING_START, TIME);
        return on_ring(theta, rate);
    }
    if flow.mixed {
        integrated(mixed_field(u), START, TIME)
    } else {
        integrated(springs_field(flow.friction, u), START, TIME)
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Observed order, between the first step length whose error is small and half of it: in f32 before rounding shows.
pub(crate) fn order(flow: &Flow, u: f64) -> f64 {
    let exact = exact(flow, u);
    let error = |count: usize| distance(&flow.run(&start(flow), &vec![u; count], TIME / count as f64), &exact);
    let small = if flow.numbers == Numbers::F64 { 1e-5 } else { 2e-3 };
    let smallest = if flow.numbers == Numbers::F64 { 1e-12 } else { 4e-6 };
    let mut count = 4;
    while error(count) > small && count < 4096 {
        count *= 2;
    }
    // A leap over the window: one coarser pair is the best there is.
    while error(2 * count) < smallest && count > 2 {
        count /= 2;
    }
    (error(count) / error(2 * count)).log2()
}

/// Largest element of MᵀΩM − exp(−γ dt)Ω, M the Jacobian of a step by differences of fourth order.
pub(crate) fn form_defect(flow: &Flow, u: f64, gamma: f64) -> f64 {
    let dt = 0.25;
    let step = |x: &[f64]| flow.run(x, &[u], dt);
    // Rounding is divided by the distance, and f32 has more of it.
    let h = if flow.numbers == Numbers::F64 { 2e-3 } else { 1.0 / 32.0 };
    if flow.scheme.keeps_constraints() {
        let embedded = |at: &[f64]| on_ring(at[0], at[1]).to_vec();
        let before = jacobian(&embedded, &RING_START, h);
        let after = jacobian(&|at: &[f64]| step(&embedded(at)), &RING_START, h);
        return pulled_back(&before, &after, (-gamma * dt).exp());
    }
    let mut at = start(flow);
    // The copies apart, so that nothing hides between them.
    at.iter_mut().skip(4).for_each(|value| *value += 1.0 / 16.0);
    pulled_back(&jacobian(&|x: &[f64]| x.to_vec(), &at, h), &jacobian(&step, &at, h), (-gamma * dt).exp())
}

/// The same of a step of a baseline, in f64.
pub(crate) fn baseline_defect(runge_kutta: bool) -> f64 {
    let step = |x: &[f64]| {
        let model = &mut Springs::default();
        if runge_kutta {
            steps(&RungeKutta4, model, x, &[0.0], 0.25)
        } else {
            steps(&ExplicitEuler, model, x, &[0.0], 0.25)
        }
    };
    pulled_back(&jacobian(&|x: &[f64]| x.to_vec(), &START, 2e-3), &jacobian(&step, &START, 2e-3), 1.0)
}

/// Columns of the Jacobian of `f` at `x`.
fn jacobian(f: &dyn Fn(&[f64]) -> Vec<f64>, x: &[f64], h: f64) -> Vec<Vec<f64>> {
    let column = |at: usize| {
        let moved = |by: f64| {
            let mut x = x.to_vec();
            x[at] += by * h;
            f(&x)
        };
        let [far, near] = [2.0, 1.0].map(|by| (moved(by), moved(-by)));
        let difference = |row: usize| 8.0 * (near.0[row] - near.1[row]) - (far.0[row] - far.1[row]);
        (0..near.0.len()).map(|row| difference(row) / (12.0 * h)).collect()
    };
    (0..x.len()).map(column).collect()
}

/// Largest difference between the form of the columns after and, times `factor`, before.
fn pulled_back(before: &[Vec<f64>], after: &[Vec<f64>], factor: f64) -> f64 {
    // Of each copy two positions, then two momenta.
    let form = |a: &[f64], b: &[f64]| -> f64 {
        let copies = a.chunks(4).zip(b.chunks(4));
        copies.map(|(a, b)| a[0] * b[2] + a[1] * b[3] - a[2] * b[0] - a[3] * b[1]).sum()
    };
    let pairs = (0..before.len()).flat_map(|i| (0..before.len()).map(move |j| (i, j)));
    pairs.map(|(i, j)| (form(&after[i], &after[j]) - factor * form(&before[i], &before[j])).abs()).fold(0.0, f64::max)
}

/// How far from the start the motion ends that goes forward, turns its momenta, and goes on with the inputs backwards.
pub(crate) fn missed(flow: &Flow, inputs: &[f64]) -> f64 {
    let turned = |x: &[f64]| -> Vec<f64> {
        x.iter().enumerate().map(|(at, value)| if at % 4 < 2 { *value } else { -value }).collect()
    };
    let start = start(flow);
    let backwards: Vec<f64> = inputs.iter().rev().copied().collect();
    let end = flow.run(&start, inputs, RETURN_STEP);
    distance(&turned(&flow.run(&turned(&end), &backwards, RETURN_STEP)), &start)
}

/// Whether undoing leads to the very start.
pub(crate) fn returns_to_the_bit(flow: &Flow, inputs: &[f64]) -> bool {
    let first = lattice(&start(flow));
    let end = flow.on_lattice(&first, inputs, RETURN_STEP);
    assert!(distance(&units(&end), &units(&first)) > 1e-3, "it did not move");
    flow.undone(&end, inputs, RETURN_STEP) == first
}
