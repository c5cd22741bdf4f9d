//! Selection of matrix products: layers with packed weights where one factor is a constant matrix and the other one vector,
//! strided products otherwise.

use crate::graph::{Binary, NodeId, Op};
use crate::lower::LowerError;
use crate::lower::constants::Panel;
use crate::lower::kernel::{Kernel, Matrix, Pairwise, Stream};
use crate::lower::uses::{Layer, MatrixSide, matrix_side};
use crate::lower::view::{Base, View, coalesce};
use crate::weights::Weights;

use super::{Selector, Unplaced, start};

/// Swaps the last two dimensions.
fn transposed(view: &View, swap: bool) -> View {
    let mut order: Vec<usize> = (0..view.dims.len()).collect();
    if swap {
        let last = order.len() - 1;
        order.swap(last - 1, last);
    }
    view.transpose(&order)
}

/// The last two dimensions; those before have length 1.
fn matrix(view: &View) -> View {
    let split = view.dims.len() - 2;
    let (dims, strides) = (view.dims[split..].to_vec(), view.strides[split..].to_vec());
    View { base: view.base, offset: view.offset, dims, strides }
}

impl Selector<'_> {
    /// A product of two values, batched by its leading dimensions.
    pub(super) fn matmul(&mut self, id: NodeId, args: Vec<View>, swap: [bool; 2]) -> Result<View, LowerError> {
        let dims = self.graph.shape(id).resolve(1);
        if args[0].len() == 0 {
            return Ok(self.zeros(id, &dims));
        }
        let split = dims.len() - 2;
        let mut sides = Vec::with_capacity(2);
        for (view, swap) in args.iter().zip(swap) {
            let view = transposed(&self.readable(id, view)?, swap);
            let last = view.dims[view.dims.len() - 2..].to_vec();
            sides.push(view.broadcast(&[&dims[..split], &last].concat()));
        }
        if coalesce(&dims[..split], [&sides[0].strides[..split], &sides[1].strides[..split]]).len() > 1 {
            for side in &mut sides {
                *side = self.stretched(id, side)?;
            }
        }
        let lead = coalesce(&dims[..split], [&sides[0].strides[..split], &sides[1].strides[..split]]);
        let (batch, batch_strides) = lead.first().copied().unwrap_or((1, [0, 0]));
        let [lhs, rhs] = [0, 1].map(|side: usize| Matrix {
            at: start(&sides[side]),
            batch: batch_strides[side],
            row: sides[side].strides[split],
            col: sides[side].strides[split + 1],
        });
        let (rows, inner, cols) = (dims[split], sides[0].dims[split + 1], dims[split + 1]);
        let (index, offset) = self.home(id);
        let dst = Unplaced::Buffer { index, offset };
        self.kernels.push(Kernel::MatMul { lhs, rhs, dst, batch, rows, inner, cols });
        Ok(dst.view(&dims))
    }

    /// A layer y = f(W x + b) that ends in node `id`.
    pub(super) fn layer(&mut self, id: NodeId, layer: Layer) -> Result<View, LowerError> {
        let product = self.graph.node(layer.product);
        let unexpected = || LowerError::node(self.graph, id, "it is no product with a constant matrix");
        let Op::MatMul { transpose_lhs, transpose_rhs } = product.op else { return Err(unexpected()) };
        let lhs = transposed(&self.view(product.args[0])?, transpose_lhs);
        let rhs = transposed(&self.view(product.args[1])?, transpose_rhs);
        let (weights, vector) = match matrix_side(self.graph, layer.product, &self.fixed).ok_or_else(unexpected)? {
            MatrixSide::Right => (matrix(&rhs).transpose(&[1, 0]), lhs),
            MatrixSide::Left => (matrix(&lhs), rhs),
        };
        let Base::Constant(node) = weights.base else { return Err(unexpected()) };
        let values = self.values(layer.product, &weights, node)?;
        let panel = self.constants.panel(&values, weights.dims[0], weights.dims[1]);
        // Layers read the workspace alone: a vector of constants, which folding leaves only where it is shared, is copied.
        let vector = match vector.base {
            Base::Buffer(_) => vector,
            Base::Constant(_) | Base::Section => self.stretched(layer.product, &vector)?,
        };
        let src = self.dense(layer.product, &vector)?;
        let rows = weights.dims[0];
        let bias = match layer.bias {
            Some(bias) => {
                let view = self.view(bias)?;
                let stretched = view.broadcast(&self.bias_dims(layer, view.dims.len()));
                Some(self.dense(bias, &stretched)?)
            }
            None => None,
        };
        let (index, offset) = self.home(id);
        let dst = Unplaced::Buffer { index, offset };
        if panel.transposed {
            self.adjoint_layer(layer, panel, src, bias, dst);
        } else {
            let (panel, cols, activation) = (Unplaced::Constant(panel.at), panel.cols, layer.activation);
            self.kernels.push(Kernel::Dense { panel, weights: Weights::F32, bias, src, dst, rows, cols, activation });
        }
        Ok(dst.view(&self.graph.shape(id).resolve(1)))
    }

    /// The shape a bias of that rank stretches to: that of the product, with ones in front.
    fn bias_dims(&self, layer: Layer, rank: usize) -> Vec<usize> {
        let dims = self.graph.shape(layer.product).resolve(1);
        [vec![1; rank.saturating_sub(dims.len())], dims].concat()
    }

    /// A layer whose transpose is packed: the product, then bias and activation on their own.
    fn adjoint_layer(&mut self, layer: Layer, panel: Panel, src: Unplaced, bias: Option<Unplaced>, dst: Unplaced) {
        let (rows, len) = (panel.rows, panel.cols);
        let mut pending = usize::from(bias.is_some()) + usize::from(layer.activation.is_some());
        let mut next = |selector: &mut Self| {
            let is_last = pending == 0;
            pending = pending.saturating_sub(1);
            if is_last {
                return dst;
            }
            let (index, offset) = selector.buffer(len);
            Unplaced::Buffer { index, offset }
        };
        let mut value = next(self);
        let panel = Unplaced::Constant(panel.at);
        self.kernels.push(Kernel::DenseAdjoint {
            panel,
            weights: Weights::F32,
            src,
            slope: None,
            dst: value,
            rows,
            cols: len,
        });
        if let Some(bias) = bias {
            let [lhs, rhs] = [value, bias].map(|at| Stream { at, step: 1 });
            value = next(self);
            self.kernels.push(Kernel::Binary { op: Pairwise::Binary(Binary::Add), lhs, rhs, dst: value, len });
        }
        if let Some(op) = layer.activation {
            let src = value;
            let dst = next(self);
            self.kernels.push(Kernel::Unary { op, src, dst, len });
        }
    }
}
