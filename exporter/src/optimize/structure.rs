//! Shapes: reshapes, stretches, transpositions, sums and products of matrices.
//!
//! Stretches and reshapes move towards the result, past everything that works element by element, and most vanish there.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, Dim, GraphError, NodeId, Op, Shape};

type Rewritten = Result<Option<NodeId>, GraphError>;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "reshape of a reshape", rule: reshape_twice },
    Rewrite { label: "stretch of a stretch, or of nothing", rule: stretch_twice },
    Rewrite { label: "stretched argument of an elementwise operator", rule: stretched_argument },
    Rewrite { label: "reshaped argument of an elementwise operator", rule: reshaped_argument },
    Rewrite { label: "transpose of a transpose, or of a vector", rule: transpose_twice },
    Rewrite { label: "transpose into a product's flag", rule: transposed_factor },
    Rewrite { label: "product with inner length 1: elementwise", rule: outer_product },
    Rewrite { label: "product of equal rows: one row", rule: equal_rows },
    Rewrite { label: "sum over axes of length 1: reshape", rule: sum_of_single },
    Rewrite { label: "sum of a sum", rule: sum_twice },
    Rewrite { label: "sum of a stretch: a multiple", rule: sum_of_stretch },
    Rewrite { label: "sum of padding", rule: sum_of_pad },
];

fn argument(site: &Site<'_>, id: NodeId) -> NodeId {
    site.graph.node(id).args[0]
}

/// reshape(reshape(x)) → reshape(x), and x itself where it has the shape already
fn reshape_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Reshape(shape) = site.op().clone() else { return Ok(None) };
    let inner = argument(site, site.node);
    match site.graph.node(inner).op {
        Op::Reshape(..) => {
            let x = argument(site, inner);
            site.graph.reshape(x, shape).map(Some)
        }
        _ => Ok((*site.graph.shape(inner) == shape).then_some(inner)),
    }
}

/// stretch(stretch(x)) → stretch(x); a stretch that only adds dimensions of length 1 is a reshape
fn stretch_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Broadcast(shape) = site.op().clone() else { return Ok(None) };
    let inner = argument(site, site.node);
    if matches!(site.graph.node(inner).op, Op::Broadcast(..)) {
        let x = argument(site, inner);
        return site.graph.broadcast(x, shape).map(Some);
    }
    let from = site.graph.shape(inner);
    if from.is_batched() == shape.is_batched() && from.row_len() == shape.row_len() {
        return site.graph.reshape(inner, shape).map(Some);
    }
    Ok(None)
}

fn elementwise(op: &Op) -> bool {
    matches!(op, Op::Unary(..) | Op::Binary(..) | Op::Compare(..) | Op::Select)
}

/// What a stretch, or a reshape that only adds leading dimensions of length 1, was made from.
fn unstretched(site: &Site<'_>, id: NodeId) -> Option<NodeId> {
    let node = site.graph.node(id);
    match &node.op {
        Op::Broadcast(..) => Some(node.args[0]),
        Op::Reshape(shape) => {
            let from = site.graph.shape(node.args[0]);
            let added = shape.rank().checked_sub(from.rank())?;
            let leading = shape.dims()[..added].iter().all(|dim| *dim == Dim::Fixed(1));
            (leading && shape.dims()[added..] == *from.dims()).then_some(node.args[0])
        }
        _ => None,
    }
}

/// f(stretch(x), y) → stretch(f(x, y)), or f(x, y) where that has the shape already
fn stretched_argument(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    // A truth value cannot be stretched.
    if !elementwise(&node.op) || matches!(node.op, Op::Compare(..)) {
        return Ok(None);
    }
    let args: Vec<NodeId> = node.args.iter().map(|arg| unstretched(site, *arg).unwrap_or(*arg)).collect();
    if args == node.args {
        return Ok(None);
    }
    let value = site.graph.add(node.op, &args)?;
    site.shaped(value)
}

/// f(reshape(x), reshape(y), c) → reshape(f(x, y, c)), where x and y have the same shape and c is one number
fn reshaped_argument(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    if !elementwise(&node.op) || matches!(node.op, Op::Compare(..) | Op::Select) {
        return Ok(None);
    }
    let mut from: Option<Shape> = None;
    let mut args = Vec::with_capacity(node.args.len());
    for arg in &node.args {
        if site.graph.shape(*arg).rank() == 0 {
            args.push(*arg);
            continue;
        }
        let whole = matches!(site.graph.node(*arg).op, Op::Reshape(..)) && *site.graph.shape(*arg) == node.ty.shape;
        let x = argument_or_self(site, *arg);
        let shape = site.graph.shape(x).clone();
        if !whole || !site.single_use(*arg) || *from.get_or_insert(shape.clone()) != shape || shape.rank() == 0 {
            return Ok(None);
        }
        args.push(x);
    }
    if from.is_none() {
        return Ok(None);
    }
    let value = site.graph.add(node.op, &args)?;
    site.graph.reshape(value, node.ty.shape).map(Some)
}

fn argument_or_self(site: &Site<'_>, id: NodeId) -> NodeId {
    site.graph.node(id).args.first().copied().unwrap_or(id)
}

/// transpose(transpose(x)) → transpose(x); one that only moves dimensions of length 1 is a reshape
fn transpose_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Transpose(order) = site.op().clone() else { return Ok(None) };
    let inner = argument(site, site.node);
    if let Op::Transpose(first) = site.graph.node(inner).op.clone() {
        let x = argument(site, inner);
        let order: Vec<usize> = order.iter().map(|axis| first[*axis]).collect();
        return site.graph.transpose(x, &order).map(Some);
    }
    let dims = site.graph.shape(inner).dims();
    let long: Vec<usize> = order.iter().copied().filter(|axis| dims[*axis] != Dim::Fixed(1)).collect();
    if long.is_sorted() {
        let shape = site.shape();
        return site.graph.reshape(inner, shape).map(Some);
    }
    Ok(None)
}

/// transpose(a) · b → a · b with the flag turned over
fn transposed_factor(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    let Op::MatMul { mut transpose_lhs, mut transpose_rhs } = node.op else { return Ok(None) };
    let mut args = node.args.clone();
    for (arg, flag) in args.iter_mut().zip([&mut transpose_lhs, &mut transpose_rhs]) {
        if let Op::Transpose(order) = &site.graph.node(*arg).op {
            let rank = order.len();
            let swaps = order[..rank - 2].iter().copied().eq(0..rank - 2) && order[rank - 2] == rank - 1;
            if swaps {
                *arg = argument(site, *arg);
                *flag = !*flag;
            }
        }
    }
    if args == node.args {
        return Ok(None);
    }
    site.graph.add(Op::MatMul { transpose_lhs, transpose_rhs }, &args).map(Some)
}

/// a · b with a `[…, m, 1]` and b `[…, 1, n]` → the elementwise product
fn outer_product(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { return Ok(None) };
    let (a, b) = (node.args[0], node.args[1]);
    let (a_shape, b_shape) = (site.graph.shape(a).clone(), site.graph.shape(b).clone());
    let inner_axis = a_shape.rank() - if transpose_lhs { 2 } else { 1 };
    if a_shape.dims()[inner_axis] != Dim::Fixed(1) {
        return Ok(None);
    }
    let a = if transpose_lhs { site.graph.reshape(a, last_two_swapped(&a_shape)?)? } else { a };
    let b = if transpose_rhs { site.graph.reshape(b, last_two_swapped(&b_shape)?)? } else { b };
    let product = site.graph.mul(a, b)?;
    Ok(Some(product).filter(|product| *site.graph.shape(*product) == node.ty.shape))
}

fn last_two_swapped(shape: &Shape) -> Result<Shape, GraphError> {
    let mut dims = shape.dims().to_vec();
    let rank = dims.len();
    dims.swap(rank - 2, rank - 1);
    Shape::new(dims)
}

/// stretch(row) · b → stretch(row · b)
fn equal_rows(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    let (Op::MatMul { transpose_lhs: false, .. }, lhs) = (&node.op, node.args.first().copied().unwrap_or(site.node))
    else {
        return Ok(None);
    };
    if !matches!(site.graph.node(lhs).op, Op::Broadcast(..)) {
        return Ok(None);
    }
    let row = argument(site, lhs);
    let (from, to) = (site.graph.shape(row), site.graph.shape(lhs));
    let rank = to.rank();
    let only_rows = from.rank() == rank
        && from.dims()[rank - 1] == to.dims()[rank - 1]
        && from.dims()[rank - 2] == Dim::Fixed(1)
        && from.dims()[..rank - 2] == to.dims()[..rank - 2];
    if !only_rows {
        return Ok(None);
    }
    let product = site.graph.add(node.op, &[row, node.args[1]])?;
    site.shaped(product)
}

/// Σ over axes of length 1 → reshape
fn sum_of_single(site: &mut Site<'_>) -> Rewritten {
    let Op::Sum(axes) = site.op().clone() else { return Ok(None) };
    let x = argument(site, site.node);
    if axes.iter().any(|axis| site.graph.shape(x).len(*axis) != Some(1)) {
        return Ok(None);
    }
    let shape = site.shape();
    site.graph.reshape(x, shape).map(Some)
}

/// Σ Σ x → Σ x over all their axes
fn sum_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Sum(outer) = site.op().clone() else { return Ok(None) };
    let sum = argument(site, site.node);
    let Op::Sum(inner) = site.graph.node(sum).op.clone() else { return Ok(None) };
    let x = argument(site, sum);
    let kept: Vec<usize> = (0..site.graph.shape(x).rank()).filter(|axis| !inner.contains(axis)).collect();
    let mut axes: Vec<usize> = inner.into_iter().chain(outer.into_iter().map(|axis| kept[axis])).collect();
    axes.sort_unstable();
    site.graph.sum(x, &axes).map(Some)
}

/// Σ stretch(x) over stretched axes → the number of equal terms times x
fn sum_of_stretch(site: &mut Site<'_>) -> Rewritten {
    let Op::Sum(axes) = site.op().clone() else { return Ok(None) };
    let stretch = argument(site, site.node);
    let Op::Broadcast(to) = site.graph.node(stretch).op.clone() else { return Ok(None) };
    let x = argument(site, stretch);
    let from = site.graph.shape(x).clone();
    let added = to.rank() - from.rank();
    let mut count = 1usize;
    for axis in &axes {
        if *axis >= added && from.len(*axis - added) != Some(1) {
            return Ok(None);
        }
        count = count.saturating_mul(to.len(*axis).unwrap_or(1));
    }
    // Below 2⁵³, because no row has more than MAX_ELEMENTS.
    #[allow(clippy::cast_precision_loss, reason = "counts of elements are far below 2^53")]
    let terms = count as f64;
    let dims = from.dims().iter().enumerate().filter(|(axis, _)| !axes.contains(&(axis + added)));
    let shape = Shape::new(dims.map(|(_, dim)| *dim).collect())?;
    let single = site.graph.reshape(x, shape)?;
    site.with(Binary::Mul, single, terms)
}

/// Σ pad(x) → Σ x, where the padded axis is summed
fn sum_of_pad(site: &mut Site<'_>) -> Rewritten {
    let Op::Sum(axes) = site.op().clone() else { return Ok(None) };
    let inner = argument(site, site.node);
    match site.graph.node(inner).op {
        Op::Pad { axis, .. } if axes.contains(&axis) => {
            let x = argument(site, inner);
            site.graph.sum(x, &axes).map(Some)
        }
        _ => Ok(None),
    }
}
