//! Trajectories of states, inputs and, where known, derivatives.
//!
//! A [`Dataset`] comes from CSV files ([`read`]) or from a named system. Whatever enters is complete: times strictly
//! increase within a trajectory, every value is finite, every array has its stated length. Nothing here knows a model or
//! a tensor library.

mod derivative;
mod error;
mod integral;
mod lag;
mod noise;
mod read;
mod reconcile;
mod selection;
mod split;
mod statistics;
mod table;

pub use hnn_runtime::format::{MAX_DOF, MAX_INPUTS};

pub use derivative::finite_differences;
pub use error::{DataError, Place};
pub(crate) use integral::{NODES, centre_columns, cumulative_integrals};
pub use noise::{Noise, noise};
pub use read::{GAP_FACTOR, Notice, Reading, read};
pub use reconcile::{Reconciled, reconcile};
pub use selection::{MissingPolicy, Momentum, Selection};
pub use split::{Split, SplitRule, TAIL_BELOW, split};
pub(crate) use statistics::as_f64;
pub use statistics::{MAX_SAMPLES, Moments, Samples, Statistics, samples, statistics};
pub use table::{MAX_FILE_BYTES, MAX_FILE_COLUMNS};

use error::plural;
use serde::{Deserialize, Serialize};

/// Where a trajectory was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// File, or the name of the system that made it.
    pub name: String,
    /// Line of the file that holds the first row (the header is line 1), or the index of the made trajectory.
    pub first_row: usize,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.first_row)
    }
}

/// Consecutive rows of one motion. Arrays are row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Where it comes from.
    pub source: Source,
    /// Time of each row in seconds, strictly increasing; empty where no time was recorded.
    pub time: Vec<f64>,
    /// Positions, `[rows × n]`.
    pub q: Vec<f64>,
    /// Momenta, or velocities where [`Names::second`] says so, `[rows × n]`.
    pub p: Vec<f64>,
    /// Inputs, `[rows × m]`; row i acts from time i until time i + 1.
    pub u: Vec<f64>,
    /// Time derivative of the state, `[rows × 2n]` as `[dq…, dp…]`, where given or computed.
    pub derivative: Option<Vec<f64>>,
}

/// Names of the quantities, as the columns were called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// Positions, n of them.
    pub q: Vec<String>,
    /// Momenta (or velocities), n of them.
    pub p: Vec<String>,
    /// Inputs, m of them.
    pub u: Vec<String>,
    /// What `p` is.
    pub second: Second,
    /// Whether `p` was measured; else it is differences of `q`: a start for learning, with which nothing is compared.
    pub second_is_measured: bool,
}

/// What the second half of a measured state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Second {
    /// Momenta, or velocities that are taken as momenta of unit mass.
    Momentum,
    /// Velocities, whose momenta a model's mass matrix gives.
    Velocity,
}

impl Names {
    /// `q1…qn`, `p1…pn`, `u1…um`, or `q`, `p`, `u` where there is one.
    #[must_use]
    pub fn canonical(dof: usize, inputs: usize) -> Self {
        let name = |symbol: &str, count: usize| -> Vec<String> {
            if count == 1 { vec![symbol.to_owned()] } else { (1..=count).map(|at| format!("{symbol}{at}")).collect() }
        };
        Self {
            q: name("q", dof),
            p: name("p", dof),
            u: name("u", inputs),
            second: Second::Momentum,
            second_is_measured: true,
        }
    }
}

/// All rows of a dataset in one block each, trajectory after trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Number of rows.
    pub count: usize,
    /// States `[q…, p…]`, `[count × 2n]`.
    pub x: Vec<f64>,
    /// Inputs, `[count × m]`.
    pub u: Vec<f64>,
    /// Derivatives, `[count × 2n]`, where every trajectory has them.
    pub dx: Option<Vec<f64>>,
}

/// Trajectories of one system.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What the quantities are called.
    pub names: Names,
    /// Degrees of freedom n.
    pub dof: usize,
    /// Inputs m.
    pub inputs: usize,
    /// The motions; none is empty.
    pub trajectories: Vec<Trajectory>,
}

impl Trajectory {
    /// Number of rows, given the degrees of freedom.
    #[must_use]
    pub fn rows(&self, dof: usize) -> usize {
        self.q.len().checked_div(dof).unwrap_or(0)
    }

    /// States `[q…, p…]`, `[rows × 2n]`.
    #[must_use]
    pub fn states(&self, dof: usize) -> Vec<f64> {
        let pairs = self.q.chunks_exact(dof.max(1)).zip(self.p.chunks_exact(dof.max(1)));
        pairs.flat_map(|(q, p)| q.iter().chain(p)).copied().collect()
    }

    /// Time steps between rows, one fewer than rows; empty where no time was recorded.
    #[must_use]
    pub fn intervals(&self) -> Vec<f64> {
        self.time.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Rows `start..end` as a trajectory of their own, which keeps the source.
    #[must_use]
    pub fn part(&self, dof: usize, inputs: usize, start: usize, end: usize) -> Self {
        let cut = |values: &[f64], width: usize| values.get(start * width..end * width).unwrap_or_default().to_vec();
        Self {
            source: self.source.clone(),
            time: cut(&self.time, 1),
            q: cut(&self.q, dof),
            p: cut(&self.p, dof),
            u: cut(&self.u, inputs),
            derivative: self.derivative.as_ref().map(|values| cut(values, 2 * dof)),
        }
    }
}

impl Dataset {
    /// Checks every length, the finiteness of every value and the order of times.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] naming the trajectory and what does not fit.
    pub fn new(names: Names, trajectories: Vec<Trajectory>) -> Result<Self, DataError> {
        let (dof, inputs) = (names.q.len(), names.u.len());
        let refuse = |message: String| Err(DataError::Inconsistent { message });
        if dof == 0 || dof > MAX_DOF || names.p.len() != dof || inputs > MAX_INPUTS {
            return refuse(format!(
                "{dof} positions, {} momenta and {inputs} inputs: between 1 and {MAX_DOF} pairs and at most {MAX_INPUTS} inputs are possible",
                names.p.len()
            ));
        }
        if trajectories.is_empty() {
            return refuse("there is no trajectory".to_owned());
        }
        for trajectory in &trajectories {
            if let Some(message) = inconsistency(trajectory, dof, inputs) {
                return refuse(format!("{}: {message}", trajectory.source));
            }
        }
        Ok(Self { names, dof, inputs, trajectories })
    }

    /// Number of rows of all trajectories.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.trajectories.iter().map(|trajectory| trajectory.rows(self.dof)).sum()
    }

    /// Every row in blocks; derivatives only where every trajectory has them.
    #[must_use]
    pub fn rows(&self) -> Rows {
        let join = |part: &dyn Fn(&Trajectory) -> Vec<f64>| self.trajectories.iter().flat_map(part).collect::<Vec<_>>();
        let derivatives: Option<Vec<&Vec<f64>>> = self.trajectories.iter().map(|one| one.derivative.as_ref()).collect();
        Rows {
            count: self.row_count(),
            x: join(&|trajectory| trajectory.states(self.dof)),
            u: join(&|trajectory| trajectory.u.clone()),
            dx: derivatives.map(|all| all.into_iter().flatten().copied().collect()),
        }
    }

    /// The same data with velocities taken as momenta of unit mass.
    #[must_use]
    pub fn with_unit_mass(mut self) -> Self {
        self.names.second = Second::Momentum;
        self
    }

    /// The same data with derivatives by [`finite_differences`] wherever none were given.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] where a trajectory without derivatives has no time or a single row.
    pub fn with_derivatives(mut self) -> Result<Self, DataError> {
        let dof = self.dof;
        for trajectory in self.trajectories.iter_mut().filter(|one| one.derivative.is_none()) {
            if trajectory.time.len() < 2 {
                let (source, rows) = (&trajectory.source, trajectory.rows(dof));
                let message = format!(
                    "{source}: derivatives need times and at least two rows, there are {} for {}",
                    plural(trajectory.time.len(), "time"),
                    plural(rows, "row")
                );
                return Err(DataError::Inconsistent { message });
            }
            trajectory.derivative = Some(finite_differences(&trajectory.time, &trajectory.states(dof), 2 * dof));
        }
        Ok(self)
    }
}

fn inconsistency(trajectory: &Trajectory, dof: usize, inputs: usize) -> Option<String> {
    let rows = trajectory.rows(dof);
    let arrays: [(&str, &[f64], usize); 4] = [
        ("q", &trajectory.q, rows * dof),
        ("p", &trajectory.p, rows * dof),
        ("u", &trajectory.u, rows * inputs),
        ("derivative", trajectory.derivative.as_deref().unwrap_or_default(), rows * 2 * dof),
    ];
    if rows == 0 {
        return Some("it has no rows".to_owned());
    }
    for (name, values, expected) in arrays {
        let absent = name == "derivative" && trajectory.derivative.is_none();
        if values.len() != expected && !absent {
            return Some(format!("{name} has {}, {expected} are expected", plural(values.len(), "value")));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Some(format!("{name} holds {} at row {}", values[at], at / (expected / rows).max(1)));
        }
    }
    if !trajectory.time.is_empty() && trajectory.time.len() != rows {
        return Some(format!("{} for {}", plural(trajectory.time.len(), "time"), plural(rows, "row")));
    }
    let disorder =
        trajectory.time.windows(2).position(|pair| pair[1].partial_cmp(&pair[0]) != Some(std::cmp::Ordering::Greater));
    disorder.map(|at| format!("time does not increase after row {at}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trajectory() -> Trajectory {
        Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            time: vec![0.0, 0.5, 2.0],
            q: vec![1.0, 2.0, 3.0],
            p: vec![4.0, 5.0, 6.0],
            u: Vec::new(),
            derivative: None,
        }
    }

    #[test]
    fn states_interleave_position_and_momentum() {
        assert_eq!(trajectory().states(1), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(trajectory().intervals(), [0.5, 1.5]);
        assert_eq!(trajectory().part(1, 0, 1, 3).q, [2.0, 3.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        let build = |change: &dyn Fn(&mut Trajectory)| {
            let mut one = trajectory();
            change(&mut one);
            Dataset::new(Names::canonical(1, 0), vec![one]).map_err(|error| error.to_string())
        };
        assert!(build(&|_| ()).is_ok());
        assert_eq!(build(&|one| one.p.truncate(2)), Err("made:0: p has 2 values, 3 are expected".to_owned()));
        assert_eq!(build(&|one| one.q[1] = f64::NAN), Err("made:0: q holds NaN at row 1".to_owned()));
        assert_eq!(build(&|one| one.time[1] = 2.0), Err("made:0: time does not increase after row 1".to_owned()));
        assert_eq!(build(&|one| one.time.truncate(1)), Err("made:0: 1 time for 3 rows".to_owned()));
        assert_eq!(
            Dataset::new(Names::canonical(1, 0), Vec::new()).map_err(|error| error.to_string()),
            Err("there is no trajectory".to_owned())
        );
        assert!(Dataset::new(Names::canonical(MAX_DOF + 1, 0), vec![trajectory()]).is_err());
    }

    #[test]
    fn derivatives_appear_in_the_rows_once_every_trajectory_has_them() {
        let data = Dataset::new(Names::canonical(1, 0), vec![trajectory()]).unwrap();
        assert!(data.rows().dx.is_none());
        let data = data.with_derivatives().unwrap();
        let rows = data.rows();
        assert_eq!((rows.count, rows.x.len(), rows.dx.map(|dx| dx.len())), (3, 6, Some(6)));
    }
}
