//! A sign that costs nothing: it turns a difference or a constant around, somewhere below.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, GraphError, NodeId, Op, Tensor, Unary};

/// Most nodes that are looked at on the way down.
const MAX_REACHED: usize = 64;

pub(super) const REWRITES: &[Rewrite] =
    &[Rewrite { label: "sign into a difference or constant below", rule: absorbed }];

/// −L(a − b) → L(b − a), −L(x + c) → L(−c − x), −L(c) → L(−c), where L is linear and only the sign uses L(…).
fn absorbed(site: &mut Site<'_>) -> Result<Option<NodeId>, GraphError> {
    let Some(top) = site.unary_at(site.node, Unary::Neg).filter(|_| site.direct) else { return Ok(None) };
    let Some(path) = path(site, top) else { return Ok(None) };
    let Some(((last, _), above)) = path.split_last() else { return Ok(None) };
    let mut value = turned(site, *last)?;
    for (id, position) in above.iter().rev() {
        let node = site.graph.node(*id).clone();
        let mut args = node.args;
        args[*position] = value;
        value = site.graph.add(node.op, &args)?;
    }
    site.shaped(value)
}

/// Nodes from `top` down to the nearest that can be turned around, each with the argument that leads on.
fn path(site: &Site<'_>, top: NodeId) -> Option<Vec<(NodeId, usize)>> {
    // Every node reached, with the entry it was reached from and the argument that led there.
    let mut reached: Vec<(NodeId, usize, usize)> = vec![(top, 0, 0)];
    let mut index = 0;
    while let Some((id, _, _)) = reached.get(index).copied() {
        let is_number = site.graph.constant_value(id).is_some_and(|tensor| tensor.data().len() == 1);
        if site.single_use(id) || is_number {
            if can_turn(site, id) {
                return Some(way_to(&reached, index));
            }
            for position in 0..site.graph.node(id).args.len() {
                let arg = linear_argument(site, id, position).filter(|_| reached.len() < MAX_REACHED);
                reached.extend(arg.map(|arg| (arg, index, position)));
            }
        }
        index += 1;
    }
    None
}

/// The way from the first entry to the last, which leads to no argument.
fn way_to(reached: &[(NodeId, usize, usize)], last: usize) -> Vec<(NodeId, usize)> {
    let mut way = vec![(reached[last].0, 0)];
    let mut index = last;
    while index > 0 {
        let (_, from, position) = reached[index];
        way.push((reached[from].0, position));
        index = from;
    }
    way.reverse();
    way
}

/// Argument `position` of a node that is linear in it.
fn linear_argument(site: &Site<'_>, id: NodeId, position: usize) -> Option<NodeId> {
    let node = site.graph.node(id);
    let linear = match node.op {
        Op::Binary(Binary::Mul) | Op::MatMul { .. } => position < 2 && node.args[0] != node.args[1],
        Op::Binary(Binary::Div) | Op::Sum(..) | Op::Slice { .. } | Op::Reshape(..) | Op::Transpose(..) => position == 0,
        Op::Broadcast(..) | Op::Pad { .. } => position == 0,
        _ => false,
    };
    linear.then(|| node.args[position])
}

fn can_turn(site: &Site<'_>, id: NodeId) -> bool {
    let op = &site.graph.node(id).op;
    matches!(op, Op::Binary(Binary::Sub) | Op::Constant(_)) || site.with_number(id, Binary::Add).is_some()
}

/// The negative of a node for which [`can_turn`] holds.
fn turned(site: &mut Site<'_>, id: NodeId) -> Result<NodeId, GraphError> {
    if let Some((a, b)) = site.binary_at(id, Binary::Sub) {
        return site.graph.sub(b, a);
    }
    if let Some((x, value)) = site.with_number(id, Binary::Add) {
        let number = site.graph.scalar(-value)?;
        return site.graph.sub(number, x);
    }
    match site.graph.constant_value(id) {
        Some(tensor) => {
            let values = tensor.data().iter().map(|value| -value).collect();
            let negative = Tensor::new(tensor.shape().to_vec(), values)?;
            site.graph.constant(negative)
        }
        None => site.graph.neg(id),
    }
}
