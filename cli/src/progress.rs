//! The progress bar of a training, on stderr, gone when it is no terminal.

use std::io;
use std::time::Duration;

use hnn_trainer::checkpoint::Checkpoint;
use hnn_trainer::fit::{Observer, Report};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is redrawn.
const REDRAW_HERTZ: u8 = 8;

/// Draws a training and passes what it hears on to another observer.
pub(crate) struct Drawn<'a> {
    bar: ProgressBar,
    next: &'a mut dyn Observer,
}

impl<'a> Drawn<'a> {
    /// A bar in front of `next`, which hears everything first.
    pub(crate) fn new(next: &'a mut dyn Observer) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(REDRAW_HERTZ));
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {per_sec}  {eta} left  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        Self { bar, next }
    }
}

impl Observer for Drawn<'_> {
    fn stepped(&mut self, report: &Report) -> io::Result<()> {
        self.next.stepped(report)?;
        if self.bar.length() != Some(report.steps) {
            // A resumed training starts where it stopped; only steps of this run count for the pace.
            self.bar.set_length(report.steps);
            self.bar.set_position(report.step);
            self.bar.reset_eta();
            self.bar.enable_steady_tick(Duration::from_millis(500));
        }
        self.bar.set_position(report.step);
        self.bar.set_message(match report.held_out {
            Some(held_out) => format!("loss {:.3e}  held out {held_out:.3e}", report.loss),
            None => format!("loss {:.3e}", report.loss),
        });
        Ok(())
    }

    fn judged(&mut self, report: &Report, checkpoint: &Checkpoint) -> io::Result<()> {
        self.next.judged(report, checkpoint)
    }
}

/// One bar for several trainings at once.
pub(crate) struct Together {
    bar: ProgressBar,
}

impl Together {
    /// A bar over the steps of all, given as (steps in all, steps taken before) of each.
    pub(crate) fn new(trainings: impl Iterator<Item = (u64, u64)>) -> Self {
        let (all, taken) = trainings.fold((0, 0), |(all, taken), (steps, before)| (all + steps, taken + before));
        let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr_with_hz(REDRAW_HERTZ));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} steps of all  {per_sec}  {eta} left") {
            bar.set_style(style);
        }
        bar.set_position(taken);
        bar.reset_eta();
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar }
    }

    /// An observer that counts one training, begun after `first_step` steps, and passes what it hears on.
    pub(crate) fn member<'a>(&'a self, first_step: u64, next: &'a mut dyn Observer) -> Counted<'a> {
        Counted { bar: &self.bar, step: first_step, next }
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// One of several trainings; see [`Together::member`].
pub(crate) struct Counted<'a> {
    bar: &'a ProgressBar,
    step: u64,
    next: &'a mut dyn Observer,
}

impl Observer for Counted<'_> {
    fn stepped(&mut self, report: &Report) -> io::Result<()> {
        self.next.stepped(report)?;
        self.bar.inc(report.step.saturating_sub(self.step));
        self.step = report.step;
        Ok(())
    }

    fn judged(&mut self, report: &Report, checkpoint: &Checkpoint) -> io::Result<()> {
        self.next.judged(report, checkpoint)
    }
}

impl Drop for Drawn<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
