//! Whether the rows of a batch stay apart in a file that could only be read for one row.
//!
//! Such a file moves the batch about, or computes with the number of rows, and its operators alone do not tell that rows
//! stay apart. So it is read once more for a few rows, and the oracle compares: each row must give what it gives alone.

use super::options::Imported;
use super::settle::work;
use crate::evaluate::evaluate;
use crate::graph::{Graph, Tensor};

/// Rows of the second reading: more than one, and no length that shapes like to have.
pub(super) const ROWS: usize = 3;
/// States that are tried.
const TRIALS: usize = 2;
/// Most multiplications, or elements computed otherwise, of one comparison.
const MAX_COMPARED_WORK: usize = 1 << 29;
/// Largest difference, relative to the value, or to 1 where that is larger: sums may be taken in another order.
const TOLERANCE: f64 = 1e-9;

/// Whether `many`, the same file with [`ROWS`] rows, gives for each row what `one` gives for it alone.
pub(super) fn stay_apart(one: &Imported, many: &Imported) -> bool {
    let weights = &one.parameters;
    let (one, many) = (&one.graph, &many.graph);
    let affordable = [one, many].iter().all(|graph| {
        work(graph, graph.outputs().iter().map(|(_, id)| *id)).saturating_mul(TRIALS * ROWS) <= MAX_COMPARED_WORK
    });
    if !affordable || one.inputs().len() != many.inputs().len() {
        return false;
    }
    let mut compared = 0;
    for trial in 0..TRIALS {
        match compare(one, many, weights, trial) {
            Some(count) => compared += count,
            None => return false,
        }
    }
    compared > 0
}

/// The finite numbers that agree, or nothing if one does not.
fn compare(one: &Graph, many: &Graph, weights: &[(String, Tensor)], trial: usize) -> Option<usize> {
    let mut together = Vec::new();
    let mut alone: Vec<Vec<(String, Tensor)>> = vec![Vec::new(); ROWS];
    for (index, (name, id)) in one.inputs().into_iter().enumerate() {
        let shape = one.shape(id).row();
        let wide = many.shape(many.leaf(name)?).row();
        let per_row = wide != shape;
        let data = numbers(wide.iter().product(), trial * 16 + index);
        let len: usize = shape.iter().product();
        for (row, inputs) in alone.iter_mut().enumerate() {
            let start = if per_row { row * len } else { 0 };
            let part = data.get(start..start + len)?.to_vec();
            inputs.push((name.to_owned(), Tensor::new(shape.clone(), part).ok()?));
        }
        together.push((name.to_owned(), Tensor::new(wide, data).ok()?));
    }
    let evaluated = |graph: &Graph, inputs: &[(String, Tensor)]| {
        let inputs: Vec<(&str, &Tensor)> =
            inputs.iter().chain(weights).map(|(name, value)| (name.as_str(), value)).collect();
        evaluate(graph, &inputs).ok()
    };
    let found = evaluated(many, &together)?;
    let mut count = 0;
    for (row, inputs) in alone.iter().enumerate() {
        for (wanted, found) in evaluated(one, inputs)?.iter().zip(&found) {
            let len = wanted.data().len();
            let rows_first = wanted.shape().first() == Some(&1)
                && found.shape().first() == Some(&ROWS)
                && found.shape()[1..] == wanted.shape()[1..];
            if found.data().len() != len * ROWS || !(rows_first || len == 1) {
                return None;
            }
            for (wanted, found) in wanted.data().iter().zip(&found.data()[row * len..]) {
                let close = (wanted - found).abs() <= TOLERANCE * wanted.abs().max(1.0);
                count += usize::from(close);
                if !close && wanted.is_finite() | found.is_finite() {
                    return None;
                }
            }
        }
    }
    Some(count)
}

/// Numbers between −1 and 1 without a pattern.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    let number = |index: usize| {
        // A multiplicative hash; its upper bits are as good as random here.
        let bits = (index as u64 ^ ((seed as u64) << 40)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (bits >> 32) as f64 / f64::from(1u32 << 31) - 1.0
    };
    (0..len).map(number).collect()
}
