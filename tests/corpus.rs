//! What PyTorch and JAX export is imported, differentiated and exported again, and means what the framework meant.
//!
//! `HNN_CORPUS` names a directory with a larger corpus to be held to the same claims; `tests/corpus/README.md` says how to
//! make one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use hnn_conformance::corpus::{self, Comparison, DIRECTORY_VARIABLE, Device, Entry, compare, worst};

/// Least energies that both exporters of PyTorch wrote, and that JAX's wrote.
const TORCH_MIN: usize = 30;
const JAX_MIN: usize = 8;

/// Compares every file, prints one line for each, and gives back what is wrong.
fn complaints(directory: &Path) -> Vec<String> {
    let entries = corpus::entries(directory).unwrap();
    let mut complaints = Vec::new();
    let (mut lowered, mut in_runtime) = (0, 0);
    println!("{}", heading());
    for entry in &entries {
        match compare(entry) {
            Ok(comparison) => {
                println!("{}", line(entry, &comparison));
                lowered += usize::from(matches!(comparison.device, Device::Agrees(_)));
                in_runtime += usize::from(comparison.runtime.is_some());
                let wrong = comparison.complaints(entry.record.smooth);
                complaints.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", entry.file_name())));
            }
            Err(error) => complaints.push(format!("{}: {error:#}", entry.file_name())),
        }
    }
    println!("{} files, {in_runtime} in ONNX Runtime, {lowered} as device programs", entries.len());
    if in_runtime == 0 {
        println!("ONNX Runtime was skipped: `cargo xtask setup` fetches it");
    }
    complaints
}

fn heading() -> String {
    let columns = ["opset", "H", "field", "H", "gradient", "central", "runtime", "device"];
    let columns = columns.map(|column| format!("{column:>8}")).join(" ");
    format!("{:40} {columns}  nodes of H and field, then relative errors", "file")
}

fn line(entry: &Entry, comparison: &Comparison) -> String {
    let (energy_nodes, field_nodes) = comparison.nodes;
    let runtime = comparison.runtime.map_or_else(|| "-".to_owned(), |error| format!("{error:.1e}"));
    let (device, reason) = match &comparison.device {
        Device::Agrees(error) => (format!("{error:.1e}"), ""),
        Device::Absent(reason) => ("-".to_owned(), reason.as_str()),
    };
    let errors = [comparison.energy, comparison.gradient, comparison.difference].map(|error| format!("{error:8.1e}"));
    let kinks = if entry.record.smooth { String::new() } else { format!(" {}", comparison.notes.join("; ")) };
    format!(
        "{:40} {:8} {energy_nodes:8} {field_nodes:8} {} {runtime:>8} {device:>8} {reason}{kinks}",
        entry.file_name(),
        entry.opset,
        errors.join(" "),
    )
}

#[test]
fn every_exported_energy_means_what_its_framework_meant() {
    let complaints = complaints(&corpus::committed());
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_larger_corpus_holds_to_the_same_claims() {
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from) else {
        eprintln!("skipped: {DIRECTORY_VARIABLE} names no directory");
        return;
    };
    let complaints = complaints(&directory);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_committed_files_cover_every_exporter_and_a_range_of_opsets() {
    let entries = corpus::entries(&corpus::committed()).unwrap();
    let mut exporters: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for entry in &entries {
        exporters.entry(&entry.exporter).or_default().insert(&entry.record.name);
    }
    let both = exporters["script"].intersection(&exporters["dynamo"]).count();
    assert!(both >= TORCH_MIN, "{both} energies come from both exporters of PyTorch, not {TORCH_MIN}");
    let jax = exporters["jax2onnx"].len();
    assert!(jax >= JAX_MIN, "{jax} energies come from JAX, not {JAX_MIN}");
    let opsets: BTreeSet<i64> = entries.iter().map(|entry| entry.opset).collect();
    let missing: Vec<i64> = (7..=21).filter(|opset| !opsets.contains(opset)).collect();
    assert!(missing.is_empty(), "no file is of opset {missing:?}");
}

#[test]
fn a_wrong_energy_gradient_or_field_is_noticed() {
    let entry = corpus::entries(&corpus::committed()).unwrap().into_iter().find(|entry| entry.record.smooth).unwrap();
    let right = compare(&entry).unwrap();
    assert!(right.complaints(true).is_empty());
    for wrong in [
        Comparison { energy: 2e-6, ..right.clone() },
        Comparison { gradient: f64::INFINITY, ..right.clone() },
        Comparison { difference: f64::NAN, ..right.clone() },
        Comparison { runtime: Some(2e-5), ..right.clone() },
        Comparison { device: Device::Agrees(2e-5), ..right.clone() },
    ] {
        assert_eq!(wrong.complaints(true).len(), 1, "{wrong:?}");
    }
    let unnamed = Comparison { notes: Vec::new(), ..right };
    assert_eq!(unnamed.complaints(false).len(), 1, "{unnamed:?}");
    let mut other = (*entry.record).clone();
    other.gradient[0] += 1.0;
    let other = Entry { record: other.into(), ..entry };
    assert_eq!(compare(&other).unwrap().complaints(true).len(), 1);
}

#[test]
fn errors_are_relative_to_the_value_and_to_the_rms() {
    assert!((worst(&[1.0, 2.5], &[1.0, 2.0]) - 0.5 / (2.0 + 2.5_f64.sqrt())).abs() < 1e-15);
    assert!(worst(&[f64::NAN], &[1.0]).is_infinite());
    assert!(worst(&[1.0], &[1.0, 1.0]).is_infinite());
}
