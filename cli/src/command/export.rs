//! `hnn export`: a run, a formula or an ONNX file becomes a directory that can be deployed.

mod bodies;

use std::path::Path;

use anyhow::{Context, bail, ensure};
use hnn_exporter::dynamics::{Model, Scheme, separability};
use hnn_exporter::emit::{C_PREFIX, Language};
use hnn_exporter::expression;
use hnn_exporter::graph::Graph;
use hnn_exporter::import::{StateInputs, adopt};
use hnn_exporter::manifest::{
    Coordinate, DeviceRecord, Integration, Manifest, Provenance, QuantizationRecord, Samples,
};
use hnn_exporter::onnx::{self, Batch, MAX_FILE_BYTES, ReadOptions, WriteOptions};
use hnn_exporter::optimize::optimize_explained;
use hnn_exporter::pipeline::{ExportOptions, GraphKind, default_scheme, export as write};
use hnn_exporter::weights::Weights;
use hnn_trainer::data::Second;
use hnn_trainer::ensemble::{Member, is_ensemble};
use hnn_trainer::loss;
use hnn_trainer::run;

use super::trained::{self, Trained};
use crate::arguments::{Emit, ExportArguments, WeightFormat};
use crate::source::{self, Source};
use crate::{Verdict, console, file, settings};

/// Exports a model.
pub(crate) fn export(arguments: &ExportArguments) -> anyhow::Result<Verdict> {
    let (model, mut options) = subject(arguments)?;
    options.q15 = arguments.weights == WeightFormat::Q15;
    options.scheme = scheme(arguments, options.scheme, &model)?;
    options.dt = arguments.dt.unwrap_or(options.dt);
    options.force = arguments.force;
    options.onnx = onnx_options(arguments)?;
    options.weights = arguments.weights.into();
    options.blob = arguments.emit.contains(&Emit::Blob);
    options.source = languages(arguments)?;
    options.stop_after = arguments.stop_after;
    (options.graphs, options.functions) = graphs(arguments, &options.graphs)?;
    let manifest = write(&model, &options, &arguments.out)?;
    if arguments.explain {
        let scheme = options.scheme.map_or_else(|| manifest.integration.scheme.parse(), Ok)?;
        explain(&model, &options, scheme)?;
    }
    summarize(&manifest, &arguments.out);
    Ok(Verdict::Good)
}

/// The languages in which the device program is written.
fn languages(arguments: &ExportArguments) -> anyhow::Result<Vec<Language>> {
    let [rust, c] = [Emit::Rust, Emit::C].map(|kind| arguments.emit.contains(&kind));
    ensure!(c || arguments.prefix.is_none(), "--prefix names functions in C; add c to --emit, or leave it out");
    let prefix = arguments.prefix.clone().unwrap_or(C_PREFIX.to_owned());
    Ok([rust.then_some(Language::Rust), c.then_some(Language::C { prefix })].into_iter().flatten().collect())
}

/// The graphs to write as ONNX, and those to compile for the device as functions.
fn graphs(arguments: &ExportArguments, usual: &[GraphKind]) -> anyhow::Result<(Vec<GraphKind>, Vec<GraphKind>)> {
    let asked = if arguments.graphs == GraphKind::DEFAULT { usual } else { &arguments.graphs };
    let [onnx, blob] = [Emit::Onnx, Emit::Blob].map(|kind| arguments.emit.contains(&kind));
    let (functions, others): (Vec<GraphKind>, Vec<GraphKind>) =
        asked.iter().partition(|kind| GraphKind::FUNCTIONS.contains(kind));
    // The graphs of an export that names none have the device program to answer for them.
    if let Some(other) = others.first().filter(|_| !onnx && arguments.graphs != GraphKind::DEFAULT) {
        bail!("--graphs {}: it is written as ONNX alone; add onnx to --emit, or leave it out", other.name());
    }
    let written = if onnx { asked.to_vec() } else { Vec::new() };
    Ok((written, if blob { functions } else { Vec::new() }))
}

/// The model, and what its origin says about how to deploy it.
fn subject(arguments: &ExportArguments) -> anyhow::Result<(Model, ExportOptions)> {
    let is_run = arguments.source.as_deref().is_some_and(|path| run::is_run(path) || is_ensemble(path));
    ensure!(is_run || arguments.bodies.is_none(), "--bodies belongs to a run of a `pairwise` model");
    match (&arguments.hamiltonian, &arguments.source) {
        (Some(formula), _) => {
            ensure!(arguments.state.q.is_none(), "--q and --p name inputs of an ONNX file; a formula has none");
            of_formula(formula, &arguments.constraint, &arguments.settings.set)
        }
        (None, Some(path)) => {
            ensure!(arguments.settings.set.is_empty(), "--set gives values to a formula; use it with --hamiltonian");
            ensure!(arguments.constraint.is_empty(), "--constraint belongs to a formula; use it with --hamiltonian");
            if run::is_run(path) || is_ensemble(path) {
                ensure!(arguments.state.q.is_none(), "--q and --p name inputs of an ONNX file; a run has its own");
                let trained = trained::open(path, arguments.member)?;
                match arguments.bodies {
                    None => of_trained(trained),
                    Some(_) if trained.member == Some(Member::Mean) => {
                        bail!("--bodies rebuilds one run; name it with --member, as in --member best")
                    }
                    Some(count) => {
                        let run = trained.run.clone();
                        bodies::rebuilt(&run, count, of_trained(trained)?.1)
                    }
                }
            } else if let Some(member) = arguments.member {
                bail!("{} is no ensemble: it has no {member}", path.display())
            } else if path.is_dir() {
                bail!("{} is no run of `hnn train`: it has no run.json", path.display())
            } else {
                of_onnx(path, &arguments.state.inputs())
            }
        }
        (None, None) => bail!("name a run, an ONNX file, or a formula with --hamiltonian"),
    }
}

fn of_formula(formula: &str, constraints: &[String], assignments: &[String]) -> anyhow::Result<(Model, ExportOptions)> {
    let values = settings::parse(assignments)?;
    let model = expression::constrained(formula, constraints, &values)?;
    let provenance = Provenance {
        source: "expression".to_owned(),
        hamiltonian: Some(formula.to_owned()),
        constraints: constraints.to_vec(),
        settings: values,
        ..Provenance::default()
    };
    let kept: Vec<String> = constraints.iter().map(|constraint| format!("{constraint} = 0")).collect();
    let where_kept = if kept.is_empty() { String::new() } else { format!(" where {}", kept.join(", ")) };
    let description = format!("H = {formula}{where_kept}");
    Ok((model, ExportOptions { name: "formula".to_owned(), description, provenance, ..ExportOptions::default() }))
}

fn of_onnx(path: &Path, state: &StateInputs) -> anyhow::Result<(Model, ExportOptions)> {
    let context = || format!("cannot read {}", path.display());
    let bytes = file::read(path, MAX_FILE_BYTES as u64)?;
    let options = ReadOptions { directory: path.parent().map(Path::to_owned), ..ReadOptions::default() };
    let imported = onnx::read_with(&bytes, &options).with_context(context)?;
    let model = adopt(&imported.graph, state).with_context(|| match &imported.not_batched {
        Some(reason) => format!("{}: its first dimension is not read as the batch ({reason})", path.display()),
        None => path.display().to_string(),
    })?;
    for warning in onnx::warnings(&imported.notes) {
        console::note(format!("warning: {warning}"));
    }
    let name = path.file_stem().map_or("model".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let provenance = Provenance { source: format!("onnx {}", file_name(path)), ..Provenance::default() };
    Ok((model, ExportOptions { name, provenance, ..ExportOptions::default() }))
}

/// What is exported names files, not folders of the machine it was exported on.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A run's model, and how its training says it should be deployed.
pub(super) fn of_trained(trained: Trained) -> anyhow::Result<(Model, ExportOptions)> {
    let model = trained.model()?.clone();
    let Trained { run, place, ensemble, member, .. } = trained;
    let (config, data) = (run.config()?, run.data()?);
    let source = source::of_run(&config.source, run.path())?;
    let learned_through = learned_through(&run)?;
    let scheme = match &config.loss {
        loss::Settings::Rollout(rollout) => Some(rollout.scheme),
        loss::Settings::Field | loss::Settings::ErrorsInVariables => None,
    };
    let dt = learned_through.as_ref().map(|learned| learned.dt);
    let name = place.file_name().map_or("model".to_owned(), |name| name.to_string_lossy().into_owned());
    let coordinate = |name: &String| Coordinate { name: name.clone(), unit: String::new() };
    let mut details = std::collections::BTreeMap::new();
    details.insert("data_sha256".to_owned(), data.fingerprint.clone());
    details.insert("model".to_owned(), config.model.to_string());
    if let (Some((ensemble, _)), Some(member)) = (&ensemble, member) {
        details.insert("ensemble".to_owned(), format!("{member} of {}", ensemble.members().len()));
    }
    let provenance = Provenance {
        source: source.describe(),
        hamiltonian: None,
        settings: if let Source::System(system) = &source { system.settings.clone() } else { Default::default() },
        seed: Some(config.fit.seed),
        details,
        ..Provenance::default()
    };
    let mut graphs = ExportOptions::default().graphs;
    let mut description = format!("{} learned from {}", config.model, source.describe());
    if data.second == Second::Velocity {
        // Whoever measures velocities needs the way to the state and back.
        graphs.extend([GraphKind::Momentum, GraphKind::Velocity]);
        description.push_str("; p = M(q) v by the learned mass matrix: H and p are known but for one common factor");
    }
    let options = ExportOptions {
        description,
        graphs,
        coordinates: data.q.iter().chain(&data.p).map(coordinate).collect(),
        input_coordinates: data.u.iter().map(coordinate).collect(),
        scheme,
        dt: dt.unwrap_or(ExportOptions::default().dt),
        learned_through,
        samples: Samples {
            source: "training data".to_owned(),
            x: data.samples_x.clone(),
            u: data.samples_u.clone(),
            x_min: data.x.min.clone(),
            x_max: data.x.max.clone(),
        },
        density: data.density.clone(),
        provenance,
        name,
        ..ExportOptions::default()
    };
    Ok((model, options))
}

/// The steps a run's energy was learned through, if it was.
pub(super) fn learned_through(run: &run::Run) -> anyhow::Result<Option<Integration>> {
    let config = run.config()?;
    // A closed form solves other equations; the loss only judges it.
    let (loss::Settings::Rollout(rollout), true) = (config.loss, config.fit.method.descends()) else { return Ok(None) };
    let dt = rollout.step_seconds.or(run.data()?.dt_median);
    Ok(dt.map(|dt| Integration::of(rollout.scheme, dt / rollout.substeps as f64)))
}

/// What was asked for, else what the origin says, with the iterations or the binding asked for.
fn scheme(arguments: &ExportArguments, origin: Option<Scheme>, model: &Model) -> anyhow::Result<Option<Scheme>> {
    let scheme = match &arguments.scheme {
        Some(name) => Some(name.parse()?),
        None => origin,
    };
    if arguments.iterations.is_none() && arguments.omega.is_none() {
        return Ok(scheme);
    }
    let mut scheme = scheme.map_or_else(|| Ok(default_scheme(model, &separability(model)?)), anyhow::Ok)?;
    if let Some(iterations) = arguments.iterations {
        scheme = scheme.with_iterations(iterations).context("--iterations")?;
    }
    if let Some(omega) = arguments.omega {
        scheme = scheme.with_omega(omega).context("--omega")?;
    }
    Ok(Some(scheme))
}

fn onnx_options(arguments: &ExportArguments) -> anyhow::Result<WriteOptions> {
    let (precision, profile) = (arguments.precision, arguments.profile);
    let batch = match arguments.batch.as_deref() {
        None => Batch::Dynamic,
        Some(text) => batch(text)?,
    };
    let asked_dynamic = arguments.batch.is_some() && batch == Batch::Dynamic;
    ensure!(
        !(asked_dynamic && profile.limits().static_batch),
        "--batch dynamic: profile `{profile}` has no dynamic shapes; leave it out, or give a number"
    );
    Ok(WriteOptions { opset: arguments.opset, batch, precision, profile, ..WriteOptions::default() })
}

fn batch(text: &str) -> anyhow::Result<Batch> {
    if text == "dynamic" {
        return Ok(Batch::Dynamic);
    }
    let rows = text.parse::<usize>().ok().filter(|rows| *rows > 0);
    Ok(Batch::Fixed(rows.with_context(|| format!("--batch {text}: expected `dynamic` or a positive number"))?))
}

/// Every rewrite of every graph that was written, with the operators before and after.
fn explain(model: &Model, options: &ExportOptions, scheme: Scheme) -> anyhow::Result<()> {
    for kind in &options.graphs {
        let derived = kind.derive(model, scheme)?;
        let (optimized, applied) = optimize_explained(&derived, options.stop_after)?;
        console::say(format!("graph `{}`: {}", kind.name(), operators(&derived)));
        applied.iter().for_each(|rewrite| console::say(format!("  {rewrite}")));
        console::say(format!("  after {} rewrites: {}", applied.len(), operators(&optimized)));
    }
    Ok(())
}

/// Operators that the outputs need, by name.
fn operators(graph: &Graph) -> String {
    let needed = graph.needed(graph.outputs().iter().map(|(_, id)| *id));
    let mut counts = std::collections::BTreeMap::new();
    let computing = graph.ids().filter(|id| needed[id.index()] && !graph.node(*id).args.is_empty());
    for id in computing {
        *counts.entry(graph.node(id).op.name()).or_insert(0usize) += 1;
    }
    let total: usize = counts.values().sum();
    let list: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    format!("{total} operators ({})", list.join(", "))
}

/// What was written, in a few lines.
fn summarize(manifest: &Manifest, out: &Path) {
    let record = &manifest.model;
    let how = match (&record.separability.reason, record.separability.separable) {
        (_, true) => "separable, H = T(p) + V(q)".to_owned(),
        (Some(reason), false) => format!("not separable: {reason}"),
        (None, false) => "not separable".to_owned(),
    };
    console::say(format!("{} degree(s) of freedom, {} input(s); {how}", record.dof, record.inputs));
    let step = &manifest.integration;
    console::say(format!("scheme {}, dt {} s", step.scheme, step.dt));
    match &manifest.device {
        DeviceRecord::Program(program) => {
            console::say(format!(
                "device: {} bytes of flash for the program, {} bytes of workspace, {} multiply-adds per step",
                program.flash_bytes, program.workspace_bytes, program.step.multiply_adds
            ));
            if program.weights.keys().any(|storage| storage != Weights::F32.name()) {
                let stored: Vec<String> =
                    program.weights.iter().map(|(storage, count)| format!("{count} as {storage}")).collect();
                console::say(format!("weights: {}", stored.join(", ")));
            }
        }
        DeviceRecord::Absent { reason } => console::note(format!("no device program: {reason}")),
    }
    if let Some(record) = &manifest.quantization {
        console::say(quantization(record));
    }
    for function in &manifest.functions {
        console::say(format!(
            "{}: {} bytes of flash, {} bytes of workspace",
            function.file, function.flash_bytes, function.workspace_bytes
        ));
    }
    if let Some(trajectory) = &manifest.trajectory {
        console::say(format!("trajectory hash over {} steps: {}", trajectory.steps, trajectory.hash));
    }
    if let Some(learned) = record.learned_through.as_ref().filter(|learned| !learned.resembles(step)) {
        console::note(format!(
            "warning: H was learned through {} at dt {} s: these steps follow the data, others follow H itself, which is off by \
             the error of those steps. Deploy it with `--scheme {} --dt {}`, or train through the steps that are deployed",
            learned.scheme, learned.dt, learned.scheme, learned.dt
        ));
    }
    changes(manifest).iter().for_each(|(change, files)| console::note(format!("{}: {change}", files.join(", "))));
    let files: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    console::say(format!("wrote {}, manifest.json to {}", files.join(", "), out.display()));
}

/// What was measured of networks in fixed point.
fn quantization(record: &QuantizationRecord) -> String {
    let (rms, max) = (100.0 * record.field_error_rms, 100.0 * record.field_error_max);
    let field = format!("fixed point: the field is off by {rms:.3} % rms, {max:.3} % at most; it is no gradient");
    let Some(drift) = &record.drift else { return field };
    let (error, slope) = (100.0 * drift.energy_error_max, 100.0 * drift.energy_slope);
    let (error, slope) = (error / drift.energy_span, slope / drift.energy_span);
    let steps = drift.steps;
    format!(
        "{field}\n{steps} steps on lattice states: the energy is off by {error:.3} % of its range at most, and drifts by {slope:.3} %"
    )
}

/// What is not the usual encoding, each with the files it holds for, in their order.
fn changes(manifest: &Manifest) -> Vec<(&str, Vec<&str>)> {
    let mut changes: Vec<(&str, Vec<&str>)> = Vec::new();
    for graph in &manifest.onnx.graphs {
        for change in &graph.changes {
            match changes.iter_mut().find(|(known, _)| known == change) {
                Some((_, files)) => files.push(&graph.file),
                None => changes.push((change, vec![&graph.file])),
            }
        }
    }
    changes
}
