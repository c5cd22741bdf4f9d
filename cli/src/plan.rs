//! What to learn and how: a preset that suits the data, with every setting that was typed put in its place.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use hnn_exporter::dynamics::{Scheme, separability};
use hnn_exporter::expression;
use hnn_trainer::architecture::{self, Energy, Friction, Kind, Kinetic};
use hnn_trainer::data::Dataset;
use hnn_trainer::execute::{Device, Precision};
use hnn_trainer::loss::Robust;
use hnn_trainer::preset::{self, Preset, Traits};
use hnn_trainer::{fit, loss};

use crate::arguments::{
    self, DeviceName, EnergyName, FitArguments, FitName, FrictionName, KineticName, LossName, ModelArguments,
    RobustName, TrainArguments,
};
use crate::settings;
use crate::source::Loaded;

/// Steps of L-BFGS between judgements: it takes some hundred where presets made for Adam count thousands.
const QUASI_NEWTON_JUDGE_EVERY: u64 = 10;

/// The preset that was named, else the one that suits the data.
pub(crate) fn preset(arguments: &TrainArguments, loaded: &Loaded) -> anyhow::Result<Preset> {
    let typed = &arguments.model;
    let is_kind = |kind: Kind, suits: bool| match &typed.model {
        Some(name) => *name == kind.to_string(),
        None => arguments.init.init.is_none() && suits,
    };
    let is_pairwise = is_kind(Kind::Pairwise, typed.bodies.or(loaded.bodies).is_some());
    let is_constrained = is_kind(Kind::Constrained, !constraints(typed, loaded).is_empty());
    match &arguments.preset {
        Some(name) => named(name),
        None if is_constrained => Ok(preset::constrained()),
        None if is_pairwise && Traits::of(&loaded.train).derivatives => Ok(preset::bodies()),
        // A baseline has no energy, so that no other preset suits it.
        None => match &typed.model {
            Some(model) if model.parse::<Kind>()?.is_baseline() => named(model),
            _ => Ok(suggested(&loaded.train, asks_for_steps(arguments))),
        },
    }
}

/// The constraints that were typed, else those of the named system.
fn constraints(typed: &ModelArguments, loaded: &Loaded) -> Vec<String> {
    if typed.constraint.is_empty() { loaded.constraints.clone() } else { typed.constraint.clone() }
}

/// The preset that suits the data.
pub(crate) fn suggested(train: &Dataset, descend: bool) -> Preset {
    preset::suggested(Traits::of(train), descend)
}

/// Models that are solved in closed form unless something asks for steps.
const SOLVED_BY_DEFAULT: [&str; 2] = ["separable", "mlp"];

/// Whether anything that was typed makes sense only where a loss is descended step by step.
fn asks_for_steps(typed: &TrainArguments) -> bool {
    let TrainArguments { fit, model, init, .. } = typed;
    let of_steps = [
        fit.fit.is_some_and(|fit| method(fit).descends()),
        fit.loss.is_some_and(|loss| loss != LossName::Field),
        model.model.as_deref().is_some_and(|name| !SOLVED_BY_DEFAULT.contains(&name)),
        init.init.is_some(),
    ];
    of_steps.contains(&true) || !idle_in_closed_form(fit).is_empty()
}

/// What was typed of the options that have no effect on a fit in closed form.
fn idle_in_closed_form(typed: &FitArguments) -> Vec<&'static str> {
    let options = [
        ("--steps", typed.steps.is_some()),
        ("--batch", typed.batch.is_some()),
        ("--learning-rate", typed.learning_rate.is_some()),
        ("--clip", typed.clip.is_some()),
        ("--patience", typed.patience.is_some()),
    ];
    let options = options.into_iter().chain(of_windows(typed));
    options.filter(|(_, typed)| *typed).map(|(option, _)| option).collect()
}

/// The options of `--loss rollout`, and whether each was typed.
fn of_windows(typed: &FitArguments) -> [(&'static str, bool); 10] {
    [
        ("--window", typed.window.is_some()),
        ("--step-seconds", typed.step_seconds.is_some()),
        ("--substeps", typed.substeps.is_some()),
        ("--learned-starts", typed.learned_starts.is_some()),
        ("--scheme", typed.scheme.is_some()),
        ("--iterations", typed.iterations.is_some()),
        ("--robust-from", typed.robust_from.is_some()),
        ("--robust", typed.robust.is_some()),
        ("--shooting-weight", typed.shooting_weight.is_some()),
        ("--curriculum", !typed.curriculum.is_empty()),
    ]
}

fn method(name: FitName) -> fit::Method {
    match name {
        FitName::Adam => fit::Method::Adam,
        FitName::Lbfgs => fit::Method::Lbfgs,
        FitName::SampledLbfgs => fit::Method::SampledLbfgs,
        FitName::Sampled => fit::Method::Sampled,
        FitName::SampledAdam => fit::Method::SampledAdam,
    }
}

fn named(name: &str) -> anyhow::Result<Preset> {
    let all = preset::all();
    let known = all.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
    all.into_iter()
        .find(|preset| preset.name == name)
        .with_context(|| format!("unknown preset `{name}`; known are {known}"))
}

/// The model: the preset's, with what was typed.
pub(crate) fn model(
    typed: &ModelArguments,
    preset: architecture::Settings,
    loaded: &Loaded,
    prior_values: BTreeMap<String, f64>,
) -> anyhow::Result<architecture::Settings> {
    let kind = match &typed.model {
        Some(name) => name.parse()?,
        None => preset.kind,
    };
    check_idle(typed, kind)?;
    let bodies = (kind == Kind::Pairwise).then(|| typed.bodies.or(loaded.bodies).or(preset.bodies)).flatten();
    if kind == Kind::Pairwise && bodies.is_none() {
        bail!("model `{kind}` needs --bodies: how many identical bodies the positions belong to");
    }
    let energy = energy(typed, kind, &preset)?;
    if kind == Kind::Port && energy != Energy::Separable && typed.kinetic.is_some() {
        bail!("--kinetic has no effect on this energy of `port`; it belongs to `--energy separable`");
    }
    let formula = formula(typed, kind, energy, &preset);
    // A formula alone has no network: `--hidden 0`.
    let prior_only = formula.is_some() && if typed.hidden.is_empty() { preset.prior_only } else { typed.hidden == [0] };
    Ok(architecture::Settings {
        kind,
        hidden: if typed.hidden.is_empty() || prior_only { preset.hidden } else { typed.hidden.clone() },
        activation: typed.activation.as_deref().map_or(Ok(preset.activation), str::parse)?,
        residual: typed.residual || preset.residual,
        angles: angles(&typed.angle, &loaded.train)?,
        kinetic: match typed.kinetic {
            Some(KineticName::Quadratic) => Kinetic::Quadratic,
            Some(KineticName::Network) => Kinetic::Network,
            None => preset.kinetic,
        },
        energy,
        friction: match typed.friction {
            Some(FrictionName::Network) => Friction::Network,
            Some(FrictionName::Constants) => Friction::Constants,
            None => preset.friction,
        },
        constant_force: typed.constant_force || preset.constant_force,
        bodies,
        external: typed.external || preset.external,
        fourier: typed.fourier.unwrap_or(preset.fourier),
        fourier_scale: typed.fourier_scale.unwrap_or(preset.fourier_scale),
        constraints: if kind == Kind::Constrained { constraints(typed, loaded) } else { Vec::new() },
        body_dimension: typed.body_dimension.unwrap_or(preset.body_dimension),
        prior_values,
        prior_start: match (&formula, &typed.prior) {
            (Some(_), None) => preset.prior_start,
            _ => settings::parse_of("--fit-parameters", &typed.fit_parameters)?,
        },
        prior: formula,
        prior_only,
        ..preset
    })
}

/// Refuses options that would have no effect on a model.
fn check_idle(typed: &ModelArguments, kind: Kind) -> anyhow::Result<()> {
    let idle = |option: &str, models: &str| format!("{option} has no effect on model `{kind}`; it belongs to {models}");
    if kind != Kind::Port && (typed.energy.is_some() || typed.constant_force || typed.friction.is_some()) {
        bail!(idle("--energy, --friction or --constant-force", "`port`"));
    }
    if kind != Kind::Pairwise && (typed.bodies.is_some() || typed.external) {
        bail!(idle("--bodies or --external", "`pairwise`"));
    }
    if (kind.is_baseline() || kind == Kind::Constrained) && typed.fourier.is_some() {
        bail!(idle("--fourier", "models whose energy is one of networks alone"));
    }
    if kind != Kind::Constrained && (!typed.constraint.is_empty() || typed.body_dimension.is_some()) {
        bail!(idle("--constraint or --body-dimension", "`constrained`"));
    }
    if kind == Kind::Constrained && !typed.angle.is_empty() {
        bail!("--angle: the coordinates of model `{kind}` are Cartesian");
    }
    let has_kinetic = [Kind::Separable, Kind::Port].contains(&kind);
    if !has_kinetic && typed.kinetic.is_some() {
        bail!(idle("--kinetic", "`separable` and `port`"));
    }
    if ![Kind::Hybrid, Kind::Port].contains(&kind) && typed.prior.is_some() {
        bail!(idle("--prior", "`hybrid`, and to `port`, which adds friction and input to it"));
    }
    Ok(())
}

/// The energy of a `port` model: what was typed, else hybrid where there is a formula, else the preset's.
fn energy(typed: &ModelArguments, kind: Kind, preset: &architecture::Settings) -> anyhow::Result<Energy> {
    let energy = match typed.energy {
        Some(EnergyName::Separable) => Energy::Separable,
        Some(EnergyName::Mlp) => Energy::Mlp,
        Some(EnergyName::Mechanical) => Energy::Mechanical,
        Some(EnergyName::Hybrid) => Energy::Hybrid,
        None if typed.prior.is_some() => Energy::Hybrid,
        None => preset.energy,
    };
    let is_hybrid = has_formula(kind, energy);
    if is_hybrid && formula(typed, kind, energy, preset).is_none() {
        bail!("a hybrid energy needs its formula, as in --prior 'p^2/(2*I) - g*cos(q)' --fit-parameters I=0.1,g=2");
    }
    if !is_hybrid && typed.prior.is_some() {
        bail!("--prior is the formula of `--energy hybrid`; another energy was named");
    }
    Ok(energy)
}

/// Whether such a model is made of a formula.
fn has_formula(kind: Kind, energy: Energy) -> bool {
    kind == Kind::Hybrid || (kind == Kind::Port && energy == Energy::Hybrid)
}

/// The formula of a hybrid energy: what was typed, else the preset's.
fn formula(typed: &ModelArguments, kind: Kind, energy: Energy, preset: &architecture::Settings) -> Option<String> {
    has_formula(kind, energy).then(|| typed.prior.clone().or_else(|| preset.prior.clone())).flatten()
}

/// Indices of angles, named by column or as q1, q2, ….
fn angles(typed: &[String], train: &Dataset) -> anyhow::Result<Vec<usize>> {
    let canonical = |index: usize| format!("q{}", index + 1);
    let find = |name: &String| {
        let by_column = train.names.q.iter().position(|known| known == name);
        let index = by_column.or_else(|| (0..train.dof).find(|index| canonical(*index) == *name));
        index.with_context(|| {
            format!(
                "--angle {name}: no such position; there are {} (or q1 to q{})",
                train.names.q.join(", "),
                train.dof
            )
        })
    };
    let mut found = typed.iter().map(find).collect::<anyhow::Result<Vec<usize>>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Whether such a model mixes q and p, so that only implicit schemes can step it.
pub(crate) fn mixes(model: &architecture::Settings) -> bool {
    match model.kind {
        Kind::Mlp | Kind::Mechanical => true,
        Kind::Port => [Energy::Mlp, Energy::Mechanical].contains(&model.energy),
        _ => false,
    }
}

/// Whether the formula of a hybrid energy mixes q and p.
pub(crate) fn prior_mixes(model: &architecture::Settings, formula: &str) -> anyhow::Result<bool> {
    let names = model.prior_start.keys().cloned().collect();
    let prior = expression::parse_with_unknowns(formula, &model.prior_values, &names).context("--prior")?;
    Ok(!separability(&prior)?.is_separable())
}

/// The loss: the preset's, with what was typed. A rollout of an energy that mixes q and p is stepped by the midpoint rule.
pub(crate) fn loss(typed: &FitArguments, preset: loss::Settings, mixes: bool) -> anyhow::Result<loss::Settings> {
    let preset = match (typed.loss, preset) {
        (Some(LossName::Field), _) => return of_rows(typed, loss::Settings::Field),
        (Some(LossName::ErrorsInVariables), _) => return of_rows(typed, loss::Settings::ErrorsInVariables),
        (_, loss::Settings::Rollout(rollout)) => rollout,
        (Some(LossName::Rollout), _) => loss::Rollout::default(),
        (None, rows) => return of_rows(typed, rows),
    };
    let scheme = match &typed.scheme {
        Some(name) => name.parse::<Scheme>()?.check_single()?,
        None if mixes => Scheme::MIDPOINT,
        None => preset.scheme,
    };
    let scheme = typed.iterations.map_or(Ok(scheme), |iterations| scheme.with_iterations(iterations))?;
    // A curriculum ends with the window itself; joined windows begin where the one before ends, at a state that is learned.
    let window = typed.window.or(typed.curriculum.last().copied());
    let steps = window.unwrap_or(preset.steps);
    let robust_from = typed.robust_from.or(preset.robust_from);
    if typed.robust.is_some() && robust_from.is_none() {
        bail!("--robust says how errors beyond --robust-from count: name that error, too");
    }
    let shooting_weight = typed.shooting_weight.or(preset.shooting_weight);
    let joined = shooting_weight.is_some();
    Ok(loss::Settings::Rollout(loss::Rollout {
        scheme,
        steps,
        shift: if joined || steps != preset.steps { steps } else { typed.window.unwrap_or(preset.shift) },
        step_seconds: typed.step_seconds.or(preset.step_seconds),
        substeps: typed.substeps.unwrap_or(preset.substeps),
        learned_starts: typed.learned_starts.unwrap_or(joined || preset.learned_starts),
        robust_from,
        robust: match typed.robust {
            Some(RobustName::PseudoHuber) => Robust::PseudoHuber,
            Some(RobustName::GemanMcclure) => Robust::GemanMcclure,
            None => preset.robust,
        },
        shooting_weight,
        curriculum: if typed.curriculum.is_empty() { preset.curriculum } else { typed.curriculum.clone() },
        ..preset
    }))
}

/// A loss that compares row by row; what belongs to windows is refused.
fn of_rows(typed: &FitArguments, loss: loss::Settings) -> anyhow::Result<loss::Settings> {
    match of_windows(typed).iter().find(|(_, typed)| *typed) {
        Some((option, _)) => bail!("{option} belongs to `--loss rollout`"),
        None => Ok(loss),
    }
}

/// The optimiser: the preset's, with what was typed.
pub(crate) fn fit(typed: &FitArguments, preset: fit::Settings) -> anyhow::Result<fit::Settings> {
    let method = typed.fit.map_or(preset.method, method);
    let idle = if method.descends() { Vec::new() } else { idle_in_closed_form(typed) };
    if method.is_quasi_newton() && (typed.batch.is_some() || typed.learning_rate.is_some() || typed.clip.is_some()) {
        bail!(
            "--batch, --learning-rate and --clip have no effect on `--fit {method}`: it takes all of the data at each step \
             and searches for its length"
        );
    }
    if !idle.is_empty() {
        bail!(
            "{} has no effect on `--fit {method}`, which is in closed form; use `--fit sampled+adam` or `--fit adam`",
            idle.join(", ")
        );
    }
    Ok(fit::Settings {
        method,
        steps: typed.steps.map_or(preset.steps, |steps| steps as u64),
        batch: if method.is_quasi_newton() { None } else { typed.batch.or(preset.batch) },
        judge_every: if method.is_quasi_newton() {
            preset.judge_every.min(QUASI_NEWTON_JUDGE_EVERY)
        } else {
            preset.judge_every
        },
        // A pull that no line search sees.
        weight_decay: if method.is_quasi_newton() { 0.0 } else { preset.weight_decay },
        rate: typed.learning_rate.unwrap_or(preset.rate),
        clip: typed.clip.or(preset.clip),
        patience: typed.patience.or(preset.patience),
        precision: match typed.precision {
            Some(arguments::Precision::F32) => Precision::F32,
            Some(arguments::Precision::F64) => Precision::F64,
            None => preset.precision,
        },
        device: match typed.device {
            DeviceName::Flex => Device::Flex,
            DeviceName::Tch => Device::Tch,
            DeviceName::TchCuda => Device::TchCuda,
            DeviceName::Cuda => Device::Cuda,
            DeviceName::Wgpu => Device::Wgpu,
        },
        seed: typed.seed,
        ..preset
    })
}
