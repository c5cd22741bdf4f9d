//! Training and held-out data.
//!
//! Rows of one motion resemble each other, so whole trajectories are held out; where there are too few to choose from,
//! the end of each is. The choice depends on the seed alone.

use super::{DataError, Dataset, as_f64};
use crate::random::Stream;

/// With fewer trajectories than this, [`SplitRule::Automatic`] holds out the end of each.
pub const TAIL_BELOW: usize = 4;

/// How data are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SplitRule {
    /// Whole trajectories where there are at least [`TAIL_BELOW`], else the end of each.
    #[default]
    Automatic,
    /// Whole trajectories, drawn by the seed.
    Trajectories,
    /// The last rows of each trajectory.
    Tails,
}

/// Two disjoint parts of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// To learn from.
    pub train: Dataset,
    /// To judge by.
    pub held_out: Dataset,
    /// The rule that was applied; never [`SplitRule::Automatic`].
    pub rule: SplitRule,
}

/// Holds out about `fraction` of the data.
///
/// # Errors
/// [`DataError::Selection`] where `fraction` is not between 0 and 1, or a part would be left without data.
pub fn split(data: &Dataset, fraction: f64, rule: SplitRule, seed: u64) -> Result<Split, DataError> {
    let refuse = |message: String| Err(DataError::Selection { message });
    if !(fraction > 0.0 && fraction < 1.0) {
        return refuse(format!("the held-out fraction is {fraction}; it must lie between 0 and 1"));
    }
    let count = data.trajectories.len();
    let rule = match rule {
        SplitRule::Automatic if count < TAIL_BELOW => SplitRule::Tails,
        SplitRule::Automatic => SplitRule::Trajectories,
        given => given,
    };
    let (mut train, mut held_out) = (Vec::new(), Vec::new());
    if rule == SplitRule::Trajectories {
        if count < 2 {
            return refuse("one trajectory cannot be split by trajectories; hold out its end instead".to_owned());
        }
        let mut chosen = vec![false; count];
        let order = Stream::new(seed, "held-out trajectories", 0).permutation(count);
        for index in &order[..share(count, fraction)] {
            chosen[*index] = true;
        }
        for (trajectory, held) in data.trajectories.iter().zip(chosen) {
            if held { &mut held_out } else { &mut train }.push(trajectory.clone());
        }
    } else {
        for trajectory in &data.trajectories {
            let rows = trajectory.rows(data.dof);
            // Two rows make one step, so both parts need two.
            if rows < 4 {
                train.push(trajectory.clone());
                continue;
            }
            let tail = share(rows, fraction).clamp(2, rows - 2);
            train.push(trajectory.part(data.dof, data.inputs, 0, rows - tail));
            held_out.push(trajectory.part(data.dof, data.inputs, rows - tail, rows));
        }
        if held_out.is_empty() {
            return refuse("every trajectory has fewer than 4 rows: none can be divided".to_owned());
        }
    }
    let part = |trajectories| Dataset::new(data.names.clone(), trajectories);
    Ok(Split { train: part(train)?, held_out: part(held_out)?, rule })
}

/// `fraction` of `count`, at least 1 and less than all.
fn share(count: usize, fraction: f64) -> usize {
    // Counting avoids a cast from float: the largest k with k ≤ fraction·count + ½.
    let target = fraction * as_f64(count) + 0.5;
    let rounded = (0..count).take_while(|k| as_f64(k + 1) <= target).count();
    rounded.clamp(1, count.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source, Trajectory};

    fn dataset(count: usize, rows: usize) -> Dataset {
        let made = |index: usize| Trajectory {
            source: Source { name: "made".to_owned(), first_row: index },
            time: (0..rows).map(as_f64).collect(),
            q: (0..rows).map(|row| as_f64(100 * index + row)).collect(),
            p: vec![0.0; rows],
            u: Vec::new(),
            derivative: None,
        };
        Dataset::new(Names::canonical(1, 0), (0..count).map(made).collect()).unwrap()
    }

    #[test]
    fn trajectories_are_held_out_whole_and_every_one_is_somewhere() {
        let data = dataset(10, 5);
        let parts = split(&data, 0.3, SplitRule::Automatic, 1).unwrap();
        assert_eq!(parts.rule, SplitRule::Trajectories);
        assert_eq!((parts.train.trajectories.len(), parts.held_out.trajectories.len()), (7, 3));
        let mut seen: Vec<usize> = parts
            .train
            .trajectories
            .iter()
            .chain(&parts.held_out.trajectories)
            .map(|one| one.source.first_row)
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
        assert_eq!(parts, split(&data, 0.3, SplitRule::Automatic, 1).unwrap());
        assert_ne!(parts, split(&data, 0.3, SplitRule::Automatic, 2).unwrap());
    }

    #[test]
    fn few_trajectories_lose_their_ends() {
        let parts = split(&dataset(1, 10), 0.2, SplitRule::Automatic, 1).unwrap();
        assert_eq!(parts.rule, SplitRule::Tails);
        assert_eq!(parts.held_out.trajectories[0].q, [8.0, 9.0]);
        assert_eq!(parts.train.trajectories[0].q.len(), 8);
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (count, rows, fraction, rule) in [
            (1, 10, 0.5, SplitRule::Trajectories),
            (3, 3, 0.5, SplitRule::Tails),
            (3, 9, 0.0, SplitRule::Tails),
            (3, 9, 1.0, SplitRule::Automatic),
            (3, 9, f64::NAN, SplitRule::Automatic),
        ] {
            assert!(split(&dataset(count, rows), fraction, rule, 1).is_err(), "{count} × {rows}, {fraction}, {rule:?}");
        }
    }
}
