//! What the tests that cross crates share: cases, executors, the emulated devices.
//!
//! A test is a claim about every pair of a [`case`](cases) and an [`executor`](executors). A new operator is a new case, a new
//! engine a new executor; no test changes for either. Nothing depends on this crate.

pub mod cases;
pub mod corpus;
pub mod emulator;
pub mod executors;
pub mod generated;
pub mod learning;
pub mod node_tests;

use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn repository() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

/// `${XDG_CACHE_HOME:-$HOME/.cache}/hnn`, where `cargo xtask setup` puts what it fetches.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    let set = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    Some(set.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("hnn"))
}

/// What of a JSON text does not fit `docs/schema/NAME.schema.json`, one line each.
///
/// # Errors
/// Where schema or text cannot be read as such.
pub fn misfits(name: &str, json: &str) -> anyhow::Result<Vec<String>> {
    let path = repository().join("docs/schema").join(format!("{name}.schema.json"));
    let schema = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let validator = jsonschema::validator_for(&schema)
        .map_err(|error| anyhow::anyhow!("{} is no schema: {error}", path.display()))?;
    let json = serde_json::from_str(json)?;
    Ok(validator.iter_errors(&json).map(|error| format!("{name}: {}: {error}", error.instance_path())).collect())
}
