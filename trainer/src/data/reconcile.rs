//! Noisy states made consistent with derivatives that are better than they are.
//!
//! Where ẋ is given, x(t) = x₀ + ∫ẋ dt along a trajectory, so that only x₀ is unknown: the mean of x − ∫ẋ dt over all its rows
//! estimates it with the noise of one row divided by √rows. A field that is fitted at these states instead of the measured ones
//! is not shrunk by errors in variables (Fuller, *Measurement Error Models*, 1987, section 1.1). Whether the states or the
//! derivatives are the noisy ones is decided by what is left over: noise of states is white and exceeds the error of the integral, errors of integrated
//! derivatives are smooth.

use super::integral::{NODES, centre_columns, cumulative_integrals};
use super::{Dataset, Trajectory, as_f64};

/// Least ratio of von Neumann (*Ann. Math. Stat.* 12, 1941), halved, for what is left over to count as white: 1 is expected of
/// white noise, 0 of anything smooth.
const WHITE_FROM: f64 = 0.5;
/// Least ratio of what is left over to the difference between integrals of two orders, which exceeds the error of the better one.
const ABOVE_QUADRATURE: f64 = 3.0;
/// Samples of the coarser integral.
const COARSE_NODES: usize = 4;
/// Shortest trajectory whose first state is estimated.
const MIN_ROWS: usize = 6;

/// Data whose noisy coordinates were replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// The data, with the derivatives as given.
    pub data: Dataset,
    /// Standard deviation of the noise found in each coordinate `[q…, p…]`; 0 where the coordinate was left as it was.
    pub noise: Vec<f64>,
}

/// Replaces each coordinate that is noisier than its integrated derivative; trajectories without times or derivatives, or of
/// fewer than six rows, stay as they are.
#[must_use]
pub fn reconcile(data: &Dataset) -> Reconciled {
    let (dof, width) = (data.dof, 2 * data.dof);
    let leftovers = |nodes: usize| -> Vec<Option<Vec<f64>>> {
        data.trajectories.iter().map(|one| leftover(one, dof, nodes)).collect()
    };
    let (coarse, leftovers) = (leftovers(COARSE_NODES), leftovers(NODES));
    let noise: Vec<f64> = (0..width)
        .map(|column| {
            let noise = white_noise(&leftovers, column, width).unwrap_or(0.0);
            if noise > ABOVE_QUADRATURE * difference(&leftovers, &coarse, column, width) { noise } else { 0.0 }
        })
        .collect();
    let mut reconciled = data.clone();
    for (trajectory, leftover) in reconciled.trajectories.iter_mut().zip(&leftovers) {
        let Some(leftover) = leftover else { continue };
        for (row, errors) in leftover.chunks_exact(width).enumerate() {
            for (column, error) in errors.iter().enumerate().filter(|(column, _)| noise[*column] > 0.0) {
                match column.checked_sub(dof) {
                    None => trajectory.q[row * dof + column] -= error,
                    Some(column) => trajectory.p[row * dof + column] -= error,
                }
            }
        }
    }
    Reconciled { data: reconciled, noise }
}

/// x − x₀ − ∫ẋ dt with the best x₀, `[rows × 2n]`.
fn leftover(trajectory: &Trajectory, dof: usize, nodes: usize) -> Option<Vec<f64>> {
    let derivative = trajectory.derivative.as_ref().filter(|_| trajectory.time.len() >= MIN_ROWS)?;
    let mut states = trajectory.states(dof);
    let integrals = cumulative_integrals(&trajectory.time, derivative, 2 * dof, nodes);
    states.iter_mut().zip(integrals).for_each(|(state, integral)| *state -= integral);
    centre_columns(&mut states, 2 * dof);
    Some(states)
}

/// Root mean square difference of one column.
fn difference(fine: &[Option<Vec<f64>>], coarse: &[Option<Vec<f64>>], column: usize, width: usize) -> f64 {
    let values = |all: &[Option<Vec<f64>>]| -> Vec<f64> {
        all.iter().flatten().flat_map(|one| one.iter().skip(column).step_by(width).copied()).collect()
    };
    let (fine, coarse) = (values(fine), values(coarse));
    (fine.iter().zip(&coarse).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / as_f64(fine.len().max(1))).sqrt()
}

/// The deviation of one column over all trajectories, if it is white.
fn white_noise(leftovers: &[Option<Vec<f64>>], column: usize, width: usize) -> Option<f64> {
    let (mut squares, mut changes, mut count) = (0.0, 0.0, 0);
    for leftover in leftovers.iter().flatten() {
        let values: Vec<f64> = leftover.iter().skip(column).step_by(width).copied().collect();
        squares += values.iter().map(|value| value * value).sum::<f64>();
        changes += values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f64>();
        count += values.len() - 1;
    }
    (squares > 0.0 && changes >= WHITE_FROM * 2.0 * squares).then(|| (squares / as_f64(count)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source};
    use crate::random::Stream;

    /// q = sin t, p = cos t over 40 rows, with noise on q, p and the derivatives.
    fn data(noise: [f64; 3]) -> Dataset {
        let trajectories = (0..10).map(|index| {
            let mut stream = Stream::new(1, "noise", index);
            let time: Vec<f64> = (0..40).map(|row| 0.08 * f64::from(row)).collect();
            let phase = |t: f64| t + 0.7 * index as f64;
            Trajectory {
                source: Source { name: "made".to_owned(), first_row: 0 },
                q: time.iter().map(|t| phase(*t).sin() + stream.normal(0.0, noise[0])).collect(),
                p: time.iter().map(|t| phase(*t).cos() + stream.normal(0.0, noise[1])).collect(),
                u: Vec::new(),
                derivative: Some(
                    time.iter()
                        .flat_map(|t| [phase(*t).cos(), -phase(*t).sin()])
                        .map(|value| value + stream.normal(0.0, noise[2]))
                        .collect(),
                ),
                time,
            }
        });
        Dataset::new(Names::canonical(1, 0), trajectories.collect()).unwrap()
    }

    fn error(found: &[f64], truth: &Dataset) -> f64 {
        let exact: Vec<f64> = truth.trajectories.iter().flat_map(|one| one.q.clone()).collect();
        (found.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / exact.len() as f64).sqrt()
    }

    #[test]
    fn noise_is_estimated_and_shrinks_by_the_root_of_the_rows() {
        let (noisy, truth) = (data([0.1, 0.0, 0.0]), data([0.0; 3]));
        let reconciled = reconcile(&noisy);
        // 390 degrees of freedom: the deviation is known to 3.6 %, taken three times.
        assert!((reconciled.noise[0] - 0.1).abs() < 0.011, "{:?}", reconciled.noise);
        let q: Vec<f64> = reconciled.data.trajectories.iter().flat_map(|one| one.q.clone()).collect();
        // 0.1/√40 = 0.016 is expected of ten trajectories.
        assert!(error(&q, &truth) < 0.03, "{}", error(&q, &truth));
        // p was clean: what is left over is the error of the integral, about 1e-9.
        let p_moved = reconciled.data.trajectories.iter().zip(&truth.trajectories);
        assert!(p_moved.flat_map(|(a, b)| a.p.iter().zip(&b.p)).all(|(a, b)| (a - b).abs() < 1e-7));
    }

    #[test]
    fn clean_states_with_noisy_derivatives_stay_as_they_are() {
        let noisy = data([0.0, 0.0, 0.1]);
        let reconciled = reconcile(&noisy);
        assert_eq!((reconciled.noise, reconciled.data), (vec![0.0; 2], noisy));
    }

    #[test]
    fn clean_states_stay_as_they_are_where_rows_are_too_far_apart_to_integrate() {
        let mut sparse = data([0.0; 3]);
        for one in &mut sparse.trajectories {
            let every = |values: &[f64], width: usize| -> Vec<f64> {
                values.chunks_exact(width).step_by(6).flatten().copied().collect()
            };
            one.derivative = one.derivative.as_deref().map(|values| every(values, 2));
            [one.time, one.q, one.p] = [&one.time, &one.q, &one.p].map(|values| every(values, 1));
        }
        assert_eq!(reconcile(&sparse).data, sparse);
    }

    #[test]
    fn data_without_times_or_derivatives_stay_as_they_are() {
        let mut bare = data([0.1; 3]);
        bare.trajectories.iter_mut().for_each(|one| one.derivative = None);
        assert_eq!(reconcile(&bare).data, bare);
        let mut timeless = data([0.1; 3]);
        timeless.trajectories.iter_mut().for_each(|one| one.time.clear());
        assert_eq!(reconcile(&timeless).data, timeless);
    }
}
