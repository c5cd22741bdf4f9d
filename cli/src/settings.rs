//! `--set NAME=VALUE` and its like, as a map.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

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
