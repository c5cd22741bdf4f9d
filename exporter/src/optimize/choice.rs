//! Choices: zeros in a branch move outwards, where two halves meet and become one choice.
//!
//! The derivative of a function with two branches comes as one half per branch, each zero where the other counts.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, Comparison, GraphError, NodeId, Op, Unary};

type Rewritten = Result<Option<NodeId>, GraphError>;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "choice by a settled condition", rule: settled },
    Rewrite { label: "condition of a choice of 1 and 0", rule: condition_again },
    Rewrite { label: "choice within a branch of the same choice", rule: nested },
    Rewrite { label: "choice of zero out of a product", rule: zero_out_of_product },
    Rewrite { label: "two halves of a choice: one", rule: halves },
    Rewrite { label: "branch that is the other where the other counts", rule: covered_branch },
];

/// Condition and branches.
type Choice = (NodeId, NodeId, NodeId);

fn choice(site: &Site<'_>, id: NodeId) -> Option<Choice> {
    match (&site.graph.node(id).op, site.graph.node(id).args.as_slice()) {
        (Op::Select, &[condition, yes, no]) => Some((condition, yes, no)),
        _ => None,
    }
}

fn is_zero(site: &Site<'_>, id: NodeId) -> bool {
    site.uniform(id) == Some(0.0)
}

/// (2 > 1) ? a : b → a
fn settled(site: &mut Site<'_>) -> Rewritten {
    let Some((condition, yes, no)) = choice(site, site.node) else { return Ok(None) };
    let node = site.graph.node(condition);
    let Op::Compare(comparison) = node.op else { return Ok(None) };
    let (Some(a), Some(b)) = (site.uniform(node.args[0]), site.uniform(node.args[1])) else { return Ok(None) };
    let holds = match comparison {
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
        Comparison::Equal => a == b,
    };
    site.shaped(if holds { yes } else { no })
}

/// (c ? 1 : 0) > ½ → c
fn condition_again(site: &mut Site<'_>) -> Rewritten {
    let node = site.graph.node(site.node);
    let (Op::Compare(Comparison::Greater), &[number, threshold]) = (&node.op, node.args.as_slice()) else {
        return Ok(None);
    };
    let Some((condition, yes, no)) = choice(site, number) else { return Ok(None) };
    let between = site.uniform(threshold).is_some_and(|threshold| (0.0..1.0).contains(&threshold));
    let truth = between && site.uniform(yes) == Some(1.0) && is_zero(site, no);
    let same_type = site.graph.node(condition).ty == site.graph.node(site.node).ty;
    Ok(Some(condition).filter(|_| truth && same_type))
}

/// c ? (c ? a : b) : d → c ? a : d, c ? a : (c ? b : d) → c ? a : d
fn nested(site: &mut Site<'_>) -> Rewritten {
    let Some((condition, yes, no)) = choice(site, site.node) else { return Ok(None) };
    let inside = |branch| choice(site, branch).filter(|(inner, ..)| *inner == condition);
    let (outer_yes, outer_no) = (inside(yes).map_or(yes, |inner| inner.1), inside(no).map_or(no, |inner| inner.2));
    if (outer_yes, outer_no) == (yes, no) {
        return Ok(None);
    }
    let chosen = site.graph.select(condition, outer_yes, outer_no)?;
    site.shaped(chosen)
}

/// (c ? a : 0) · x → c ? a · x : 0, (c ? 0 : a) · x → c ? 0 : a · x, where nothing else uses the choice
fn zero_out_of_product(site: &mut Site<'_>) -> Rewritten {
    let Some((a, b)) = site.binary(Binary::Mul) else { return Ok(None) };
    for (chosen, factor) in [(a, b), (b, a)] {
        let Some((condition, yes, no)) = choice(site, chosen).filter(|_| site.single_use(chosen)) else { continue };
        if *site.graph.shape(chosen) != site.shape() || is_zero(site, yes) == is_zero(site, no) {
            continue;
        }
        let (yes, no) =
            if is_zero(site, no) { (site.graph.mul(yes, factor)?, no) } else { (yes, site.graph.mul(no, factor)?) };
        let chosen = site.graph.select(condition, yes, no)?;
        return site.shaped(chosen);
    }
    Ok(None)
}

/// (c ? a : 0) + (c ? 0 : b) → c ? a : b
fn halves(site: &mut Site<'_>) -> Rewritten {
    let Some((a, b)) = site.binary(Binary::Add) else { return Ok(None) };
    let (Some(left), Some(right)) = (choice(site, a), choice(site, b)) else { return Ok(None) };
    for ((condition, yes, zero), (other, also_zero, no)) in [(left, right), (right, left)] {
        if condition == other && is_zero(site, zero) && is_zero(site, also_zero) {
            let chosen = site.graph.select(condition, yes, no)?;
            return site.shaped(chosen);
        }
    }
    Ok(None)
}

/// c ? a : a · exp(c ? 0 : x) → a · exp(c ? 0 : x), because the exponential is 1 where c holds
fn covered_branch(site: &mut Site<'_>) -> Rewritten {
    let Some((condition, yes, no)) = choice(site, site.node) else { return Ok(None) };
    let Some((a, b)) = site.binary_at(no, Binary::Mul) else { return Ok(None) };
    let other = if a == yes { b } else { a };
    let exponent = site.unary_at(other, Unary::Exp).and_then(|exponent| choice(site, exponent));
    let one = exponent.is_some_and(|(inner, zero, _)| inner == condition && is_zero(site, zero));
    if one && (a == yes || b == yes) { site.shaped(no) } else { Ok(None) }
}
