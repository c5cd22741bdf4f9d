//! What the instructions do to eight states; the kernels of one state are in [`crate::kernels`].
//!
//! Operands are verified, as there; where an element is not found, nothing is computed.

use crate::format::{
    Binary, BinaryKind, Copy, Dense, DenseAdjoint, DenseGradient, Entry, Fill, Instruction, MatMul, Operand,
    PANEL_ROWS, Select, SlopeKind, Sum, Unary, WeightKind,
};
use crate::image::Image;
#[cfg(feature = "f16")]
use crate::kernels::weights::F16;
#[cfg(feature = "int8")]
use crate::kernels::weights::Int8;
use crate::kernels::weights::{F32, Panel, Quad, Weights};
use crate::math;
use crate::rows::rows as rows_of;

use super::lanes::{LANES, Lanes};

/// Computes an entry from the inputs that are in the workspace.
pub(super) fn execute(image: &Image<'_>, entry: Entry, workspace: &mut [Lanes]) -> Option<()> {
    let constants = image.constants;
    for instruction in image.instructions(entry) {
        match &instruction {
            Instruction::Unary(unary) => self::unary(unary, workspace, constants)?,
            Instruction::Binary(binary) => self::binary(binary, workspace, constants)?,
            Instruction::Select(select) => self::select(select, workspace, constants)?,
            Instruction::Fill(Fill { dst, len, value }) => {
                part_mut(workspace, *dst, *len as usize)?.fill(Lanes::splat(f32::from_bits(*value)));
            }
            Instruction::Copy(copy) => self::copy(copy, workspace, constants)?,
            Instruction::Sum(sum) => self::sum(sum, workspace, constants)?,
            Instruction::MatMul(matmul) => self::multiply(matmul, workspace, constants)?,
            // Refused when a program is bound.
            Instruction::Network(_) => return None,
            Instruction::Dense(dense) => match dense.weights {
                WeightKind::F32 => forward::<F32>(dense, workspace, constants)?,
                #[cfg(feature = "f16")]
                WeightKind::F16 => forward::<F16>(dense, workspace, constants)?,
                #[cfg(feature = "int8")]
                WeightKind::Int8 => forward::<Int8>(dense, workspace, constants)?,
                #[cfg(not(all(feature = "f16", feature = "int8")))]
                _ => return None,
            },
            Instruction::DenseAdjoint(dense) => match dense.weights {
                WeightKind::F32 => adjoint::<F32>(dense, workspace, constants)?,
                #[cfg(feature = "f16")]
                WeightKind::F16 => adjoint::<F16>(dense, workspace, constants)?,
                #[cfg(feature = "int8")]
                WeightKind::Int8 => adjoint::<Int8>(dense, workspace, constants)?,
                #[cfg(not(all(feature = "f16", feature = "int8")))]
                _ => return None,
            },
            Instruction::DenseGradient(dense) => match dense.weights {
                WeightKind::F32 => gradient::<F32>(dense, workspace, constants)?,
                #[cfg(feature = "f16")]
                WeightKind::F16 => gradient::<F16>(dense, workspace, constants)?,
                #[cfg(feature = "int8")]
                WeightKind::Int8 => gradient::<Int8>(dense, workspace, constants)?,
                #[cfg(not(all(feature = "f16", feature = "int8")))]
                _ => return None,
            },
        }
    }
    Some(())
}

/// One element of the workspace, or of the constants in every lane; +0 beyond the end, which verified operands never reach.
#[inline(always)]
pub(super) fn value(is_constant: bool, index: usize, workspace: &[Lanes], constants: &[u32]) -> [f32; LANES] {
    if is_constant {
        [constants.get(index).map_or(0.0, |word| f32::from_bits(*word)); LANES]
    } else {
        workspace.get(index).copied().unwrap_or_default().0
    }
}

#[inline(always)]
fn at(operand: Operand, index: usize, workspace: &[Lanes], constants: &[u32]) -> Lanes {
    Lanes(value(operand.is_constant(), operand.offset() + index, workspace, constants))
}

fn part_mut(workspace: &mut [Lanes], offset: u32, len: usize) -> Option<&mut [Lanes]> {
    workspace.split_at_mut_checked(offset as usize)?.1.get_mut(..len)
}

fn replace(values: &mut [Lanes], function: fn(&mut [f32])) {
    values.iter_mut().for_each(|lanes| function(&mut lanes.0));
}

fn unary(unary: &Unary, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let len = unary.len as usize;
    if unary.src != Operand::workspace(unary.dst) {
        for index in 0..len {
            *workspace.get_mut(unary.dst as usize + index)? = at(unary.src, index, workspace, constants);
        }
    }
    replace(part_mut(workspace, unary.dst, len)?, math::function(unary.kind));
    Some(())
}

fn binary(binary: &Binary, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    match binary.kind {
        BinaryKind::Add => pairs(binary, workspace, constants, |a, b| a + b),
        BinaryKind::Sub => pairs(binary, workspace, constants, |a, b| a - b),
        BinaryKind::Mul => pairs(binary, workspace, constants, |a, b| a * b),
        BinaryKind::Div => pairs(binary, workspace, constants, |a, b| a / b),
        BinaryKind::Max => pairs(binary, workspace, constants, math::max),
        BinaryKind::Min => pairs(binary, workspace, constants, math::min),
        BinaryKind::Greater => pairs(binary, workspace, constants, |a, b| math::truth(a > b)),
        BinaryKind::GreaterOrEqual => pairs(binary, workspace, constants, |a, b| math::truth(a >= b)),
        #[allow(clippy::float_cmp, reason = "exact equality is what the operator means")]
        BinaryKind::Equal => pairs(binary, workspace, constants, |a, b| math::truth(a == b)),
        BinaryKind::Pow => pairs(binary, workspace, constants, math::pow),
    }
}

#[inline(always)]
fn pairs(
    binary: &Binary,
    workspace: &mut [Lanes],
    constants: &[u32],
    function: impl Fn(f32, f32) -> f32,
) -> Option<()> {
    for index in 0..binary.len {
        let lhs = at(binary.lhs, (index * binary.lhs_step) as usize, workspace, constants);
        let rhs = at(binary.rhs, (index * binary.rhs_step) as usize, workspace, constants);
        *workspace.get_mut((binary.dst + index) as usize)? = lhs.zip(rhs, &function);
    }
    Some(())
}

fn select(select: &Select, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    for index in 0..select.len {
        let [first, second, third] = select.steps.map(|step| (index * step) as usize);
        let condition = at(select.condition, first, workspace, constants);
        let accepted = at(select.accepted, second, workspace, constants);
        let mut chosen = at(select.rejected, third, workspace, constants);
        for ((chosen, accepted), condition) in chosen.0.iter_mut().zip(accepted.0).zip(condition.0) {
            if condition != 0.0 {
                *chosen = accepted;
            }
        }
        *workspace.get_mut((select.dst + index) as usize)? = chosen;
    }
    Some(())
}

fn copy(copy: &Copy, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let [d0, d1, d2, d3] = copy.dims;
    let place =
        |[s0, s1, s2, s3]: [u32; 4], [i0, i1, i2, i3]: [u32; 4]| (i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3) as usize;
    for i0 in 0..d0 {
        for i1 in 0..d1 {
            for i2 in 0..d2 {
                for i3 in 0..d3 {
                    let index = [i0, i1, i2, i3];
                    let element = at(copy.src, place(copy.src_strides, index), workspace, constants);
                    *workspace.get_mut(copy.dst as usize + place(copy.dst_strides, index))? = element;
                }
            }
        }
    }
    Some(())
}

fn sum(sum: &Sum, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    for outer in 0..sum.outer {
        for inner in 0..sum.inner {
            let term = |k: u32| ((outer * sum.len + k) * sum.inner + inner) as usize;
            let terms = (0..sum.len).map(|k| at(sum.src, term(k), workspace, constants));
            let total = terms.fold(Lanes::default(), |total, term| total + term);
            *workspace.get_mut((sum.dst + outer * sum.inner + inner) as usize)? = total;
        }
    }
    Some(())
}

fn multiply(matmul: &MatMul, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let ([lhs_batch, lhs_row, lhs_inner], [rhs_batch, rhs_inner, rhs_col]) = (matmul.lhs_strides, matmul.rhs_strides);
    let mut dst = matmul.dst as usize;
    for b in 0..matmul.batch {
        for r in 0..matmul.rows {
            for c in 0..matmul.cols {
                let (left, right) = (b * lhs_batch + r * lhs_row, b * rhs_batch + c * rhs_col);
                let product = |k: u32| {
                    let lhs = at(matmul.lhs, (left + k * lhs_inner) as usize, workspace, constants);
                    lhs * at(matmul.rhs, (right + k * rhs_inner) as usize, workspace, constants)
                };
                let total = (0..matmul.inner).fold(Lanes::default(), |total, k| total + product(k));
                *workspace.get_mut(dst)? = total;
                dst += 1;
            }
        }
    }
    Some(())
}

/// Four rows of eight lanes.
type Rows = [Lanes; PANEL_ROWS];

/// Numbers of four rows from `row` on; +0 beyond `count`.
fn quad(operand: Operand, row: usize, count: usize, workspace: &[Lanes], constants: &[u32]) -> Rows {
    let mut rows = Rows::default();
    for (offset, lanes) in rows.iter_mut().enumerate() {
        if !operand.is_absent() && row + offset < count {
            *lanes = at(operand, row + offset, workspace, constants);
        }
    }
    rows
}

/// The columns of a group of `count` rows, those beyond it +0.
#[inline(always)]
fn columns<W: Weights>(group: &[u32], count: usize, mut each: impl FnMut(usize, Quad)) {
    if count < PANEL_ROWS && !W::IS_PADDED {
        for (index, words) in rows_of(group, count).enumerate() {
            let mut column = [0.0; PANEL_ROWS];
            column.iter_mut().zip(words).for_each(|(weight, word)| *weight = f32::from_bits(*word));
            each(index, column);
        }
        return;
    }
    let (tiles, rest) = W::columns(group);
    let mut first = 0;
    for [a, b, c, d] in tiles {
        each(first, a);
        each(first + 1, b);
        each(first + 2, c);
        each(first + 3, d);
        first += 4;
    }
    for (index, column) in rest.enumerate() {
        each(first + index, column);
    }
}

/// The complete sums of up to four rows.
#[inline(always)]
fn sums<W: Weights>(panel: &Panel<'_, W>, group: &[u32], row: usize, count: usize, src: &[Lanes], bias: Rows) -> Rows {
    let mut sums = if W::KIND.is_scaled() { Rows::default() } else { bias };
    columns::<W>(group, count, |index, [wa, wb, wc, wd]| {
        let x = src.get(index).copied().unwrap_or_default();
        let [a, b, c, d] = sums;
        let (a, b) = (a + Lanes::splat(wa) * x, b + Lanes::splat(wb) * x);
        sums = [a, b, c + Lanes::splat(wc) * x, d + Lanes::splat(wd) * x];
    });
    if W::KIND.is_scaled() {
        for ((sum, scale), bias) in sums.iter_mut().zip(panel.scale(row)).zip(bias) {
            *sum = bias + Lanes::splat(scale) * *sum;
        }
    }
    sums
}

/// sums\[c\] += W\[r\]\[c\]·factors\[r\] of up to four rows, r ascending.
#[inline(always)]
fn add_rows<W: Weights>(
    panel: &Panel<'_, W>,
    group: &[u32],
    (row, count): (usize, usize),
    mut factors: Rows,
    sums: &mut [Lanes],
) {
    if W::KIND.is_scaled() {
        factors.iter_mut().zip(panel.scale(row)).for_each(|(factor, scale)| *factor = Lanes::splat(scale) * *factor);
    }
    // Rows that are not there have weight and factor +0: that changes no sum that starts from +0.
    let [fa, fb, fc, fd] = factors;
    columns::<W>(group, count, |index, [wa, wb, wc, wd]| {
        if let Some(sum) = sums.get_mut(index) {
            let above = *sum + Lanes::splat(wa) * fa + Lanes::splat(wb) * fb;
            *sum = above + Lanes::splat(wc) * fc + Lanes::splat(wd) * fd;
        }
    });
}

fn sloped(kind: Option<SlopeKind>, factors: Rows, values: Rows) -> Rows {
    let mut result = factors;
    for (factor, y) in result.iter_mut().zip(values) {
        *factor = match kind {
            None => *factor,
            Some(SlopeKind::Value) => *factor * y,
            Some(SlopeKind::OneMinusSquare) => *factor * (Lanes::splat(1.0) - y * y),
            Some(SlopeKind::Logistic) => *factor * (y * (Lanes::splat(1.0) - y)),
        };
    }
    result
}

/// The workspace cut at `len` elements that are written; what is read lies before or behind them.
fn split(workspace: &mut [Lanes], dst: u32, len: usize) -> Option<(&[Lanes], &mut [Lanes], &[Lanes])> {
    let (before, rest) = workspace.split_at_mut_checked(dst as usize)?;
    let (written, after) = rest.split_at_mut_checked(len)?;
    Some((before, written, after))
}

/// The `len` elements at `operand`, which are not among those written.
fn read<'a>(
    before: &'a [Lanes],
    written: usize,
    after: &'a [Lanes],
    operand: Operand,
    len: usize,
) -> Option<&'a [Lanes]> {
    let (from, offset) = match operand.offset().checked_sub(before.len() + written) {
        Some(offset) => (after, offset),
        None => (before, operand.offset()),
    };
    from.get(offset..)?.get(..len)
}

fn forward<W: Weights>(dense: &Dense, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let mut words = panel.words;
    for row in (0..rows).step_by(PANEL_ROWS) {
        let (group, after) = words.split_at_checked(W::group_len(cols).min(words.len()))?;
        let bias = quad(dense.bias, row, rows, workspace, constants);
        let src = workspace.get(dense.src.offset()..)?.get(..cols)?;
        let sums = sums(&panel, group, row, rows - row, src, bias);
        let dst = part_mut(workspace, dense.dst, rows)?.get_mut(row..)?;
        dst.iter_mut().zip(sums).for_each(|(element, sum)| *element = sum);
        words = after;
    }
    if let Some(kind) = dense.activation {
        replace(part_mut(workspace, dense.dst, rows)?, math::function(kind));
    }
    Some(())
}

fn adjoint<W: Weights>(dense: &DenseAdjoint, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let mut words = panel.words;
    let (kind, values) = dense.slope.map_or((None, Operand::ABSENT), |(kind, values)| (Some(kind), values));
    part_mut(workspace, dense.dst, cols)?.fill(Lanes::default());
    for row in (0..rows).step_by(PANEL_ROWS) {
        let (group, after) = words.split_at_checked(W::group_len(cols).min(words.len()))?;
        let factors = quad(dense.src, row, rows, workspace, constants);
        let factors = sloped(kind, factors, quad(values, row, rows, workspace, constants));
        add_rows(&panel, group, (row, rows - row), factors, part_mut(workspace, dense.dst, cols)?);
        words = after;
    }
    Some(())
}

fn gradient<W: Weights>(dense: &DenseGradient, workspace: &mut [Lanes], constants: &[u32]) -> Option<()> {
    let (rows, cols) = (dense.rows as usize, dense.cols as usize);
    let panel = Panel::<W>::find(constants, dense.panel, dense.rows, dense.cols)?;
    let mut words = panel.words;
    let activation = math::function(dense.activation);
    part_mut(workspace, dense.dst, cols)?.fill(Lanes::default());
    for row in (0..rows).step_by(PANEL_ROWS) {
        let (group, following) = words.split_at_checked(W::group_len(cols).min(words.len()))?;
        let bias = quad(dense.bias, row, rows, workspace, constants);
        let factors = quad(dense.factor, row, rows, workspace, constants);
        let (before, dst, after) = split(workspace, dense.dst, cols)?;
        let src = read(before, cols, after, dense.src, cols)?;
        let mut values = sums(&panel, group, row, rows - row, src, bias);
        replace(&mut values, activation);
        let mut factors = sloped(Some(dense.slope), factors, values);
        // Rows that only fill up a group: an activation may have a pole at 0.
        factors.iter_mut().skip(rows - row).for_each(|factor| *factor = Lanes::default());
        add_rows(&panel, group, (row, rows - row), factors, dst);
        words = following;
    }
    Some(())
}
