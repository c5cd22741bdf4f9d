//! Seeded random streams: one independent stream for every purpose.
//!
//! A stream is named by the run's seed, a label and an index, so that drawing more noise never changes the initial
//! states, and trajectory 7 is the same whether 8 or 800 are made. The same names give the same numbers on every machine
//! with IEEE arithmetic. It knows no tensors and no data.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::StandardNormal;
use sha2::{Digest, Sha256};

/// A reproducible source of random numbers.
#[derive(Debug, Clone)]
pub struct Stream {
    generator: ChaCha12Rng,
}

impl Stream {
    /// The stream of that name: ChaCha12 keyed with SHA-256 of (seed, index, label).
    #[must_use]
    pub fn new(seed: u64, label: &str, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(index.to_le_bytes());
        hash.update(label.as_bytes());
        Self { generator: ChaCha12Rng::from_seed(hash.finalize().into()) }
    }

    /// Uniform in `[low, high)`.
    #[must_use]
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        let unit: f64 = self.generator.random();
        low + (high - low) * unit
    }

    /// Normal with the given mean and standard deviation.
    #[must_use]
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let unit: f64 = self.generator.sample(StandardNormal);
        mean + deviation * unit
    }

    /// Uniform in `0..bound`; 0 where `bound` is 0.
    #[must_use]
    pub fn below(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.generator.random_range(0..bound) }
    }

    /// A uniformly drawn order of `0..len` (Fisher–Yates).
    #[must_use]
    pub fn permutation(&mut self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        for last in (1..len).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_numbers_and_another_name_does_not() {
        let draw = |seed, label, index| Stream::new(seed, label, index).uniform(0.0, 1.0);
        assert_eq!(draw(1, "noise", 0).to_bits(), draw(1, "noise", 0).to_bits());
        for other in [draw(2, "noise", 0), draw(1, "start", 0), draw(1, "noise", 1)] {
            assert_ne!(draw(1, "noise", 0).to_bits(), other.to_bits());
        }
    }

    #[test]
    fn draws_have_the_stated_moments() {
        let mut stream = Stream::new(7, "moments", 0);
        let count = 40_000;
        let normal: Vec<f64> = (0..count).map(|_| stream.normal(2.0, 3.0)).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(count);
        let variance = normal.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(count);
        // Five standard errors: 3/√count and 9·√(2/count).
        assert!((mean - 2.0).abs() < 0.075, "mean {mean}");
        assert!((variance - 9.0).abs() < 0.32, "variance {variance}");
        let uniform: Vec<f64> = (0..count).map(|_| stream.uniform(-1.0, 3.0)).collect();
        assert!(uniform.iter().all(|value| (-1.0..3.0).contains(value)));
        assert!((uniform.iter().sum::<f64>() / f64::from(count) - 1.0).abs() < 0.03);
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = Stream::new(3, "order", 0).permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert!(Stream::new(3, "order", 0).permutation(0).is_empty());
    }
}
