//! The constant section: f64 values of the graph rounded to f32, each run of words stored once.
//!
//! Weights of dense layers are packed into panels: rows in groups of four, each group column by column, a ragged last
//! group without padding. One panel serves a product and its adjoint, so a weight matrix W and its transpose share it,
//! whichever of the two the graph holds; the first one asked for decides the orientation.

use std::collections::{HashMap, hash_map::Entry};

use hnn_runtime::format::PANEL_ROWS;

/// The constants collected so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Constants {
    values: Vec<f32>,
    /// Start of each run of words, by its bits.
    runs: HashMap<Vec<u32>, usize>,
    /// Start of each panel, by rows, columns and the bits of the matrix.
    panels: HashMap<(usize, usize, Vec<u32>), usize>,
}

/// A packed weight matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panel {
    /// Start among the constants.
    pub(super) at: usize,
    /// Rows as packed.
    pub(super) rows: usize,
    /// Columns as packed.
    pub(super) cols: usize,
    /// Whether what was asked for is the transpose of what is packed.
    pub(super) transposed: bool,
}

/// Rounds to the nearest f32; an infinity is one in both.
///
/// Returns `None` where the value is beyond f32, or no number. Values too small for f32 become subnormal or 0.
pub(super) fn round(value: f64) -> Option<f32> {
    let rounded = value as f32;
    (rounded.is_finite() || value.is_infinite()).then_some(rounded)
}

/// Rounds to the nearest f32 where that is finite.
pub(super) fn finite(value: f64) -> Option<f32> {
    round(value).filter(|rounded| rounded.is_finite())
}

impl Constants {
    /// Where these values start; equal runs of values are stored once.
    pub(super) fn intern(&mut self, values: &[f32]) -> usize {
        match self.runs.entry(values.iter().map(|value| value.to_bits()).collect()) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(slot) => {
                let at = *slot.insert(self.values.len());
                self.values.extend_from_slice(values);
                at
            }
        }
    }

    /// The value at `at`.
    pub(super) fn value(&self, at: usize) -> Option<f32> {
        self.values.get(at).copied()
    }

    /// The panel of a `rows`×`cols` matrix given row-major, or of its transpose where that one is packed already.
    pub(super) fn panel(&mut self, matrix: &[f32], rows: usize, cols: usize) -> Panel {
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
        let key = (rows, cols, bits(matrix));
        if let Some(at) = self.panels.get(&key) {
            return Panel { at: *at, rows, cols, transposed: false };
        }
        let transpose: Vec<f32> = (0..rows * cols).map(|flat| matrix[(flat % rows) * cols + flat / rows]).collect();
        if let Some(at) = self.panels.get(&(cols, rows, bits(&transpose))) {
            return Panel { at: *at, rows: cols, cols: rows, transposed: true };
        }
        let at = self.intern(&pack(matrix, cols));
        self.panels.insert(key, at);
        Panel { at, rows, cols, transposed: false }
    }

    /// The bits of all values.
    pub(super) fn into_words(self) -> Vec<u32> {
        self.values.iter().map(|value| value.to_bits()).collect()
    }
}

/// A row-major matrix in the order in which the kernels read it.
fn pack(matrix: &[f32], cols: usize) -> Vec<f32> {
    let groups = matrix.chunks(PANEL_ROWS * cols);
    groups.flat_map(|group| (0..cols).flat_map(move |col| group.chunks(cols).map(move |row| row[col]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ragged_panel_has_no_padding() {
        let matrix: Vec<f32> = (0..10u8).map(f32::from).collect();
        assert_eq!(pack(&matrix, 2), [0., 2., 4., 6., 1., 3., 5., 7., 8., 9.]);
    }

    #[test]
    fn a_matrix_and_its_transpose_share_a_panel() {
        let mut constants = Constants::default();
        let first = constants.panel(&[1., 2., 3., 4., 5., 6.], 2, 3);
        let again = constants.panel(&[1., 4., 2., 5., 3., 6.], 3, 2);
        assert_eq!(again, Panel { transposed: true, ..first });
        assert_eq!(constants.into_words().len(), 6);
    }

    #[test]
    fn signed_zeros_are_kept_apart() {
        let mut constants = Constants::default();
        assert_ne!(constants.intern(&[0.0]), constants.intern(&[-0.0]));
    }

    #[test]
    fn rounding_is_to_nearest_and_never_from_a_finite_value_to_infinity() {
        assert_eq!(round(0.1), Some(0.1f32));
        assert_eq!(round(1e39), None);
        assert_eq!(round(f64::NEG_INFINITY), Some(f32::NEG_INFINITY));
        assert_eq!(round(f64::NAN), None);
        assert_eq!(round(-1e-60).map(f32::to_bits), Some((-0.0f32).to_bits()));
    }
}
