//! Makes a loss small: in closed form, by Adam or L-BFGS, or by one after the other, with early stop and checkpoints.
//!
//! Everything is seeded and every source of chance is a function of (seed, epoch), so the position of training is its step
//! count: continuing from a [`Checkpoint`] gives, bit for bit, what not stopping would have given. Adam itself is burn's;
//! learned first states of windows are moved by [`Starts`], because only those of the current batch may move. Files, terminals
//! and signals are the caller's: progress leaves through [`Observer`], and a flag asks to stop.

mod lbfgs;
mod quasi_newton;
mod residual;
mod sampled;
mod schedule;
mod settings;
mod starts;
#[cfg(test)]
mod tests;
mod weights;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::architecture::{Architecture, Parameters};
use crate::checkpoint::Checkpoint;
use crate::data::Dataset;
use crate::execute::{Arithmetic, DeviceError, ExecuteError, Real, download_scalar};
use crate::loss::{self, Batch, LossError, Objective};

pub use lbfgs::Memory;
pub use residual::residual_noise;
pub use sampled::{MAX_CANCELLATION, Sampled, sample};
use schedule::Order;
pub use settings::{Method, Settings};
pub use starts::Starts;
use weights::{Move, Weights};

/// Adam steps given to the first states of held-out windows before each judgement.
const HELD_OUT_REFINEMENTS: usize = 8;
/// Most steps of a training.
pub const MAX_STEPS: u64 = 1 << 32;

/// Why training ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A setting is out of range.
    #[error("{0}")]
    Setting(String),
    /// The loss or a gradient is no longer a number.
    #[error(
        "{what} is {value} at step {step}; an earlier checkpoint stays as it was. Remedies: a lower `--learning-rate`, a lower `--clip`, \
         shorter windows, or f64"
    )]
    NotFinite {
        /// Loss or gradient norm.
        what: &'static str,
        /// The value.
        value: f64,
        /// Steps taken before.
        step: u64,
    },
    /// The checkpoint belongs to another model, other data or other settings.
    #[error("the checkpoint does not fit: {0}")]
    Checkpoint(String),
    /// The loss cannot be computed.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// The device cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A tensor could not be read.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// An observer could not write.
    #[error("training stopped at step {step}: {source}")]
    Observer {
        /// Steps taken.
        step: u64,
        /// What went wrong.
        source: io::Error,
    },
}

/// State of training after a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Steps taken, counted from the start of the first run.
    pub step: u64,
    /// Steps to be taken in all.
    pub steps: u64,
    /// Loss on the last batch, before its step.
    pub loss: f64,
    /// Loss on held-out data when it was last judged; of the training batch where nothing is held out.
    pub held_out: Option<f64>,
    /// Best of these so far.
    pub best: Option<f64>,
    /// Learning rate of the step.
    pub rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Seconds since this run began.
    pub seconds: f64,
}

impl Report {
    /// Time left at the pace of this run, which began at `first_step`.
    #[must_use]
    pub fn remaining(&self, first_step: u64) -> Option<Duration> {
        let (done, left) = (self.step.checked_sub(first_step)?, self.steps.checked_sub(self.step)?);
        #[expect(clippy::cast_precision_loss, reason = "step counts are bounded by MAX_STEPS")]
        let ratio = left as f64 / done as f64;
        Duration::try_from_secs_f64(self.seconds * ratio).ok()
    }
}

/// Hears of training as it goes; a run directory writes, a terminal draws.
pub trait Observer {
    /// After every step.
    ///
    /// # Errors
    /// Whatever prevents going on.
    fn stepped(&mut self, report: &Report) -> io::Result<()> {
        let _ = report;
        Ok(())
    }

    /// After every judgement, and at the end; `checkpoint` is all it takes to go on.
    ///
    /// # Errors
    /// Whatever prevents going on.
    fn judged(&mut self, report: &Report, checkpoint: &Checkpoint) -> io::Result<()> {
        let _ = (report, checkpoint);
        Ok(())
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// How training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All steps were taken.
    Finished,
    /// The loss no longer falls.
    Converged,
    /// Held-out data no longer improved.
    StoppedEarly,
    /// The flag was raised; the checkpoint continues from here.
    Interrupted,
}

/// A trained model's weights.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// How training ended.
    pub outcome: Outcome,
    /// Weights that judged best.
    pub parameters: Parameters,
    /// The last report.
    pub report: Option<Report>,
    /// All it takes to go on.
    pub checkpoint: Checkpoint,
}

/// What to train, on what.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a> {
    /// The model and its initial weights.
    pub architecture: &'a Architecture,
    /// Data to learn from.
    pub train: &'a Dataset,
    /// Data to judge by; the training data where absent.
    pub held_out: Option<&'a Dataset>,
    /// The loss.
    pub loss: &'a loss::Settings,
    /// The optimiser.
    pub settings: &'a Settings,
}

/// Whether a training could begin: settings, loss, scheme and data fit together. Takes no step and writes nothing.
///
/// # Errors
/// What [`fit`] would return before its first step.
pub fn check_task(task: Task<'_>) -> Result<(), FitError> {
    Training::new(task, None).map(drop)
}

/// Trains until the steps are taken, held-out data stop improving, or `interrupted` is raised.
///
/// # Errors
/// [`FitError`]; the last checkpoint the observer was given stays valid.
pub fn fit(
    task: Task<'_>,
    resume: Option<&Checkpoint>,
    observer: &mut dyn Observer,
    interrupted: &AtomicBool,
) -> Result<Fitted, FitError> {
    Training::new(task, resume)?.run(observer, interrupted)
}

/// A training that can begin: its settings, loss, scheme and data fit together, and what is drawn or solved for is.
struct Training {
    settings: Settings,
    objective: Objective,
    judge: Option<Objective>,
    weights: Weights,
    starts: Starts,
    judge_starts: Starts,
    order: Order,
    whole: Option<Batch>,
    step: u64,
    best: Option<(f64, Parameters)>,
    stale: u64,
    report: Option<Report>,
    /// What L-BFGS remembers, and where it is.
    memory: Memory,
    point: Option<lbfgs::Point>,
    idle_steps: u32,
    converged: bool,
}

impl Training {
    fn new(task: Task<'_>, resume: Option<&Checkpoint>) -> Result<Self, FitError> {
        task.settings.check()?;
        if task.settings.method.descends() && task.settings.steps < task.loss.stages() as u64 {
            return Err(FitError::Setting("every stage of a curriculum takes at least one step".into()));
        }
        let (model, settings) = (&task.architecture.model, task.settings);
        let recording = Arithmetic::on(settings.device, settings.precision)?.with_derivatives();
        let mut objective = Objective::new(task.loss, model, task.train, task.train, &recording)?;
        // A checkpoint belongs to the stage of the last step that was taken.
        let taken = resume.map_or(0, |checkpoint| checkpoint.step.saturating_sub(1));
        objective.enter(taken, settings.steps_in_all());
        if objective.parameters().is_empty() {
            return Err(FitError::Setting(
                "the loss depends on none of the model's weights: there is nothing to learn".into(),
            ));
        }
        let mut judge = match task.held_out {
            Some(data) => Some(Objective::new(task.loss, model, data, task.train, &recording)?),
            None => None,
        };
        if let Some(judge) = &mut judge {
            judge.enter(taken, settings.steps_in_all());
        }
        let order = Order::new(settings.seed, objective.items(), settings.batch);
        let starts = Starts::new(objective.items(), objective.start_width());
        let judge_starts = judge.as_ref().map_or_else(Starts::default, |j| Starts::new(j.items(), j.start_width()));
        let weights = if settings.method.samples() && resume.is_none() {
            Weights::new(&sample(task)?.parameters, &recording)
        } else {
            Weights::new(&task.architecture.initial, &recording)
        };
        let whole = (order.batch_len() == objective.items()).then(|| objective.gather(&order.items(0)));
        let mut training = Self {
            settings: settings.clone(),
            objective,
            judge,
            weights,
            starts,
            judge_starts,
            order,
            whole,
            step: 0,
            best: None,
            stale: 0,
            report: None,
            memory: Memory::default(),
            point: None,
            idle_steps: 0,
            converged: false,
        };
        if let Some(checkpoint) = resume {
            training.restore(checkpoint)?;
        }
        Ok(training)
    }

    fn run(mut self, observer: &mut dyn Observer, interrupted: &AtomicBool) -> Result<Fitted, FitError> {
        let outcome = self.take_steps(observer, interrupted)?;
        let checkpoint = self.checkpoint()?;
        Ok(Fitted { outcome, parameters: checkpoint.best.clone(), report: self.report, checkpoint })
    }

    fn take_steps(&mut self, observer: &mut dyn Observer, interrupted: &AtomicBool) -> Result<Outcome, FitError> {
        let began = Instant::now();
        if let Some(outcome) = self.ended() {
            return Ok(outcome);
        }
        while self.step < self.settings.steps_in_all() {
            if interrupted.load(Ordering::Relaxed) {
                self.tell(observer)?;
                return Ok(Outcome::Interrupted);
            }
            self.enter_stage();
            let (loss, gradient_norm, rate) = self.advance_by_method()?;
            let due = self.step.is_multiple_of(self.settings.judge_every)
                || self.step == self.settings.steps_in_all()
                || (self.converged && self.objective.in_last_stage());
            let held_out = if due { Some(self.judge(loss)?) } else { self.report.and_then(|report| report.held_out) };
            let report = Report {
                step: self.step,
                steps: self.settings.steps_in_all(),
                loss,
                held_out,
                best: self.best.as_ref().map(|(loss, _)| *loss),
                rate,
                gradient_norm,
                seconds: began.elapsed().as_secs_f64(),
            };
            self.report = Some(report);
            observer.stepped(&report).map_err(|source| FitError::Observer { step: self.step, source })?;
            if due {
                self.tell(observer)?;
            }
            if let Some(outcome) = self.ended() {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Finished)
    }

    /// How training ended before its last step, if it did; so one that is resumed after its end stays as it is.
    fn ended(&self) -> Option<Outcome> {
        if self.step == 0 || !self.objective.in_last_stage() {
            return None;
        }
        let stale = self.settings.patience.is_some_and(|patience| self.stale >= patience);
        if self.converged { Some(Outcome::Converged) } else { stale.then_some(Outcome::StoppedEarly) }
    }

    /// Goes on to the stage of the next step: first states are carried over, and judgements begin anew, as windows differ.
    fn enter_stage(&mut self) {
        let (step, steps) = (self.step, self.settings.steps_in_all());
        if !self.objective.enter(step, steps) {
            return;
        }
        let carry = |starts: &Starts, objective: &Objective| {
            starts.carried(objective.items(), objective.start_width(), &objective.carried_starts())
        };
        self.starts = carry(&self.starts, &self.objective);
        if let Some(judge) = &mut self.judge {
            judge.enter(step, steps);
            self.judge_starts = carry(&self.judge_starts, judge);
        }
        self.order = Order::new(self.settings.seed, self.objective.items(), self.settings.batch);
        let all = self.order.batch_len() == self.objective.items();
        self.whole = all.then(|| self.objective.gather(&self.order.items(0)));
        (self.best, self.stale) = (None, 0);
        // What L-BFGS remembers is of another function.
        (self.memory, self.point, self.idle_steps, self.converged) = (Memory::default(), None, 0, false);
    }

    fn advance_by_method(&mut self) -> Result<(f64, f64, f64), FitError> {
        match self.settings.method {
            Method::Adam | Method::SampledAdam => self.advance(),
            Method::Lbfgs | Method::SampledLbfgs => self.advance_quasi_newton().map(|(loss, norm)| (loss, norm, 1.0)),
            Method::Sampled => Ok((self.arrive()?, 0.0, 0.0)),
        }
    }

    /// The one step of a fit in closed form, which is there already; gives the loss.
    fn arrive(&mut self) -> Result<f64, FitError> {
        let items = self.order.items(0);
        let starts = self.starts.gather(&items, self.weights.arithmetic());
        let value = |name: &str| self.weights.get(name).map(Real::detach);
        let total = self.objective.loss(&self.objective.gather(&items), starts, &value)?;
        let loss = self.finite("the loss", download_scalar(&total)?)?;
        self.step += 1;
        Ok(loss)
    }

    /// One step; gives the loss before it, the norm of its gradient, and its rate.
    fn advance(&mut self) -> Result<(f64, f64, f64), FitError> {
        let settings = &self.settings;
        let items = self.order.items(self.step);
        let batch = match &self.whole {
            Some(batch) => batch.clone(),
            None => self.objective.gather(&items),
        };
        let starts = self.starts.gather(&items, self.weights.arithmetic()).map(Real::require_grad);
        let total = self.objective.loss(&batch, starts.clone(), &|name| self.weights.get(name))?;
        let loss = self.finite("the loss", download_scalar(&total)?)?;
        let mut gradients = total.backward();
        let rate = schedule::cosine(self.step, settings.steps, settings.rate, settings.final_rate);
        let norm = self.weights.gradient_norm(&gradients)?;
        let norm = self.finite("the norm of the gradient", norm)?;
        let factor = settings.clip.map_or(1.0, |clip| if norm > clip { clip / norm } else { 1.0 });
        if let Some(gradient) = starts.as_ref().and_then(|starts| starts.grad(&gradients)) {
            let rate = schedule::cosine(self.step, settings.steps, settings.start_rate, settings.final_rate);
            self.starts.step(&items, &crate::execute::download(&gradient)?, rate);
        }
        self.weights.step(&mut gradients, Move { rate, factor, decay: settings.weight_decay });
        self.step += 1;
        Ok((loss, norm, rate))
    }

    fn finite(&self, what: &'static str, value: f64) -> Result<f64, FitError> {
        if value.is_finite() { Ok(value) } else { Err(FitError::NotFinite { what, value, step: self.step }) }
    }

    /// Loss on held-out data; remembers the weights where it is the best so far.
    fn judge(&mut self, train_loss: f64) -> Result<f64, FitError> {
        let loss = match &self.judge {
            None => train_loss,
            Some(judge) => {
                let items: Vec<usize> = (0..judge.items()).collect();
                let batch = judge.gather(&items);
                let value = |name: &str| self.weights.get(name).map(Real::detach);
                let refinements = if judge.start_width() > 0 { HELD_OUT_REFINEMENTS } else { 0 };
                for _ in 0..refinements {
                    let starts = self.judge_starts.gather(&items, self.weights.arithmetic()).map(Real::require_grad);
                    let gradients = judge.loss(&batch, starts.clone(), &value)?.backward();
                    if let Some(gradient) = starts.and_then(|starts| starts.grad(&gradients)) {
                        let gradient = crate::execute::download(&gradient)?;
                        self.judge_starts.step(&items, &gradient, self.settings.start_rate);
                    }
                }
                let starts = self.judge_starts.gather(&items, self.weights.arithmetic());
                download_scalar(&judge.loss(&batch, starts, &value)?)?
            }
        };
        let loss = self.finite("the loss on held-out data", loss)?;
        self.stale += 1;
        if self.best.as_ref().is_none_or(|(best, _)| loss < *best) {
            self.best = Some((loss, self.weights.values()?));
            self.stale = 0;
        }
        Ok(loss)
    }

    fn tell(&self, observer: &mut dyn Observer) -> Result<(), FitError> {
        let Some(report) = self.report else { return Ok(()) };
        let checkpoint = self.checkpoint()?;
        observer.judged(&report, &checkpoint).map_err(|source| FitError::Observer { step: self.step, source })
    }

    fn checkpoint(&self) -> Result<Checkpoint, FitError> {
        let parameters = self.weights.values()?;
        let (moment_1, moment_2) = self.weights.moments()?;
        let (best_loss, best) = match &self.best {
            Some((loss, best)) => (Some(*loss), best.clone()),
            None => (None, parameters.clone()),
        };
        Ok(Checkpoint {
            step: self.step,
            stale: self.stale,
            best_loss,
            parameters,
            moment_1,
            moment_2,
            best,
            starts: self.starts.clone(),
            judge_starts: self.judge_starts.clone(),
            held_out: self.report.and_then(|report| report.held_out),
            memory: self.memory.clone(),
            idle_steps: self.idle_steps,
        })
    }

    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), FitError> {
        let refuse = |message: &str| Err(FitError::Checkpoint(message.to_owned()));
        if !checkpoint.starts.fits(&self.starts) || !checkpoint.judge_starts.fits(&self.judge_starts) {
            return refuse("it was made with other windows of data");
        }
        if checkpoint.step > self.settings.steps_in_all() {
            return refuse("it has taken more steps than are asked for");
        }
        let variables = checkpoint.parameters.values().map(|tensor| tensor.data().len()).sum::<usize>();
        if !checkpoint.memory.fits(variables + checkpoint.starts.offsets.len()) {
            return refuse("what L-BFGS remembers has another length");
        }
        if !self.weights.restore(checkpoint) {
            return refuse("its parameters have other names or shapes");
        }
        self.starts = checkpoint.starts.clone();
        self.judge_starts = checkpoint.judge_starts.clone();
        self.step = checkpoint.step;
        self.stale = checkpoint.stale;
        self.memory = checkpoint.memory.clone();
        self.idle_steps = checkpoint.idle_steps;
        self.converged = self.idle_steps >= quasi_newton::MAX_IDLE_STEPS;
        self.best = checkpoint.best_loss.map(|loss| (loss, checkpoint.best.clone()));
        Ok(())
    }
}
