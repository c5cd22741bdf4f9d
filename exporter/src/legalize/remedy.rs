//! What to do about operators that have no meaning here, one line each.
//!
//! Anything without a line gets the list of what is supported.

/// Groups of operators, and why they are refused and what to use instead.
const REMEDIES: &[(&[&str], &str)] = &[
    (&["Loop", "Scan"], "unroll it before the export (a Python loop, or jax.lax.scan(..., unroll=True))"),
    (
        &["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"],
        "an energy is a function of the state, this draws at random; export in inference mode (model.eval())",
    ),
    (&["LRN", "LpNormalization"], "this normalization has no rule; write it with ReduceSumSquare, Sqrt and Div"),
    (
        &["Conv", "ConvInteger", "ConvTranspose", "DeformConv", "QLinearConv"],
        "write a small one as MatMul with the matrix it stands for",
    ),
    (
        &[
            "AveragePool",
            "GlobalAveragePool",
            "GlobalLpPool",
            "GlobalMaxPool",
            "LpPool",
            "MaxPool",
            "MaxRoiPool",
            "MaxUnpool",
            "RoiAlign",
        ],
        "reduce over an axis with ReduceMean or ReduceMax",
    ),
    (&["GRU", "LSTM", "RNN"], "an energy has no memory; give the state as the only input, without a recurrent layer"),
    (
        &["ArgMax", "ArgMin", "Compress", "NonMaxSuppression", "NonZero", "OneHot", "TopK", "Unique"],
        "what it picks would depend on the state, and with it indices or lengths; they must be known while the file is read: \
         use Where, ReduceMax or a soft weighting instead",
    ),
    (
        &["Attention", "FlexAttention", "RotaryEmbedding", "GroupQueryAttention"],
        "write it with MatMul, Softmax and Transpose (PyTorch: export with opset 18 or less)",
    ),
    (
        &["DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinearMatMul", "QuantizeLinear"],
        "quantized values are steps, which have no slope; export the model before quantization",
    ),
    (
        &["BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "BitCast"],
        "bits of numbers have no slope; compute with numbers",
    ),
    (
        &[
            "Optional",
            "OptionalGetElement",
            "OptionalHasElement",
            "SequenceAt",
            "SequenceConstruct",
            "SequenceEmpty",
            "SequenceErase",
            "SequenceInsert",
            "SequenceLength",
            "SequenceMap",
            "SplitToSequence",
            "ConcatFromSequence",
        ],
        "use tensors, joined with Concat and cut with Split",
    ),
    (
        &["RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer", "LabelEncoder"],
        "texts have no meaning here",
    ),
    (
        &[
            "DFT",
            "STFT",
            "MelWeightMatrix",
            "BlackmanWindow",
            "HammingWindow",
            "HannWindow",
            "ImageDecoder",
            "Resize",
            "Upsample",
            "GridSample",
            "AffineGrid",
            "Col2Im",
            "CenterCropPad",
        ],
        "write it as MatMul with the matrix it stands for",
    ),
    (&["Det"], "write the determinant out for the size at hand (2 x 2: ad - bc)"),
    (&["ReverseSequence", "Scatter"], "write it with Slice and Concat, or with ScatterND"),
    (&["Hardmax"], "it is constant between jumps; use Softmax"),
    (
        &["Adagrad", "Adam", "Gradient", "Momentum", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"],
        "this belongs to training; export the energy alone",
    ),
];

/// What to do about an operator of that name, if there is more to say than that it is not supported.
pub(super) fn remedy(kind: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(kinds, _)| kinds.contains(&kind)).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refused_operator_has_one_remedy_and_no_rule() {
        let mut names: Vec<&str> = REMEDIES.iter().flat_map(|(kinds, _)| kinds.iter().copied()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "{names:?}");
        let supported = super::super::supported();
        assert!(names.iter().all(|name| !supported.split(", ").any(|rule| rule == *name)), "{supported}");
        assert!(remedy("Loop").is_some_and(|remedy| remedy.contains("unroll")));
        assert_eq!(remedy("Gemm"), None);
    }
}
