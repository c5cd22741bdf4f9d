//! Units of the data: what turns physical quantities into numbers of order one, inside the graph.

mod pairs;

use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Moments};

pub use pairs::PairRange;

/// Longest lag, in rows, over which a rate is measured.
const MAX_LAG: usize = 256;
/// A quantity that never changes gets this unit, so that it can be divided by.
const CONSTANT_UNIT: f64 = 1.0;

/// Typical sizes of positions, momenta, their rates, and inputs; all positive but the mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Mean of each position.
    pub q_mean: Vec<f64>,
    /// Deviation of each position.
    pub q: Vec<f64>,
    /// Root mean square of each momentum.
    pub p: Vec<f64>,
    /// Typical ∂q/∂t.
    pub q_rate: Vec<f64>,
    /// Typical ∂p/∂t.
    pub p_rate: Vec<f64>,
    /// Root mean square of each input.
    pub u: Vec<f64>,
    /// How far apart the bodies are, where the positions are those of bodies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<PairRange>,
}

impl Scaling {
    /// Everything in units of one: for tests and for data that are normalised already.
    #[must_use]
    pub fn unit(dof: usize, inputs: usize) -> Self {
        let ones = vec![1.0; dof];
        Self {
            q_mean: vec![0.0; dof],
            q: ones.clone(),
            p: ones.clone(),
            q_rate: ones.clone(),
            p_rate: ones,
            u: vec![1.0; inputs],
            pairs: None,
        }
    }

    /// Measures training data.
    ///
    /// Rates are the root mean square of given derivatives. Without them, a rate is the root mean square change over a lag,
    /// divided by the lag; the lag is the first at which the state has changed by its own deviation, where measurement
    /// noise no longer dominates the change.
    #[must_use]
    pub fn measure(data: &Dataset) -> Self {
        let (dof, width) = (data.dof, 2 * data.dof);
        let rows = data.rows();
        let moments = Moments::of(&rows.x, width);
        let rates = match &rows.dx {
            Some(dx) => root_mean_squares(dx, width),
            None => (0..width).map(|column| lagged_rate(data, column, moments.deviation[column])).collect(),
        };
        let unit = |value: f64| if value.is_finite() && value > 0.0 { value } else { CONSTANT_UNIT };
        let units = |values: &[f64]| values.iter().copied().map(unit).collect::<Vec<_>>();
        Self {
            q_mean: moments.mean[..dof].to_vec(),
            q: units(&moments.deviation[..dof]),
            p: units(&root_mean_squares(&rows.x, width)[dof..]),
            q_rate: units(&rates[..dof]),
            p_rate: units(&rates[dof..]),
            u: units(&root_mean_squares(&rows.u, data.inputs)),
            pairs: None,
        }
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.q.len()
    }

    /// Inputs m.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.u.len()
    }

    /// Unit of T: the mean of p times the rate of q, so that ∂T/∂p is of the size of the rate of q.
    #[must_use]
    pub fn kinetic(&self) -> f64 {
        mean_product(&self.p, &self.q_rate)
    }

    /// Unit of V: the mean of q times the rate of p, so that ∂V/∂q is of the size of the rate of p.
    #[must_use]
    pub fn potential(&self) -> f64 {
        mean_product(&self.q, &self.p_rate)
    }

    /// What is wrong with these scales, if anything.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        let dof = self.dof();
        let positive = [&self.q, &self.p, &self.q_rate, &self.p_rate, &self.u];
        let lengths = [self.q_mean.len(), self.p.len(), self.q_rate.len(), self.p_rate.len()];
        if dof == 0 || lengths.iter().any(|len| *len != dof) {
            return Err(format!("scales of {dof} positions and {lengths:?} other quantities"));
        }
        let invalid = |value: &&f64| !(value.is_finite() && **value > 0.0);
        match positive.into_iter().flatten().find(invalid).or(self.q_mean.iter().find(|mean| !mean.is_finite())) {
            Some(value) => Err(format!("a scale of {value}; scales are finite and positive")),
            None => Ok(()),
        }
    }
}

fn mean_product(a: &[f64], b: &[f64]) -> f64 {
    let products: Vec<f64> = a.iter().zip(b).map(|(a, b)| a * b).collect();
    Moments::of(&products, 1).mean.first().copied().unwrap_or(CONSTANT_UNIT)
}

fn root_mean_squares(values: &[f64], width: usize) -> Vec<f64> {
    let squares: Vec<f64> = values.iter().map(|value| value * value).collect();
    Moments::of(&squares, width).mean.iter().map(|mean| mean.sqrt()).collect()
}

/// Root mean square change of one column over the first lag that brings it to `deviation`, over that lag's mean time.
fn lagged_rate(data: &Dataset, column: usize, deviation: f64) -> f64 {
    let mut rate = 0.0;
    let mut lag = 1;
    while lag <= MAX_LAG {
        let (mut square, mut time, mut count) = (0.0, 0.0, 0.0);
        for one in &data.trajectories {
            let states = one.states(data.dof);
            let values: Vec<f64> = states.iter().skip(column).step_by(2 * data.dof).copied().collect();
            for (first, last) in (lag..values.len().min(one.time.len())).map(|last| (last - lag, last)) {
                square += (values[last] - values[first]).powi(2);
                time += one.time[last] - one.time[first];
                count += 1.0;
            }
        }
        if count == 0.0 {
            break;
        }
        let change = f64::sqrt(square / count);
        rate = change * count / time;
        if change >= deviation {
            break;
        }
        lag += lag.div_ceil(4);
    }
    rate
}
