//! General matrix products between strided operands; layers with known weights use [`dense`](super::dense) instead.

use crate::format::MatMul;

use super::Regions;
use crate::rows::rows_mut;

/// dst\[b, r, c\] = Σₖ lhs\[b, r, k\] · rhs\[b, k, c\], k ascending from +0.
#[inline(never)]
pub(crate) fn multiply(matmul: &MatMul, workspace: &mut [f32], constants: &[u32]) -> Option<()> {
    let [batch, rows, inner, cols] = [matmul.batch, matmul.rows, matmul.inner, matmul.cols].map(|len| len as usize);
    let [lhs_batch, lhs_row, lhs_inner] = matmul.lhs_strides.map(|stride| stride as usize);
    let [rhs_batch, rhs_inner, rhs_col] = matmul.rhs_strides.map(|stride| stride as usize);
    let lhs_len = 1 + (batch - 1) * lhs_batch + (rows - 1) * lhs_row + (inner - 1) * lhs_inner;
    let rhs_len = 1 + (batch - 1) * rhs_batch + (inner - 1) * rhs_inner + (cols - 1) * rhs_col;
    let (dst, regions) = Regions::split(workspace, matmul.dst, batch * rows * cols, constants)?;
    let (lhs, rhs) = (regions.source(matmul.lhs, lhs_len)?, regions.source(matmul.rhs, rhs_len)?);
    for (b, product) in rows_mut(dst, rows * cols).enumerate() {
        for (r, row) in rows_mut(product, cols).enumerate() {
            for (c, element) in row.iter_mut().enumerate() {
                let mut left = b * lhs_batch + r * lhs_row;
                let mut right = b * rhs_batch + c * rhs_col;
                let mut sum = 0.0;
                for _ in 0..inner {
                    sum += lhs.at(left) * rhs.at(right);
                    left += lhs_inner;
                    right += rhs_inner;
                }
                *element = sum;
            }
        }
    }
    Some(())
}
