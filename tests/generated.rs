//! Generated source computes the bits of the interpreter: Rust by rustc, C by the machine's compiler, on every kind of model.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::Path;
use std::process::Command;

use hnn_conformance::generated::{interpreted, rust_program, subjects};
use hnn_exporter::emit::{blob, read_blob};

/// What a program prints.
fn run(program: &Path) -> String {
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Demands that two accounts agree, and says where the first difference is.
fn same(account: &str, expected: &str, who: &str) {
    let mut model = "";
    for (number, (found, expected)) in account.lines().zip(expected.lines()).enumerate() {
        model = expected.strip_prefix("model ").unwrap_or(model);
        assert_eq!(found, expected, "{who}: line {number}, model {model}");
    }
    assert_eq!(account.lines().count(), expected.lines().count(), "{who}");
}

fn compiler(name: &str) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition", "2024", "--crate-name", name, "-D", "warnings", "-C", "opt-level=1"]);
    command
}

#[test]
fn generated_rust_computes_what_the_interpreter_computes() {
    let folder = tempfile::tempdir().unwrap();
    let subjects = subjects().unwrap();
    let root = rust_program(&subjects, folder.path()).unwrap();
    let program = folder.path().join("program");
    let output = compiler("program").arg(&root).arg("-o").arg(&program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let account = run(&program);
    let expected: String = subjects.iter().map(|subject| interpreted(subject).unwrap()).collect();
    same(&account, &expected, "generated Rust");
}

#[test]
fn a_blob_that_is_read_back_gives_the_same_words() {
    for subject in subjects().unwrap() {
        let words = subject.blob();
        let (plan, scheme, dt) = read_blob(&words).unwrap();
        assert_eq!(blob(&plan, scheme, dt), words, "{}", subject.name);
    }
}
