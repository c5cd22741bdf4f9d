//! Which layers become one kernel with their adjoint, and which must not. That a fused kernel keeps every bit is shown beside it,
//! in the runtime; that programs with it compute the right numbers, by every test that compares a program with the oracle.

use super::models::Numbers;
use super::*;

fn field(model: &Model) -> (Vec<Kernel<Operand>>, String) {
    let plan = lower(model).unwrap();
    (plan.entry(EntryKind::Field).unwrap().kernels.clone(), plan.to_string())
}

fn count(kernels: &[Kernel<Operand>], is_it: fn(&Kernel<Operand>) -> bool) -> usize {
    kernels.iter().filter(|kernel| is_it(kernel)).count()
}

fn is_gradient(kernel: &Kernel<Operand>) -> bool {
    matches!(kernel, Kernel::DenseGradient { .. })
}

fn is_sloped(kernel: &Kernel<Operand>) -> bool {
    matches!(kernel, Kernel::DenseAdjoint { slope: Some(_), .. })
}

fn is_elementwise(kernel: &Kernel<Operand>) -> bool {
    matches!(kernel, Kernel::Binary { .. } | Kernel::Unary { .. })
}

#[test]
fn the_last_hidden_layer_and_its_adjoint_are_one_kernel() {
    // Activation, the slope it is left with, and elementwise kernels besides the sign of the force.
    let known = [
        (Unary::Tanh, Slope::OneMinusSquare, 0),
        (Unary::Sigmoid, Slope::Logistic, 0),
        (Unary::Softplus, Slope::Value, 2),
        (Unary::Sin, Slope::Value, 2),
    ];
    for (activation, expected, elementwise) in known {
        let (kernels, listing) = field(&Network { widths: &[2, 12, 9, 1], activation, seed: 3 }.model());
        assert_eq!(count(&kernels, is_gradient), 1, "{listing}");
        assert_eq!(count(&kernels, is_sloped), 1, "{listing}");
        assert_eq!(count(&kernels, is_elementwise), 1 + elementwise, "{listing}");
        let slope = kernels.iter().find_map(|kernel| match kernel {
            Kernel::DenseGradient { slope, .. } => Some(*slope),
            _ => None,
        });
        assert_eq!(slope, Some(expected), "{listing}");
    }
}

#[test]
fn every_layer_of_a_deep_network_is_gone_through_once_forward_and_once_back() {
    let (kernels, listing) = field(&Network { widths: &[4, 8, 8, 8, 8, 1], activation: Unary::Tanh, seed: 4 }.model());
    let is_forward = |kernel: &Kernel<Operand>| matches!(kernel, Kernel::Dense { .. });
    let layers = [count(&kernels, is_forward), count(&kernels, is_gradient), count(&kernels, is_sloped)];
    assert_eq!(layers, [3, 1, 3], "{listing}");
}

#[test]
fn room_is_needed_for_one_layer_and_its_adjoint_but_the_last() {
    let plan = lower(&Network { widths: &[2, 32, 32, 1], activation: Unary::Tanh, seed: 5 }.model()).unwrap();
    assert_eq!(plan.workspace_len, 2 + 32 + 32 + 2, "{plan}");
}

#[test]
fn a_network_of_one_coordinate_runs_on_layers_too() {
    // H = ½p² + N(q) with hidden layers of 12 and 9: the optimizer turns products with one number into elementwise ones.
    let mut graph = Graph::new();
    let mut numbers = Numbers(7);
    let x = graph.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let (mut value, p) = (graph.slice(x, 1, 0, 1).unwrap(), graph.slice(x, 1, 1, 1).unwrap());
    for (inputs, outputs) in [(1, 12), (12, 9)] {
        let weights = graph.constant(numbers.tensor(&[outputs, inputs])).unwrap();
        let bias = graph.constant(numbers.tensor(&[outputs])).unwrap();
        let product = graph.matmul_transposed(value, weights).unwrap();
        let sum = graph.add_values(product, bias).unwrap();
        value = graph.tanh(sum).unwrap();
    }
    let out = graph.constant(numbers.tensor(&[1, 9])).unwrap();
    let potential = graph.matmul_transposed(value, out).unwrap();
    let square = graph.mul(p, p).unwrap();
    let kinetic = graph.scale(square, 0.5).unwrap();
    let energy = graph.add_values(kinetic, potential).unwrap();
    graph.set_output(ENERGY, energy);
    let plan = lower(&Model::new(graph).unwrap()).unwrap();
    let force = plan.entry(EntryKind::Force).unwrap();
    let is_column = |kernel: &Kernel<Operand>| matches!(kernel, Kernel::Dense { rows: 12, cols: 1, .. });
    assert_eq!([count(&force.kernels, is_column), count(&force.kernels, is_gradient)], [1, 1], "{plan}");
    assert_eq!(count(&force.kernels, is_sloped), 1, "{plan}");
    assert!(count(&force.kernels, is_elementwise) <= 1, "at most a sign is left:\n{plan}");
}

#[test]
fn a_layer_whose_values_are_read_again_is_kept() {
    // H = w·y + Σ y², y = tanh(W x): the factor of the slope needs y itself.
    let mut graph = Graph::new();
    let mut numbers = Numbers(6);
    let x = graph.input(dynamics::STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let weights = graph.constant(numbers.tensor(&[6, 2])).unwrap();
    let out = graph.constant(numbers.tensor(&[1, 6])).unwrap();
    let y = graph.matmul_transposed(x, weights).unwrap();
    let y = graph.tanh(y).unwrap();
    let linear = graph.matmul_transposed(y, out).unwrap();
    let squares = graph.mul(y, y).unwrap();
    let squares = graph.sum_keep(squares, &[1]).unwrap();
    let energy = graph.add_values(linear, squares).unwrap();
    graph.set_output(ENERGY, energy);
    let (kernels, listing) = field(&Model::new(graph).unwrap());
    assert_eq!([count(&kernels, is_gradient), count(&kernels, is_sloped)], [0, 1], "{listing}");
}
