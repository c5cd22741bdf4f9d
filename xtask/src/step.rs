//! Named steps with their durations: what ran, how long it took, where it stopped.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// A command's steps, in the order they ran.
#[derive(Debug)]
pub(crate) struct Steps {
    command: &'static str,
    started: Instant,
    finished: Vec<(String, Duration)>,
}

impl Steps {
    /// Starts the clock of `command`.
    pub(crate) fn new(command: &'static str) -> Self {
        Self { command, started: Instant::now(), finished: Vec::new() }
    }

    /// Runs one step and prints its duration.
    ///
    /// # Errors
    /// The step's own error, with its name and the command that repeats it in front.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("\n==> {name}");
        let started = Instant::now();
        let outcome = work();
        let elapsed = started.elapsed();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        eprintln!("<== {name}: {verdict}, {:.1} s", elapsed.as_secs_f64());
        self.finished.push((name.to_owned(), elapsed));
        outcome.with_context(|| format!("step `{name}` of `cargo xtask {}` failed", self.command))
    }

    /// Prints the table of durations.
    pub(crate) fn finish(self) {
        eprintln!("\ncargo xtask {}: all {} steps passed", self.command, self.finished.len());
        for (name, elapsed) in &self.finished {
            eprintln!("  {:>8.1} s  {name}", elapsed.as_secs_f64());
        }
        eprintln!("  {:>8.1} s  in all", self.started.elapsed().as_secs_f64());
    }
}
