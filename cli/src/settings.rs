//! `--set NAME=VALUE` and its like, as a map, and whom each value is for.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use hnn_exporter::expression;
use hnn_trainer::system;

use crate::arguments::TrainArguments;

/// The values of `--set`, for a training.
pub(crate) struct Assigned {
    /// Those of the constants of the named system.
    pub(crate) system: BTreeMap<String, f64>,
    /// Those of the known numbers of the formula.
    pub(crate) prior: BTreeMap<String, f64>,
}

/// Parses `--set`: a value is for everything that knows its name, the formula of `--prior` and the named system.
pub(crate) fn assigned(typed: &TrainArguments) -> anyhow::Result<Assigned> {
    let values = parse(&typed.source.set)?;
    let named = typed.source.system.as_deref().map(system::find).transpose()?;
    let is_mentioned =
        |name: &str| typed.model.prior.as_deref().is_some_and(|formula| expression::mentions(formula, name));
    let is_of_system =
        |name: &str| named.is_some_and(|system| system.settings.iter().any(|setting| setting.name == name));
    if let (None, Some(name)) = (named, values.keys().find(|name| !is_mentioned(name))) {
        bail!("--set {name}: neither a --system is named nor a --prior that has it");
    }
    // What nobody knows is left to the system, which says what it does know.
    let chosen = |wanted: &dyn Fn(&str) -> bool| {
        values.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| (name.clone(), *value)).collect()
    };
    Ok(Assigned { system: chosen(&|name| is_of_system(name) || !is_mentioned(name)), prior: chosen(&is_mentioned) })
}

/// Parses every assignment of `--set`; a name may be set once.
pub(crate) fn parse(assignments: &[String]) -> anyhow::Result<BTreeMap<String, f64>> {
    parse_of("--set", assignments)
}

/// Parses every assignment of an option.
pub(crate) fn parse_of(option: &str, assignments: &[String]) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut settings = BTreeMap::new();
    for assignment in assignments {
        let (name, value) = assignment
            .split_once('=')
            .with_context(|| format!("{option} {assignment}: expected NAME=VALUE, as in m=0.5"))?;
        let number = value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let number = number.with_context(|| format!("{option} {assignment}: `{value}` is no finite number"))?;
        if settings.insert(name.trim().to_owned(), number).is_some() {
            bail!("{option} {}: set twice", name.trim());
        }
    }
    Ok(settings)
}
