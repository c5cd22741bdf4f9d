//! What an operator does to the smoothness of an energy, whose slope is the force.

use super::{Attribute, Operator};

/// Whether a function and its slope are continuous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Smoothness {
    /// The slope is continuous.
    Smooth,
    /// The value is continuous, its slope jumps.
    Kink,
    /// The value itself jumps, or it is constant but for jumps.
    Jump,
}

impl Smoothness {
    /// What it means for the field, in one sentence; nothing for a smooth function.
    #[must_use]
    pub const fn consequence(self) -> Option<&'static str> {
        match self {
            Self::Smooth => None,
            Self::Kink => Some(
                "its slope jumps, so the force is discontinuous and a scheme falls to first order where a trajectory \
                 crosses the jump",
            ),
            Self::Jump => Some(
                "its value jumps, which the force cannot show, so the energy is not conserved where a trajectory crosses \
                 the jump",
            ),
        }
    }
}

/// The smoothness of an operator as a function of its inputs.
///
/// A comparison counts as smooth: its truth value reaches the energy only through `Where` or `Cast`. An attribute that
/// cannot be read counts as the default, the operator's rule refuses it anyway.
#[must_use]
pub fn smoothness(operator: &Operator<'_>) -> Smoothness {
    let bounded = || (1..=2).any(|position| operator.optional(position).is_some()) || !operator.attributes.is_empty();
    let meets = |name: &str| operator.attributes.get("reduction") == Some(&Attribute::Text(name.to_owned()));
    match operator.kind {
        "Ceil" | "Floor" | "Mod" | "Round" | "Sign" | "ThresholdedRelu" => Smoothness::Jump,
        "Abs" | "HardSigmoid" | "HardSwish" | "LeakyRelu" | "PRelu" | "ReduceL1" | "ReduceMax" | "ReduceMin"
        | "Relu" | "Selu" | "Where" => Smoothness::Kink,
        "Max" | "Min" if operator.inputs.len() > 1 => Smoothness::Kink,
        "Clip" if bounded() => Smoothness::Kink,
        "ScatterElements" | "ScatterND" if meets("max") || meets("min") => Smoothness::Kink,
        // α (eˣ − 1) meets x with slope α.
        "Elu" if operator.real("alpha", 1.0).is_ok_and(|alpha| alpha != 1.0) => Smoothness::Kink,
        _ => Smoothness::Smooth,
    }
}
