//! Which columns of a file mean what.
//!
//! A [`Selection`] is what a user typed; it is checked here for sense, and against a file's header by the reader.

use std::collections::HashSet;

use super::error::{DataError, plural};
use super::{MAX_DOF, MAX_INPUTS};

/// What was measured beside the positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Momentum {
    /// Columns of momenta.
    Measured(Vec<String>),
    /// Columns of velocities.
    Velocity(Vec<String>),
    /// Nothing: velocities are differences of positions over time.
    Absent,
}

impl Momentum {
    pub(super) fn columns(&self) -> &[String] {
        match self {
            Self::Measured(columns) | Self::Velocity(columns) => columns,
            Self::Absent => &[],
        }
    }
}

/// What to do with a row in which a value is empty, NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingPolicy {
    /// Refuse the file and say where.
    #[default]
    Refuse,
    /// Leave the row out and start a new trajectory after it.
    Split,
}

/// Which columns mean what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Positions.
    pub q: Vec<String>,
    /// Momenta or velocities, as many, or neither.
    pub momentum: Momentum,
    /// Inputs.
    pub u: Vec<String>,
    /// Time in seconds; without it, derivatives are required.
    pub time: Option<String>,
    /// A label that changes where a new trajectory starts.
    pub trajectory: Option<String>,
    /// Columns of dq and dp.
    pub derivative: Option<(Vec<String>, Vec<String>)>,
    /// What to do with missing values.
    pub missing: MissingPolicy,
}

impl Selection {
    /// Refuses a choice of columns that makes no sense, whatever the files hold.
    pub(super) fn check(&self) -> Result<(), DataError> {
        let refuse = |message: String| Err(DataError::Selection { message });
        let (dof, p, u) = (self.q.len(), self.momentum.columns().len(), self.u.len());
        let absent = self.momentum == Momentum::Absent;
        if dof == 0 || (dof != p && !absent) {
            return refuse(format!(
                "{} and {} are named; one momentum or velocity per position is expected",
                plural(dof, "position column"),
                plural(p, "momentum column")
            ));
        }
        if dof > MAX_DOF || u > MAX_INPUTS {
            return refuse(format!("{dof} positions and {u} inputs; at most {MAX_DOF} and {MAX_INPUTS} are possible"));
        }
        if let Some((dq, dp)) = &self.derivative
            && (dq.len() != dof || dp.len() != dof)
        {
            return refuse(format!(
                "{dof} dq and {dof} dp columns are expected, {} and {} are named",
                dq.len(),
                dp.len()
            ));
        }
        if absent && (self.time.is_none() || self.derivative.is_some()) {
            let message = "positions alone need times, and come without derivatives: name velocities as such";
            return refuse(message.to_owned());
        }
        if self.time.is_none() && self.derivative.is_none() {
            return refuse("name a time column, or columns with the derivatives (dq and dp)".to_owned());
        }
        // Measured velocities are the derivatives of the positions; any other column means one thing.
        let velocities = |dq: &Vec<String>| matches!(&self.momentum, Momentum::Velocity(v) if v == dq);
        let derivative = self.derivative.clone().map(|(dq, dp)| (if velocities(&dq) { Vec::new() } else { dq }, dp));
        let distinct = Self { derivative, ..self.clone() };
        let mut seen = HashSet::new();
        match distinct.numeric_columns().into_iter().find(|name| !seen.insert(*name)) {
            Some(twice) => refuse(format!("column `{twice}` is named for two quantities")),
            None => Ok(()),
        }
    }

    /// Every column that holds numbers, in the order of a run's cells: time, q, p, u, dq, dp.
    pub(super) fn numeric_columns(&self) -> Vec<&String> {
        let (dq, dp) = self.derivative.as_ref().map_or((&[][..], &[][..]), |(dq, dp)| (&dq[..], &dp[..]));
        self.time.iter().chain(&self.q).chain(self.momentum.columns()).chain(&self.u).chain(dq).chain(dp).collect()
    }
}
