//! The operator tests of the ONNX project: one operator per file, inputs and expected outputs beside it.
//!
//! They come with the PyPI package `onnx` 1.22.0; `cargo xtask setup` fetches them. A case belongs here where its operator is
//! one of [`OPERATORS`] and it computes real numbers from real numbers, integers and truth values. Where the file also comes as
//! the operator's definition in other operators (`_expanded`), that is a case of its own.

mod compare;
mod operators;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use hnn_exporter::graph::Tensor;
use hnn_exporter::onnx::{self, Declaration, Stored};
use hnn_exporter::validate::{EngineKind, Subject, evaluate};

pub use compare::difference;
pub use operators::OPERATORS;

/// One test.
#[derive(Debug)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// The operator it is about.
    pub operator: String,
    model: PathBuf,
    inputs: BTreeMap<String, Stored>,
    outputs: Vec<(String, Tensor)>,
}

/// Where `cargo xtask setup` puts the tests; `None` where it did not.
#[must_use]
pub fn directory() -> Option<PathBuf> {
    crate::cache().map(|cache| cache.join("onnx-node-tests")).filter(|directory| directory.is_dir())
}

/// Every case in `directory`, by name.
///
/// # Errors
/// Where a file is missing or cannot be read.
pub fn cases(directory: &Path) -> Result<Vec<Case>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    let mut cases = Vec::new();
    for folder in folders {
        cases.extend(case(&folder).with_context(|| folder.display().to_string())?);
    }
    Ok(cases)
}

/// The test in a folder, where it belongs here.
fn case(folder: &Path) -> Result<Option<Case>> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (about, _) = name.split_once("_expanded").unwrap_or((&name, ""));
    let Some(operator) = only_operator(&folder.with_file_name(about).join("model.onnx"))? else { return Ok(None) };
    let model = folder.join("model.onnx");
    let signature = onnx::signature(&fs::read(&model)?)?;
    let is_real = |declared: &Declaration| matches!(declared.element.as_str(), "FLOAT" | "DOUBLE");
    let is_known = |declared: &Declaration| matches!(declared.element.as_str(), "INT64" | "INT32" | "BOOL");
    let takes = signature.inputs.iter().all(|input| is_real(input) || is_known(input));
    // A mask that comes with the numbers is not looked at.
    let gives = signature.outputs.iter().all(|output| is_real(output) || output.element == "BOOL");
    if !OPERATORS.contains(&operator.as_str()) || !takes || !gives || !signature.outputs.first().is_some_and(is_real) {
        return Ok(None);
    }
    let read = |kind: &str, position: usize| -> Result<Stored> {
        let path = folder.join("test_data_set_0").join(format!("{kind}_{position}.pb"));
        Ok(onnx::tensor(&fs::read(path)?)?)
    };
    let mut inputs = BTreeMap::new();
    for (position, declared) in signature.inputs.iter().enumerate() {
        inputs.insert(declared.name.clone(), read("input", position)?);
    }
    let mut outputs = Vec::new();
    for (position, declared) in signature.outputs.iter().enumerate().filter(|(_, output)| is_real(output)) {
        let Stored::Reals(tensor) = read("output", position)? else {
            return Err(anyhow!("output `{}` holds no real numbers", declared.name));
        };
        outputs.push((declared.name.clone(), tensor));
    }
    Ok(Some(Case { name, operator, model, inputs, outputs }))
}

/// The operator of a file of one node.
fn only_operator(model: &Path) -> Result<Option<String>> {
    if !model.is_file() {
        return Ok(None);
    }
    let mut operators = onnx::operators(&fs::read(model)?)?.into_iter();
    Ok(match (operators.next(), operators.next()) {
        (Some((operator, 1)), None) => Some(operator),
        _ => None,
    })
}

impl Case {
    /// Evaluates the file in an engine and compares every output.
    ///
    /// # Errors
    /// Says why the engine refuses it, or which element of which output differs.
    pub fn check(&self, engine: EngineKind) -> Result<()> {
        let subject = Subject::read(&self.model)?;
        let found = evaluate(engine, &subject, &self.inputs)?;
        for (name, expected) in &self.outputs {
            let (_, found) = found
                .iter()
                .find(|(known, _)| known == name)
                .with_context(|| format!("output `{name}` is not computed"))?;
            if let Some(difference) = difference(found, expected) {
                return Err(anyhow!("output `{name}` {difference}"));
            }
        }
        Ok(())
    }
}
