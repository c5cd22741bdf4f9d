//! The constants that a program reads where they lie: runs of numbers that do not overlap, and weight panels.
//!
//! A single number is written into the expression that reads it, and needs no table.

use std::collections::BTreeSet;

use crate::lower::{Kernel, Operand};

use super::statement::{Statement, Term};

/// Consecutive constants that become one table, named by the place of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    /// First constant.
    pub(crate) start: usize,
    /// How many.
    pub(crate) len: usize,
}

/// A weight matrix as dense kernels read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PanelTable {
    /// First constant.
    pub(crate) start: usize,
    /// Rows.
    pub(crate) rows: usize,
    /// Columns.
    pub(crate) cols: usize,
}

/// All tables of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    /// Ascending, without overlap.
    pub(crate) runs: Vec<Table>,
    /// Ascending, each once.
    pub(crate) panels: Vec<PanelTable>,
}

impl Tables {
    /// The tables for everything that `statements` read, and for `others`, each as place and length.
    pub(crate) fn new(statements: &[Statement<'_>], others: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut panels = BTreeSet::new();
        let mut reads: Vec<(usize, usize)> = others.into_iter().collect();
        for statement in statements {
            match statement {
                Statement::Element { .. } => {}
                Statement::Each { value, .. } => reads.extend(value.terms().iter().filter_map(|term| match term {
                    Term::Indexed(Operand::Constant(start), len) => Some((*start, *len)),
                    _ => None,
                })),
                Statement::Quads { src, len, .. } => reads.extend(constant(*src, *len)),
                Statement::Call(kernel) => {
                    let panel = panel(kernel);
                    let others = kernel
                        .reads()
                        .into_iter()
                        .filter(|access| panel.is_none_or(|panel| constant(access.at, 0) != Some((panel.start, 0))));
                    reads.extend(others.filter_map(|access| constant(access.at, access.span)));
                    panels.extend(panel);
                }
            }
        }
        reads.sort_unstable();
        let mut runs: Vec<Table> = Vec::new();
        for (start, len) in reads {
            match runs.last_mut() {
                Some(run) if start < run.start + run.len => run.len = run.len.max(start + len - run.start),
                _ => runs.push(Table { start, len }),
            }
        }
        Self { runs, panels: panels.into_iter().collect() }
    }

    /// The table that holds the constant at `start`, and what is skipped of it.
    pub(crate) fn holding(&self, start: usize) -> Option<(Table, usize)> {
        let table = self.runs.iter().rev().find(|table| table.start <= start)?;
        Some((*table, start - table.start))
    }
}

fn constant(at: Operand, len: usize) -> Option<(usize, usize)> {
    match at {
        Operand::Constant(start) => Some((start, len)),
        Operand::Workspace(_) => None,
    }
}

/// The panel that a kernel reads.
pub(crate) fn panel(kernel: &Kernel<Operand>) -> Option<PanelTable> {
    match kernel {
        Kernel::Dense { panel, rows, cols, .. }
        | Kernel::DenseAdjoint { panel, rows, cols, .. }
        | Kernel::DenseGradient { panel, rows, cols, .. } => {
            constant(*panel, 0).map(|(start, _)| PanelTable { start, rows: *rows, cols: *cols })
        }
        _ => None,
    }
}
