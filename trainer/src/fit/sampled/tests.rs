//! The closed form against independent least squares, exact answers, and what it must refuse.

use std::sync::atomic::AtomicBool;

use nalgebra::{DMatrix, DVector};

use super::ridge::{Normal, Sizes, Triangle, Unknowns, factor, solve};
use super::*;
use crate::architecture::{self, Energy, Kind, Kinetic};
use crate::fit::{self, Method, Settings, Silent, fit};
use crate::random::Stream;
use crate::{loss, system};

fn data(name: &str, noise: f64, derivatives: bool) -> system::Generated {
    let system = system::find(name).unwrap();
    let protocol = system::Protocol { trajectories: 16, held_out: 4, rows: 40, noise, derivatives, ..system.reference };
    system::generate(system, &system::Settings::new(), &protocol, 3).unwrap()
}

fn sampled(data: &system::Generated, settings: &architecture::Settings) -> Result<(Architecture, Sampled), FitError> {
    let built = architecture::build(settings, &Scaling::measure(&data.train), 1).unwrap();
    let optimiser = Settings::default();
    let task = Task {
        architecture: &built,
        train: &data.train,
        held_out: Some(&data.held_out),
        loss: &loss::Settings::Field,
        settings: &optimiser,
    };
    let found = sample(task)?;
    Ok((built, found))
}

/// Mean squared error of ẋ on clean states with true derivatives.
fn clean_error(data: &system::Generated, settings: &architecture::Settings) -> f64 {
    let (built, found) = sampled(data, settings).unwrap();
    let model = built.model.bind(&|name| found.parameters.get(name).cloned()).unwrap();
    crate::evaluate::test_loss(&model, &data.held_out_clean).unwrap()
}

fn separable(hidden: usize) -> architecture::Settings {
    architecture::Settings { hidden: vec![hidden], ..architecture::Settings::default() }
}

#[test]
fn the_ridge_solution_is_that_of_an_independent_least_squares() {
    let (rows, count, ridge) = (60, 5, 1e-13);
    let mut stream = Stream::new(2, "equations", 0);
    let a = DMatrix::from_fn(rows, count, |_, column| stream.normal(0.0, 10f64.powi(column as i32 - 2)));
    let b = DVector::from_fn(rows, |_, _| stream.normal(0.0, 1.0));
    let mut triangle = Triangle::new(count);
    // In uneven portions, so that reductions are interleaved with gathering.
    for portion in [0..7, 7..50, 50..60] {
        triangle.absorb(
            portion.flat_map(|row| (0..count).map(|at| a[(row, at)]).chain([b[row]]).collect::<Vec<_>>()).collect(),
        );
    }
    triangle.reduce();
    let (found, freedom) = Normal::new(&triangle, &Unknowns::all(5)).solve(ridge, true).unwrap();
    let expected = a.clone().svd(true, true).solve(&b, 0.0).unwrap();
    for (found, expected) in found.iter().zip(expected.iter()) {
        assert!((found - expected).abs() < 1e-9 * expected.abs().max(1e-3), "{found} instead of {expected}");
    }
    assert!((freedom - 5.0).abs() < 1e-9, "five free unknowns count as {freedom}");
}

#[test]
fn a_bound_on_cancellation_raises_the_ridge_or_refuses() {
    // Two nearly equal columns of opposite weight: b = (x₁ − x₂)·1000.
    let equations = || {
        let mut triangle = Triangle::new(2);
        let mut stream = Stream::new(4, "equations", 0);
        for _ in 0..40 {
            let (x, y) = (stream.normal(0.0, 1.0), stream.normal(0.0, 1e-3));
            triangle.absorb(vec![x, x + y, 1000.0 * y]);
        }
        triangle
    };
    let unknowns = Unknowns::all(2);
    let size = |value: f64| Sizes { rows: vec![value, value], unknowns: 2 };
    let free = solve(equations(), None, &unknowns, &size(1e-6)).unwrap();
    assert!((free.weights[1] - 1000.0).abs() < 1.0, "{:?}", free.weights);
    let bounded = solve(equations(), None, &unknowns, &size(1.0)).unwrap();
    assert!(bounded.cancellation <= MAX_CANCELLATION && bounded.ridge > free.ridge && bounded.error > free.error);
    assert!(solve(equations(), None, &unknowns, &size(1e9)).is_none());
}

#[test]
fn a_mass_matrix_is_recovered_and_made_positive_where_it_is_not() {
    let (found, positive) = factor(&[4.0, 2.0, 5.0], 2, 1e-6).unwrap();
    // [[4, 2], [2, 5]] = L Lᵀ with L = [[2, 0], [1, 2]].
    assert!(positive && found.iter().zip([2.0, 0.0, 1.0, 2.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    let (found, positive) = factor(&[1.0, 0.0, -1.0], 2, 0.01).unwrap();
    assert!(!positive && (found[3] - 0.1).abs() < 1e-12, "{found:?}");
    assert!(factor(&[-1.0], 1, 1e-6).is_none());
}

#[test]
fn clean_data_are_learned_almost_exactly_by_every_architecture_that_declares_something() {
    let clean = data("pendulum", 0.0, true);
    let angles = vec![0];
    for (settings, bound) in [
        (architecture::Settings { angles: angles.clone(), ..separable(32) }, 1e-7),
        (architecture::Settings { angles: angles.clone(), kinetic: Kinetic::Network, ..separable(32) }, 1e-4),
        (architecture::Settings { kind: Kind::Mlp, angles, ..separable(128) }, 1e-3),
        // Two layers, both drawn.
        (architecture::Settings { hidden: vec![32, 32], ..separable(32) }, 1e-4),
    ] {
        let error = clean_error(&clean, &settings);
        assert!(error < bound, "{settings:?}: {error:e}");
    }
}

#[test]
fn noise_on_states_does_not_shrink_the_field_where_derivatives_are_given() {
    let noisy = data("spring", 0.1, true);
    let (_, found) = sampled(&noisy, &separable(16)).unwrap();
    let factor = found.parameters["mass_factor"].data()[0].powi(2);
    let scaling = Scaling::measure(&noisy.train);
    let inverse_mass = factor * scaling.q_rate[0] / scaling.p[0];
    // H = q² + p², M⁻¹ = 2. Least squares at the measured states shrinks it by 0.1²/E p², about 5 %.
    assert!((inverse_mass - 2.0).abs() < 0.02, "{inverse_mass}");
}

#[test]
fn without_derivatives_the_integrated_equations_are_fitted() {
    let clean = data("pendulum", 0.0, false);
    let settings = architecture::Settings { angles: vec![0], ..separable(32) };
    assert!(clean.train.rows().dx.is_none());
    let error = clean_error(&clean, &settings);
    assert!(error < 1e-5, "{error:e}");
    let noisy = clean_error(&data("pendulum", 0.05, false), &settings);
    assert!(noisy < 0.05, "{noisy:e}");
}

#[test]
fn the_terms_of_what_is_found_do_not_cancel_beyond_the_bound() {
    for units in [8, 200] {
        let (_, found) = sampled(&data("pendulum", 0.0, true), &separable(units)).unwrap();
        assert!(found.cancellation <= MAX_CANCELLATION, "{}", found.cancellation);
    }
}

#[test]
fn the_same_seed_gives_the_same_weights_and_training_goes_on_from_them() {
    let clean = data("pendulum", 0.0, true);
    let (built, found) = sampled(&clean, &separable(16)).unwrap();
    assert_eq!(found, sampled(&clean, &separable(16)).unwrap().1);
    let losses = [Method::Adam, Method::SampledAdam, Method::Sampled].map(|method| {
        let settings = Settings { method, steps: 20, rate: 1e-5, ..Settings::default() };
        let task = Task {
            architecture: &built,
            train: &clean.train,
            held_out: Some(&clean.held_out),
            loss: &loss::Settings::Field,
            settings: &settings,
        };
        let fitted = fit(task, None, &mut Silent, &AtomicBool::new(false)).unwrap();
        assert_eq!(fitted.outcome, fit::Outcome::Finished);
        (fitted.checkpoint.step, fitted.checkpoint.best_loss.unwrap())
    });
    assert_eq!(losses.map(|(step, _)| step), [20, 20, 1]);
    assert!(losses[1].1 < 1e-3 * losses[0].1 && losses[2].1 < 1e-3 * losses[0].1, "{losses:?}");
}

#[test]
fn what_cannot_be_solved_in_closed_form_is_refused() {
    let clean = data("spring", 0.0, true);
    let refusal = |settings: &architecture::Settings| sampled(&clean, settings).unwrap_err().to_string();
    let port = architecture::Settings { kind: Kind::Port, energy: Energy::Separable, ..separable(8) };
    assert!(refusal(&port).contains("friction or inputs"), "{}", refusal(&port));
    let mut built = architecture::build(&separable(8), &Scaling::measure(&clean.train), 1).unwrap();
    built.linear = Linear::default();
    let settings = Settings::default();
    let task = Task {
        architecture: &built,
        train: &clean.train,
        held_out: None,
        loss: &loss::Settings::Field,
        settings: &settings,
    };
    assert!(sample(task).unwrap_err().to_string().contains("declares none"));
}
