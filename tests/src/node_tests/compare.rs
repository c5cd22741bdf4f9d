//! When an output is the expected one: by the rule of the ONNX project's own runner, which allows ten times as much.

use hnn_exporter::graph::Tensor;

/// Relative difference allowed.
const RELATIVE: f64 = 1e-4;
/// Absolute difference allowed.
const ABSOLUTE: f64 = 1e-7;

/// Says where `found` is not `expected`: another shape, or the element that differs most.
#[must_use]
pub fn difference(found: &Tensor, expected: &Tensor) -> Option<String> {
    if found.shape() != expected.shape() {
        return Some(format!("has shape {:?}, expected is {:?}", found.shape(), expected.shape()));
    }
    // How far beyond the bound; infinite where the difference is no number.
    let excess = |(found, expected): (&f64, &f64)| {
        if found == expected || (found.is_nan() && expected.is_nan()) {
            return f64::NEG_INFINITY;
        }
        let excess = (found - expected).abs() - RELATIVE * expected.abs() - ABSOLUTE;
        if excess.is_nan() || expected.is_infinite() { f64::INFINITY } else { excess }
    };
    let elements = found.data().iter().zip(expected.data());
    let (index, _) =
        elements.map(excess).enumerate().filter(|(_, excess)| *excess > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!("differs at element {index}: {}, expected is {}", found.data()[index], expected.data()[index]))
}
