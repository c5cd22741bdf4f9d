//! Every file that is written passes the official ONNX checker with shape inference, and a broken one does not; and the
//! table of written operators agrees with the official schemas.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hnn_conformance::executors::Question;
use hnn_conformance::{cache, cases};
use hnn_exporter::onnx::{self, Batch, MAX_OPSET, MIN_WRITTEN_OPSET, OPERATORS, Precision, Profile, WriteOptions};

/// Prints one line for every file of a folder that fails. What the leading dimension must be is in the file's name.
const CHECK: &str = "
import pathlib, sys, onnx
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        leading = [d.dim_param or d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][0]
        assert str(leading) == path.name.split('.')[0], f'the leading dimension is {leading}'
        assert len(model.graph.value_info) == 0, 'intermediate value_info'
        table = onnx.helper.OP_SET_ID_VERSION_MAP
        assert model.ir_version == table['ai.onnx', model.opset_import[0].version], 'file format and opset'
    except Exception as error:
        print(path.name, type(error).__name__, error)
";

/// Prints one line for every row (operator=opset) that is not where a signature begins, or whose signature moves later.
const SCHEMAS: &str = "
import sys, onnx
history = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == '':
        history.setdefault(schema.name, []).append(schema)
def inputs(schema):
    return [(i.name.lower(), i.option) for i in schema.inputs]
newest = int(sys.argv[1])
for row in sys.argv[2:]:
    name, since = row.split('=')
    versions = sorted((s for s in history.get(name, []) if s.since_version <= newest), key=lambda s: s.since_version)
    first = [s for s in versions if s.since_version == int(since)]
    if not first:
        print(name, 'has no version', since)
        continue
    for schema in (s for s in versions if s.since_version > int(since)):
        kept, added = inputs(schema)[:len(first[0].inputs)], inputs(schema)[len(first[0].inputs):]
        if kept != inputs(first[0]) or any(option != onnx.defs.OpSchema.FormalParameterOption.Optional for _, option in added):
            print(name, 'takes other inputs from opset', schema.since_version)
        if not set(first[0].attributes) <= set(schema.attributes):
            print(name, 'loses an attribute at opset', schema.since_version)
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

fn check(python: &Path, folder: &Path) -> Output {
    Command::new(python).args(["-c", CHECK]).arg(folder).output().unwrap()
}

/// Every combination of options that can be written, and what the leading dimension is then.
fn variants() -> Vec<(String, WriteOptions)> {
    let mut variants = Vec::new();
    for opset in MIN_WRITTEN_OPSET..=MAX_OPSET {
        for precision in Precision::ALL {
            for profile in Profile::ALL {
                let limits = profile.limits();
                if opset <= limits.opset_max && limits.precisions.contains(&precision) {
                    let options = WriteOptions { opset, precision, profile, ..WriteOptions::default() };
                    let leading = if limits.static_batch { "1" } else { "batch" };
                    variants.push((format!("{leading}.{profile}.{precision}.{opset}"), options));
                }
            }
        }
    }
    variants.push(("4.fixed".to_owned(), WriteOptions { batch: Batch::Fixed(4), ..WriteOptions::default() }));
    variants
}

#[test]
fn every_written_file_passes_the_official_checker() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let write = |name: String, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    for case in cases::all().unwrap() {
        for question in Question::ALL {
            let graph = question.optimised_graph(&case).unwrap();
            for (variant, options) in variants() {
                let name = format!("{variant}.{}.{question:?}.onnx", case.name);
                write(name, onnx::write(&graph, &options).unwrap());
                if question == Question::Step && options.profile == Profile::Standard {
                    let name = format!("steps.rollout.{variant}.{}.onnx", case.name);
                    write(name, onnx::write_rollout(&graph, &options).unwrap().bytes);
                }
            }
        }
    }
    let output = check(&python, folder.path());
    let complaints = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(complaints.is_empty(), "\n{complaints}");
}

#[test]
fn the_checker_rejects_a_truncated_file() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let case = cases::all().unwrap().remove(0);
    let graph = Question::Field.optimised_graph(&case).unwrap();
    let bytes = onnx::write(&graph, &WriteOptions::default()).unwrap();
    std::fs::write(folder.path().join("batch.onnx"), &bytes[..bytes.len() / 2]).unwrap();
    let output = check(&python, folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.is_empty());
}

#[test]
fn no_signature_that_is_written_moves_between_opsets() {
    let Some(python) = python() else { return };
    let run = |rows: &[String]| {
        let output = Command::new(&python).args(["-c", SCHEMAS, &MAX_OPSET.to_string()]).args(rows).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let rows: Vec<String> = OPERATORS.iter().map(|(name, since)| format!("{name}={since}")).collect();
    assert_eq!(run(&rows), "");
    // ReduceMean took its axes as an attribute until 17 and as an input from 18 on: the check must notice.
    assert!(run(&["ReduceMean=13".to_owned()]).contains("ReduceMean"));
}
