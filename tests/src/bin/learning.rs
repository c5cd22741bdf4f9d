//! Trains every task over several seeds and says how well and how dearly: `cargo xtask bench learning`.
//!
//! ```text
//! learning [--seeds N] [--cycles N] [--only TASK]... [--reference PYTHON] --json FILE [--document FILE]
//! ```
//! The JSON may hold earlier measurements: tasks measured now take the place of the same tasks there, others stay, so that long
//! measurements can be made in several sittings. It is written after every task. Gates nothing.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use hnn_conformance::learning::endurance::{Course, deployment};
use hnn_conformance::learning::process::{measured, program};
use hnn_conformance::learning::report::{Compared, Endurance, Report, RunReport, TaskReport, median};
use hnn_conformance::learning::task::{self, Task};
use hnn_conformance::learning::{reference, table};
use hnn_trainer::evaluate::Evaluation;
use hnn_trainer::learned::Motion;
use hnn_trainer::random::Stream;
use hnn_trainer::run::{self, Run};
use hnn_trainer::system::{self, Energy, Settings};

/// Fresh starts of long motions.
const STARTS: u64 = 3;

/// What was asked for.
struct Arguments {
    seeds: u64,
    cycles: u64,
    only: Vec<String>,
    python: Option<PathBuf>,
    json: PathBuf,
    document: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut typed: impl Iterator<Item = String>) -> Result<Self> {
        let (mut json, mut document, mut python) = (None, None, None);
        let (mut seeds, mut cycles, mut only) = (3, 1_000_000, Vec::new());
        while let Some(option) = typed.next() {
            let value = typed.next().with_context(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--seeds" => seeds = value.parse()?,
                "--cycles" => cycles = value.parse()?,
                "--only" => only.push(value),
                "--reference" => python = Some(value.into()),
                "--json" => json = Some(value.into()),
                "--document" => document = Some(value.into()),
                other => bail!("unknown option {other}"),
            }
        }
        ensure!(seeds > 0 && cycles > 0, "--seeds and --cycles are at least 1");
        Ok(Self { seeds, cycles, only, python, json: json.context("--json FILE is needed")?, document })
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let tasks = wanted(&arguments.only)?;
    let mut report = match std::fs::read_to_string(&arguments.json) {
        Ok(text) => {
            serde_json::from_str(&text).with_context(|| format!("{} is no earlier report", arguments.json.display()))?
        }
        Err(_) => Report::empty(),
    };
    for task in tasks {
        if system::find(task.system).is_err() {
            println!("{}: there is no system `{}`; left out", task.name, task.system);
            continue;
        }
        report.enter(measure(&task, &arguments)?);
        std::fs::write(&arguments.json, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    print!("{}", table::tables(&report));
    if let Some(document) = &arguments.document {
        let text = std::fs::read_to_string(document)?;
        std::fs::write(document, table::replaced(&text, &report)?)?;
    }
    Ok(())
}

fn wanted(only: &[String]) -> Result<Vec<Task>> {
    let all = task::all();
    for name in only {
        let mut known: Vec<&str> = all.iter().map(|task| task.name.as_str()).collect();
        known.dedup();
        ensure!(known.contains(&name.as_str()), "no task `{name}`; there are {}", known.join(", "));
    }
    Ok(all.into_iter().filter(|task| only.is_empty() || only.contains(&task.name)).collect())
}

/// All seeds of one task; where there is a reference, it follows each training, so that both meet the same machine.
fn measure(task: &Task, arguments: &Arguments) -> Result<TaskReport> {
    let mut runs = Vec::new();
    for seed in 0..arguments.seeds {
        let folder = tempfile::tempdir()?;
        let mut measured = one(task, seed, arguments.cycles, folder.path())
            .with_context(|| format!("{} {:?}, seed {seed}", task.name, task.arguments))?;
        if let (Some(python), Some(reference)) = (&arguments.python, task.reference) {
            measured.reference = Some(reference::train(python, task.system, reference, seed, folder.path())?);
        }
        println!("{}", progress(task, &measured));
        runs.push(measured);
    }
    Ok(TaskReport {
        task: task.name.clone(),
        system: task.system.to_owned(),
        arguments: task.arguments.iter().map(ToString::to_string).collect(),
        compared: task.compared.map(|(points, who)| Compared { points, who: who.to_owned() }),
        hnn_version: env!("CARGO_PKG_VERSION").to_owned(),
        processor: processor(),
        runs,
    })
}

fn one(task: &Task, seed: u64, cycles: u64, folder: &Path) -> Result<RunReport> {
    let (hnn, out, json) = (program()?, folder.join("run"), folder.join("evaluation.json"));
    let seed_text = seed.to_string();
    let mut train = vec!["train".as_ref(), "--system".as_ref(), task.system.as_ref(), "--seed".as_ref()];
    train.extend([seed_text.as_ref(), "--out".as_ref(), out.as_os_str()]);
    train.extend(task.arguments.iter().map(OsStr::new));
    let (_, cpu_s) = measured(&hnn, train)?;
    measured(&hnn, ["evaluate".as_ref(), out.as_os_str(), "--json".as_ref(), json.as_os_str()])?;
    let evaluation: Evaluation = serde_json::from_str(&std::fs::read_to_string(&json)?)?;
    let judged = evaluation.system.context("a run on a named system is judged against it")?;
    let deployed = judged.deployed.map(|deployed| deployed.metrics);
    let learned = judged.field.clone().or_else(|| deployed.clone());
    let run = run::open(&out)?;
    let architecture = run.architecture()?;
    Ok(RunReport {
        seed,
        cpu_s,
        model: run.config()?.model.to_string(),
        parameters: architecture.initial.values().map(|tensor| tensor.data().len()).sum(),
        energy_mse: learned.as_ref().and_then(|metrics| metrics.energy_mse),
        coordinate_mse: learned.as_ref().and_then(|metrics| metrics.coordinate_mse),
        deployed_energy_mse: deployed.as_ref().and_then(|metrics| metrics.energy_mse),
        deployed_coordinate_mse: deployed.as_ref().and_then(|metrics| metrics.coordinate_mse),
        endurance: task.compared.map(|_| endure(task, &run, seed, cycles)).transpose()?,
        reference: None,
    })
}

/// Long motions from fresh starts.
fn endure(task: &Task, run: &Run, seed: u64, limit: u64) -> Result<Endurance> {
    let (named, settings) = (system::find(task.system)?, Settings::new());
    let truth = named.model(&settings)?;
    let energy = Energy::new(&truth)?;
    let learned = run.learned()?;
    let deployed = deployment(run, &learned)?;
    let course = Course::new(&learned, deployed, &truth)?;
    let (mut errors, mut cycles) = (Vec::new(), Vec::new());
    for index in 0..STARTS {
        let start = named.start(&settings, &mut Stream::new(seed, "endurance start", index))?;
        let endured = course.run(&start, energy.evaluate(&start)?[0], limit)?;
        errors.push(Some(endured.energy_error));
        #[expect(clippy::cast_precision_loss, reason = "cycles are limited to a million")]
        cycles.push(Some(endured.cycles as f64));
    }
    let error = median(errors);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the median of three counts is one of them"
    )]
    let cycles = median(cycles) as u64;
    Ok(Endurance {
        starts: STARTS as usize,
        stepper: learned.stepper(deployed.scheme),
        dt_s: deployed.dt,
        energy_error: error.is_finite().then_some(error),
        cycles,
        limit,
    })
}

fn progress(task: &Task, run: &RunReport) -> String {
    let number = |value: Option<f64>| value.map_or("diverged".to_owned(), |value| format!("{value:.2e}"));
    let mut line = format!(
        "{} seed {} by {}: energy MSE {}, coordinate MSE {}, {:.2} CPU-s",
        task.name,
        run.seed,
        run.model,
        number(run.energy_mse),
        number(run.coordinate_mse),
        run.cpu_s
    );
    if let Some(endurance) = &run.endurance {
        line += &format!(", energy error {}, {} cycles", number(endurance.energy_error), endurance.cycles);
    }
    if let Some(trained) = &run.reference {
        line += &format!("; PyTorch {} {:.2} CPU-s, {:.3}", trained.torch, trained.cpu_s, run.cpu_s / trained.cpu_s);
    }
    line
}

/// The processor as Linux names it.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.unwrap_or("unknown").to_owned()
}
