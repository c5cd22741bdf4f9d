//! Measurement noise for simulated sensors, the same on every machine.

use oorandom::Rand32;

/// Uniform numbers in a sum; twelve have variance 1.
const SUMMANDS: u32 = 12;

/// A stream of nearly normal numbers, mean 0 and variance 1: sums of uniform ones, within ±6.
#[derive(Debug, Clone)]
pub struct Noise(Rand32);

impl Noise {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rand32::new(seed))
    }

    /// The next number.
    pub fn sample(&mut self) -> f32 {
        let mut sum = -0.5 * SUMMANDS as f32;
        for _ in 0..SUMMANDS {
            sum += self.0.rand_float();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::Noise;

    #[test]
    fn noise_has_mean_zero_and_variance_one() {
        let mut noise = Noise::new(7);
        let samples: [f64; 20_000] = core::array::from_fn(|_| f64::from(noise.sample()));
        let mean = samples.iter().sum::<f64>() / 20_000.0;
        let variance = samples.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f64>() / 20_000.0;
        // Three standard errors: 1/√20000 and √(2/20000).
        assert!(mean.abs() < 0.021 && (variance - 1.0).abs() < 0.03, "mean {mean}, variance {variance}");
    }
}
