//! Engines against the oracle, one graph per primitive; and the whole validation on models whose answer is known.

mod exports;

use super::*;
use crate::graph::{Graph, Shape, Tensor};
use crate::onnx::tests::cases::{self, Case};
use crate::onnx::{Precision, WriteOptions, write};

/// Agreement of f32 engines with the f64 oracle on values of order 1.
const F32_TOLERANCE: f64 = 3e-6;

/// Evaluates every case in `kind`; says so and does nothing where the engine is not there.
fn agrees_with_the_oracle(kind: EngineKind, excluded: &[&str]) {
    for case in cases::all().into_iter().filter(|case| !excluded.contains(&case.name.as_str())) {
        let file = write(&case.graph, &WriteOptions::default()).unwrap();
        let mut engine = match open(kind, &file) {
            Err(EngineError::Missing { reason, .. }) => {
                println!("skipped: {kind} is not available: {reason}");
                return;
            }
            opened => opened.unwrap_or_else(|error| panic!("{}: {error}", case.name)),
        };
        check(&case, engine.as_mut(), &file);
    }
}

fn check(case: &Case, engine: &mut dyn Engine, file: &[u8]) {
    let inputs: Vec<(&str, &Tensor)> = case.inputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let expected = Reference::read(file).unwrap().run(&inputs).unwrap();
    let found = engine.run(&inputs).unwrap_or_else(|error| panic!("{}: {error}", case.name));
    for (name, reference) in &expected {
        let (_, candidate) = found.iter().find(|(known, _)| known == name).unwrap();
        let metrics = metrics::compare(candidate, reference, Some(1.0), metrics::TOLERANCE);
        assert_eq!(candidate.shape(), reference.shape(), "{}: {name}", case.name);
        assert!(metrics.worst <= F32_TOLERANCE, "{}: {name} differs by {metrics:?}", case.name);
    }
}

#[test]
fn onnx_runtime_agrees_with_the_oracle_on_every_primitive() {
    agrees_with_the_oracle(EngineKind::Ort, &[]);
}

#[test]
fn tract_agrees_with_the_oracle_on_every_primitive() {
    agrees_with_the_oracle(EngineKind::Tract, &[]);
}

#[test]
fn unknown_engines_are_refused_with_the_known_ones() {
    assert_eq!("ort".parse::<EngineKind>().unwrap(), EngineKind::Ort);
    let message = "onnx".parse::<EngineKind>().unwrap_err().to_string();
    assert!(message.contains("`onnx`") && message.contains("reference, runtime, tract"), "{message}");
}

#[test]
fn samples_are_drawn_from_those_there_are_and_repeat() {
    let rows: Vec<Vec<f64>> = (0..4).map(|row| vec![f64::from(row), 0.5]).collect();
    let samples = Samples::new(&rows, &[]).unwrap();
    let drawn = samples.drawn(50).unwrap();
    assert_eq!(drawn, samples.drawn(50).unwrap());
    assert_eq!(drawn.x.data()[..8], samples.x.data()[..]);
    assert!(drawn.x.data().chunks(2).all(|row| (0.0..=3.0).contains(&row[0]) && row[1] == 0.5));
    assert!(Samples::new(&[vec![0.0], vec![0.0, 1.0]], &[]).is_err());
    assert!(Samples::new(&[], &[]).is_err());
    assert!(samples.drawn(0).is_err());
    assert!(samples.drawn(usize::MAX).is_err() && samples.drawn(crate::graph::MAX_ELEMENTS / 2 + 1).is_err());
}

/// H = p²/2 + k(1 − cos q), its field (with a factor to get it wrong by), and a leapfrog step written out.
fn pendulum(wrong: f64) -> Artifact {
    let state = || Shape::batched(&[2]).unwrap();
    let mut energy = Graph::new();
    let x = energy.input("x", state()).unwrap();
    let h = pendulum_energy(&mut energy, x);
    energy.set_output("H", h);

    let mut field = Graph::new();
    let x = field.input("x", state()).unwrap();
    let (q, p) = (field.slice(x, 1, 0, 1).unwrap(), field.slice(x, 1, 1, 1).unwrap());
    let sin = field.sin(q).unwrap();
    let force = field.scale(sin, -3.0 * wrong).unwrap();
    let dx = field.concat(&[p, force], 1).unwrap();
    field.set_output("dx", dx);

    let mut step = Graph::new();
    let x = step.input("x", state()).unwrap();
    step.set_output("x_next", x);

    let file = |graph: &Graph| write(graph, &WriteOptions::default()).unwrap();
    let rows: Vec<Vec<f64>> = (0..20).map(|row| vec![0.3 * f64::from(row) - 3.0, f64::from(row).sin()]).collect();
    Artifact {
        hamiltonian: file(&energy),
        field: file(&field),
        step: file(&step),
        optional: Default::default(),
        blob: None,
        quantization: None,
        functions: Default::default(),
        precision: Precision::F32,
        other_graphs: Vec::new(),
        dt: 0.05,
        samples: Samples::new(&rows, &[]).unwrap(),
        changed_files: Vec::new(),
    }
}

fn pendulum_energy(graph: &mut Graph, x: crate::graph::NodeId) -> crate::graph::NodeId {
    let (q, p) = (graph.slice(x, 1, 0, 1).unwrap(), graph.slice(x, 1, 1, 1).unwrap());
    let (square, cos, one) = (graph.mul(p, p).unwrap(), graph.cos(q).unwrap(), graph.scalar(1.0).unwrap());
    let (kinetic, height) = (graph.scale(square, 0.5).unwrap(), graph.sub(one, cos).unwrap());
    let potential = graph.scale(height, 3.0).unwrap();
    graph.add_values(kinetic, potential).unwrap()
}

#[test]
fn a_right_field_passes_and_a_wrong_one_is_found_out() {
    let settings = Settings { engines: Some(vec![EngineKind::Reference]), ..Settings::default() };
    let right = validate(&pendulum(1.0), &settings).unwrap();
    assert!(right.passes, "{right}");
    let physics = right.physics.unwrap();
    assert!(physics.gradient.value < 1e-9 && physics.power.value < 1e-7, "{physics:?}");

    // A force of the wrong size is no longer conservative with respect to H.
    let wrong = validate(&pendulum(1.001), &settings).unwrap();
    assert!(!wrong.passes);
    assert!(wrong.problems.iter().any(|problem| problem.contains("does work by itself")), "{wrong}");
}

#[test]
fn missing_engines_are_an_error_when_asked_for_and_a_line_when_not() {
    let artifact = pendulum(1.0);
    let asked = Settings { engines: Some(vec![EngineKind::Runtime]), ..Settings::default() };
    let message = validate(&artifact, &asked).unwrap_err().to_string();
    assert!(message.contains("no device program"), "{message}");
    let report = validate(&artifact, &Settings::default()).unwrap();
    let runtime = report.engines.iter().find(|record| record.engine == EngineKind::Runtime).unwrap();
    assert_eq!(runtime.state, EngineState::Missing);
    assert!(report.to_string().contains("did not run: the export has no device program"));
}

#[test]
fn changed_files_and_disagreement_fail_the_report_by_name() {
    let mut artifact = pendulum(1.0);
    artifact.changed_files = vec!["step.onnx".to_owned()];
    let settings = Settings { engines: Some(vec![EngineKind::Reference]), ..Settings::default() };
    let report = validate(&artifact, &settings).unwrap();
    assert!(!report.passes && report.problems[0].contains("step.onnx is not the file that was exported"));

    let nothing = std::collections::BTreeMap::new();
    let expected =
        [(Part::Hamiltonian, vec![("H".to_owned(), Tensor::full(&[1, 1], 1.0).unwrap())])].into_iter().collect();
    let records = compare_all(EngineKind::Ort, &nothing, &expected, |_| metrics::TOLERANCE);
    assert!(!records[0].metrics.agrees, "an output that an engine does not give must not pass");
    report_says(records, "of another shape");
    let infinite = [(Part::Hamiltonian, vec![("H".to_owned(), Tensor::full(&[1, 1], f64::INFINITY).unwrap())])]
        .into_iter()
        .collect();
    report_says(compare_all(EngineKind::Ort, &infinite, &expected, |_| metrics::TOLERANCE), "not finite, 0 NaN, 1 Inf");
}

fn report_says(outputs: Vec<OutputRecord>, why: &str) {
    let mut report = Report::new(1, &pendulum(0.0));
    report.outputs = outputs;
    report.judge();
    assert!(report.problems[0].contains(why) && !report.to_string().contains("0.0e0"), "{report}");
}

#[test]
fn the_json_report_follows_its_schema_and_reads_back() {
    let schema = include_str!("../../../docs/schema/validate.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let settings = Settings { engines: Some(vec![EngineKind::Reference]), ..Settings::default() };
    let mut report = validate(&pendulum(1.0), &settings).unwrap();
    let expected = [(Part::Field, vec![("dx".to_owned(), Tensor::scalar(1.0))])].into_iter().collect();
    report.outputs = compare_all(EngineKind::Tract, &expected, &expected, |_| metrics::TOLERANCE);
    let json = serde_json::to_value(&report).unwrap();
    let complaints: Vec<String> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(serde_json::from_value::<Report>(json.clone()).unwrap(), report);

    let mut other = json;
    other["physics"]["power"]["passes"] = serde_json::Value::Null;
    assert!(!schema.is_valid(&other));
}
