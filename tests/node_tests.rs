//! The ONNX project's tests of operators, through the reference and through the runtime.
//!
//! Every case passes but those in `node_tests.txt`; a case that starts to pass or to fail breaks the test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeMap;

use hnn_conformance::node_tests::{self, OPERATORS, difference};
use hnn_exporter::graph::Tensor;
use hnn_exporter::validate::EngineKind;

/// One line for each case that does not pass: engine, name, and why.
const EXCEPTIONS: &str = include_str!("node_tests.txt");
/// Cases that the ONNX project has of our operators.
const CASES: usize = 563;
/// Operators whose only tests are over integers.
const WITHOUT_CASES: [&str; 1] = ["Trilu"];

/// Reasons by name, for one engine.
fn exceptions(engine: EngineKind) -> BTreeMap<&'static str, &'static str> {
    let lines = EXCEPTIONS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts =
        lines.map(|line| line.split_once(' ').and_then(|(engine, rest)| Some((engine, rest.split_once(": ")?))));
    let all: Vec<_> = parts.map(|line| line.expect("a line is `engine name: reason`")).collect();
    assert!(all.iter().all(|(engine, _)| ["reference", "runtime"].contains(engine)), "an engine is misspelt");
    all.into_iter().filter(|(known, _)| *known == engine.name()).map(|(_, reason)| reason).collect()
}

#[test]
fn every_case_passes_but_those_listed() {
    let Some(directory) = node_tests::directory() else {
        assert!(std::env::var_os("CI").is_none(), "the node tests are missing; `cargo xtask setup` fetches them");
        eprintln!("skipped: the ONNX node tests are missing; `cargo xtask setup` fetches them");
        return;
    };
    let cases = node_tests::cases(&directory).unwrap();
    assert_eq!(cases.len(), CASES);
    let untested: Vec<&str> =
        OPERATORS.iter().copied().filter(|operator| cases.iter().all(|case| case.operator != *operator)).collect();
    assert_eq!(untested, WITHOUT_CASES);
    let mut wrong = Vec::new();
    for engine in [EngineKind::Reference, EngineKind::Runtime] {
        let mut listed = exceptions(engine);
        let mut passed = 0;
        for case in &cases {
            match (case.check(engine), listed.remove(case.name.as_str())) {
                (Ok(()), None) => passed += 1,
                (Ok(()), Some(_)) => wrong.push(format!("{engine} {}: it passes but is listed", case.name)),
                (Err(error), None) => wrong.push(format!("{engine} {}: {error:#}", case.name)),
                (Err(error), Some(reason)) => eprintln!("{engine} {}: {reason} ({error:#})", case.name),
            }
        }
        wrong.extend(listed.keys().map(|name| format!("{engine} {name}: it is listed but no case")));
        eprintln!("{engine}: {passed} of {} cases pass", cases.len());
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn list(values: &[f64]) -> Tensor {
    Tensor::new(vec![values.len()], values.to_vec()).unwrap()
}

#[test]
fn rounding_is_no_difference_and_anything_else_is_named() {
    let expected = list(&[1.0, f64::INFINITY, f64::NAN, 0.0]);
    assert_eq!(difference(&list(&[1.000_000_1, f64::INFINITY, f64::NAN, 5e-8]), &expected), None);
    for (values, index) in [
        ([1.01, f64::INFINITY, f64::NAN, 0.0], 0),
        ([1.0, 1e300, f64::NAN, 0.0], 1),
        ([1.0, f64::NEG_INFINITY, f64::NAN, 0.0], 1),
        ([1.0, f64::INFINITY, 0.0, 0.0], 2),
        ([1.0, f64::INFINITY, f64::NAN, 1e-3], 3),
        ([f64::NAN, f64::INFINITY, f64::NAN, 0.0], 0),
    ] {
        let found = difference(&list(&values), &expected).unwrap();
        assert!(found.contains(&format!("element {index}:")), "{found}");
    }
    assert!(difference(&Tensor::scalar(1.0), &list(&[1.0])).unwrap().contains("shape"));
}
