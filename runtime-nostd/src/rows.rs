//! Cuts slices into rows of equal length, for any length: the standard `chunks_exact` panics at length 0, and whether the
//! compiler sees that it cannot be 0 depends on the optimisation level.

/// Consecutive rows of `len` elements; a ragged end is left out, and there are no rows of length 0.
pub(crate) fn rows<T>(slice: &[T], len: usize) -> impl Iterator<Item = &[T]> {
    let mut rest = if len == 0 { &[] } else { slice };
    core::iter::from_fn(move || {
        let (row, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(row).filter(|row| !row.is_empty())
    })
}

/// As [`rows`], to be written.
#[cfg(any(test, feature = "matmul", feature = "reduction"))]
pub(crate) fn rows_mut<T>(slice: &mut [T], len: usize) -> impl Iterator<Item = &mut [T]> {
    let mut rest = if len == 0 { &mut [] } else { slice };
    core::iter::from_fn(move || {
        let (row, after) = core::mem::take(&mut rest).split_at_mut_checked(len)?;
        rest = after;
        Some(row).filter(|row| !row.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::{rows, rows_mut};

    #[test]
    fn rows_are_what_chunks_exact_gives_and_none_for_length_0() {
        let mut values = [1, 2, 3, 4, 5, 6, 7];
        for len in 1..9 {
            assert!(rows(&values, len).eq(values.chunks_exact(len)));
        }
        assert_eq!(rows(&values, 0).count(), 0);
        assert_eq!(rows_mut(&mut values, 0).count(), 0);
        rows_mut(&mut values, 3).for_each(|row| row.reverse());
        assert_eq!(values, [3, 2, 1, 6, 5, 4, 7]);
    }
}
