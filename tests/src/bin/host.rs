//! Steps per second on a host, one state and ten thousand at once, beside ONNX Runtime on the exported step: `cargo xtask bench host`.
//!
//! ```text
//! host --demo DIR [--reference PYTHON] --json FILE [--document FILE]
//! ```
//! `DIR` is an export of the demo; a tanh network 2-200-200-1, whose energy does not split, is made here. With `--reference` the same
//! widths are stepped by PyTorch's autograd and by SciPy (`tests/reference/host_bench.py`). One thread each. Gates nothing.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use hnn_conformance::{cases, repository};
use hnn_exporter::dynamics::Scheme;
use hnn_exporter::graph::Tensor;
use hnn_exporter::manifest::Manifest;
use hnn_exporter::pipeline::{ExportOptions, export};
use hnn_exporter::validate::ort::Ort;
use hnn_runtime::batch::{Batch, LANES, Lanes};
use hnn_runtime::integrate::{ImplicitMidpoint, LEAPFROG};
use hnn_runtime::{AnyStepper, Compiled, Program, State, Stepper};
use serde::Serialize;

/// States that are stepped at once.
const BATCH: usize = 10_000;
/// Spans that are timed; the fastest counts.
const SPANS: usize = 7;
/// Seconds of one span.
const SPAN_S: f64 = 0.4;
/// Coordinates of the largest model.
const CAPACITY: usize = 4;
/// What encloses the table in the document.
const BEGIN: &str = "<!-- host: begin -->\n";
const END: &str = "<!-- host: end -->";

/// One model, stepped in several ways, in states per second.
#[derive(Debug, Serialize)]
struct Row {
    model: String,
    scheme: String,
    single: f64,
    batched: f64,
    onnx_single: Option<f64>,
    onnx_batched: Option<f64>,
    reference: Option<serde_json::Value>,
}

#[derive(Debug, Serialize)]
struct Report {
    format: u32,
    hnn_version: &'static str,
    batch: usize,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Arguments {
    demo: Option<PathBuf>,
    python: Option<String>,
    json: Option<PathBuf>,
    document: Option<PathBuf>,
}

fn main() -> Result<()> {
    let mut asked = Arguments::default();
    let mut typed = std::env::args().skip(1);
    while let Some(option) = typed.next() {
        let value = typed.next().with_context(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--demo" => asked.demo = Some(value.into()),
            "--reference" => asked.python = Some(value),
            "--json" => asked.json = Some(value.into()),
            "--document" => asked.document = Some(value.into()),
            other => bail!("unknown option {other}"),
        }
    }
    let demo = asked.demo.context("--demo DIR is needed")?;
    let scratch = tempfile::tempdir()?;
    let wide = scratch.path().join("tanh_200");
    let scheme = Some(Scheme::Midpoint { iterations: 8 });
    export(&cases::tanh_network(200)?, &ExportOptions { scheme, ..ExportOptions::default() }, &wide)?;
    let mut rows = Vec::new();
    for (name, directory, widths) in [("demo", &demo, "2,32,32,1"), ("tanh_200", &wide, "2,200,200,1")] {
        let reference = asked.python.as_ref().map(|python| reference(python, widths)).transpose()?;
        rows.push(row(name, directory, reference).with_context(|| directory.display().to_string())?);
    }
    let report = Report { format: 1, hnn_version: env!("CARGO_PKG_VERSION"), batch: BATCH, rows };
    let table = table(&report.rows);
    println!("{table}");
    if let Some(path) = asked.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    if let Some(path) = asked.document {
        let text = std::fs::read_to_string(&path)?;
        let marks = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = marks.with_context(|| format!("{} lacks the marks of this table", path.display()))?;
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}"))?;
    }
    Ok(())
}

fn row(name: &str, directory: &Path, reference: Option<serde_json::Value>) -> Result<Row> {
    let manifest = Manifest::read(directory)?;
    let bytes = std::fs::read(directory.join("model.hnn"))?;
    let words: Vec<u32> = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let program = Program::parse(&words)?;
    ensure!(program.inputs() == 0 && program.dof() <= CAPACITY, "a model with inputs or of many coordinates");
    let step = directory.join("step.onnx");
    let onnx = |batch: usize| onnx(&step, program.dof(), program.dt(), batch);
    Ok(Row {
        model: name.to_owned(),
        scheme: manifest.integration.scheme.clone(),
        single: single(&program)?,
        batched: batched(&program)?,
        onnx_single: onnx(1).inspect_err(|error| eprintln!("ONNX Runtime is left out: {error:#}")).ok(),
        onnx_batched: onnx(BATCH).ok(),
        reference,
    })
}

/// Calls per second in the fastest span.
fn rate(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..SPANS {
        let (mut calls, begun) = (0_u32, Instant::now());
        let mut elapsed = 0.0;
        while elapsed < SPAN_S {
            // The clock is looked at rarely: a call may take less than it does.
            for _ in 0..(calls / 8).clamp(1, 1000) {
                call()?;
                calls += 1;
            }
            elapsed = begun.elapsed().as_secs_f64();
        }
        best = best.max(f64::from(calls) / elapsed);
    }
    Ok(best)
}

/// Coordinates of a start, different for each state.
fn start(coordinate: usize, state: usize) -> f32 {
    0.3 + 0.05 * coordinate as f32 + 0.5 * state as f32 / BATCH as f32
}

fn single(program: &Program<'_>) -> Result<f64> {
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(program, &mut workspace)?;
    let stepper = AnyStepper::for_program(program)?;
    let n = program.dof();
    let coordinates: Vec<f32> = (0..2 * n).map(|coordinate| start(coordinate, 0)).collect();
    let mut state = State::<f32, CAPACITY>::new(&coordinates[..n], &coordinates[n..])?;
    let rate = rate(|| Ok(stepper.step(&mut model, &mut state, &[], program.dt()).map(drop)?))?;
    black_box(&state);
    Ok(rate)
}

/// States per second, eight at a time.
fn batched(program: &Program<'_>) -> Result<f64> {
    let mut workspace = vec![Lanes::default(); program.workspace_len()];
    let mut model = Batch::bind(program, &mut workspace)?;
    let n = program.dof();
    let lanes =
        |coordinate: usize, group: usize| Lanes(std::array::from_fn(|lane| start(coordinate, group * LANES + lane)));
    let groups = (0..BATCH / LANES).map(|group| {
        let coordinates: Vec<Lanes> = (0..2 * n).map(|coordinate| lanes(coordinate, group)).collect();
        State::<Lanes, CAPACITY>::new(&coordinates[..n], &coordinates[n..])
    });
    let mut states = groups.collect::<Result<Vec<_>, _>>()?;
    let (dt, midpoint) = (Lanes::splat(program.dt()), ImplicitMidpoint::new(program.iterations().max(1))?);
    let explicit = program.is_separable();
    let rate = rate(|| {
        for state in &mut states {
            if explicit {
                LEAPFROG.step(&mut model.separable()?, state, &[], dt)?;
            } else {
                midpoint.step(&mut model, state, &[], dt)?;
            }
        }
        Ok(())
    })?;
    black_box(&states);
    Ok(rate * (states.len() * LANES) as f64)
}

/// States per second of the exported step in ONNX Runtime, inputs converted once.
fn onnx(step: &Path, n: usize, dt: f32, batch: usize) -> Result<f64> {
    let mut engine = Ort::read_at(step)?;
    let values = (0..batch * 2 * n).map(|flat| f64::from(start(flat % (2 * n), flat / (2 * n)))).collect();
    let x = Tensor::new(vec![batch, 2 * n], values)?;
    let dt = Tensor::scalar(f64::from(dt));
    let inputs = [("x", &x), ("dt", &dt)];
    let one = engine.time(&inputs, 3)?.into_iter().min().context("no run")?.as_secs_f64();
    let repetitions = ((SPAN_S * SPANS as f64 / one.max(1e-7)) as usize).clamp(5, 200_000);
    let fastest = engine.time(&inputs, repetitions)?.into_iter().min().context("no run")?;
    Ok(batch as f64 / fastest.as_secs_f64())
}

fn reference(python: &str, widths: &str) -> Result<serde_json::Value> {
    let script = repository().join("tests/reference/host_bench.py");
    let run = std::process::Command::new(python).arg(script).args([widths, &BATCH.to_string(), "2"]).output()?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(serde_json::from_slice(&run.stdout)?)
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| model | scheme | ways | one state, µs per step | 10⁴ states, ns per state and step |\n| --- | --- | --- | --- | --- |\n",
    );
    for Row { model, scheme, single, batched, onnx_single, onnx_batched, reference } in rows {
        let mut line = |way: &str, single: Option<f64>, batched: Option<f64>| {
            let cell =
                |rate: Option<f64>, unit: f64| rate.map_or("–".to_owned(), |rate| format!("{:.3}", unit / rate));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| `{model}` | {scheme} | {way} | {} | {} |", cell(single, 1e6), cell(batched, 1e9));
        };
        line("hnn", Some(*single), Some(*batched));
        line("ONNX Runtime on step.onnx", *onnx_single, *onnx_batched);
        if let Some(reference) = reference {
            let known = |key: &str| reference[key].as_f64();
            line("PyTorch autograd, leapfrog", known("torch_single"), known("torch_batched"));
            line("SciPy solve_ivp over PyTorch autograd, per 0.01 s", known("scipy_single"), None);
        }
    }
    text
}
