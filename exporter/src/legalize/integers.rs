//! Arrays of integers and truth values that are known while a file is read: shapes, axes, indices, masks.
//!
//! Exporters compute shapes with the same operators as numbers; [`super::known`] runs those at once on these arrays. The
//! only unknown is the batch, which is carried as itself. Copies share their values.

use std::sync::Arc;

use super::{LegalizeError, Result};
use crate::graph::{Dim, MAX_RANK, Tensor};

/// Most elements of one array.
pub const MAX_INTEGERS: usize = 1 << 16;

/// Largest integer up to which every one is an f64.
const MAX_EXACT: i64 = 1 << f64::MANTISSA_DIGITS;

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// A number; 0 or 1 for a truth value.
    Known(i64),
    /// The number of rows, at least 1, unknown until run time.
    Batch,
}

impl Length {
    /// The number, where it is one.
    pub(super) fn number(self) -> Result<i64> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Batch => Err(LegalizeError::refused("the batch cannot be used as an axis, an index or a number")),
        }
    }
}

impl From<bool> for Length {
    fn from(truth: bool) -> Self {
        Self::Known(i64::from(truth))
    }
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

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Integers.
    Integer,
    /// Truth values.
    Truth,
}

/// An array of integers or truth values of any rank, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integers {
    shape: Vec<usize>,
    values: Arc<[Length]>,
    element: Element,
}

impl Integers {
    /// Integers of a shape.
    ///
    /// # Errors
    /// [`LegalizeError::Refused`] where `values` do not fill `shape`, or beyond [`MAX_RANK`] or [`MAX_INTEGERS`].
    pub fn new(shape: Vec<usize>, values: Vec<Length>) -> Result<Self> {
        let len = checked_len(&shape)?;
        if len == values.len() {
            Ok(Self { shape, values: values.into(), element: Element::Integer })
        } else {
            Err(LegalizeError::refused(format!("{} integers cannot fill shape {shape:?}", values.len())))
        }
    }

    /// Truth values of a shape.
    ///
    /// # Errors
    /// As [`Integers::new`].
    pub fn truths(shape: Vec<usize>, values: &[bool]) -> Result<Self> {
        let integers = Self::new(shape, values.iter().map(|truth| Length::from(*truth)).collect())?;
        Ok(Self { element: Element::Truth, ..integers })
    }

    /// A list.
    #[must_use]
    pub fn list(values: Vec<Length>) -> Self {
        Self { shape: vec![values.len()], values: values.into(), element: Element::Integer }
    }

    /// A single integer, of rank 0.
    #[must_use]
    pub fn scalar(value: Length) -> Self {
        Self { shape: Vec::new(), values: Arc::new([value]), element: Element::Integer }
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

    /// The elements, row-major.
    #[must_use]
    pub fn values(&self) -> &[Length] {
        &self.values
    }

    /// Whether this is a single element of rank 0.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        self.shape.is_empty()
    }

    /// Whether the elements are truth values.
    #[must_use]
    pub fn is_truth(&self) -> bool {
        self.element == Element::Truth
    }

    /// What the elements are.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }

    /// The elements as numbers.
    ///
    /// # Errors
    /// [`LegalizeError::Refused`] where one of them is the batch.
    pub fn known(&self) -> Result<Vec<i64>> {
        self.values.iter().map(|value| value.number()).collect()
    }

    /// The same array in f64; truth values are 1 and 0.
    ///
    /// # Errors
    /// [`LegalizeError::Refused`] where an element is the batch, or no f64 equals it.
    pub fn numbers(&self) -> Result<Tensor> {
        let number = |value: i64| {
            if (-MAX_EXACT..=MAX_EXACT).contains(&value) {
                Ok(value as f64)
            } else {
                Err(LegalizeError::refused(format!("{value} is not exact as a number")))
            }
        };
        let data = self.known()?.into_iter().map(number).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::new(self.shape.clone(), data)?)
    }

    /// An array whose element at each index is `at(index)`.
    pub(super) fn build(
        shape: Vec<usize>,
        element: Element,
        mut at: impl FnMut(&[usize]) -> Result<Length>,
    ) -> Result<Self> {
        let len = checked_len(&shape)?;
        let mut index = vec![0; shape.len()];
        let mut values = Vec::with_capacity(len);
        for _ in 0..len {
            values.push(at(&index)?);
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(Self { shape, values: values.into(), element })
    }

    /// The element at an index, which has as many coordinates as this has dimensions.
    pub(super) fn at(&self, index: &[usize]) -> Length {
        let place = index.iter().zip(&self.shape).fold(0, |place, (at, len)| place * len + at);
        self.values[place]
    }

    /// The element that broadcasting puts at an index: aligned at the right, dimensions of length 1 stretch.
    pub(super) fn stretched_at(&self, index: &[usize]) -> Length {
        let own = &index[index.len() - self.shape.len()..];
        let place =
            own.iter().zip(&self.shape).fold(0, |place, (at, len)| place * len + if *len == 1 { 0 } else { *at });
        self.values[place]
    }

    /// The same elements in another shape of as many.
    pub(super) fn reshaped(&self, shape: Vec<usize>) -> Result<Self> {
        if checked_len(&shape)? == self.values.len() {
            Ok(Self { shape, ..self.clone() })
        } else {
            Err(LegalizeError::refused(format!("{:?} does not reshape to {shape:?}", self.shape)))
        }
    }

    /// The same elements, taken as integers or as truth values: everything but 0 is true.
    pub(super) fn cast(&self, element: Element) -> Self {
        let truth = |value: &Length| Length::from(*value != Length::Known(0));
        let values =
            if element == Element::Truth { self.values.iter().map(truth).collect() } else { self.values.clone() };
        Self { shape: self.shape.clone(), values, element }
    }
}

/// Number of elements of a shape within the limits.
fn checked_len(shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_RANK {
        return Err(LegalizeError::refused(format!("rank {} exceeds the limit of {MAX_RANK}", shape.len())));
    }
    // A length of 0 does not excuse the others.
    let padded = shape.iter().try_fold(1usize, |product, len| product.checked_mul((*len).max(1)));
    if padded.is_none_or(|len| len > MAX_INTEGERS) {
        return Err(LegalizeError::refused(format!("integers of shape {shape:?} exceed the limit of {MAX_INTEGERS}")));
    }
    Ok(shape.iter().product())
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
