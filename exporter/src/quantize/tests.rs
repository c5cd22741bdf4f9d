//! Networks taken out of graphs and put in fixed point, against the f64 reference; and what is refused, by name.

use hnn_runtime::format::MAX_DOF;
use hnn_runtime::integrate::LEAPFROG;
use hnn_runtime::{Compiled, Lattice, Program, State};

use super::{QuantizeError, network, quantize};
use crate::dynamics::{ENERGY, Model, STATE, Scheme};
use crate::evaluate::evaluate;
use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor, Unary};
use crate::manifest::{QuantizationRecord, Samples};

/// The largest error of a field that this project asks of fixed point.
const FIELD_ERROR: f64 = 0.005;
const DT: f32 = 0.01;

/// Knuth's MMIX generator, uniform in ±1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn tensor(&mut self, shape: &[usize], bound: f64) -> Tensor {
        let values = (0..shape.iter().product()).map(|_| bound * self.next()).collect();
        Tensor::new(shape.to_vec(), values).unwrap()
    }
}

/// A network on `value` of `len` columns, variance kept from layer to layer.
fn dense(graph: &mut Graph, value: NodeId, len: usize, widths: &[usize], unit: Unary, seed: u64) -> NodeId {
    let (mut value, mut len, mut numbers) = (value, len, Numbers(seed));
    for width in widths {
        let weights = graph.constant(numbers.tensor(&[*width, len], (3.0 / len as f64).sqrt())).unwrap();
        let bias = graph.constant(numbers.tensor(&[*width], 0.5)).unwrap();
        let product = graph.matmul_transposed(value, weights).unwrap();
        let sum = graph.add_values(product, bias).unwrap();
        value = graph.add(crate::graph::Op::Unary(unit), &[sum]).unwrap();
        len = *width;
    }
    let weights = graph.constant(numbers.tensor(&[1, len], (3.0 / len as f64).sqrt())).unwrap();
    graph.matmul_transposed(value, weights).unwrap()
}

fn state(dof: usize) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2 * dof]).unwrap()).unwrap();
    (graph, x)
}

fn finished(mut graph: Graph, energy: NodeId) -> Model {
    graph.set_output(ENERGY, energy);
    Model::new(graph).unwrap()
}

fn plain(widths: &[usize], unit: Unary) -> Model {
    let (mut graph, x) = state(1);
    let energy = dense(&mut graph, x, 2, widths, unit, 7);
    finished(graph, energy)
}

/// H = p²/2 + 3(1 − cos q) + a network of a normalised q.
fn hybrid() -> Model {
    let build = |graph: &mut Graph, x: NodeId| -> Result<NodeId, GraphError> {
        let (q, p) = (graph.slice(x, 1, 0, 1)?, graph.slice(x, 1, 1, 1)?);
        let square = graph.mul(p, p)?;
        let kinetic = graph.scale(square, 0.5)?;
        let (cos, three) = (graph.cos(q)?, graph.scalar(3.0)?);
        let swing = graph.mul(cos, three)?;
        let rest = graph.sub(kinetic, swing)?;
        let (shift, scale) = (graph.scalar(0.3)?, graph.scalar(0.8)?);
        let moved = graph.add_values(q, shift)?;
        let normal = graph.mul(moved, scale)?;
        let network = dense(graph, normal, 1, &[12, 9], Unary::Tanh, 3);
        graph.add_values(rest, network)
    };
    let (mut graph, x) = state(1);
    let energy = build(&mut graph, x).unwrap();
    finished(graph, energy)
}

fn samples(dof: usize) -> Samples {
    let mut numbers = Numbers(3);
    let x: Vec<Vec<f64>> = (0..200).map(|_| (0..2 * dof).map(|_| 2.0 * numbers.next()).collect()).collect();
    let (x_min, x_max) = (vec![-2.0; 2 * dof], vec![2.0; 2 * dof]);
    Samples { source: "made up".to_owned(), x, u: Vec::new(), x_min, x_max }
}

fn record(model: &Model, scheme: Scheme) -> QuantizationRecord {
    quantize(model, scheme, DT, &samples(model.dof())).unwrap().record
}

#[test]
fn fields_of_networks_are_within_half_a_percent() {
    for (widths, unit) in [
        (&[32, 32][..], Unary::Tanh),
        (&[200, 200], Unary::Tanh),
        (&[64], Unary::Tanh),
        (&[7, 5, 3], Unary::Tanh),
        (&[24, 24], Unary::Sigmoid),
    ] {
        let record = record(&plain(widths, unit), Scheme::MIDPOINT);
        assert!(record.field_error_rms < FIELD_ERROR, "{widths:?} {unit:?}: {record:?}");
        // 16 bits leave something: a smaller error would not be that of fixed point.
        assert!(record.field_error_rms > 1e-6 && record.field_error_max >= record.field_error_rms / 2.0);
        assert!(!record.is_gradient && record.drift.is_none(), "midpoint takes no lattice state");
    }
}

#[test]
fn networks_and_rest_add_up_to_the_energy() {
    let models = [plain(&[9, 6], Unary::Tanh), plain(&[9, 6], Unary::Sigmoid), hybrid()];
    for model in &models {
        let (networks, rest) = network::split(model).unwrap();
        assert_eq!(networks.len(), 1);
        for x in samples(1).x.iter().take(20) {
            let at = Tensor::new(vec![1, 2], x.clone()).unwrap();
            let energy = |model: &Model| evaluate(model.graph(), &[(STATE, &at)]).unwrap()[0].data()[0];
            let mut values = x[networks[0].columns.clone()].to_vec();
            for layer in &networks[0].layers {
                let sum = |row: &Vec<f64>| row.iter().zip(&values).map(|(w, y)| w * y).sum::<f64>();
                values = layer.weights.iter().zip(&layer.biases).map(|(row, bias)| (bias + sum(row)).tanh()).collect();
            }
            let network: f64 = networks[0].output.iter().zip(&values).map(|(w, y)| w * y).sum();
            let total = energy(&rest) + network + networks[0].offset;
            assert!((total - energy(model)).abs() < 1e-12 * (1.0 + total.abs()), "{total} {}", energy(model));
        }
    }
}

#[test]
fn what_is_no_network_stays_in_f32_and_the_state_is_normalised_in_the_table() {
    let record = record(&hybrid(), Scheme::Leapfrog);
    assert!(record.field_error_rms < FIELD_ERROR && record.networks == 1, "{record:?}");
    // The network reads q alone, in a box a quarter wider than that of the samples.
    assert_eq!((record.held_below, record.held_above), (vec![Some(-2.5), None], vec![Some(2.5), None]));
}

#[test]
fn on_the_lattice_a_run_is_undone_to_the_bit_and_its_energy_is_measured() {
    let quantized = quantize(&hybrid(), Scheme::Leapfrog, DT, &samples(1)).unwrap();
    let drift = quantized.record.drift.unwrap();
    assert!(drift.steps == 1_000_000 && drift.energy_span > 1.0, "{drift:?}");
    assert!(drift.energy_error_max < 0.02 * drift.energy_span && drift.energy_error_max > 0.0, "{drift:?}");
    let program = Program::parse(&quantized.words).unwrap();
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace).unwrap();
    let mut separable = model.separable().unwrap();
    let start = Lattice::<MAX_DOF>::new(&State::new(&[1.3], &[-0.4]).unwrap()).unwrap();
    let mut lattice = start.clone();
    for _ in 0..10_000 {
        lattice.step(&LEAPFROG, &mut separable, &[], DT).unwrap();
    }
    assert_ne!(lattice, start);
    for _ in 0..10_000 {
        lattice.undo(&LEAPFROG, &mut separable, &[], DT).unwrap();
    }
    assert_eq!(lattice, start);
}

#[test]
fn what_cannot_run_in_fixed_point_is_refused_by_name() {
    let refusal = |model: &Model| quantize(model, Scheme::MIDPOINT, DT, &samples(model.dof())).unwrap_err().to_string();
    let softplus = refusal(&plain(&[8], Unary::Softplus));
    assert!(softplus.contains("softplus") && softplus.contains("--weights f32"), "{softplus}");
    let formula = crate::expression::parse("p^2/2 + q^4", &Default::default()).unwrap();
    assert!(matches!(quantize(&formula, Scheme::Leapfrog, DT, &samples(1)), Err(QuantizeError::NoNetwork { .. })));
    // The second layer reads the first one and the state.
    let (mut graph, x) = state(1);
    let both = |graph: &mut Graph| -> Result<NodeId, GraphError> {
        let first = graph.tanh(x)?;
        let both = graph.concat(&[first, x], 1)?;
        let second = graph.tanh(both)?;
        graph.sum_keep(second, &[1])
    };
    let energy = both(&mut graph).unwrap();
    let skip = refusal(&finished(graph, energy));
    assert!(skip.contains("more than the layer below it feeds it"), "{skip}");
}

#[test]
fn steep_and_flat_rows_share_a_layer() {
    // Rows a thousand times apart, as where widths are drawn: every row has a scale of its own.
    let (mut graph, x) = state(1);
    let weights = vec![40.0, 0.0, 0.04, 0.02, 3.0, -2.0, 0.0, 0.0];
    let weights = graph.constant(Tensor::new(vec![4, 2], weights).unwrap()).unwrap();
    let output = graph.constant(Tensor::new(vec![1, 4], vec![0.02, 30.0, 1.0, 5.0]).unwrap()).unwrap();
    let product = graph.matmul_transposed(x, weights).unwrap();
    let value = graph.tanh(product).unwrap();
    let energy = graph.matmul_transposed(value, output).unwrap();
    let record = record(&finished(graph, energy), Scheme::MIDPOINT);
    assert!(record.field_error_rms < FIELD_ERROR, "{record:?}");
}
