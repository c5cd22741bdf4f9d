//! How long an export takes, and what ∇H costs over H in ONNX Runtime; asserts nothing.
//!
//! ```text
//! cargo bench -p hnn-exporter --features ort --bench export -- [PATH...] [--json FILE]
//! ```
//! Every PATH is an ONNX file with one scalar per row, or a folder with such files. Without the ONNX Runtime library only the
//! export times are measured. The JSON follows `docs/schema/bench.schema.json`.

#[path = "export/cost.rs"]
mod cost;
#[path = "export/speed.rs"]
mod speed;
#[path = "export/subject.rs"]
mod subject;

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

/// Version of the JSON.
const REPORT_FORMAT: u32 = 1;

type Failure = Box<dyn std::error::Error>;

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    format: u32,
    hnn_version: &'static str,
    /// The engine and its release; absent where it cannot be loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    exports: Vec<speed::Export>,
    models: Vec<cost::Model>,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<cost::Means>,
    /// Files that could not be measured, each with the reason.
    refused: Vec<String>,
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let (mut paths, mut json) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What `cargo bench` adds by itself.
            "--bench" => {}
            "--json" => json = Some(PathBuf::from(arguments.next().ok_or("--json needs a file")?)),
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    let exports = speed::measure()?;
    for export in &exports {
        println!("{export}");
    }
    let mut report = Report {
        format: REPORT_FORMAT,
        hnn_version: env!("CARGO_PKG_VERSION"),
        engine: cost::engine(),
        exports,
        models: Vec::new(),
        means: None,
        refused: Vec::new(),
    };
    if report.engine.is_some() {
        compare(&paths, &mut report)?;
    } else {
        println!("ONNX Runtime cannot be loaded; costs are not compared. `cargo xtask setup` fetches it.");
    }
    if let Some(file) = json {
        std::fs::write(file, serde_json::to_vec_pretty(&report)?)?;
    }
    Ok(())
}

fn compare(paths: &[PathBuf], report: &mut Report) -> Result<(), Failure> {
    println!("\n{}", cost::HEADER);
    for subject in subject::all(paths)? {
        match cost::compare(&subject) {
            Ok(model) => {
                println!("{model}");
                report.models.push(model);
            }
            Err(error) => report.refused.push(format!("{}: {error}", subject.name)),
        }
    }
    report.means = cost::means(&report.models);
    if let Some(means) = &report.means {
        print!("{means}");
    }
    for line in cost::worst(&report.models) {
        println!("{line}");
    }
    for refusal in &report.refused {
        println!("not measured: {refusal}");
    }
    Ok(())
}
