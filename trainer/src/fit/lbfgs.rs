//! Limited-memory BFGS with a line search for the strong Wolfe conditions, on plain vectors.
//!
//! Nocedal and Wright, *Numerical Optimization*, 2nd ed. 2006, algorithms 7.4 (two-loop recursion), 3.5 and 3.6 (line search). burn
//! has an L-BFGS, too, but its thresholds are absolute numbers that depend on the unit of the loss, it cannot move learned first
//! states, and it restores its memory onto whatever device is the default. Here the state is a list of pairs that a
//! checkpoint holds as it is. It knows no tensors.

/// Pairs that are remembered.
const MAX_PAIRS: usize = 20;
/// Sufficient decrease, equation 3.7a.
const DECREASE: f64 = 1e-4;
/// Curvature, equation 3.7b.
const CURVATURE: f64 = 0.9;
/// Most evaluations of one line search.
const MAX_EVALUATIONS: usize = 20;
/// Largest extrapolation of a step length.
const MAX_GROWTH: f64 = 10.0;
/// Least part of a bracket that is kept away from its ends.
const MARGIN: f64 = 0.1;
/// Pairs whose curvature is below this fraction of |s||y| are forgotten: rounding made them.
const MIN_COSINE: f64 = 1e-8;

/// What is remembered of the curvature: pairs of a move and the change of the gradient over it, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    pub(crate) moves: Vec<Vec<f64>>,
    pub(crate) changes: Vec<Vec<f64>>,
}

impl Memory {
    /// Whether every pair has this many numbers.
    pub(super) fn fits(&self, len: usize) -> bool {
        self.moves.len() == self.changes.len() && self.moves.iter().chain(&self.changes).all(|one| one.len() == len)
    }

    /// −H g, with H the inverse Hessian that the pairs suggest. Algorithm 7.4.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let pairs = || self.moves.iter().zip(&self.changes);
        let mut factors = Vec::with_capacity(self.moves.len());
        for (s, y) in pairs().rev() {
            let factor = dot(s, &q) / dot(s, y);
            add(&mut q, -factor, y);
            factors.push(factor);
        }
        if let Some((s, y)) = pairs().next_back() {
            let scale = dot(s, y) / dot(y, y);
            q.iter_mut().for_each(|value| *value *= scale);
        }
        for ((s, y), factor) in pairs().zip(factors.into_iter().rev()) {
            let correction = factor - dot(y, &q) / dot(s, y);
            add(&mut q, correction, s);
        }
        q
    }

    fn remember(&mut self, from: &Point, to: &Point) {
        let difference = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<_>>();
        let (s, y) = (difference(&from.x, &to.x), difference(&from.gradient, &to.gradient));
        if dot(&s, &y) <= MIN_COSINE * (dot(&s, &s) * dot(&y, &y)).sqrt() {
            return;
        }
        if self.moves.len() == MAX_PAIRS {
            self.moves.remove(0);
            self.changes.remove(0);
        }
        self.moves.push(s);
        self.changes.push(y);
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A point with its loss and gradient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    pub(super) loss: f64,
    pub(super) gradient: Vec<f64>,
}

/// Gives the point at x, or near it where x is rounded; a loss that is not finite bounds the search.
pub(super) type Evaluate<'a, E> = &'a mut dyn FnMut(&[f64]) -> Result<Point, E>;

/// One iteration from `from`; `None` where no step along the steepest descent makes the loss smaller.
pub(super) fn step<E>(memory: &mut Memory, from: &Point, evaluate: Evaluate<'_, E>) -> Result<Option<Point>, E> {
    loop {
        let mut direction = memory.direction(&from.gradient);
        let mut slope = dot(&direction, &from.gradient);
        if !(slope < 0.0 && slope.is_finite()) {
            memory.clear();
            direction = memory.direction(&from.gradient);
            slope = dot(&direction, &from.gradient);
        }
        if slope >= 0.0 || slope.is_nan() {
            return Ok(None);
        }
        let first = if memory.moves.is_empty() { first_length(from.loss, slope) } else { 1.0 };
        let mut search = Search { from, direction: &direction, slope, evaluate: &mut *evaluate, left: MAX_EVALUATIONS };
        if let Some(found) = search.run(first)? {
            memory.remember(from, &found);
            return Ok(Some(found));
        }
        if memory.moves.is_empty() {
            return Ok(None);
        }
        memory.clear();
    }
}

/// The length along −g that halves a loss whose minimum is 0 on its parabola, and moves by no more than 1.
fn first_length(loss: f64, slope: f64) -> f64 {
    let norm = (-slope).sqrt();
    let halving = 2.0 * loss.abs() / -slope;
    if halving > 0.0 { halving.min(1.0 / norm) } else { 1.0 / norm }
}

/// A trial along the direction.
#[derive(Clone)]
struct Trial {
    length: f64,
    loss: f64,
    slope: f64,
    point: Option<Point>,
}

struct Search<'a, E> {
    from: &'a Point,
    direction: &'a [f64],
    /// gᵀd at the start, negative.
    slope: f64,
    evaluate: Evaluate<'a, E>,
    left: usize,
}

impl<E> Search<'_, E> {
    /// Algorithm 3.5.
    fn run(&mut self, first: f64) -> Result<Option<Point>, E> {
        let start = Trial { length: 0.0, loss: self.from.loss, slope: self.slope, point: None };
        let (mut before, mut length) = (start, first);
        while self.left > 0 {
            let now = self.trial(length)?;
            if !self.decreases(&now) || (before.point.is_some() && now.loss >= before.loss) {
                return self.zoom(before, now);
            }
            if now.slope.abs() <= -CURVATURE * self.slope {
                return Ok(now.point);
            }
            if now.slope >= 0.0 {
                return self.zoom(now, before);
            }
            let grown = interpolate(&before, &now).filter(|length| *length > now.length);
            length = grown.unwrap_or(f64::INFINITY).clamp(now.length * (1.0 + MARGIN), now.length * MAX_GROWTH);
            before = now;
        }
        Ok(before.point)
    }

    /// Algorithm 3.6; `low` has the smaller loss and decreases enough.
    fn zoom(&mut self, mut low: Trial, mut high: Trial) -> Result<Option<Point>, E> {
        while self.left > 0 {
            let (left, right) = (low.length.min(high.length), low.length.max(high.length));
            let margin = MARGIN * (right - left);
            let guess = interpolate(&low, &high).unwrap_or(0.5 * (left + right));
            let now = self.trial(guess.clamp(left + margin, right - margin))?;
            if !self.decreases(&now) || now.loss >= low.loss {
                high = now;
                continue;
            }
            if now.slope.abs() <= -CURVATURE * self.slope {
                return Ok(now.point);
            }
            if now.slope * (high.length - low.length) >= 0.0 {
                high = low;
            }
            low = now;
        }
        Ok(low.point)
    }

    fn decreases(&self, trial: &Trial) -> bool {
        trial.loss <= self.from.loss + DECREASE * trial.length * self.slope
    }

    fn trial(&mut self, length: f64) -> Result<Trial, E> {
        self.left -= 1;
        let mut x = self.from.x.clone();
        add(&mut x, length, self.direction);
        let point = (self.evaluate)(&x)?;
        let slope = dot(&point.gradient, self.direction);
        if point.loss.is_finite() && slope.is_finite() {
            Ok(Trial { length, loss: point.loss, slope, point: Some(point) })
        } else {
            Ok(Trial { length, loss: f64::INFINITY, slope: f64::INFINITY, point: None })
        }
    }
}

/// The minimiser of the cubic through two trials and their slopes, equation 3.59; `None` where it has none.
fn interpolate(a: &Trial, b: &Trial) -> Option<f64> {
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.length - b.length);
    let d2 = (b.length - a.length).signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    let length = b.length - (b.length - a.length) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    length.is_finite().then_some(length)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, of: &[f64]) {
    to.iter_mut().zip(of).for_each(|(to, of)| *to += factor * of);
}

#[cfg(test)]
mod tests {
    use super::*;

    type Never = std::convert::Infallible;

    /// Value and gradient.
    type Function<'a> = dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a;

    fn minimise(mut x: Vec<f64>, iterations: usize, function: &Function<'_>) -> (Vec<f64>, usize, Memory) {
        let mut evaluations = 0;
        let mut evaluate = |x: &[f64]| -> Result<Point, Never> {
            evaluations += 1;
            let (loss, gradient) = function(x);
            Ok(Point { x: x.to_vec(), loss, gradient })
        };
        let mut memory = Memory::default();
        let mut point = evaluate(&x).unwrap();
        for _ in 0..iterations {
            let Some(next) = step(&mut memory, &point, &mut evaluate).unwrap() else { break };
            assert!(next.loss <= point.loss, "no step ascends");
            point = next;
        }
        x.clone_from(&point.x);
        (x, evaluations, memory)
    }

    /// ½ Σ cᵢ (xᵢ − i)² with a condition of 10⁴: steepest descent would need some ten thousand steps.
    fn quadratic(x: &[f64]) -> (f64, Vec<f64>) {
        let c = |at: usize| 10f64.powf(4.0 * at as f64 / 9.0);
        let gradient: Vec<f64> = x.iter().enumerate().map(|(at, x)| c(at) * (x - at as f64)).collect();
        (gradient.iter().enumerate().map(|(at, g)| 0.5 * g * g / c(at)).sum(), gradient)
    }

    #[test]
    fn a_quadratic_is_solved_in_a_few_times_its_dimension() {
        let (x, evaluations, _) = minimise(vec![0.0; 10], 60, &quadratic);
        assert!(x.iter().enumerate().all(|(at, x)| (x - at as f64).abs() < 1e-5), "{x:?}");
        assert!(evaluations < 90, "{evaluations}");
    }

    #[test]
    fn what_is_remembered_belongs_to_one_number_of_variables() {
        let (_, _, memory) = minimise(vec![0.0; 10], 12, &quadratic);
        assert!((1..=MAX_PAIRS).contains(&memory.moves.len()));
        assert!(memory.fits(10) && !memory.fits(9));
    }

    #[test]
    fn the_valley_of_rosenbrock_is_followed_to_its_end() {
        let function = |x: &[f64]| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
        };
        let (x, evaluations, _) = minimise(vec![-1.2, 1.0], 100, &function);
        assert!((x[0] - 1.0).abs() < 1e-6 && (x[1] - 1.0).abs() < 1e-6, "{x:?}");
        assert!(evaluations < 100, "{evaluations}");
    }

    #[test]
    fn a_region_without_numbers_is_stepped_back_from() {
        // −ln x + x, which is NaN from 0 down; its minimum is at 1.
        let function = |x: &[f64]| (x[0] - x[0].ln(), vec![1.0 - 1.0 / x[0]]);
        let (x, _, _) = minimise(vec![40.0], 50, &|x| function(x));
        assert!((x[0] - 1.0).abs() < 1e-6, "{x:?}");
    }

    #[test]
    fn the_unit_of_the_loss_changes_nothing() {
        for unit in [1e-12, 1e12] {
            let scaled = |x: &[f64]| {
                let (loss, gradient) = quadratic(x);
                (unit * loss, gradient.iter().map(|g| unit * g).collect())
            };
            let (x, _, _) = minimise(vec![0.0; 10], 120, &scaled);
            assert!(x.iter().enumerate().all(|(at, x)| (x - at as f64).abs() < 1e-3), "unit {unit:e}: {x:?}");
        }
    }

    #[test]
    fn at_a_minimum_there_is_no_step() {
        let evaluate = |x: &[f64]| -> Point {
            let (loss, gradient) = quadratic(x);
            Point { x: x.to_vec(), loss, gradient }
        };
        let best = evaluate(&(0..10).map(f64::from).collect::<Vec<_>>());
        let mut again = |x: &[f64]| -> Result<Point, Never> { Ok(evaluate(x)) };
        assert_eq!(step(&mut Memory::default(), &best, &mut again).unwrap(), None);
    }
}
