//! Windows that follow each other: multiple shooting.
//!
//! The windows of a trajectory form a chain; each has a first state of its own, and a penalty on the gap between the end of one
//! and the start of the next replaces the single long rollout, whose error grows exponentially with its length (Bock and
//! Plitt, *A multiple shooting algorithm for direct solution of optimal control problems*, 1984; Turan and Jäschke, *Multiple
//! shooting for training neural differential equations on time series*, 2021). Chains in a batch are filled up to the longest.

use std::ops::Range;

use super::windows::Windows;

/// Which windows an item holds.
#[derive(Debug)]
pub(super) struct Chains {
    chains: Vec<Range<usize>>,
    len: usize,
}

/// One row of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    /// The window.
    pub(super) window: usize,
    /// Whether it counts; a chain that is shorter than the longest repeats its last window without weight.
    pub(super) counts: bool,
    /// Whether the next row starts where it ends.
    pub(super) continues: bool,
}

impl Chains {
    /// Every window for itself.
    pub(super) fn loose(windows: &Windows) -> Self {
        Self { chains: (0..windows.count).map(|window| window..window + 1).collect(), len: 1 }
    }

    /// All windows of a trajectory in one item.
    pub(super) fn joined(windows: &Windows) -> Self {
        let mut chains: Vec<Range<usize>> = Vec::new();
        for (window, (trajectory, _)) in windows.origins.iter().enumerate() {
            match chains.last_mut() {
                Some(chain) if windows.origins[chain.start].0 == *trajectory => chain.end = window + 1,
                _ => chains.push(window..window + 1),
            }
        }
        let len = chains.iter().map(ExactSizeIterator::len).max().unwrap_or(1);
        Self { chains, len }
    }

    /// Number of items.
    pub(super) fn count(&self) -> usize {
        self.chains.len()
    }

    /// Rows of an item.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The rows of some items.
    pub(super) fn links(&self, items: &[usize]) -> Vec<Link> {
        let link = |chain: &Range<usize>, at: usize| {
            let window = chain.start + at;
            Link { window: window.min(chain.end - 1), counts: window < chain.end, continues: window + 1 < chain.end }
        };
        items.iter().flat_map(|item| (0..self.len).map(move |at| link(&self.chains[*item], at))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_follow_trajectories_and_short_ones_are_filled_up() {
        let windows = Windows { count: 3, origins: vec![(0, 0), (0, 5), (1, 0)], ..Windows::default() };
        let chains = Chains::joined(&windows);
        assert_eq!((chains.count(), chains.len()), (2, 2));
        let link = |window, counts, continues| Link { window, counts, continues };
        let expected = [link(2, true, false), link(2, false, false), link(0, true, true), link(1, true, false)];
        assert_eq!(chains.links(&[1, 0]), expected);
        assert_eq!(Chains::loose(&windows).links(&[1]), [link(1, true, false)]);
    }
}
