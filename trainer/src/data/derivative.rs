//! Time derivatives from samples on irregular grids.
//!
//! The weights are those of the parabola through three neighbouring samples (B. Fornberg, *Generation of finite
//! difference formulas on arbitrarily spaced grids*, Math. Comp. 51, 1988, case n = 2): exact for quadratics, error
//! f‴·h₁h₂/6 inside and f‴·h₁(h₁+h₂)/6 at the ends. Noise of size σ becomes noise of size about σ/h: for noisy
//! recordings the rollout loss, which needs no derivatives, is the better choice.

/// Derivatives of `values` `[rows × width]` at strictly increasing `time` `[rows]`.
///
/// Inside, with h₁ = tᵢ − tᵢ₋₁ and h₂ = tᵢ₊₁ − tᵢ,
/// f′ᵢ = −h₂/(h₁(h₁+h₂))·fᵢ₋₁ + (h₂−h₁)/(h₁h₂)·fᵢ + h₁/(h₂(h₁+h₂))·fᵢ₊₁; at the ends the same parabola is
/// differentiated at its end point. Two rows give their difference quotient, fewer give zeros.
#[must_use]
pub fn finite_differences(time: &[f64], values: &[f64], width: usize) -> Vec<f64> {
    let rows = time.len();
    let mut derivative = vec![0.0; rows * width];
    if rows < 2 || values.len() != derivative.len() {
        return derivative;
    }
    for row in 0..rows {
        let first = if rows == 2 { 0 } else { row.saturating_sub(1).min(rows - 3) };
        let weights = weights(&time[first..rows.min(first + 3)], time[row]);
        for column in 0..width {
            let terms = weights.iter().enumerate().map(|(at, weight)| weight * values[(first + at) * width + column]);
            derivative[row * width + column] = terms.sum();
        }
    }
    derivative
}

/// Weights of the derivative at `t` of the polynomial through samples at two or three nodes.
fn weights(nodes: &[f64], t: f64) -> Vec<f64> {
    match *nodes {
        [a, b, c] => vec![
            ((t - b) + (t - c)) / ((a - b) * (a - c)),
            ((t - a) + (t - c)) / ((b - a) * (b - c)),
            ((t - a) + (t - b)) / ((c - a) * (c - b)),
        ],
        [a, b] => vec![-1.0 / (b - a), 1.0 / (b - a)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: [f64; 6] = [0.0, 0.3, 0.35, 1.1, 1.2, 2.0];

    #[test]
    fn quadratics_are_differentiated_exactly_on_irregular_grids() {
        let quadratic = |t: f64| [3.0 - 2.0 * t + 5.0 * t * t, 7.0 * t];
        let values: Vec<f64> = TIME.iter().flat_map(|t| quadratic(*t)).collect();
        for (row, pair) in finite_differences(&TIME, &values, 2).chunks_exact(2).enumerate() {
            assert!((pair[0] - (10.0 * TIME[row] - 2.0)).abs() < 1e-12, "row {row}: {pair:?}");
            assert!((pair[1] - 7.0).abs() < 1e-12, "row {row}: {pair:?}");
        }
    }

    #[test]
    fn the_error_on_a_cubic_is_the_stated_one() {
        let values: Vec<f64> = TIME.iter().map(|t| t.powi(3)).collect();
        let derivative = finite_differences(&TIME, &values, 1);
        // f‴/6 = 1: the formula exceeds 3t² by −h₁h₂·(−1) inside and by −h₁(h₁+h₂) at the start.
        assert!((derivative[2] - (3.0 * 0.35 * 0.35 + 0.05 * 0.75)).abs() < 1e-12);
        assert!((derivative[0] + 0.3 * 0.35).abs() < 1e-12);
    }

    #[test]
    fn two_rows_give_their_difference_quotient() {
        assert_eq!(finite_differences(&[1.0, 3.0], &[5.0, 9.0], 1), [2.0, 2.0]);
    }
}
