//! Windows of trajectories: a first state, time steps, inputs held over them, and the states to be met.

use super::{LossError, MAX_WINDOW_STEPS, MAX_WINDOWS, Rollout};
use crate::data::{Dataset, Trajectory, as_f64};

/// Longest over shortest step that still counts as one time step: printed times have few digits.
const STEP_SPREAD_MAX: f64 = 1.01;

/// Windows of equal length in rows of a matrix each. A window cut short by the end of its trajectory is filled with steps
/// of length 0 whose states carry no weight.
#[derive(Debug, Default)]
pub(super) struct Windows {
    pub(super) count: usize,
    /// First states, `[count × 2n]`.
    pub(super) first: Vec<f64>,
    /// Step lengths, `[count × steps]`.
    pub(super) dt: Vec<f64>,
    /// Inputs, `[count × steps·m]`.
    pub(super) u: Vec<f64>,
    /// States after each step, `[count × steps·2n]`.
    pub(super) states: Vec<f64>,
    /// Derivatives after each step, `[count × steps·2n]`; empty where a trajectory has none.
    pub(super) derivatives: Vec<f64>,
    /// Steps of each window that are measured.
    pub(super) lengths: Vec<usize>,
    /// Trajectory and row each window starts at.
    pub(super) origins: Vec<(usize, usize)>,
}

/// Cuts windows of `settings.steps` steps, one every `settings.shift` steps, and at least one from each trajectory. Where
/// neighbours are joined by multiple shooting, the last one of a trajectory may be shorter, so that no row is left out.
pub(super) fn cut(settings: &Rollout, data: &Dataset) -> Result<Windows, LossError> {
    let refuse = |message: String| Err(LossError::Setting(message));
    if settings.steps == 0 || settings.steps > MAX_WINDOW_STEPS || settings.shift == 0 {
        return refuse(format!(
            "windows of {} steps every {} steps; each is at least 1, and a window has at most {MAX_WINDOW_STEPS} steps",
            settings.steps, settings.shift
        ));
    }
    if settings.step_seconds.is_some_and(|seconds| !(seconds.is_finite() && seconds > 0.0)) {
        return refuse("the length of a step is a positive number of seconds".to_owned());
    }
    let mut windows = Windows::default();
    let remainders = settings.shooting_weight.is_some();
    for (index, trajectory) in data.trajectories.iter().enumerate() {
        let rows = trajectory.rows(data.dof);
        if trajectory.time.len() != rows {
            return refuse(format!("{}: the rollout loss needs times", trajectory.source));
        }
        let stride = rows_per_step(settings, trajectory).min(rows.saturating_sub(1).max(1));
        let span = settings.steps * stride;
        let mut start = 0;
        while start + stride < rows && (start == 0 || start + span < rows || remainders) {
            windows.origins.push((index, start));
            windows.push(settings.steps, stride, data, trajectory, start);
            start += settings.shift * stride;
        }
        if windows.count > MAX_WINDOWS {
            return refuse(format!("more than {MAX_WINDOWS} windows; raise the shift between their starts"));
        }
    }
    if windows.count == 0 {
        return refuse("no trajectory has two rows".to_owned());
    }
    Ok(windows)
}

/// Rows of a trajectory that make the step nearest to the one wanted, by its median time step.
fn rows_per_step(settings: &Rollout, trajectory: &Trajectory) -> usize {
    let mut intervals = trajectory.intervals();
    intervals.sort_by(f64::total_cmp);
    match (settings.step_seconds, intervals.get(intervals.len() / 2)) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, and clamped to a row count"
        )]
        (Some(seconds), Some(median)) => (seconds / median).round().clamp(1.0, as_f64(trajectory.time.len())) as usize,
        _ => 1,
    }
}

impl Windows {
    /// Refuses steps that differ in length: a map from state to next state takes those it was trained on and no others.
    pub(super) fn check_one_step(&self) -> Result<(), LossError> {
        let measured = self.dt.iter().copied().filter(|dt| *dt > 0.0);
        let (least, most) = measured.fold((f64::INFINITY, 0.0f64), |(least, most), dt| (least.min(dt), most.max(dt)));
        if most > STEP_SPREAD_MAX * least {
            return Err(LossError::Setting(format!(
                "steps of {least} s to {most} s: a map from state to next state needs data at one time step; use a model with a \
                 vector field"
            )));
        }
        Ok(())
    }

    fn push(&mut self, steps: usize, stride: usize, data: &Dataset, trajectory: &Trajectory, start: usize) {
        let (dof, inputs) = (data.dof, data.inputs);
        let state = |row: usize| {
            let part = |values: &[f64]| values[row * dof..(row + 1) * dof].to_vec();
            [part(&trajectory.q), part(&trajectory.p)].concat()
        };
        self.count += 1;
        self.first.extend(state(start));
        let available = (trajectory.rows(dof) - 1 - start) / stride;
        let len = available.min(steps);
        self.lengths.push(len);
        for step in 0..steps {
            let from = start + step.min(len) * stride;
            let to = start + (step + 1).min(len) * stride;
            self.dt.push(trajectory.time[to] - trajectory.time[from]);
            self.states.extend(state(to));
            if let Some(derivative) = &trajectory.derivative {
                self.derivatives.extend_from_slice(&derivative[to * 2 * dof..(to + 1) * 2 * dof]);
            }
            self.u.extend((0..inputs).map(|input| mean_input(trajectory, inputs, input, from, to)));
        }
    }
}

impl Windows {
    /// Root mean square change of each coordinate from the first state of its window; 1 where there is none.
    ///
    /// Unlike the deviation of the data it does not grow with the revolutions of an unwrapped angle.
    pub(super) fn changes(&self, width: usize, steps: usize) -> Vec<f64> {
        let mut squares = vec![0.0; width];
        let mut count = 0;
        for (window, len) in self.lengths.iter().enumerate() {
            let first = &self.first[window * width..(window + 1) * width];
            for state in self.states[window * steps * width..].chunks_exact(width).take(*len) {
                count += 1;
                for (square, (value, start)) in squares.iter_mut().zip(state.iter().zip(first)) {
                    *square += (value - start).powi(2);
                }
            }
        }
        let change = |square: &f64| (square / as_f64(count)).sqrt();
        squares.iter().map(change).map(|change| if change > 0.0 { change } else { 1.0 }).collect()
    }
}

/// Mean over time of an input that row i holds until row i + 1.
fn mean_input(trajectory: &Trajectory, inputs: usize, input: usize, from: usize, to: usize) -> f64 {
    if from == to {
        return 0.0;
    }
    let impulse = |row: usize| trajectory.u[row * inputs + input] * (trajectory.time[row + 1] - trajectory.time[row]);
    (from..to).map(impulse).sum::<f64>() / (trajectory.time[to] - trajectory.time[from])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source};

    fn data() -> Dataset {
        let trajectory = Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            time: vec![0.0, 1.0, 3.0, 4.0, 5.0],
            q: vec![0.0, 1.0, 2.0, 3.0, 4.0],
            p: vec![10.0, 11.0, 12.0, 13.0, 14.0],
            u: vec![6.0, 3.0, 1.0, 2.0, 9.0],
            derivative: None,
        };
        Dataset::new(Names::canonical(1, 1), vec![trajectory]).unwrap()
    }

    #[test]
    fn inputs_are_averaged_over_time_and_states_taken_at_the_end_of_a_step() {
        let settings = Rollout { steps: 2, step_seconds: Some(2.4), shift: 1, ..Rollout::default() };
        let windows = cut(&settings, &data()).unwrap();
        assert_eq!((windows.count, &windows.lengths[..]), (1, &[2][..]));
        assert_eq!(windows.first, [0.0, 10.0]);
        assert_eq!(windows.dt, [3.0, 2.0]);
        assert_eq!(windows.u, [(6.0 + 2.0 * 3.0) / 3.0, (1.0 + 2.0) / 2.0]);
        assert_eq!(windows.states, [2.0, 12.0, 4.0, 14.0]);
    }

    #[test]
    fn a_short_trajectory_gives_one_window_filled_with_steps_of_no_length() {
        let settings = Rollout { steps: 6, shift: 1, ..Rollout::default() };
        let windows = cut(&settings, &data()).unwrap();
        assert_eq!((windows.count, &windows.lengths[..]), (1, &[4][..]));
        assert_eq!(windows.dt, [1.0, 2.0, 1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn windows_start_every_shift_rows_while_they_fit() {
        let settings = Rollout { steps: 2, shift: 2, ..Rollout::default() };
        assert_eq!(cut(&settings, &data()).unwrap().first, [0.0, 10.0, 2.0, 12.0]);
        assert!(cut(&Rollout { steps: 0, ..settings }, &data()).is_err());
    }
}
