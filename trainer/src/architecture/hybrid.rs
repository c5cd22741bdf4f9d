//! `hybrid`: H = f(q, p; θ) + V(q), a formula with unknown numbers and a network for what the formula leaves out.
//!
//! The formula is an expression like any other; its unknowns become learned parameters. An unknown keeps the sign of its
//! starting value, θ = θ₀ eˢ with s learned: inertia stays positive and a step of the optimiser is relative whatever the unit.
//! One that starts at 0 is learned as it is. The network starts at V = 0, so that training begins with the formula alone;
//! without it the model is a grey box. The formula is in the units of the data; the momenta of
//! measured velocities are its own.

use std::collections::BTreeMap;

use hnn_exporter::differentiate::gradient;
use hnn_exporter::dynamics::{ENERGY, Model, STATE};
use hnn_exporter::expression;
use hnn_exporter::graph::{NodeId, Op, Tensor};

use super::{ArchitectureError, Builder, Built, Parameters, Settings, separable};

/// H alone.
pub(super) fn build(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let energy = energy(builder)?;
    builder.set_energy(energy);
    Ok(())
}

/// The energy, also used by `port`.
pub(super) fn energy(builder: &mut Builder<'_>) -> Built {
    let prior = prior(builder)?;
    if builder.settings.prior_only {
        return Ok(prior);
    }
    let rest = separable::potential(builder)?;
    let last = format!("potential.{}.weight", builder.settings.hidden.len());
    if let Some(weight) = builder.initial.get_mut(&last) {
        weight.data_mut().fill(0.0);
    }
    Ok(builder.graph.add_values(prior, rest)?)
}

/// ∂H/∂p, `[batch, n]`, for friction; the network depends on q only.
pub(super) fn velocity(builder: &mut Builder<'_>) -> Built {
    let dof = builder.dof();
    let prior = prior(builder)?;
    let x = state(builder)?;
    let slope = gradient(&mut builder.graph, prior, &[x])?[0];
    Ok(builder.graph.slice(slope, 1, dof, dof)?)
}

/// The values of a prior's unknowns, by name, for these weights; nothing for a model without a prior.
#[must_use]
pub fn unknowns(settings: &Settings, weights: &Parameters) -> BTreeMap<String, f64> {
    let learned = |name: &str| weights.get(&parameter_name(name))?.data().first().copied();
    let value = |(name, start): (&String, &f64)| {
        let learned = learned(name)?;
        Some((name.clone(), if *start == 0.0 { learned } else { start * learned.exp() }))
    };
    settings.prior_start.iter().filter_map(value).collect()
}

/// The formula with every unknown at its start, where a model has one: what is known of the energy before anything is learned.
///
/// # Errors
/// [`ArchitectureError::Setting`] where the formula does not parse.
pub fn prior_at_start(settings: &Settings) -> Result<Option<Model>, ArchitectureError> {
    let wrong = |error| ArchitectureError::Setting(format!("the prior: {error}"));
    let values = settings.prior_values.iter().chain(&settings.prior_start);
    let values = values.map(|(name, value)| (name.clone(), *value)).collect();
    settings.prior.as_ref().map(|formula| expression::parse(formula, &values).map_err(wrong)).transpose()
}

/// Apart from the names of the networks' weights.
fn parameter_name(unknown: &str) -> String {
    format!("prior.{unknown}")
}

fn state(builder: &Builder<'_>) -> Built {
    let missing = || ArchitectureError::Setting(format!("the model has no input `{STATE}`"));
    builder.graph.leaf(STATE).ok_or_else(missing)
}

/// The formula at the state, `[batch, 1]`.
fn prior(builder: &mut Builder<'_>) -> Built {
    let refuse = |message: String| Err(ArchitectureError::Setting(message));
    let settings = builder.settings;
    let Some(formula) = &settings.prior else {
        return refuse("a hybrid energy needs a formula, as in --prior 'p^2/(2*I) - g*cos(q)'".to_owned());
    };
    if let Some((name, start)) = settings.prior_start.iter().find(|(_, start)| !start.is_finite()) {
        return refuse(format!("unknown `{name}` of the prior starts at {start}, which is not finite"));
    }
    let names = settings.prior_start.keys().cloned().collect();
    let model = expression::parse_with_unknowns(formula, &settings.prior_values, &names)
        .map_err(|error| ArchitectureError::Setting(format!("the prior: {error}")))?;
    let (found, dof) = (model.dof(), builder.dof());
    if found != dof {
        return refuse(format!("the prior has {found} degrees of freedom, the data {dof}"));
    }
    let mut values = BTreeMap::new();
    for (name, start) in &settings.prior_start {
        let learned = builder.parameter(&parameter_name(name), Tensor::full(&[1], 0.0)?)?;
        let value = if *start == 0.0 {
            learned
        } else {
            let factor = builder.graph.exp(learned)?;
            builder.graph.scale(factor, *start)?
        };
        values.insert(name.as_str(), value);
    }
    let x = state(builder)?;
    let root: Vec<NodeId> = model.graph().output(ENERGY).into_iter().collect();
    let placed = builder.graph.inline(model.graph(), &root, &|_, node| match &node.op {
        Op::Input(..) => Some(x),
        Op::Parameter(name, _) => values.get(&**name).copied(),
        _ => None,
    })?;
    placed.first().copied().ok_or_else(|| ArchitectureError::Setting("the prior gives no energy".to_owned()))
}
