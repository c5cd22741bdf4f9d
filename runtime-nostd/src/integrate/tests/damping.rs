//! Dissipation and input: exactness where it is promised, order where it is approximate, decay of energy throughout.

use std::vec;

use super::{distance, state};
use crate::error::Error;
use crate::format::DampingKind;
use crate::integrate::{Dissipative, ImplicitMidpoint, LEAPFROG, Stepper, YOSHIDA_4};
use crate::model::{Damped, Model, Separable};
use crate::state::State;
use crate::testing::Dashpot;

fn free(inverse_mass: [f64; 4], damping: &[f64]) -> Dashpot {
    Dashpot { inverse_mass, damping: damping.to_vec(), stiffness: 0.0, quadratic: true }
}

fn steps(stepper: &dyn Stepper<Dashpot, f64, 2>, model: &mut Dashpot, dt: f64, count: usize) -> State<f64, 2> {
    let mut state = state(&[0.0, 0.5], &[1.0, -2.0]);
    for _ in 0..count {
        stepper.step(model, &mut state, &[0.0], dt).unwrap();
    }
    state
}

#[test]
fn momentum_of_a_damped_free_particle_decays_exactly() {
    let mut model = free([2.0, 0.0, 0.0, 0.5], &[0.3, 1.5]);
    for stepper in [LEAPFROG, YOSHIDA_4] {
        let end = steps(&Dissipative { conservative: stepper }, &mut model, 0.25, 40);
        // p(10) = p(0)·exp(−r·a·10)
        let exact = [1.0 * (-0.3f64 * 2.0 * 10.0).exp(), -2.0 * (-1.5f64 * 0.5 * 10.0).exp()];
        for (p, exact) in end.p().iter().zip(exact) {
            assert!((p / exact - 1.0).abs() < 1e-13, "{p:e} {exact:e}");
        }
    }
}

#[test]
fn a_full_dissipation_matrix_decays_along_its_eigenvectors() {
    // R = c·[[2, 1], [1, 2]] has eigenvalues c and 3c along (1, −1) and (1, 1).
    let c = 0.4f64;
    let mut model = free([1.0, 0.0, 0.0, 1.0], &[2.0 * c, c, c, 2.0 * c]);
    let end = steps(&Dissipative { conservative: LEAPFROG }, &mut model, 0.5, 6);
    let (difference, sum) = (3.0 * (-c * 3.0).exp(), -(-3.0 * c * 3.0).exp());
    let exact = [0.5 * (sum + difference), 0.5 * (sum - difference)];
    for (p, exact) in end.p().iter().zip(exact) {
        assert!((p - exact).abs() < 1e-9, "{p:e} {exact:e}");
    }
}

#[test]
fn a_diagonal_dissipation_with_a_full_mass_matrix_matches_the_full_form() {
    let inverse_mass = [1.5, -0.4, -0.4, 0.8];
    let stepper = Dissipative { conservative: LEAPFROG };
    let diagonal = steps(&stepper, &mut free(inverse_mass, &[0.7, 0.2]), 0.2, 10);
    let full = steps(&stepper, &mut free(inverse_mass, &[0.7, 0.0, 0.0, 0.2]), 0.2, 10);
    assert!(distance(&diagonal, &full) < 1e-14);
    // An independent reference: many tiny explicit steps of ṗ = −R A p, extrapolated once.
    let euler = |count: usize| {
        let (mut p, h) = ([1.0f64, -2.0], 2.0 / count as f64);
        for _ in 0..count {
            let v = [1.5 * p[0] - 0.4 * p[1], -0.4 * p[0] + 0.8 * p[1]];
            p = [p[0] - h * 0.7 * v[0], p[1] - h * 0.2 * v[1]];
        }
        p
    };
    let (coarse, fine) = (euler(20_000), euler(40_000));
    for index in 0..2 {
        let reference = 2.0 * fine[index] - coarse[index];
        assert!((diagonal.p()[index] - reference).abs() < 1e-7);
    }
}

#[test]
fn damping_keeps_order_two_with_and_without_the_exponential() {
    for quadratic in [true, false] {
        let model = Dashpot { stiffness: 1.3, quadratic, ..free([1.0, 0.2, 0.2, 2.0], &[0.5, 0.1, 0.1, 0.8]) };
        let stepper = Dissipative { conservative: LEAPFROG };
        let at = |dt: f64, count| steps(&stepper, &mut model.clone(), dt, count);
        let exact = at(1.0 / 2048.0, 4096);
        let order = (distance(&at(1.0 / 16.0, 32), &exact) / distance(&at(1.0 / 32.0, 64), &exact)).log2();
        assert!((order - 2.0).abs() < 0.05, "quadratic {quadratic}: {order}");
    }
}

#[test]
fn the_damped_step_contracts_area_by_exactly_the_dissipation() {
    // For R·A = γ·1 a conformally symplectic step has MᵀJM = exp(−γ dt) J, whatever the potential.
    let (gamma, dt, h) = (0.6f64, 0.2, 1e-5);
    let model = Dashpot { stiffness: 2.0, ..free([1.0, 0.0, 0.0, 1.0], &[gamma, gamma]) };
    let stepper = Dissipative { conservative: LEAPFROG };
    let after = |dq: f64, dp: f64| {
        let mut state = state(&[0.3 + dq, 0.0], &[0.4 + dp, 0.0]);
        stepper.step(&mut model.clone(), &mut state, &[0.0], dt).unwrap();
        [state.q()[0], state.p()[0]]
    };
    let column = |dq: f64, dp: f64| {
        let (plus, minus) = (after(dq, dp), after(-dq, -dp));
        [(plus[0] - minus[0]) / (2.0 * h), (plus[1] - minus[1]) / (2.0 * h)]
    };
    let (q, p) = (column(h, 0.0), column(0.0, h));
    let area = q[0] * p[1] - q[1] * p[0];
    assert!((area - (-gamma * dt).exp()).abs() < 1e-9, "{area}");
}

#[test]
fn energy_of_an_undriven_damped_system_falls_from_period_to_period() {
    let mut model = Dashpot { stiffness: 1.0, ..free([1.0, 0.0, 0.0, 1.0], &[0.05, 0.02]) };
    let stepper = Dissipative { conservative: LEAPFROG };
    let mut state = state(&[1.0, 0.5], &[0.0, 0.5]);
    let mut energies = vec![model.energy(state.q(), state.p())];
    for _ in 0..20 {
        for _ in 0..63 {
            stepper.step(&mut model, &mut state, &[0.0], 0.1).unwrap();
        }
        energies.push(model.energy(state.q(), state.p()));
    }
    assert!(energies.windows(2).all(|pair| pair[1] < pair[0]));
}

#[test]
fn a_constant_push_moves_a_free_particle_along_a_parabola() {
    let mut model = free([0.5, 0.0, 0.0, 0.5], &[0.0, 0.0]);
    let midpoint = ImplicitMidpoint::default();
    let steppers: [&dyn Stepper<Dashpot, f64, 2>; 3] = [&LEAPFROG, &midpoint, &Dissipative { conservative: LEAPFROG }];
    for stepper in steppers {
        let mut state = state(&[0.0, 0.0], &[0.0, 0.0]);
        for _ in 0..32 {
            stepper.step(&mut model, &mut state, &[3.0], 0.125).unwrap();
        }
        // t = 4, mass 2: p = 3t, q = 3t²/4.
        assert!((state.p()[0] - 12.0).abs() < 1e-13 && (state.q()[0] - 12.0).abs() < 1e-13);
    }
}

/// H = q²/2 + √(1 + p²) with constant R: T is not quadratic, and v never exceeds 1.
struct Relativistic(f64);

impl Model<f64> for Relativistic {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        0.5 * q[0] * q[0] + (1.0 + p[0] * p[0]).sqrt()
    }
    fn field(&mut self, q: &[f64], p: &[f64], u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        self.velocity(p, dq);
        self.force(q, u, dp);
    }
}

impl Separable<f64> for Relativistic {
    fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
        dq[0] = p[0] / (1.0 + p[0] * p[0]).sqrt();
    }
    fn force(&mut self, q: &[f64], _u: &[f64], dp: &mut [f64]) {
        dp[0] = -q[0];
    }
}

impl Damped<f64> for Relativistic {
    fn damping_kind(&self) -> DampingKind {
        DampingKind::Diagonal
    }
    fn damping(&mut self, _q: &[f64], _p: &[f64], r: &mut [f64]) {
        r[0] = self.0;
    }
    fn inverse_mass(&self, _a: &mut [f64]) -> bool {
        false
    }
}

#[test]
fn iterations_that_do_not_contract_are_refused_and_would_have_added_energy() {
    let stepper = Dissipative { conservative: LEAPFROG };
    for r in [4.0, 100.0, 1e300, f64::INFINITY, f64::NAN] {
        let start = state(&[0.0], &[1.0]);
        let mut refused = start.clone();
        assert_eq!(stepper.step(&mut Relativistic(r), &mut refused, &[], 2.0), Err(Error::DampingTooStiff), "R = {r}");
        assert_eq!(refused, start);
    }
    // Eight iterations of the same equation without the test: |p| grows in what is called damping.
    let mut p = 1.0f64;
    for _ in 0..8 {
        let m = (1.0 + p) * 0.5;
        p = 1.0 - 50.0 * (m / (1.0 + m * m).sqrt());
    }
    assert!(p.abs() > 10.0, "{p}");
}

#[test]
fn what_is_accepted_never_adds_energy_and_tells_its_residual() {
    let stepper = Dissipative { conservative: ImplicitMidpoint::default() };
    let (mut accepted, mut refused) = (0, 0);
    for r in 0..120 {
        for momentum in [-20.0, -1.0, 0.0, 0.3, 1.0, 3.0, 40.0] {
            let (mut model, mut state) = (Relativistic(f64::from(r)), state(&[0.0], &[momentum]));
            let before = model.energy(state.q(), state.p());
            let Ok(residual) = stepper.step(&mut model, &mut state, &[], 0.125) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            let slack = 1e-3 * before + residual;
            assert!(model.energy(state.q(), state.p()) <= before + slack, "R = {r}, p = {momentum}");
        }
    }
    assert!(accepted > 200 && refused > 200, "{accepted} {refused}");
}

#[test]
fn the_residual_of_iterated_damping_is_its_last_change() {
    // T = p²/2 where that is not admitted: change k is 2 (hR/2)ᵏ |p|, and C leaves p alone without stiffness.
    let mut model = Dashpot { quadratic: false, ..free([1.0, 0.0, 0.0, 1.0], &[2.0, 0.0]) };
    let mut state = state(&[0.0, 0.0], &[1.0, 0.0]);
    let residual = Dissipative { conservative: LEAPFROG }.step(&mut model, &mut state, &[0.0], 0.5).unwrap();
    assert!((residual / (2.0 * 0.25f64.powi(8)) - 1.0).abs() < 1e-9, "{residual:e}");
    // Where D is an exponential it has none.
    model.quadratic = true;
    assert_eq!(Dissipative { conservative: LEAPFROG }.step(&mut model, &mut state, &[0.0], 0.5), Ok(0.0));
}

#[test]
fn a_matrix_exponential_is_as_accurate_as_documented() {
    for (dt, of_start, of_result) in [(8.0, 5.0e-7, 2.8e-5), (4.0, 4.6e-9, 3.4e-8)] {
        // A full R keeps to the Taylor sum; the step is D(dt/2) twice, so its root is one of them.
        let mut model = free([1.0, 0.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]);
        let end = {
            let mut state = state(&[0.0, 0.0], &[1.0, 1.0]);
            Dissipative { conservative: LEAPFROG }.step(&mut model, &mut state, &[0.0], dt).unwrap();
            state.p()[0].sqrt()
        };
        let exact = (-0.5 * dt).exp();
        let error = (end - exact).abs();
        assert!(error < of_start && error < of_result * exact && error > 0.9 * of_start, "{error:e}");
    }
}
