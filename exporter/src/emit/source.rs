//! What generated Rust and generated C share: the program as statements, its tables of constants, the moves of its scheme.
//!
//! [`Listing::new`] takes a plan apart; [`super::rust`] and [`super::c`] spell what it found. Neither decides anything about the
//! order of operations, so both give the bits of the interpreter. A listing knows no syntax.

pub(super) mod library;
pub(super) mod statement;
pub(super) mod table;

use hnn_runtime::integrate::Splitting;

use crate::dynamics::Scheme;
use crate::lower::{DampingForm, EntryKind, Operand, Plan};
use crate::weights::Weights;
use statement::{Statement, statements};
use table::Tables;

/// FNV-1a, 64 bits.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Why a model has no source of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Constraints are stepped by the interpreter only.
    #[error(
        "scheme `{0}` keeps constraints, which generated source does not; deploy the blob, or leave rust and c out of --emit"
    )]
    Constraints(String),
    /// Weights in fewer bits are read by the interpreter only.
    #[error(
        "weights stored as {0} are read by the blob's interpreter, not by generated source; use --weights f32, or leave rust and c out of --emit"
    )]
    Weights(String),
    /// A scheme that only the interpreter has.
    #[error(
        "scheme `{0}` is stepped by the interpreter only; deploy the blob, choose midpoint, or leave rust and c out of --emit"
    )]
    Scheme(String),
    /// The plan lacks what its scheme runs.
    #[error("the plan has no entry `{0}` although its scheme runs it")]
    Entry(&'static str),
    /// A function that is called has no text: a defect of this tool.
    #[error("there is no source of `{0}`; please report this model, and deploy the blob")]
    Missing(String),
    /// A prefix that C cannot use.
    #[error("`{0}` is no prefix for names in C: letters, digits and _ only, a letter first, at most 40 of them")]
    Prefix(String),
}

/// A start and the hash of a few steps from there, which a device repeats to check itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Initial state, positions first.
    pub x0: Vec<f32>,
    /// Input, held throughout.
    pub u: Vec<f32>,
    /// Steps made.
    pub steps: u32,
    /// [`hnn_runtime::TrajectoryHash`] over the initial and all further states.
    pub hash: u64,
}

/// What is spelled, and for whom.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// What the model is called, for people.
    pub name: &'a str,
    /// The lowered model.
    pub plan: &'a Plan,
    /// How it is stepped.
    pub scheme: Scheme,
    /// Step length in seconds.
    pub dt: f32,
    /// What it should reproduce; without it only the processor is checked.
    pub check: Option<&'a Check>,
}

/// How a step dissipates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dissipation {
    /// R and A are diagonal.
    Exact,
    /// T is quadratic.
    Series,
    /// Any other.
    Midpoint,
}

/// An entry as statements.
#[derive(Debug)]
pub(super) struct Routine<'a> {
    pub(super) kind: EntryKind,
    pub(super) statements: Vec<Statement<'a>>,
    pub(super) result: Operand,
    pub(super) result_len: usize,
}

/// A program ready to be spelled.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) plan: &'a Plan,
    pub(super) scheme: Scheme,
    /// Kicks and drifts of an explicit scheme, `(is a kick, length in seconds)`.
    pub(super) moves: Vec<(bool, f32)>,
    pub(super) dissipation: Option<Dissipation>,
    pub(super) routines: Vec<Routine<'a>>,
    pub(super) tables: Tables,
}

impl<'a> Listing<'a> {
    /// Takes a plan apart.
    ///
    /// # Errors
    /// [`SourceError::Constraints`]; [`SourceError::Entry`] for a plan that does not fit its scheme.
    pub(super) fn new(subject: &Subject<'a>) -> Result<Self, SourceError> {
        let Subject { plan, scheme, dt, .. } = *subject;
        if scheme.keeps_constraints() || plan.constraints > 0 {
            return Err(SourceError::Constraints(scheme.to_string()));
        }
        if scheme.splitting().is_none() && !matches!(scheme, Scheme::Midpoint { .. }) {
            return Err(SourceError::Scheme(scheme.to_string()));
        }
        if let Some(storage) = plan.weights().keys().find(|storage| *storage != Weights::F32.name()) {
            return Err(SourceError::Weights(storage.clone()));
        }
        let routine = |entry: &'a crate::lower::Entry| Routine {
            kind: entry.kind,
            statements: statements(&entry.kernels, &plan.constants),
            result: entry.result,
            result_len: entry.result_len,
        };
        let routines: Vec<Routine<'a>> = plan.entries.iter().map(routine).collect();
        let dissipation = dissipation(plan);
        let results = routines.iter().filter_map(|routine| match routine.result {
            Operand::Constant(at) => Some((at, routine.result_len)),
            Operand::Workspace(_) => None,
        });
        let all: Vec<Statement<'a>> = routines.iter().flat_map(|routine| routine.statements.clone()).collect();
        let tables = Tables::new(&all, results);
        let listing = Self { plan, scheme, moves: moves(scheme.splitting(), dt), dissipation, routines, tables };
        listing.needed().into_iter().try_for_each(|kind| listing.routine(kind).map(drop))?;
        Ok(listing)
    }

    /// Entries that the public functions and a step run.
    fn needed(&self) -> Vec<EntryKind> {
        let mut needed = vec![EntryKind::Energy, EntryKind::Field];
        if !self.moves.is_empty() {
            needed.extend([EntryKind::Velocity, EntryKind::Force]);
        }
        needed.extend(self.dissipation.map(|_| EntryKind::Damping));
        needed
    }

    /// FNV-1a over the words of all tables, runs first, word by word; nothing where there are no tables.
    pub(super) fn tables_hash(&self) -> Option<u64> {
        let runs = self.tables.runs.iter().map(|table| (table.start, table.len));
        let panels = self.tables.panels.iter().map(|panel| (panel.start, panel.rows * panel.cols));
        let words = runs.chain(panels).flat_map(|(start, len)| self.plan.constants.iter().skip(start).take(len));
        let hash = words.fold(FNV_BASIS, |hash, word| (hash ^ u64::from(*word)).wrapping_mul(FNV_PRIME));
        (hash != FNV_BASIS).then_some(hash)
    }

    /// The entry of that kind.
    pub(super) fn routine(&self, kind: EntryKind) -> Result<&Routine<'a>, SourceError> {
        self.routines.iter().find(|routine| routine.kind == kind).ok_or(SourceError::Entry(kind.name()))
    }
}

/// Kicks and drifts in seconds: a coefficient rounded to f32, then multiplied, as `docs/NUMERICS.md` has it.
fn moves(splitting: Option<&Splitting>, dt: f32) -> Vec<(bool, f32)> {
    splitting.map_or_else(Vec::new, |table| table.moves().map(|(is_kick, part)| (is_kick, part as f32 * dt)).collect())
}

/// Which of the runtime's ways to dissipate a plan takes.
fn dissipation(plan: &Plan) -> Option<Dissipation> {
    let len = match plan.damping {
        DampingForm::None => return None,
        DampingForm::Diagonal => plan.dof,
        DampingForm::Full => plan.dof * plan.dof,
    };
    let Some(mass) = plan.inverse_mass else { return Some(Dissipation::Midpoint) };
    let a = plan.constants.iter().skip(mass).take(plan.dof * plan.dof);
    let is_diagonal =
        a.enumerate().all(|(index, value)| index.is_multiple_of(plan.dof + 1) || f32::from_bits(*value) == 0.0);
    Some(if len == plan.dof && is_diagonal { Dissipation::Exact } else { Dissipation::Series })
}
