//! A bounded optimizer: wherever it is stopped, the files say the same as the graphs before it.

use super::*;
use crate::evaluate::evaluate;
use crate::graph::{Shape, Tensor};
use crate::onnx::Precision;

/// A small network, in numbers that every format holds exactly.
fn network() -> Model {
    let mut graph = Graph::new();
    let x = graph.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let mut weights = |shape: &[usize]| {
        let len: usize = shape.iter().product();
        let values = (0..len).map(|index| (index as f64 - 2.5) / 8.0).collect();
        graph.constant(Tensor::new(shape.to_vec(), values).unwrap()).unwrap()
    };
    let (first, bias, second) = (weights(&[3, 2]), weights(&[3]), weights(&[1, 3]));
    let hidden = graph.matmul_transposed(x, first).unwrap();
    let hidden = graph.add_values(hidden, bias).unwrap();
    let hidden = graph.tanh(hidden).unwrap();
    let energy = graph.matmul_transposed(hidden, second).unwrap();
    graph.set_output(dynamics::ENERGY, energy);
    Model::new(graph).unwrap()
}

/// What a graph gives for fixed values of its inputs, by the oracle.
fn outputs(graph: &Graph) -> Vec<Tensor> {
    let value = |(name, id): (&str, crate::graph::NodeId)| {
        let shape = graph.shape(id).resolve(3);
        let len = shape.iter().product::<usize>();
        let values = (0..len).map(|index| 0.3 * (index as f64 + 1.0) * if index % 2 == 0 { 1.0 } else { -0.7 });
        (name.to_owned(), Tensor::new(shape, values.collect()).unwrap())
    };
    let inputs: Vec<(String, Tensor)> = graph.inputs().into_iter().map(value).collect();
    let inputs: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, value)| (name.as_str(), value)).collect();
    evaluate(graph, &inputs).unwrap()
}

fn assert_every_stop_agrees(model: &Model, scheme: Scheme) {
    let written = WriteOptions { precision: Precision::F64, ..WriteOptions::default() };
    let kinds = vec![GraphKind::Hamiltonian, GraphKind::Field, GraphKind::Step, GraphKind::Hessian];
    let derived: Vec<Graph> = kinds.iter().map(|kind| kind.derive(model, scheme).unwrap()).collect();
    let totals: Vec<usize> = derived.iter().map(|graph| optimize_explained(graph, None).unwrap().1.len()).collect();
    let most = totals.iter().copied().max().unwrap();
    assert!(most > 10, "only {most} rewrites apply");
    for stop_after in 0..=most + 1 {
        let options = ExportOptions {
            stop_after: Some(stop_after),
            graphs: kinds.clone(),
            onnx: written.clone(),
            ..ExportOptions::default()
        };
        let files = write(model, scheme, &options).unwrap();
        for (((record, (file, bytes)), derived), total) in files.iter().zip(&derived).zip(&totals) {
            assert_eq!(record.changes.is_empty(), stop_after > *total, "{file}: {:?}", record.changes);
            let found = outputs(&onnx::read(bytes).unwrap());
            for (found, wanted) in found.iter().zip(outputs(derived)) {
                assert_eq!(found.shape(), wanted.shape());
                for (found, wanted) in found.data().iter().zip(wanted.data()) {
                    let error = (found - wanted).abs() / wanted.abs().max(1.0);
                    assert!(error < 1e-12, "{file} after {stop_after} rewrites: {found}, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn wherever_the_optimizer_is_stopped_the_files_agree_with_the_oracle() {
    let formula = |text: &str| crate::expression::parse(text, &Default::default()).unwrap();
    assert_every_stop_agrees(&network(), Scheme::Midpoint { iterations: 2 });
    assert_every_stop_agrees(&formula("p^2/2 + 3*(1-cos(q))"), Scheme::Leapfrog);
    assert_every_stop_agrees(&formula("(1+q^2/4)*p^2/2 + exp(-q^2)"), Scheme::Midpoint { iterations: 2 });
}

#[test]
fn the_last_rewrite_is_named() {
    let model = network();
    let (_, applied) = optimize_explained(&GraphKind::Field.derive(&model, Scheme::MIDPOINT).unwrap(), None).unwrap();
    let options = |stop_after| ExportOptions {
        stop_after: Some(stop_after),
        graphs: vec![GraphKind::Field],
        ..ExportOptions::default()
    };
    let changes = |stop_after| write(&model, Scheme::MIDPOINT, &options(stop_after)).unwrap().remove(0).0.changes;
    assert_eq!(changes(0), ["not optimized"]);
    assert_eq!(changes(3), [format!("the optimizer was stopped after 3 rewrite(s), the last: {}", applied[2])]);
}

#[test]
fn the_momentum_that_is_written_is_the_mass_matrix_times_the_velocity() {
    // The inverse of [[2 + cos q₂, ½], [½, 1]] is [[1, −½], [−½, 2 + cos q₂]] / (7/4 + cos q₂).
    let text = "((2 + cos(q2))*p1^2 + p1*p2 + p2^2)/2 - 4*cos(q1)";
    let model = crate::expression::parse(text, &Default::default()).unwrap();
    let written = WriteOptions { precision: Precision::F64, ..WriteOptions::default() };
    let graphs = vec![GraphKind::Velocity, GraphKind::Momentum];
    let options = ExportOptions { graphs, onnx: written, ..ExportOptions::default() };
    let midpoint = Scheme::MIDPOINT;
    let files = write(&model, midpoint, &options).unwrap();
    let read = |index: usize| onnx::read(&files[index].1.1).unwrap();
    let [q, v, x] = [&[0.3, 0.7][..], &[1.5, -0.4], &[0.3, 0.7, 0.2, -0.9]]
        .map(|values| Tensor::new(vec![1, values.len()], values.to_vec()).unwrap());
    let (inertia, p) = (2.0 + 0.7f64.cos(), evaluate(&read(1), &[("q", &q), ("v", &v)]).unwrap());
    let wanted = [(1.5 + 0.2) / (inertia - 0.25), (-0.75 - 0.4 * inertia) / (inertia - 0.25)];
    let back = evaluate(&read(0), &[("x", &x)]).unwrap();
    let velocity = [inertia * 0.2 - 0.45, 0.1 - 0.9];
    for (found, wanted) in p[0].data().iter().chain(back[0].data()).zip(wanted.iter().chain(&velocity)) {
        assert!((found - wanted).abs() < 1e-12, "{found}, not {wanted}");
    }
}

#[test]
fn the_momentum_of_a_network_is_refused_before_anything_is_written() {
    let options = ExportOptions { graphs: vec![GraphKind::Momentum], ..ExportOptions::default() };
    let midpoint = Scheme::MIDPOINT;
    let error = write(&network(), midpoint, &options).unwrap_err().to_string();
    assert!(error.contains("quadratic in p"), "{error}");
}
