//! The relative error of rollouts, as experiments with chains of pendulums report it.

use super::Motions;

/// Geometric mean, over all times but the first and over all motions, of ‖x̂ − x‖ / (‖x̂‖ + ‖x‖) with x = [q, p].
///
/// Between 0 and 1 whatever the units and however a chaotic motion parts from the true one; a motion that is predicted well at
/// first and lost later counts for both. Finzi, Wang and Wilson (2020), section 6, equation 12. The published figures have
/// velocities in the place of momenta, which is the same for unit masses. NaN where a motion is not finite.
#[must_use]
pub fn relative_error(motions: &Motions<'_>) -> f64 {
    let rows = motions.rows.max(1);
    let width = motions.truth.len() / motions.energy.len().max(1);
    let pairs = motions.predicted.chunks_exact(width.max(1)).zip(motions.truth.chunks_exact(width.max(1)));
    let (mut sum, mut count) = (0.0, 0.0);
    for (predicted, truth) in pairs.skip(rows) {
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>().sqrt();
        let apart = norm(&mut predicted.iter().zip(truth).map(|(a, b)| a - b));
        let size = norm(&mut predicted.iter().copied()) + norm(&mut truth.iter().copied());
        // A state met to the last bit is one rounding away for the logarithm.
        sum += (apart / size).max(f64::EPSILON).ln();
        count += 1.0;
    }
    if motions.predicted.iter().all(|value| value.is_finite()) { f64::exp(sum / count) } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_error_has_its_geometric_mean_and_escape_has_none() {
        let truth = [3.0, 4.0, 3.0, 4.0, 3.0, 4.0];
        let measure = |predicted: &[f64; 6]| {
            relative_error(&Motions { predicted, truth: &truth, energy: &[0.0; 3], rows: 1, horizon: 1.0 })
        };
        // ‖e‖ = 1 against 5 + √(9 + 25), then opposite states: relative error 1.
        let first = 1.0 / (5.0 + 34.0f64.sqrt());
        let found = measure(&[3.0, 4.0, 3.0, 5.0, -3.0, -4.0]);
        assert!((found - first.sqrt()).abs() < 1e-15, "{found}");
        assert!(measure(&truth) <= f64::EPSILON * 1.000_001);
        assert!(measure(&[3.0, 4.0, f64::INFINITY, 5.0, 3.0, 4.0]).is_nan());
    }
}
