//! How far two tensors are apart, and whether that is agreement.
//!
//! Engines agree on an output where |a − b| ≤ c · (|b| + s) for every element, c from [`tolerance`], b being the reference and s the
//! root mean square of b over all samples: relative where b is large, and not asking for digits where b happens to be near
//! 0. Anything that is not finite, on either side, is disagreement.

use crate::graph::Tensor;
use crate::onnx::Precision;

/// Largest relative difference that counts as agreement.
pub const TOLERANCE: f64 = 1e-5;
/// The same where the files are f16, whose numbers are 2⁻¹¹ = 4.9e-4 of their size off: some twenty such roundings.
pub const TOLERANCE_F16: f64 = 1e-2;

/// What agreement means for files of a precision. Engines round what is between in f32 even where a file is f64, and so
/// does the device, so f64 asks for no more than f32.
#[must_use]
pub fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F16 => TOLERANCE_F16,
        Precision::F32 | Precision::F64 => TOLERANCE,
    }
}

/// Differences of one output between an engine (a) and the reference (b).
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Metrics {
    /// Rows compared.
    pub samples: usize,
    /// Largest |a − b|.
    pub max_abs: f64,
    /// Where: row, then the index within it.
    pub max_abs_at: Vec<usize>,
    /// Largest |a − b| / |b| over elements with b ≠ 0.
    pub max_rel: f64,
    /// √mean (a − b)²
    pub rmse: f64,
    /// a·b / (|a| |b|); 1 where both are 0.
    pub cosine: f64,
    /// NaNs in a and b.
    pub nan_count: usize,
    /// Infinities in a and b.
    pub inf_count: usize,
    /// s: root mean square of b.
    pub scale: f64,
    /// Largest |a − b| / (|b| + s), what the verdict goes by.
    pub worst: f64,
    /// Largest `worst` that agrees.
    pub tolerance: f64,
    /// The verdict.
    pub agrees: bool,
}

/// Compares `candidate` (a) with `reference` (b) within `tolerance`; `scale` replaces s where the output's own size is no
/// measure.
///
/// Tensors of different shapes disagree, with no differences measured.
#[must_use]
pub fn compare(candidate: &Tensor, reference: &Tensor, scale: Option<f64>, tolerance: f64) -> Metrics {
    let samples = reference.shape().first().copied().unwrap_or(1);
    let count = reference.data().len().max(1) as f64;
    let scale = scale.unwrap_or_else(|| root_mean_square(reference.data()));
    let mut metrics = Metrics {
        samples,
        max_abs: 0.0,
        max_abs_at: vec![0; reference.shape().len()],
        max_rel: 0.0,
        rmse: 0.0,
        cosine: 1.0,
        nan_count: 0,
        inf_count: 0,
        scale,
        worst: 0.0,
        tolerance,
        agrees: false,
    };
    if candidate.shape() != reference.shape() {
        return metrics;
    }
    let (mut squares, mut dot, mut a_squares, mut b_squares) = (0.0, 0.0, 0.0, 0.0);
    for (position, (a, b)) in candidate.data().iter().zip(reference.data()).enumerate() {
        metrics.nan_count += usize::from(a.is_nan()) + usize::from(b.is_nan());
        metrics.inf_count += usize::from(a.is_infinite()) + usize::from(b.is_infinite());
        if !(a.is_finite() && b.is_finite()) {
            continue;
        }
        let difference = (a - b).abs();
        if difference > metrics.max_abs {
            metrics.max_abs = difference;
            metrics.max_abs_at = index(position, reference.shape());
        }
        if *b != 0.0 {
            metrics.max_rel = metrics.max_rel.max(difference / b.abs());
        }
        if difference > 0.0 {
            metrics.worst = metrics.worst.max(difference / (b.abs() + scale));
        }
        squares += difference * difference;
        dot += a * b;
        a_squares += a * a;
        b_squares += b * b;
    }
    metrics.rmse = (squares / count).sqrt();
    let norms = (a_squares * b_squares).sqrt();
    if norms > 0.0 {
        metrics.cosine = dot / norms;
    } else if a_squares != b_squares {
        metrics.cosine = 0.0;
    }
    metrics.agrees = metrics.nan_count + metrics.inf_count == 0 && metrics.worst <= tolerance;
    metrics
}

/// √mean v²
#[must_use]
pub fn root_mean_square(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// Index of the element at `position` in row-major order.
fn index(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, len) in index.iter_mut().zip(shape).rev() {
        *place = position % len;
        position /= len;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[f64]) -> Tensor {
        Tensor::new(vec![values.len() / 2, 2], values.to_vec()).unwrap()
    }

    #[test]
    fn differences_are_located_and_measured() {
        let reference = column(&[1.0, -2.0, 2.0, 4.0]);
        let metrics = compare(&column(&[1.0, -2.0, 2.5, 4.0]), &reference, None, TOLERANCE);
        assert_eq!((metrics.max_abs, metrics.max_abs_at.clone()), (0.5, vec![1, 0]));
        assert_eq!((metrics.max_rel, metrics.rmse, metrics.scale), (0.25, 0.25, 2.5));
        assert_eq!(metrics.worst, 0.5 / 4.5);
        assert!(!metrics.agrees);
    }

    #[test]
    fn agreement_is_relative_to_the_element_and_to_the_output() {
        let reference = column(&[1.0, 0.0, 1.0, 0.0]);
        let scale = root_mean_square(reference.data());
        let at = |error: f64| compare(&column(&[1.0, error, 1.0, 0.0]), &reference, None, TOLERANCE).agrees;
        assert!(at(0.99 * TOLERANCE * scale));
        assert!(!at(1.01 * TOLERANCE * scale));
    }

    #[test]
    fn what_is_not_finite_disagrees_even_with_itself() {
        for value in [f64::NAN, f64::INFINITY] {
            let metrics = compare(&column(&[1.0, value]), &column(&[1.0, value]), None, TOLERANCE);
            assert!(!metrics.agrees);
            assert_eq!(metrics.nan_count + metrics.inf_count, 2);
        }
    }

    #[test]
    fn equal_zeros_agree_and_shapes_must_match() {
        assert!(compare(&column(&[0.0, 0.0]), &column(&[0.0, 0.0]), None, TOLERANCE).agrees);
        assert!(!compare(&Tensor::scalar(0.0), &column(&[0.0, 0.0]), None, TOLERANCE).agrees);
        assert_eq!(compare(&column(&[1.0, 0.0]), &column(&[0.0, 1.0]), None, TOLERANCE).cosine, 0.0);
    }
}
