//! Ridge regression on equations that were reduced to a triangle as they came.
//!
//! The rows `[A | b]` are reduced by Householder QR block after block (Golub and Van Loan, *Matrix Computations*, 4th ed. 2013,
//! section 5.3), so that memory does not grow with the rows and residuals keep their digits, which AᵀA and bᵀb would not. The
//! weight of the ridge is the largest whose error on held-out equations is as good as the best, raised until the terms of the
//! solution stay below [`MAX_CANCELLATION`]. It knows no model.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use super::MAX_CANCELLATION;
use crate::architecture::Linear;
use crate::data::as_f64;

/// Ridge weights that are tried, relative to the mean square of a column: 10^(k/2).
const EXPONENTS: std::ops::RangeInclusive<i32> = -26..=2;
/// A larger ridge is preferred as long as the held-out error grows by no more than this fraction.
const ERROR_TOLERANCE: f64 = 0.01;
/// Ridge of unknowns that are not to shrink, such as masses: it only keeps the system regular.
const UNPENALISED: f64 = 1e-14;
/// Rows that are gathered before a reduction, in triangles' heights.
const GATHERED: usize = 3;

/// The unknowns and whether the ridge acts on them.
#[derive(Debug)]
pub(super) struct Unknowns {
    penalised: Vec<bool>,
}

impl Unknowns {
    /// Weights of networks shrink, physical parameters do not.
    pub(super) fn of(linear: &Linear) -> Self {
        let of_term = |term: &crate::architecture::Term| vec![term.parameter.ends_with(".weight"); term.len];
        Self { penalised: linear.terms().iter().flat_map(of_term).collect() }
    }

    /// All of them shrink.
    #[cfg(test)]
    pub(super) fn all(count: usize) -> Self {
        Self { penalised: vec![true; count] }
    }
}

/// R of the QR decomposition of all rows `[A | b]`.
#[derive(Debug)]
pub(super) struct Triangle {
    unknowns: usize,
    rows: Mat<f64>,
    pending: Vec<f64>,
    count: usize,
}

impl Triangle {
    pub(super) fn new(unknowns: usize) -> Self {
        Self { unknowns, rows: Mat::zeros(0, unknowns + 1), pending: Vec::new(), count: 0 }
    }

    /// Adds rows `[A | b]`, row-major.
    pub(super) fn absorb(&mut self, rows: Vec<f64>) {
        let width = self.unknowns + 1;
        self.count += rows.len() / width;
        self.pending.extend(rows);
        if self.pending.len() >= GATHERED * width * width {
            self.reduce();
        }
    }

    pub(super) fn reduce(&mut self) {
        let width = self.unknowns + 1;
        let (above, below) = (self.rows.nrows(), self.pending.len() / width);
        let stacked = Mat::from_fn(above + below, width, |row, column| match row.checked_sub(above) {
            None => self.rows[(row, column)],
            Some(row) => self.pending[row * width + column],
        });
        self.rows = stacked.qr().thin_R().to_owned();
        self.pending.clear();
    }

    /// Mean square of A w − b.
    fn error(&self, weights: &[f64]) -> f64 {
        let residual = |row: usize| {
            let terms = weights.iter().enumerate().map(|(column, weight)| self.rows[(row, column)] * weight);
            terms.sum::<f64>() - self.rows[(row, self.unknowns)]
        };
        (0..self.rows.nrows()).map(|row| residual(row).powi(2)).sum::<f64>() / as_f64(self.count.max(1))
    }
}

/// Absolute size of each unknown's term in some sums, `[sums × unknowns]`.
#[derive(Debug)]
pub(super) struct Sizes {
    pub(super) rows: Vec<f64>,
    pub(super) unknowns: usize,
}

impl Sizes {
    /// The largest Σ |wₖ| sizeₖ.
    fn largest(&self, weights: &[f64]) -> f64 {
        let sum = |row: &[f64]| row.iter().zip(weights).map(|(size, weight)| size * weight.abs()).sum::<f64>();
        self.rows.chunks_exact(self.unknowns.max(1)).map(sum).fold(0.0, f64::max)
    }
}

/// The solution and how it was chosen.
#[derive(Debug)]
pub(super) struct Solution {
    pub(super) weights: Vec<f64>,
    pub(super) ridge: f64,
    pub(super) cancellation: f64,
    pub(super) error: f64,
}

/// Solves `fitted`; `None` where no ridge keeps the bound.
pub(super) fn solve(
    mut fitted: Triangle,
    mut judged: Option<Triangle>,
    unknowns: &Unknowns,
    sizes: &Sizes,
) -> Option<Solution> {
    fitted.reduce();
    if let Some(judged) = &mut judged {
        judged.reduce();
    }
    let normal = Normal::new(&fitted, unknowns);
    let candidates: Vec<Solution> = EXPONENTS
        .filter_map(|exponent| {
            let ridge = 10f64.powf(0.5 * f64::from(exponent));
            let (weights, freedom) = normal.solve(ridge, judged.is_none())?;
            let error = match &judged {
                Some(judged) => judged.error(&weights),
                // Golub, Heath and Wahba, *Generalized Cross-Validation* (1979), equation 1.4.
                None => fitted.error(&weights) / (1.0 - freedom / as_f64(fitted.count)).max(f64::EPSILON).powi(2),
            };
            let cancellation = sizes.largest(&weights);
            (error.is_finite() && cancellation.is_finite()).then_some(Solution { weights, ridge, cancellation, error })
        })
        .collect();
    let best = candidates.iter().map(|one| one.error).fold(f64::INFINITY, f64::min);
    let wanted = candidates.iter().rposition(|one| one.error <= best * (1.0 + ERROR_TOLERANCE))?;
    candidates.into_iter().skip(wanted).find(|one| one.cancellation <= MAX_CANCELLATION)
}

/// AᵀA and Aᵀb with every column of A scaled to a norm of 1.
pub(super) struct Normal {
    matrix: Mat<f64>,
    right: Mat<f64>,
    scale: Vec<f64>,
    penalty: Vec<f64>,
}

impl Normal {
    pub(super) fn new(triangle: &Triangle, unknowns: &Unknowns) -> Self {
        let (count, rows) = (triangle.unknowns, triangle.rows.nrows());
        let norm = |column: usize| (0..rows).map(|row| triangle.rows[(row, column)].powi(2)).sum::<f64>().sqrt();
        let scale: Vec<f64> = (0..count).map(norm).map(|norm| if norm > 0.0 { 1.0 / norm } else { 1.0 }).collect();
        let scaled = Mat::from_fn(rows, count, |row, column| triangle.rows[(row, column)] * scale[column]);
        let right = Mat::from_fn(rows, 1, |row, _| triangle.rows[(row, count)]);
        let penalty = unknowns.penalised.iter().map(|penalised| if *penalised { 1.0 } else { 0.0 }).collect();
        Self { matrix: scaled.transpose() * &scaled, right: scaled.transpose() * right, scale, penalty }
    }

    /// The weights for a ridge, and on request the degrees of freedom tr(G (G + λP)⁻¹).
    pub(super) fn solve(&self, ridge: f64, freedom: bool) -> Option<(Vec<f64>, f64)> {
        let mut matrix = self.matrix.clone();
        for (at, penalty) in self.penalty.iter().enumerate() {
            matrix[(at, at)] += (ridge * penalty).max(UNPENALISED);
        }
        let factor = matrix.llt(Side::Lower).ok()?;
        let mut solution = factor.solve(&self.right);
        // One step of refinement: the residual is small where the columns nearly depend on each other.
        let correction = factor.solve(&self.right - &matrix * &solution);
        solution += correction;
        let weights = self.scale.iter().enumerate().map(|(at, scale)| solution[(at, 0)] * scale).collect();
        let freedom = if freedom {
            let hat = factor.solve(&self.matrix);
            (0..self.scale.len()).map(|at| hat[(at, at)]).sum()
        } else {
            0.0
        };
        Some((weights, freedom))
    }
}

/// L `[n, n]`, row-major, with L Lᵀ = S given by its lower triangle, and whether S is positive definite as given; otherwise its
/// eigenvalues are raised to `floor` times the largest. `None` where none is positive.
pub(super) fn factor(lower: &[f64], order: usize, floor: f64) -> Option<(Vec<f64>, bool)> {
    let at = |row: usize, column: usize| lower[row.max(column) * (row.max(column) + 1) / 2 + row.min(column)];
    let given = Mat::from_fn(order, order, at);
    let eigen = given.self_adjoint_eigen(Side::Lower).ok()?;
    let values: Vec<f64> = (0..order).map(|index| eigen.S().column_vector()[index]).collect();
    let largest = values.iter().copied().fold(0.0, f64::max);
    if !(largest > 0.0 && largest.is_finite()) {
        return None;
    }
    let positive = values.iter().all(|value| *value >= floor * largest);
    let raised = if positive {
        given
    } else {
        let vectors = eigen.U();
        Mat::from_fn(order, order, |row, column| {
            let part =
                |index: usize| vectors[(row, index)] * values[index].max(floor * largest) * vectors[(column, index)];
            (0..order).map(part).sum()
        })
    };
    let cholesky = raised.llt(Side::Lower).ok()?;
    let factor = cholesky.L();
    let element = |at: usize| if at / order >= at % order { factor[(at / order, at % order)] } else { 0.0 };
    Some(((0..order * order).map(element).collect(), positive))
}
