//! The figures as tables and as JSON (`docs/schema/bench-mcu.schema.json`).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use super::cycles::Cost;

/// Version of the JSON layout.
const FORMAT: u32 = 1;
/// What encloses the tables in the document.
const BEGIN: &str = "<!-- mcu: begin -->\n";
const END: &str = "<!-- mcu: end -->";

/// A model on the device.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Model {
    pub(super) name: String,
    pub(super) field: Cost,
    pub(super) step: Cost,
    /// Whether another state took the same instructions.
    pub(super) is_constant: bool,
    /// Of an interpreted model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) blob_bytes: Option<u64>,
    pub(super) workspace_bytes: u64,
    pub(super) field_stack_bytes: u64,
    pub(super) step_stack_bytes: u64,
}

/// Somebody else's field.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) field: Cost,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    format: u32,
    hnn_version: &'static str,
    target: &'static str,
    code_bytes: u64,
    models: Vec<Model>,
    /// The same models as generated Rust.
    generated: Vec<Model>,
    peers: Vec<Peer>,
}

impl Report {
    pub(super) fn new(code_bytes: u64, models: Vec<Model>, generated: Vec<Model>, peers: Vec<Peer>) -> Self {
        let hnn_version = env!("CARGO_PKG_VERSION");
        Self { format: FORMAT, hnn_version, target: "cortex-m4f", code_bytes, models, generated, peers }
    }

    /// Tables in Markdown.
    pub(super) fn tables(&self) -> String {
        let mut text = String::from(
            "| model | field: instructions | cycles | step: instructions | cycles | depends on the state | blob, B | workspace, B | stack of a field, B |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for model in &self.models {
            let Model { name, field, step, workspace_bytes, field_stack_bytes, .. } = model;
            let (depends, blob_bytes) = (depends(model), model.blob_bytes.unwrap_or(0));
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "| `{name}` | {} | {} | {} | {} | {depends} | {blob_bytes} | {workspace_bytes} | {field_stack_bytes} |",
                field.instructions, field.cycles, step.instructions, step.cycles
            );
        }
        if !self.generated.is_empty() {
            text += "\n| generated Rust | field: instructions | cycles | step: instructions | cycles | depends on the state | workspace, B | stack of a field, B |\n\
                     | --- | --- | --- | --- | --- | --- | --- | --- |\n";
        }
        for model in &self.generated {
            let Model { name, field, step, workspace_bytes, field_stack_bytes, .. } = model;
            let depends = depends(model);
            let _ = writeln!(
                text,
                "| `{name}` | {} | {} | {} | {} | {depends} | {workspace_bytes} | {field_stack_bytes} |",
                field.instructions, field.cycles, step.instructions, step.cycles
            );
        }
        if !self.peers.is_empty() {
            text += "\n| peer | field: instructions | cycles |\n| --- | --- | --- |\n";
        }
        for Peer { name, field } in &self.peers {
            let _ = writeln!(text, "| {name} | {} | {} |", field.instructions, field.cycles);
        }
        let _ = writeln!(text, "\nFlash of the firmware besides its blobs: {} bytes.", self.code_bytes);
        text
    }

    /// Writes the JSON file.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Puts the tables between the marks of a document.
    pub(super) fn publish(&self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let marks = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let (before, after) = marks.with_context(|| format!("{} lacks the marks of this table", path.display()))?;
        fs::write(path, format!("{before}{BEGIN}{}{END}{after}", self.tables()))?;
        Ok(())
    }
}

fn depends(model: &Model) -> &'static str {
    if model.is_constant { "no" } else { "yes" }
}
