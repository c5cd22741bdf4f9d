//! Parts along an axis: slices, joins and zeros.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, Dim, GraphError, NodeId, Op, Shape, Tensor};

type Rewritten = Result<Option<NodeId>, GraphError>;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "slice of a slice, or of everything", rule: slice_twice },
    Rewrite { label: "slice of a join", rule: slice_of_concat },
    Rewrite { label: "slice of padding", rule: slice_of_pad },
    Rewrite { label: "slice of a stretch", rule: slice_of_stretch },
    Rewrite { label: "slice of an elementwise operator", rule: slice_of_elementwise },
    Rewrite { label: "padding of padding, or by nothing", rule: pad_twice },
    Rewrite { label: "join of a join, or of one", rule: concat_flat },
    Rewrite { label: "join of neighbouring slices", rule: concat_of_slices },
    Rewrite { label: "sum of separate parts: join", rule: sum_of_parts },
];

/// slice(slice(x)) → slice(x); a slice of everything is x
fn slice_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Slice { axis, start, len } = *site.op() else { return Ok(None) };
    let inner = site.graph.node(site.node).args[0];
    if site.graph.shape(inner).len(axis) == Some(len) {
        return Ok(Some(inner));
    }
    match site.graph.node(inner).op {
        Op::Slice { axis: inner_axis, start: offset, .. } if inner_axis == axis => {
            let x = site.graph.node(inner).args[0];
            site.graph.slice(x, axis, offset + start, len).map(Some)
        }
        _ => Ok(None),
    }
}

/// slice(concat(a, b, …)) → the part it lies in, or the join of the whole parts it covers
fn slice_of_concat(site: &mut Site<'_>) -> Rewritten {
    let Op::Slice { axis, start, len } = *site.op() else { return Ok(None) };
    let concat = site.graph.node(site.node).args[0];
    if site.graph.node(concat).op != (Op::Concat { axis }) {
        return Ok(None);
    }
    let (mut at, mut covered) = (0, Vec::new());
    for part in site.graph.node(concat).args.clone() {
        let part_len = site.graph.shape(part).len(axis).unwrap_or(0);
        if start >= at && start + len <= at + part_len {
            return site.graph.slice(part, axis, start - at, len).map(Some);
        }
        if at >= start && at + part_len <= start + len {
            covered.push((part, part_len));
        }
        at += part_len;
    }
    let parts: Vec<NodeId> = covered.iter().map(|(part, _)| *part).collect();
    let whole = covered.iter().map(|(_, part_len)| part_len).sum::<usize>() == len;
    if whole && !parts.is_empty() { site.graph.concat(&parts, axis).map(Some) } else { Ok(None) }
}

/// slice(pad(x)) → slice(x) between the zeros, 0 among them
fn slice_of_pad(site: &mut Site<'_>) -> Rewritten {
    let Op::Slice { axis, start, len } = *site.op() else { return Ok(None) };
    let pad = site.graph.node(site.node).args[0];
    let before = match site.graph.node(pad).op {
        Op::Pad { axis: padded, before, .. } if padded == axis => before,
        _ => return Ok(None),
    };
    let x = site.graph.node(pad).args[0];
    let inner = site.graph.shape(x).len(axis).unwrap_or(0);
    if start + len <= before || start >= before + inner {
        return site.number(0.0);
    }
    if start >= before && start + len <= before + inner {
        return site.graph.slice(x, axis, start - before, len).map(Some);
    }
    Ok(None)
}

/// slice(stretch(x)) → stretch(slice(x)), or stretch(x) where x is stretched along the axis
fn slice_of_stretch(site: &mut Site<'_>) -> Rewritten {
    let Op::Slice { axis, start, len } = *site.op() else { return Ok(None) };
    let stretch = site.graph.node(site.node).args[0];
    let Op::Broadcast(to) = site.graph.node(stretch).op.clone() else { return Ok(None) };
    let x = site.graph.node(stretch).args[0];
    let part = cut(site, x, (axis, start, len), to.rank())?;
    site.shaped(part)
}

/// The part of an operand that a slice of a result of rank `rank` needs.
fn cut(
    site: &mut Site<'_>,
    x: NodeId,
    (axis, start, len): (usize, usize, usize),
    rank: usize,
) -> Result<NodeId, GraphError> {
    let added = rank - site.graph.shape(x).rank();
    match axis.checked_sub(added) {
        Some(own) if site.graph.shape(x).len(own) != Some(1) => site.graph.slice(x, own, start, len),
        _ => Ok(x),
    }
}

/// slice(f(a, b)) → f(slice(a), slice(b)), where nothing else uses f(a, b); and the same below, as deep as that holds.
///
/// Only one value may have to be cut instead, besides weights and what meets a slice and vanishes.
fn slice_of_elementwise(site: &mut Site<'_>) -> Rewritten {
    let Op::Slice { axis, start, len } = *site.op() else { return Ok(None) };
    let value = site.graph.node(site.node).args[0];
    if !site.exclusive(value) {
        return Ok(None);
    }
    // Axes are counted from the last, where operands of different rank agree.
    let from_last = site.graph.shape(value).rank() - axis;
    let own_axis = |site: &Site<'_>, id: NodeId| {
        let own = site.graph.shape(id).rank().checked_sub(from_last);
        own.filter(|own| site.graph.shape(id).len(*own) != Some(1))
    };
    let cut = covered(site, value, |site, id| own_axis(site, id).is_some());
    let vanishes = |site: &Site<'_>, id: NodeId| {
        let op = &site.graph.node(id).op;
        let is_known = matches!(op, Op::Constant(..) | Op::Parameter(..));
        is_known || matches!(op, Op::Concat { .. } | Op::Pad { .. } | Op::Broadcast(..) | Op::Slice { .. })
    };
    let args = cut.iter().flat_map(|id| site.graph.node(*id).args.iter().copied());
    let left: BTreeSet<NodeId> =
        args.filter(|arg| !cut.contains(arg) && own_axis(site, *arg).is_some() && !vanishes(site, *arg)).collect();
    if cut.is_empty() || left.len() > 1 {
        return Ok(None);
    }
    let mut parts: HashMap<NodeId, NodeId> = HashMap::new();
    for id in cut {
        let node = site.graph.node(id).clone();
        let mut args = Vec::with_capacity(node.args.len());
        for arg in &node.args {
            args.push(match (parts.get(arg), own_axis(site, *arg)) {
                (Some(part), _) => *part,
                (None, Some(own)) => site.graph.slice(*arg, own, start, len)?,
                (None, None) => *arg,
            });
        }
        let part = site.graph.add(node.op, &args)?;
        parts.insert(id, part);
    }
    match parts.get(&value).copied() {
        Some(part) => site.shaped(part),
        None => Ok(None),
    }
}

/// The elementwise nodes below `root`, ascending, that `wanted` accepts and that only such nodes use.
fn covered(site: &Site<'_>, root: NodeId, wanted: impl Fn(&Site<'_>, NodeId) -> bool) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    // Nodes to be looked at, with the uses by nodes found so far; users have higher ids and come first.
    let mut pending = BTreeMap::from([(root, 1)]);
    while let Some((id, uses)) = pending.pop_last() {
        let node = site.graph.node(id);
        let elementwise = matches!(node.op, Op::Unary(..) | Op::Binary(..));
        if elementwise && site.uses.get(&id) == Some(&uses) && wanted(site, id) {
            found.insert(id);
            for arg in &node.args {
                *pending.entry(*arg).or_insert(0) += 1;
            }
        }
    }
    found
}

/// pad(pad(x)) → pad(x)
fn pad_twice(site: &mut Site<'_>) -> Rewritten {
    let Op::Pad { axis, before, after } = *site.op() else { return Ok(None) };
    let inner = site.graph.node(site.node).args[0];
    if before == 0 && after == 0 {
        return Ok(Some(inner));
    }
    match site.graph.node(inner).op {
        Op::Pad { axis: inner_axis, before: first, after: last } if inner_axis == axis => {
            let x = site.graph.node(inner).args[0];
            site.graph.pad(x, axis, before + first, after + last).map(Some)
        }
        _ => Ok(None),
    }
}

/// concat(concat(a, b), c) → concat(a, b, c), concat(a) → a
fn concat_flat(site: &mut Site<'_>) -> Rewritten {
    let Op::Concat { axis } = *site.op() else { return Ok(None) };
    let args = site.graph.node(site.node).args.clone();
    let part = |id: &NodeId| match &site.graph.node(*id).op {
        Op::Concat { axis: inner } if *inner == axis => site.graph.node(*id).args.clone(),
        _ => vec![*id],
    };
    let flat: Vec<NodeId> = args.iter().flat_map(part).collect();
    if flat == args && args.len() > 1 { Ok(None) } else { site.graph.concat(&flat, axis).map(Some) }
}

/// concat(x[0..i], x[i..n]) → x[0..n]
fn concat_of_slices(site: &mut Site<'_>) -> Rewritten {
    let Op::Concat { axis } = *site.op() else { return Ok(None) };
    let args = site.graph.node(site.node).args.clone();
    // Source, start and length of a slice along this axis.
    let slice_of = |site: &Site<'_>, id: NodeId| match site.graph.node(id).op {
        Op::Slice { axis: own, start, len } if own == axis => Some((site.graph.node(id).args[0], start, len)),
        _ => None,
    };
    let mut joined: Vec<NodeId> = Vec::with_capacity(args.len());
    for arg in &args {
        let neighbours = joined.last().and_then(|last| Some((slice_of(site, *last)?, slice_of(site, *arg)?)));
        match neighbours {
            Some(((x, start, len), (y, next, more))) if x == y && start + len == next => {
                let both = site.graph.slice(x, axis, start, len + more)?;
                joined.pop();
                joined.push(both);
            }
            _ => joined.push(*arg),
        }
    }
    if joined.len() == args.len() { Ok(None) } else { site.graph.concat(&joined, axis).map(Some) }
}

/// A stretch of an axis and what fills it; `None` is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    start: usize,
    len: usize,
    value: Option<NodeId>,
}

/// pad(a) + pad(b) → concat(a, b), where nothing overlaps but whole parts
fn sum_of_parts(site: &mut Site<'_>) -> Rewritten {
    let (a, b, negate) = match (site.binary(Binary::Add), site.binary(Binary::Sub)) {
        (Some((a, b)), _) => (a, b, false),
        (_, Some((a, b))) => (a, b, true),
        _ => return Ok(None),
    };
    let shape = site.shape();
    let axis_of = |id: NodeId| match site.graph.node(id).op {
        Op::Pad { axis, .. } | Op::Concat { axis } => Some(axis),
        _ => None,
    };
    let (Some(axis), true) = (axis_of(a), *site.graph.shape(a) == shape && *site.graph.shape(b) == shape) else {
        return Ok(None);
    };
    let (left, right) = (parts(site, a, axis), parts(site, b, axis));
    let has_zero = |parts: &[Part]| parts.iter().any(|part| part.value.is_none());
    if axis_of(b) != Some(axis) || !(has_zero(&left) || has_zero(&right)) {
        return Ok(None);
    }
    let mut merged: Vec<Part> = left.into_iter().filter(|part| part.value.is_some()).collect();
    for part in right {
        let Some(value) = part.value else { continue };
        match merged
            .iter()
            .position(|known| known.start < part.start + part.len && part.start < known.start + known.len)
        {
            None => {
                let value = if negate { site.graph.neg(value)? } else { value };
                merged.push(Part { value: Some(value), ..part });
            }
            Some(at) if merged[at].start == part.start && merged[at].len == part.len => {
                let op = if negate { Binary::Sub } else { Binary::Add };
                let known = merged[at].value.unwrap_or(value);
                merged[at].value = Some(site.graph.add(Op::Binary(op), &[known, value])?);
            }
            Some(_) => return Ok(None),
        }
    }
    merged.sort_unstable_by_key(|part| part.start);
    join(site, &merged, axis)
}

/// What a padding or a join along the axis consists of.
fn parts(site: &Site<'_>, id: NodeId, axis: usize) -> Vec<Part> {
    let node = site.graph.node(id);
    let (args, mut at) = match node.op {
        Op::Pad { axis: own, before, .. } if own == axis => {
            let inner = node.args[0];
            let joined = site.graph.node(inner).op == Op::Concat { axis };
            (if joined { site.graph.node(inner).args.clone() } else { vec![inner] }, before)
        }
        _ => (node.args.clone(), 0),
    };
    let mut found = Vec::with_capacity(args.len() + 2);
    let zero = |start: usize, end: usize| Part { start, len: end - start, value: None };
    if at > 0 {
        found.push(zero(0, at));
    }
    for arg in args {
        let len = site.graph.shape(arg).len(axis).unwrap_or(0);
        found.push(Part { start: at, len, value: (site.uniform(arg) != Some(0.0)).then_some(arg) });
        at += len;
    }
    let end = node.ty.shape.len(axis).unwrap_or(at);
    if end > at {
        found.push(zero(at, end));
    }
    found
}

/// The join of ascending parts, with zeros in the gaps.
fn join(site: &mut Site<'_>, merged: &[Part], axis: usize) -> Rewritten {
    let (Some(first), Some(last)) = (merged.first(), merged.last()) else { return site.number(0.0) };
    let (shape, mut at) = (site.shape(), first.start);
    let mut pieces = Vec::with_capacity(merged.len());
    for part in merged {
        if part.start > at {
            pieces.push(zeros(site, &shape, axis, part.start - at)?);
        }
        pieces.extend(part.value);
        at = part.start + part.len;
    }
    let joined = site.graph.concat(&pieces, axis)?;
    let end = shape.len(axis).unwrap_or(at);
    site.graph.pad(joined, axis, first.start, end - last.start - last.len).map(Some)
}

fn zeros(site: &mut Site<'_>, shape: &Shape, axis: usize, len: usize) -> Result<NodeId, GraphError> {
    let mut dims = shape.dims().to_vec();
    dims[axis] = Dim::Fixed(len);
    let zero = site.graph.constant(Tensor::scalar(0.0))?;
    site.graph.broadcast(zero, Shape::new(dims)?)
}
