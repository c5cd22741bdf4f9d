//! How long a prediction holds, and how fast its clock runs.
//!
//! The valid time asks when a predicted state has become useless, the phase rate how much the predicted oscillation runs
//! ahead of or behind the true one, which is what a coordinate error over a long time mostly measures.

use std::f64::consts::TAU;

use super::metrics::{Motions, mean};
use crate::data::as_f64;

/// A prediction is valid while its normalised error is at most this, as in Pathak et al. (2018).
pub const VALID_BELOW: f64 = 0.4;
/// Fewest motions whose spread gives a confidence interval.
const INTERVAL_MOTIONS_MIN: usize = 3;
/// The 97.5 % quantile of the normal distribution.
const NORMAL_975: f64 = 1.959_963_984_540_054;

/// Time until the normalised error of each motion first exceeds [`VALID_BELOW`]; the horizon where it never does.
///
/// E(t)² = mean over the 2n coordinates of ((x̂ᵢ(t) − xᵢ(t))/sᵢ)², sᵢ the standard deviation of coordinate i over all true
/// motions and times. Pathak et al., *Hybrid Forecasting of Chaotic Processes* (2018), have one scale for all
/// coordinates; positions and momenta need one each. A coordinate that never varies takes the largest of the other scales.
pub(super) fn valid_seconds(motions: &Motions<'_>) -> Vec<f64> {
    let scales = deviations(motions);
    let bound = VALID_BELOW * VALID_BELOW;
    let last = as_f64(motions.times().saturating_sub(1).max(1));
    let valid = |row: usize| {
        let pairs = motions.states(motions.predicted, row).zip(motions.states(motions.truth, row));
        let errors = pairs.map(|(predicted, truth)| {
            mean(predicted.iter().zip(truth).zip(&scales).map(|((a, b), scale)| ((a - b) / scale).powi(2)))
        });
        // Written so that NaN ends it, too.
        let times = errors.take_while(|error| *error <= bound).count();
        // The first time at which it is no longer valid, or the horizon.
        motions.horizon * (as_f64(times) / last).min(1.0)
    };
    (0..motions.rows).map(valid).collect()
}

/// Standard deviation of each coordinate over all true states.
fn deviations(motions: &Motions<'_>) -> Vec<f64> {
    let states = motions.energy.len().max(1);
    let width = motions.truth.len() / states;
    let column = |at: usize| motions.truth.iter().skip(at).step_by(width.max(1)).copied();
    let mut scales: Vec<f64> = (0..width)
        .map(|at| {
            let centre = mean(column(at));
            mean(column(at).map(|value| (value - centre).powi(2))).sqrt()
        })
        .collect();
    let largest = scales.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    scales.iter_mut().filter(|scale| **scale == 0.0).for_each(|scale| *scale = largest);
    scales
}

/// Relative error ω̂/ω − 1 of the angular frequency of q₁, of every motion that has one in truth and prediction.
pub(super) fn phase_rate_errors(motions: &Motions<'_>) -> Vec<f64> {
    let of = |states: &[f64], row: usize| angular_frequency(motions, states, row);
    (0..motions.rows)
        .filter_map(|row| Some(of(motions.predicted, row)? / of(motions.truth, row)? - 1.0))
        .filter(|error| error.is_finite())
        .collect()
}

/// Mean angular frequency of q₁ in rad/s: from its first to its last upward passage through its mean, 2π each.
///
/// Times of passages are interpolated linearly. `None` for fewer than two passages.
fn angular_frequency(motions: &Motions<'_>, states: &[f64], row: usize) -> Option<f64> {
    let first: Vec<f64> = motions.states(states, row).map(|state| state[0]).collect();
    let centre = mean(first.iter().copied());
    let interval = motions.horizon / as_f64(motions.times().saturating_sub(1).max(1));
    let passages: Vec<f64> = first
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| pair[0] < centre && pair[1] >= centre)
        .map(|(at, pair)| interval * (as_f64(at) + (centre - pair[0]) / (pair[1] - pair[0])))
        .collect();
    match passages[..] {
        [begin, .., end] => Some(TAU * as_f64(passages.len() - 1) / (end - begin)),
        _ => None,
    }
}

/// The 95 % confidence interval of the mean of independent values, after Student. `None` below three values.
pub(super) fn confidence_interval(values: &[f64]) -> Option<[f64; 2]> {
    if values.len() < INTERVAL_MOTIONS_MIN || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let (count, centre) = (as_f64(values.len()), mean(values.iter().copied()));
    let variance = values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (count - 1.0);
    let half = student_975(count - 1.0) * (variance / count).sqrt();
    Some([centre - half, centre + half])
}

/// The 97.5 % quantile of Student's distribution, to 1 % for two or more degrees of freedom.
///
/// Abramowitz and Stegun, *Handbook of Mathematical Functions* (1964), 26.7.5.
fn student_975(freedom: f64) -> f64 {
    let z = NORMAL_975;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
        (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z) / 92160.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + z
}

#[cfg(test)]
mod tests {
    use super::*;

    /// q = cos ωt, p = −sin ωt of two motions at `times` times up to `horizon`, the second with twice the amplitude.
    fn circles(rate: f64, times: usize, horizon: f64) -> Vec<f64> {
        let at = |step: usize| horizon * as_f64(step) / as_f64(times - 1);
        let pair = |t: f64, size: f64| [size * (rate * t).cos(), -size * (rate * t).sin()];
        (0..times).flat_map(|step| [pair(at(step), 1.0), pair(at(step), 2.0)].concat()).collect()
    }

    fn motions<'a>(predicted: &'a [f64], truth: &'a [f64], energy: &'a [f64], horizon: f64) -> Motions<'a> {
        Motions { predicted, truth, energy, rows: 2, horizon }
    }

    #[test]
    fn a_clock_that_runs_fast_is_found_out() {
        let (times, horizon) = (2001, 20.0);
        let (truth, fast) = (circles(2.0, times, horizon), circles(2.02, times, horizon));
        let energy = vec![1.0; 2 * times];
        let errors = phase_rate_errors(&motions(&fast, &truth, &energy, horizon));
        assert_eq!(errors.len(), 2);
        // q₁ passes its mean, not 0, and 20 s hold no whole number of turns: both means are close to 0 only.
        assert!(errors.iter().all(|error| (error - 0.01).abs() < 2e-4), "{errors:?}");
        let none = phase_rate_errors(&motions(&truth[..8], &truth[..8], &energy[..4], 0.01));
        assert!(none.is_empty(), "a motion without a turn has no frequency: {none:?}");
    }

    #[test]
    fn the_valid_time_of_a_phase_error_is_its_closed_form() {
        let (times, horizon) = (4001, 40.0);
        let (truth, fast) = (circles(2.0, times, horizon), circles(2.02, times, horizon));
        let energy = vec![1.0; 2 * times];
        let found = valid_seconds(&motions(&fast, &truth, &energy, horizon));
        // |x̂ − x| = 2 a sin(δt/2) with δ = 0.02, and both scales are √(mean a²/2): a² is 1 and 4.
        let scale = 1.25f64.sqrt();
        for (found, size) in found.iter().zip([1.0, 2.0]) {
            let reached = VALID_BELOW * scale * 2.0f64.sqrt() / (2.0 * size);
            let expected = 2.0 / 0.02 * reached.asin();
            assert!((found - expected.min(horizon)).abs() < 0.5, "{found} instead of {expected}");
        }
        assert_eq!(valid_seconds(&motions(&truth, &truth, &energy, horizon)), [horizon; 2]);
        let mut broken = fast;
        broken[2000] = f64::NAN;
        assert_eq!(valid_seconds(&motions(&broken, &truth, &energy, horizon))[0], 5.0);
    }

    #[test]
    fn student_quantiles_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.10.
        for (freedom, expected) in [(2.0, 4.303), (4.0, 2.776), (14.0, 2.145), (120.0, 1.980)] {
            assert!((student_975(freedom) / expected - 1.0).abs() < 0.01, "{freedom}: {}", student_975(freedom));
        }
        let [low, high] = confidence_interval(&[1.0, 2.0, 3.0]).unwrap();
        // 2 ± 4.303/√3.
        assert!((low + 0.484).abs() < 0.03 && (high - 4.484).abs() < 0.03, "{low} {high}");
        assert_eq!(confidence_interval(&[1.0, 2.0]), None);
    }
}
