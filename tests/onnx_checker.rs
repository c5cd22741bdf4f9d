//! Every file that is written passes the official ONNX checker with shape inference, and a broken one does not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hnn_conformance::executors::Question;
use hnn_conformance::{cache, cases};
use hnn_exporter::onnx::{self, Batch, Precision, WriteOptions};

/// Prints one line for every file that fails.
const SCRIPT: &str = "
import sys, onnx
for path in sys.argv[1:]:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert [d.dim_param for d in model.graph.output[0].type.tensor_type.shape.dim][:1] == ['batch'] or 'fixed' in path
        assert len(model.graph.value_info) == 0, 'intermediate value_info'
    except Exception as error:
        print(path, type(error).__name__, error)
";

/// The interpreter of the environment that `cargo xtask setup` makes.
fn python() -> Option<PathBuf> {
    let name = if cfg!(windows) { "python/Scripts/python.exe" } else { "python/bin/python" };
    let python = cache()?.join(name);
    if python.exists() {
        return Some(python);
    }
    eprintln!("skipped: {} is missing; `cargo xtask setup` makes it", python.display());
    None
}

fn check(python: &Path, files: &[PathBuf]) -> Output {
    Command::new(python).args(["-c", SCRIPT]).args(files).output().unwrap()
}

#[test]
fn every_written_file_passes_the_official_checker() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let variants = [
        ("default", WriteOptions::default()),
        (
            "newest",
            WriteOptions { opset: onnx::MAX_OPSET, ir_version: onnx::MAX_IR_VERSION, ..WriteOptions::default() },
        ),
        ("double", WriteOptions { precision: Precision::F64, ..WriteOptions::default() }),
        ("fixed", WriteOptions { batch: Batch::Fixed(4), ..WriteOptions::default() }),
    ];
    for case in cases::all().unwrap() {
        for question in Question::ALL {
            let graph = question.optimised_graph(&case).unwrap();
            for (variant, options) in &variants {
                let path = directory.path().join(format!("{}_{question:?}_{variant}.onnx", case.name));
                std::fs::write(&path, onnx::write(&graph, options).unwrap()).unwrap();
                files.push(path);
            }
        }
    }
    let output = check(&python, &files);
    let complaints = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn the_checker_rejects_a_truncated_file() {
    let Some(python) = python() else { return };
    let directory = tempfile::tempdir().unwrap();
    let case = cases::all().unwrap().remove(0);
    let graph = Question::Field.optimised_graph(&case).unwrap();
    let bytes = onnx::write(&graph, &WriteOptions::default()).unwrap();
    let path = directory.path().join("truncated.onnx");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let output = check(&python, &[path]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.is_empty());
}
