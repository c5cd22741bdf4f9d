//! What a tool that will read the file accepts: its operators, and its limits on shapes.
//!
//! A profile is a value that the writer asks; it knows nothing of graphs. Where a profile forbids what a graph needs, the
//! writer decomposes it and says so, or refuses it by name.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{MAX_OPSET, OnnxError, Precision};
use crate::graph::MAX_RANK;

/// Who will read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Any engine that follows the ONNX standard.
    #[default]
    Standard,
    /// ST Edge AI Core (X-CUBE-AI), by the list of operators and common constraints of its release 2.2.
    St,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::Standard, Self::St];

    /// `standard` or `st`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::St => "st",
        }
    }

    /// What the reader accepts.
    #[must_use]
    pub fn limits(self) -> &'static Limits {
        match self {
            Self::Standard => &STANDARD,
            Self::St => &ST,
        }
    }

    /// Refuses an operator that the reader does not have.
    pub(super) fn check_operator(self, operator: &str) -> Result<(), OnnxError> {
        match self.limits().operators {
            Some(known) if !known.contains(&operator) => Err(OnnxError::unsupported(
                format!("{operator} in profile `{self}`"),
                "leave this graph out, or write it with the standard profile",
            )),
            _ => Ok(()),
        }
    }

    /// Refuses a shape beyond the reader's limits; `what` names the value.
    pub(super) fn check_shape(self, what: &str, lengths: &[usize]) -> Result<(), OnnxError> {
        let limits = self.limits();
        if lengths.len() > limits.rank_max {
            let what = format!("rank of {what} in profile `{self}`");
            return Err(OnnxError::limit(what, lengths.len(), limits.rank_max));
        }
        match lengths.iter().find(|len| **len > limits.len_max) {
            Some(len) => {
                Err(OnnxError::limit(format!("a dimension of {what} in profile `{self}`"), *len, limits.len_max))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Limits of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Operators it has, sorted; `None` for all of the standard.
    pub operators: Option<&'static [&'static str]>,
    /// Newest opset it knows.
    pub opset_max: i64,
    /// Formats of numbers it takes.
    pub precisions: &'static [Precision],
    /// Whether every length must be a number.
    pub static_batch: bool,
    /// Whether an operator may stretch, join, cut, reorder or reduce the leading dimension.
    pub leading_dimension_moves: bool,
    /// Most dimensions of a value.
    pub rank_max: usize,
    /// Greatest length of a dimension.
    pub len_max: usize,
    /// Most dimensions of either side of a matrix product.
    pub product_rank_max: usize,
}

const STANDARD: Limits = Limits {
    operators: None,
    opset_max: MAX_OPSET,
    precisions: &Precision::ALL,
    static_batch: false,
    leading_dimension_moves: true,
    rank_max: MAX_RANK,
    len_max: usize::MAX,
    product_rank_max: MAX_RANK,
};

/// Of its operators those that are ever written here. It has neither Scan nor Loop.
const ST: Limits = Limits {
    operators: Some(&[
        "Abs",
        "Add",
        "Atan",
        "Concat",
        "Cos",
        "Div",
        "Equal",
        "Erf",
        "Exp",
        "Expand",
        "Floor",
        "Gemm",
        "Greater",
        "GreaterOrEqual",
        "Identity",
        "Log",
        "MatMul",
        "Max",
        "Min",
        "Mul",
        "Neg",
        "Pad",
        "Pow",
        "Reciprocal",
        "ReduceSum",
        "Reshape",
        "Round",
        "Sigmoid",
        "Sign",
        "Sin",
        "Slice",
        "Softplus",
        "Sqrt",
        "Sub",
        "Tanh",
        "Transpose",
        "Where",
    ]),
    opset_max: 20,
    precisions: &[Precision::F32],
    static_batch: true,
    leading_dimension_moves: false,
    rank_max: 6,
    len_max: 65_535,
    product_rank_max: 3,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_st_profile_has_no_control_flow_and_bounds_its_shapes() {
        assert!(Profile::St.check_operator("Softplus").is_ok());
        for missing in ["Scan", "Loop", "Trilu", "LayerNormalization"] {
            let message = Profile::St.check_operator(missing).unwrap_err().to_string();
            assert!(message.contains(missing) && message.contains("`st`"), "{message}");
            assert!(Profile::Standard.check_operator(missing).is_ok());
        }
        assert!(Profile::St.check_shape("`x`", &[1, 65_535]).is_ok());
        assert!(Profile::St.check_shape("`x`", &[1, 65_536]).unwrap_err().to_string().contains("65535"));
        assert!(Profile::St.check_shape("`x`", &[1; 7]).is_err());
        assert!(Profile::Standard.check_shape("`x`", &[1, 65_536]).is_ok());
    }
}
