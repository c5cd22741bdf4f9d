//! States at which a learned energy lets a system rest, what they are, and how it oscillates about them.
//!
//! ∇H = 0 is solved by Newton's method from many states of the data at once, with the Hessian graph: no derivative is
//! approximated. Only what lies in the data's region is kept, angles modulo 2π; each find says by its density score whether
//! training data were near. An energy that has a wrong equilibrium, or lacks one, has learned another machine.

use std::f64::consts::{PI, TAU};

use faer::{Mat, Side};
use hnn_exporter::density::Density;
use hnn_exporter::dynamics::{self, Model};
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::Tensor;
use serde::{Deserialize, Serialize};

use super::EvaluationError;
use super::metrics::finite;
use crate::data::Moments;

/// The region reaches this far beyond the data's box, in half its widths.
pub const REGION_MARGIN: f64 = 0.5;
/// Most equilibria reported; a continuum of them would give any number.
pub const MAX_EQUILIBRIA: usize = 32;

/// Most Newton steps.
const ITERATIONS_MAX: usize = 40;
/// Most starts of the search, evenly spaced among the states given.
const STARTS_MAX: usize = 48;
/// Fractions of a Newton step that are tried until the gradient shrinks.
const FRACTIONS: [f64; 6] = [1.0, 0.5, 0.25, 0.1, 0.03, 0.01];
/// Longest Newton step in any coordinate, in units of the data.
const STEP_MAX: f64 = 1.0;
/// A gradient this small beside that of the data is zero.
const GRADIENT_ZERO: f64 = 1e-9;
/// A curvature this small beside that of the data is zero.
const CURVATURE_ZERO: f64 = 1e-6;
/// Equilibria closer than this, in units of the data, are one.
const SAME: f64 = 1e-4;

/// Where to look: states that were seen, and which positions are angles.
#[derive(Debug, Clone, Copy)]
pub struct Region<'a> {
    /// States `[rows × 2n]`, for starts of the search and for the box that is searched.
    pub states: &'a [f64],
    /// Indices of positions that are angles.
    pub angles: &'a [usize],
    /// The training data, to tell what is extrapolated.
    pub density: Option<&'a Density>,
}

/// What an equilibrium is, by the signs of the curvatures of H.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EquilibriumKind {
    /// All curvatures are positive: stable.
    Minimum,
    /// Curvatures of both signs.
    Saddle,
    /// All curvatures are negative.
    Maximum,
    /// A curvature is zero: not isolated, or a bifurcation.
    Degenerate,
}

/// A state with ∇H = 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equilibrium {
    /// The state `[q…, p…]`, angles in (−π, π].
    pub x: Vec<f64>,
    /// What it is.
    pub kind: EquilibriumKind,
    /// Number of negative curvatures.
    pub negative: usize,
    /// Angular frequencies of small motions, rad/s, ascending: imaginary parts of the eigenvalues of J∇²H.
    pub frequencies_rad_s: Vec<f64>,
    /// Rates at which small motions leave, 1/s, ascending: real parts of the eigenvalues of J∇²H that are positive.
    pub growth_per_s: Vec<f64>,
    /// Density score, 1 at the edge of the training data; absent where no density was kept.
    pub score: Option<f64>,
}

/// Finds the equilibria of a model, its weights bound, in a region, in the order of their distance from its centre.
///
/// Damping and input do not move them and are not looked at. Frequencies are those of the undamped motion.
///
/// # Errors
/// [`EvaluationError`] where the model cannot be evaluated, or has other dimensions.
pub fn equilibria(model: &Model, region: &Region<'_>) -> Result<Vec<Equilibrium>, EvaluationError> {
    let search = Search::new(model, region)?;
    let mut states: Vec<Vec<f64>> = Vec::new();
    for state in search.roots(&starts(region.states, 2 * model.dof()))? {
        let state = search.wrapped(state);
        if search.contains(&state) && !states.iter().any(|known| search.distance(known, &state) < SAME) {
            states.push(state);
        }
    }
    states.sort_by(|a, b| search.distance(&search.centre, a).total_cmp(&search.distance(&search.centre, b)));
    states.truncate(MAX_EQUILIBRIA);
    states.into_iter().map(|state| search.describe(state, region.density)).collect()
}

/// A system of equations ∇H = 0 in units of the data.
struct Search<'a> {
    gradient: Evaluator,
    hessian: Evaluator,
    angles: &'a [usize],
    centre: Vec<f64>,
    /// Half the widths of the region.
    reach: Vec<f64>,
    /// Unit of each coordinate.
    unit: Vec<f64>,
    /// Typical norms on the data, in these units.
    gradient_norm: f64,
    curvature: f64,
}

impl<'a> Search<'a> {
    fn new(model: &Model, region: &Region<'a>) -> Result<Self, EvaluationError> {
        let width = 2 * model.dof();
        if region.states.is_empty() || !region.states.len().is_multiple_of(width) {
            let message = format!("{} numbers are no states of {width} coordinates", region.states.len());
            return Err(EvaluationError::Mismatch(message));
        }
        let moments = Moments::of(region.states, width);
        let is_angle = |at: usize| region.angles.contains(&at);
        let unit = |at: usize| if is_angle(at) { 1.0 } else { positive_or_one(moments.deviation[at]) };
        let middle = |at: usize| if is_angle(at) { 0.0 } else { (moments.min[at] + moments.max[at]) / 2.0 };
        let half = |at: usize| (moments.max[at] - moments.min[at]) / 2.0;
        let mut search = Self {
            gradient: Evaluator::new(&dynamics::gradient(model)?)?,
            hessian: Evaluator::new(&dynamics::hessian(model)?)?,
            angles: region.angles,
            centre: (0..width).map(middle).collect(),
            reach: (0..width).map(|at| (1.0 + REGION_MARGIN) * positive_or_one(half(at))).collect(),
            unit: (0..width).map(unit).collect(),
            gradient_norm: 1.0,
            curvature: 1.0,
        };
        search.gradient_norm = positive_or_one(root_mean_square(&search.gradients(region.states)?, width));
        search.curvature = positive_or_one(root_mean_square(&search.curvatures(region.states)?, width * width));
        Ok(search)
    }

    fn width(&self) -> usize {
        self.unit.len()
    }

    /// ∇H of every row, each component times its unit.
    fn gradients(&self, x: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let mut values = self.run(&self.gradient, x)?;
        for row in values.chunks_exact_mut(self.width()) {
            row.iter_mut().zip(&self.unit).for_each(|(value, unit)| *value *= unit);
        }
        Ok(values)
    }

    /// ∇²H of every row, in the same units.
    fn curvatures(&self, x: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let width = self.width();
        let mut values = self.run(&self.hessian, x)?;
        for (at, value) in values.iter_mut().enumerate() {
            *value *= self.unit[at / width % width] * self.unit[at % width];
        }
        Ok(values)
    }

    fn run(&self, evaluator: &Evaluator, x: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let rows = Tensor::new(vec![x.len() / self.width(), self.width()], x.to_vec());
        let rows = rows.map_err(hnn_exporter::evaluate::EvaluateError::from)?;
        let result = evaluator.run(&[(dynamics::STATE, &rows)])?;
        Ok(result.first().map(|values| values.data().to_vec()).unwrap_or_default())
    }

    /// Zeros of the gradient, one for every start that leads to one.
    fn roots(&self, starts: &[f64]) -> Result<Vec<Vec<f64>>, EvaluationError> {
        let (width, mut x, mut roots) = (self.width(), starts.to_vec(), Vec::new());
        for _ in 0..ITERATIONS_MAX {
            let gradients = self.gradients(&x)?;
            let mut open = Vec::new();
            for (state, gradient) in x.chunks_exact(width).zip(gradients.chunks_exact(width)) {
                if norm(gradient) <= GRADIENT_ZERO * self.gradient_norm {
                    roots.push(state.to_vec());
                } else {
                    open.extend_from_slice(state);
                }
            }
            if open.is_empty() {
                break;
            }
            x = self.advance(&open)?;
            if x.is_empty() {
                break;
            }
        }
        Ok(roots)
    }

    /// One Newton step of every row, shortened until the gradient shrinks; rows where no step shrinks it are dropped.
    fn advance(&self, x: &[f64]) -> Result<Vec<f64>, EvaluationError> {
        let width = self.width();
        let (gradients, curvatures) = (self.gradients(x)?, self.curvatures(x)?);
        let steps: Vec<f64> = gradients
            .chunks_exact(width)
            .zip(curvatures.chunks_exact(width * width))
            .flat_map(|(gradient, curvature)| newton(gradient, curvature, CURVATURE_ZERO * self.curvature))
            .collect();
        let mut moved: Vec<Option<Vec<f64>>> = vec![None; x.len() / width];
        for fraction in FRACTIONS {
            let step = |at: usize| fraction * steps[at] * self.unit[at % width];
            let tried: Vec<f64> = x.iter().enumerate().map(|(at, value)| value + step(at)).collect();
            let after = self.gradients(&tried)?;
            for (row, place) in moved.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
                let of = |values: &[f64]| norm(&values[row * width..(row + 1) * width]);
                if of(&after) < of(&gradients) {
                    *place = Some(tried[row * width..(row + 1) * width].to_vec());
                }
            }
        }
        Ok(moved.into_iter().flatten().flatten().collect())
    }

    /// The same state with angles in (−π, π].
    fn wrapped(&self, mut state: Vec<f64>) -> Vec<f64> {
        self.angles.iter().for_each(|angle| state[*angle] = wrap(state[*angle]));
        state
    }

    fn contains(&self, state: &[f64]) -> bool {
        let inside = |at: usize| self.angles.contains(&at) || (state[at] - self.centre[at]).abs() <= self.reach[at];
        (0..self.width()).all(inside)
    }

    /// Largest difference of any coordinate, in units of the data.
    fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let difference = |at: usize| {
            let difference = a[at] - b[at];
            if self.angles.contains(&at) { wrap(difference).abs() } else { difference.abs() / self.unit[at] }
        };
        (0..self.width()).map(difference).fold(0.0, f64::max)
    }

    fn describe(&self, x: Vec<f64>, density: Option<&Density>) -> Result<Equilibrium, EvaluationError> {
        let width = self.width();
        let signs = spectrum(&self.curvatures(&x)?, width)?;
        let zero = CURVATURE_ZERO * self.curvature;
        let negative = signs.iter().filter(|value| **value < -zero).count();
        let positive = signs.iter().filter(|value| **value > zero).count();
        let kind = match (negative, positive) {
            (0, positive) if positive == width => EquilibriumKind::Minimum,
            (negative, 0) if negative == width => EquilibriumKind::Maximum,
            (negative, positive) if negative + positive == width => EquilibriumKind::Saddle,
            _ => EquilibriumKind::Degenerate,
        };
        let (frequencies_rad_s, growth_per_s) = linearised(&self.run(&self.hessian, &x)?, width)?;
        let score = density.and_then(|density| finite(density.score(&x)));
        Ok(Equilibrium { x, kind, negative, frequencies_rad_s, growth_per_s, score })
    }
}

/// At most [`STARTS_MAX`] rows.
fn starts(states: &[f64], width: usize) -> Vec<f64> {
    let rows = states.chunks_exact(width);
    let stride = rows.len().div_ceil(STARTS_MAX).max(1);
    rows.step_by(stride).flatten().copied().collect()
}

fn positive_or_one(value: f64) -> f64 {
    if value.is_normal() && value > 0.0 { value } else { 1.0 }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Root of the mean over rows of `len` numbers of their squared norm.
fn root_mean_square(values: &[f64], len: usize) -> f64 {
    norm(values) / crate::data::as_f64(values.len() / len.max(1)).sqrt()
}

fn wrap(angle: f64) -> f64 {
    let turned = PI - libm::fmod(PI - angle, TAU);
    if turned > PI { turned - TAU } else { turned }
}

/// −H⁻¹g, directions whose curvature is below `zero` left out, no coordinate longer than [`STEP_MAX`]; nothing where the
/// matrix has no spectrum.
fn newton(gradient: &[f64], curvature: &[f64], zero: f64) -> Vec<f64> {
    let width = gradient.len();
    let mut step = vec![0.0; width];
    let matrix = Mat::from_fn(width, width, |row, column| curvature[row * width + column]);
    let Ok(eigen) = matrix.self_adjoint_eigen(Side::Lower) else { return step };
    let (vectors, values) = (eigen.U(), eigen.S().column_vector());
    for column in (0..width).filter(|column| values[*column].abs() > zero) {
        let along: f64 = (0..width).map(|row| vectors[(row, column)] * gradient[row]).sum();
        step.iter_mut().enumerate().for_each(|(row, step)| *step -= vectors[(row, column)] * along / values[column]);
    }
    let longest = step.iter().fold(0.0f64, |longest, value| longest.max(value.abs()));
    if longest > STEP_MAX {
        step.iter_mut().for_each(|value| *value *= STEP_MAX / longest);
    }
    step
}

/// Eigenvalues of a symmetric matrix.
pub(super) fn spectrum(matrix: &[f64], width: usize) -> Result<Vec<f64>, EvaluationError> {
    let matrix = Mat::from_fn(width, width, |row, column| matrix[row * width + column]);
    matrix.self_adjoint_eigenvalues(Side::Lower).map_err(|error| {
        EvaluationError::Mismatch(format!("a matrix of {width} rows has no eigenvalues that can be found: {error:?}"))
    })
}

/// Frequencies and growth rates of ẋ = J∇²H x, both ascending.
fn linearised(hessian: &[f64], width: usize) -> Result<(Vec<f64>, Vec<f64>), EvaluationError> {
    let dof = width / 2;
    let entry = |row: usize, column: usize| {
        if row < dof { hessian[(row + dof) * width + column] } else { -hessian[(row - dof) * width + column] }
    };
    let matrix = Mat::from_fn(width, width, entry);
    let values = matrix
        .eigenvalues()
        .map_err(|error| EvaluationError::Mismatch(format!("J∇²H has no eigenvalues that can be found: {error:?}")))?;
    let size = values.iter().map(|value| value.norm()).fold(0.0, f64::max);
    // Rounding leaves a center a real part of about √ε at worst, where frequencies coincide.
    let zero = 1e-6 * size;
    let mut frequencies: Vec<f64> = values.iter().map(|value| value.im).filter(|value| *value > zero).collect();
    let mut growth: Vec<f64> = values.iter().map(|value| value.re).filter(|value| *value > zero).collect();
    frequencies.sort_by(f64::total_cmp);
    growth.sort_by(f64::total_cmp);
    Ok((frequencies, growth))
}

#[cfg(test)]
mod tests {
    use hnn_exporter::expression;

    use super::*;
    use crate::random::Stream;
    use crate::system::Settings;

    /// Uniform states of a box.
    fn cloud(width: usize, reach: f64) -> Vec<f64> {
        let mut stream = Stream::new(5, "cloud", 0);
        (0..64 * width).map(|_| stream.uniform(-reach, reach)).collect()
    }

    fn found(formula: &str, states: &[f64], angles: &[usize]) -> Vec<Equilibrium> {
        let model = expression::parse(formula, &Settings::new()).unwrap();
        equilibria(&model, &Region { states, angles, density: None }).unwrap()
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn a_pendulum_hangs_and_stands() {
        // m = 0.5, l = 1, g = 6: ω² = g/l at the bottom, growth² = g/l at the top.
        let rate = 6.0f64.sqrt();
        let [hanging, standing] = &found("p^2 + 3*(1-cos(q))", &cloud(2, 3.0), &[0])[..] else { panic!("not two") };
        assert!(close(&hanging.x, &[0.0, 0.0]) && hanging.kind == EquilibriumKind::Minimum, "{hanging:?}");
        assert!(close(&hanging.frequencies_rad_s, &[rate]) && hanging.growth_per_s.is_empty());
        assert!((standing.x[0].abs() - PI).abs() < 1e-6 && standing.kind == EquilibriumKind::Saddle, "{standing:?}");
        assert!(close(&standing.growth_per_s, &[rate]) && standing.frequencies_rad_s.is_empty());
    }

    #[test]
    fn henon_and_heiles_have_a_minimum_and_three_saddles() {
        let formula = "(p1^2+p2^2)/2 + (q1^2+q2^2)/2 + q1^2*q2 - q2^3/3";
        let found = found(formula, &cloud(4, 0.8), &[]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(close(&found[0].x, &[0.0; 4]) && found[0].kind == EquilibriumKind::Minimum);
        assert!(close(&found[0].frequencies_rad_s, &[1.0, 1.0]), "{:?}", found[0]);
        let side = 3.0f64.sqrt() / 2.0;
        for corner in [[0.0, 1.0], [side, -0.5], [-side, -0.5]] {
            let saddle = found.iter().find(|one| close(&one.x[..2], &corner)).unwrap();
            assert_eq!((saddle.kind, saddle.negative), (EquilibriumKind::Saddle, 1));
            // ∇²V has eigenvalues 3 and −1 at every corner.
            assert!(close(&saddle.frequencies_rad_s, &[3.0f64.sqrt()]) && close(&saddle.growth_per_s, &[1.0]));
        }
    }

    #[test]
    fn a_double_well_is_told_from_a_single_and_from_a_flat_one() {
        let double = found("p^2/2 + (q^2-1)^2/4", &cloud(2, 1.5), &[]);
        let kinds: Vec<EquilibriumKind> = double.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [EquilibriumKind::Saddle, EquilibriumKind::Minimum, EquilibriumKind::Minimum]);
        // V″(±1) = 2.
        assert!(close(&double[1].frequencies_rad_s, &[2.0f64.sqrt()]) && close(&double[0].growth_per_s, &[1.0]));
        let single = found("p^2/2 + q^2/2", &cloud(2, 1.5), &[]);
        assert_eq!(single.len(), 1);
        let [flat] = &found("p1^2/2 + p2^2/2 + q1^2/2 + 0*q2", &[0.0; 4], &[])[..] else { panic!("not one") };
        assert_eq!(flat.kind, EquilibriumKind::Degenerate);
        let [top] = &found("0 - p^2/2 - q^2/2", &cloud(2, 1.0), &[])[..] else { panic!("not one") };
        assert_eq!((top.kind, top.negative), (EquilibriumKind::Maximum, 2));
    }

    #[test]
    fn what_lies_beyond_the_region_is_not_reported() {
        // Wells at ±1, data around +1 only: the far well and the ridge are out of reach.
        let near: Vec<f64> = cloud(2, 0.3).chunks_exact(2).flat_map(|x| [x[0] + 1.0, x[1]]).collect();
        let [well] = &found("p^2/2 + (q^2-1)^2/4", &near, &[])[..] else { panic!("not one") };
        assert!(close(&well.x, &[1.0, 0.0]));
        assert!(found("p^2/2 + q", &cloud(2, 1.0), &[]).is_empty(), "a slope has no equilibrium");
    }
}
