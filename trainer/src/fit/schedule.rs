//! Learning rate and order of the data, as functions of the step alone.

use crate::random::Stream;

/// Cosine decay from `rate` to `rate · final_fraction`. Loshchilov and Hutter, *SGDR* (2017), equation 5, without restarts.
#[expect(clippy::cast_precision_loss, reason = "step counts are bounded by MAX_STEPS")]
pub(super) fn cosine(step: u64, steps: u64, rate: f64, final_fraction: f64) -> f64 {
    let last = steps.saturating_sub(1).max(1);
    let position = (step.min(last) as f64) / (last as f64);
    // libm, so that two machines agree on the rate.
    let share = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * position));
    rate * (final_fraction + (1.0 - final_fraction) * share)
}

/// Which items each step sees: every epoch is a new permutation, cut into equal batches; a remainder waits for another epoch.
#[derive(Debug)]
pub(super) struct Order {
    seed: u64,
    items: usize,
    batch: usize,
}

impl Order {
    pub(super) fn new(seed: u64, items: usize, batch: Option<usize>) -> Self {
        Self { seed, items, batch: batch.unwrap_or(items).clamp(1, items.max(1)) }
    }

    pub(super) fn batch_len(&self) -> usize {
        self.batch
    }

    /// The items of a step.
    pub(super) fn items(&self, step: u64) -> Vec<usize> {
        if self.batch == self.items {
            return (0..self.items).collect();
        }
        let per_epoch = (self.items / self.batch) as u64;
        let order = Stream::new(self.seed, "batches", step / per_epoch).permutation(self.items);
        let first = usize::try_from(step % per_epoch).unwrap_or(0) * self.batch;
        order[first..first + self.batch].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_from_the_first_to_the_last_step() {
        assert_eq!(cosine(0, 101, 2.0, 0.1), 2.0);
        assert!((cosine(50, 101, 2.0, 0.1) - 1.1).abs() < 1e-12);
        assert!((cosine(100, 101, 2.0, 0.1) - 0.2).abs() < 1e-12);
        assert_eq!(cosine(0, 1, 2.0, 0.1), 2.0);
    }

    #[test]
    fn an_epoch_sees_every_item_once() {
        let order = Order::new(5, 12, Some(4));
        let mut seen: Vec<usize> = (0..3).flat_map(|step| order.items(step)).collect();
        assert_ne!(seen[..4], order.items(3)[..]);
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<_>>());
        assert_eq!(Order::new(5, 12, None).items(7), (0..12).collect::<Vec<_>>());
    }
}
