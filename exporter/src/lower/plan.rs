//! The lowered model: kernels with operands, where everything lies, and what it costs.
//!
//! A plan is a plain value. Every decision is made here; a writer only spells it. It holds no reference to the graph it
//! came from, and prints as a listing that a person can follow.

use std::collections::BTreeMap;
use std::fmt;

use super::kernel::Kernel;

/// Where an operand starts, in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operand {
    /// In the workspace, which is written.
    Workspace(usize),
    /// Among the constants, which are not.
    Constant(usize),
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(offset) => write!(f, "w{offset}"),
            Self::Constant(offset) => write!(f, "c{offset}"),
        }
    }
}

/// What an entry computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// x → H, 1 element.
    Energy,
    /// p → ∂H/∂p, n elements; separable models only.
    Velocity,
    /// q, u → −∂H/∂q + G u, n elements; separable models only.
    Force,
    /// x, u → \[∂H/∂p, −∂H/∂q + G u\], 2n elements, without damping; of a constrained model the whole field.
    Field,
    /// x → R, n elements (diagonal) or n·n (full, row-major).
    Damping,
    /// q → \[g, ∂g/∂q\], k elements and k·n row-major; constrained models only.
    Constraint,
}

impl EntryKind {
    /// Every entry, in the order of the blob's table.
    pub const ALL: [Self; 6] =
        [Self::Energy, Self::Velocity, Self::Force, Self::Field, Self::Damping, Self::Constraint];

    /// The name in listings and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::Velocity => "velocity",
            Self::Force => "force",
            Self::Field => "field",
            Self::Damping => "damping",
            Self::Constraint => "constraint",
        }
    }
}

/// A program over the workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it computes.
    pub kind: EntryKind,
    /// Executed first to last.
    pub kernels: Vec<Kernel<Operand>>,
    /// Where the result starts afterwards; it may lie in x or among the constants.
    pub result: Operand,
    /// Elements of the result.
    pub result_len: usize,
    /// Most elements that live at the same time besides x and u: no order of memory could do with fewer in this schedule.
    pub live_len: usize,
}

/// The form of the dissipation matrix R.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DampingForm {
    /// R = 0.
    None,
    /// n values.
    Diagonal,
    /// n·n values.
    Full,
}

/// A model lowered to kernels.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Degrees of freedom n; x has 2n elements and lies at 0.
    pub dof: usize,
    /// Inputs m; u lies at 2n.
    pub inputs: usize,
    /// Holonomic constraints k.
    pub constraints: usize,
    /// Whether H = T(p) + V(q), so that `Velocity` and `Force` exist.
    pub separable: bool,
    /// Whether T is quadratic in p.
    pub kinetic_quadratic: bool,
    /// Where A of T = ½ pᵀA p lies among the constants, n·n row-major.
    pub inverse_mass: Option<usize>,
    /// The form of R.
    pub damping: DampingForm,
    /// Whether R is the same in all states.
    pub damping_constant: bool,
    /// The words of all constants, packed panels among them: bits of f32 but for panels of another storage.
    pub constants: Vec<u32>,
    /// Elements of the workspace, x and u included.
    pub workspace_len: usize,
    /// The programs.
    pub entries: Vec<Entry>,
}

/// What executing kernels costs, independent of the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Operations {
    /// Instructions dispatched.
    pub instructions: u64,
    /// Multiply-adds of matrix products.
    pub multiply_adds: u64,
    /// Elements computed by elementwise kernels and sums, moved elements not counted.
    pub element_operations: u64,
    /// Calls of exp, log, sin, cos, tanh, sigmoid, softplus, erf, atan and pow.
    pub transcendental_calls: u64,
}

impl Operations {
    /// This and `other`, `times` times.
    #[must_use]
    pub fn plus(self, other: Self, times: u64) -> Self {
        Self {
            instructions: self.instructions + times * other.instructions,
            multiply_adds: self.multiply_adds + times * other.multiply_adds,
            element_operations: self.element_operations + times * other.element_operations,
            transcendental_calls: self.transcendental_calls + times * other.transcendental_calls,
        }
    }
}

impl Plan {
    /// The program of that kind.
    #[must_use]
    pub fn entry(&self, kind: EntryKind) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.kind == kind)
    }

    /// Bytes of the workspace: all RAM that evaluation needs besides the stack.
    #[must_use]
    pub fn workspace_bytes(&self) -> usize {
        self.workspace_len * size_of::<f32>()
    }

    /// How many weights of layers are stored how, by the name of the storage.
    #[must_use]
    pub fn weights(&self) -> BTreeMap<String, u64> {
        let kernels = self.entries.iter().flat_map(|entry| &entry.kernels);
        stored(kernels.filter_map(|kernel| match kernel {
            Kernel::Dense { panel: Operand::Constant(at), weights, rows, cols, .. }
            | Kernel::DenseAdjoint { panel: Operand::Constant(at), weights, rows, cols, .. }
            | Kernel::DenseGradient { panel: Operand::Constant(at), weights, rows, cols, .. } => {
                Some((*at, weights.name(), (rows * cols) as u64))
            }
            _ => None,
        }))
    }

    /// What one run of an entry costs; nothing where there is no such entry.
    #[must_use]
    pub fn operations(&self, kind: EntryKind) -> Operations {
        self.entry(kind).map_or_else(Operations::default, Entry::operations)
    }
}

/// Weights by the name of their storage, those of each panel once: (start, storage, weights) of every use.
pub(crate) fn stored<'a>(panels: impl Iterator<Item = (usize, &'a str, u64)>) -> BTreeMap<String, u64> {
    let panels: BTreeMap<usize, (&str, u64)> = panels.map(|(at, name, count)| (at, (name, count))).collect();
    let mut weights = BTreeMap::new();
    for (name, count) in panels.into_values() {
        *weights.entry(name.to_owned()).or_insert(0) += count;
    }
    weights
}

impl Entry {
    /// What one run costs.
    #[must_use]
    pub fn operations(&self) -> Operations {
        self.kernels.iter().fold(Operations::default(), |sum, kernel| sum.plus(kernel.operations(), 1))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "plan: {} degrees of freedom, {} inputs, {}, {} constants, workspace {} elements",
            self.dof,
            self.inputs,
            if self.separable { "separable" } else { "not separable" },
            self.constants.len(),
            self.workspace_len
        )?;
        for entry in &self.entries {
            let cost = entry.operations();
            writeln!(
                f,
                "{}: {} instructions, {} multiply-adds, {} transcendental calls, {} results at {}, {} live",
                entry.kind.name(),
                cost.instructions,
                cost.multiply_adds,
                cost.transcendental_calls,
                entry.result_len,
                entry.result,
                entry.live_len
            )?;
            for kernel in &entry.kernels {
                writeln!(f, "  {kernel}")?;
            }
        }
        Ok(())
    }
}
