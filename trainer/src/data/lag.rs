//! Inputs that act later or earlier than they were recorded.
//!
//! An actuator answers after a delay, a sensor of torque reports after one. What is learned is the response to what acts, so the
//! recorded signal, held from row to row, is moved in time and averaged over each row again; its impulse is kept. Whoever deploys
//! the model has to give it inputs as they act, too.

use super::error::DataError;
use super::{Dataset, Trajectory};

impl Dataset {
    /// The same data with every input acting `seconds` after it was recorded, before it where negative.
    ///
    /// Before the first row and after the last an input is what it is there.
    ///
    /// # Errors
    /// [`DataError::Selection`] where there are no inputs, or `seconds` is no finite number; [`DataError::Inconsistent`] where a
    /// trajectory has no times.
    pub fn with_input_lag(mut self, seconds: f64) -> Result<Self, DataError> {
        if self.inputs == 0 || !seconds.is_finite() {
            let message =
                format!("a lag of {seconds} s of {} inputs: inputs and a finite lag are expected", self.inputs);
            return Err(DataError::Selection { message });
        }
        for trajectory in &mut self.trajectories {
            if trajectory.time.is_empty() {
                let message = format!("{}: without times inputs have no lag", trajectory.source);
                return Err(DataError::Inconsistent { message });
            }
            trajectory.u = lagged(trajectory, self.inputs, seconds);
        }
        Ok(self)
    }
}

/// Inputs `[rows × m]`: the mean of the moved signal until the next row, its value at the last.
fn lagged(trajectory: &Trajectory, inputs: usize, seconds: f64) -> Vec<f64> {
    let time = &trajectory.time;
    let signals: Vec<Held> = (0..inputs).map(|input| Held::new(trajectory, inputs, input)).collect();
    let mut moved = Vec::with_capacity(trajectory.u.len());
    for row in 0..time.len() {
        let from = time[row] - seconds;
        moved.extend(signals.iter().map(|signal| match time.get(row + 1) {
            Some(next) => (signal.impulse(next - seconds) - signal.impulse(from)) / (next - time[row]),
            None => signal.values[signal.row(from)],
        }));
    }
    moved
}

/// A signal that each row holds until the next.
struct Held<'a> {
    time: &'a [f64],
    values: Vec<f64>,
    /// Its integral from the first row to each.
    impulses: Vec<f64>,
}

impl<'a> Held<'a> {
    fn new(trajectory: &'a Trajectory, inputs: usize, input: usize) -> Self {
        let time = &trajectory.time;
        let values: Vec<f64> = trajectory.u.iter().skip(input).step_by(inputs).copied().collect();
        let mut impulses = vec![0.0];
        for (pair, value) in time.windows(2).zip(&values) {
            impulses.push(impulses[impulses.len() - 1] + value * (pair[1] - pair[0]));
        }
        Self { time, values, impulses }
    }

    /// The row whose value holds at a time, the first before all.
    fn row(&self, time: f64) -> usize {
        self.time.partition_point(|known| *known <= time).saturating_sub(1)
    }

    /// Integral from the first row to a time.
    fn impulse(&self, time: f64) -> f64 {
        let row = self.row(time);
        self.impulses[row] + self.values[row] * (time - self.time[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Names, Source};

    /// Two inputs at irregular times.
    fn data() -> Dataset {
        let trajectory = Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            time: vec![0.0, 1.0, 3.0, 4.0],
            q: vec![0.0; 4],
            p: vec![0.0; 4],
            u: vec![1.0, 10.0, 2.0, 20.0, 5.0, 50.0, 7.0, 70.0],
            derivative: None,
        };
        Dataset::new(Names::canonical(1, 2), vec![trajectory]).unwrap()
    }

    fn moved(seconds: f64) -> Vec<f64> {
        let moved = data().with_input_lag(seconds).unwrap().trajectories[0].u.clone();
        let pairs = moved.chunks(2).map(|pair| {
            assert!((pair[1] - 10.0 * pair[0]).abs() < 1e-12, "inputs are moved alike: {pair:?}");
            pair[0]
        });
        pairs.collect()
    }

    #[test]
    fn an_input_acts_later_by_its_lag_and_earlier_by_a_negative_one() {
        assert_eq!(moved(0.0), [1.0, 2.0, 5.0, 7.0]);
        // By hand: from 1 to 3 s acts what was recorded from 0.5 to 2.5 s, half a second of 1 and one and a half of 2.
        assert_eq!(moved(0.5), [1.0, 1.75, 3.5, 5.0]);
        assert_eq!(moved(-0.5), [1.5, 2.75, 6.0, 7.0]);
        // Beyond its ends the signal is what it is there.
        assert_eq!(moved(9.0), [1.0; 4]);
        assert_eq!(moved(-9.0), [7.0; 4]);
    }

    #[test]
    fn what_cannot_lag_is_refused() {
        assert!(data().with_input_lag(f64::NAN).is_err());
        let mut untimed = data();
        untimed.trajectories[0].time.clear();
        assert!(untimed.with_input_lag(0.1).is_err());
        let mut without = data();
        (without.inputs, without.trajectories[0].u) = (0, Vec::new());
        assert!(without.with_input_lag(0.1).unwrap_err().to_string().contains("0 inputs"));
    }
}
