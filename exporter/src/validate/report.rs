//! The result of a validation, for machines (`docs/schema/validate.schema.json`) and, by `Display`, for people.

use std::fmt;

use super::artifact::{Artifact, Part};
use super::engine::EngineKind;
use super::metrics::{Metrics, tolerance};
use super::physics::{Check, DRIFT_TOLERANCE, Drift, Physics, SLOPE_WIDTH};
use crate::onnx::Precision;

/// Version of the report's form.
pub const REPORT_FORMAT: u32 = 1;

/// Whether an engine took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineState {
    /// It evaluated every file.
    Ran,
    /// It is not compiled in, or its library cannot be loaded.
    Missing,
    /// It refused a file or failed on it.
    Failed,
}

/// One engine and whether it took part.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EngineRecord {
    /// The engine.
    pub engine: EngineKind,
    /// Whether it took part.
    pub state: EngineState,
    /// Its name and release, where it ran.
    pub version: Option<String>,
    /// Why it did not run.
    pub reason: Option<String>,
}

impl EngineRecord {
    pub(super) fn ran(engine: EngineKind, version: String) -> Self {
        Self { engine, state: EngineState::Ran, version: Some(version), reason: None }
    }

    pub(super) fn missing(engine: EngineKind, reason: String) -> Self {
        Self { engine, state: EngineState::Missing, version: None, reason: Some(reason) }
    }

    pub(super) fn failed(engine: EngineKind, reason: String) -> Self {
        Self { engine, state: EngineState::Failed, version: None, reason: Some(reason) }
    }
}

/// One output of one file, evaluated by one engine.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OutputRecord {
    /// The file.
    #[serde(rename = "graph")]
    pub part: Part,
    /// The output.
    pub output: String,
    /// The engine.
    pub engine: EngineKind,
    /// Its differences from the reference.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// The result of a validation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The verdict over everything below.
    pub passes: bool,
    /// Why it is not, one line each.
    pub problems: Vec<String>,
    /// Number of states compared.
    pub samples: usize,
    /// Numbers of the ONNX files; decides the tolerance.
    #[serde(default)]
    pub precision: Precision,
    /// Files that are no longer what was exported.
    pub changed_files: Vec<String>,
    /// Graphs and functions that are not compared.
    #[serde(default)]
    pub other_graphs: Vec<String>,
    /// Engines.
    pub engines: Vec<EngineRecord>,
    /// Comparisons with the reference.
    pub outputs: Vec<OutputRecord>,
    /// What was measured of the motion.
    pub physics: Option<Physics>,
}

impl Report {
    pub(super) fn new(samples: usize, artifact: &Artifact) -> Self {
        Self {
            format: REPORT_FORMAT,
            passes: false,
            problems: Vec::new(),
            samples,
            precision: artifact.precision,
            changed_files: artifact.changed_files.clone(),
            other_graphs: artifact.other_graphs.clone(),
            engines: Vec::new(),
            outputs: Vec::new(),
            physics: None,
        }
    }

    /// Collects the problems; without any the report passes.
    pub(super) fn judge(&mut self) {
        let mut problems: Vec<String> =
            self.changed_files.iter().map(|file| format!("{file} is not the file that was exported")).collect();
        for record in self.engines.iter().filter(|record| record.state == EngineState::Failed) {
            problems.push(format!("{} failed: {}", record.engine, record.reason.clone().unwrap_or_default()));
        }
        for record in self.outputs.iter().filter(|record| !record.metrics.agrees) {
            let why = disagreement(&record.metrics);
            problems.push(format!("{} disagrees on {} of {}.onnx: {why}", record.engine, record.output, record.part));
        }
        if let Some(physics) = &self.physics {
            problems.extend(physics.problems());
        }
        self.passes = problems.is_empty();
        self.problems = problems;
    }
}

/// Why an output does not agree. Differences are measured only where both sides are finite and of one shape.
fn disagreement(metrics: &Metrics) -> String {
    let Metrics { worst, nan_count, inf_count, tolerance, .. } = metrics;
    if nan_count + inf_count > 0 {
        return format!("not finite, {nan_count} NaN, {inf_count} Inf");
    }
    if worst <= tolerance {
        return "the output is missing, or of another shape".to_owned();
    }
    format!("{worst:.1e} relative, limit {tolerance:.0e}")
}

impl Physics {
    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = Vec::new();
        let checks = [
            ("the gradient differs from finite differences", Some(&self.gradient)),
            ("the field does work by itself", Some(&self.power)),
            ("steps are not reversible", self.reversal.as_ref()),
            ("momenta are not those of their velocities", self.momentum.as_ref()),
        ];
        for (what, check) in checks {
            if let Some(Check { value, limit, .. }) = check.filter(|check| !check.passes) {
                problems.push(format!("{what}: {value:.1e}, limit {limit:.0e}"));
            }
        }
        if let Some(drift) = self.drift.as_ref().filter(|drift| !drift.passes) {
            let (value, error) = (drift.slope.value, drift.slope.standard_error);
            let (relative, farthest) = (drift.relative, drift.energy_error_max / drift.energy_scale);
            problems.push(format!(
                "the energy drifts: {relative:.1e} of its spread, slope {value:.1e} ± {error:.0e}, at most {farthest:.1e} of the \
                 spread away"
            ));
        }
        problems.extend(self.failure.iter().map(|failure| format!("a trajectory failed: {failure}")));
        problems
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for EngineRecord { engine, version, reason, state } in &self.engines {
            let what = version.as_ref().or(reason.as_ref()).map_or("", String::as_str);
            let state = if *state == EngineState::Ran { "" } else { "did not run: " };
            writeln!(f, "{engine:<10} {state}{what}")?;
        }
        let (samples, precision, limit) = (self.samples, self.precision, tolerance(self.precision));
        writeln!(
            f,
            "\n{samples} states, {precision} files, against the reference; agreement within {limit:.0e} relative"
        )?;
        writeln!(
            f,
            "{:<12} {:<9} {:<9} {:>9} {:>9} {:>9} {:>10} {:>8}",
            "graph", "output", "engine", "max abs", "max rel", "rmse", "1-cosine", "verdict"
        )?;
        for OutputRecord { part, output, engine, metrics } in &self.outputs {
            let verdict = if metrics.agrees { "agrees" } else { "DIFFERS" };
            if !metrics.agrees && metrics.worst <= metrics.tolerance {
                let why = disagreement(metrics);
                writeln!(f, "{part:<12} {output:<9} {engine:<9} {why:<40} {verdict:>8}")?;
                continue;
            }
            let angle = (1.0 - metrics.cosine).max(0.0);
            let Metrics { max_abs, max_rel, rmse, .. } = metrics;
            writeln!(
                f,
                "{part:<12} {output:<9} {engine:<9} {max_abs:>9.1e} {max_rel:>9.1e} {rmse:>9.1e} {angle:>10.1e} {verdict:>8}"
            )?;
        }
        if !self.other_graphs.is_empty() {
            writeln!(f, "not compared: {}", self.other_graphs.join(", "))?;
        }
        if let Some(physics) = &self.physics {
            write!(f, "\n{physics}")?;
        }
        for problem in &self.problems {
            writeln!(f, "PROBLEM: {problem}")?;
        }
        writeln!(f, "{}", if self.passes { "validation passed" } else { "validation FAILED" })
    }
}

impl fmt::Display for Physics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, check: &Check| {
            let verdict = if check.passes { "ok" } else { "FAILS" };
            writeln!(f, "{what:<40} {:>9.1e}  limit {:.0e}  {verdict}", check.value, check.limit)
        };
        line("gradient against finite differences", &self.gradient)?;
        line("power of the field at u = 0", &self.power)?;
        if let Some(reversal) = &self.reversal {
            line("one step there and back, distance", reversal)?;
        }
        if let Some(momentum) = &self.momentum {
            line("momenta of velocities, distance", momentum)?;
        }
        let Some(drift) = &self.drift else { return Ok(()) };
        let (verdict, Drift { scheme, dt, steps, slope, .. }) = (if drift.passes { "ok" } else { "FAILS" }, drift);
        let (error, scale) = (drift.energy_error_max, drift.energy_scale);
        writeln!(f, "energy over {steps} steps of {scheme}, dt {dt}: error {error:.1e}, spread of H {scale:.1e}")?;
        let (value, standard_error, relative) = (slope.value, slope.standard_error, drift.relative);
        let change = if drift.damped { "rise" } else { "change" };
        writeln!(
            f,
            "  slope {value:.1e} ± {standard_error:.0e} per second, {change} {relative:.1e} of the spread  {verdict}"
        )?;
        let within = if drift.damped {
            String::new()
        } else {
            format!("a slope within {SLOPE_WIDTH} standard errors and an error below the spread, or ")
        };
        writeln!(f, "  passes with {within}a {change} below {DRIFT_TOLERANCE:.0e} of the spread over the run")
    }
}
