//! The ONNX operators that are written, with the opset that introduced the signature they are written with.
//!
//! From that opset to [`MAX_OPSET`](super::super::MAX_OPSET) every version of the operator takes the inputs and attributes
//! that are written here and means the same by them. The writer asks this table for every node, so that no file can hold
//! an operator newer than its opset; the official schemas are held against the table in `tests/onnx_checker.rs`.

use super::super::OnnxError;

/// Name of an operator and the opset that introduced its signature, sorted by name.
pub const OPERATORS: &[(&str, i64)] = &[
    ("Abs", 6),
    ("Add", 7),
    ("Atan", 7),
    ("Concat", 4),
    ("Cos", 7),
    ("Div", 7),
    ("Elu", 6),
    ("Equal", 11),
    ("Erf", 9),
    ("Exp", 6),
    ("Expand", 8),
    ("Floor", 6),
    ("Gemm", 11),
    ("Greater", 7),
    ("GreaterOrEqual", 12),
    ("HardSigmoid", 6),
    ("Identity", 1),
    ("LeakyRelu", 6),
    ("Log", 6),
    ("MatMul", 1),
    ("Max", 8),
    ("Min", 8),
    ("Mul", 7),
    ("Neg", 6),
    ("Pad", 11),
    ("Pow", 7),
    ("Reciprocal", 6),
    ("ReduceSum", 13),
    ("Relu", 6),
    ("Reshape", 5),
    ("Round", 11),
    ("Scan", 9),
    ("Shape", 1),
    ("Sigmoid", 6),
    ("Sign", 9),
    ("Sin", 7),
    ("Slice", 10),
    ("Softplus", 1),
    ("Sqrt", 6),
    ("Sub", 7),
    ("Tanh", 6),
    ("Transpose", 1),
    ("Where", 9),
];

/// Refuses an operator that a file of this opset does not know.
pub(super) fn check(operator: &str, opset: i64) -> Result<(), OnnxError> {
    let row = OPERATORS.binary_search_by_key(&operator, |(name, _)| *name);
    match row.map(|row| OPERATORS[row].1) {
        Ok(since) if since <= opset => Ok(()),
        Ok(since) => {
            let remedy = format!("choose opset {since} or newer");
            Err(OnnxError::unsupported(format!("{operator} in opset {opset}"), remedy))
        }
        Err(_) => Err(OnnxError::unsupported(format!("{operator}, of which no signature is known,"), "report this")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_asked_by_opset() {
        assert!(OPERATORS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(check("ReduceSum", 13).is_ok());
        let message = check("ReduceSum", 12).unwrap_err().to_string();
        assert!(message.contains("opset 12") && message.contains("13 or newer"), "{message}");
        assert!(check("LayerNormalization", 26).is_err());
    }
}
