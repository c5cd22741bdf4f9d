//! Tao's schemes: order and symplecticity in 4n dimensions, reversibility, how close the copies stay, and what is lost by
//! starting the copy anew in every step.

use super::*;
use crate::Error;
use crate::integrate::{TAO_OMEGA, Tao};
use crate::state::Doubled;
use crate::testing::Coupled;

type Twice = Doubled<f64, 2>;

fn tao(order: u32) -> Tao {
    let omega = f64::from(TAO_OMEGA);
    if order == 4 { Tao::fourth(omega).unwrap() } else { Tao::second(omega).unwrap() }
}

fn go<M: Model<f64>>(scheme: &Tao, model: &mut M, start: &Twice, dt: f64, steps: usize) -> Twice {
    let mut doubled = start.clone();
    (0..steps).for_each(|_| doubled.step(scheme, model, &[], dt).unwrap());
    doubled
}

fn begin() -> Twice {
    Doubled::new(state(&[0.4, -0.3], &[0.2, 0.5]))
}

#[test]
fn tao_has_its_order_where_q_and_p_mix() {
    let exact = run(&RungeKutta4, &mut Coupled, begin().first(), 1.0 / 4096.0, 8192);
    for order in [2, 4] {
        let error = |per_second: usize| {
            let end = go(&tao(order), &mut Coupled, &begin(), 1.0 / per_second as f64, 2 * per_second);
            distance(end.first(), &exact)
        };
        let observed = (error(64) / error(128)).log2();
        assert!((observed - f64::from(order)).abs() < 0.15, "order {order}: {observed}");
    }
}

/// Largest element of MᵀΩM − Ω in 4n dimensions, M the Jacobian of a step by central differences of fourth order, away from
/// the diagonal where both copies are one.
fn defect(step: impl Fn(&Twice) -> Twice) -> f64 {
    let (x, h) = ([0.4, -0.3, 0.2, 0.5, 0.35, -0.2, 0.25, 0.45], 2e-3);
    let after = |x: &[f64]| {
        let start = Doubled::from_copies(state(&x[..2], &x[2..4]), state(&x[4..6], &x[6..])).unwrap();
        let end = step(&start);
        end.first().coordinates().chain(end.second().coordinates()).collect::<Vec<f64>>()
    };
    let column = |at: usize| {
        let moved = |by: f64| {
            let mut x = x;
            x[at] += by * h;
            after(&x)
        };
        let (far, near) = ((moved(2.0), moved(-2.0)), (moved(1.0), moved(-1.0)));
        (0..8)
            .map(|row| (8.0 * (near.0[row] - near.1[row]) - (far.0[row] - far.1[row])) / (12.0 * h))
            .collect::<Vec<f64>>()
    };
    let columns: Vec<Vec<f64>> = (0..8).map(column).collect();
    // Both copies have q at 0 and 1 and p at 2 and 3 of their four.
    let form = |a: &[f64], b: &[f64]| -> f64 { [0, 1, 4, 5].iter().map(|q| a[*q] * b[q + 2] - a[q + 2] * b[*q]).sum() };
    let unit = |at: usize| (0..8).map(|row| f64::from(u8::from(row == at))).collect::<Vec<f64>>();
    let pairs = (0..8).flat_map(|i| (0..8).map(move |j| (i, j)));
    pairs.map(|(i, j)| (form(&columns[i], &columns[j]) - form(&unit(i), &unit(j))).abs()).fold(0.0, f64::max)
}

#[test]
fn tao_is_symplectic_in_four_n_dimensions() {
    for order in [2, 4] {
        let found = defect(|start| go(&tao(order), &mut Coupled, start, 0.05, 1));
        assert!(found < 1e-10, "order {order}: {found:e}");
    }
    // The control: both copies by Runge–Kutta, which is nearly, but not, symplectic.
    let not = defect(|start| {
        let each = |copy: &State<f64, 2>| run(&RungeKutta4, &mut Coupled, copy, 0.2, 1);
        Doubled::from_copies(each(start.first()), each(start.second())).unwrap()
    });
    assert!(not > 1e-7, "{not:e}");
}

/// The map that starts the copy anew in every step, so that it has 2n dimensions.
struct Projected(Tao);

impl<M: Model<f64>> Stepper<M, f64, 2> for Projected {
    fn advance(&self, model: &mut M, state: &mut State<f64, 2>, u: &[f64], dt: f64) -> Result<f64, Error> {
        let mut doubled = Doubled::new(state.clone());
        doubled.step(&self.0, model, u, dt)?;
        *state = doubled.first().clone();
        Ok(0.0)
    }
}

#[test]
fn the_copy_has_to_be_kept_for_energy_to_stay() {
    let projected = symplectic_defect(&Projected(tao(2)), &mut Coupled);
    assert!(projected > 1e-5, "{projected:e}");
    let energy = |state: &State<f64, 2>| Coupled.energy(state.q(), state.p());
    let first = energy(begin().first());
    let (mut kept, mut renewed, mut errors) = (begin(), begin().first().clone(), Vec::new());
    for _ in 0..20 {
        for _ in 0..2_000 {
            kept.step(&tao(2), &mut Coupled, &[], 0.05).unwrap();
            Projected(tao(2)).step(&mut Coupled, &mut renewed, &[], 0.05).unwrap();
        }
        errors.push([(energy(kept.first()) - first).abs(), (energy(&renewed) - first).abs()]);
    }
    let largest = |which: usize| errors.iter().map(|pair| pair[which]).fold(0.0, f64::max);
    assert!(largest(0) < 5e-3 && largest(1) > 10.0 * largest(0), "{:e} {:e}", largest(0), largest(1));
}

#[test]
fn tao_is_reversible() {
    for order in [2, 4] {
        let mut end = go(&tao(order), &mut Coupled, &begin(), 0.05, 200);
        end.reverse();
        let mut back = go(&tao(order), &mut Coupled, &end, 0.05, 200);
        back.reverse();
        let missed = distance(back.first(), begin().first()).max(distance(back.second(), begin().second()));
        assert!(missed < 1e-11, "order {order}: {missed:e}");
    }
}

#[test]
fn the_copies_stay_as_close_as_the_scheme_is_accurate() {
    let separation = |dt: f64| {
        let mut doubled = begin();
        let mut largest = 0.0f64;
        for _ in 0..(500.0 / dt) as usize {
            doubled.step(&tao(2), &mut Coupled, &[], dt).unwrap();
            largest = largest.max(doubled.separation());
        }
        largest
    };
    let (coarse, fine) = (separation(0.04), separation(0.02));
    assert!(coarse < 0.02, "{coarse:e}");
    assert!((3.0..5.0).contains(&(coarse / fine)), "{coarse:e} {fine:e}");
}

#[test]
fn what_cannot_be_doubled_or_bound_is_refused() {
    for omega in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Tao::second(omega), Err(Error::Binding));
        assert_eq!(Tao::fourth(omega), Err(Error::Binding));
    }
    let one = state(&[0.1], &[0.2]);
    assert_eq!(Doubled::from_copies(one.clone(), state(&[0.1, 0.0], &[0.2, 0.0])), Err(Error::StateLength));
    let mut doubled = Doubled::new(one);
    assert_eq!(doubled.step(&tao(2), &mut Coupled, &[], 0.1), Err(Error::StateLength));
    let mut far = Doubled::new(state(&[1e300, 0.0], &[1e300, 0.0]));
    let before = far.clone();
    assert_eq!(far.step(&tao(2), &mut Coupled, &[], 0.1), Err(Error::NonFinite));
    assert_eq!(far, before);
}
