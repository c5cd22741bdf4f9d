//! Ground truth: motions integrated to a tolerance that is verified, not assumed.
//!
//! Gragg's midpoint rule extrapolated over 2, 4, …, 12 substeps, order 12 (Gragg 1965; Bulirsch and Stoer 1966; Hairer,
//! Nørsett and Wanner, *Solving Ordinary Differential Equations I*, section II.9, equations 9.10 and 9.13). It needs no
//! table of coefficients, hits every requested time exactly, and evaluates all trajectories together, each at its own pace,
//! which the adaptive solvers on crates.io, made for one trajectory, do not. A step is accepted by the difference of the last
//! two columns of the triangle; that bounds one step, not the motion. So every motion is integrated again with a hundredth of
//! that allowance, and in more steps between two requested times, until the two agree: the finer one is returned, the difference is
//! its error bound. A close encounter thus costs short steps where it happens, in the motion it happens to.

mod pace;

use super::{Field, SystemError};
use crate::data::as_f64;
use pace::{Care, sweep};

/// Most times that a motion is integrated more finely.
pub const MAX_REFINEMENTS: usize = CAUTIONS.len() - 1;

/// The allowance per step is divided by this from one integration to the next.
const REFINEMENT: f64 = 100.0;
/// How much shorter than allowed the steps of each integration are.
const CAUTIONS: [f64; 5] = [0.9, 0.8, 0.72, 0.65, 0.59];
/// Allowance per step of the first integration, as a part of the tolerance.
const FIRST_ALLOWANCE: f64 = 0.1;
/// Motions that advance together: enough to hide the cost of a call, few enough to stay in cache.
const BATCH: usize = 500;

/// Motions at the requested times.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// Number of motions.
    pub rows: usize,
    /// Length of one state, 2n.
    pub width: usize,
    /// Requested times.
    pub times: Vec<f64>,
    /// States `[times × rows × width]`; the first block is the start.
    pub states: Vec<f64>,
    /// Largest difference of any coordinate to the next coarser integration: a bound on the error of these states.
    pub attained: f64,
    /// Evaluations of the field, of one row each.
    pub evaluations: u64,
}

impl Truth {
    /// States of one motion, `[times × width]`.
    #[must_use]
    pub fn motion(&self, row: usize) -> Vec<f64> {
        let blocks = self.states.chunks_exact((self.rows * self.width).max(1));
        blocks.flat_map(|block| &block[row * self.width..(row + 1) * self.width]).copied().collect()
    }
}

/// Integrates every row of `starts` `[rows × width]` from `times[0]` through all `times`.
///
/// # Errors
/// [`SystemError::NotFinite`] where a motion escapes, [`SystemError::Tolerance`] where [`MAX_REFINEMENTS`] do not bring two
/// integrations within `tolerance` or steps become too many, and whatever the field reports.
pub fn integrate(field: &mut dyn Field, starts: &[f64], times: &[f64], tolerance: f64) -> Result<Truth, SystemError> {
    let width = field.width();
    let rows = starts.len() / width;
    let mut truth = Truth {
        rows,
        width,
        times: times.to_vec(),
        states: vec![0.0; times.len() * starts.len()],
        attained: 0.0,
        evaluations: 0,
    };
    for first in (0..rows).step_by(BATCH) {
        let rows: Vec<usize> = (first..rows.min(first + BATCH)).collect();
        let starts = starts[first * width..(first + rows.len()) * width].to_vec();
        refine(field, Open { rows, starts, coarse: Vec::new(), apart: f64::INFINITY }, &mut truth, tolerance)?;
    }
    Ok(truth)
}

/// Integrates ever finer until every motion agrees with itself.
fn refine(field: &mut dyn Field, mut open: Open, truth: &mut Truth, tolerance: f64) -> Result<(), SystemError> {
    let mut allowance = tolerance * FIRST_ALLOWANCE;
    for (index, caution) in CAUTIONS.into_iter().enumerate() {
        // Requested times that lie close together would otherwise make two integrations take the very same steps.
        let care = Care { allowance, caution, parts: as_f64(index + 1) };
        let fine = sweep(field, &open.starts, &truth.times, care, &mut truth.evaluations)?;
        if index == 0 {
            open.coarse = fine;
        } else {
            open.settle(fine, truth, tolerance);
        }
        allowance /= REFINEMENT;
        if open.rows.is_empty() {
            return Ok(());
        }
    }
    let horizon = truth.times.last().zip(truth.times.first()).map_or(0.0, |(last, first)| last - first);
    Err(SystemError::Tolerance { attained: open.apart, tolerance, horizon })
}

/// Motions whose last two integrations still differ.
struct Open {
    /// Their rows among the starts.
    rows: Vec<usize>,
    starts: Vec<f64>,
    /// Their states at the last integration, `[times × rows × width]`.
    coarse: Vec<f64>,
    /// Largest difference at the last integration.
    apart: f64,
}

impl Open {
    /// Hands the motions that agree to the truth and keeps the others.
    fn settle(&mut self, fine: Vec<f64>, truth: &mut Truth, tolerance: f64) {
        let (width, count) = (truth.width, self.rows.len());
        let mut apart = vec![0.0f64; count];
        for (at, (a, b)) in self.coarse.iter().zip(&fine).enumerate() {
            let row = at / width % count;
            apart[row] = apart[row].max((a - b).abs());
        }
        let agreeing = (0..count).filter(|place| apart[*place] <= tolerance);
        for place in agreeing {
            truth.attained = truth.attained.max(apart[place]);
            for time in 0..truth.times.len() {
                let (from, to) = ((time * count + place) * width, (time * truth.rows + self.rows[place]) * width);
                truth.states[to..to + width].copy_from_slice(&fine[from..from + width]);
            }
        }
        let kept = |values: &[f64]| -> Vec<f64> {
            let stays = |at: usize| apart[at / width % count] > tolerance;
            values.iter().enumerate().filter(|(at, _)| stays(*at)).map(|(_, value)| *value).collect()
        };
        self.starts = kept(&self.starts);
        self.coarse = kept(&fine);
        self.rows =
            self.rows.iter().zip(&apart).filter(|(_, error)| **error > tolerance).map(|(row, _)| *row).collect();
        self.apart = apart.into_iter().fold(0.0, f64::max);
    }
}

#[cfg(test)]
mod tests;
