//! The memory plan, replayed: a kernel must find in every cell it reads the very element that was last meant to be there.
//!
//! The checker knows nothing of lifetimes. It executes placed and unplaced kernels side by side and tracks for each cell
//! of the workspace which element of which buffer was written there last.

use std::collections::HashMap;

use super::super::kernel::{Kernel, Matrix};
use super::super::place::place;
use super::super::schedule::{orders, reordered};
use super::super::select::{Unplaced, select};
use super::models::{Network, expression, port, random};
use super::*;

/// Offsets of all elements an operand touches, relative to its start.
fn grid<const K: usize>(lens: [usize; K], strides: [usize; K]) -> Vec<usize> {
    let mut offsets = vec![0];
    for (len, stride) in lens.into_iter().zip(strides) {
        offsets = offsets.iter().flat_map(|start| (0..len).map(move |index| start + index * stride)).collect();
    }
    offsets
}

/// An operand and the elements it touches.
type Touched<O> = (O, Vec<usize>);

/// Every operand with the elements it reads, then the one it writes; written out apart from `Kernel::reads`.
fn touched<O: Copy>(kernel: &Kernel<O>) -> (Vec<Touched<O>>, Touched<O>) {
    let run = |len: usize| grid([len], [1]);
    let side = |matrix: &Matrix<O>, lens: [usize; 3]| (matrix.at, grid(lens, [matrix.batch, matrix.row, matrix.col]));
    match kernel {
        Kernel::Unary { src, dst, len, .. } => (vec![(*src, run(*len))], (*dst, run(*len))),
        Kernel::Binary { lhs, rhs, dst, len, .. } => {
            ([lhs, rhs].map(|stream| (stream.at, grid([*len], [stream.step]))).to_vec(), (*dst, run(*len)))
        }
        Kernel::Select { cond, a, b, dst, len } => {
            ([cond, a, b].map(|stream| (stream.at, grid([*len], [stream.step]))).to_vec(), (*dst, run(*len)))
        }
        Kernel::Fill { dst, len, .. } => (vec![], (*dst, run(*len))),
        Kernel::Copy { src, dst, dims, src_strides, dst_strides } => {
            (vec![(*src, grid(*dims, *src_strides))], (*dst, grid(*dims, *dst_strides)))
        }
        Kernel::Sum { src, dst, outer, len, inner } => {
            (vec![(*src, run(outer * len * inner))], (*dst, run(outer * inner)))
        }
        Kernel::MatMul { lhs, rhs, dst, batch, rows, inner, cols } => (
            vec![side(lhs, [*batch, *rows, *inner]), side(rhs, [*batch, *inner, *cols])],
            (*dst, run(batch * rows * cols)),
        ),
        Kernel::Dense { bias, src, dst, rows, cols, .. } => {
            let bias = bias.iter().map(|bias| (*bias, run(*rows)));
            (bias.chain([(*src, run(*cols))]).collect(), (*dst, run(*rows)))
        }
        Kernel::DenseAdjoint { src, slope, dst, rows, cols, .. } => {
            let values = slope.iter().map(|(_, values)| (*values, run(*rows)));
            ([(*src, run(*rows))].into_iter().chain(values).collect(), (*dst, run(*cols)))
        }
        Kernel::DenseGradient { bias, src, factor, dst, rows, cols, .. } => {
            let bias = bias.iter().map(|bias| (*bias, run(*rows)));
            let others = [(*src, run(*cols)), (*factor, run(*rows))];
            (others.into_iter().chain(bias).collect(), (*dst, run(*cols)))
        }
    }
}

fn check_memory(label: &str, model: &Model) {
    let lens = [2 * model.dof(), model.inputs()];
    let separable = dynamics::separability(model).unwrap().is_separable();
    let mut constants = Constants::default();
    for (kind, graph, root) in roots(model, separable).unwrap() {
        let inputs = [(dynamics::STATE, lens[0]), (dynamics::INPUT, lens[1])];
        let selected = select(&graph, root, &inputs, &mut constants).unwrap();
        for (number, order) in orders(&selected).into_iter().enumerate() {
            let kernels = reordered(&selected.kernels, &order);
            let placed = place(&selected, &kernels);
            let label = format!("{label}, {}, order {number}", kind.name());
            let mut cells: HashMap<usize, (usize, usize)> = HashMap::new();
            let fixed = lens[0] + lens[1];
            cells.extend((0..fixed).map(|at| (at, if at < lens[0] { (0, at) } else { (1, at - lens[0]) })));
            for (unplaced, placed_kernel) in kernels.iter().zip(&placed.kernels) {
                let ((reads, write), (placed_reads, placed_write)) = (touched(unplaced), touched(placed_kernel));
                for ((at, offsets), (place, _)) in reads.iter().zip(&placed_reads) {
                    check_read(&label, &cells, *at, *place, offsets);
                }
                let (Unplaced::Buffer { index, offset }, Operand::Workspace(start)) = (write.0, placed_write.0) else {
                    panic!("{label}: a constant is written");
                };
                for element in &write.1 {
                    let cell = start + element;
                    assert!((fixed..placed.workspace_len).contains(&cell), "{label}: cell {cell} is written");
                    cells.insert(cell, (index, offset + element));
                }
            }
            let result: Vec<usize> = (0..selected.result_len).collect();
            check_read(&label, &cells, selected.result, placed.result, &result);
            assert!(placed.workspace_len >= fixed + placed.live_len.min(1));
        }
    }
}

fn check_read(label: &str, cells: &HashMap<usize, (usize, usize)>, at: Unplaced, place: Operand, offsets: &[usize]) {
    match (at, place) {
        (Unplaced::Constant(a), Operand::Constant(b)) => assert_eq!(a, b),
        (Unplaced::Buffer { index, offset }, Operand::Workspace(start)) => {
            for element in offsets {
                let found = cells.get(&(start + element));
                assert_eq!(found, Some(&(index, offset + element)), "{label}: w{} was overwritten", start + element);
            }
        }
        _ => panic!("{label}: an operand changed between workspace and constants"),
    }
}

#[test]
fn no_value_is_overwritten_while_it_is_needed() {
    for text in ["p^2/2 + q^2/2", "(1+q^2)*p^2/2", "(p1^2+p2^2+p3^2+p4^2)/2 - 1/sqrt((q1-q3)^2+(q2-q4)^2)"] {
        check_memory(text, &expression(text));
    }
    check_memory("network", &Network { widths: &[6, 13, 3, 9, 1], activation: Unary::Sin, seed: 3 }.model());
    check_memory("port", &port(true));
    for seed in 0..60 {
        check_memory(&format!("random graph {seed}"), &random(seed, 8 + seed as usize % 17));
    }
}

#[test]
#[should_panic(expected = "was overwritten")]
fn the_checker_notices_a_lost_value() {
    let lost: HashMap<usize, (usize, usize)> = [(3, (7, 0))].into();
    check_read("here", &lost, Unplaced::Buffer { index: 6, offset: 0 }, Operand::Workspace(3), &[0]);
}

#[test]
fn a_chain_of_elementwise_kernels_needs_one_place() {
    let plan = lower(&expression("p^2/2 + sin(cos(tanh(exp(q))))")).unwrap();
    let energy = plan.entry(EntryKind::Energy).unwrap();
    assert_eq!(energy.live_len, 2, "{plan}");
}

#[test]
fn a_network_needs_no_more_than_its_two_widest_neighbours_and_their_activations() {
    let model = Network { widths: &[2, 40, 24, 1], activation: Unary::Tanh, seed: 5 }.model();
    let plan = lower(&model).unwrap();
    let energy = plan.entry(EntryKind::Energy).unwrap();
    assert_eq!(energy.live_len, 40 + 24);
    // Backward, both activations are alive, and one adjoint of the widest layer.
    assert!(plan.entry(EntryKind::Field).unwrap().live_len <= 40 + 24 + 40 + 2, "{plan}");
    assert!(plan.workspace_len <= 2 + 40 + 24 + 40 + 2, "{plan}");
}
