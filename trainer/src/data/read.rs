//! CSV files with named columns become trajectories.
//!
//! A new trajectory starts with every file, where the trajectory column changes, after a gap in time, and (on request)
//! after a row with missing values. Everything that was split or dropped is reported as a [`Notice`]; everything else that
//! is not a complete, ordered recording is an error with file, row and column.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::{DataError, Place};
use super::table::{MAX_FILE_BYTES, Table};
use super::{Dataset, MissingPolicy, Momentum, Names, Second, Selection, Source, Trajectory, finite_differences};

/// A pause of more than this many median time steps of its file starts a new trajectory.
pub const GAP_FACTOR: f64 = 5.0;

/// What the reader did that a user may not expect.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A pause in time started a new trajectory.
    Gap {
        /// The file.
        file: PathBuf,
        /// Last line before the pause.
        row: usize,
        /// The pause.
        seconds: f64,
        /// Median time step of the file.
        median: f64,
    },
    /// A row with a missing value was left out.
    Missing(Place),
    /// A trajectory of one row was left out, because nothing can be learned from it.
    Single {
        /// The file.
        file: PathBuf,
        /// Its line.
        row: usize,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { file, row, seconds, median } => write!(
                f,
                "{}: a pause of {seconds:.4} s after row {row} (median step {median:.4} s) starts a new trajectory",
                file.display()
            ),
            Self::Missing(place) => write!(f, "{place}: no value; the row is left out and a new trajectory starts"),
            Self::Single { file, row } => write!(f, "{}: row {row} stands alone and is left out", file.display()),
        }
    }
}

/// A dataset and what happened on the way to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The data.
    pub data: Dataset,
    /// Splits and omissions, in the order of the files.
    pub notices: Vec<Notice>,
}

/// Reads files of the same columns.
///
/// # Errors
/// [`DataError`] for anything that is not a table, a column that is not there, a cell that is not a number, a time that
/// does not increase, a trajectory label that returns, and for a selection that makes no sense.
pub fn read(files: &[PathBuf], selection: &Selection) -> Result<Reading, DataError> {
    selection.check()?;
    if files.is_empty() {
        return Err(DataError::Selection { message: "no data file is named".to_owned() });
    }
    let (mut trajectories, mut notices) = (Vec::new(), Vec::new());
    for file in files {
        let runs = read_runs(file, selection, &mut notices)?;
        split_runs(file, runs, selection, &mut trajectories, &mut notices);
    }
    let (p, second) = match &selection.momentum {
        Momentum::Measured(columns) => (columns.clone(), Second::Momentum),
        Momentum::Velocity(columns) => (columns.clone(), Second::Velocity),
        Momentum::Absent => (selection.q.iter().map(|name| format!("d{name}")).collect(), Second::Velocity),
    };
    let second_is_measured = selection.momentum != Momentum::Absent;
    let names = Names { q: selection.q.clone(), p, u: selection.u.clone(), second, second_is_measured };
    if trajectories.is_empty() {
        let message = "no trajectory of two or more rows is left".to_owned();
        return Err(DataError::Inconsistent { message });
    }
    Ok(Reading { data: Dataset::new(names, trajectories)?, notices })
}

/// Consecutive rows between labels and missing values, not yet split at gaps.
#[derive(Default)]
struct Run {
    lines: Vec<usize>,
    /// `[rows × columns]` as [`Selection::numeric_columns`].
    cells: Vec<f64>,
}

fn read_runs(file: &Path, selection: &Selection, notices: &mut Vec<Notice>) -> Result<Vec<Run>, DataError> {
    let table = Table::open(file, MAX_FILE_BYTES)?;
    let names = selection.numeric_columns();
    let columns = names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>, _>>()?;
    let label_column = selection.trajectory.as_ref().map(|name| table.column(name)).transpose()?;
    let mut runs = vec![Run::default()];
    let mut labels: Vec<String> = Vec::new();
    let mut previous: Option<(f64, usize)> = None;
    table.rows(|line, record| {
        if let Some(at) = label_column {
            let label = record.get(at).unwrap_or_default();
            if labels.last().is_none_or(|last| last != label) {
                if labels.iter().any(|known| known == label) {
                    let message =
                        format!("trajectory `{label}` returns after another one; sort the rows by trajectory");
                    return Err(DataError::Row { file: file.to_path_buf(), row: line, message });
                }
                labels.push(label.to_owned());
                runs.push(Run::default());
                previous = None;
            }
        }
        let mut values = Vec::with_capacity(columns.len());
        for (name, at) in names.iter().zip(&columns) {
            let place = || Place { file: file.to_path_buf(), row: line, column: (*name).clone() };
            match number(record.get(*at).unwrap_or_default()) {
                Cell::Number(value) => values.push(value),
                Cell::Missing if selection.missing == MissingPolicy::Split => {
                    notices.push(Notice::Missing(place()));
                    runs.push(Run::default());
                    return Ok(());
                }
                Cell::Missing => {
                    let found = record.get(*at).unwrap_or_default();
                    let message = format!("`{found}` is no finite number; mend it, or use `--split-at-nan`");
                    return Err(DataError::Cell { place: place(), message });
                }
                Cell::Text(message) => return Err(DataError::Cell { place: place(), message }),
            }
        }
        if let Some(time) = &selection.time {
            check_order(file, time, previous, (values[0], line))?;
            previous = Some((values[0], line));
        }
        if let Some(run) = runs.last_mut() {
            run.lines.push(line);
            run.cells.extend(values);
        }
        Ok(())
    })?;
    Ok(runs)
}

fn check_order(file: &Path, column: &str, before: Option<(f64, usize)>, now: (f64, usize)) -> Result<(), DataError> {
    let Some((last, last_row)) = before.filter(|(last, _)| now.0 <= *last) else {
        return Ok(());
    };
    let what = if now.0.total_cmp(&last).is_eq() { "repeats" } else { "decreases" };
    let message = format!("time {what}: {last} in row {last_row}, {} in row {}", now.0, now.1);
    Err(DataError::Cell { place: Place { file: file.to_path_buf(), row: now.1, column: column.to_owned() }, message })
}

enum Cell {
    Number(f64),
    Missing,
    Text(String),
}

fn number(text: &str) -> Cell {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Cell::Number(value),
        Ok(_) => Cell::Missing,
        Err(_) if ["", "na", "n/a", "null", "none"].contains(&text.to_lowercase().as_str()) => Cell::Missing,
        Err(_) if text.contains(',') && text.replace(',', ".").parse::<f64>().is_ok() => {
            Cell::Text(format!("`{text}` is no number; write decimals with a point"))
        }
        Err(_) => Cell::Text(format!("`{text}` is no number")),
    }
}

fn split_runs(
    file: &Path,
    runs: Vec<Run>,
    selection: &Selection,
    trajectories: &mut Vec<Trajectory>,
    notices: &mut Vec<Notice>,
) {
    let width = selection.numeric_columns().len();
    let time = |run: &Run, row: usize| if selection.time.is_some() { run.cells[row * width] } else { 0.0 };
    let steps = runs.iter().flat_map(|run| (1..run.lines.len()).map(|row| time(run, row) - time(run, row - 1)));
    let median = median(steps.collect());
    for run in runs {
        let mut start = 0;
        for end in 1..=run.lines.len() {
            let pause = if end < run.lines.len() { time(&run, end) - time(&run, end - 1) } else { f64::INFINITY };
            if pause <= GAP_FACTOR * median {
                continue;
            }
            if pause.is_finite() {
                let row = run.lines[end - 1];
                notices.push(Notice::Gap { file: file.to_path_buf(), row, seconds: pause, median });
            }
            // A single row still says something where its derivative was measured.
            if end - start == 1 && selection.derivative.is_none() {
                notices.push(Notice::Single { file: file.to_path_buf(), row: run.lines[start] });
            } else {
                trajectories.push(trajectory(file, &run, start..end, selection));
            }
            start = end;
        }
    }
}

fn trajectory(file: &Path, run: &Run, rows: std::ops::Range<usize>, selection: &Selection) -> Trajectory {
    let (dof, inputs, width) = (selection.q.len(), selection.u.len(), selection.numeric_columns().len());
    let (timed, measured) = (usize::from(selection.time.is_some()), selection.momentum.columns().len());
    let block = |first: usize, len: usize| -> Vec<f64> {
        rows.clone().flat_map(|row| &run.cells[row * width + first..row * width + first + len]).copied().collect()
    };
    let (time, q) = (block(0, timed), block(timed, dof));
    let p = match selection.momentum {
        Momentum::Absent => finite_differences(&time, &q, dof),
        _ => block(timed + dof, measured),
    };
    let inputs_at = timed + dof + measured;
    Trajectory {
        source: Source { name: file.display().to_string(), first_row: run.lines[rows.start] },
        time,
        q,
        p,
        u: block(inputs_at, inputs),
        derivative: selection.derivative.is_some().then(|| block(inputs_at + inputs, 2 * dof)),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
