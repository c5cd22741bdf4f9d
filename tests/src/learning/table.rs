//! The tables in `docs/PERFORMANCE.md`, written between two markers from a report.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::report::{Report, RunReport, TaskReport, median};

/// Where the tables begin.
const BEGIN: &str = "<!-- learning: begin -->";
/// Where they end.
const END: &str = "<!-- learning: end -->";

/// The document with its tables replaced.
///
/// # Errors
/// Where a marker is missing.
pub fn replaced(document: &str, report: &Report) -> Result<String> {
    let (head, rest) = document.split_once(BEGIN).with_context(|| format!("the document has no line `{BEGIN}`"))?;
    let (_, tail) = rest.split_once(END).with_context(|| format!("the document has no line `{END}`"))?;
    Ok(format!("{head}{BEGIN}\n{}{END}{tail}", tables(report)))
}

/// Both tables, in Markdown; a median over the seeds in each cell.
#[must_use]
pub fn tables(report: &Report) -> String {
    let mut text = String::new();
    let row = |text: &mut String, cells: &[String]| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let (compared, published): (Vec<_>, Vec<_>) = report.tasks.iter().partition(|task| task.compared.is_some());
    let header = |text: &mut String, names: &[&str]| {
        row(text, &names.iter().map(ToString::to_string).collect::<Vec<_>>());
        row(text, &vec!["---".to_owned(); names.len()]);
    };
    if !published.is_empty() {
        header(
            &mut text,
            &["published data", "model", "seeds", "energy MSE", "coordinate MSE", "CPU s", "PyTorch CPU s", "ratio"],
        );
        published.into_iter().for_each(|task| row(&mut text, &published_row(task)));
        text.push('\n');
    }
    if !compared.is_empty() {
        header(
            &mut text,
            &["clean data", "points", "learned by", "seeds", "energy error", "cycles", "parameters", "CPU s"],
        );
        compared.into_iter().for_each(|task| row(&mut text, &compared_row(task)));
    }
    text
}

fn published_row(task: &TaskReport) -> Vec<String> {
    let over = |value: &dyn Fn(&RunReport) -> Option<f64>| median(task.runs.iter().map(value));
    let ratios = task.runs.iter().filter_map(|run| Some(run.cpu_s / run.reference.as_ref()?.cpu_s));
    let ratios: Vec<Option<f64>> = ratios.map(Some).collect();
    let references = task.runs.iter().filter_map(|run| run.reference.as_ref()).map(|trained| Some(trained.cpu_s));
    let references: Vec<Option<f64>> = references.collect();
    let absent = || "not run".to_owned();
    vec![
        task.system.clone(),
        model(task),
        task.runs.len().to_string(),
        number(over(&|run| run.energy_mse)),
        number(over(&|run| run.coordinate_mse)),
        seconds(over(&|run| Some(run.cpu_s))),
        if references.is_empty() { absent() } else { seconds(median(references)) },
        if ratios.is_empty() { absent() } else { format!("{:.3}", median(ratios)) },
    ]
}

fn compared_row(task: &TaskReport) -> Vec<String> {
    let over = |value: &dyn Fn(&RunReport) -> Option<f64>| median(task.runs.iter().map(value));
    let (points, who) =
        task.compared.as_ref().map_or((0, String::new()), |compared| (compared.points, compared.who.clone()));
    let of = |run: &RunReport, value: &dyn Fn(&super::report::Endurance) -> Option<f64>| {
        run.endurance.as_ref().and_then(value)
    };
    #[expect(clippy::cast_precision_loss, reason = "cycles are limited to a million")]
    let cycles = over(&|run| of(run, &|endurance| Some(endurance.cycles as f64)));
    let limit = task.runs.iter().filter_map(|run| run.endurance.as_ref()).map(|endurance| endurance.limit).max();
    #[expect(clippy::cast_precision_loss, reason = "the limit is a million")]
    let unlimited = limit.is_some_and(|limit| cycles >= limit as f64);
    #[expect(clippy::cast_precision_loss, reason = "parameters are counted in thousands")]
    let parameters = over(&|run| Some(run.parameters as f64));
    vec![
        task.system.clone(),
        points.to_string(),
        who,
        task.runs.len().to_string(),
        number(over(&|run| of(run, &|endurance| endurance.energy_error))),
        if unlimited { format!("{cycles:.0} (limit)") } else { format!("{cycles:.0}") },
        format!("{parameters:.0}"),
        seconds(over(&|run| Some(run.cpu_s))),
    ]
}

/// What was learned, where all seeds agree.
fn model(task: &TaskReport) -> String {
    task.runs.first().map_or_else(String::new, |run| run.model.clone())
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.1e}") } else { "diverged".to_owned() }
}

fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}
