//! `hnn train`: from data to a run directory, or on from where one stopped.

mod ensemble;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, bail};
use hnn_trainer::architecture::{self, Architecture, Scaling};
use hnn_trainer::checkpoint::Checkpoint;
use hnn_trainer::data::{Dataset, Second, noise};
use hnn_trainer::ensemble::is_ensemble;
use hnn_trainer::execute::Arithmetic;
use hnn_trainer::fit::{self, Fitted, Outcome, Silent, Task};
use hnn_trainer::learned::Learned;
use hnn_trainer::run::{self, Config, DataSummary, NoiseReport, Origin, Run};
use hnn_trainer::tangent::{determines_masses, with_momenta};
use hnn_trainer::{density, loss, preset::Preset};

use crate::arguments::TrainArguments;
use crate::interrupt::Interrupt;
use crate::progress::{Drawn, Together};
use crate::settings::{self, Assigned};
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
    train: Arc<Dataset>,
    held_out: Arc<Dataset>,
    resumed: Option<Checkpoint>,
}

/// All a training is made of but its directory and its seed.
struct Material {
    planned: Planned,
    train: Arc<Dataset>,
    held_out: Arc<Dataset>,
}

/// Trains a model, or several side by side.
pub(crate) fn train(arguments: &TrainArguments) -> anyhow::Result<Verdict> {
    if arguments.ensemble.is_some() || (arguments.resume && is_ensemble(&arguments.out)) {
        return ensemble::train(arguments);
    }
    let prepared = if arguments.resume { resume(&arguments.out)? } else { begin(arguments)? };
    let interrupt = Interrupt::listen()?;
    let began = Instant::now();
    let fitted = prepared.fit(None, interrupt.flag())?;
    report(&prepared.run, &fitted, began.elapsed().as_secs_f64());
    if let Some(levels) = prepared.run.noise()?.residual_levels() {
        console::note(format!("noise left by the trained motion: {levels}"));
    }
    let place = prepared.run.path().display();
    Ok(if fitted.outcome == Outcome::Interrupted {
        console::say(format!("continue with `hnn train --resume --out {place}`"));
        Verdict::Failed
    } else {
        console::say(format!("next: hnn evaluate {place}; hnn export {place} --out DIR"));
        Verdict::Good
    })
}

/// Goes on with the run of a directory.
fn resume(out: &Path) -> anyhow::Result<Prepared> {
    let run = run::open(out)?;
    let data = data_again(&run)?;
    read_again(run, data)
}

/// Makes a run directory from what was typed.
fn begin(arguments: &TrainArguments) -> anyhow::Result<Prepared> {
    let (loaded, planned) = plan_from(arguments)?;
    let seed = planned.fit.seed;
    Material::new(loaded, planned)?.prepare(&arguments.out, arguments.force, seed)
}

/// The data and what to learn from them.
fn plan_from(arguments: &TrainArguments) -> anyhow::Result<(Loaded, Planned)> {
    let Assigned { system, prior } = settings::assigned(arguments)?;
    let source = Source::new(&arguments.source, &arguments.data, system, arguments.data_seed())?;
    let loaded = source.load()?;
    console::note(source.describe());
    let Preset { model, loss, fit, .. } = plan::preset(arguments, &loaded)?;
    let subject = Subject::new(&arguments.init, || plan::model(&arguments.model, model, &loaded, prior))?;
    let loss = plan::loss(&arguments.fit, loss, subject.mixes()?)?;
    baseline::check(&subject, &arguments.fit, &loss)?;
    let fit = plan::fit(&arguments.fit, subject.gently(fit))?;
    Ok((loaded, Planned { subject, loss, fit, source: serde_json::to_value(&source)? }))
}

impl Material {
    fn new(loaded: Loaded, planned: Planned) -> anyhow::Result<Self> {
        loaded.notices.iter().for_each(console::note);
        console::note(found_noise(&loaded.train));
        let (mut train, mut held_out) = with_what_the_loss_needs(loaded, &planned.loss)?;
        if train.names.second == Second::Velocity {
            let (architecture, _) = planned.subject.build(planned.subject.measure(&train)?, planned.fit.seed)?;
            if determines_masses(planned.subject.settings(), &architecture.model) {
                console::note(
                    "momenta follow from the velocities by the mass matrix that is learned, but for one common factor",
                );
            } else {
                console::note("velocities are taken as momenta of unit mass");
                (train, held_out) = (train.with_unit_mass(), held_out.with_unit_mass());
            }
        }
        Ok(Self { planned, train: Arc::new(train), held_out: Arc::new(held_out) })
    }

    /// The model and its configuration, from one seed. Whatever cannot be trained is refused.
    fn build(&self, seed: u64) -> anyhow::Result<(Config, Architecture, Scaling)> {
        let Planned { subject, loss, fit, source } = &self.planned;
        let (loss, fit, source) = (loss.clone(), fit::Settings { seed, ..fit.clone() }, source.clone());
        let config = Config { version: run::VERSION, model: subject.origin(), loss, fit, source };
        let (architecture, scaling) = subject.build(subject.measure(&self.train)?, seed)?;
        fit::check_task(of_fit(&config, &architecture, &self.train, &self.held_out))?;
        Ok((config, architecture, scaling))
    }

    /// Makes a run directory.
    fn prepare(&self, out: &Path, force: bool, seed: u64) -> anyhow::Result<Prepared> {
        let (config, architecture, scaling) = self.build(seed)?;
        let initial = architecture.model.bind(&|name| architecture.initial.get(name).cloned())?;
        let summary = summary(&config, &initial, (&self.train, &self.held_out), &scaling)?;
        let run = run::create(out, &config, &summary, &architecture, force)?;
        let (train, held_out) = (Arc::clone(&self.train), Arc::clone(&self.held_out));
        Ok(Prepared { run, config, architecture, train, held_out, resumed: None })
    }
}

/// What there is to say of the data, as states of a model whose weights are bound.
fn summary(
    config: &Config,
    model: &Learned,
    (train, held_out): (&Dataset, &Dataset),
    scaling: &Scaling,
) -> anyhow::Result<DataSummary> {
    let (states, judged) = (with_momenta(model, train)?, with_momenta(model, held_out)?);
    let density = density::fit(&states, &judged, config.model.angles());
    Ok(DataSummary::new(train, &states, scaling).with_density(density))
}

/// Training and held-out data of a run.
type Halves = (Arc<Dataset>, Arc<Dataset>);

/// Makes or reads the data of a run again.
fn data_again(run: &Run) -> anyhow::Result<Halves> {
    let config = run.config()?;
    let loaded = source::of_run(&config.source, run.path())?.load()?;
    let (train, held_out) = with_what_the_loss_needs(loaded, &config.loss)?;
    let unit_mass = run.data()?.second == Second::Momentum;
    let again = |data: Dataset| Arc::new(if unit_mass { data.with_unit_mass() } else { data });
    Ok((again(train), again(held_out)))
}

/// Reads a run directory, to go on with the data it began with.
fn read_again(run: Run, (train, held_out): Halves) -> anyhow::Result<Prepared> {
    let config = run.config()?;
    if run::fingerprint(&train) != run.data()?.fingerprint {
        bail!("{}: the data are no longer those the run began with; a new run is needed", run.path().display());
    }
    let resumed = run.checkpoint()?;
    let architecture = match (&resumed, &config.model) {
        // Without a checkpoint the training begins again, for which the stored graph does not say enough.
        (None, Origin::Named(settings)) if config.fit.method.samples() => {
            architecture::build(settings, &run.data()?.scaling, config.fit.seed)?
        }
        _ => run.architecture()?,
    };
    let step = resumed.as_ref().map_or(0, |checkpoint| checkpoint.step);
    console::note(format!("resuming {} at step {step} of {}", run.path().display(), config.fit.steps_in_all()));
    Ok(Prepared { run, config, architecture, train, held_out, resumed })
}

/// Finite-difference derivatives where the loss needs derivatives and none were given.
fn with_what_the_loss_needs(loaded: Loaded, loss: &loss::Settings) -> anyhow::Result<(Dataset, Dataset)> {
    Ok(if loss.needs_derivatives() {
        (loaded.train.with_derivatives()?, loaded.held_out.with_derivatives()?)
    } else {
        (loaded.train, loaded.held_out)
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

impl Prepared {
    /// Steps taken before.
    fn first_step(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |checkpoint| checkpoint.step)
    }

    /// Trains into the run directory; progress goes to `shared` where several train together.
    fn fit(&self, shared: Option<&Together>, interrupted: &AtomicBool) -> anyhow::Result<Fitted> {
        let task = of_fit(&self.config, &self.architecture, &self.train, &self.held_out);
        let resumed = self.resumed.as_ref();
        let mut silent = Silent;
        let mut recorder = self.run.recorder(resumed, &mut silent)?;
        if let Some(name) = Arithmetic::on(task.settings.device, task.settings.precision)?.hardware() {
            console::note(format!("device `{}` is {name}", task.settings.device));
        }
        let fitted = match shared {
            Some(bar) => fit::fit(task, resumed, &mut bar.member(self.first_step(), &mut recorder), interrupted),
            None => fit::fit(task, resumed, &mut Drawn::new(&mut recorder), interrupted),
        };
        let fitted = fitted.with_context(|| format!("training {} failed", self.run.path().display()))?;
        if self.train.names.second == Second::Velocity {
            let scaling = self.run.data()?.scaling;
            let data = summary(&self.config, &self.run.learned()?, (&self.train, &self.held_out), &scaling)?;
            self.run.save_data(&data)?;
        }
        self.run.save_noise(&NoiseReport::new(&self.train, fit::residual_noise(task, &fitted.checkpoint)?))?;
        Ok(fitted)
    }
}

/// The noise of every coordinate, as differences of neighbouring rows show it.
fn found_noise(train: &Dataset) -> String {
    let found = noise(train);
    let level = |level: &Option<f64>| level.map_or("unknown".to_owned(), |level| format!("{level:.3e}"));
    let names = train.names.q.iter().chain(&train.names.p);
    let levels: Vec<String> = names.zip(&found.x).map(|(name, found)| format!("{name} {}", level(found))).collect();
    format!("noise in the data, by differences of neighbouring rows: {}", levels.join(", "))
}

/// How a training ended.
fn report(run: &Run, fitted: &Fitted, seconds: f64) {
    let place = run.path().display();
    let step = fitted.checkpoint.step;
    let best = fitted.checkpoint.best_loss.map_or("not judged yet".to_owned(), |loss| format!("{loss:.4e}"));
    console::say(match fitted.outcome {
        Outcome::Finished if step == 1 => format!("{place}: fitted in {seconds:.1} s; held-out loss {best}"),
        Outcome::Converged => format!("{place}: converged in {step} steps, {seconds:.1} s; best held-out loss {best}"),
        Outcome::Finished => format!("{place}: trained {step} steps in {seconds:.1} s; best held-out loss {best}"),
        Outcome::StoppedEarly => {
            format!("{place}: held-out loss no longer improved at step {step}, {seconds:.1} s; best {best}")
        }
        Outcome::Interrupted => format!("{place}: interrupted at step {step} and saved"),
    });
    say_unknowns(run, fitted);
}

/// What was learned of the unknowns of a formula.
fn say_unknowns(run: &Run, fitted: &Fitted) {
    let Ok(Config { model: Origin::Named(settings), .. }) = run.config() else { return };
    let found = architecture::unknowns(&settings, &fitted.checkpoint.best);
    let values: Vec<String> = found.iter().map(|(name, value)| format!("{name} = {value:.6}")).collect();
    if !values.is_empty() {
        console::say(format!("learned: {}", values.join(", ")));
    }
}

/// Trains from the beginning, for `hnn demo`.
pub(super) fn train_planned(out: &Path, loaded: Loaded, task: Planned) -> anyhow::Result<(Run, Fitted)> {
    let seed = task.fit.seed;
    let prepared = Material::new(loaded, task)?.prepare(out, false, seed)?;
    let interrupt = Interrupt::listen()?;
    let fitted = prepared.fit(None, interrupt.flag())?;
    Ok((prepared.run, fitted))
}
