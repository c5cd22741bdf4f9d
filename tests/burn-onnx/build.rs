//! Exports every conformance case, lets burn-onnx turn the files into Rust, and lists what came of it.
//!
//! Nothing is committed: a change of the exporter is a change of what is tested here.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, panic};

use anyhow::{Context, Result, bail};
use burn_onnx::ModelGen;
use hnn_exporter::dynamics::{INPUT, STATE, STEP_LENGTH};
use hnn_exporter::graph::Graph;
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_exporter::optimize::optimize;

#[path = "../src"]
mod conformance {
    #[allow(dead_code, reason = "states are for the test")]
    pub mod cases;
}
#[path = "src/exported.rs"]
mod exported;
#[path = "src/lacking.rs"]
mod lacking;

use exported::Exported;
use lacking::LACKING;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=../src/cases.rs");
    println!("cargo::rerun-if-changed=../src/cases");
    println!("cargo::rerun-if-changed=src");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let (mut modules, mut rows) = (String::new(), String::new());
    for case in conformance::cases::all()? {
        for exported in Exported::ALL {
            let (name, graph) = (exported.file(&case), optimize(&exported.graph(&case)?)?);
            let file = out.join(&name).with_extension("onnx");
            fs::write(&file, onnx::write(&graph, &WriteOptions::default())?)?;
            let listed = LACKING.iter().find(|(lacking, _)| *lacking == name);
            match (generate(&file, &out), listed) {
                (Ok(()), None) => {
                    writeln!(modules, "#[allow(warnings, reason = \"generated\")]")?;
                    writeln!(modules, "mod {name} {{ include!(concat!(env!(\"OUT_DIR\"), \"/{name}.rs\")); }}")?;
                    writeln!(rows, "    ({name:?}, |device, arguments| {}),", call(&name, &graph)?)?;
                }
                (Err(_), Some(_)) => {}
                (Ok(()), Some((_, lack))) => bail!("{name} is listed as impossible ({lack}), but burn-onnx takes it"),
                (Err(message), None) => bail!("burn-onnx refuses {name}: {message}"),
            }
        }
    }
    let list =
        format!("/// Name of a file, and what burn-onnx made of it.\npub const ALL: &[(&str, Run)] = &[\n{rows}];\n");
    Ok(fs::write(out.join("models.rs"), modules + &list)?)
}

/// Runs burn-onnx, which reports what it cannot do by a panic.
fn generate(file: &Path, out: &Path) -> std::result::Result<(), String> {
    let (file, out) = (file.display().to_string(), out.display().to_string());
    panic::catch_unwind(|| ModelGen::new().input(&file).out_dir(&out).run_from_cli()).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
    })
}

/// The first output of a generated model: it takes its graph's inputs in their order, and gives several outputs as a tuple.
fn call(name: &str, graph: &Graph) -> Result<String> {
    let mut given = Vec::new();
    for (input, _) in graph.inputs() {
        given.push(match input {
            STATE => "arguments.x",
            INPUT => "arguments.u",
            STEP_LENGTH => "arguments.dt",
            other => bail!("{name} has an input `{other}` that the test knows no value for"),
        });
    }
    let first = if graph.outputs().len() > 1 { ".0" } else { "" };
    let model = format!("{name}::Model::from_file(concat!(env!(\"OUT_DIR\"), \"/{name}.bpk\"), device)");
    Ok(format!("{model}.forward({}){first}.into_data()", given.join(", ")))
}
