//! `hnn simulate`: the runtime on the host, one CSV row per step.
//!
//! The bits in the file are the device's: the same crate steps the same program.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use hnn_exporter::density::Density;
use hnn_exporter::manifest::{self, FileRecord, Manifest};
use hnn_runtime::format::{MAX_BLOB_WORDS, MAX_DOF};
use hnn_runtime::integrate::{
    Compensated, MIDPOINT_ITERATIONS, RATTLE_ITERATIONS, STORMER_VERLET_ITERATIONS, Splitting, TAO_OMEGA,
};
use hnn_runtime::model::Model;
use hnn_runtime::{AnyState, AnyStepper, Compiled, Error, Lattice, Program, SchemeId, State};

use super::write_atomically;
use crate::arguments::{SimulateArguments, StateKind};
use crate::{Verdict, blob, console};

/// Most rows of an input file.
const INPUT_ROWS_MAX: usize = 10_000_000;

/// Steps a device program and writes its trajectory.
pub(crate) fn simulate(arguments: &SimulateArguments) -> anyhow::Result<Verdict> {
    let path = blob::locate(&arguments.model);
    let words = blob::read(&path)?;
    let program = blob::parse(&path, &words)?;
    let dof = program.dof();
    if arguments.x0.len() != 2 * dof {
        bail!(
            "--x0 has {} values, but {} has {dof} degree(s) of freedom and needs {}: q1,…,qn,p1,…,pn",
            arguments.x0.len(),
            path.display(),
            2 * dof
        );
    }
    let stepper = stepper(&program, arguments.scheme.as_deref(), arguments.omega)?;
    let dt = arguments.dt.unwrap_or(program.dt());
    if !dt.is_finite() || dt == 0.0 {
        bail!("--dt {dt} is no step length");
    }
    let drive = match &arguments.u {
        Some(file) => Drive::read(file, program.inputs())?,
        None => Drive::none(program.inputs()),
    };
    let (q, p) = arguments.x0.split_at(dof);
    let start = State::<f32, MAX_DOF>::new(q, p).context("--x0 is no state")?;
    let mut motion = Motion::new(arguments.state, start, &stepper, &program)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace)?;
    // Times are multiples of the step as it is written, 0.01, not as f32 holds it, 0.009999999776.
    let decimal = dt.to_string().parse().unwrap_or(f64::from(dt));
    let mut rows = Rows { dof, dt: decimal, energy_first: None, energy_last: 0.0 };
    let mut watch = Watch::new(&path, dof)?;
    write_atomically(&arguments.out, |file| {
        rows.header(file, program.inputs())?;
        for step in 0..=arguments.steps {
            let u = drive.at(step as f64 * rows.dt);
            let state = motion.state();
            let energy = model.energy(state.q(), state.p());
            rows.row(file, step, &state, energy, u)?;
            watch.look(&state, step as f64 * rows.dt);
            if step < arguments.steps {
                motion
                    .step(&stepper, &mut model, u, dt)
                    .with_context(|| format!("step {} from t = {}", step + 1, step as f64 * rows.dt))?;
            }
        }
        Ok(())
    })?;
    let first = rows.energy_first.unwrap_or_default();
    console::say(format!(
        "{} steps of {} with dt = {dt} s: H from {first:?} to {:?}; written to {}",
        arguments.steps,
        stepper.scheme().name(),
        rows.energy_last,
        arguments.out.display()
    ));
    Ok(Verdict::Good)
}

fn stepper(program: &Program<'_>, scheme: Option<&str>, omega: Option<f32>) -> anyhow::Result<AnyStepper> {
    let name = scheme.unwrap_or(program.scheme().name());
    let known = || SchemeId::ALL.iter().map(|id| id.name()).collect::<Vec<_>>().join(", ");
    let id = SchemeId::ALL.iter().find(|id| id.name() == name);
    let id = *id.with_context(|| format!("unknown scheme `{name}`; known are {}", known()))?;
    if omega.is_some() && !id.is_doubled() {
        bail!("--omega has no effect on scheme `{name}`, which steps one state; tao2 and tao4 step two copies of it");
    }
    let setting = match id {
        _ if id.is_doubled() => omega.or(program.omega()).unwrap_or(TAO_OMEGA).to_bits(),
        _ if id == program.scheme() => program.setting(),
        _ if id.keeps_constraints() => RATTLE_ITERATIONS,
        SchemeId::StormerVerlet => STORMER_VERLET_ITERATIONS,
        _ => MIDPOINT_ITERATIONS,
    };
    AnyStepper::new(program, id, setting).with_context(|| format!("scheme `{name}` cannot step this model"))
}

/// A state of the kind that was asked for.
enum Motion {
    Plain(Box<AnyState<MAX_DOF>>),
    Compensated(Box<Compensated<MAX_DOF>>, &'static Splitting),
    Lattice(Box<Lattice<MAX_DOF>>, &'static Splitting),
}

impl Motion {
    fn new(
        kind: StateKind,
        start: State<f32, MAX_DOF>,
        stepper: &AnyStepper,
        program: &Program<'_>,
    ) -> anyhow::Result<Self> {
        let explicit = || stepper.explicit(program).with_context(|| format!("--state: {}", stepper.scheme().name()));
        Ok(match kind {
            StateKind::F32 => Self::Plain(Box::new(stepper.begin(start))),
            StateKind::Compensated => Self::Compensated(Box::new(Compensated::new(start)), explicit()?),
            StateKind::Lattice => Self::Lattice(Box::new(Lattice::new(&start).context("--x0")?), explicit()?),
        })
    }

    fn state(&self) -> State<f32, MAX_DOF> {
        match self {
            Self::Plain(state) => state.state().clone(),
            Self::Compensated(state, _) => state.state().clone(),
            Self::Lattice(state, _) => state.state(),
        }
    }

    fn step(&mut self, stepper: &AnyStepper, model: &mut Compiled<'_>, u: &[f32], dt: f32) -> Result<(), Error> {
        match self {
            Self::Plain(state) => stepper.step_any(model, state, u, dt).map(drop),
            Self::Compensated(state, scheme) => state.step(scheme, &mut model.separable()?, u, dt),
            Self::Lattice(state, scheme) => state.step(scheme, &mut model.separable()?, u, dt),
        }
    }
}

/// Looks at every state and says once when the motion leaves the data the model was trained on.
struct Watch {
    density: Option<Density>,
    x: Vec<f64>,
}

impl Watch {
    /// The density of the export the program belongs to; nothing is known of a program on its own, nor where the manifest
    /// beside it describes another one.
    fn new(program: &Path, dof: usize) -> anyhow::Result<Self> {
        let folder = program.parent().unwrap_or(Path::new("."));
        let mut density = None;
        if folder.join(manifest::FILE_NAME).is_file() {
            let manifest = Manifest::read(folder)?;
            let bytes = crate::file::read(program, (MAX_BLOB_WORDS * 4) as u64)?;
            let name = program.file_name().unwrap_or_default().to_string_lossy();
            let described = manifest.file(&name).is_some_and(|record| *record == FileRecord::of(&name, &bytes));
            density = manifest.density.filter(|density| described && density.states() == 2 * dof);
        }
        Ok(Self { density, x: Vec::new() })
    }

    fn look(&mut self, state: &State<f32, MAX_DOF>, time: f64) {
        let Some(density) = &self.density else { return };
        self.x.clear();
        self.x.extend(state.q().iter().chain(state.p()).map(|value| f64::from(*value)));
        if density.is_outside(&self.x) {
            let score = density.score(&self.x);
            console::note(format!(
                "warning: at t = {time} s the state {:?} lies outside the data the model was trained on (score {score:.2}, \
                 their edge is 1): from here on it extrapolates",
                state.q().iter().chain(state.p()).collect::<Vec<_>>()
            ));
            self.density = None;
        }
    }
}

/// What is written: `t, q…, p…, H, u…`, shortest decimals that give the same bits back.
struct Rows {
    dof: usize,
    dt: f64,
    energy_first: Option<f32>,
    energy_last: f32,
}

impl Rows {
    fn header(&self, file: &mut dyn Write, inputs: usize) -> anyhow::Result<()> {
        let name = |symbol: &str, count: usize| (1..=count).map(|at| format!("{symbol}{at}")).collect::<Vec<_>>();
        let mut columns = vec!["t".to_owned()];
        columns.extend(name("q", self.dof));
        columns.extend(name("p", self.dof));
        columns.push("H".to_owned());
        columns.extend(name("u", inputs));
        writeln!(file, "{}", columns.join(","))?;
        Ok(())
    }

    fn row(
        &mut self,
        file: &mut dyn Write,
        step: u64,
        state: &State<f32, MAX_DOF>,
        energy: f32,
        u: &[f32],
    ) -> anyhow::Result<()> {
        self.energy_first.get_or_insert(energy);
        self.energy_last = energy;
        write!(file, "{:?}", step as f64 * self.dt)?;
        for value in state.q().iter().chain(state.p()).chain([&energy]).chain(u) {
            write!(file, ",{value:?}")?;
        }
        writeln!(file)?;
        Ok(())
    }
}

/// An input that is held from one row of its file to the next.
struct Drive {
    times: Vec<f64>,
    values: Vec<Vec<f32>>,
    rest: Vec<f32>,
}

impl Drive {
    /// No file: zero input.
    fn none(inputs: usize) -> Self {
        Self { times: Vec::new(), values: Vec::new(), rest: vec![0.0; inputs] }
    }

    /// Reads a header, then rows of a time and one value per input; times must increase.
    fn read(path: &Path, inputs: usize) -> anyhow::Result<Self> {
        let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut drive = Self::none(inputs);
        let header = reader.headers().with_context(|| path.display().to_string())?;
        if header.iter().all(|name| name.trim().parse::<f64>().is_ok()) {
            bail!("{}: the first row holds numbers; a header is expected, as in `time,u1`", path.display());
        }
        for (index, record) in reader.records().enumerate() {
            let at = || format!("{}, row {}", path.display(), index + 2);
            let record = record.with_context(at)?;
            if index >= INPUT_ROWS_MAX {
                bail!("{} has more than {INPUT_ROWS_MAX} rows", path.display());
            }
            if record.len() != inputs + 1 {
                bail!("{}: {} columns, but the model needs a time and {inputs} input(s)", at(), record.len());
            }
            let mut numbers = Vec::with_capacity(record.len());
            for (column, field) in record.iter().enumerate() {
                let number = field.trim().parse::<f64>().ok().filter(|number| number.is_finite());
                numbers.push(
                    number
                        .with_context(|| format!("{}, column {}: `{field}` is no finite number", at(), column + 1))?,
                );
            }
            if drive.times.last().is_some_and(|last| numbers[0] <= *last) {
                bail!("{}: time {} does not increase", at(), numbers[0]);
            }
            drive.times.push(numbers[0]);
            drive.values.push(numbers[1..].iter().map(|value| *value as f32).collect());
        }
        if drive.times.is_empty() {
            bail!("{} has no rows", path.display());
        }
        Ok(drive)
    }

    /// The row that holds at time `t`; zero before the first.
    fn at(&self, t: f64) -> &[f32] {
        // A step time computed as k·dt may fall short of a written time by its rounding.
        let tolerance = f64::from(f32::EPSILON) * t.abs();
        match self.times.partition_point(|time| *time <= t + tolerance) {
            0 => &self.rest,
            count => &self.values[count - 1],
        }
    }
}
