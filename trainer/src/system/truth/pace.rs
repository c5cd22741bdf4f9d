//! One integration of many motions, each with steps of its own length.

use crate::system::{Field, SystemError};

/// Substeps of the extrapolated midpoint rules.
const SUBSTEPS: [u32; 6] = [2, 4, 6, 8, 10, 12];
/// Differences are rounding below so many units in the last place of the state: shorter steps would not help.
const ROUNDING: f64 = 8.0 * f64::EPSILON;
/// Steps change by these factors at most.
const SHORTEST: f64 = 0.1;
const LONGEST: f64 = 4.0;
/// Part of the way between two requested times that is not worth a step of its own.
const LEAST_PART: f64 = 1e-9;
/// Steps tried of one motion, beyond four per requested time, after which it is given up.
const MAX_TRIES: usize = 20_000;

/// How carefully steps are chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Care {
    /// What a step may be wrong by.
    pub(super) allowance: f64,
    /// The step that an error asks for is taken shorter by this factor. It should differ between integrations that are
    /// compared: where rounding decides, they then round differently.
    pub(super) caution: f64,
    /// Steps between two requested times, at least.
    pub(super) parts: f64,
}

/// A motion under way.
#[derive(Debug, Clone, Copy)]
struct Motion {
    row: usize,
    time: f64,
    /// Wanted length of the next step.
    length: f64,
    /// Index of the next requested time.
    next: usize,
    /// Whether the last step gave numbers.
    is_finite: bool,
}

impl Motion {
    /// Length of the step to try: the one wanted, but no further than the requested time, nor over more than a part of the way to
    /// it from the one before. What rounding would leave of that way is not left.
    fn attempted(&self, times: &[f64], care: Care) -> f64 {
        let (interval, left) = (times[self.next] - times[self.next - 1], times[self.next] - self.time);
        let length = self.length.min(left).min(interval / care.parts);
        if left - length < LEAST_PART * interval { left } else { length }
    }
}

/// States `[times × rows × width]` of all motions.
///
/// # Errors
/// [`SystemError::NotFinite`] and [`SystemError::Stuck`] where a motion takes too many steps, and whatever the field reports.
pub(super) fn sweep(
    field: &mut dyn Field,
    starts: &[f64],
    times: &[f64],
    care: Care,
    evaluations: &mut u64,
) -> Result<Vec<f64>, SystemError> {
    let width = field.width();
    let rows = starts.len() / width;
    let mut states = vec![0.0; times.len() * starts.len()];
    states[..starts.len()].copy_from_slice(starts);
    let (Some(first), true) = (times.first(), times.len() > 1) else { return Ok(states) };
    let begin = |row| Motion { row, time: *first, length: times[1] - first, next: 1, is_finite: true };
    let mut motions: Vec<Motion> = (0..rows).map(begin).collect();
    let mut x = starts.to_vec();
    let mut scheme = Extrapolation::default();
    for _ in 0..MAX_TRIES + 4 * times.len() {
        let lengths: Vec<f64> = motions.iter().map(|motion| motion.attempted(times, care)).collect();
        scheme.attempt(field, &x, &lengths)?;
        *evaluations += scheme.evaluations * motions.len() as u64;
        for (place, motion) in motions.iter_mut().enumerate() {
            let state = &mut x[place * width..(place + 1) * width];
            let error = scheme.judge(state, place * width);
            advance(motion, times, lengths[place], error, care);
            if error.is_allowed(care) {
                let increments = &scheme.increment()[place * width..];
                state.iter_mut().zip(increments).for_each(|(x, increment)| *x += increment);
                if motion.time >= times[motion.next] {
                    let to = (motion.next * rows + motion.row) * width;
                    states[to..to + width].copy_from_slice(state);
                    motion.next += 1;
                }
            }
        }
        let under_way: Vec<bool> = motions.iter().map(|motion| motion.next < times.len()).collect();
        let mut at = 0..;
        x.retain(|_| at.next().is_some_and(|at: usize| under_way[at / width]));
        motions.retain(|motion| motion.next < times.len());
        if motions.is_empty() {
            return Ok(states);
        }
    }
    let time = motions.iter().map(|motion| motion.time).fold(f64::INFINITY, f64::min);
    let escapes = motions.iter().any(|motion| !motion.is_finite);
    Err(if escapes { SystemError::NotFinite { time } } else { SystemError::Stuck { time, tries: MAX_TRIES } })
}

/// What the last two columns of the triangle differ by, and what of it rounding explains.
#[derive(Debug, Clone, Copy)]
struct Difference {
    value: f64,
    rounding: f64,
}

impl Difference {
    fn is_allowed(self, care: Care) -> bool {
        self.value <= care.allowance.max(self.rounding)
    }

    /// The factor by which the next step should differ: the difference grows with the eleventh power of the length.
    fn factor(self, care: Care) -> f64 {
        if !self.value.is_finite() {
            return SHORTEST;
        }
        let ratio = self.value.max(f64::MIN_POSITIVE) / care.allowance.max(self.rounding);
        let factor = (care.caution * ratio.powf(-1.0 / 11.0)).clamp(SHORTEST, LONGEST);
        if self.value <= self.rounding { factor.max(1.0) } else { factor }
    }
}

/// Moves the clock where the step holds, and sets the length of the next one.
fn advance(motion: &mut Motion, times: &[f64], length: f64, error: Difference, care: Care) {
    let wanted = length * error.factor(care);
    let target = times[motion.next];
    motion.is_finite = error.value.is_finite();
    if error.is_allowed(care) {
        // A step that was cut short to meet a requested time says little about the next one.
        let was_cut = length < motion.length;
        motion.length = if was_cut { motion.length.max(wanted) } else { wanted };
        motion.time = if length >= target - motion.time { target } else { motion.time + length };
    } else {
        motion.length = wanted.min(length);
    }
}

/// Buffers of the extrapolation, one state after the other.
#[derive(Debug, Default)]
pub(super) struct Extrapolation {
    /// f at the start of the step, and at a substep.
    slope_first: Vec<f64>,
    slope: Vec<f64>,
    before: Vec<f64>,
    now: Vec<f64>,
    /// Increments over the step, row j of the triangle as far as it is needed for row j + 1.
    increments: [Vec<f64>; SUBSTEPS.len()],
    /// Evaluations of the field in the last attempt.
    pub(super) evaluations: u64,
}

impl Extrapolation {
    /// Tries a step of every row, with a length for each.
    pub(super) fn attempt(&mut self, field: &mut dyn Field, x: &[f64], lengths: &[f64]) -> Result<(), SystemError> {
        let width = x.len() / lengths.len().max(1);
        let buffers = [&mut self.slope_first, &mut self.slope, &mut self.before, &mut self.now];
        buffers.into_iter().chain(&mut self.increments).for_each(|buffer| buffer.resize(x.len(), 0.0));
        field.evaluate(x, &mut self.slope_first)?;
        self.evaluations = 1;
        for (row, substeps) in SUBSTEPS.into_iter().enumerate() {
            self.before.copy_from_slice(x);
            let part = 1.0 / f64::from(substeps);
            for (at, now) in self.now.iter_mut().enumerate() {
                *now = x[at] + lengths[at / width] * part * self.slope_first[at];
            }
            for _ in 1..substeps {
                field.evaluate(&self.now, &mut self.slope)?;
                self.evaluations += 1;
                for (at, before) in self.before.iter_mut().enumerate() {
                    *before += 2.0 * lengths[at / width] * part * self.slope[at];
                }
                std::mem::swap(&mut self.before, &mut self.now);
            }
            self.extrapolate(row, x);
        }
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

    /// The increments of the last attempt: the last column, T₆₆, is left in the first place, T₆₅ in the second.
    pub(super) fn increment(&self) -> &[f64] {
        &self.increments[0]
    }

    /// |T₆₆ − T₆₅| of one row, whose buffers start at `offset`; infinite where the step is not finite.
    fn judge(&self, state: &[f64], offset: usize) -> Difference {
        let [last, before, ..] = &self.increments;
        let (mut value, mut size) = (0.0f64, 0.0f64);
        for (at, x) in state.iter().enumerate() {
            let increment = last[offset + at];
            let difference = (increment - before[offset + at]).abs();
            if !(x + increment + difference).is_finite() {
                return Difference { value: f64::INFINITY, rounding: 0.0 };
            }
            value = value.max(difference);
            size = size.max(x.abs()).max(increment.abs());
        }
        Difference { value, rounding: ROUNDING * size }
    }
}
