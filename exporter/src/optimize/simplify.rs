//! Neutral elements and signs.
//!
//! Signs move from arguments to results, where they meet and cancel, but never to a result with more elements.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, GraphError, NodeId, Op, Unary};

type Rewritten = Result<Option<NodeId>, GraphError>;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "x + 0, x - 0: x", rule: add_zero },
    Rewrite { label: "0 - x: -x", rule: zero_minus },
    Rewrite { label: "x - x: 0", rule: minus_itself },
    Rewrite { label: "x * 1, x / 1: x", rule: times_one },
    Rewrite { label: "x * 0: 0", rule: times_zero },
    Rewrite { label: "x * -1: -x", rule: times_minus_one },
    Rewrite { label: "1 / x: reciprocal", rule: one_over },
    Rewrite { label: "a * reciprocal(b): a / b", rule: times_reciprocal },
    Rewrite { label: "sign of a sign or a difference", rule: negated },
    Rewrite { label: "sum with a sign: difference", rule: signed_sum },
    Rewrite { label: "product or quotient of signs", rule: signed_product },
    Rewrite { label: "sign through an even or odd function", rule: signed_function },
    Rewrite { label: "sign through a linear operator", rule: signed_linear },
    Rewrite { label: "sign into a join", rule: signed_join },
    Rewrite { label: "both branches equal", rule: equal_branches },
];

/// x + 0 → x, 0 + x → x, x − 0 → x
fn add_zero(site: &mut Site<'_>) -> Rewritten {
    let found = match (site.with_number(site.node, Binary::Add), site.binary(Binary::Sub)) {
        (Some((x, value)), _) => Some((x, value)),
        (_, Some((x, b))) => site.uniform(b).map(|value| (x, value)),
        _ => None,
    };
    match found {
        Some((x, 0.0)) => site.shaped(x),
        _ => Ok(None),
    }
}

/// 0 − x → −x
fn zero_minus(site: &mut Site<'_>) -> Rewritten {
    match site.binary(Binary::Sub) {
        Some((a, x)) if site.uniform(a) == Some(0.0) => {
            let negated = site.graph.neg(x)?;
            site.shaped(negated)
        }
        _ => Ok(None),
    }
}

/// x − x → 0, for finite x
fn minus_itself(site: &mut Site<'_>) -> Rewritten {
    match site.binary(Binary::Sub) {
        Some((a, b)) if a == b => site.number(0.0),
        _ => Ok(None),
    }
}

/// x · 1 → x, x / 1 → x
fn times_one(site: &mut Site<'_>) -> Rewritten {
    let quotient = site.binary(Binary::Div).and_then(|(x, b)| site.uniform(b).map(|value| (x, value)));
    match site.with_number(site.node, Binary::Mul).or(quotient) {
        Some((x, 1.0)) => site.shaped(x),
        _ => Ok(None),
    }
}

/// x · 0 → 0, for finite x
fn times_zero(site: &mut Site<'_>) -> Rewritten {
    match site.with_number(site.node, Binary::Mul) {
        Some((_, 0.0)) => site.number(0.0),
        _ => Ok(None),
    }
}

/// x · −1 → −x
fn times_minus_one(site: &mut Site<'_>) -> Rewritten {
    match site.with_number(site.node, Binary::Mul) {
        Some((x, -1.0)) => {
            let negated = site.graph.neg(x)?;
            site.shaped(negated)
        }
        _ => Ok(None),
    }
}

/// 1 / x → reciprocal x
fn one_over(site: &mut Site<'_>) -> Rewritten {
    match site.binary(Binary::Div) {
        Some((a, x)) if site.uniform(a) == Some(1.0) => {
            let reciprocal = site.graph.reciprocal(x)?;
            site.shaped(reciprocal)
        }
        _ => Ok(None),
    }
}

/// a · (1/b) → a / b, where 1/b has no other use
fn times_reciprocal(site: &mut Site<'_>) -> Rewritten {
    let Some((a, b)) = site.binary(Binary::Mul) else { return Ok(None) };
    for (factor, reciprocal) in [(a, b), (b, a)] {
        if let Some(divisor) = site.unary_at(reciprocal, Unary::Reciprocal).filter(|_| site.single_use(reciprocal)) {
            return site.graph.div(factor, divisor).map(Some);
        }
    }
    Ok(None)
}

/// −(−x) → x, −(a − b) → b − a, −(x + c) → −c − x, −(x · c) → x · −c
fn negated(site: &mut Site<'_>) -> Rewritten {
    let Some(x) = site.unary_at(site.node, Unary::Neg) else { return Ok(None) };
    if let Some(inner) = site.unary_at(x, Unary::Neg) {
        return Ok(Some(inner));
    }
    if let Some((a, b)) = site.binary_at(x, Binary::Sub) {
        return site.graph.sub(b, a).map(Some);
    }
    if let Some((inner, value)) = site.with_number(x, Binary::Add) {
        let number = site.graph.scalar(-value)?;
        let difference = site.graph.sub(number, inner)?;
        return site.shaped(difference);
    }
    match site.with_number(x, Binary::Mul) {
        Some((inner, value)) => site.with(Binary::Mul, inner, -value),
        None => Ok(None),
    }
}

/// a + −b → a − b, −a + b → b − a, a − −b → a + b, −a − b → −(a + b)
fn signed_sum(site: &mut Site<'_>) -> Rewritten {
    let negated = |site: &Site<'_>, id| site.unary_at(id, Unary::Neg);
    if let Some((a, b)) = site.binary(Binary::Add) {
        return match (negated(site, a), negated(site, b)) {
            (_, Some(b)) => site.graph.sub(a, b).map(Some),
            (Some(a), None) => site.graph.sub(b, a).map(Some),
            (None, None) => Ok(None),
        };
    }
    let Some((a, b)) = site.binary(Binary::Sub) else { return Ok(None) };
    match (negated(site, a), negated(site, b)) {
        (_, Some(b)) => site.graph.add_values(a, b).map(Some),
        (Some(inner), None) if site.single_use(a) && site.shrinks(a) => {
            let sum = site.graph.add_values(inner, b)?;
            site.graph.neg(sum).map(Some)
        }
        _ => Ok(None),
    }
}

/// −a · −b → a · b, −a · c → a · −c, −a · b → −(a · b), and the same for quotients
fn signed_product(site: &mut Site<'_>) -> Rewritten {
    let op = match *site.op() {
        Op::Binary(op @ (Binary::Mul | Binary::Div)) => op,
        _ => return Ok(None),
    };
    let args = [site.graph.node(site.node).args[0], site.graph.node(site.node).args[1]];
    let inner = args.map(|arg| site.unary_at(arg, Unary::Neg));
    if let [Some(a), Some(b)] = inner {
        return site.graph.add(Op::Binary(op), &[a, b]).map(Some);
    }
    for (position, arg) in args.iter().enumerate() {
        let Some(x) = inner[position] else { continue };
        let other = args[1 - position];
        if let Some(value) = site.uniform(other) {
            let number = site.graph.scalar(-value)?;
            let args = if position == 0 { [x, number] } else { [number, x] };
            let result = site.graph.add(Op::Binary(op), &args)?;
            return site.shaped(result);
        }
        if site.single_use(*arg) && site.shrinks(*arg) {
            let args = if position == 0 { [x, other] } else { [other, x] };
            let result = site.graph.add(Op::Binary(op), &args)?;
            return site.graph.neg(result).map(Some);
        }
    }
    Ok(None)
}

/// cos −x → cos x, |−x| → |x|, and f(−x) → −f(x) for sin, tanh, erf, atan, sign, round and 1/x
fn signed_function(site: &mut Site<'_>) -> Rewritten {
    let Op::Unary(op) = *site.op() else { return Ok(None) };
    let arg = site.graph.node(site.node).args[0];
    let Some(x) = site.unary_at(arg, Unary::Neg) else { return Ok(None) };
    match op {
        Unary::Cos | Unary::Abs => site.graph.add(Op::Unary(op), &[x]).map(Some),
        Unary::Sin | Unary::Tanh | Unary::Erf | Unary::Atan | Unary::Sign | Unary::Round | Unary::Reciprocal => {
            let value = site.graph.add(Op::Unary(op), &[x])?;
            site.graph.neg(value).map(Some)
        }
        _ => Ok(None),
    }
}

/// L(−x) → −L(x) for sum, slice, transpose and product, where the result is no larger
fn signed_linear(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    let linear = matches!(node.op, Op::Sum(..) | Op::Slice { .. } | Op::Transpose(..) | Op::MatMul { .. });
    if !linear {
        return Ok(None);
    }
    for (position, arg) in node.args.iter().enumerate() {
        let Some(x) = site.unary_at(*arg, Unary::Neg) else { continue };
        if site.single_use(*arg) && site.shrinks(*arg) {
            let mut args = node.args.clone();
            args[position] = x;
            let value = site.graph.add(node.op, &args)?;
            return site.graph.neg(value).map(Some);
        }
    }
    Ok(None)
}

/// −concat(a, b) → concat(−a, −b), where a part takes up its sign
fn signed_join(site: &mut Site<'_>) -> Rewritten {
    let Some(join) = site.unary_at(site.node, Unary::Neg).filter(|join| site.single_use(*join)) else {
        return Ok(None);
    };
    let node = site.graph.node(join).clone();
    let takes_sign = |id: &NodeId| {
        let op = &site.graph.node(*id).op;
        matches!(op, Op::Unary(Unary::Neg) | Op::Binary(Binary::Sub)) || site.with_number(*id, Binary::Mul).is_some()
    };
    if !matches!(node.op, Op::Concat { .. }) || !node.args.iter().any(takes_sign) {
        return Ok(None);
    }
    let parts = node.args.iter().map(|part| site.graph.neg(*part)).collect::<Result<Vec<_>, _>>()?;
    site.graph.add(node.op, &parts).map(Some)
}

/// condition ? a : a → a
fn equal_branches(site: &mut Site<'_>) -> Rewritten {
    match (site.op(), site.graph.node(site.node).args.as_slice()) {
        (Op::Select, [_, a, b]) if a == b => site.shaped(*a),
        _ => Ok(None),
    }
}
