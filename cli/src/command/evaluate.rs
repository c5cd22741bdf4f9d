//! `hnn evaluate`: a run against the true energy, or open loop against recordings.

use std::path::Path;

use anyhow::{Context, bail};
use hnn_exporter::dynamics::{Model, Scheme, separability};
use hnn_trainer::data::Dataset;
use hnn_trainer::evaluate::{
    CleanOptions, Evaluation, GraphPredictor, MotionMetrics, REPORT_VERSION, RecordingEvaluation, system, windows,
};
use hnn_trainer::learned::{Learned, Motion};
use hnn_trainer::loss;
use hnn_trainer::run::{self, Run};

use super::write_json;
use crate::arguments::EvaluateArguments;
use crate::source::{self, FileSource, Source, SystemSource};
use crate::{Verdict, console};

/// Lengths of open-loop windows where none is given.
const WINDOWS_S: [f64; 2] = [0.5, 1.0];

/// Evaluates a run.
pub(crate) fn evaluate(arguments: &EvaluateArguments) -> anyhow::Result<Verdict> {
    let run = trained(&arguments.run)?;
    let evaluation = evaluate_run(&run, arguments)?;
    if let Some(file) = &arguments.json {
        write_json(file, &evaluation)?;
    }
    print(&evaluation);
    Ok(Verdict::Good)
}

/// A run that has weights worth looking at; one that stopped early is announced.
pub(super) fn trained(path: &Path) -> anyhow::Result<Run> {
    let run = run::open(path)?;
    let place = path.display();
    match run.checkpoint()? {
        None => bail!("{place} has not been trained yet; `hnn train --resume --out {place}` does"),
        Some(checkpoint) => {
            let steps = run.config()?.fit.steps;
            if checkpoint.step < steps {
                console::note(format!("{place}: trained {} of {steps} steps", checkpoint.step));
            }
        }
    }
    Ok(run)
}

fn evaluate_run(run: &Run, arguments: &EvaluateArguments) -> anyhow::Result<Evaluation> {
    let config = run.config()?;
    let learned = run.learned()?;
    let scheme = stepping_scheme(&config.loss, &learned)?;
    let mut evaluation = Evaluation {
        version: REPORT_VERSION,
        model: run.path().display().to_string(),
        system: None,
        recordings: Vec::new(),
        grey_box: None,
    };
    match source::of_run(&config.source, run.path())? {
        Source::System(source) if arguments.data.is_empty() && arguments.window.is_none() => {
            evaluation.system = Some(against_system(&source, &learned, scheme)?);
        }
        Source::System(_) => bail!("this run was trained on a named system; leave out --data and --window"),
        Source::Files(source) => evaluation.recordings = against_files(&source, &learned, scheme, arguments)?,
    }
    Ok(evaluation)
}

/// The scheme that steps an energy; a baseline steps itself, whatever the scheme.
fn stepping_scheme(loss: &loss::Settings, learned: &Learned) -> anyhow::Result<Scheme> {
    match learned {
        Learned::Hamiltonian(model) => deployed_scheme(loss, model),
        Learned::Baseline(_) => Ok(Scheme::ALL[0]),
    }
}

/// The scheme the run was trained through, else the one an export would choose.
pub(super) fn deployed_scheme(loss: &loss::Settings, model: &Model) -> anyhow::Result<Scheme> {
    let [leapfrog, _, midpoint] = Scheme::ALL;
    Ok(match loss {
        loss::Settings::Rollout(rollout) => rollout.scheme,
        loss::Settings::Field if separability(model)?.is_separable() => leapfrog,
        loss::Settings::Field => midpoint,
    })
}

/// The clean protocol.
pub(super) fn against_system(
    source: &SystemSource,
    model: &dyn Motion,
    scheme: Scheme,
) -> anyhow::Result<hnn_trainer::evaluate::SystemEvaluation> {
    let clean = Source::System(source.clone()).load()?.clean;
    let named = source.system()?;
    let mut options = CleanOptions { scheme: Some(scheme), horizon: named.judged_over, ..CleanOptions::default() };
    if model.is_map() {
        options = options.at_rows_of(&source.protocol());
    }
    Ok(system(model, (named, &source.settings), clean.as_ref(), &options)?)
}

fn against_files(
    source: &FileSource,
    model: &dyn Motion,
    scheme: Scheme,
    arguments: &EvaluateArguments,
) -> anyhow::Result<Vec<RecordingEvaluation>> {
    let files = if arguments.data.is_empty() { &source.files } else { &arguments.data };
    if arguments.data.is_empty() {
        console::note("these recordings were trained on, but for their held-out part; name others with --data");
    }
    let lengths = arguments.window.map_or(WINDOWS_S.to_vec(), |seconds| vec![seconds]);
    let mut recordings = Vec::new();
    for file in files {
        let (data, notices) = source.read(std::slice::from_ref(file))?;
        notices.iter().for_each(console::note);
        for seconds in &lengths {
            recordings.push(one_recording(file, &data, model, scheme, *seconds)?);
        }
    }
    Ok(recordings)
}

fn one_recording(
    file: &Path,
    data: &Dataset,
    model: &dyn Motion,
    scheme: Scheme,
    seconds: f64,
) -> anyhow::Result<RecordingEvaluation> {
    let mut predictor = GraphPredictor::new(model, scheme)?;
    let metrics = windows(data, &mut predictor, seconds).with_context(|| file.display().to_string())?;
    Ok(RecordingEvaluation { source: file.display().to_string(), predictor: "model".to_owned(), metrics })
}

fn print(evaluation: &Evaluation) {
    if let Some(system) = &evaluation.system {
        console::say(format!(
            "{} clean starts of {}, {} s; truth known to {:.1e}",
            system.starts, system.system, system.horizon_s, system.truth.state
        ));
        if let Some(loss) = system.test_loss_clean {
            console::say(format!("clean test loss of the field: {loss:.4e}"));
        }
        let mut rows = Vec::new();
        if let Some(metrics) = &system.field {
            rows.push(motion_row("field, integrated to 1e-8", metrics));
        }
        if let Some(deployed) = &system.deployed {
            rows.push(motion_row(&format!("{}, dt {} s", deployed.scheme, deployed.dt_s), &deployed.metrics));
        }
        let header =
            ["motion by", "energy MSE", "coordinate MSE", "energy error max", "drift per s", "survived s", "cycles"];
        console::table(&header, &rows);
    }
    let rows: Vec<Vec<String>> = evaluation.recordings.iter().map(recording_row).collect();
    if !rows.is_empty() {
        console::table(&["recording", "window s", "windows", "RMSE", "median at end", "90 % at end"], &rows);
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("diverged".to_owned(), |value| format!("{value:.3e}"))
}

fn motion_row(name: &str, metrics: &MotionMetrics) -> Vec<String> {
    let numbers = [
        metrics.energy_mse,
        metrics.coordinate_mse,
        metrics.energy_error_max,
        metrics.energy_drift_per_s,
        metrics.survived_s_median,
        metrics.survived_cycles_median,
    ];
    std::iter::once(name.to_owned()).chain(numbers.into_iter().map(number)).collect()
}

fn recording_row(recording: &RecordingEvaluation) -> Vec<String> {
    let metrics = &recording.metrics;
    let name =
        Path::new(&recording.source).file_name().map_or(recording.source.clone(), |name| name.to_string_lossy().into());
    vec![
        name,
        metrics.window_s.to_string(),
        metrics.windows.to_string(),
        number(metrics.rmse),
        number(metrics.median_at_end),
        number(metrics.quantile_90_at_end),
    ]
}
