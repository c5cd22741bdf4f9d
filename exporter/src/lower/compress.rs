//! What a plan keeps of its constants: those that something reads, and panels in fewer bits wherever that loses nothing.
//!
//! A panel is stored anew only where every weight is, to the bit, what its storage gives back. Constants that are read as anything
//! else stay as they are, and keep their order.

use std::collections::BTreeMap;

use half::f16;
use hnn_runtime::format::PANEL_ROWS;

use super::kernel::Kernel;
use super::plan::{Operand, Plan};
use crate::weights::Weights;

/// Where a panel lies in a plan in f32, and its size.
type Place = (usize, usize, usize);

/// The same plan with weights stored as asked for, and without constants that nothing reads.
pub(super) fn compress(plan: &Plan, weights: Weights) -> Plan {
    let pack: fn(&[f32], usize) -> Option<Vec<u32>> = match weights {
        Weights::F32 => |_, _| None,
        Weights::F16 => halves,
        Weights::Int8 => bytes,
    };
    let kernels = || plan.entries.iter().flat_map(|entry| &entry.kernels);
    let mut packed: BTreeMap<Place, Vec<u32>> = BTreeMap::new();
    for place in kernels().filter_map(place) {
        let (at, rows, cols) = place;
        // A vector has few words; it is most of what an energy is read out with.
        if rows > 1
            && cols > 1
            && let Some(words) = pack(&matrix(&plan.constants[at..][..rows * cols], rows, cols), cols)
        {
            packed.insert(place, words);
        }
    }
    let is_packed = |kernel: &Kernel<Operand>| place(kernel).is_some_and(|place| packed.contains_key(&place));
    let mut kept = vec![false; plan.constants.len()];
    let mut keep = |at: Operand, span: usize| {
        if let Operand::Constant(at) = at {
            kept[at..at + span].fill(true);
        }
    };
    for kernel in kernels() {
        // A panel is what a layer reads first.
        let panels = usize::from(is_packed(kernel));
        kernel.reads().into_iter().skip(panels).for_each(|access| keep(access.at, access.span));
    }
    plan.entries.iter().for_each(|entry| keep(entry.result, entry.result_len));
    plan.inverse_mass.into_iter().for_each(|at| keep(Operand::Constant(at), plan.dof * plan.dof));

    let mut constants: Vec<u32> = Vec::new();
    let mut moved = Vec::with_capacity(kept.len());
    for (word, is_kept) in plan.constants.iter().zip(&kept) {
        moved.push(constants.len());
        constants.extend(is_kept.then_some(word));
    }
    let mut starts: BTreeMap<Place, usize> = BTreeMap::new();
    for (place, words) in &packed {
        starts.insert(*place, constants.len());
        constants.extend(words);
    }
    let to = |at: Operand| match at {
        Operand::Constant(at) => Operand::Constant(moved[at]),
        Operand::Workspace(at) => Operand::Workspace(at),
    };
    let mut compressed = Plan { inverse_mass: plan.inverse_mass.map(|at| moved[at]), constants, ..plan.clone() };
    for entry in &mut compressed.entries {
        entry.result = to(entry.result);
        for kernel in &mut entry.kernels {
            let start = place(kernel).and_then(|place| starts.get(&place));
            *kernel = kernel.map(&to);
            if let Some(start) = start {
                restore(kernel, Operand::Constant(*start), weights);
            }
        }
    }
    compressed
}

/// The panel a kernel reads.
fn place(kernel: &Kernel<Operand>) -> Option<Place> {
    match kernel {
        Kernel::Dense { panel: Operand::Constant(at), rows, cols, .. }
        | Kernel::DenseAdjoint { panel: Operand::Constant(at), rows, cols, .. }
        | Kernel::DenseGradient { panel: Operand::Constant(at), rows, cols, .. } => Some((*at, *rows, *cols)),
        _ => None,
    }
}

fn restore(kernel: &mut Kernel<Operand>, start: Operand, stored: Weights) {
    if let Kernel::Dense { panel, weights, .. }
    | Kernel::DenseAdjoint { panel, weights, .. }
    | Kernel::DenseGradient { panel, weights, .. } = kernel
    {
        (*panel, *weights) = (start, stored);
    }
}

/// The rows of a panel of f32, as a row-major matrix.
fn matrix(panel: &[u32], rows: usize, cols: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; rows * cols];
    for (index, word) in panel.iter().enumerate() {
        let first = index / (PANEL_ROWS * cols) * PANEL_ROWS;
        let (height, within) = (PANEL_ROWS.min(rows - first), index - first * cols);
        matrix[(first + within % height) * cols + within / height] = f32::from_bits(*word);
    }
    matrix
}

/// Groups of four rows, column by column, the last filled up.
fn groups<T: Copy + Default>(matrix: &[T], cols: usize) -> impl Iterator<Item = [T; PANEL_ROWS]> {
    let rows = matrix.len() / cols;
    (0..rows.div_ceil(PANEL_ROWS)).flat_map(move |group| {
        (0..cols).map(move |col| {
            std::array::from_fn(|row| matrix.get((PANEL_ROWS * group + row) * cols + col).copied().unwrap_or_default())
        })
    })
}

fn halves(matrix: &[f32], cols: usize) -> Option<Vec<u32>> {
    let exact = |weight: &f32| {
        let half = f16::from_f32(*weight);
        (half.is_finite() && half.to_f32().to_bits() == weight.to_bits()).then(|| u32::from(half.to_bits()))
    };
    let halves = matrix.iter().map(exact).collect::<Option<Vec<u32>>>()?;
    Some(groups(&halves, cols).flat_map(|[a, b, c, d]| [a | b << 16, c | d << 16]).collect())
}

fn bytes(matrix: &[f32], cols: usize) -> Option<Vec<u32>> {
    let mut words = Vec::new();
    let mut whole: Vec<i8> = Vec::with_capacity(matrix.len());
    for row in matrix.chunks(cols) {
        let largest = row.iter().fold(0.0, |largest: f64, weight| largest.max(f64::from(*weight).abs()));
        let scale = largest / f64::from(i8::MAX);
        let exact = |weight: &f32| {
            let ratio = if scale > 0.0 { f64::from(*weight) / scale } else { 0.0 };
            // −0 would come back as +0.
            (ratio.fract() == 0.0 && (ratio != 0.0 || weight.to_bits() == 0)).then_some(ratio as i8)
        };
        whole.extend(row.iter().map(exact).collect::<Option<Vec<i8>>>()?);
        let stored = scale as f32;
        if f64::from(stored) != scale {
            return None;
        }
        words.push(stored.to_bits());
    }
    words.extend(groups(&whole, cols).map(|column| u32::from_le_bytes(column.map(i8::cast_unsigned))));
    Some(words)
}
