//! Metrics on cases computed by hand, and the grey box on made and on measured recordings.

use std::path::PathBuf;

use super::*;
use crate::data::{self, Dataset, MissingPolicy, Momentum, Names, Selection, Source, Trajectory};
use crate::system::{self as systems, Settings};

mod measured;
mod model;
mod schema;
mod two_link;

/// q(t) = t², v and u given per row.
fn parabola(times: &[f64]) -> Dataset {
    let trajectory = Trajectory {
        source: Source { name: "made".to_owned(), first_row: 0 },
        time: times.to_vec(),
        q: times.iter().map(|t| t * t).collect(),
        p: times.iter().map(|t| 2.0 * t).collect(),
        u: times.to_vec(),
        derivative: None,
    };
    Dataset::new(Names::canonical(1, 1), vec![trajectory]).unwrap()
}

/// Moves on with the measured velocity, and remembers the inputs it was given.
struct Straight {
    seen: Vec<f64>,
}

impl Predictor for Straight {
    fn dof(&self) -> usize {
        1
    }

    fn inputs(&self) -> usize {
        1
    }

    fn step(&mut self, x: &mut [f64], u: &[f64], dt: &[f64]) -> Result<(), EvaluationError> {
        for (state, dt) in x.chunks_exact_mut(2).zip(dt) {
            state[0] += state[1] * dt;
        }
        self.seen.extend_from_slice(u);
        Ok(())
    }
}

#[test]
fn windows_follow_each_other_and_leave_the_rest() {
    let data = parabola(&[0.0, 1.0, 2.0, 2.5, 3.0, 4.5, 5.0]);
    let pairs: Vec<(usize, usize)> = cut(&data, 2.0).iter().map(|window| (window.start, window.end)).collect();
    // 0–2 s, then 2–4.5 s because no row lies at 4 s; the rest is too short.
    assert_eq!(pairs, [(0, 2), (2, 5)]);
    assert!(cut(&data, 6.0).is_empty());
}

#[test]
fn window_errors_are_those_computed_by_hand() {
    let data = parabola(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    let mut straight = Straight { seen: Vec::new() };
    let metrics = windows(&data, &mut straight, 2.0).unwrap();
    // From t₀ the straight line misses t² by (t − t₀)²: errors 1 and 4 in both windows.
    assert_eq!((metrics.windows, metrics.samples, metrics.diverged), (2, 4, 0));
    assert!((metrics.rmse.unwrap() - (17.0f64 / 2.0).sqrt()).abs() < 1e-14);
    assert_eq!((metrics.median_at_end, metrics.quantile_90_at_end), (Some(4.0), Some(4.0)));
    // The input of a row is held from that row on: rows 0, 2 together, then rows 1, 3; row 4 starts nothing.
    assert_eq!(straight.seen, [0.0, 2.0, 1.0, 3.0]);
}

#[test]
fn a_diverged_window_is_counted_and_hides_no_error() {
    struct Exploding(usize);
    impl Predictor for Exploding {
        fn dof(&self) -> usize {
            1
        }

        fn inputs(&self) -> usize {
            1
        }

        fn step(&mut self, x: &mut [f64], _: &[f64], _: &[f64]) -> Result<(), EvaluationError> {
            x[..2 * self.0].fill(f64::NAN);
            Ok(())
        }
    }
    let data = parabola(&[0.0, 1.0, 2.0, 3.0, 4.0]);
    let metrics = windows(&data, &mut Exploding(1), 1.0).unwrap();
    assert_eq!((metrics.windows, metrics.diverged, metrics.rmse), (4, 1, None));
    assert!(metrics.median_at_end.is_some() && metrics.quantile_90_at_end.is_none());
}

#[test]
fn predictors_of_other_dimensions_and_windows_without_room_are_refused() {
    let data = parabola(&[0.0, 1.0, 2.0]);
    let error = windows(&data, &mut Straight { seen: Vec::new() }, 3.0).unwrap_err();
    assert_eq!(error.to_string(), "no window of 3 s fits into the data");
    let mut wide = data;
    wide.inputs = 0;
    wide.trajectories[0].u.clear();
    let error = windows(&wide, &mut Straight { seen: Vec::new() }, 1.0).unwrap_err();
    assert_eq!(error.to_string(), "the data have 1 positions and 0 inputs, the predictor 1 and 1");
}

#[test]
fn quantiles_interpolate_between_order_statistics() {
    let values = [3.0, 1.0, 2.0, 4.0];
    for (level, expected) in [(0.0, 1.0), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
        assert!((quantile(&values, level) - expected).abs() < 1e-14, "{level}");
    }
    assert_eq!(quantile(&[1.0, f64::NAN, 2.0], 0.5), 2.0);
    assert!(quantile(&[1.0, f64::NAN], 0.9).is_infinite());
    assert!(quantile(&[], 0.5).is_nan());
}

#[test]
fn motion_metrics_are_those_computed_by_hand() {
    // Two motions, three times, two coordinates; energies 5, 5 at the start.
    let truth = [0.0; 12];
    let predicted = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0];
    let energy = [5.0, 5.0, 6.0, 5.0, 7.0, 4.0];
    let motions = Motions { predicted: &predicted, truth: &truth, energy: &energy, rows: 2, horizon: 2.0 };
    let metrics = motion_metrics(&motions);
    // Motion 0: energy errors 0, 1, 2, squares 5/3; motion 1: 0, 0, −1, squares 1/3.
    assert!((metrics.energy_mse.unwrap() - 1.0).abs() < 1e-15);
    assert!((metrics.energy_mse_median.unwrap() - 1.0).abs() < 1e-15);
    assert_eq!(metrics.energy_error_max, Some(2.0));
    // Coordinates: (1 + 1 + 4)/6 and 9/6.
    assert!((metrics.coordinate_mse.unwrap() - 1.25).abs() < 1e-15);
    // Slopes 1 and −1/2 per second.
    assert!((metrics.energy_drift_per_s.unwrap() - 0.25).abs() < 1e-15);
    // A tenth of 5 is exceeded at time 1 by the first, at time 2 by the second.
    assert_eq!(metrics.survived_s_median, Some(0.5));
    let (predicted, energy) = ([f64::NAN; 4], [1.0, f64::NAN]);
    let diverged =
        motion_metrics(&Motions { predicted: &predicted, truth: &[0.0; 4], energy: &energy, rows: 1, horizon: 1.0 });
    assert_eq!((diverged.diverged, diverged.energy_mse, diverged.energy_error_max), (1, None, None));
}
