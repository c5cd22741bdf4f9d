//! A curriculum: windows that grow, and the scale of a redescending loss that shrinks, while training goes on.
//!
//! Short windows have a smooth loss and cost little, long ones decide. Each stage has an equal share of the optimiser's steps; a
//! learned first state is carried over to the window of the next stage that starts at the same row. Units of errors are those
//! of the last stage throughout, so that stages compare and offsets keep their meaning.

use super::robust::{FIRST_SCALE, GRADUATED_STAGES};
use super::{LossError, Rollout};
use crate::data::as_f64;

/// Most stages of a curriculum.
pub const MAX_STAGES: usize = 16;

/// Stages of such a training: one for each length of window, else as many as a graduated loss takes.
pub(super) fn count(settings: &Rollout) -> usize {
    match settings.curriculum.len() {
        0 if settings.robust.redescends() => GRADUATED_STAGES,
        lengths => lengths.max(1),
    }
}

/// The settings of every stage, the last being those of the whole.
pub(super) fn of(settings: &Rollout) -> Result<Vec<Rollout>, LossError> {
    let mut stages = lengthening(settings)?;
    if settings.robust.redescends() {
        let last = as_f64(stages.len().saturating_sub(1)).max(1.0);
        for (index, stage) in stages.iter_mut().rev().enumerate() {
            let factor = libm::pow(FIRST_SCALE, as_f64(index) / last);
            stage.robust_from = stage.robust_from.map(|from| from * factor);
        }
    }
    Ok(stages)
}

/// The settings of every stage but for the scale of errors.
fn lengthening(settings: &Rollout) -> Result<Vec<Rollout>, LossError> {
    let lengths = &settings.curriculum;
    if lengths.is_empty() {
        return Ok(vec![settings.clone(); count(settings)]);
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
    use super::super::Robust;
    use super::*;

    #[test]
    fn the_scale_of_a_redescending_loss_shrinks_to_what_was_asked_for() {
        let settings = Rollout {
            steps: 20,
            shift: 20,
            robust: Robust::GemanMcclure,
            robust_from: Some(0.1),
            ..Rollout::default()
        };
        let scales = |settings: &Rollout| -> Vec<f64> {
            let stages = of(settings).unwrap();
            assert_eq!(stages.len(), count(settings));
            stages.iter().map(|stage| (1e9 * stage.robust_from.unwrap()).round() / 1e9).collect()
        };
        assert_eq!(scales(&settings), [0.8, 0.4, 0.2, 0.1]);
        assert_eq!(scales(&Rollout { curriculum: vec![10, 20], ..settings.clone() }), [0.8, 0.1]);
        assert_eq!(scales(&Rollout { curriculum: vec![20], ..settings.clone() }), [0.1]);
        assert_eq!(scales(&Rollout { robust: Robust::PseudoHuber, ..settings }), [0.1]);
    }

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
