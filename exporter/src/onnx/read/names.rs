//! What the names of a file stand for where a node is read.

use std::collections::HashMap;

use super::super::OnnxError;
use super::{MAX_NAME_BYTES, within};
use crate::legalize::Value;

/// What names stand for: an inner level sees the outer ones. An input of a function that was left out stands for nothing.
#[derive(Default)]
pub(super) struct Names<'a> {
    levels: Vec<HashMap<&'a str, Option<Value>>>,
}

impl<'a> Names<'a> {
    pub(super) fn enter(&mut self) {
        self.levels.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.levels.pop();
    }

    /// What a name stands for: `None` if no node has computed it.
    pub(super) fn find(&self, name: &str) -> Option<&Option<Value>> {
        self.levels.iter().rev().find_map(|level| level.get(name))
    }

    pub(super) fn define(&mut self, name: &'a str, value: Option<Value>) -> Result<(), OnnxError> {
        within(&format!("the name of a value ({} bytes)", name.len()), name.len(), MAX_NAME_BYTES)?;
        let level = self.levels.last_mut();
        if name.is_empty() || level.is_none_or(|level| level.insert(name, value).is_some()) {
            return Err(OnnxError::value(name, "a value needs a name of its own; this one is empty or taken"));
        }
        Ok(())
    }
}
