//! Order, reversibility and symplecticity of every scheme against closed forms, and controls that must fail.

mod constraint;
mod coupled;
mod damping;
mod doubled;
mod exact;
#[cfg(feature = "transcendental")]
mod refusal;

use std::format;
use std::vec::Vec;

use super::{
    BLANES_MOAN_4, ExplicitEuler, ImplicitMidpoint, LEAPFROG, MCLACHLAN_ATELA_4, POSITION_VERLET, RungeKutta4,
    SYMPLECTIC_EULER, Splitting, Stepper, StormerVerlet, YOSHIDA_4, YOSHIDA_6,
};
use crate::format::SchemeId;
use crate::model::{Model, Separable};
use crate::scalar::Scalar;
use crate::state::{State, TrajectoryHash};
use crate::testing::{HenonHeiles, Mixed, Oscillator, Pendulum};

/// The coefficient tables.
const SPLITTINGS: [&Splitting; 7] =
    [&SYMPLECTIC_EULER, &LEAPFROG, &POSITION_VERLET, &YOSHIDA_4, &YOSHIDA_6, &MCLACHLAN_ATELA_4, &BLANES_MOAN_4];

/// A scheme and what is claimed of it.
struct Claim<M: 'static> {
    name: &'static str,
    order: u32,
    symmetric: bool,
    symplectic: bool,
    stepper: &'static dyn Stepper<M, f64, 2>,
}

/// The one list of schemes.
fn schemes<M: Separable<f64> + 'static>() -> Vec<Claim<M>> {
    const CONVERGED: ImplicitMidpoint = match ImplicitMidpoint::new(60) {
        Ok(stepper) => stepper,
        Err(_) => panic!("60 iterations are allowed"),
    };
    const SOLVED: StormerVerlet = match StormerVerlet::new(60) {
        Ok(stepper) => stepper,
        Err(_) => panic!("60 iterations are allowed"),
    };
    let splitting = |table: &'static Splitting| Claim {
        name: table.name,
        order: table.order,
        symmetric: table.is_symmetric(),
        symplectic: true,
        stepper: table,
    };
    let other = |name, order, both, stepper| Claim { name, order, symmetric: both, symplectic: both, stepper };
    let others: [Claim<M>; 4] = [
        other("midpoint", 2, true, &CONVERGED),
        other("stormer-verlet", 2, true, &SOLVED),
        other("euler", 1, false, &ExplicitEuler),
        other("rk4", 4, false, &RungeKutta4),
    ];
    SPLITTINGS.into_iter().map(splitting).chain(others).collect()
}

fn run<M: Model<f64>>(
    stepper: &dyn Stepper<M, f64, 2>,
    model: &mut M,
    start: &State<f64, 2>,
    dt: f64,
    steps: usize,
) -> State<f64, 2> {
    let mut state = start.clone();
    for _ in 0..steps {
        stepper.step(model, &mut state, &[], dt).unwrap();
    }
    state
}

fn distance(a: &State<f64, 2>, b: &State<f64, 2>) -> f64 {
    let pairs = a.q().iter().chain(a.p()).zip(b.q().iter().chain(b.p()));
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn state(q: &[f64], p: &[f64]) -> State<f64, 2> {
    State::new(q, p).unwrap()
}

/// Observed order over t = 2, between two step lengths: the longer ones of higher orders keep their errors above rounding.
fn observed_order<M: Separable<f64> + 'static>(
    claim: &Claim<M>,
    model: &mut M,
    start: &State<f64, 2>,
    exact: &State<f64, 2>,
) -> f64 {
    let per_second: usize = if claim.order > 4 { 12 } else { 32 };
    let error = |model: &mut M, per_second: usize| {
        distance(&run(claim.stepper, model, start, 1.0 / per_second as f64, 2 * per_second), exact)
    };
    (error(model, per_second) / error(model, 2 * per_second)).log2()
}

#[test]
fn every_scheme_has_its_order_on_the_oscillator() {
    let (q, p) = (0.7f64, -0.4f64);
    // The flow of H = (p² + q²)/2 is a rotation; t = 2.
    let (sin, cos) = 2.0f64.sin_cos();
    let exact = state(&[q * cos + p * sin], &[p * cos - q * sin]);
    for claim in schemes() {
        let observed = observed_order(&claim, &mut Oscillator, &state(&[q], &[p]), &exact);
        assert!((observed - f64::from(claim.order)).abs() < 0.1, "{}: {observed}", claim.name);
    }
}

#[test]
fn every_scheme_has_its_order_on_the_pendulum() {
    let start = state(&[1.5], &[0.3]);
    let exact = run(&RungeKutta4, &mut Pendulum, &start, 1.0 / 4096.0, 8192);
    for claim in schemes() {
        let observed = observed_order(&claim, &mut Pendulum, &start, &exact);
        assert!((observed - f64::from(claim.order)).abs() < 0.15, "{}: {observed}", claim.name);
    }
}

#[test]
fn symmetric_schemes_are_reversible_and_the_others_are_not() {
    let start = state(&[0.1, -0.2], &[0.3, 0.1]);
    for Claim { name, symmetric, stepper, .. } in schemes() {
        let mut end = run(stepper, &mut HenonHeiles, &start, 0.1, 60);
        end.reverse();
        let mut back = run(stepper, &mut HenonHeiles, &end, 0.1, 60);
        back.reverse();
        let missed = distance(&back, &start);
        assert_eq!(missed < 1e-11, symmetric, "{name}: {missed:e}");
    }
}

/// Largest element of MᵀJM − J, M the Jacobian of a step of 0.3 by central differences.
fn symplectic_defect<M: Model<f64>>(stepper: &dyn Stepper<M, f64, 2>, model: &mut M) -> f64 {
    let (x, h) = ([0.2, -0.1, 0.3, 0.25], 1e-5);
    let mut after = |x: [f64; 4]| {
        let end = run(stepper, model, &state(&x[..2], &x[2..]), 0.3, 1);
        [end.q(), end.p()].concat()
    };
    let columns: Vec<Vec<f64>> = (0..4)
        .map(|column| {
            let (mut plus, mut minus) = (x, x);
            plus[column] += h;
            minus[column] -= h;
            after(plus).iter().zip(after(minus)).map(|(plus, minus)| (plus - minus) / (2.0 * h)).collect()
        })
        .collect();
    let form = |a: &[f64], b: &[f64]| a[0] * b[2] + a[1] * b[3] - a[2] * b[0] - a[3] * b[1];
    let mut defect = 0.0f64;
    for (i, a) in columns.iter().enumerate() {
        for (j, b) in columns.iter().enumerate() {
            let canonical = if j == i + 2 {
                1.0
            } else if i == j + 2 {
                -1.0
            } else {
                0.0
            };
            defect = defect.max((form(a, b) - canonical).abs());
        }
    }
    defect
}

#[test]
fn symplectic_schemes_preserve_the_symplectic_form_and_the_others_do_not() {
    for Claim { name, symplectic, stepper, .. } in schemes() {
        let defect = symplectic_defect(stepper, &mut HenonHeiles);
        assert_eq!(defect < 1e-8, symplectic, "{name}: {defect:e}");
    }
}

fn energy_error_max<M: Model<f64>>(
    stepper: &dyn Stepper<M, f64, 2>,
    model: &mut M,
    start: &State<f64, 2>,
    steps: usize,
) -> f64 {
    let mut state = start.clone();
    let initial = model.energy(state.q(), state.p());
    let mut largest = 0.0f64;
    for _ in 0..steps {
        stepper.step(model, &mut state, &[], 0.1).unwrap();
        largest = largest.max((model.energy(state.q(), state.p()) - initial).abs());
    }
    largest
}

#[test]
fn explicit_euler_fails_the_energy_bound_that_symplectic_schemes_keep() {
    let start = state(&[1.0], &[0.0]);
    for Claim { name, order, symplectic, stepper, .. } in schemes() {
        if name != "rk4" {
            let error = energy_error_max(stepper, &mut Pendulum, &start, 2_000);
            let bound = if order == 1 { 0.1 } else { 2e-3 };
            assert_eq!(error < bound, symplectic, "{name}: {error:e}");
        }
    }
}

#[test]
fn leapfrog_drifts_where_energy_is_not_separable_and_implicit_schemes_do_not() {
    let start = state(&[0.5], &[0.0]);
    let (midpoint, verlet) = (ImplicitMidpoint::new(30).unwrap(), StormerVerlet::new(30).unwrap());
    let error = |stepper: &dyn Stepper<Mixed, f64, 2>, steps| {
        energy_error_max(stepper, &mut Mixed { q: 0.5, p: 0.0 }, &start, steps)
    };
    let (short, long) = (error(&LEAPFROG, 100), error(&LEAPFROG, 10_000));
    assert!(long > 5.0 * short, "leapfrog: {short:e} then {long:e}");
    for implicit in [&midpoint as &dyn Stepper<Mixed, f64, 2>, &verlet] {
        let (short, long) = (error(implicit, 100), error(implicit, 10_000));
        assert!(long < 1.2 * short, "{short:e} then {long:e}");
    }
}

#[test]
fn the_midpoint_residual_shrinks_with_every_iteration() {
    let residual = |iterations| {
        let mut state = state(&[1.0], &[0.5]);
        ImplicitMidpoint::new(iterations).unwrap().step(&mut Pendulum, &mut state, &[], 0.1).unwrap()
    };
    for iterations in 1..6 {
        assert!(residual(iterations + 1) < 0.2 * residual(iterations), "{iterations}");
    }
    assert!(residual(30) < 1e-15);
}

#[test]
fn coefficients_advance_both_halves_by_exactly_one_step() {
    for scheme in SPLITTINGS {
        let id = SchemeId::from_name(scheme.name).unwrap();
        assert_eq!((scheme.order, Some(scheme)), (id.order(), Splitting::of(id)));
        assert_eq!(scheme.needs_quadratic, id.needs_quadratic(), "{}", scheme.name);
        assert_eq!(scheme.kick.len(), scheme.drift.len(), "{}", scheme.name);
        for coefficients in [scheme.kick, scheme.drift] {
            assert!((coefficients.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{}", scheme.name);
        }
    }
    let reversible: Vec<&str> =
        SPLITTINGS.iter().filter(|table| table.is_symmetric()).map(|table| table.name).collect();
    assert_eq!(reversible, ["leapfrog", "position-verlet", "yoshida4", "yoshida6", "blanes-moan4"]);
    // 2 w₁³ + w₀³ = 0 is the condition for order 4 (Hairer et al., Geometric Numerical Integration, theorem II.4.1).
    let [outer, inner, ..] = *YOSHIDA_4.drift else { panic!("four stages") };
    assert!((2.0 * outer.powi(3) + inner.powi(3)).abs() < 1e-14);
}

/// T = p²/2 + p⁴/4 and V = 1 − cos q: not quadratic.
struct Quartic;

impl Model<f64> for Quartic {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        p[0] * p[0] / 2.0 + p[0].powi(4) / 4.0 + 1.0 - q[0].cos()
    }
    fn field(&mut self, q: &[f64], p: &[f64], u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        self.velocity(p, dq);
        self.force(q, u, dp);
    }
}

impl Separable<f64> for Quartic {
    fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
        dq[0] = p[0] + p[0].powi(3);
    }
    fn force(&mut self, q: &[f64], _u: &[f64], dp: &mut [f64]) {
        dp[0] = -q[0].sin();
    }
}

#[test]
fn a_kinetic_energy_that_is_not_quadratic_costs_the_order_of_exactly_the_schemes_that_say_so() {
    let start = state(&[1.0], &[0.6]);
    let exact = run(&RungeKutta4, &mut Quartic, &start, 1.0 / 8192.0, 16384);
    for (claim, table) in schemes().iter().zip(SPLITTINGS) {
        let observed = observed_order(claim, &mut Quartic, &start, &exact);
        let kept = observed > f64::from(claim.order) - 0.3;
        assert_eq!(kept, !table.needs_quadratic, "{}: {observed}", claim.name);
    }
}

/// On the pendulum, at equal forces per unit of time: errors of energy against `yoshida4`.
#[test]
fn the_optimised_schemes_of_order_four_are_worth_their_forces() {
    let start = state(&[1.5], &[0.0]);
    let error = |stepper: &dyn Stepper<Pendulum, f64, 2>, forces: usize| {
        let (mut state, steps) = (start.clone(), 300 * 50 / forces);
        let initial = Pendulum.energy(state.q(), state.p());
        let mut largest = 0.0f64;
        for _ in 0..steps {
            stepper.step(&mut Pendulum, &mut state, &[], forces as f64 / 50.0).unwrap();
            largest = largest.max((Pendulum.energy(state.q(), state.p()) - initial).abs());
        }
        largest
    };
    let (yoshida, blanes_moan) = (error(&YOSHIDA_4, 3), error(&BLANES_MOAN_4, 6));
    assert!(blanes_moan < 0.2 * yoshida, "{blanes_moan:e} against {yoshida:e}");
}

#[test]
fn a_free_particle_moves_exactly_as_far_as_its_velocity_says() {
    struct Free;
    impl Model<f64> for Free {
        fn dof(&self) -> usize {
            1
        }
        fn inputs(&self) -> usize {
            0
        }
        fn energy(&mut self, _q: &[f64], p: &[f64]) -> f64 {
            p[0] * p[0] / 2.0
        }
        fn field(&mut self, _q: &[f64], p: &[f64], _u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
            (dq[0], dp[0]) = (p[0], 0.0);
        }
    }
    impl Separable<f64> for Free {
        fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
            dq[0] = p[0];
        }
        fn force(&mut self, _q: &[f64], _u: &[f64], dp: &mut [f64]) {
            dp[0] = 0.0;
        }
    }
    for Claim { name, stepper, .. } in schemes() {
        let end = run(stepper, &mut Free, &state(&[0.25], &[0.5]), 0.125, 80);
        assert_eq!(end.p(), [0.5], "{name}");
        assert!((end.q()[0] - 5.25).abs() < 1e-13, "{name}: {}", end.q()[0]);
    }
}

/// The trajectory that `docs/NUMERICS.md` gives the hash of.
#[test]
fn the_reference_trajectory_has_the_documented_hash() {
    struct Reference;
    impl Model<f32> for Reference {
        fn dof(&self) -> usize {
            1
        }
        fn inputs(&self) -> usize {
            0
        }
        fn energy(&mut self, q: &[f32], p: &[f32]) -> f32 {
            (p[0] * p[0] + q[0] * q[0]) * f32::HALF
        }
        fn field(&mut self, q: &[f32], p: &[f32], _u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
            dq[0] = p[0];
            dp[0] = -q[0];
        }
    }
    impl Separable<f32> for Reference {
        fn velocity(&mut self, p: &[f32], dq: &mut [f32]) {
            dq[0] = p[0];
        }
        fn force(&mut self, q: &[f32], _u: &[f32], dp: &mut [f32]) {
            dp[0] = -q[0];
        }
    }
    let mut state = State::<f32, 1>::new(&[1.0], &[0.0]).unwrap();
    let mut hash = TrajectoryHash::new();
    hash.update(&state);
    for _ in 0..1_000 {
        LEAPFROG.step(&mut Reference, &mut state, &[], 0.1).unwrap();
        hash.update(&state);
    }
    let page = include_str!("../../../docs/NUMERICS.md");
    let stated = format!("`0x{:016X}`", hash.value());
    assert!(page.contains(&stated), "docs/NUMERICS.md does not state {stated}");
}
