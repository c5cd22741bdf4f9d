//! Numbers in sums, products and powers.
//!
//! Numbers move to the right and towards the result, where they meet and become one; a number never moves to a result
//! with more elements. A quotient by a number is a product, a difference with a number a sum.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, GraphError, NodeId, Op, Unary};

type Rewritten = Result<Option<NodeId>, GraphError>;

/// Largest whole exponent, in magnitude, that is written as products.
const MAX_POWER: f64 = 16.0;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "order of commuting arguments", rule: commute },
    Rewrite { label: "x - c: x + -c", rule: minus_number },
    Rewrite { label: "x / c: x * (1/c)", rule: over_number },
    Rewrite { label: "two numbers added: one", rule: added_twice },
    Rewrite { label: "two numbers multiplied: one", rule: multiplied_twice },
    Rewrite { label: "factor out of a product or quotient", rule: factor_of_product },
    Rewrite { label: "factor out of a linear operator", rule: factor_of_linear },
    Rewrite { label: "equal terms or factors in a sum", rule: multiple },
    Rewrite { label: "square in a product", rule: square },
    Rewrite { label: "power with a known exponent", rule: power },
    Rewrite { label: "function of its inverse or of itself", rule: nested_function },
];

/// Numbers to the right, then by age, so that a + b and b + a are one node.
fn commute(site: &mut Site<'_>) -> Rewritten {
    let op = match *site.op() {
        Op::Binary(op @ (Binary::Add | Binary::Mul)) => op,
        _ => return Ok(None),
    };
    let (a, b) = (site.graph.node(site.node).args[0], site.graph.node(site.node).args[1]);
    let rank = |id: NodeId| (site.uniform(id).is_some(), site.graph.constant_value(id).is_some(), id);
    if rank(a) <= rank(b) {
        return Ok(None);
    }
    site.graph.add(Op::Binary(op), &[b, a]).map(Some)
}

/// x − c → x + −c
fn minus_number(site: &mut Site<'_>) -> Rewritten {
    match site.binary(Binary::Sub).and_then(|(x, b)| site.uniform(b).map(|value| (x, value))) {
        Some((x, value)) => site.with(Binary::Add, x, -value),
        None => Ok(None),
    }
}

/// x / c → x · (1/c), where 1/c is a normal number
fn over_number(site: &mut Site<'_>) -> Rewritten {
    match site.binary(Binary::Div).and_then(|(x, b)| site.uniform(b).map(|value| (x, 1.0 / value))) {
        Some((x, inverse)) if inverse.is_normal() => site.with(Binary::Mul, x, inverse),
        _ => Ok(None),
    }
}

/// (x + c) + d → x + (c + d), (c − x) + d → (c + d) − x, d − (x + c) → (d − c) − x, d − (c − x) → x + (d − c)
fn added_twice(site: &mut Site<'_>) -> Rewritten {
    if let Some((inner, outer)) = site.with_number(site.node, Binary::Add) {
        if let Some((x, value)) = site.with_number(inner, Binary::Add) {
            return site.with(Binary::Add, x, value + outer);
        }
        let difference = site.binary_at(inner, Binary::Sub);
        return match difference.and_then(|(c, x)| site.uniform(c).map(|value| (value, x))) {
            Some((value, x)) => from_number(site, value + outer, x),
            None => Ok(None),
        };
    }
    let Some((d, inner)) = site.binary(Binary::Sub) else { return Ok(None) };
    let Some(outer) = site.uniform(d) else { return Ok(None) };
    if let Some((x, value)) = site.with_number(inner, Binary::Add) {
        return from_number(site, outer - value, x);
    }
    match site.binary_at(inner, Binary::Sub).and_then(|(c, x)| site.uniform(c).map(|value| (value, x))) {
        Some((value, x)) => site.with(Binary::Add, x, outer - value),
        None => Ok(None),
    }
}

/// c − x
fn from_number(site: &mut Site<'_>, value: f64, x: NodeId) -> Rewritten {
    let number = site.graph.scalar(value)?;
    let difference = site.graph.sub(number, x)?;
    site.shaped(difference)
}

/// (x · c) · d → x · (c d), (c / x) · d → (c d) / x
fn multiplied_twice(site: &mut Site<'_>) -> Rewritten {
    let Some((inner, outer)) = site.with_number(site.node, Binary::Mul) else { return Ok(None) };
    if let Some((x, value)) = site.with_number(inner, Binary::Mul) {
        return site.with(Binary::Mul, x, value * outer);
    }
    let numerator = match (site.binary_at(inner, Binary::Div), site.unary_at(inner, Unary::Reciprocal)) {
        (Some((c, x)), _) => site.uniform(c).map(|value| (value, x)),
        (None, Some(x)) => Some((1.0, x)),
        (None, None) => None,
    };
    match numerator.filter(|_| site.single_use(inner)) {
        Some((value, x)) => {
            let number = site.graph.scalar(value * outer)?;
            let quotient = site.graph.div(number, x)?;
            site.shaped(quotient)
        }
        None => Ok(None),
    }
}

/// (x · c) · y → (x · y) · c, (x · c) / y → (x / y) · c, y / (x · c) → (y / x) · (1/c)
fn factor_of_product(site: &mut Site<'_>) -> Rewritten {
    let op = match *site.op() {
        Op::Binary(op @ (Binary::Mul | Binary::Div)) => op,
        _ => return Ok(None),
    };
    let args = [site.graph.node(site.node).args[0], site.graph.node(site.node).args[1]];
    for (position, arg) in args.iter().enumerate() {
        let Some((x, value)) = site.with_number(*arg, Binary::Mul) else { continue };
        let divides = op == Binary::Div && position == 1;
        let value = if divides { 1.0 / value } else { value };
        let other = args[1 - position];
        // A number beside it is the business of `multiplied_twice`; the same node twice has two uses, not one.
        if site.uniform(other).is_some() || !site.single_use(*arg) || !site.shrinks(*arg) || !value.is_normal() {
            continue;
        }
        let args = if position == 0 { [x, other] } else { [other, x] };
        let product = site.graph.add(Op::Binary(op), &args)?;
        return site.with(Binary::Mul, product, value);
    }
    Ok(None)
}

/// L(x · c) → L(x) · c for sum, slice, transpose and product, where the result is no larger
fn factor_of_linear(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node).clone();
    let linear = matches!(node.op, Op::Sum(..) | Op::Slice { .. } | Op::Transpose(..) | Op::MatMul { .. });
    if !linear {
        return Ok(None);
    }
    for (position, arg) in node.args.iter().enumerate() {
        let Some((x, value)) = site.with_number(*arg, Binary::Mul) else { continue };
        let same_shape = site.graph.shape(x) == site.graph.shape(*arg);
        if same_shape && site.single_use(*arg) && site.shrinks(*arg) {
            let mut args = node.args.clone();
            args[position] = x;
            let result = site.graph.add(node.op, &args)?;
            return site.with(Binary::Mul, result, value);
        }
    }
    Ok(None)
}

/// c x ± d x → (c ± d) x and c x ± c y → c (x ± y), where c and d are numbers or absent
fn multiple(site: &mut Site<'_>) -> Rewritten {
    let (op, a, b) = match (site.binary(Binary::Add), site.binary(Binary::Sub)) {
        (Some((a, b)), _) => (Binary::Add, a, b),
        (_, Some((a, b))) => (Binary::Sub, a, b),
        _ => return Ok(None),
    };
    // A multiple that is used elsewhere is computed anyway, and counts as a term of its own.
    let used_here = if a == b { 2 } else { 1 };
    let parts = |id| match site.with_number(id, Binary::Mul) {
        Some(parts) if site.uses.get(&id) == Some(&used_here) => parts,
        _ => (id, 1.0),
    };
    let ((x, left), (y, right)) = (parts(a), parts(b));
    if site.uniform(x).is_some() || site.uniform(y).is_some() {
        return Ok(None);
    }
    if x == y {
        return site.with(Binary::Mul, x, if op == Binary::Add { left + right } else { left - right });
    }
    let full = |id| *site.graph.shape(id) == site.shape();
    if left.to_bits() == right.to_bits() && left != 1.0 && full(x) && full(y) {
        let sum = site.graph.add(Op::Binary(op), &[x, y])?;
        return site.with(Binary::Mul, sum, left);
    }
    Ok(None)
}

/// x · (x · y) → (x · x) · y, because squares are often there already
fn square(site: &mut Site<'_>) -> Rewritten {
    let Some((a, b)) = site.binary(Binary::Mul) else { return Ok(None) };
    for (x, product) in [(a, b), (b, a)] {
        let Some((left, right)) = site.binary_at(product, Binary::Mul) else { continue };
        let y = if left == x { right } else { left };
        let same_shape = site.graph.shape(product) == site.graph.shape(x);
        if (left == x || right == x) && y != x && same_shape && site.single_use(product) {
            let square = site.graph.mul(x, x)?;
            return site.graph.mul(square, y).map(Some);
        }
    }
    Ok(None)
}

/// x¹ → x, x^½ → √x, xᵏ → products for small whole k
fn power(site: &mut Site<'_>) -> Rewritten {
    let Some((x, exponent)) = site.binary(Binary::Pow) else { return Ok(None) };
    match site.uniform(exponent) {
        Some(0.0) => site.number(1.0),
        Some(0.5) => {
            let root = site.graph.sqrt(x)?;
            site.shaped(root)
        }
        Some(whole) if whole.fract() == 0.0 && whole.abs() <= MAX_POWER => {
            #[allow(clippy::cast_possible_truncation, reason = "a whole number of at most MAX_POWER")]
            let product = site.graph.powi(x, whole as i32)?;
            site.shaped(product)
        }
        _ => Ok(None),
    }
}

/// 1/(1/x) → x, ||x|| → |x|, ln eˣ → x, √x · √x → x for x ≥ 0
fn nested_function(site: &mut Site<'_>) -> Rewritten {
    if let Some((a, b)) = site.binary(Binary::Mul) {
        // Where x < 0 the root is no number, and so nothing finite is lost.
        return Ok(site.unary_at(a, Unary::Sqrt).filter(|_| a == b));
    }
    let Op::Unary(op) = *site.op() else { return Ok(None) };
    let arg = site.graph.node(site.node).args[0];
    Ok(match op {
        Unary::Reciprocal => site.unary_at(arg, Unary::Reciprocal),
        Unary::Log => site.unary_at(arg, Unary::Exp),
        Unary::Abs => site.unary_at(arg, Unary::Abs).map(|_| arg),
        _ => None,
    })
}
