//! `hnn train`: from data to a run directory, or on from where one stopped.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, bail};
use hnn_trainer::architecture::Architecture;
use hnn_trainer::checkpoint::Checkpoint;
use hnn_trainer::data::Dataset;
use hnn_trainer::fit::{self, Fitted, Outcome, Silent, Task};
use hnn_trainer::run::{self, Config, DataSummary, Run};
use hnn_trainer::{loss, preset::Preset};

use crate::arguments::TrainArguments;
use crate::interrupt::Interrupt;
use crate::progress::Drawn;
use crate::source::{self, Loaded, Source};
use crate::subject::Subject;
use crate::{Verdict, baseline, console, plan};

/// What a new run is asked to do.
pub(super) struct Planned {
    pub(super) subject: Subject,
    pub(super) loss: loss::Settings,
    pub(super) fit: fit::Settings,
    /// Where the data come from, as it is kept in the run.
    pub(super) source: serde_json::Value,
}

/// A training that can begin or go on.
struct Prepared {
    run: Run,
    config: Config,
    architecture: Architecture,
    train: Dataset,
    held_out: Dataset,
    resumed: Option<Checkpoint>,
}

/// Trains a model.
pub(crate) fn train(arguments: &TrainArguments) -> anyhow::Result<Verdict> {
    let prepared = if arguments.resume { resume(arguments)? } else { begin(arguments)? };
    let interrupt = Interrupt::listen()?;
    let began = Instant::now();
    let fitted = fit_run(&prepared, interrupt.flag())?;
    report(&prepared.run, &fitted, began);
    Ok(if fitted.outcome == Outcome::Interrupted { Verdict::Failed } else { Verdict::Good })
}

/// Makes a run directory from what was typed.
fn begin(arguments: &TrainArguments) -> anyhow::Result<Prepared> {
    let source = Source::new(&arguments.source, &arguments.data, arguments.fit.seed)?;
    let loaded = source.load()?;
    console::note(source.describe());
    let Preset { model, loss, fit, .. } = plan::preset(arguments, &loaded)?;
    let subject = Subject::new(&arguments.init, || plan::model(&arguments.model, model, &loaded))?;
    let loss = plan::loss(&arguments.fit, loss, subject.mixes()?)?;
    baseline::check(&subject, &arguments.fit, &loss)?;
    let fit = plan::fit(&arguments.fit, subject.gently(fit));
    let task = Planned { subject, loss, fit, source: serde_json::to_value(&source)? };
    start(&arguments.out, arguments.force, loaded, task)
}

/// Makes a run directory for what was planned.
fn start(out: &Path, force: bool, loaded: Loaded, task: Planned) -> anyhow::Result<Prepared> {
    loaded.notices.iter().for_each(console::note);
    let Planned { subject, loss, fit, source } = task;
    let config = Config { version: run::VERSION, model: subject.origin(), loss, fit, source };
    let (train, held_out) = with_what_the_loss_needs(loaded, &config.loss)?;
    let measured = subject.measure(&train);
    let (architecture, scaling) = subject.build(measured, config.fit.seed)?;
    // Whatever cannot be trained is refused before an earlier run is replaced.
    fit::check_task(of_fit(&config, &architecture, &train, &held_out))?;
    let run = run::create(out, &config, &DataSummary::new(&train, &scaling), &architecture, force)?;
    Ok(Prepared { run, config, architecture, train, held_out, resumed: None })
}

/// Reads a run directory and the same data again.
fn resume(arguments: &TrainArguments) -> anyhow::Result<Prepared> {
    let run = run::open(&arguments.out)?;
    let config = run.config()?;
    let source = source::of_run(&config.source, run.path())?;
    let loaded = source.load()?;
    let (train, held_out) = with_what_the_loss_needs(loaded, &config.loss)?;
    if run::fingerprint(&train) != run.data()?.fingerprint {
        bail!("{}: the data are no longer those the run began with; a new run is needed", run.path().display());
    }
    let architecture = run.architecture()?;
    let resumed = run.checkpoint()?;
    let step = resumed.as_ref().map_or(0, |checkpoint| checkpoint.step);
    console::note(format!("resuming {} at step {step} of {}", run.path().display(), config.fit.steps));
    Ok(Prepared { run, config, architecture, train, held_out, resumed })
}

/// Finite-difference derivatives where the loss needs derivatives and none were given.
fn with_what_the_loss_needs(loaded: Loaded, loss: &loss::Settings) -> anyhow::Result<(Dataset, Dataset)> {
    Ok(match loss {
        loss::Settings::Field => (loaded.train.with_derivatives()?, loaded.held_out.with_derivatives()?),
        loss::Settings::Rollout(_) => (loaded.train, loaded.held_out),
    })
}

fn of_fit<'a>(
    config: &'a Config,
    architecture: &'a Architecture,
    train: &'a Dataset,
    held_out: &'a Dataset,
) -> Task<'a> {
    Task { architecture, train, held_out: Some(held_out), loss: &config.loss, settings: &config.fit }
}

fn fit_run(prepared: &Prepared, interrupted: &AtomicBool) -> anyhow::Result<Fitted> {
    let Prepared { run, config, architecture, train, held_out, resumed } = prepared;
    let task = of_fit(config, architecture, train, held_out);
    let mut silent = Silent;
    let mut recorder = run.recorder(resumed.as_ref(), &mut silent)?;
    let mut drawn = Drawn::new(&mut recorder);
    let fitted = fit::fit(task, resumed.as_ref(), &mut drawn, interrupted);
    drop(drawn);
    fitted.with_context(|| format!("training {} failed", run.path().display()))
}

fn report(run: &Run, fitted: &Fitted, began: Instant) {
    let place = run.path().display();
    let step = fitted.checkpoint.step;
    let best = fitted.checkpoint.best_loss.map_or("not judged yet".to_owned(), |loss| format!("{loss:.4e}"));
    let seconds = began.elapsed().as_secs_f64();
    console::say(match fitted.outcome {
        Outcome::Finished => format!("{place}: trained {step} steps in {seconds:.1} s; best held-out loss {best}"),
        Outcome::StoppedEarly => {
            format!("{place}: held-out loss no longer improved at step {step}, {seconds:.1} s; best {best}")
        }
        Outcome::Interrupted => {
            format!("{place}: interrupted at step {step} and saved; continue with `hnn train --resume --out {place}`")
        }
    });
    if fitted.outcome != Outcome::Interrupted {
        console::say(format!("next: hnn evaluate {place}; hnn export {place} --out DIR"));
    }
}

/// Trains from the beginning, for `hnn demo`.
pub(super) fn train_planned(out: &Path, loaded: Loaded, task: Planned) -> anyhow::Result<(Run, Fitted)> {
    let prepared = start(out, false, loaded, task)?;
    let interrupt = Interrupt::listen()?;
    let fitted = fit_run(&prepared, interrupt.flag())?;
    Ok((prepared.run, fitted))
}
