//! Where a run's data come from, in words that are kept in the run, so that they can be read again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hnn_trainer::data::{Dataset, MissingPolicy, Momentum, Selection, SplitRule, read, split};
use hnn_trainer::system::{self, Attained, Protocol, System};
use serde::{Deserialize, Serialize};

use crate::arguments::{DataArguments, ProtocolName, SourceArguments};

/// Part of measured data that is held out to judge by, unless another is asked for.
const HELD_OUT_FRACTION: f64 = 0.2;

/// A source of training data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Source {
    /// A named system.
    System(SystemSource),
    /// Recordings.
    Files(FileSource),
}

/// A named system and how much of it is recorded; see [`Protocol`] for the fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SystemSource {
    pub(crate) name: String,
    pub(crate) settings: BTreeMap<String, f64>,
    pub(crate) trajectories: usize,
    pub(crate) held_out: usize,
    pub(crate) rows: usize,
    pub(crate) horizon: f64,
    pub(crate) noise: f64,
    pub(crate) derivatives: bool,
    pub(crate) seed: u64,
}

/// Files and the meaning of their columns; see [`Selection`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSource {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) q: Vec<String>,
    /// Momenta or velocities; empty where neither was measured.
    pub(crate) p: Vec<String>,
    pub(crate) momentum_is_velocity: bool,
    pub(crate) u: Vec<String>,
    #[serde(default)]
    pub(crate) input_lag: f64,
    pub(crate) time: Option<String>,
    pub(crate) trajectory: Option<String>,
    pub(crate) derivative: Option<(Vec<String>, Vec<String>)>,
    pub(crate) split_at_missing: bool,
    #[serde(default = "usual_held_out")]
    pub(crate) held_out: f64,
    pub(crate) seed: u64,
}

/// What runs held out before it could be chosen.
fn usual_held_out() -> f64 {
    HELD_OUT_FRACTION
}

/// Data to learn from, and what there is to say about them.
pub(crate) struct Loaded {
    pub(crate) train: Dataset,
    pub(crate) held_out: Dataset,
    /// Held-out motions without noise and with true derivatives, where the truth is known.
    pub(crate) clean: Option<Dataset>,
    /// Identical bodies that the positions belong to, where the source knows.
    pub(crate) bodies: Option<usize>,
    /// Constraints that the motion keeps, as formulas in q, where the source knows.
    pub(crate) constraints: Vec<String>,
    /// Lines for the user.
    pub(crate) notices: Vec<String>,
}

impl Source {
    /// Turns what was typed into a source.
    pub(crate) fn new(
        from: &SourceArguments,
        data: &DataArguments,
        settings: BTreeMap<String, f64>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        match &from.system {
            Some(name) => Ok(Self::System(SystemSource::new(name, from, &settings, seed)?)),
            None if data.data.is_empty() => {
                bail!(
                    "name a system with --system, recordings with --data, or an interrupted run with --resume --out RUN"
                )
            }
            None => Ok(Self::Files(FileSource::new(data, seed)?)),
        }
    }

    /// Makes or reads the data.
    pub(crate) fn load(&self) -> anyhow::Result<Loaded> {
        match self {
            Self::System(source) => source.load(),
            Self::Files(source) => source.load(),
        }
    }

    /// One line for people and manifests.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::System(source) => format!(
                "system {}: {} trajectories of {} rows over {} s, noise {}, {} held out",
                source.name, source.trajectories, source.rows, source.horizon, source.noise, source.held_out
            ),
            Self::Files(source) => {
                // What is exported names files, not folders of the machine it was trained on.
                let name = |file: &PathBuf| file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
                let names: Vec<String> = source.files.iter().map(name).collect();
                let lag = match source.input_lag {
                    0.0 => String::new(),
                    seconds => format!(", inputs acting {seconds} s after they were recorded"),
                };
                format!("recordings {}{lag}", names.join(", "))
            }
        }
    }
}

impl SystemSource {
    fn new(name: &str, from: &SourceArguments, settings: &BTreeMap<String, f64>, seed: u64) -> anyhow::Result<Self> {
        let known = system::find(name)?;
        let mut protocol = match from.protocol {
            Some(ProtocolName::Reference) if known.published.is_none() => {
                bail!("no published protocol of system `{name}` is followed here; leave out --protocol")
            }
            Some(ProtocolName::Reference) => known.reference,
            None => known.protocol,
        };
        if let Some(horizon) = from.horizon {
            // The rate stays unless it is given, too.
            let rate = (protocol.rows.saturating_sub(1)) as f64 / protocol.horizon;
            protocol = Protocol { horizon, ..protocol }.with_rate(rate);
        }
        if let Some(rate) = from.rate {
            if !(rate.is_finite() && rate > 0.0) {
                bail!("--rate {rate}: points per second are positive");
            }
            protocol = protocol.with_rate(rate);
        }
        if let Some(trajectories) = from.trajectories {
            let share = protocol.held_out as f64 / protocol.trajectories as f64;
            let held_out = ((trajectories as f64 * share).round() as usize).clamp(1, trajectories.max(2) - 1);
            protocol = Protocol { trajectories, held_out, ..protocol };
        }
        if let Some(noise) = from.noise {
            protocol.noise = noise;
        }
        Ok(Self::with_protocol(known, protocol, known.settings_with(settings)?, seed))
    }

    /// The published protocol of a system.
    pub(crate) fn reference(name: &str, seed: u64) -> anyhow::Result<Self> {
        let known = system::find(name)?;
        Ok(Self::with_protocol(known, known.reference, known.settings_with(&BTreeMap::new())?, seed))
    }

    fn with_protocol(known: &System, protocol: Protocol, settings: BTreeMap<String, f64>, seed: u64) -> Self {
        let Protocol { trajectories, held_out, rows, horizon, noise, derivatives } = protocol;
        let name = known.name.to_owned();
        Self { name, settings, trajectories, held_out, rows, horizon, noise, derivatives, seed }
    }

    /// The system itself.
    pub(crate) fn system(&self) -> anyhow::Result<&'static System> {
        Ok(system::find(&self.name)?)
    }

    /// What is recorded of it.
    pub(crate) fn protocol(&self) -> Protocol {
        let Self { trajectories, held_out, rows, horizon, noise, derivatives, .. } = *self;
        Protocol { trajectories, held_out, rows, horizon, noise, derivatives }
    }

    fn load(&self) -> anyhow::Result<Loaded> {
        let made = system::generate(self.system()?, &self.settings, &self.protocol(), self.seed)?;
        let attained: Attained = made.attained;
        Ok(Loaded {
            train: made.train,
            held_out: made.held_out,
            clean: Some(made.held_out_clean),
            bodies: self.system()?.bodies,
            constraints: self.system()?.constraints(&self.settings)?,
            notices: vec![attained.to_string()],
        })
    }
}

impl FileSource {
    fn new(data: &DataArguments, seed: u64) -> anyhow::Result<Self> {
        let momentum_is_velocity = data.p.is_empty();
        let dq = if data.dq.is_empty() { data.v.clone() } else { data.dq.clone() };
        if dq.is_empty() && !data.dp.is_empty() {
            bail!("--dp needs --dq, the time derivatives of the positions, or --v, which are the same");
        }
        // A run may be read from another working directory.
        let absolute = |file: &PathBuf| {
            std::path::absolute(file).with_context(|| format!("cannot resolve the path {}", file.display()))
        };
        Ok(Self {
            files: data.data.iter().map(absolute).collect::<Result<_, _>>()?,
            q: data.q.clone(),
            p: if momentum_is_velocity { data.v.clone() } else { data.p.clone() },
            momentum_is_velocity,
            u: data.u.clone(),
            input_lag: data.input_lag.unwrap_or_default(),
            time: data.time.clone(),
            trajectory: data.trajectory.clone(),
            derivative: (!data.dp.is_empty()).then(|| (dq, data.dp.clone())),
            split_at_missing: data.split_at_nan,
            held_out: data.held_out.unwrap_or(HELD_OUT_FRACTION),
            seed,
        })
    }

    fn selection(&self) -> Selection {
        let momentum = match self.momentum_is_velocity {
            _ if self.p.is_empty() => Momentum::Absent,
            true => Momentum::Velocity(self.p.clone()),
            false => Momentum::Measured(self.p.clone()),
        };
        Selection {
            q: self.q.clone(),
            momentum,
            u: self.u.clone(),
            time: self.time.clone(),
            trajectory: self.trajectory.clone(),
            derivative: self.derivative.clone(),
            missing: if self.split_at_missing { MissingPolicy::Split } else { MissingPolicy::Refuse },
        }
    }

    /// Reads the same columns of other files; derivatives are not needed where states have times.
    pub(crate) fn read_states(&self, files: &[PathBuf]) -> anyhow::Result<(Dataset, Vec<String>)> {
        let selection = self.selection();
        let derivative = selection.derivative.clone().filter(|_| selection.time.is_none());
        self.read(files, &Selection { derivative, ..selection })
    }

    fn read(&self, files: &[PathBuf], selection: &Selection) -> anyhow::Result<(Dataset, Vec<String>)> {
        let reading = read(files, selection)?;
        let mut notices: Vec<String> = reading.notices.iter().map(ToString::to_string).collect();
        if self.p.is_empty() {
            notices.push("no velocities are named: differences of positions stand for them".to_owned());
        }
        let data = if self.input_lag == 0.0 { reading.data } else { reading.data.with_input_lag(self.input_lag)? };
        Ok((data, notices))
    }

    fn load(&self) -> anyhow::Result<Loaded> {
        let (data, mut notices) = self.read(&self.files, &self.selection())?;
        if self.held_out == 0.0 {
            notices.push(format!(
                "{} rows in {} trajectories; nothing is held out, judged by what is trained on",
                data.row_count(),
                data.trajectories.len()
            ));
            return Ok(Loaded::measured(data.clone(), data, notices));
        }
        let parts = split(&data, self.held_out, SplitRule::Automatic, self.seed)?;
        let what = if parts.rule == SplitRule::Tails { "the end of each trajectory" } else { "whole trajectories" };
        notices.push(format!(
            "{} rows in {} trajectories; held out: {what}, {} rows",
            data.row_count(),
            data.trajectories.len(),
            parts.held_out.row_count()
        ));
        Ok(Loaded::measured(parts.train, parts.held_out, notices))
    }
}

impl Loaded {
    /// Of a machine, whose truth nobody knows.
    fn measured(train: Dataset, held_out: Dataset, notices: Vec<String>) -> Self {
        Self { train, held_out, clean: None, bodies: None, constraints: Vec::new(), notices }
    }
}

/// The source kept in a run's configuration.
pub(crate) fn of_run(value: &serde_json::Value, run: &Path) -> anyhow::Result<Source> {
    Source::deserialize(value).with_context(|| format!("{}: the source of the data is not understood", run.display()))
}
