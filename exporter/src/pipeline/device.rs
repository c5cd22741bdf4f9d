//! The device program of an export: lowered, spelled, read back by the runtime, and run once; and its functions, likewise.

use std::collections::BTreeMap;

use hnn_runtime::format::{MAX_BLOB_WORDS, MAX_DOF};
use hnn_runtime::{AnyState, AnyStepper, Compiled, Function, Program, State, TrajectoryHash};

use crate::dynamics::{Model, Scheme};
use crate::emit::{Check, SourceError, Subject, blob, blob_bytes, function_blob};
use crate::inspect::program_costs;
use crate::lower::{self, DampingForm, EntryKind, LowerError, Operations, Plan, lower_as, lower_graph};
use crate::manifest::{Dimension, FunctionRecord, Port, ProgramRecord, QuantizationRecord, Samples, Trajectory};
use crate::quantize::{QuantizeError, Quantized, quantize};

use super::{ExportError, ExportOptions, GraphKind};

/// Most sampled states tried as the start of the reference trajectory.
const STARTS_MAX: usize = 16;

/// Most steps of the trajectory that generated source carries to check itself.
const CHECK_STEPS: u32 = 16;

/// A device program with what is known about it.
pub(super) struct DeviceProgram {
    pub(super) bytes: Vec<u8>,
    /// The same program as source, each file with its name.
    pub(super) source: Vec<(String, Vec<u8>)>,
    pub(super) record: ProgramRecord,
    pub(super) quantization: Option<QuantizationRecord>,
    pub(super) trajectory: Option<Trajectory>,
}

/// Lowers a model and runs the result; `Ok(Err(reason))` where the model is no program for a device.
///
/// # Errors
/// [`ExportError`] where the model cannot be derived, the runtime refuses what was written, or `start` does not stay finite.
pub(super) fn program(
    model: &Model,
    scheme: Scheme,
    options: &ExportOptions,
    start: Option<&[f64]>,
    samples: &Samples,
) -> Result<Result<DeviceProgram, String>, ExportError> {
    let spelled = match spell(model, scheme, options, samples) {
        Err(ExportError::Lower(error) | ExportError::Quantize(QuantizeError::Lower(error)))
            if !matches!(error, LowerError::Dynamics(_) | LowerError::Graph(_)) =>
        {
            return Ok(Err(error.to_string()));
        }
        spelled => spelled?,
    };
    let Spelled { words, plan, record, quantization } = spelled;
    if words.len() > MAX_BLOB_WORDS {
        let reason = format!("the model needs {} words of flash, the runtime accepts {MAX_BLOB_WORDS}", words.len());
        return Ok(Err(reason));
    }
    let program = Program::parse(&words).map_err(ExportError::Blob)?;
    let starts: Vec<Vec<f32>> = match start {
        Some(start) => vec![rounded(start)],
        None => samples.x.iter().take(STARTS_MAX).map(|state| rounded(state)).collect(),
    };
    let u = samples.u.first().map(|u| rounded(u)).unwrap_or_default();
    let run = |x0: &Vec<f32>| run(&program, scheme, x0, &u, options.steps);
    let mut trajectory = starts.iter().map(run);
    let trajectory = match start {
        Some(start) => Some(trajectory.next().unwrap_or(Err(hnn_runtime::Error::StateLength)).map_err(|error| {
            ExportError::Request(format!("the reference trajectory from {start:?} fails: {error}"))
        })?),
        None => trajectory.find_map(Result::ok),
    };
    let source = match plan {
        _ if options.source.is_empty() => Vec::new(),
        Some(plan) => source(&plan, &program, scheme, options, trajectory.as_ref())?,
        None => return Err(SourceError::Weights("q15".to_owned()).into()),
    };
    Ok(Ok(DeviceProgram { bytes: blob_bytes(&words), source, record, quantization, trajectory }))
}

/// A program in words, its costs, and how good it is where it is in fixed point.
struct Spelled {
    words: Vec<u32>,
    /// What the words spell; networks in fixed point are no part of a plan.
    plan: Option<Plan>,
    record: ProgramRecord,
    quantization: Option<QuantizationRecord>,
}

fn spell(model: &Model, scheme: Scheme, options: &ExportOptions, samples: &Samples) -> Result<Spelled, ExportError> {
    if options.q15 {
        let Quantized { words, record } = quantize(model, scheme, options.dt as f32, samples)?;
        let costs = program_costs(&Program::parse(&words).map_err(ExportError::Blob)?, scheme);
        return Ok(Spelled { words, plan: None, record: costs, quantization: Some(record) });
    }
    let plan = lower_as(model, options.weights).map_err(ExportError::Lower)?;
    let words = blob(&plan, scheme, options.dt as f32);
    let record = record(&plan, scheme, words.len());
    Ok(Spelled { words, plan: Some(plan), record, quantization: None })
}

/// The source files that are asked for, with the first steps of the trajectory to check themselves by.
fn source(
    plan: &Plan,
    program: &Program<'_>,
    scheme: Scheme,
    options: &ExportOptions,
    trajectory: Option<&Trajectory>,
) -> Result<Vec<(String, Vec<u8>)>, ExportError> {
    let check = trajectory.map(|known| {
        let steps = known.steps.min(CHECK_STEPS);
        let (_, hash) = stepped(program, &known.x0, &known.u, steps).map_err(ExportError::Blob)?;
        Ok::<_, ExportError>(Check { x0: known.x0.clone(), u: known.u.clone(), steps, hash })
    });
    let check = check.transpose()?;
    let subject = Subject { name: &options.name, plan, scheme, dt: options.dt as f32, check: check.as_ref() };
    let mut languages = options.source.clone();
    languages.dedup();
    let mut files = Vec::new();
    for language in languages {
        files.extend(language.files(&subject)?.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())));
    }
    Ok(files)
}

/// A record for the manifest, and the file with its name.
pub(super) type FunctionFile = (FunctionRecord, (String, Vec<u8>));

/// The functions that are asked for, each once.
///
/// # Errors
/// [`ExportError::Request`] for what is no function of its own; [`ExportError::Function`] where the device has no kernel for
/// it, or no room.
pub(super) fn functions(
    model: &Model,
    scheme: Scheme,
    options: &ExportOptions,
) -> Result<Vec<FunctionFile>, ExportError> {
    let mut kinds = options.functions.clone();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into_iter().map(|kind| function(model, scheme, kind)).collect()
}

fn function(model: &Model, scheme: Scheme, kind: GraphKind) -> Result<FunctionFile, ExportError> {
    let file = kind.function_name();
    if !GraphKind::FUNCTIONS.contains(&kind) {
        let known = GraphKind::FUNCTIONS.map(GraphKind::name).join(", ");
        let message = format!("`{}` is no function for a device; there are {known}", kind.name());
        return Err(ExportError::Request(message));
    }
    let derived = kind.derive(model, scheme)?;
    let plan = lower_graph(&derived).map_err(|source| ExportError::Function { file: file.clone(), source })?;
    let words = function_blob(&plan);
    Function::parse(&words).map_err(ExportError::Blob)?;
    let port = |port: &lower::Port| Port { name: port.name.clone(), shape: vec![Dimension::Fixed(port.len())] };
    let record = FunctionRecord {
        file: file.clone(),
        arguments: plan.arguments.iter().map(port).collect(),
        results: plan.results.iter().map(port).collect(),
        flash_bytes: size_of_val(&words[..]),
        constants_bytes: size_of_val(&plan.constants[..]),
        workspace_bytes: plan.workspace_len * size_of::<f32>(),
        workspace_len: plan.workspace_len,
        call: plan.operations(),
    };
    Ok((record, (file, blob_bytes(&words))))
}

fn rounded(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

/// Steps the program and hashes every state.
fn run(
    program: &Program<'_>,
    scheme: Scheme,
    x0: &[f32],
    u: &[f32],
    steps: u32,
) -> Result<Trajectory, hnn_runtime::Error> {
    let (state, hash) = stepped(program, x0, u, steps)?;
    Ok(Trajectory {
        x0: x0.to_vec(),
        u: u.to_vec(),
        dt: program.dt(),
        scheme: scheme.to_string(),
        iterations: scheme.iterations(),
        omega: scheme.omega(),
        steps,
        final_bits: state.coordinates().map(|value| format!("{:08x}", value.to_bits())).collect(),
        hash: format!("{hash:016x}"),
    })
}

/// The state after `steps` steps of the program, and the hash over all of them.
fn stepped(
    program: &Program<'_>,
    x0: &[f32],
    u: &[f32],
    steps: u32,
) -> Result<(AnyState<MAX_DOF>, u64), hnn_runtime::Error> {
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(program, &mut workspace)?;
    let stepper = AnyStepper::for_program(program)?;
    let (q, p) = x0.split_at(x0.len() / 2);
    let mut state = stepper.begin(State::<f32, MAX_DOF>::new(q, p)?);
    let mut hash = TrajectoryHash::new();
    hash.update_any(&state);
    for _ in 0..steps {
        stepper.step_any(&mut model, &mut state, u, program.dt())?;
        hash.update_any(&state);
    }
    Ok((state, hash.value()))
}

/// What a plan costs, spelled in `words` words.
pub(crate) fn record(plan: &Plan, scheme: Scheme, words: usize) -> ProgramRecord {
    let entries: BTreeMap<String, Operations> =
        plan.entries.iter().map(|entry| (entry.kind.name().to_owned(), entry.operations())).collect();
    let damped = plan.damping != DampingForm::None;
    ProgramRecord {
        flash_bytes: words * size_of::<u32>(),
        constants_bytes: size_of_val(&plan.constants[..]),
        weights: plan.weights(),
        workspace_bytes: plan.workspace_bytes(),
        workspace_len: plan.workspace_len,
        step: step_operations(&entries, scheme, damped, plan.kinetic_quadratic, plan.constraints),
        entries,
    }
}

/// Cost of the entries that one step runs; the state update itself is not counted.
pub(crate) fn step_operations(
    entries: &BTreeMap<String, Operations>,
    scheme: Scheme,
    damped: bool,
    kinetic_quadratic: bool,
    constraints: usize,
) -> Operations {
    let cost = |kind: EntryKind| entries.get(kind.name()).copied().unwrap_or_default();
    let count = |coefficients: &[f64]| coefficients.iter().filter(|value| **value != 0.0).count() as u64;
    let projection = |runs: u64| {
        // The velocity is run once for p and once for each row of the Jacobian.
        let surface = Operations::default().plus(cost(EntryKind::Constraint), 1);
        Operations::default().plus(surface.plus(cost(EntryKind::Velocity), 1 + constraints as u64), runs)
    };
    let conservative = match (scheme.splitting(), scheme.rattle()) {
        (None, Some(rattle)) => {
            let surfaces = u64::from(rattle.iterations());
            let stage = projection(2).plus(cost(EntryKind::Force), 2).plus(cost(EntryKind::Constraint), surfaces);
            Operations::default().plus(stage, rattle.stages().len() as u64)
        }
        (Some(splitting), _) => Operations::default()
            .plus(cost(EntryKind::Force), count(splitting.kick))
            .plus(cost(EntryKind::Velocity), count(splitting.drift)),
        (None, None) if scheme.is_doubled() => {
            let stages = scheme.tao().map_or(0, |tao| tao.stages().len());
            Operations::default().plus(cost(EntryKind::Field), 4 * stages as u64)
        }
        (None, None) if matches!(scheme, Scheme::StormerVerlet { .. }) => {
            Operations::default().plus(cost(EntryKind::Field), 2 * u64::from(scheme.iterations()) + 2)
        }
        (None, None) => Operations::default().plus(cost(EntryKind::Field), u64::from(scheme.iterations())),
    };
    if !damped {
        return conservative;
    }
    let tangent = u64::from(scheme.keeps_constraints());
    let copies = if scheme.is_doubled() { 2 } else { 1 };
    // Half a step of dissipation on either side; it iterates on the field where T is not quadratic.
    let field_runs = if kinetic_quadratic { 0 } else { u64::from(hnn_runtime::integrate::MIDPOINT_ITERATIONS) };
    let damping =
        conservative.plus(cost(EntryKind::Damping), 2 * copies).plus(cost(EntryKind::Field), 2 * copies * field_runs);
    damping.plus(projection(1), tangent)
}
