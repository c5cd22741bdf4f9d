//! Device programs as source, from outside: files, their records, and what is refused.

use std::fs;

use hnn_exporter::manifest::Manifest;

use super::{SPRING, expect, exported};

#[test]
fn source_files_lie_beside_the_blob_and_are_recorded() {
    let directory = exported(&[&SPRING[..], &["--emit", "onnx,blob,rust,c", "--prefix", "swing"]].concat());
    let export = directory.path().join("export");
    let manifest = Manifest::read(&export).unwrap();
    for name in ["model.hnn", "model.rs", "model.h", "model.c"] {
        let bytes = fs::read(export.join(name)).unwrap();
        let record = manifest.file(name).unwrap();
        assert_eq!(record.bytes, bytes.len() as u64, "{name}");
    }
    assert!(fs::read_to_string(export.join("model.h")).unwrap().contains("swing_status swing_step(swing *model"));
    expect(directory.path(), 0, &["validate", "export", "--engines", "reference,runtime"]);
    // A later export of less leaves nothing of this one behind.
    let again = [&["export"][..], &SPRING, &["--emit", "blob", "--out", "export", "--force"]].concat();
    expect(directory.path(), 0, &again);
    assert!(!export.join("model.c").exists() && export.join("model.hnn").is_file());
}

#[test]
fn source_that_cannot_be_written_is_refused_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let rod = ["--hamiltonian", "(p1^2+p2^2)/2 + q2", "--constraint", "q1^2+q2^2-1"];
    for (model, options, named) in [
        (&rod[..], &["--emit", "blob,rust"][..], "deploy the blob"),
        (&rod[..], &["--emit", "c"][..], "deploy the blob"),
        (&SPRING[..], &["--prefix", "swing"][..], "add c to --emit"),
        (&SPRING[..], &["--emit", "c", "--prefix", "2nd"][..], "no prefix"),
    ] {
        let arguments = [&["export"][..], model, options, &["--out", "export"]].concat();
        let (_, stderr) = expect(directory.path(), 2, &arguments);
        assert!(stderr.contains(named), "{options:?}: {stderr}");
        assert!(!directory.path().join("export").exists(), "{options:?} left something behind");
    }
}
