//! Operators that move, join, multiply or sum elements, and the choice among all operators.

use super::elementwise;
use super::strides::{Walk, row_major, stretched};
use crate::graph::Op;

/// A row-major array and its dimensions.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// Length of every dimension.
    pub(super) dims: Vec<usize>,
    /// Its elements.
    pub(super) data: &'a [f64],
}

/// Fills `out`, which holds zeros of shape `dims`, with the operator's result. Leaves are not its business.
pub(super) fn apply(op: &Op, args: &[View<'_>], dims: &[usize], out: &mut [f64]) {
    match (op, args) {
        (Op::Unary(op), [x]) => elementwise::unary(*op, x.data, out),
        (Op::Binary(op), [a, b]) => elementwise::binary(*op, a, b, dims, out),
        (Op::Compare(op), [a, b]) => elementwise::compare(*op, a, b, dims, out),
        (Op::Select, [condition, a, b]) => elementwise::select(condition, a, b, dims, out),
        (Op::MatMul { transpose_lhs, transpose_rhs }, [a, b]) => {
            matmul([a, b], [*transpose_lhs, *transpose_rhs], dims, out);
        }
        (Op::Transpose(order), [x]) => {
            let strides = row_major(&x.dims);
            let permuted: Vec<usize> = order.iter().map(|axis| strides[*axis]).collect();
            gather(x, &permuted, dims, out);
        }
        (Op::Broadcast(..), [x]) => gather(x, &stretched(&x.dims, dims), dims, out),
        (Op::Concat { axis }, parts) => concat(parts, *axis, dims, out),
        (Op::Slice { axis, start, len }, [x]) => {
            let inner: usize = x.dims[axis + 1..].iter().product();
            let (source, target) = (x.dims[*axis] * inner, len * inner);
            copy_blocks(x.data, (source, start * inner), out, (target, 0), target);
        }
        (Op::Pad { axis, before, .. }, [x]) => {
            let inner: usize = dims[axis + 1..].iter().product();
            let (source, target) = (x.dims[*axis] * inner, dims[*axis] * inner);
            copy_blocks(x.data, (source, 0), out, (target, before * inner), source);
        }
        (Op::Sum(axes), [x]) => sum(x, axes, out),
        // Leaves and reshapes have no elements of their own to compute; `Graph::add` has checked every count above.
        _ => {}
    }
}

/// Reads `x` with the given strides in row-major order of `dims`.
fn gather(x: &View<'_>, strides: &[usize], dims: &[usize], out: &mut [f64]) {
    Walk::new(dims, [strides]).runs(|position, [offset], len, [step]| {
        for (index, out) in out[position..position + len].iter_mut().enumerate() {
            *out = x.data[offset + index * step];
        }
    });
}

/// Copies `len` elements at `(stride, offset)` of each block; a block ends where the shorter array does.
fn copy_blocks(source: &[f64], from: (usize, usize), out: &mut [f64], to: (usize, usize), len: usize) {
    if len == 0 {
        return;
    }
    for (source, out) in source.chunks_exact(from.0).zip(out.chunks_exact_mut(to.0)) {
        out[to.1..to.1 + len].copy_from_slice(&source[from.1..from.1 + len]);
    }
}

fn concat(parts: &[View<'_>], axis: usize, dims: &[usize], out: &mut [f64]) {
    let inner: usize = dims[axis + 1..].iter().product();
    let mut offset = 0;
    for part in parts {
        let len = part.dims[axis] * inner;
        copy_blocks(part.data, (len, 0), out, (dims[axis] * inner, offset), len);
        offset += len;
    }
}

/// Each element is added to its place in row-major order, so every sum ascends.
fn sum(x: &View<'_>, axes: &[usize], out: &mut [f64]) {
    let kept: Vec<usize> =
        x.dims.iter().enumerate().map(|(axis, len)| if axes.contains(&axis) { 1 } else { *len }).collect();
    Walk::new(&x.dims, [&stretched(&kept, &x.dims)]).runs(|position, [offset], len, [step]| {
        let run = &x.data[position..position + len];
        if step == 0 {
            out[offset] = run.iter().fold(out[offset], |total, value| total + value);
        } else {
            for (index, value) in run.iter().enumerate() {
                out[offset + index * step] += value;
            }
        }
    });
}

fn matmul([a, b]: [&View<'_>; 2], [transpose_a, transpose_b]: [bool; 2], dims: &[usize], out: &mut [f64]) {
    let (lead, last) = dims.split_at(dims.len() - 2);
    let (rows, cols) = (last[0], last[1]);
    let (a_lead, a_last) = a.dims.split_at(a.dims.len() - 2);
    let (b_lead, b_last) = b.dims.split_at(b.dims.len() - 2);
    let inner = if transpose_a { a_last[0] } else { a_last[1] };
    // Counted in matrices, not elements.
    let strides = [stretched(a_lead, lead), stretched(b_lead, lead)];
    let (mut a_rows, mut b_rows) = (Vec::new(), Vec::new());
    Walk::new(lead, [&strides[0], &strides[1]]).runs(|position, at, len, steps| {
        for index in 0..len {
            let a_start = (at[0] + index * steps[0]) * rows * inner;
            let b_start = (at[1] + index * steps[1]) * inner * cols;
            let a = by_rows(&a.data[a_start..a_start + rows * inner], a_last, transpose_a, &mut a_rows);
            let b = by_rows(&b.data[b_start..b_start + inner * cols], b_last, transpose_b, &mut b_rows);
            let start = (position + index) * rows * cols;
            multiply(a, b, (inner, cols), &mut out[start..start + rows * cols]);
        }
    });
}

/// The matrix as it is, or its transpose in `scratch`.
fn by_rows<'a>(matrix: &'a [f64], dims: &[usize], transposed: bool, scratch: &'a mut Vec<f64>) -> &'a [f64] {
    if !transposed {
        return matrix;
    }
    scratch.clear();
    for col in 0..dims[1] {
        scratch.extend(matrix.iter().skip(col).step_by(dims[1]));
    }
    scratch
}

/// out[r][c] = Σₖ a[r][k] · b[k][c], k ascending from +0; columns are the inner loop, because they do not depend on each other.
fn multiply(a: &[f64], b: &[f64], (inner, cols): (usize, usize), out: &mut [f64]) {
    if inner == 0 || cols == 0 {
        return;
    }
    for (a_row, out) in a.chunks_exact(inner).zip(out.chunks_exact_mut(cols)) {
        for (factor, b_row) in a_row.iter().zip(b.chunks_exact(cols)) {
            for (out, value) in out.iter_mut().zip(b_row) {
                *out += factor * value;
            }
        }
    }
}
