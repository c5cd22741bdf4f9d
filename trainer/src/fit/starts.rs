//! Learned first states of windows, and Adam for those that a batch contains.

use crate::execute::{Arithmetic, Real};

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Offsets of first states from their measurement, in deviations of the data, with the moments of Adam.
///
/// Only rows of the batch move, each with its own count of visits ("lazy" Adam): a dense optimiser would push all others
/// along their old moments. Kept in f64; rounded where uploaded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Starts {
    pub(crate) width: usize,
    pub(crate) offsets: Vec<f64>,
    pub(crate) moment_1: Vec<f64>,
    pub(crate) moment_2: Vec<f64>,
    pub(crate) visits: Vec<u64>,
}

impl Starts {
    /// Offsets of 0 for `items` windows of `width` coordinates; nothing where `width` is 0.
    #[must_use]
    pub fn new(items: usize, width: usize) -> Self {
        let zeros = vec![0.0; items * width];
        let visits = if width == 0 { Vec::new() } else { vec![0; items] };
        Self { width, offsets: zeros.clone(), moment_1: zeros.clone(), moment_2: zeros, visits }
    }

    /// For other windows: slot i begins where slot `slots[i]` of these ended, or at the measurement.
    pub(super) fn carried(&self, items: usize, width: usize, slots: &[Option<usize>]) -> Self {
        let mut next = Self::new(items, width);
        if width == 0 || self.width == 0 {
            return next;
        }
        let slot = (items * width).checked_div(slots.len()).unwrap_or(0);
        for (to, from) in slots.iter().enumerate().filter_map(|(to, from)| Some((to * slot, (*from)? * slot))) {
            let columns = [
                (&mut next.offsets, &self.offsets),
                (&mut next.moment_1, &self.moment_1),
                (&mut next.moment_2, &self.moment_2),
            ];
            for (target, source) in columns {
                if let (Some(target), Some(source)) = (target.get_mut(to..to + slot), source.get(from..from + slot)) {
                    target.copy_from_slice(source);
                }
            }
            if let (Some(target), Some(source)) = (next.visits.get_mut(to / width), self.visits.get(from / self.width))
            {
                *target = *source;
            }
        }
        next
    }

    pub(super) fn fits(&self, other: &Self) -> bool {
        let lengths = |starts: &Self| {
            [starts.width, starts.offsets.len(), starts.moment_1.len(), starts.moment_2.len(), starts.visits.len()]
        };
        lengths(self) == lengths(other)
    }

    /// The offsets of some windows, `[items, width]`, if any are learned.
    pub(super) fn gather(&self, items: &[usize], arithmetic: &Arithmetic) -> Option<Real> {
        let row = |item: &usize| self.offsets[item * self.width..(item + 1) * self.width].iter().copied();
        let values: Vec<f64> = items.iter().flat_map(row).collect();
        (self.width > 0).then(|| arithmetic.upload(&[items.len(), self.width], &values))
    }

    /// Kingma and Ba, *Adam* (2015), algorithm 1, for the rows of `items`.
    pub(super) fn step(&mut self, items: &[usize], gradient: &[f64], rate: f64) {
        for (item, gradient) in items.iter().zip(gradient.chunks_exact(self.width)) {
            self.visits[*item] += 1;
            let visits = i32::try_from(self.visits[*item]).unwrap_or(i32::MAX);
            let (correct_1, correct_2) = (1.0 - BETA_1.powi(visits), 1.0 - BETA_2.powi(visits));
            for (column, slope) in gradient.iter().enumerate() {
                let at = item * self.width + column;
                self.moment_1[at] = BETA_1 * self.moment_1[at] + (1.0 - BETA_1) * slope;
                self.moment_2[at] = BETA_2 * self.moment_2[at] + (1.0 - BETA_2) * slope * slope;
                let size = (self.moment_2[at] / correct_2).sqrt() + EPSILON;
                self.offsets[at] -= rate * (self.moment_1[at] / correct_1) / size;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_move_with_their_rows_into_other_windows() {
        let mut short = Starts::new(3, 2);
        short.offsets = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        short.visits = vec![7, 8, 9];
        let long = short.carried(2, 2, &[Some(0), Some(2)]);
        assert_eq!((&long.offsets[..], &long.visits[..]), (&[1.0, 2.0, 5.0, 6.0][..], &[7, 9][..]));
        // Two slots per item: the second has no predecessor and starts at its measurement.
        let joined = short.carried(1, 4, &[Some(1), None]);
        assert_eq!((&joined.offsets[..], &joined.visits[..]), (&[3.0, 4.0, 0.0, 0.0][..], &[8][..]));
        assert_eq!(Starts::default().carried(0, 0, &[]), Starts::default());
        // Windows whose first states are measured have nothing to carry.
        assert_eq!(Starts::new(3, 0).carried(2, 0, &[Some(0), Some(2)]), Starts::new(2, 0));
    }
}
