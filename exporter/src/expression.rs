//! A Hamiltonian from a formula: `p^2/(2*m*l^2) + m*g*l*(1 - cos(q))` with `m`, `l` and `g` set.
//!
//! - Coordinates are `q` and `p`, or `q1 … qn` and `p1 … pn`; the largest index is the number n of degrees of freedom.
//! - Constants are numbers, `pi`, and what `settings` names. Each setting must be used.
//! - Operators, loosest first: `+ -`, `* /`, unary minus, and `^`, which groups from the right: `-q^2` is `-(q^2)`,
//!   `2^3^2` is `2^9`. Functions are those of [`Function`], `log` being natural.
//!
//! Constant subexpressions become one number. A power with a whole exponent up to [`MAX_POWER`] is a product, so it is
//! defined for negative bases; `x^0` is 1, and `x^0.5` is `sqrt(x)`. Errors carry the column and show it with a caret.

mod build;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::dynamics::{CONSTRAINT, Model};
use crate::graph::{Function, Graph};

pub use build::MAX_POWER;

/// Longest formula, in bytes.
pub const MAX_FORMULA_BYTES: usize = 1 << 16;
/// Deepest nesting of parentheses, signs and powers.
pub const MAX_NESTING: usize = 200;
/// Most degrees of freedom of a formula; a device may stop earlier.
pub const MAX_DOF: usize = 1024;
/// Characters of the formula that an error shows at most, those before the caret and those in all.
const SHOWN: (usize, usize) = (60, 100);

/// What is wrong with a formula or its settings, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    /// What was found, what was expected, what to do.
    pub message: String,
    /// Column in characters, counted from 1; `None` where the fault is not in the formula.
    pub column: Option<usize>,
    /// The formula.
    pub formula: String,
}

impl std::error::Error for ExpressionError {}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(column) = self.column else { return f.write_str(&self.message) };
        writeln!(f, "column {column}: {}", self.message)?;
        let first = column.saturating_sub(SHOWN.0);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = self.formula.chars().skip(first).take(SHOWN.1).map(printable).collect();
        writeln!(f, "  {}", shown.trim_end())?;
        write!(f, "  {:>width$}", "^", width = column - first)
    }
}

/// Names of all functions, joined by commas.
fn function_names() -> String {
    Function::ALL.iter().map(|function| function.name()).collect::<Vec<_>>().join(", ")
}

/// A fault at a column; the formula is added at the end.
#[derive(Debug)]
struct Fault {
    column: Option<usize>,
    message: String,
}

impl Fault {
    fn at(column: usize, message: impl Into<String>) -> Self {
        Self { column: Some(column), message: message.into() }
    }

    fn in_settings(message: impl Into<String>) -> Self {
        Self { column: None, message: message.into() }
    }
}

/// The model whose energy is `text`, with input `x` `[batch, 2n]` and output `H` `[batch, 1]`.
///
/// # Errors
/// [`ExpressionError`] where the text is no formula, a name is not known, a setting is missing, unused or not finite, a
/// constant part has no finite value, or nothing depends on the state.
pub fn parse(text: &str, settings: &BTreeMap<String, f64>) -> Result<Model, ExpressionError> {
    parse_with_unknowns(text, settings, &BTreeSet::new())
}

/// As [`parse`], where the names in `unknowns` become parameters of the graph, `[1]` each, to be learned.
///
/// # Errors
/// As [`parse`]; each unknown must be used, and may not be a setting as well.
pub fn parse_with_unknowns(
    text: &str,
    settings: &BTreeMap<String, f64>,
    unknowns: &BTreeSet<String>,
) -> Result<Model, ExpressionError> {
    let model = parse::postfix(text).and_then(|items| build::model(&items, settings, unknowns));
    model.map_err(|fault| ExpressionError { message: fault.message, column: fault.column, formula: text.to_owned() })
}

/// Whether a formula names something; one that does not parse names nothing.
#[must_use]
pub fn mentions(text: &str, name: &str) -> bool {
    parse::postfix(text).is_ok_and(|items| build::uses(&items, name))
}

/// The model whose energy is `text` and whose motion keeps every formula of `constraints`, each in q alone, at 0.
///
/// # Errors
/// As [`parse`], for whichever formula is at fault; also where [`Model::new`] refuses the constraints.
pub fn constrained(
    text: &str,
    constraints: &[String],
    settings: &BTreeMap<String, f64>,
) -> Result<Model, ExpressionError> {
    // A setting that nothing uses is reported with the energy.
    let of_constraints_only =
        |name: &str| !mentions(text, name) && constraints.iter().any(|formula| mentions(formula, name));
    let of_energy = settings.iter().filter(|(name, _)| !of_constraints_only(name));
    let model = parse(text, &of_energy.map(|(name, value)| (name.clone(), *value)).collect())?;
    if constraints.is_empty() {
        return Ok(model);
    }
    let fault = |message: String| ExpressionError { message, column: None, formula: constraints.join(", ") };
    let surface = constraint_graph(constraints, model.dof(), settings)?;
    build::attach(model.graph(), &surface).map_err(|error| fault(error.to_string()))
}

/// The graph `x` `[batch, 2n]` → `g` `[batch, k]` of formulas in q1 … qn; `settings` may hold more than they use.
///
/// # Errors
/// [`ExpressionError`] for a formula that does not parse, is constant, names a momentum, or a position beyond n.
pub fn constraint_graph(
    constraints: &[String],
    dof: usize,
    settings: &BTreeMap<String, f64>,
) -> Result<Graph, ExpressionError> {
    let mut graph = Graph::new();
    let mut values = Vec::with_capacity(constraints.len());
    for text in constraints {
        let named =
            |fault: Fault| ExpressionError { message: fault.message, column: fault.column, formula: text.clone() };
        let items = parse::postfix(text).map_err(named)?;
        values.push(build::position_formula(&mut graph, &items, dof, settings).map_err(named)?);
    }
    let joined = graph.concat(&values, 1);
    let whole = |message: String| ExpressionError { message, column: None, formula: constraints.join(", ") };
    graph.set_output(CONSTRAINT, joined.map_err(|error| whole(error.to_string()))?);
    Ok(graph)
}

#[cfg(test)]
mod tests;
