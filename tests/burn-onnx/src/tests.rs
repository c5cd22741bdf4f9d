//! Generated code against the f64 oracle and, where the device program has the same output, against the runtime.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use hnn_exporter::dynamics::{INPUT, STATE, STEP_LENGTH};
use hnn_exporter::emit::blob;
use hnn_exporter::evaluate::evaluate;
use hnn_exporter::graph::{self, Graph};
use hnn_exporter::lower::lower;
use hnn_exporter::validate::metrics::{TOLERANCE, compare};
use hnn_exporter::validate::{Engine as _, Part, Runtime};

use super::*;
use crate::conformance::cases::{self, Case};
use crate::exported::{Exported, scheme};

/// Step length in seconds; exact in f32.
const DT: f32 = 1.0 / 64.0;

/// Values of the arguments that graphs have.
struct Values {
    x: graph::Tensor,
    u: graph::Tensor,
    dt: graph::Tensor,
}

impl Values {
    fn of(case: &Case) -> Self {
        let x = case.states().unwrap();
        let none = || graph::Tensor::new(vec![x.shape()[0], 1], vec![0.0; x.shape()[0]]).unwrap();
        let u = case.inputs().unwrap().unwrap_or_else(none);
        Self { x, u, dt: graph::Tensor::scalar(f64::from(DT)) }
    }

    fn named(&self) -> [(&str, &graph::Tensor); 3] {
        [(STATE, &self.x), (INPUT, &self.u), (STEP_LENGTH, &self.dt)]
    }
}

fn generated(run: Run, values: &Values) -> graph::Tensor {
    // burn's default device may be another one, and the environment may override it.
    let device = Device::flex();
    let upload = |tensor: &graph::Tensor| {
        let data: Vec<f32> = tensor.data().iter().map(|value| *value as f32).collect();
        Tensor::<2>::from_data(TensorData::new(data, tensor.shape().to_vec()), &device)
    };
    let arguments = Arguments { x: upload(&values.x), u: upload(&values.u), dt: DT };
    let data = run(&device, arguments).convert::<f64>();
    graph::Tensor::new(data.shape().to_vec(), data.try_to_vec().unwrap()).unwrap()
}

fn oracle(graph: &Graph, values: &Values) -> graph::Tensor {
    let named = values.named();
    let taken: Vec<_> =
        graph.inputs().iter().map(|(name, _)| *named.iter().find(|(n, _)| n == name).unwrap()).collect();
    evaluate(graph, &taken).unwrap().swap_remove(0)
}

/// The same output of the device program, where it has it.
fn device(case: &Case, exported: Exported, values: &Values) -> Option<graph::Tensor> {
    let part = match exported {
        Exported::Hamiltonian => Part::Hamiltonian,
        Exported::Field => Part::Field,
        Exported::Step => Part::Step,
        Exported::Hessian => return None,
    };
    let words = blob(&lower(&case.model).unwrap(), scheme(case), DT);
    let named = values.named();
    let taken: Vec<_> = named.into_iter().filter(|(name, _)| *name != INPUT || case.model.inputs() > 0).collect();
    Some(Runtime::new(&words, part).unwrap().run(&taken).unwrap().swap_remove(0).1)
}

#[test]
fn generated_models_agree_with_the_oracle_and_the_runtime() {
    let mut disagreements = Vec::new();
    let mut compared = 0;
    for case in cases::all().unwrap() {
        let values = Values::of(&case);
        for exported in Exported::ALL {
            let file = exported.file(&case);
            let Some((_, run)) = ALL.iter().find(|(name, _)| *name == file) else {
                assert!(LACKING.iter().any(|(name, _)| *name == file), "{file} is neither generated nor listed");
                continue;
            };
            let found = generated(*run, &values);
            let references = [
                ("oracle", Some(oracle(&exported.graph(&case).unwrap(), &values))),
                ("runtime", device(&case, exported, &values)),
            ];
            for (name, reference) in references {
                let Some(reference) = reference else { continue };
                let metrics = compare(&found, &reference, None, TOLERANCE);
                compared += 1;
                if !metrics.agrees {
                    disagreements.push(format!("{file} with the {name}: {:.1e}", metrics.worst));
                }
            }
        }
    }
    assert!(disagreements.is_empty(), "\n{}", disagreements.join("\n"));
    assert_eq!(compared, ALL.len() + ALL.iter().filter(|(name, _)| !name.ends_with("_hessian")).count());
}

/// A comparison that finds everything equal would prove nothing.
#[test]
fn a_wrong_argument_is_noticed() {
    let case = cases::all().unwrap().swap_remove(0);
    let file = Exported::Field.file(&case);
    let (_, run) = ALL.iter().find(|(name, _)| *name == file).unwrap();
    let values = Values::of(&case);
    let mut moved = Values::of(&case);
    moved.x.data_mut()[0] += 1e-3;
    let expected = oracle(&Exported::Field.graph(&case).unwrap(), &values);
    assert!(!compare(&generated(*run, &moved), &expected, None, TOLERANCE).agrees);
}
