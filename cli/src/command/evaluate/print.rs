//! An evaluation as a few lines of text.

use std::path::Path;

use hnn_trainer::ensemble::{DisagreementReport, EnsembleReport, MemberReport};
use hnn_trainer::evaluate::{
    Equilibrium, EquilibriumKind, Evaluation, MotionMetrics, PassivityReport, RecordingEvaluation, StructureReport,
    SystemEvaluation,
};

use crate::console;

/// Columns of the table of motions.
const MOTION_HEADER: [&str; 10] = [
    "motion by",
    "energy MSE",
    "coordinate MSE",
    "energy error max",
    "drift per s",
    "valid s",
    "phase rate",
    "survived s",
    "cycles",
    "relative",
];

/// Most lines about equilibria.
const EQUILIBRIA_SHOWN: usize = 8;

/// Prints an evaluation.
pub(super) fn print(evaluation: &Evaluation) {
    evaluation.system.iter().for_each(against_system);
    let rows: Vec<Vec<String>> = evaluation.recordings.iter().map(recording_row).collect();
    if !rows.is_empty() {
        console::table(&["recording", "window s", "windows", "RMSE", "median at end", "90 % at end"], &rows);
    }
    for one in &evaluation.coverage {
        let (source, share) = (file_name(&one.source), 100.0 * one.outside_fraction);
        console::say(format!("{source}: {share:.1} % of {} rows lie outside the training data", one.rows));
    }
    match &evaluation.structure {
        Some(structure) => examined(structure),
        None => console::say(
            "equilibria and conserved momenta are those of an energy without constraints; this model has none such",
        ),
    }
    evaluation.passivity.iter().for_each(balance);
    evaluation.ensemble.iter().for_each(disagreeing);
}

/// The clean protocol.
fn against_system(system: &SystemEvaluation) {
    console::say(format!(
        "{} clean starts of {}, {} s; truth known to {:.1e}",
        system.starts, system.system, system.horizon_s, system.truth.state
    ));
    if let Some(loss) = system.test_loss_clean {
        console::say(format!("clean test loss of the field: {loss:.4e}"));
    }
    let mut rows = Vec::new();
    if let Some(metrics) = &system.field {
        rows.push(motion_row("the field itself, integrated to 1e-8", metrics));
    }
    if let Some(metrics) = &system.corrected {
        rows.push(motion_row("modified energy of the scheme, to 1e-8", metrics));
    }
    if let Some(deployed) = &system.deployed {
        let learned = if system.corrected.is_some() { ", as learned" } else { "" };
        let name = format!("{}, dt {:.4} s{learned}", deployed.scheme, deployed.dt_s);
        rows.push(motion_row(&name, &deployed.metrics));
    }
    console::table(&MOTION_HEADER, &rows);
}

/// What the learned energy says about its system.
fn examined(structure: &StructureReport) {
    let truth = structure.true_equilibria.as_ref();
    let of_truth = truth.map_or(String::new(), |truth| format!("; the true energy has {}", truth.len()));
    console::say(format!("{} equilibria in the data's region{of_truth}", structure.equilibria.len()));
    for one in structure.equilibria.iter().take(EQUILIBRIA_SHOWN) {
        console::say(format!("  {}", equilibrium(one)));
    }
    if structure.equilibria.len() > EQUILIBRIA_SHOWN {
        console::say(format!("  and {} more, in the JSON", structure.equilibria.len() - EQUILIBRIA_SHOWN));
    }
    for one in &structure.conserved {
        let known = one.true_relative_rate.map_or(String::new(), |rate| format!(", of the true energy {rate:.1e}"));
        if let (true, Some(rate)) = (one.conserved, one.relative_rate) {
            console::say(format!("conserved: {}, relative rate {rate:.1e}{known}", one.name));
        }
    }
}

fn equilibrium(one: &Equilibrium) -> String {
    let list = |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(", ");
    let kind = match one.kind {
        EquilibriumKind::Minimum => "minimum",
        EquilibriumKind::Saddle => "saddle",
        EquilibriumKind::Maximum => "maximum",
        EquilibriumKind::Degenerate => "degenerate",
    };
    let mut line = format!("{kind} at ({})", list(&one.x));
    if !one.frequencies_rad_s.is_empty() {
        line += &format!(", {} rad/s", list(&one.frequencies_rad_s));
    }
    if !one.growth_per_s.is_empty() {
        line += &format!(", leaves at {} /s", list(&one.growth_per_s));
    }
    if one.score.is_some_and(|score| score > 1.0) {
        line += ", outside the training data";
    }
    line
}

/// Members and what they disagree about.
fn disagreeing(ensemble: &EnsembleReport) {
    let loss = |member: &MemberReport| number(member.held_out_loss);
    let losses: Vec<String> = ensemble.members.iter().map(loss).collect();
    console::say(format!("held-out losses of members: {}; best is member {}", losses.join(", "), ensemble.best));
    let plain = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let row = |one: &DisagreementReport| {
        vec![
            one.states.clone(),
            one.rows.to_string(),
            format!("{:.2e}", one.spread_rms),
            one.error_rms.map_or("–".to_owned(), |error| format!("{error:.2e}")),
            plain(one.error_over_spread),
            plain(one.within_two_spreads),
            plain(one.rank_correlation),
        ]
    };
    let header = ["field at", "rows", "spread", "error", "error/spread", "within 2", "rank correlation"];
    console::table(&header, &ensemble.disagreement.iter().map(row).collect::<Vec<_>>());
}

/// The energy balance of driven rollouts.
fn balance(one: &PassivityReport) {
    let friction = one.dissipation_min.map_or(String::new(), |value| format!("; R ≥ {value:.2e} on the data"));
    console::say(format!(
        "{}: largest energy made beyond the work supplied: {} per step, {} per {} s (work of a step {}){friction}",
        file_name(&one.source),
        number(one.excess_step_max),
        number(one.excess_window_max),
        one.window_s,
        number(one.work_rms)
    ));
}

fn number(value: Option<f64>) -> String {
    value.map_or("diverged".to_owned(), |value| format!("{value:.3e}"))
}

fn motion_row(name: &str, metrics: &MotionMetrics) -> Vec<String> {
    let plain = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    vec![
        name.to_owned(),
        number(metrics.energy_mse),
        number(metrics.coordinate_mse),
        number(metrics.energy_error_max),
        drift(metrics),
        plain(metrics.valid_s_median),
        metrics.phase_rate_error_median.map_or("–".to_owned(), |error| format!("{error:.1e}")),
        plain(metrics.survived_s_median),
        plain(metrics.survived_cycles_median),
        metrics.relative_error.map_or("–".to_owned(), |error| format!("{error:.1e}")),
    ]
}

/// The slope of the energy error with half its 95 % confidence interval.
fn drift(metrics: &MotionMetrics) -> String {
    match (metrics.energy_drift_per_s, metrics.energy_drift_interval) {
        (Some(slope), Some([low, high])) => format!("{slope:.1e} ± {:.1e}", (high - low) / 2.0),
        (slope, _) => number(slope),
    }
}

fn file_name(source: &str) -> String {
    Path::new(source).file_name().map_or(source.to_owned(), |name| name.to_string_lossy().into())
}

fn recording_row(recording: &RecordingEvaluation) -> Vec<String> {
    let metrics = &recording.metrics;
    vec![
        file_name(&recording.source),
        metrics.window_s.to_string(),
        metrics.windows.to_string(),
        number(metrics.rmse),
        number(metrics.median_at_end),
        number(metrics.quantile_90_at_end),
    ]
}
