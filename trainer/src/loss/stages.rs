//! A curriculum: windows that grow while training goes on.
//!
//! Short windows have a smooth loss and cost little, long ones decide. Each stage has an equal share of the optimiser's steps; a
//! learned first state is carried over to the window of the next stage that starts at the same row. Units of errors are those
//! of the last stage throughout, so that stages compare and offsets keep their meaning.

use super::{LossError, Rollout};

/// Most stages of a curriculum.
pub const MAX_STAGES: usize = 16;

/// The settings of every stage, the last being those of the whole.
pub(super) fn of(settings: &Rollout) -> Result<Vec<Rollout>, LossError> {
    let lengths = &settings.curriculum;
    if lengths.is_empty() {
        return Ok(vec![settings.clone()]);
    }
    let grows = lengths.windows(2).all(|pair| pair[0] < pair[1]) && lengths[0] > 0;
    if !grows || lengths.last() != Some(&settings.steps) || lengths.len() > MAX_STAGES {
        return Err(LossError::Setting(format!(
            "a curriculum of windows of {lengths:?} steps: at most {MAX_STAGES} lengths that grow up to the window's {} are expected",
            settings.steps
        )));
    }
    let stage = |steps: &usize| {
        let shift = if settings.shift >= settings.steps { *steps } else { settings.shift.min(*steps) };
        Rollout { steps: *steps, shift, ..settings.clone() }
    };
    Ok(lengths.iter().map(stage).collect())
}

/// The stage in which an optimiser step is taken, of `count` stages over `steps` steps.
pub(super) fn at(step: u64, steps: u64, count: usize) -> usize {
    let position = u128::from(step) * count as u128 / u128::from(steps.max(1));
    usize::try_from(position).unwrap_or(usize::MAX).min(count.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_share_the_steps_and_shift_with_their_windows() {
        let settings = Rollout { steps: 20, shift: 20, curriculum: vec![5, 10, 20], ..Rollout::default() };
        let stages: Vec<(usize, usize)> = of(&settings).unwrap().iter().map(|one| (one.steps, one.shift)).collect();
        assert_eq!(stages, [(5, 5), (10, 10), (20, 20)]);
        let overlapping = of(&Rollout { shift: 8, ..settings.clone() }).unwrap();
        assert_eq!(overlapping.iter().map(|one| one.shift).collect::<Vec<_>>(), [5, 8, 8]);
        assert_eq!((0..9).map(|step| at(step, 9, 3)).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(at(100, 9, 3), 2);
        for curriculum in [vec![5, 10], vec![10, 5, 20], vec![0, 20], vec![5, 5, 20]] {
            assert!(of(&Rollout { curriculum, ..settings.clone() }).is_err());
        }
    }
}
