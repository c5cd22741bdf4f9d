//! Where in state space a model's training data never was, as a number cheap enough to ask at every step.
//!
//! A [`Density`] keeps at most [`MAX_LANDMARKS`] training states and the unit of every coordinate. The score of a state is
//! its distance to the nearest landmark in these units, sine and cosine standing for an angle, over a radius chosen so that
//! 99 % of known data score at most 1. A score above 1 says that the model extrapolates there; it says nothing about how
//! well. It is chosen from data elsewhere; this module knows what it means, and how it travels with an export.

use serde::{Deserialize, Serialize};

/// Most states kept.
pub const MAX_LANDMARKS: usize = 64;
/// Score above which a state lies outside the data.
pub const EDGE: f64 = 1.0;

/// Why numbers are no density.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no density of training data: {0}")]
pub struct DensityError(String);

/// States that were trained on, and how far from them is far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Density {
    record: Record,
    /// Features of the landmarks, `[landmarks × features]`.
    features: Vec<f64>,
}

/// How a [`Density`] is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Indices of coordinates that are angles: they count modulo 2π.
    #[serde(default)]
    pub angles: Vec<usize>,
    /// Unit of each of the 2n coordinates; of an angle, that of its sine and cosine.
    pub scale: Vec<f64>,
    /// States `[q…, p…]` of the training data.
    pub landmarks: Vec<Vec<f64>>,
    /// Distance to the nearest landmark, in these units, at which the score is 1.
    pub radius: f64,
}

impl Density {
    /// Checks lengths and signs.
    ///
    /// # Errors
    /// [`DensityError`] naming what does not fit.
    pub fn new(record: Record) -> Result<Self, DensityError> {
        let refuse = |message: String| Err(DensityError(message));
        let (states, count) = (record.scale.len(), record.landmarks.len());
        if states == 0 || !states.is_multiple_of(2) {
            return refuse(format!("{states} units; a state has an even number of coordinates"));
        }
        if count == 0 || count > MAX_LANDMARKS {
            return refuse(format!("{count} landmarks; between 1 and {MAX_LANDMARKS} are possible"));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(record.radius) || !record.scale.iter().all(|unit| positive(*unit)) {
            return refuse("the radius and every unit must be positive".to_owned());
        }
        if let Some(angle) = record.angles.iter().find(|angle| **angle >= states) {
            return refuse(format!("angle {angle} of {states} coordinates"));
        }
        let complete = |row: &Vec<f64>| row.len() == states && row.iter().all(|value| value.is_finite());
        if let Some(at) = record.landmarks.iter().position(|row| !complete(row)) {
            return refuse(format!("landmark {at} is not {states} finite numbers"));
        }
        let features = record.landmarks.iter().flat_map(|x| features(&record.angles, &record.scale, x)).collect();
        Ok(Self { record, features })
    }

    /// Number of coordinates, 2n.
    #[must_use]
    pub fn states(&self) -> usize {
        self.record.scale.len()
    }

    /// The training states it keeps.
    #[must_use]
    pub fn landmarks(&self) -> &[Vec<f64>] {
        &self.record.landmarks
    }

    /// 0 at a landmark, 1 at the edge of the data; more is outside. NaN for a state that is not a number.
    ///
    /// `x` is `[2n]`; coordinates beyond that are ignored.
    #[must_use]
    pub fn score(&self, x: &[f64]) -> f64 {
        let own = features(&self.record.angles, &self.record.scale, x);
        let squares = |landmark: &[f64]| own.iter().zip(landmark).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let nearest = self.features.chunks_exact(own.len().max(1)).map(squares).fold(f64::INFINITY, f64::min);
        if own.iter().any(|value| value.is_nan()) { f64::NAN } else { nearest.sqrt() / self.record.radius }
    }

    /// Whether a state lies outside the data; one that is not a number does.
    #[must_use]
    pub fn is_outside(&self, x: &[f64]) -> bool {
        let score = self.score(x);
        score.is_nan() || score > EDGE
    }
}

impl TryFrom<Record> for Density {
    type Error = DensityError;

    fn try_from(record: Record) -> Result<Self, DensityError> {
        Self::new(record)
    }
}

impl From<Density> for Record {
    fn from(density: Density) -> Self {
        density.record
    }
}

/// What distances are taken between: xᵢ/scaleᵢ, or sin xᵢ/scaleᵢ and cos xᵢ/scaleᵢ of an angle.
#[must_use]
pub fn features(angles: &[usize], scale: &[f64], x: &[f64]) -> Vec<f64> {
    let mut features = Vec::with_capacity(scale.len() + angles.len());
    for (index, (value, unit)) in x.iter().zip(scale).enumerate() {
        if angles.contains(&index) {
            features.push(libm::sin(*value) / unit);
            features.push(libm::cos(*value) / unit);
        } else {
            features.push(value / unit);
        }
    }
    features
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use super::*;

    fn record() -> Record {
        Record { angles: vec![0], scale: vec![1.0, 2.0], landmarks: vec![vec![0.0, 0.0], vec![PI, 4.0]], radius: 0.5 }
    }

    #[test]
    fn a_score_is_the_distance_to_the_nearest_landmark_in_the_units_of_the_data() {
        let density = Density::new(record()).unwrap();
        assert_eq!(density.score(&[0.0, 0.0]), 0.0);
        // 1 in p is half a unit: the radius.
        assert_eq!(density.score(&[0.0, 1.0]), 1.0);
        assert!(!density.is_outside(&[0.0, 1.0]) && density.is_outside(&[0.0, 1.01]));
        // Across the circle from (1, 0): the chord of a quarter turn is √2.
        assert!((density.score(&[PI / 2.0, 0.0]) - 2.0f64.sqrt() / 0.5).abs() < 1e-12);
    }

    #[test]
    fn an_angle_counts_modulo_a_turn_and_a_position_does_not() {
        let density = Density::new(record()).unwrap();
        assert!(density.score(&[3.0 * TAU, 0.0]) < 1e-12);
        let straight = Density::new(Record { angles: Vec::new(), ..record() }).unwrap();
        assert!(straight.is_outside(&[3.0 * TAU, 0.0]));
    }

    #[test]
    fn what_is_no_number_is_outside() {
        let density = Density::new(record()).unwrap();
        assert!(density.is_outside(&[f64::NAN, 0.0]) && density.is_outside(&[0.0, f64::INFINITY]));
        assert!(density.score(&[f64::NAN, 0.0]).is_nan());
    }

    #[test]
    fn it_survives_its_file_form_and_nonsense_is_refused_by_name() {
        let density = Density::new(record()).unwrap();
        let text = serde_json::to_string(&density).unwrap();
        assert_eq!(serde_json::from_str::<Density>(&text).unwrap(), density);
        for (broken, expected) in [
            (Record { radius: 0.0, ..record() }, "radius"),
            (Record { scale: vec![1.0], ..record() }, "even number"),
            (Record { landmarks: Vec::new(), ..record() }, "0 landmarks"),
            (Record { landmarks: vec![vec![0.0]], ..record() }, "landmark 0"),
            (Record { angles: vec![2], ..record() }, "angle 2"),
        ] {
            let message = Density::new(broken).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(serde_json::from_str::<Density>(&text.replace("0.5", "-0.5")).is_err());
    }
}
