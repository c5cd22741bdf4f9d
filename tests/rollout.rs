//! A trajectory inside one ONNX file is the trajectory of its steps: in ONNX Runtime, by the oracle, and on the device.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use hnn_conformance::cases::{self, Case};
use hnn_conformance::executors::{DT, Question, disagreement, scheme};
use hnn_exporter::emit::blob;
use hnn_exporter::evaluate::evaluate;
use hnn_exporter::graph::{Graph, Tensor};
use hnn_exporter::lower::lower;
use hnn_exporter::onnx::{WriteOptions, write, write_rollout};
use hnn_exporter::validate::{Engine, EngineError, EngineKind, Part, Runtime, open};

/// Steps of every trajectory.
const STEPS: usize = 12;
/// What engines must agree within on one evaluation; here after [`STEPS`] steps.
const TOLERANCE: f64 = 1e-5;

/// Step lengths that f32 holds exactly, every second one half as long.
fn lengths() -> Vec<f64> {
    (0..STEPS).map(|step| if step % 2 == 0 { DT } else { DT / 2.0 }).collect()
}

/// The input of every step, where the case has one: it fades.
fn inputs(case: &Case) -> Option<Vec<Tensor>> {
    let first = case.inputs().unwrap()?;
    let faded = |step: usize| {
        let mut input = first.clone();
        input.data_mut().iter_mut().for_each(|value| *value *= 1.0 - step as f64 / 16.0);
        input
    };
    Some((0..STEPS).map(faded).collect())
}

fn stack(rows: &[Tensor]) -> Tensor {
    let shape = [&[rows.len()], rows[0].shape()].concat();
    Tensor::new(shape, rows.iter().flat_map(|row| row.data().to_vec()).collect()).unwrap()
}

/// The path by one step after the other.
fn by_steps(case: &Case, mut step: impl FnMut(&[(&str, &Tensor)]) -> Tensor) -> Tensor {
    let (mut x, inputs) = (case.states().unwrap(), inputs(case));
    let mut path = Vec::new();
    for (index, length) in lengths().into_iter().enumerate() {
        let dt = Tensor::scalar(length);
        let mut arguments = vec![("x", &x), ("dt", &dt)];
        arguments.extend(inputs.as_ref().map(|inputs| ("u", &inputs[index])));
        x = step(&arguments);
        path.push(x.clone());
    }
    stack(&path)
}

/// The path by the rollout's file.
fn by_rollout(case: &Case, step: &Graph, kind: EngineKind) -> Result<Vec<(String, Tensor)>, EngineError> {
    let file = write_rollout(step, &WriteOptions::default()).unwrap().bytes;
    let (x, dt) = (case.states().unwrap(), Tensor::new(vec![STEPS], lengths()).unwrap());
    let u = inputs(case).map(|rows| stack(&rows));
    let mut arguments = vec![("x", &x), ("dt", &dt)];
    arguments.extend(u.as_ref().map(|u| ("u", u)));
    open(kind, &file)?.run(&arguments)
}

fn first(outputs: Vec<(String, Tensor)>) -> Tensor {
    outputs.into_iter().next().unwrap().1
}

#[test]
fn a_rollout_in_onnx_runtime_is_the_trajectory_of_its_steps() {
    for case in cases::all().unwrap() {
        let step = Question::Step.optimised_graph(&case).unwrap();
        let outputs = match by_rollout(&case, &step, EngineKind::Ort) {
            Err(EngineError::Missing { reason, .. }) => return eprintln!("skipped: {reason}"),
            outputs => outputs.unwrap(),
        };
        let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
        let residual = step.output("residual").is_some();
        assert_eq!(names, if residual { vec!["x_path", "residual"] } else { vec!["x_path"] }, "{}", case.name);
        if residual {
            assert_eq!(outputs[1].1.shape(), [STEPS, cases::SAMPLES, 1]);
        }
        let path = first(outputs);
        let file = write(&step, &WriteOptions::default()).unwrap();
        let mut single = open(EngineKind::Ort, &file).unwrap();
        let mut device =
            Runtime::new(&blob(&lower(&case.model).unwrap(), scheme(&case), DT as f32), Part::Step).unwrap();
        for (by, tolerance, expected) in [
            ("ONNX Runtime, step by step", 0.0, by_steps(&case, |inputs| first(single.run(inputs).unwrap()))),
            ("the oracle", TOLERANCE, by_steps(&case, |inputs| evaluate(&step, inputs).unwrap().remove(0))),
            ("the device program", TOLERANCE, by_steps(&case, |inputs| first(device.run(inputs).unwrap()))),
        ] {
            let wrong = disagreement(&path, &expected, tolerance);
            assert!(wrong.is_none(), "{} by {by}: {}", case.name, wrong.unwrap());
        }
    }
}
