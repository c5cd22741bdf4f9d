//! Neighbouring kernels that are one instruction: a layer's adjoint takes in the activation's derivative before it, and the
//! forward pass of the same layer where nothing else reads it; a function of known multiples of one number is a layer.
//!
//! Works on what is computed, not on how a graph came to say it: `f·(1 − y·y)` in front of an adjoint is a slope whoever
//! wrote it. A fused kernel does the same operations in the same order, so no bit changes. Kernels whose results nobody reads
//! any more are dropped; whatever does not match stays as it is.

use crate::graph::Binary;
use crate::lower::constants::Constants;
use crate::lower::kernel::{Kernel, Pairwise, Slope, Stream};
use crate::lower::schedule::buffer;
use crate::weights::Weights;

use super::{Selected, Unplaced};

/// A factor and a slope whose product an adjoint reads.
#[derive(Debug, Clone, Copy)]
struct Match {
    factor: Unplaced,
    slope: Slope,
    values: Unplaced,
    /// Kernels that compute the product, from the values on; their results serve nothing else.
    chain: [Option<usize>; 3],
}

/// Fuses every adjoint of the program that can be.
pub(super) fn fuse(mut selected: Selected, constants: &Constants) -> Selected {
    let program = Program::new(&selected, constants);
    let fused: Vec<_> = (0..selected.kernels.len())
        .filter_map(|position| program.fused(position).map(|kernel| (position, kernel)))
        .collect();
    if !fused.is_empty() {
        fused.into_iter().for_each(|(position, kernel)| selected.kernels[position] = kernel);
        drop_unread(&mut selected);
    }
    selected
}

/// The program before anything is fused, with who writes and who reads each buffer.
struct Program<'a> {
    selected: &'a Selected,
    constants: &'a Constants,
    writers: Vec<Vec<usize>>,
    readers: Vec<Vec<usize>>,
}

impl<'a> Program<'a> {
    fn new(selected: &'a Selected, constants: &'a Constants) -> Self {
        let mut writers = vec![Vec::new(); selected.buffers.len()];
        let mut readers = writers.clone();
        for (position, kernel) in selected.kernels.iter().enumerate() {
            if let Some((index, _)) = buffer(kernel.write().at) {
                writers[index].push(position);
            }
            for (index, _) in kernel.reads().iter().filter_map(|read| buffer(read.at)) {
                readers[index].push(position);
            }
        }
        Self { selected, constants, writers, readers }
    }

    /// What replaces the kernel at `position`.
    fn fused(&self, position: usize) -> Option<Kernel<Unplaced>> {
        let (panel, src, dst, rows, cols) = match self.selected.kernels[position] {
            Kernel::DenseAdjoint { panel, src, slope: None, dst, rows, cols, .. } => (panel, src, dst, rows, cols),
            // One row is the adjoint of one column: the same words, the same sum.
            Kernel::Dense { panel, bias: None, src, dst, rows: 1, cols, activation: None, .. } => {
                (panel, src, dst, cols, 1)
            }
            Kernel::Unary { .. } => return self.column(position),
            _ => return None,
        };
        let found = self.scaled(position, src, rows)?;
        if let Some(gradient) = self.gradient(position, (panel, dst, rows, cols), &found) {
            return Some(gradient);
        }
        // Constants can be a factor of a gradient only.
        buffer(found.factor)?;
        let slope = Some((found.slope, found.values));
        Some(Kernel::DenseAdjoint { panel, weights: Weights::F32, src: found.factor, slope, dst, rows, cols })
    }

    /// f(w·x + b) of one number x, known w and b: a layer of one column, whose panel is w as it lies.
    fn column(&self, position: usize) -> Option<Kernel<Unplaced>> {
        let Kernel::Unary { op, src, dst, len } = self.selected.kernels[position] else { return None };
        let serves_only = |at: Unplaced, reader: usize| {
            !self.is_result(at, len) && self.readers(at, len).all(|other| other == reader)
        };
        let known = |stream: Stream<Unplaced>| vector(stream).filter(|at| buffer(*at).is_none());
        let (sum, [a, b]) = self.binary(src, len, Binary::Add)?;
        let (product, bias) =
            [(a, b), (b, a)].into_iter().find_map(|(sum, bias)| Some((vector(sum)?, known(bias)?)))?;
        let (_, [a, b]) = self.binary(product, len, Binary::Mul)?;
        let (panel, x) = [(a, b), (b, a)].into_iter().find_map(|(weights, x)| Some((known(weights)?, x)))?;
        buffer(x.at)?;
        let is_layer = len > 1 && x.step == 0 && serves_only(src, position) && serves_only(product, sum);
        let (bias, activation) = (Some(bias), Some(op));
        is_layer.then_some(Kernel::Dense {
            panel,
            weights: Weights::F32,
            bias,
            src: x.at,
            dst,
            rows: len,
            cols: 1,
            activation,
        })
    }

    /// The adjoint at `position` with the layer that computes the values its slope follows from.
    fn gradient(
        &self,
        position: usize,
        (panel, dst, rows, cols): (Unplaced, Unplaced, usize, usize),
        found: &Match,
    ) -> Option<Kernel<Unplaced>> {
        let Match { factor, slope, values, chain } = *found;
        let layer = self.writer(values, rows)?;
        let Kernel::Dense { panel: same, bias, src, rows: height, cols: width, activation: Some(activation), .. } =
            self.selected.kernels[layer]
        else {
            return None;
        };
        let serves_only = |reader: usize| reader == position || chain.contains(&Some(reader));
        let is_private = !self.is_result(values, rows) && self.readers(values, rows).all(serves_only);
        let reads_itself = overlaps(factor, rows, values, rows);
        ((panel, rows, cols) == (same, height, width) && is_private && !reads_itself).then_some(Kernel::DenseGradient {
            panel,
            weights: Weights::F32,
            bias,
            src,
            factor,
            dst,
            rows,
            cols,
            activation,
            slope,
        })
    }

    /// The argument of an adjoint as factor × slope, where only that adjoint reads it.
    fn scaled(&self, adjoint: usize, src: Unplaced, len: usize) -> Option<Match> {
        let (product, [a, b]) = self.binary(src, len, Binary::Mul)?;
        if self.is_result(src, len) || self.readers(src, len).any(|reader| reader != adjoint) {
            return None;
        }
        let both = [(a, b), (b, a)];
        let known = both.into_iter().find_map(|(factor, derivative)| {
            let (slope, values, [outer, inner]) = self.derivative(product, derivative, len)?;
            Some(Match { factor: vector(factor)?, slope, values, chain: [Some(product), outer, inner] })
        });
        let chain = [Some(product), None, None];
        let plain = |(factor, values): (Stream<Unplaced>, Stream<Unplaced>)| {
            let (factor, values) = (vector(factor)?, vector(values)?);
            buffer(values)?;
            Some(Match { factor, slope: Slope::Value, values, chain })
        };
        // Of two vectors, the one a layer has just computed is the slope.
        let is_layer = |stream: &Stream<Unplaced>| {
            let layer = self.writer(stream.at, len).map(|position| &self.selected.kernels[position]);
            matches!(layer, Some(Kernel::Dense { activation: Some(_), .. }))
        };
        known.or_else(|| if is_layer(&a) { plain((b, a)) } else { plain((a, b)).or_else(|| plain((b, a))) })
    }

    /// 1 − y·y or y·(1 − y), read by the kernel `reader` alone, as a slope of y with the kernels that compute it.
    fn derivative(
        &self,
        reader: usize,
        at: Stream<Unplaced>,
        len: usize,
    ) -> Option<(Slope, Unplaced, [Option<usize>; 2])> {
        let at = vector(at)?;
        let private = |at: Unplaced, reader: usize| {
            !self.is_result(at, len) && self.readers(at, len).all(|other| other == reader)
        };
        let is_private = private(at, reader);
        if let Some((outer, square)) = self.one_minus(at, len) {
            let (inner, [y, same]) = self.binary(square, len, Binary::Mul)?;
            let chain = [outer, inner].map(|kernel| (is_private && private(square, outer)).then_some(kernel));
            return (y == same).then_some((Slope::OneMinusSquare, vector(y)?, chain));
        }
        let (outer, [a, b]) = self.binary(at, len, Binary::Mul)?;
        [(a, b), (b, a)].into_iter().find_map(|(y, rest)| {
            let (inner, same) = self.one_minus(vector(rest)?, len)?;
            let chain = [outer, inner].map(|kernel| (is_private && private(rest.at, outer)).then_some(kernel));
            (vector(y)? == same).then_some((Slope::Logistic, same, chain))
        })
    }

    /// The kernel that computes 1 − z here, and z.
    fn one_minus(&self, at: Unplaced, len: usize) -> Option<(usize, Unplaced)> {
        let (position, [one, z]) = self.binary(at, len, Binary::Sub)?;
        let Unplaced::Constant(known) = one.at else { return None };
        let is_one = (one.step == 0 || len == 1) && self.constants.value(known) == Some(1.0);
        if is_one { Some((position, vector(z)?)) } else { None }
    }

    /// The kernel that computes all of these elements by `op`, and its arguments.
    fn binary(&self, at: Unplaced, len: usize, op: Binary) -> Option<(usize, [Stream<Unplaced>; 2])> {
        let position = self.writer(at, len)?;
        match self.selected.kernels[position] {
            Kernel::Binary { op: Pairwise::Binary(found), lhs, rhs, .. } if found == op => Some((position, [lhs, rhs])),
            _ => None,
        }
    }

    /// The kernel that writes exactly these elements.
    fn writer(&self, at: Unplaced, len: usize) -> Option<usize> {
        let (index, _) = buffer(at)?;
        self.writers[index].iter().copied().find(|position| {
            let write = self.selected.kernels[*position].write();
            write.at == at && write.span == len
        })
    }

    /// Kernels that read any of these elements.
    fn readers(&self, at: Unplaced, len: usize) -> impl Iterator<Item = usize> {
        let candidates = buffer(at).map_or(&[][..], |(index, _)| &self.readers[index]);
        candidates.iter().copied().filter(move |position| {
            let reads = self.selected.kernels[*position].reads();
            reads.iter().any(|read| overlaps(read.at, read.span, at, len))
        })
    }

    fn is_result(&self, at: Unplaced, len: usize) -> bool {
        overlaps(at, len, self.selected.result, self.selected.result_len)
    }
}

fn overlaps(a: Unplaced, a_len: usize, b: Unplaced, b_len: usize) -> bool {
    match (buffer(a), buffer(b)) {
        (Some((index, start)), Some((same, other))) => index == same && start < other + b_len && other < start + a_len,
        _ => false,
    }
}

/// Where a stream starts, if it has an element for each of the result.
fn vector(stream: Stream<Unplaced>) -> Option<Unplaced> {
    (stream.step == 1).then_some(stream.at)
}

/// Drops kernels whose results are read by nothing that the result needs.
fn drop_unread(selected: &mut Selected) {
    let mut wanted: Vec<Vec<(usize, usize)>> = vec![Vec::new(); selected.buffers.len()];
    if let Some((index, offset)) = buffer(selected.result) {
        wanted[index].push((offset, offset + selected.result_len));
    }
    let mut kept = Vec::new();
    for kernel in selected.kernels.drain(..).rev() {
        let write = kernel.write();
        let is_wanted = buffer(write.at).is_none_or(|(index, offset)| {
            wanted[index].iter().any(|(from, to)| *from < offset + write.span && offset < *to)
        });
        if is_wanted {
            for read in kernel.reads() {
                if let Some((index, offset)) = buffer(read.at) {
                    wanted[index].push((offset, offset + read.span));
                }
            }
            kept.push(kernel);
        }
    }
    kept.reverse();
    selected.kernels = kept;
}
