//! Scalings and permutations that disappear in a constant matrix, where nothing else uses that matrix.
//!
//! A permutation of columns may take a copy of a small matrix, [`super::Storage`] allowing: J costs a first layer's weights
//! once more, and saves four operators on every call. These run by themselves, so that the counts of uses they rely on are
//! exact.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, GraphError, NodeId, Op, Tensor, Unary};

type Rewritten = Result<Option<NodeId>, GraphError>;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "factor of a product into its weights", rule: scaled_product },
    Rewrite { label: "factor of an argument into the weights", rule: scaled_argument },
    Rewrite { label: "order and signs of a product's columns into its weights", rule: permuted_columns },
];

/// x · W with W a constant matrix that nothing else uses.
struct Layer {
    x: NodeId,
    weights: Tensor,
    transpose_lhs: bool,
    transpose_rhs: bool,
}

impl Layer {
    /// Rows and columns of W as it multiplies.
    fn size(&self) -> (usize, usize) {
        let shape = self.weights.shape();
        if self.transpose_rhs { (shape[1], shape[0]) } else { (shape[0], shape[1]) }
    }

    /// x · W′ with `W′[k][j] = value(W, k, j)`, of `cols` columns, stored as W was.
    fn with(
        &self,
        site: &mut Site<'_>,
        cols: usize,
        value: impl Fn(&dyn Fn(usize, usize) -> f64, usize, usize) -> f64,
    ) -> Rewritten {
        let (rows, old_cols) = self.size();
        let data = self.weights.data();
        let at = |k: usize, j: usize| if self.transpose_rhs { data[j * rows + k] } else { data[k * old_cols + j] };
        let mut scaled = Vec::with_capacity(rows * cols);
        let (outer, inner) = if self.transpose_rhs { (cols, rows) } else { (rows, cols) };
        for first in 0..outer {
            for second in 0..inner {
                let (k, j) = if self.transpose_rhs { (second, first) } else { (first, second) };
                scaled.push(value(&at, k, j));
            }
        }
        let weights = site.graph.constant(Tensor::new(vec![outer, inner], scaled)?)?;
        let op = Op::MatMul { transpose_lhs: self.transpose_lhs, transpose_rhs: self.transpose_rhs };
        site.graph.add(op, &[self.x, weights]).map(Some)
    }
}

/// The layer a node is, if its weights are its own.
fn layer(site: &Site<'_>, id: NodeId) -> Option<Layer> {
    layer_up_to(site, id, 0)
}

/// The layer a node is, if its weights are its own or have at most `copied_len` elements.
fn layer_up_to(site: &Site<'_>, id: NodeId, copied_len: usize) -> Option<Layer> {
    let node = site.graph.node(id);
    let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { return None };
    let (x, weights) = (node.args[0], node.args[1]);
    let tensor = site.graph.constant_value(weights).filter(|tensor| tensor.shape().len() == 2)?;
    let free = site.single_use(weights) || tensor.data().len() <= copied_len;
    (free && x != weights).then(|| Layer { x, weights: tensor.clone(), transpose_lhs, transpose_rhs })
}

/// One factor per element of the last dimension, `count` of them.
fn factors(site: &Site<'_>, id: NodeId, count: usize) -> Option<Vec<f64>> {
    if let Some(value) = site.uniform(id) {
        return Some(vec![value; count]);
    }
    let tensor = site.graph.constant_value(id)?;
    (tensor.shape().last() == Some(&count) && tensor.data().len() == count).then(|| tensor.data().to_vec())
}

/// (x · W) ∘ c → x · (W diag c), −(x · W) → x · −W
fn scaled_product(site: &mut Site<'_>) -> Rewritten {
    if !site.direct {
        return Ok(None);
    }
    let (product, factor) = match (site.binary(Binary::Mul), site.unary_at(site.node, Unary::Neg)) {
        (Some((product, factor)), _) => (product, Some(factor)),
        (None, Some(product)) => (product, None),
        (None, None) => return Ok(None),
    };
    if !site.single_use(product) || *site.graph.shape(product) != site.shape() {
        return Ok(None);
    }
    let Some(layer) = layer(site, product) else { return Ok(None) };
    let cols = layer.size().1;
    match factor.map_or(Some(vec![-1.0; cols]), |factor| factors(site, factor, cols)) {
        Some(factors) => layer.with(site, cols, |at, k, j| at(k, j) * factors[j]),
        None => Ok(None),
    }
}

/// (x ∘ c) · W → x · (diag c W)
fn scaled_argument(site: &mut Site<'_>) -> Rewritten {
    let Some(layer) = layer(site, site.node).filter(|layer| site.direct && !layer.transpose_lhs) else {
        return Ok(None);
    };
    let Some((x, factor)) = site.binary_at(layer.x, Binary::Mul) else { return Ok(None) };
    let (rows, cols) = layer.size();
    if !site.single_use(layer.x) || site.graph.shape(x) != site.graph.shape(layer.x) {
        return Ok(None);
    }
    match factors(site, factor, rows) {
        Some(factors) => Layer { x, ..layer }.with(site, cols, |at, k, j| factors[k] * at(k, j)),
        None => Ok(None),
    }
}

/// concat(y[i..j], −y[k..l], …) with y = x · W → x · W′, where only these slices use y; W stays where others use it
fn permuted_columns(site: &mut Site<'_>) -> Rewritten {
    let Op::Concat { axis } = *site.op() else { return Ok(None) };
    let mut product = None;
    let mut columns: Vec<(usize, f64)> = Vec::new();
    let args = site.graph.node(site.node).args.clone();
    for (position, arg) in args.iter().enumerate() {
        let (slice, sign) = match site.unary_at(*arg, Unary::Neg) {
            Some(inner) => (inner, -1.0),
            None => (*arg, 1.0),
        };
        let Op::Slice { axis: own, start, len } = site.graph.node(slice).op else { return Ok(None) };
        let source = site.graph.node(slice).args[0];
        let once = site.single_use(*arg) && site.single_use(slice) && !args[..position].contains(arg);
        if own != axis || !once || *product.get_or_insert(source) != source {
            return Ok(None);
        }
        columns.extend((start..start + len).map(|column| (column, sign)));
    }
    let Some(product) = product.filter(|product| site.direct && site.uses.get(product) == Some(&args.len())) else {
        return Ok(None);
    };
    let layer = layer_up_to(site, product, site.copied_len).filter(|_| axis + 1 == site.shape().rank());
    let Some(layer) = layer else { return Ok(None) };
    layer.with(site, columns.len(), |at, k, j| at(k, columns[j].0) * columns[j].1)
}
