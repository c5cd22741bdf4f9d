//! A constant tensor in f64, the precision in which every constant of a graph is kept.
//!
//! Equality and hash are by bits, so hash-consing never merges +0 with −0 and treats equal NaNs as equal. The hash of the
//! values is computed once and kept: passes add the same weights to graph after graph.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use super::{GraphError, Shape};

/// Row-major values of known shape.
#[derive(Debug, Clone)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f64>,
    hash: OnceLock<u64>,
}

impl Tensor {
    /// Checks that `data` fills `shape`.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where it does not, or beyond the limits of [`Shape::new`].
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Result<Self, GraphError> {
        let len = Shape::fixed(&shape)?.row_len();
        if len != data.len() {
            return Err(GraphError::shape(format!("{} values cannot fill shape {shape:?}", data.len())));
        }
        Ok(Self { shape, data, hash: OnceLock::new() })
    }

    /// A rank-0 tensor.
    #[must_use]
    pub fn scalar(value: f64) -> Self {
        Self { shape: Vec::new(), data: vec![value], hash: OnceLock::new() }
    }

    /// A tensor filled with one value.
    ///
    /// # Errors
    /// [`GraphError::Shape`] beyond the limits of [`Shape::new`].
    pub fn full(shape: &[usize], value: f64) -> Result<Self, GraphError> {
        let len = Shape::fixed(shape)?.row_len();
        Ok(Self { shape: shape.to_vec(), data: vec![value; len], hash: OnceLock::new() })
    }

    /// Lengths of the dimensions.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    #[must_use]
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// The values, for filling in place.
    pub fn data_mut(&mut self) -> &mut [f64] {
        self.hash = OnceLock::new();
        &mut self.data
    }

    /// The one value all elements have, if they all have the same bits.
    #[must_use]
    pub fn uniform(&self) -> Option<f64> {
        let first = *self.data.first()?;
        self.data.iter().all(|value| value.to_bits() == first.to_bits()).then_some(first)
    }
}

impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape
            && self.data.len() == other.data.len()
            && self.data.iter().zip(&other.data).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Eq for Tensor {}

impl Hash for Tensor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let hash = self.hash.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            self.shape.hash(&mut hasher);
            for value in &self.data {
                hasher.write_u64(value.to_bits());
            }
            hasher.finish()
        });
        hash.hash(state);
    }
}
