//! Shapes with one symbolic dimension: the leading `batch`.
//!
//! A shape is a list of at most [`MAX_RANK`] dimensions. Only the first may be [`Dim::Batch`]; rows of the batch never
//! mix, so no operator reduces, slices or permutes it. Broadcasting follows ONNX and NumPy: aligned at the right, 1 stretches.

use std::fmt;

use super::GraphError;

/// Most dimensions of a tensor, the batch included.
pub const MAX_RANK: usize = 6;
/// Most elements of one row of a tensor, or of one constant.
pub const MAX_ELEMENTS: usize = 1 << 26;

/// One dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// The number of states evaluated together; unknown until run time.
    Batch,
    /// A known length.
    Fixed(usize),
}

/// The dimensions of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// Checks and builds a shape.
    ///
    /// # Errors
    /// [`GraphError::Shape`] above [`MAX_RANK`] or [`MAX_ELEMENTS`], or where `batch` is not the first dimension.
    pub fn new(dims: Vec<Dim>) -> Result<Self, GraphError> {
        if dims.len() > MAX_RANK {
            return Err(GraphError::shape(format!("rank {} exceeds the limit of {MAX_RANK}", dims.len())));
        }
        if dims.iter().skip(1).any(|dim| *dim == Dim::Batch) {
            return Err(GraphError::shape("`batch` may only be the first dimension"));
        }
        let shape = Self(dims);
        let elements = shape.row().iter().try_fold(1usize, |product, len| product.checked_mul(*len));
        match elements {
            Some(count) if count <= MAX_ELEMENTS => Ok(shape),
            _ => Err(GraphError::shape(format!("{shape} exceeds the limit of {MAX_ELEMENTS} elements"))),
        }
    }

    /// A shape without batch: weights and constants.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn fixed(dims: &[usize]) -> Result<Self, GraphError> {
        Self::new(dims.iter().map(|len| Dim::Fixed(*len)).collect())
    }

    /// `[batch, dims…]`.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn batched(dims: &[usize]) -> Result<Self, GraphError> {
        Self::new(std::iter::once(Dim::Batch).chain(dims.iter().map(|len| Dim::Fixed(*len))).collect())
    }

    /// The dimensions, first to last.
    #[must_use]
    pub fn dims(&self) -> &[Dim] {
        &self.0
    }

    /// Number of dimensions, the batch included.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// Whether the first dimension is `batch`.
    #[must_use]
    pub fn is_batched(&self) -> bool {
        self.0.first() == Some(&Dim::Batch)
    }

    /// The known lengths: all dimensions but `batch`.
    #[must_use]
    pub fn row(&self) -> Vec<usize> {
        self.0.iter().filter_map(|dim| if let Dim::Fixed(len) = dim { Some(*len) } else { None }).collect()
    }

    /// Elements of one row: the product of the known lengths.
    #[must_use]
    pub fn row_len(&self) -> usize {
        self.row().iter().product()
    }

    /// All lengths once the batch is known.
    #[must_use]
    pub fn resolve(&self, batch: usize) -> Vec<usize> {
        self.0.iter().map(|dim| if let Dim::Fixed(len) = dim { *len } else { batch }).collect()
    }

    /// The length of dimension `axis`, `None` for the batch or beyond the rank.
    #[must_use]
    pub fn len(&self, axis: usize) -> Option<usize> {
        match self.0.get(axis) {
            Some(Dim::Fixed(len)) => Some(*len),
            _ => None,
        }
    }

    /// The shape both operands stretch to.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where two dimensions differ and neither is 1.
    pub fn broadcast(&self, other: &Self) -> Result<Self, GraphError> {
        let rank = self.rank().max(other.rank());
        let aligned = |shape: &Self, axis: usize| {
            let missing = rank - shape.rank();
            if axis < missing { Dim::Fixed(1) } else { shape.0[axis - missing] }
        };
        let dims = (0..rank)
            .map(|axis| match (aligned(self, axis), aligned(other, axis)) {
                (left, right) if left == right => Ok(left),
                (left, Dim::Fixed(1)) => Ok(left),
                (Dim::Fixed(1), right) => Ok(right),
                _ => Err(GraphError::shape(format!("{self} and {other} do not broadcast"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        Self::new(dims)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, dim) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(",")?;
            }
            match dim {
                Dim::Batch => f.write_str("batch")?,
                Dim::Fixed(len) => write!(f, "{len}")?,
            }
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_aligns_at_the_right() {
        let state = Shape::batched(&[4]).unwrap();
        assert_eq!(state.broadcast(&Shape::fixed(&[4]).unwrap()).unwrap(), state);
        assert_eq!(state.broadcast(&Shape::batched(&[1]).unwrap()).unwrap(), state);
        assert!(state.broadcast(&Shape::fixed(&[3]).unwrap()).is_err());
        assert!(state.broadcast(&Shape::fixed(&[2, 4]).unwrap()).is_err());
    }

    #[test]
    fn batch_comes_first_or_not_at_all() {
        assert!(Shape::new(vec![Dim::Fixed(2), Dim::Batch]).is_err());
        assert!(Shape::fixed(&[MAX_ELEMENTS, 2]).is_err());
        assert!(Shape::fixed(&[1; MAX_RANK + 1]).is_err());
    }
}
