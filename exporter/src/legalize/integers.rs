//! Lists of integers: shapes, axes and indices, known while a file is read.
//!
//! Exporters compute shapes with the same operators as numbers (Shape, Gather, Concat, Slice); here these run at once. The
//! only unknown is the batch, which is carried as itself.

use super::{LegalizeError, Result};
use crate::graph::Dim;

/// Most integers of one list.
pub const MAX_INTEGERS: usize = 1 << 16;

/// One integer of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// A number.
    Known(i64),
    /// The number of rows, unknown until run time.
    Batch,
}

/// An array of integers of any rank, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integers {
    shape: Vec<usize>,
    values: Vec<Length>,
}

impl Integers {
    /// A list.
    #[must_use]
    pub fn list(values: Vec<Length>) -> Self {
        Self { shape: vec![values.len()], values }
    }

    /// A single integer, of rank 0.
    #[must_use]
    pub fn scalar(value: Length) -> Self {
        Self { shape: Vec::new(), values: vec![value] }
    }

    /// A list of known integers.
    #[must_use]
    pub fn of(values: &[i64]) -> Self {
        Self::list(values.iter().map(|value| Length::Known(*value)).collect())
    }

    /// Lengths of the dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, first to last.
    #[must_use]
    pub fn values(&self) -> &[Length] {
        &self.values
    }

    /// Whether this is a single integer of rank 0.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// The values as numbers.
    pub(super) fn known(&self) -> Result<Vec<i64>> {
        let number = |length: &Length| match length {
            Length::Known(value) => Ok(*value),
            Length::Batch => Err(LegalizeError::refused("the batch cannot be used as an axis, an index or a number")),
        };
        self.values.iter().map(number).collect()
    }

    /// Joins lists.
    pub(super) fn joined(parts: &[&Self]) -> Result<Self> {
        let len: usize = parts.iter().map(|part| part.values.len()).sum();
        if len > MAX_INTEGERS {
            return Err(LegalizeError::refused(format!("{len} integers exceed the limit of {MAX_INTEGERS}")));
        }
        Ok(Self::list(parts.iter().flat_map(|part| part.values.iter().copied()).collect()))
    }

    /// The elements at `indices`, negative ones counted from the end.
    pub(super) fn at(&self, indices: &Self) -> Result<Self> {
        let pick = |index: i64| super::axis_of(index, self.values.len()).map(|at| self.values[at]);
        let values = indices.known()?.into_iter().map(pick).collect::<Result<Vec<_>>>()?;
        Ok(Self { shape: indices.shape.clone(), values })
    }

    /// Elements `start..end`, clamped as Slice does.
    pub(super) fn part(&self, start: i64, end: i64) -> Self {
        let (start, end) = clamp(start, end, self.values.len());
        Self::list(self.values[start..end.max(start)].to_vec())
    }

    /// The same integers with or without a dimension of length 1.
    pub(super) fn with_rank(&self, scalar: bool) -> Result<Self> {
        if scalar && self.values.len() != 1 {
            return Err(LegalizeError::refused(format!("{} integers are not one", self.values.len())));
        }
        let shape = if scalar { Vec::new() } else { vec![self.values.len()] };
        Ok(Self { shape, values: self.values.clone() })
    }
}

/// Start and end of a slice of `len` elements: negative ones count from the end, all are clamped.
pub(super) fn clamp(start: i64, end: i64, len: usize) -> (usize, usize) {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |at: i64| {
        let from_start = if at < 0 { at.saturating_add(signed) } else { at };
        usize::try_from(from_start.clamp(0, signed)).unwrap_or(len)
    };
    (place(start), place(end))
}

impl From<Dim> for Length {
    fn from(dim: Dim) -> Self {
        match dim {
            Dim::Batch => Self::Batch,
            // MAX_ELEMENTS keeps every length far below the limit.
            Dim::Fixed(len) => Self::Known(i64::try_from(len).unwrap_or(i64::MAX)),
        }
    }
}
