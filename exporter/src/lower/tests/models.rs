//! Models to lower: formulas, networks of any size, and graphs put together at random.

use crate::dynamics::{DISSIPATION, ENERGY, GAIN, INPUT, Model, STATE};
use crate::graph::{Binary, Comparison, Graph, GraphError, NodeId, Op, Shape, Tensor, Unary};

/// A sequence of numbers that only depends on its seed (Knuth's MMIX generator).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    /// Uniform in \[−1, 1).
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        (((self.next() + 1.0) / 2.0 * count as f64) as usize).min(count - 1)
    }

    pub(super) fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let values = (0..shape.iter().product()).map(|_| self.next()).collect();
        Tensor::new(shape.to_vec(), values).unwrap()
    }
}

pub(super) fn expression(text: &str) -> Model {
    crate::expression::parse(text, &Default::default()).unwrap()
}

/// A fully connected network with weights from a seed.
pub(super) struct Network {
    pub(super) widths: &'static [usize],
    pub(super) activation: Unary,
    pub(super) seed: u64,
}

impl Network {
    pub(super) fn model(&self) -> Model {
        let mut graph = Graph::new();
        let mut value = graph.input(STATE, Shape::batched(&[self.widths[0]]).unwrap()).unwrap();
        let mut numbers = Numbers(self.seed);
        for (layer, pair) in self.widths.windows(2).enumerate() {
            let weights = graph.constant(numbers.tensor(&[pair[1], pair[0]])).unwrap();
            let bias = graph.constant(numbers.tensor(&[pair[1]])).unwrap();
            let product = graph.matmul_transposed(value, weights).unwrap();
            value = graph.add_values(product, bias).unwrap();
            if layer + 2 < self.widths.len() {
                value = graph.add(Op::Unary(self.activation), &[value]).unwrap();
            }
        }
        graph.set_output(ENERGY, value);
        Model::new(graph).unwrap()
    }
}

/// T = ½ pᵀ A p + V(q) from a network, R(q, p) = L Lᵀ and a constant gain.
pub(super) fn port(full: bool) -> Model {
    let mut g = Graph::new();
    let mut numbers = Numbers(9);
    let x = g.input(STATE, Shape::batched(&[4]).unwrap()).unwrap();
    g.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
    let (q, p) = (g.slice(x, 1, 0, 2).unwrap(), g.slice(x, 1, 2, 2).unwrap());
    let mass = g.constant(Tensor::new(vec![2, 2], vec![2.0, 0.5, 0.5, 1.0]).unwrap()).unwrap();
    let velocity = g.matmul(p, mass).unwrap();
    let twice = g.mul(velocity, p).unwrap();
    let twice = g.sum_keep(twice, &[1]).unwrap();
    let kinetic = g.scale(twice, 0.5).unwrap();
    let hidden = g.constant(numbers.tensor(&[5, 2])).unwrap();
    let hidden = g.matmul_transposed(q, hidden).unwrap();
    let hidden = g.softplus(hidden).unwrap();
    let out = g.constant(numbers.tensor(&[1, 5])).unwrap();
    let potential = g.matmul_transposed(hidden, out).unwrap();
    let energy = g.add_values(kinetic, potential).unwrap();
    g.set_output(ENERGY, energy);
    let weights = g.constant(numbers.tensor(&[if full { 4 } else { 2 }, 4])).unwrap();
    let rate = g.matmul_transposed(x, weights).unwrap();
    let dissipation = if full {
        let factor = g.reshape(rate, Shape::batched(&[2, 2]).unwrap()).unwrap();
        g.matmul_transposed(factor, factor).unwrap()
    } else {
        g.mul(rate, rate).unwrap()
    };
    g.set_output(DISSIPATION, dissipation);
    let gain = g.constant(Tensor::new(vec![2, 1], vec![1.0, -0.5]).unwrap()).unwrap();
    g.set_output(GAIN, gain);
    Model::new(g).unwrap()
}

/// A graph of `count` operators picked at random, bounded, on a state of four coordinates.
pub(super) fn random(seed: u64, count: usize) -> Model {
    let mut numbers = Numbers(seed.wrapping_mul(7919).wrapping_add(17));
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[4]).unwrap()).unwrap();
    let mut pool = vec![x];
    while pool.len() < count {
        // Shapes that do not fit are simply tried again with other nodes.
        let node = random_node(&mut graph, &pool, &mut numbers);
        let fits = |id: &NodeId| (1..=60).contains(&graph.shape(*id).row_len()) && graph.shape(*id).is_batched();
        pool.extend(node.ok().filter(fits));
    }
    let mut energy = graph.scalar(0.0).unwrap();
    for node in pool.iter().rev().take(3) {
        let value = graph.tanh(*node).unwrap();
        let axes: Vec<usize> = (1..graph.shape(value).rank()).collect();
        let total = graph.sum(value, &axes).unwrap();
        energy = graph.add_values(energy, total).unwrap();
    }
    let energy = graph.reshape(energy, Shape::batched(&[1]).unwrap()).unwrap();
    graph.set_output(ENERGY, energy);
    Model::new(graph).unwrap()
}

fn random_node(g: &mut Graph, pool: &[NodeId], numbers: &mut Numbers) -> Result<NodeId, GraphError> {
    let a = pool[numbers.below(pool.len())];
    let b = pool[numbers.below(pool.len())];
    let shape = g.shape(a).clone();
    let (rank, last) = (shape.rank(), shape.len(shape.rank() - 1).unwrap_or(1));
    match numbers.below(12) {
        0 => g.add(Op::Unary([Unary::Tanh, Unary::Sin, Unary::Sigmoid, Unary::Atan][numbers.below(4)]), &[a]),
        1 => g.add(Op::Binary([Binary::Add, Binary::Sub, Binary::Mul][numbers.below(3)]), &[a, b]),
        2 => {
            let rows = 1 + numbers.below(6);
            let weights = g.constant(numbers.tensor(&[rows, last]))?;
            let product = g.matmul_transposed(a, weights)?;
            g.tanh(product)
        }
        3 => {
            let cols = 1 + numbers.below(6);
            let weights = g.constant(numbers.tensor(&[last, cols]))?;
            let product = g.matmul(a, weights)?;
            g.sin(product)
        }
        4 if last > 1 => {
            let start = numbers.below(last);
            g.slice(a, rank - 1, start, 1 + numbers.below(last - start))
        }
        5 => g.concat(&[a, b, a], rank - 1),
        6 => g.pad(a, rank - 1, numbers.below(2), numbers.below(3)),
        7 if rank > 2 => {
            let total = g.sum(a, &[1 + numbers.below(rank - 1)])?;
            g.sin(total)
        }
        8 if rank > 2 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.swap(1 + numbers.below(rank - 1), rank - 1);
            g.transpose(a, &order)
        }
        9 => {
            let len = shape.row_len();
            let split = 1 + numbers.below(len);
            g.reshape(a, Shape::batched(&[split, len / split, len % split + 1])?)
        }
        10 if rank > 2 => {
            let product = g.add(Op::MatMul { transpose_lhs: numbers.below(2) == 1, transpose_rhs: true }, &[a, b])?;
            g.tanh(product)
        }
        11 => {
            let zero = g.scalar(0.1)?;
            let condition = g.compare(Comparison::Greater, a, zero)?;
            g.select(condition, a, b)
        }
        _ => g.mul(a, a),
    }
}
