//! The slope of a noisy series, with an honest standard error.
//!
//! An energy error oscillates with the motion and wanders with rounding, so its samples are far from independent, and the
//! textbook standard error would call any series a trend. The series is cut into [`BLOCKS`] blocks; a line is fitted to
//! their means by least squares (the oscillation averages out), and the standard error of its slope is widened by
//! √((1 + ρ)/(1 − ρ)) for the lag-1 correlation ρ of the residuals (Bartlett 1935; Santer et al., J. Geophys. Res. 105
//! (2000) 7337, equation 6, where it appears as the effective sample size).

/// Blocks that a series is cut into.
pub const BLOCKS: usize = 40;
/// Fewest values that give a slope: two in each block.
pub const MIN_VALUES: usize = 2 * BLOCKS;
/// Largest correlation that is corrected for; beyond it the fit has no information left.
const MAX_CORRELATION: f64 = 0.99;

/// A slope per unit of time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Slope {
    /// Change per unit of time.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

impl Slope {
    /// Whether 0 lies outside the value's interval of `width` standard errors.
    #[must_use]
    pub fn is_significant(&self, width: f64) -> bool {
        self.value.abs() > width * self.standard_error
    }
}

/// Fits a line to `values`, taken every `interval` of time. A series shorter than [`MIN_VALUES`] gives no slope.
#[must_use]
pub fn slope(values: &[f64], interval: f64) -> Option<Slope> {
    let block_len = values.len() / BLOCKS;
    if block_len < 2 || interval <= 0.0 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let means: Vec<f64> =
        values.chunks_exact(block_len).take(BLOCKS).map(|block| block.iter().sum::<f64>() / block_len as f64).collect();
    let count = means.len() as f64;
    let spacing = block_len as f64 * interval;
    let mean = means.iter().sum::<f64>() / count;
    let centred = |block: usize| (block as f64 - (count - 1.0) / 2.0) * spacing;
    let squares: f64 = (0..means.len()).map(|block| centred(block).powi(2)).sum();
    let value = means.iter().enumerate().map(|(block, level)| centred(block) * (level - mean)).sum::<f64>() / squares;
    let residuals: Vec<f64> =
        means.iter().enumerate().map(|(block, level)| level - mean - value * centred(block)).collect();
    let variance: f64 = residuals.iter().map(|residual| residual * residual).sum::<f64>();
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let correlation = if variance > 0.0 { (lagged / variance).clamp(0.0, MAX_CORRELATION) } else { 0.0 };
    let widening = ((1.0 + correlation) / (1.0 - correlation)).sqrt();
    let standard_error = (variance / (count - 2.0) / squares).sqrt() * widening;
    Some(Slope { value, standard_error })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Independent noise of unit variance (sum of uniforms), from a fixed seed.
    fn noise(seed: u64, len: usize) -> Vec<f64> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..len).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
    }

    #[test]
    fn a_line_is_found_within_its_standard_error() {
        let values: Vec<f64> =
            noise(1, 10_000).iter().enumerate().map(|(step, noise)| 3.0 + 0.02 * step as f64 * 0.1 + noise).collect();
        let slope = slope(&values, 0.1).unwrap();
        assert!((slope.value - 0.02).abs() < 4.0 * slope.standard_error);
        assert!(slope.is_significant(5.0));
        // σ √(12/N³)/interval for independent noise, N = 10⁴.
        let independent = (12.0f64 / 1e12).sqrt() / 0.1;
        assert!(slope.standard_error > 0.5 * independent && slope.standard_error < 3.0 * independent);
    }

    #[test]
    fn an_oscillation_is_no_trend() {
        let values: Vec<f64> = (0..10_000).map(|step| (step as f64 * 0.37).sin()).collect();
        assert!(!slope(&values, 1.0).unwrap().is_significant(3.0));
    }

    #[test]
    fn noise_and_random_walks_are_rarely_called_trends() {
        let significant = |walk: bool| {
            (0..200)
                .filter(|seed| {
                    let mut values = noise(*seed, 4000);
                    if walk {
                        let mut total = 0.0;
                        for value in &mut values {
                            total += *value;
                            *value = total;
                        }
                    }
                    slope(&values, 1.0).unwrap().is_significant(3.0)
                })
                .count()
        };
        let (noisy, walking) = (significant(false), significant(true));
        assert!(noisy <= 4, "{noisy} of 200");
        // A walk has no slope to speak of, but wanders: the widened error still calls some a trend.
        assert!(walking <= 120, "{walking} of 200");
    }

    #[test]
    fn short_or_broken_series_have_no_slope() {
        assert_eq!(slope(&[1.0; MIN_VALUES - 1], 1.0), None);
        let mut broken = vec![0.0; 1000];
        broken[7] = f64::NAN;
        assert_eq!(slope(&broken, 1.0), None);
    }
}
