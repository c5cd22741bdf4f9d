//! `hnn demo`: the whole path on the bundled pendulum, and what came out, in one table.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use hnn_exporter::manifest::{DeviceRecord, Manifest};
use hnn_exporter::pipeline::export as write;
use hnn_exporter::validate::trend::slope;
use hnn_exporter::validate::{Artifact, EngineKind, EngineState, Report, Settings, validate as compare};
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, State, Stepper as _};
use hnn_trainer::evaluate::SystemEvaluation;
use hnn_trainer::fit::{Fitted, Outcome};
use hnn_trainer::preset::Preset;
use hnn_trainer::run::{self, Run};

use super::evaluate::{against_system, clean_motions, deployed_scheme};
use super::export::of_trained;
use super::simulate::simulate;
use super::train::{Planned, train_planned};
use super::trained;
use super::validate::verdict;
use super::write_json;
use crate::arguments::{DemoArguments, SimulateArguments, StateKind};
use crate::source::{Source, SystemSource};
use crate::subject::Subject;
use crate::{Verdict, blob, console, plan};

/// The bundled system.
const SYSTEM: &str = "pendulum";
/// Step length on the device, s. The data are fifteen times coarser; the field was learned, not a map from row to row.
const DT: f64 = 0.01;
/// Steps over which the energy is watched for a trend.
const DRIFT_STEPS: usize = 1_000_000;
/// Where the pendulum is let go for that, q in rad, at rest.
const DRIFT_STARTS: [f32; 8] = [0.3, 0.6, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4];
/// Two-sided 95 % quantile of Student's t with one degree of freedom less than there are starts.
const STUDENT_95: f64 = 2.365;
/// Steps of the trajectory that is written as a table.
const ORBIT_STEPS: u64 = 2_000;
/// Where the pendulum is let go for it, q and p.
const ORBIT_START: [f32; 2] = [1.5, 0.0];
/// Seed of data and weights.
const SEED: u64 = 0;

/// Runs the whole path.
pub(crate) fn demo(arguments: &DemoArguments) -> anyhow::Result<Verdict> {
    let (out, began) = (&arguments.out, Instant::now());
    prepare(out, arguments.force)?;
    console::note("1/4  training");
    let source = SystemSource::reference(SYSTEM, SEED)?;
    let (run, fitted) = train(out, &source)?;
    if fitted.outcome == Outcome::Interrupted {
        let place = run.path().display();
        console::say(format!(
            "interrupted; `hnn demo --force` starts over, `hnn train --resume --out {place}` goes on with the training"
        ));
        return Ok(Verdict::Failed);
    }
    let trained = began.elapsed().as_secs_f64();
    let scheme = deployed_scheme(&run.config()?.loss, &run.model()?)?;
    let judged = against_system(&source, &run.model()?, scheme, &clean_motions(&source)?, None)?;
    console::note("2/4  exporting");
    let export = out.join("export");
    let (model, mut options) = of_trained(trained::open(run.path(), None)?)?;
    options.dt = DT;
    let manifest = write(&model, &options, &export)?;
    console::note("3/4  validating");
    let report = compare(&Artifact::load(&export)?, &Settings::default())?;
    write_json(&out.join("validate.json"), &report)?;
    console::note("4/4  simulating, with a million steps to watch the energy");
    orbit(&export, &out.join("orbit.csv"))?;
    let mut rows = rows(&source, &fitted, trained, &judged, &manifest, &report);
    rows.push(energy_trend(&export)?);
    console::table(&["", ""], &rows);
    report.problems.iter().for_each(|problem| console::say(format!("PROBLEM: {problem}")));
    console::say(format!("all of it in {:.1} s; files in {}", began.elapsed().as_secs_f64(), out.display()));
    Ok(verdict(&report))
}

/// An empty folder to write to; an earlier demo is removed on request, anything else is not touched.
fn prepare(out: &Path, force: bool) -> anyhow::Result<()> {
    let context = || format!("cannot prepare {}", out.display());
    if out.is_dir() && out.read_dir().with_context(context)?.next().is_some() {
        ensure!(force, "{} exists and is not empty; --force replaces an earlier demo", out.display());
        if !run::is_run(&out.join("run")) {
            bail!("{} holds no earlier demo; it is not replaced", out.display());
        }
        for part in ["run", "export"].map(|part| out.join(part)).iter().filter(|part| part.is_dir()) {
            std::fs::remove_dir_all(part).with_context(context)?;
        }
    }
    std::fs::create_dir_all(out).with_context(context)
}

fn train(out: &Path, source: &SystemSource) -> anyhow::Result<(Run, Fitted)> {
    let source = Source::System(source.clone());
    let loaded = source.load()?;
    let mut preset = plan::suggested(&loaded.train, false);
    preset.model.angles = vec![0];
    preset.fit.seed = SEED;
    let Preset { model, loss, fit, .. } = preset;
    let task = Planned { subject: Subject::Named(model), loss, fit, source: serde_json::to_value(&source)? };
    train_planned(&out.join("run"), loaded, task)
}

fn orbit(export: &Path, out: &Path) -> anyhow::Result<()> {
    let arguments = SimulateArguments {
        model: export.to_owned(),
        x0: ORBIT_START.to_vec(),
        u: None,
        dt: None,
        steps: ORBIT_STEPS,
        scheme: None,
        omega: None,
        state: StateKind::F32,
        out: out.to_owned(),
    };
    simulate(&arguments).map(|_| ())
}

/// The table: what was done, and the figure that says how well.
fn rows(
    source: &SystemSource,
    fitted: &Fitted,
    trained: f64,
    judged: &SystemEvaluation,
    manifest: &Manifest,
    report: &Report,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |what: &str, figure: String| rows.push(vec![what.to_owned(), figure]);
    row("data", Source::System(source.clone()).describe());
    let how = match fitted.checkpoint.step {
        1 => "in closed form".to_owned(),
        steps => format!("{steps} steps"),
    };
    row("training", format!("{how}, {trained:.1} s with the making of the data"));
    if let Some(deployed) = &judged.deployed {
        let [energy, coordinate] = [deployed.metrics.energy_mse, deployed.metrics.coordinate_mse]
            .map(|value| value.map_or("diverged".to_owned(), |value| format!("{value:.2e}")));
        row(
            "against the true pendulum",
            format!(
                "energy MSE {energy}, coordinate MSE {coordinate} ({} starts, {} s)",
                judged.starts, judged.horizon_s
            ),
        );
    }
    if let DeviceRecord::Program(program) = &manifest.device {
        let (flash, ram) = (program.flash_bytes, program.workspace_bytes);
        row("device program", format!("{flash} bytes of flash, {ram} bytes of workspace"));
    }
    for record in &report.engines {
        row(&format!("engine {}", record.engine), agreement(record.engine, record.state, report));
    }
    if let Some(trajectory) = &manifest.trajectory {
        row("trajectory hash", trajectory.hash.clone());
    }
    rows
}

/// The device program from [`DRIFT_STARTS`]: the mean slope of the energy with its 95 % interval, and the largest error.
///
/// Rounding makes the energy of one motion a random walk, whose own residuals tell little about its slope; motions from
/// different starts are independent, so the interval comes from the scatter between them.
fn energy_trend(export: &Path) -> anyhow::Result<Vec<String>> {
    let path = blob::locate(export);
    let words = blob::read(&path)?;
    let program = blob::parse(&path, &words)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let stepper = AnyStepper::for_program(&program)?;
    let (mut slopes, mut largest) = (Vec::new(), 0.0f64);
    for q in DRIFT_STARTS {
        let mut state = State::<f32, 1>::new(&[q], &[0.0])?;
        let mut energies = vec![f64::from(model.energy(state.q(), state.p()))];
        for _ in 0..DRIFT_STEPS {
            stepper.step(&mut model, &mut state, &[], program.dt())?;
            energies.push(f64::from(model.energy(state.q(), state.p())));
        }
        let trend = slope(&energies, f64::from(program.dt())).context("a million steps are too few for a slope")?;
        slopes.push(trend.value);
        largest = energies.iter().map(|energy| (energy - energies[0]).abs()).fold(largest, f64::max);
    }
    let count = slopes.len() as f64;
    let mean = slopes.iter().sum::<f64>() / count;
    let variance = slopes.iter().map(|slope| (slope - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let interval = STUDENT_95 * (variance / count).sqrt();
    let figure = format!("slope {mean:.1e} ± {interval:.1e} per s (95 %, {count} starts), largest error {largest:.1e}");
    Ok(vec!["energy over 10⁶ steps".to_owned(), figure])
}

fn agreement(engine: EngineKind, state: EngineState, report: &Report) -> String {
    if state != EngineState::Ran {
        return "not available here".to_owned();
    }
    if engine == EngineKind::Reference {
        return "f64, what the others are compared with".to_owned();
    }
    let outputs = report.outputs.iter().filter(|output| output.engine == engine);
    let worst = outputs.map(|output| output.metrics.worst).fold(0.0, f64::max);
    format!("agrees within {worst:.1e} relative on {} states", report.samples)
}
