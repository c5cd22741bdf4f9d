//! Integrals of sampled functions on irregular grids.
//!
//! On each interval the polynomial through the nearest samples is integrated exactly (closed interpolatory
//! quadrature; Davis and Rabinowitz, *Methods of Numerical Integration*, 2nd ed. 1984, section 2.5): with six samples the error of
//! an interval of length h is of order h⁷ for smooth functions, and 0 for polynomials of degree 5.

use super::as_f64;

/// Most samples that one interval looks at.
pub(crate) const NODES: usize = 6;
/// Gauss–Legendre points of order 6 on [−1, 1], with their weights: exact for the polynomials through [`NODES`] samples.
const GAUSS: [(f64, f64); 3] =
    [(-0.774_596_669_241_483_4, 5.0 / 9.0), (0.0, 8.0 / 9.0), (0.774_596_669_241_483_4, 5.0 / 9.0)];

/// `∫ f dt` from the first row to each row, `[rows × width]`, of samples `[rows × width]` at strictly increasing `time`; an
/// interval looks at `nodes` samples, at most [`NODES`], or all where there are fewer.
#[must_use]
pub(crate) fn cumulative_integrals(time: &[f64], values: &[f64], width: usize, nodes: usize) -> Vec<f64> {
    let rows = time.len();
    let mut integrals = vec![0.0; values.len()];
    let nodes = nodes.clamp(2, NODES).min(rows);
    for last in 1..rows {
        let first_node = (last - 1).saturating_sub(nodes / 2 - 1).min(rows - nodes);
        let weights = interval_weights(&time[first_node..first_node + nodes], time[last - 1], time[last]);
        let (done, rest) = integrals.split_at_mut(last * width);
        let (sums, before) = (&mut rest[..width], &done[(last - 1) * width..]);
        sums.copy_from_slice(before);
        for (node, weight) in weights.iter().enumerate() {
            let row = &values[(first_node + node) * width..(first_node + node + 1) * width];
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    integrals
}

/// Weights of the samples at `nodes` in the integral from `from` to `to` of the polynomial through them.
fn interval_weights(nodes: &[f64], from: f64, to: f64) -> Vec<f64> {
    let (centre, half) = (0.5 * (from + to), 0.5 * (to - from));
    let basis = |at: usize, t: f64| -> f64 {
        let others = nodes.iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, node)| (t - node) / (nodes[at] - node)).product()
    };
    let weight =
        |at: usize| half * GAUSS.iter().map(|(point, weight)| weight * basis(at, centre + half * point)).sum::<f64>();
    (0..nodes.len()).map(weight).collect()
}

/// Subtracts its mean over the rows from each column of `[rows × width]`.
pub(crate) fn centre_columns(values: &mut [f64], width: usize) {
    let rows = values.len() / width.max(1);
    let mut mean = vec![0.0; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value / as_f64(rows));
    }
    for row in values.chunks_exact_mut(width) {
        row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_up_to_degree_five_are_integrated_exactly_on_irregular_grids() {
        let time = [0.0, 0.3, 0.35, 1.1, 1.2, 2.0, 2.4, 3.0];
        let values: Vec<f64> = time.iter().flat_map(|t: &f64| [6.0 * t.powi(5) - t, 2.0]).collect();
        for (row, pair) in cumulative_integrals(&time, &values, 2, NODES).chunks_exact(2).enumerate() {
            let t = time[row];
            let exact = t.powi(6) - 0.5 * t * t;
            assert!((pair[0] - exact).abs() < 1e-10 * (1.0 + exact.abs()), "row {row}: {} for {exact}", pair[0]);
            assert!((pair[1] - 2.0 * t).abs() < 1e-12);
        }
        // Degree six is not: the rule is no better than it says.
        let sixth: Vec<f64> = time.iter().map(|t| t.powi(6)).collect();
        let found = cumulative_integrals(&time, &sixth, 1, NODES)[7];
        assert!((found - 3f64.powi(7) / 7.0).abs() > 1e-6);
    }

    #[test]
    fn two_rows_give_the_trapezoid_and_one_gives_nothing() {
        assert_eq!(cumulative_integrals(&[1.0, 3.0], &[5.0, 9.0], 1, NODES), [0.0, 14.0]);
        assert_eq!(cumulative_integrals(&[1.0], &[5.0], 1, NODES), [0.0]);
    }

    #[test]
    fn centred_columns_have_mean_zero() {
        let mut values = vec![1.0, 10.0, 3.0, 20.0];
        centre_columns(&mut values, 2);
        assert_eq!(values, [-1.0, -5.0, 1.0, 5.0]);
    }
}
