//! The density score of training data: which states are kept, and how far from them the data reach.
//!
//! What a score means is the exporter's [`density`](hnn_exporter::density), which also travels with an export. Nothing here is
//! random: the same data give the same score. It knows no model and no weights.

use hnn_exporter::density::{Density, MAX_LANDMARKS, Record, features};

use crate::data::Dataset;
use crate::evaluate::quantile;

/// Part of the known data that scores at most 1.
pub const LEVEL: f64 = 0.99;
/// Most rows looked at, evenly spaced: more change neither landmarks nor radius noticeably.
const MAX_ROWS: usize = 1 << 16;
/// The radius is at least this many units, so that data of a single point keep a neighbourhood.
const RADIUS_MIN: f64 = 1e-6;

/// The score of training data, its edge set by held-out data.
///
/// Landmarks are training states far from one another: the first is the one nearest the mean, each next one the farthest
/// from all before it, which is within a factor of 2 of the best covering (Gonzalez, *Clustering to Minimize the Maximum
/// Intercluster Distance*, 1985). The radius is the larger of the 99 % quantiles of the distances of held-out and of training
/// rows to their nearest landmark. Units are standard deviations; sine and cosine of an angle share one. `angles` are indices of
/// positions.
///
/// `None` where the two datasets have different dimensions, or values whose square no longer is a number.
#[must_use]
pub fn fit(train: &Dataset, held_out: &Dataset, angles: &[usize]) -> Option<Density> {
    let width = 2 * train.dof;
    if held_out.dof != train.dof {
        return None;
    }
    let (rows, judged) = (spread(train), spread(held_out));
    let scale = units(&rows, width, angles);
    let of = |states: &[f64]| -> Vec<Vec<f64>> {
        states.chunks_exact(width).map(|state| features(angles, &scale, state)).collect()
    };
    let known = of(&rows);
    let (chosen, distances) = farthest(&known);
    let edge = |states: &[Vec<f64>]| {
        let nearest = |one: &Vec<f64>| {
            let each = chosen.iter().map(|landmark| square(one, &known[*landmark]));
            each.fold(f64::INFINITY, f64::min).sqrt()
        };
        quantile(&states.iter().map(nearest).collect::<Vec<f64>>(), LEVEL)
    };
    let own = quantile(&distances, LEVEL);
    let radius = edge(&of(&judged)).max(own).max(RADIUS_MIN);
    let landmarks = chosen.iter().map(|at| rows[at * width..(at + 1) * width].to_vec()).collect();
    Density::new(Record { angles: angles.to_vec(), scale, landmarks, radius }).ok()
}

/// States of a dataset, at most [`MAX_ROWS`] of them.
fn spread(data: &Dataset) -> Vec<f64> {
    let (rows, width) = (data.rows(), 2 * data.dof);
    let stride = rows.count.div_ceil(MAX_ROWS).max(1);
    rows.x.chunks_exact(width).step_by(stride).flatten().copied().collect()
}

/// Standard deviation of each column, of sine and cosine together for an angle; 1 for a column that never varies.
fn units(rows: &[f64], width: usize, angles: &[usize]) -> Vec<f64> {
    let variance = |values: Vec<f64>| {
        let count = crate::data::as_f64(values.len());
        let mean = values.iter().sum::<f64>() / count;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count
    };
    let column = |at: usize| rows.iter().skip(at).step_by(width).copied();
    let unit = |at: usize| {
        let variance = if angles.contains(&at) {
            variance(column(at).map(libm::sin).collect()) + variance(column(at).map(libm::cos).collect())
        } else {
            variance(column(at).collect())
        };
        Some(variance.sqrt()).filter(|unit| unit.is_normal()).unwrap_or(1.0)
    };
    (0..width).map(unit).collect()
}

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Indices of at most [`MAX_LANDMARKS`] points far from one another, and the distance of every point to the nearest of them.
fn farthest(points: &[Vec<f64>]) -> (Vec<usize>, Vec<f64>) {
    let count = crate::data::as_f64(points.len());
    let width = points.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..width).map(|at| points.iter().map(|point| point[at]).sum::<f64>() / count).collect();
    let centred: Vec<f64> = points.iter().map(|point| -square(point, &mean)).collect();
    let mut chosen = vec![largest(&centred)];
    let mut squares = vec![f64::INFINITY; points.len()];
    loop {
        let newest = &points[chosen[chosen.len() - 1]];
        for (nearest, point) in squares.iter_mut().zip(points) {
            *nearest = nearest.min(square(point, newest));
        }
        let next = largest(&squares);
        // Where every point is a landmark, more of them say nothing.
        if chosen.len() == MAX_LANDMARKS || squares[next] <= 0.0 {
            return (chosen, squares.into_iter().map(f64::sqrt).collect());
        }
        chosen.push(next);
    }
}

/// Index of the first largest value.
fn largest(values: &[f64]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::data::{Names, Source, Trajectory};
    use crate::random::Stream;

    /// Uniform points of a ring around the origin.
    fn ring(seed: u64, rows: usize, [low, high]: [f64; 2]) -> Dataset {
        let mut stream = Stream::new(seed, "ring", 0);
        let points = (0..rows).map(|_| {
            let (radius, angle) = (stream.uniform(low * low, high * high).sqrt(), stream.uniform(0.0, TAU));
            (radius * libm::cos(angle), radius * libm::sin(angle))
        });
        let (q, p) = points.unzip();
        let source = Source { name: "ring".to_owned(), first_row: 0 };
        let time = (0..rows).map(crate::data::as_f64).collect();
        let trajectory = Trajectory { source, time, q, p, u: Vec::new(), derivative: None };
        Dataset::new(Names::canonical(1, 0), vec![trajectory]).unwrap()
    }

    #[test]
    fn a_ring_has_an_outside_and_a_hole() {
        let density = fit(&ring(1, 2000, [1.0, 2.0]), &ring(2, 500, [1.0, 2.0]), &[]).unwrap();
        assert_eq!(density.landmarks().len(), MAX_LANDMARKS);
        let outside = |data: &Dataset| {
            let rows = data.rows();
            let found = rows.x.chunks_exact(2).filter(|state| density.is_outside(state)).count();
            crate::data::as_f64(found) / crate::data::as_f64(rows.count)
        };
        // Fresh points of the ring: 1 % by definition of the edge, with the scatter of 5,000 draws.
        assert!(outside(&ring(3, 5000, [1.0, 2.0])) < 0.02);
        assert!(density.is_outside(&[0.0, 0.0]), "the hole scores {}", density.score(&[0.0, 0.0]));
        assert!((outside(&ring(4, 500, [2.7, 3.0])) - 1.0).abs() < 1e-12, "beyond the ring");
    }

    #[test]
    fn an_angle_has_no_far_end() {
        let turned = |seed: u64, turns: f64| {
            let mut data = ring(seed, 800, [0.0, 0.5]);
            data.trajectories[0].q.iter_mut().for_each(|q| *q += turns * TAU);
            data
        };
        let (train, held_out) = (turned(1, 0.0), turned(2, 0.0));
        let (angular, straight) = (fit(&train, &held_out, &[0]).unwrap(), fit(&train, &held_out, &[]).unwrap());
        let share = |density: &Density| {
            let rows = turned(3, 5.0).rows();
            rows.x.chunks_exact(2).filter(|state| density.is_outside(state)).count()
        };
        assert!(share(&angular) < 40 && share(&straight) == 800);
    }

    #[test]
    fn a_few_rows_and_a_resting_coordinate_are_no_trouble() {
        let mut one = ring(1, 3, [1.0, 1.1]);
        one.trajectories[0].p.fill(0.0);
        let density = fit(&one, &one, &[]).unwrap();
        assert_eq!(density.landmarks().len(), 3);
        assert_eq!(density.score(&[one.trajectories[0].q[1], 0.0]), 0.0);
        assert!(density.is_outside(&[0.0, 5.0]));
    }
}
