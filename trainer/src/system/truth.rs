//! Ground truth: motions integrated to a tolerance that is verified, not assumed.
//!
//! Gragg's midpoint rule extrapolated over 2, 4, …, 12 substeps, order 12 (Gragg 1965; Bulirsch and Stoer 1966; Hairer,
//! Nørsett and Wanner, *Solving Ordinary Differential Equations I*, section II.9, equations 9.10 and 9.13). It needs no
//! table of coefficients, hits every requested time exactly, and evaluates all trajectories together, which the adaptive
//! solvers on crates.io, made for one trajectory, do not. Each interval between requested times is divided into 1, 2, 4, …
//! extrapolation steps until two refinements agree; the finer one is returned, the difference is its error bound. A motion
//! that agrees is left alone: a close encounter in one of thousands costs its own refinement only.

use super::{Field, SystemError};

/// Most doublings of the number of steps per interval.
pub const MAX_REFINEMENTS: u32 = 12;

/// Two refinements closer than this converge at order twelve unless rounding, amplified by the motion, keeps them apart.
const ROUNDING_BELOW: f64 = 1e-6;

/// Substeps of the extrapolated midpoint rules.
const SUBSTEPS: [u32; 6] = [2, 4, 6, 8, 10, 12];

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
    /// Largest difference of any coordinate to the next coarser refinement: a bound on the error of these states.
    pub attained: f64,
    /// Extrapolation steps per interval of the motion that needed most.
    pub steps: u32,
    /// Evaluations of the field, of all rows that had not agreed yet each.
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
/// [`SystemError::NotFinite`] where a motion escapes, [`SystemError::Tolerance`] where [`MAX_REFINEMENTS`] doublings do not
/// bring two refinements within `tolerance` or rounding keeps them apart, and whatever the field reports.
pub fn integrate(field: &mut dyn Field, starts: &[f64], times: &[f64], tolerance: f64) -> Result<Truth, SystemError> {
    let width = field.width();
    let rows = starts.len() / width;
    let mut truth = Truth {
        rows,
        width,
        times: times.to_vec(),
        states: vec![0.0; times.len() * starts.len()],
        attained: 0.0,
        steps: 1,
        evaluations: 0,
    };
    let mut open =
        Open { rows: (0..rows).collect(), starts: starts.to_vec(), coarse: Vec::new(), apart: f64::INFINITY };
    open.coarse = sweep(field, starts, times, truth.steps, &mut truth.evaluations)?;
    for _ in 0..MAX_REFINEMENTS {
        truth.steps *= 2;
        let fine = sweep(field, &open.starts, times, truth.steps, &mut truth.evaluations)?;
        let before = open.apart;
        open.settle(fine, &mut truth, tolerance);
        if open.rows.is_empty() {
            return Ok(truth);
        }
        if open.apart < ROUNDING_BELOW && open.apart > before / 2.0 {
            break;
        }
    }
    let horizon = times.last().zip(times.first()).map_or(0.0, |(last, first)| last - first);
    Err(SystemError::Tolerance { attained: open.apart, tolerance, horizon })
}

/// Motions whose last two refinements still differ.
struct Open {
    /// Their rows among the starts.
    rows: Vec<usize>,
    starts: Vec<f64>,
    /// Their states at the last refinement, `[times × rows × width]`.
    coarse: Vec<f64>,
    /// Largest difference at the last refinement.
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
        for (place, (row, error)) in
            self.rows.iter().zip(&apart).enumerate().filter(|(_, (_, error))| **error <= tolerance)
        {
            truth.attained = truth.attained.max(*error);
            for time in 0..truth.times.len() {
                let (from, to) = ((time * count + place) * width, (time * truth.rows + row) * width);
                truth.states[to..to + width].copy_from_slice(&fine[from..from + width]);
            }
        }
        let stays = |at: usize| apart[at / width % count] > tolerance;
        let kept = |values: &[f64]| -> Vec<f64> {
            values.iter().enumerate().filter(|(at, _)| stays(*at)).map(|(_, value)| *value).collect()
        };
        self.starts = kept(&self.starts);
        self.coarse = kept(&fine);
        self.rows =
            self.rows.iter().zip(&apart).filter(|(_, error)| **error > tolerance).map(|(row, _)| *row).collect();
        self.apart = apart.into_iter().fold(0.0, f64::max);
    }
}

/// One pass with a fixed number of steps per interval; states at all times.
fn sweep(
    field: &mut dyn Field,
    starts: &[f64],
    times: &[f64],
    steps: u32,
    evaluations: &mut u64,
) -> Result<Vec<f64>, SystemError> {
    let mut states = starts.to_vec();
    let mut x = starts.to_vec();
    let mut scheme = Extrapolation::new(starts.len());
    for pair in times.windows(2) {
        let length = (pair[1] - pair[0]) / f64::from(steps);
        for _ in 0..steps {
            scheme.step(field, &mut x, length, evaluations)?;
        }
        if x.iter().any(|value| !value.is_finite()) {
            return Err(SystemError::NotFinite { time: pair[0] });
        }
        states.extend_from_slice(&x);
    }
    Ok(states)
}

/// Buffers of the extrapolation.
struct Extrapolation {
    /// f at the start of the step, and at a substep.
    slope_first: Vec<f64>,
    slope: Vec<f64>,
    before: Vec<f64>,
    now: Vec<f64>,
    /// Increments over the step, row j of the triangle as far as it is needed for row j + 1.
    increments: Vec<Vec<f64>>,
}

impl Extrapolation {
    fn new(len: usize) -> Self {
        let buffer = || vec![0.0; len];
        Self {
            slope_first: buffer(),
            slope: buffer(),
            before: buffer(),
            now: buffer(),
            increments: SUBSTEPS.iter().map(|_| buffer()).collect(),
        }
    }

    fn step(&mut self, field: &mut dyn Field, x: &mut [f64], length: f64, count: &mut u64) -> Result<(), SystemError> {
        field.evaluate(x, &mut self.slope_first)?;
        *count += 1;
        for (row, substeps) in SUBSTEPS.into_iter().enumerate() {
            let h = length / f64::from(substeps);
            self.before.copy_from_slice(x);
            for ((now, start), slope) in self.now.iter_mut().zip(&*x).zip(&self.slope_first) {
                *now = start + h * slope;
            }
            for _ in 1..substeps {
                field.evaluate(&self.now, &mut self.slope)?;
                *count += 1;
                for (before, slope) in self.before.iter_mut().zip(&self.slope) {
                    *before += 2.0 * h * slope;
                }
                std::mem::swap(&mut self.before, &mut self.now);
            }
            self.extrapolate(row, x);
        }
        // The last column, T₆₆, is left in the first place.
        x.iter_mut().zip(&self.increments[0]).for_each(|(x, increment)| *x += increment);
        Ok(())
    }

    /// Enters row `row` of the Aitken–Neville triangle; place k holds T with row − k as its coarsest rule.
    fn extrapolate(&mut self, row: usize, x: &[f64]) {
        for (increment, (now, start)) in self.increments[row].iter_mut().zip(self.now.iter().zip(x)) {
            *increment = now - start;
        }
        for place in (0..row).rev() {
            let ratio = f64::from(SUBSTEPS[row]) / f64::from(SUBSTEPS[place]);
            let divisor = ratio * ratio - 1.0;
            let (coarser, finer) = self.increments.split_at_mut(place + 1);
            for (coarse, fine) in coarser[place].iter_mut().zip(&finer[0]) {
                *coarse = fine + (fine - *coarse) / divisor;
            }
        }
    }
}

#[cfg(test)]
mod tests;
