//! How far apart bodies are in the data: the range over which a pair potential is learned.

use serde::{Deserialize, Serialize};

use super::Scaling;
use crate::data::{Dataset, Moments};

/// Softening as a part of the smallest distance seen: small against it, so that the softened logarithm is a smooth function
/// of the distance wherever there are data.
const SOFTENING: f64 = 0.1;
/// Smallest softening, as a part of the typical distance: where bodies meet in the data, the logarithm still ends somewhere.
const SOFTENING_MIN: f64 = 1e-3;

/// Range of ½ ln(r² + ε²) over all pairs and rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRange {
    /// ε, in units of the positions.
    pub softening: f64,
    /// Its mean.
    pub centre: f64,
    /// Its deviation.
    pub width: f64,
}

impl Default for PairRange {
    /// For distances about one.
    fn default() -> Self {
        Self { softening: SOFTENING, centre: 0.0, width: 1.0 }
    }
}

impl PairRange {
    fn measure(data: &Dataset, bodies: usize) -> Self {
        let dimension = data.dof / bodies.max(1);
        let states = data.rows().x;
        let mut squares = Vec::new();
        for q in states.chunks_exact(2 * data.dof).map(|x| &x[..data.dof]) {
            for (index, one) in q.chunks_exact(dimension).enumerate() {
                let others = q.chunks_exact(dimension).skip(index + 1);
                squares.extend(others.map(|other| one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>()));
            }
        }
        let typical = Moments::of(&squares, 1).mean.first().map_or(1.0, |mean| mean.sqrt());
        let nearest = squares.iter().copied().fold(f64::INFINITY, f64::min).sqrt();
        let softening = (SOFTENING * nearest).max(SOFTENING_MIN * typical);
        let logarithms: Vec<f64> = squares.iter().map(|square| 0.5 * (square + softening * softening).ln()).collect();
        let moments = Moments::of(&logarithms, 1);
        let (centre, width) = (moments.mean[0], moments.deviation[0]);
        let usable = centre.is_finite() && softening > 0.0;
        if usable { Self { softening, centre, width: if width > 0.0 { width } else { 1.0 } } } else { Self::default() }
    }
}

impl Scaling {
    /// As [`measure`](Self::measure), and how far apart the data's `bodies` are.
    #[must_use]
    pub fn measure_bodies(data: &Dataset, bodies: usize) -> Self {
        let fits = bodies >= 2 && data.dof.is_multiple_of(bodies);
        Self { pairs: fits.then(|| PairRange::measure(data, bodies)), ..Self::measure(data) }
    }

    /// The range of distances, or one about 1 where it was not measured.
    #[must_use]
    pub fn pair_range(&self) -> PairRange {
        self.pairs.unwrap_or_default()
    }

    /// The same units for another number of identical bodies in the same space: each body has the mean units of all.
    ///
    /// `from` bodies share the positions now.
    #[must_use]
    pub fn for_bodies(&self, from: usize, to: usize) -> Self {
        let dof = self.dof() / from.max(1) * to;
        let alike = |values: &[f64]| vec![Moments::of(values, 1).mean.first().copied().unwrap_or(1.0); dof];
        Self {
            q_mean: alike(&self.q_mean),
            q: alike(&self.q),
            p: alike(&self.p),
            q_rate: alike(&self.q_rate),
            p_rate: alike(&self.p_rate),
            u: self.u.clone(),
            pairs: self.pairs,
        }
    }
}
