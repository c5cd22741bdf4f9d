//! What the data look like: moments and box for normalisation, sampled states for the manifest.
//!
//! Both are functions of the rows alone, without randomness.

use super::Dataset;

/// Most states kept for validation.
pub const MAX_SAMPLES: usize = 256;

/// Column-wise summary of `[rows × width]` values.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean of each column.
    pub mean: Vec<f64>,
    /// Standard deviation of each column (divided by the number of rows).
    pub deviation: Vec<f64>,
    /// Smallest value of each column.
    pub min: Vec<f64>,
    /// Largest value of each column.
    pub max: Vec<f64>,
}

/// Summary of states and inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Of `x = [q…, p…]`, 2n columns.
    pub x: Moments,
    /// Of `u`, m columns.
    pub u: Moments,
    /// Of the time steps, one column; empty where no time was recorded.
    pub dt: Moments,
    /// Median time step, where time was recorded.
    pub dt_median: Option<f64>,
}

/// States and inputs for validation.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Number of samples.
    pub count: usize,
    /// States, `[count × 2n]`.
    pub x: Vec<f64>,
    /// Inputs, `[count × m]`.
    pub u: Vec<f64>,
}

impl Moments {
    /// Of row-major values; empty for no rows.
    #[must_use]
    pub fn of(values: &[f64], width: usize) -> Self {
        let rows = values.chunks_exact(width.max(1));
        let count = as_f64(rows.len());
        let columns = if rows.len() == 0 { 0 } else { width };
        let fold = |start: f64, merge: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            (0..columns).map(|at| rows.clone().fold(start, |sum, row| merge(sum, row[at]))).collect()
        };
        let mean: Vec<f64> = fold(0.0, &|sum, value| sum + value).iter().map(|sum| sum / count).collect();
        let variance = |at: usize| rows.clone().map(|row| (row[at] - mean[at]).powi(2)).sum::<f64>() / count;
        Self {
            deviation: (0..columns).map(|at| variance(at).sqrt()).collect(),
            min: fold(f64::INFINITY, &f64::min),
            max: fold(f64::NEG_INFINITY, &f64::max),
            mean,
        }
    }
}

/// Summarises a dataset.
#[must_use]
pub fn statistics(data: &Dataset) -> Statistics {
    let rows = data.rows();
    let mut steps: Vec<f64> = data.trajectories.iter().flat_map(super::Trajectory::intervals).collect();
    let dt = Moments::of(&steps, 1);
    steps.sort_by(f64::total_cmp);
    Statistics {
        x: Moments::of(&rows.x, 2 * data.dof),
        u: Moments::of(&rows.u, data.inputs),
        dt,
        dt_median: steps.get(steps.len() / 2).copied(),
    }
}

/// At most `limit` rows, evenly spread over the dataset, first to last.
#[must_use]
pub fn samples(data: &Dataset, limit: usize) -> Samples {
    let rows = data.rows();
    let count = rows.count.min(limit);
    let (mut x, mut u) = (Vec::new(), Vec::new());
    for sample in 0..count {
        let row = sample * rows.count / count;
        x.extend_from_slice(&rows.x[row * 2 * data.dof..(row + 1) * 2 * data.dof]);
        u.extend_from_slice(&rows.u[row * data.inputs..(row + 1) * data.inputs]);
    }
    Samples { count, x, u }
}

/// A count as a number; exact below 2⁵³, which no count here reaches.
#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source, Trajectory};

    #[test]
    fn moments_match_a_hand_computed_case() {
        let moments = Moments::of(&[1.0, 10.0, 3.0, 10.0, 5.0, 40.0], 2);
        assert_eq!(moments.mean, [3.0, 20.0]);
        assert!((moments.deviation[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((moments.deviation[1] - 200.0f64.sqrt()).abs() < 1e-14);
        assert_eq!((moments.min, moments.max), (vec![1.0, 10.0], vec![5.0, 40.0]));
        assert!(Moments::of(&[], 2).mean.is_empty());
        assert!(Moments::of(&[], 0).mean.is_empty());
    }

    #[test]
    fn samples_are_spread_over_all_rows() {
        let rows = 1000;
        let trajectory = Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            time: (0..rows).map(as_f64).collect(),
            q: (0..rows).map(as_f64).collect(),
            p: vec![0.5; rows],
            u: vec![0.25; rows],
            derivative: None,
        };
        let data = Dataset::new(Names::canonical(1, 1), vec![trajectory]).unwrap();
        let samples = samples(&data, MAX_SAMPLES);
        assert_eq!((samples.count, samples.x.len(), samples.u.len()), (256, 512, 256));
        assert_eq!((samples.x[0], samples.x[1], samples.x[510]), (0.0, 0.5, 996.0));
        assert_eq!(super::samples(&data, 2000).count, 1000);
        assert_eq!(statistics(&data).dt_median, Some(1.0));
    }
}
