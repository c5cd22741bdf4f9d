//! The style as a test: module docs everywhere, files of a readable length, no traces of the machine they were written on,
//! schemas and links that hold.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::{Path, PathBuf};

use hnn_conformance::repository;

/// Lines above which a file wants a reason.
const LINES_MAX: usize = 500;

/// Written by a program and kept as it was written; the module that declares it says from what.
const GENERATED: &str = "exporter/src/onnx/proto.rs";

/// Files that may be longer, each with its reason.
const LONG_FILES: &[(&str, &str)] = &[(GENERATED, "generated from the schema of ONNX")];

/// What must not appear in a tracked text: paths of the machine it was written on.
const MACHINE_PATHS: [&str; 4] = ["/home/", "/root/", "/Users/", "C:\\Users"];

/// Directories that hold no source.
const SKIPPED: [&str; 5] = ["target", "runs", "artifacts", "demo", ".git"];

fn files(directory: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().unwrap();
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.contains(&name) {
                files(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

fn texts(endings: &[&str]) -> Vec<(String, String)> {
    let root = repository();
    let mut found = Vec::new();
    files(&root, endings, &mut found);
    found.sort();
    assert!(!found.is_empty(), "no files ending in {endings:?} below {}", root.display());
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_source_file_begins_with_a_module_doc() {
    let bad =
        texts(&[".rs"]).into_iter().filter(|(name, text)| name != GENERATED && !text.trim_start().starts_with("//! "));
    report(&bad.map(|(name, _)| format!("{name}: no module doc on its first line")).collect::<Vec<_>>());
}

#[test]
fn files_stay_short_enough_to_read() {
    let allowed = |name: &str| LONG_FILES.iter().any(|(file, _)| *file == name);
    let long = texts(&[".rs"]).into_iter().filter_map(|(name, text)| {
        let lines = text.lines().count();
        (lines > LINES_MAX && !allowed(&name)).then(|| format!("{name}: {lines} lines, more than {LINES_MAX}"))
    });
    report(&long.collect::<Vec<_>>());
}

#[test]
fn files_that_may_be_long_exist_and_are_long() {
    for (file, reason) in LONG_FILES {
        let text = fs::read_to_string(repository().join(file)).unwrap();
        assert!(text.lines().count() > LINES_MAX, "{file} is short now; its exception ({reason}) can go");
    }
}

#[test]
fn no_module_is_named_after_nothing() {
    let vague = ["utils.rs", "util.rs", "helpers.rs", "misc.rs", "manager.rs", "mod.rs"];
    let bad =
        texts(&[".rs"]).into_iter().filter(|(name, _)| vague.iter().any(|word| name.rsplit('/').next() == Some(word)));
    report(&bad.map(|(name, _)| format!("{name}: the name says nothing")).collect::<Vec<_>>());
}

#[test]
fn no_file_names_a_path_of_the_machine_it_was_written_on() {
    let this = "tests/docs.rs";
    let mut bad = Vec::new();
    for (name, text) in texts(&[".rs", ".md", ".toml", ".json", ".x", ".sh", ".yml", ".ci/run"]) {
        for (index, line) in text.lines().enumerate().filter(|_| name != this) {
            if let Some(path) = MACHINE_PATHS.iter().find(|path| line.contains(**path)) {
                bad.push(format!("{name}:{}: `{path}`", index + 1));
            }
        }
    }
    report(&bad);
}

#[test]
fn every_schema_is_json_with_a_title() {
    let schemas: Vec<_> = texts(&[".json"]).into_iter().filter(|(name, _)| name.starts_with("docs/schema/")).collect();
    assert!(!schemas.is_empty(), "docs/schema holds no schema");
    for (name, text) in schemas {
        let schema: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(schema["title"].is_string(), "{name}: a schema has a title");
        assert!(schema["$schema"].is_string(), "{name}: a schema says which dialect it is written in");
    }
}

#[test]
fn links_between_the_pages_lead_somewhere() {
    let mut bad = Vec::new();
    for (name, text) in texts(&[".md"]) {
        let directory = repository().join(&name);
        let directory = directory.parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !directory.join(target).exists() {
                bad.push(format!("{name}: `{link}` leads nowhere"));
            }
        }
    }
    report(&bad);
}

/// Where the page on importing lists the operators.
const OPERATOR_MARKS: [&str; 2] = ["<!-- operators -->", "<!-- end of operators -->"];

#[test]
fn the_page_on_importing_lists_the_operators_that_are_read() {
    let page = fs::read_to_string(repository().join("docs/IMPORTING.md")).unwrap();
    let [begin, end] = OPERATOR_MARKS.map(|mark| page.split(mark).count() == 2);
    assert!(begin && end, "the list stands between {OPERATOR_MARKS:?}");
    let list = page.split(OPERATOR_MARKS[0]).nth(1).unwrap().split(OPERATOR_MARKS[1]).next().unwrap();
    let listed: Vec<&str> = list.split_whitespace().map(|name| name.trim_matches([',', '.'])).collect();
    let read = hnn_exporter::legalize::supported();
    let read: Vec<&str> = read.split(", ").collect();
    assert_eq!(listed, read, "the list should be: {}", read.join(", "));
}
