//! How noisy measured columns are, before anything is learned.
//!
//! Divided differences over neighbouring rows cancel polynomials, so what is left of a smooth motion is noise. Order 2 on
//! irregular times is the estimator of Gasser, Sroka and Jennen-Steinmetz, *Residual variance and residual pattern in nonlinear
//! regression* (Biometrika 73, 1986, equation 2.5); higher orders cancel more of the motion where rows are far apart.
//! White noise of constant size is assumed: drift, filtering and quantisation far below a step are not seen.

use super::{Dataset, as_f64};

/// Orders tried; each needs one row more than its order.
const ORDERS: [usize; 3] = [2, 4, 6];
/// Fewest differences an estimate is made of.
const MIN_DIFFERENCES: usize = 8;

/// Standard deviations of the noise on each column; `None` where there are too few rows with times.
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    /// Of positions and momenta (or velocities), `[q…, p…]`.
    pub x: Vec<Option<f64>>,
    /// Of the derivatives, where every trajectory has them.
    pub dx: Option<Vec<Option<f64>>>,
}

/// Estimates the noise of every column.
#[must_use]
pub fn noise(data: &Dataset) -> Noise {
    let width = 2 * data.dof;
    let states: Vec<Vec<f64>> = data.trajectories.iter().map(|one| one.states(data.dof)).collect();
    let derivatives: Option<Vec<&Vec<f64>>> = data.trajectories.iter().map(|one| one.derivative.as_ref()).collect();
    let columns = |values: &[&[f64]]| -> Vec<Option<f64>> {
        (0..width)
            .map(|column| ORDERS.iter().filter_map(|order| level(data, values, width, column, *order)).reduce(f64::min))
            .collect()
    };
    Noise {
        x: columns(&states.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        dx: derivatives.map(|all| columns(&all.into_iter().map(Vec::as_slice).collect::<Vec<_>>())),
    }
}

/// Root mean square of normalised divided differences of one order.
///
/// For nodes t₀ … tₘ the weights are wⱼ ∝ Π_{k≠j} 1/(tⱼ − tₖ) with Σ w² = 1: white noise of deviation σ gives values of that same
/// deviation, a polynomial of degree below m gives 0.
fn level(data: &Dataset, values: &[&[f64]], width: usize, column: usize, order: usize) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for (trajectory, values) in data.trajectories.iter().zip(values) {
        for (first, nodes) in trajectory.time.windows(order + 1).enumerate() {
            let weights = weights(nodes);
            let terms = weights.iter().enumerate().map(|(at, weight)| weight * values[(first + at) * width + column]);
            sum += terms.sum::<f64>().powi(2);
            count += 1;
        }
    }
    (count >= MIN_DIFFERENCES).then(|| (sum / as_f64(count)).sqrt())
}

fn weights(nodes: &[f64]) -> Vec<f64> {
    // In units of the span, so that no product overflows.
    let span = nodes.last().zip(nodes.first()).map_or(1.0, |(last, first)| last - first);
    let weight = |at: usize| -> f64 {
        let others = nodes.iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, node)| span / (nodes[at] - node)).product()
    };
    let raw: Vec<f64> = (0..nodes.len()).map(weight).collect();
    let norm = raw.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
    raw.iter().map(|weight| weight / norm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source, Trajectory};
    use crate::random::Stream;

    /// Motions q = A cos(2t + φ), p = −2A sin(2t + φ) at times jittered by up to 0.4 of the step, with noise on q and p.
    fn motions(trajectories: usize, rows: usize, noise: [f64; 2]) -> Dataset {
        let made = |index: usize| {
            let mut stream = Stream::new(5, "noise test", index as u64);
            let (size, phase) = (stream.uniform(0.5, 1.5), stream.uniform(0.0, 6.0));
            let time: Vec<f64> = (0..rows).map(|row| 0.1 * as_f64(row) + stream.uniform(-0.04, 0.04)).collect();
            Trajectory {
                source: Source { name: "made".to_owned(), first_row: index },
                q: time.iter().map(|t| size * (2.0 * t + phase).cos() + stream.normal(0.0, noise[0])).collect(),
                p: time.iter().map(|t| -2.0 * size * (2.0 * t + phase).sin() + stream.normal(0.0, noise[1])).collect(),
                u: Vec::new(),
                derivative: None,
                time,
            }
        };
        Dataset::new(Names::canonical(1, 0), (0..trajectories).map(made).collect()).unwrap()
    }

    #[test]
    fn known_noise_is_found_on_irregular_times() {
        let found = noise(&motions(40, 40, [0.1, 0.02]));
        for (found, truth) in found.x.iter().zip([0.1, 0.02]) {
            let ratio = found.unwrap() / truth;
            assert!((0.92..1.08).contains(&ratio), "{ratio}");
        }
        assert_eq!(found.dx, None);
    }

    #[test]
    fn clean_motions_show_almost_none_and_short_ones_nothing() {
        let found = noise(&motions(10, 40, [0.0, 0.0]));
        assert!(found.x.iter().all(|level| level.unwrap() < 1e-3), "{found:?}");
        assert_eq!(noise(&motions(10, 2, [0.1, 0.1])).x, [None, None]);
    }

    #[test]
    fn differences_cancel_polynomials_and_keep_the_size_of_noise() {
        let nodes = [0.0, 0.3, 0.35, 1.1, 1.2];
        let weights = weights(&nodes);
        let applied = |f: &dyn Fn(f64) -> f64| weights.iter().zip(nodes).map(|(weight, t)| weight * f(t)).sum::<f64>();
        assert!(applied(&|t| 2.0 - 3.0 * t + t * t - 4.0 * t * t * t).abs() < 1e-13);
        assert!(applied(&|t| t.powi(4)).abs() > 1e-4);
        assert!((weights.iter().map(|weight| weight * weight).sum::<f64>() - 1.0).abs() < 1e-14);
    }
}
