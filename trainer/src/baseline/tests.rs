//! Baselines against closed forms and a cell written out by hand, and trained.

use std::sync::atomic::AtomicBool;

use hnn_exporter::evaluate::evaluate;

use super::*;
use crate::architecture::{self, Architecture, Kind, Scaling};
use crate::evaluate::{GraphPredictor, Predictor};
use crate::fit::{self, Task, fit};
use crate::loss;
use crate::system;

/// ẋ = A x.
const A: [[f64; 2]; 2] = [[-0.3, 1.1], [-0.7, 0.2]];

fn state(graph: &mut Graph) -> NodeId {
    graph.input(STATE, Shape::batched(&[2]).unwrap()).unwrap()
}

fn linear() -> Baseline {
    let mut graph = Graph::new();
    let x = state(&mut graph);
    let a = graph.constant(Tensor::new(vec![2, 2], A.concat()).unwrap()).unwrap();
    let dx = graph.matmul_transposed(x, a).unwrap();
    graph.set_output(FIELD, dx);
    Baseline::new(graph).unwrap()
}

fn apply(x: [f64; 2]) -> [f64; 2] {
    A.map(|row| row[0] * x[0] + row[1] * x[1])
}

/// On a linear field the rule is the Taylor polynomial of degree four.
#[test]
fn a_field_is_stepped_by_the_classical_runge_kutta_rule() {
    let step = linear().step(Scheme::Leapfrog, StepLength::PerRow).unwrap();
    let (x, h) = ([0.4, -1.3], 0.7);
    let given = [Tensor::new(vec![1, 2], x.to_vec()).unwrap(), Tensor::new(vec![1, 1], vec![h]).unwrap()];
    let found = evaluate(&step, &[(STATE, &given[0]), (STEP_LENGTH, &given[1])]).unwrap();
    let (mut term, mut sum) = (x, x);
    for degree in 1..=4 {
        term = apply(term).map(|value| value * h / f64::from(degree));
        sum = [sum[0] + term[0], sum[1] + term[1]];
    }
    for (found, expected) in found[0].data().iter().zip(sum) {
        assert!((found - expected).abs() < 1e-14, "{found} {expected}");
    }
}

#[test]
fn graphs_that_are_neither_field_nor_map_are_refused() {
    let refused = |build: &dyn Fn(&mut Graph, NodeId)| {
        let mut graph = Graph::new();
        let x = state(&mut graph);
        build(&mut graph, x);
        Baseline::new(graph).unwrap_err().to_string()
    };
    assert!(refused(&|_, _| ()).contains("either `dx` or `x_next`"));
    let both = refused(&|graph, x| {
        graph.set_output(FIELD, x);
        graph.set_output(NEXT_STATE, x);
    });
    assert!(both.contains("either `dx` or `x_next`"), "{both}");
    let narrow = refused(&|graph, x| {
        let half = graph.slice(x, 1, 0, 1).unwrap();
        graph.set_output(FIELD, half);
    });
    assert!(narrow.contains("[batch, 2]"), "{narrow}");
    let forgetful = refused(&|graph, x| {
        graph.input(MEMORY, Shape::batched(&[3]).unwrap()).unwrap();
        graph.set_output(NEXT_STATE, x);
    });
    assert!(forgetful.contains("`memory_next`"), "{forgetful}");
    let surprising = refused(&|graph, x| {
        graph.input("z", Shape::batched(&[3]).unwrap()).unwrap();
        graph.set_output(FIELD, x);
    });
    assert!(surprising.contains("`z`"), "{surprising}");
}

fn spring() -> system::Generated {
    let spring = system::find("spring").unwrap();
    let protocol = system::Protocol { trajectories: 12, held_out: 2, rows: 31, noise: 0.0, ..spring.reference };
    system::generate(spring, &system::Settings::new(), &protocol, 3).unwrap()
}

fn built(kind: Kind, hidden: Vec<usize>, scaling: &Scaling) -> Architecture {
    architecture::build(&architecture::Settings { kind, hidden, ..Default::default() }, scaling, 5).unwrap()
}

/// σ(W z + b) of one gate, or tanh.
fn gate(weights: &architecture::Parameters, name: &str, z: &[f64], squash: fn(f64) -> f64) -> Vec<f64> {
    let (weight, bias) = (&weights[&format!("cell.0.{name}.0.weight")], &weights[&format!("cell.0.{name}.0.bias")]);
    let rows = weight.data().chunks_exact(z.len());
    rows.zip(bias.data()).map(|(row, bias)| squash(row.iter().zip(z).map(|(a, b)| a * b).sum::<f64>() + bias)).collect()
}

#[test]
fn a_map_carries_its_cell_from_step_to_step() {
    let architecture = built(Kind::BaselineLstm, vec![3], &Scaling::unit(1, 0));
    let weights = &architecture.initial;
    let model = architecture.model.bind(&|name| weights.get(name).cloned()).unwrap();
    let mut predictor = GraphPredictor::new(&model, Scheme::Leapfrog).unwrap();
    let (mut x, mut expected) = ([0.5, -0.2], [0.5, -0.2]);
    let (mut hidden, mut cell) = (vec![0.0; 3], vec![0.0; 3]);
    let sigmoid: fn(f64) -> f64 = |z| 1.0 / (1.0 + (-z).exp());
    for _ in 0..4 {
        predictor.step(&mut x, &[], &[0.1]).unwrap();
        let z = [&expected[..], &hidden].concat();
        let of = |name: &str, squash| gate(weights, name, &z, squash);
        let (enter, forget, leave) = (of("enter", sigmoid), of("forget", sigmoid), of("leave", sigmoid));
        let candidate = of("candidate", f64::tanh);
        for at in 0..3 {
            cell[at] = forget[at] * cell[at] + enter[at] * candidate[at];
            hidden[at] = leave[at] * cell[at].tanh();
        }
        let change = weights["change.0.weight"].data().chunks_exact(3);
        for (state, row) in expected.iter_mut().zip(change) {
            *state += 0.1 * row.iter().zip(&hidden).map(|(a, b)| a * b).sum::<f64>();
        }
        assert!(x.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-13), "{x:?} {expected:?}");
    }
    assert!(model.hamiltonian().unwrap_err().to_string().contains("no energy"));
    assert!(model.field().unwrap_err().to_string().contains("no vector field"));
}

#[test]
fn each_baseline_learns_a_spring_by_its_own_loss() {
    let data = spring();
    let scaling = Scaling::measure(&data.train);
    let rollout = loss::Settings::Rollout(loss::Rollout { steps: 5, shift: 5, ..loss::Rollout::default() });
    for (kind, loss) in [
        (Kind::BaselineMlp, loss::Settings::Field),
        (Kind::BaselineNode, rollout.clone()),
        (Kind::BaselineLstm, rollout),
    ] {
        let architecture = built(kind, vec![8], &scaling);
        let settings = fit::Settings { steps: 400, rate: 2e-2, judge_every: 1, ..fit::Settings::default() };
        let task = Task {
            architecture: &architecture,
            train: &data.train,
            held_out: Some(&data.held_out),
            loss: &loss,
            settings: &settings,
        };
        struct First(Option<f64>);
        impl fit::Observer for First {
            fn judged(&mut self, report: &fit::Report, _: &crate::checkpoint::Checkpoint) -> std::io::Result<()> {
                self.0 = self.0.or(report.held_out);
                Ok(())
            }
        }
        let mut first = First(None);
        let fitted = fit(task, None, &mut first, &AtomicBool::new(false)).unwrap();
        let (before, after) = (first.0.unwrap(), fitted.checkpoint.best_loss.unwrap());
        println!("{kind}: {before:.3e} to {after:.3e}");
        assert!(after < 0.02 * before, "{kind}: {before} to {after}");
    }
}

#[test]
fn a_map_refuses_data_at_several_time_steps() {
    let mut data = spring();
    let architecture = built(Kind::BaselineLstm, vec![4], &Scaling::measure(&data.train));
    data.train.trajectories[0].time.iter_mut().for_each(|time| *time *= 1.5);
    let loss = loss::Settings::Rollout(loss::Rollout::default());
    let settings = fit::Settings::default();
    let task =
        Task { architecture: &architecture, train: &data.train, held_out: None, loss: &loss, settings: &settings };
    assert!(fit::check_task(task).unwrap_err().to_string().contains("one time step"));
}
