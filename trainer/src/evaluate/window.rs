//! Open-loop windows: from a measured state, with the measured input, without looking again.

use super::metrics::{finite, mean, quantile};
use super::{EvaluationError, Predictor, WindowMetrics};
use crate::data::{Dataset, Trajectory};

/// Slack for comparing times, in seconds: clocks of recordings are printed with fewer digits.
const TIME_SLACK: f64 = 1e-9;

/// Rows `start..=end` of a trajectory: the state at `start` is known, the positions after it are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Index of the trajectory.
    pub trajectory: usize,
    /// Row of the measured state.
    pub start: usize,
    /// Last predicted row.
    pub end: usize,
}

/// Non-overlapping windows: each ends with the first row at least `seconds` after its start, the next starts there.
///
/// What is left at the end of a trajectory and shorter than `seconds` is not used.
#[must_use]
pub fn cut(data: &Dataset, seconds: f64) -> Vec<Window> {
    let mut windows = Vec::new();
    for (index, trajectory) in data.trajectories.iter().enumerate() {
        let mut start = 0;
        for (row, time) in trajectory.time.iter().enumerate() {
            if row > start && time - trajectory.time[start] >= seconds - TIME_SLACK {
                windows.push(Window { trajectory: index, start, end: row });
                start = row;
            }
        }
    }
    windows
}

/// Predicts every window of `seconds` and compares positions.
///
/// The predictor is driven at the recording's own time steps; the input of row i is held from row i to row i + 1.
/// Positions are compared as they are recorded: an angle that is not wrapped is not wrapped here, so a missed turn counts
/// 2π. RMSE is over all predicted rows and coordinates (the known start is not counted); the error at a window's end is
/// the Euclidean norm over the n positions. A diverged window makes the RMSE null and counts as infinite in the quantiles.
///
/// # Errors
/// [`EvaluationError::Mismatch`] where dimensions differ or no window of that length fits.
pub fn windows(data: &Dataset, predictor: &mut dyn Predictor, seconds: f64) -> Result<WindowMetrics, EvaluationError> {
    if !(seconds.is_finite() && seconds > 0.0) {
        return Err(EvaluationError::Mismatch(format!("a window of {seconds} s is none; its length must be positive")));
    }
    let mut ends = vec![];
    let (mut squares, mut samples) = (Vec::new(), 0);
    let all = cut(data, seconds);
    predict(data, predictor, &all, |window, row, predicted, measured| {
        let square: f64 = predicted.iter().zip(measured).map(|(a, b)| (a - b).powi(2)).sum();
        squares.push(square);
        samples += 1;
        if row == window.end {
            ends.push(square.sqrt());
        }
    })?;
    if ends.is_empty() {
        return Err(EvaluationError::Mismatch(format!("no window of {seconds} s fits into the data")));
    }
    let per_coordinate = crate::data::as_f64(data.dof);
    Ok(WindowMetrics {
        window_s: seconds,
        windows: ends.len(),
        samples,
        rmse: finite((mean(squares.into_iter()) / per_coordinate).sqrt()),
        median_at_end: finite(quantile(&ends, 0.5)),
        quantile_90_at_end: finite(quantile(&ends, 0.9)),
        diverged: ends.iter().filter(|error| !error.is_finite()).count(),
    })
}

/// Hands (window, row, predicted q, measured q) to `visit` for every predicted row of every window.
pub(super) fn predict(
    data: &Dataset,
    predictor: &mut dyn Predictor,
    windows: &[Window],
    mut visit: impl FnMut(&Window, usize, &[f64], &[f64]),
) -> Result<(), EvaluationError> {
    let (dof, inputs) = (data.dof, data.inputs);
    if (predictor.dof(), predictor.inputs()) != (dof, inputs) {
        return Err(EvaluationError::Mismatch(format!(
            "the data have {dof} positions and {inputs} inputs, the predictor {} and {}",
            predictor.dof(),
            predictor.inputs()
        )));
    }
    // All windows advance together; longest first, so that those still running are a prefix.
    let mut order: Vec<&Window> = windows.iter().collect();
    order.sort_by_key(|window| std::cmp::Reverse(window.end - window.start));
    let trajectory = |window: &Window| -> &Trajectory { &data.trajectories[window.trajectory] };
    let mut x: Vec<f64> = Vec::new();
    for window in &order {
        let (rows, source) = (window.start * dof..(window.start + 1) * dof, trajectory(window));
        x.extend(source.q[rows.clone()].iter().chain(&source.p[rows]));
    }
    let longest = order.first().map_or(0, |window| window.end - window.start);
    for at in 0..longest {
        order.retain(|window| window.start + at < window.end);
        x.truncate(order.len() * 2 * dof);
        let (mut u, mut dt) = (Vec::new(), Vec::new());
        for window in &order {
            let (row, source) = (window.start + at, trajectory(window));
            u.extend_from_slice(&source.u[row * inputs..(row + 1) * inputs]);
            dt.push(source.time[row + 1] - source.time[row]);
        }
        predictor.step(&mut x, &u, &dt)?;
        for (window, state) in order.iter().zip(x.chunks_exact(2 * dof)) {
            let row = window.start + at + 1;
            visit(window, row, &state[..dof], &trajectory(window).q[row * dof..(row + 1) * dof]);
        }
    }
    Ok(())
}
