//! From postfix order to a graph.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::{Item, Operator, Step};
use super::{Fault, MAX_DOF, function_names};
use crate::dynamics::{CONSTRAINT, DynamicsError, ENERGY, Model, STATE};
use crate::evaluate::{EvaluateError, evaluate};
use crate::graph::{Binary, Function, Graph, GraphError, NodeId, Op, Shape};

/// Largest whole exponent, in magnitude, that is written as products.
pub const MAX_POWER: u32 = 1024;

/// A constant part of the formula, or one that depends on the state.
#[derive(Debug, Clone, Copy)]
enum Value {
    Number(f64),
    Node(NodeId),
}

/// What a name stands for.
enum Meaning {
    /// Index in the state, given the degrees of freedom.
    Coordinate {
        momentum: bool,
        index: Option<usize>,
    },
    Number(f64),
    /// A parameter of the graph.
    Unknown,
}

/// Builds the model.
pub(super) fn model(
    items: &[Item],
    settings: &BTreeMap<String, f64>,
    unknowns: &BTreeSet<String>,
) -> Result<Model, Fault> {
    check_names(items, settings, unknowns)?;
    let mut meanings = BTreeMap::new();
    for item in items {
        if let Step::Name(name) = &item.step {
            let meaning = if unknowns.contains(name) {
                Meaning::Unknown
            } else {
                meaning(name, settings).map_err(|message| Fault::at(item.column, message))?
            };
            meanings.insert(name.as_str(), meaning);
        }
    }
    let dof = degrees_of_freedom(items, &meanings)?;
    let mut builder = Builder { graph: Graph::new(), state: None, dof, stack: Vec::new() };
    for item in items {
        builder.step(item, &meanings)?;
    }
    builder.finish()
}

/// Whether a formula names something.
pub(super) fn uses(items: &[Item], name: &str) -> bool {
    items.iter().any(|item| matches!(&item.step, Step::Name(known) if known == name))
}

/// Adds a formula in positions alone to `graph`, whose state has `dof` degrees of freedom: `[batch, 1]`.
pub(super) fn position_formula(
    graph: &mut Graph,
    items: &[Item],
    dof: usize,
    settings: &BTreeMap<String, f64>,
) -> Result<NodeId, Fault> {
    let mut meanings = BTreeMap::new();
    for item in items {
        let Step::Name(name) = &item.step else { continue };
        let at = |message: String| Fault::at(item.column, message);
        let meaning = meaning(name, settings).map_err(at)?;
        match &meaning {
            Meaning::Coordinate { momentum: true, .. } => {
                return Err(at(format!("`{name}` is a momentum; a constraint is a function of q alone")));
            }
            Meaning::Coordinate { index: None, .. } if dof > 1 => {
                return Err(at(format!("`{name}` is ambiguous with {dof} degrees of freedom; write `{name}1`")));
            }
            Meaning::Coordinate { index: Some(index), .. } if *index > dof => {
                return Err(at(format!("`{name}`: there are {dof} positions")));
            }
            _ => {}
        }
        meanings.insert(name.as_str(), meaning);
    }
    let state = graph.leaf(STATE);
    let mut builder = Builder { graph: std::mem::take(graph), state, dof, stack: Vec::new() };
    for item in items {
        builder.step(item, &meanings)?;
    }
    let value = builder.stack.pop();
    *graph = builder.graph;
    match value {
        Some(Value::Node(value)) => Ok(value),
        _ => Err(Fault::at(1, "a constraint must depend on q, but this is constant")),
    }
}

/// The model with what `surface` computes as its constraint.
pub(super) fn attach(model: &Graph, surface: &Graph) -> Result<Model, DynamicsError> {
    let mut graph = model.clone();
    let (from, to) = (surface.leaf(STATE), model.leaf(STATE));
    let roots: Vec<NodeId> = surface.output(CONSTRAINT).into_iter().collect();
    let placed = graph.inline(surface, &roots, &|id, _| to.filter(|_| Some(id) == from))?;
    if let Some(value) = placed.first() {
        graph.set_output(CONSTRAINT, *value);
    }
    Model::new(graph)
}

/// The index of a coordinate's name: `None` for another name, `Some(None)` for `q` and `p` alone.
fn coordinate(name: &str) -> Option<(bool, Option<usize>)> {
    let (first, rest) = name.split_at_checked(1)?;
    let momentum = match first {
        "q" => false,
        "p" => true,
        _ => return None,
    };
    if rest.is_empty() {
        return Some((momentum, None));
    }
    let plain = rest.bytes().all(|byte| byte.is_ascii_digit()) && !(rest.len() > 1 && rest.starts_with('0'));
    // An index too long to read is too large all the same.
    plain.then(|| (momentum, Some(rest.parse().unwrap_or(usize::MAX))))
}

fn meaning(name: &str, settings: &BTreeMap<String, f64>) -> Result<Meaning, String> {
    if let Some((momentum, index)) = coordinate(name) {
        return match index {
            Some(0) => Err(format!("`{name}`: coordinates are counted from 1")),
            Some(index) if index > MAX_DOF => {
                Err(format!("`{name}` exceeds the limit of {MAX_DOF} degrees of freedom"))
            }
            _ => Ok(Meaning::Coordinate { momentum, index }),
        };
    }
    if name == "pi" {
        return Ok(Meaning::Number(std::f64::consts::PI));
    }
    settings.get(name).map(|value| Meaning::Number(*value)).ok_or_else(|| {
        let known: Vec<&str> = settings.keys().map(String::as_str).collect();
        let listed = if known.is_empty() { String::new() } else { format!(", the settings {}", known.join(", ")) };
        let functions = function_names();
        format!(
            "unknown name `{name}`; known are q, p (or q1, q2, …, p1, p2, …), pi{listed}, and the functions {functions}; \
             a constant is given by `--set {name}=VALUE`"
        )
    })
}

/// Refuses settings and unknowns that mean something else already, or nothing.
fn check_names(items: &[Item], settings: &BTreeMap<String, f64>, unknowns: &BTreeSet<String>) -> Result<(), Fault> {
    let used: BTreeSet<&str> = items
        .iter()
        .filter_map(|item| if let Step::Name(name) = &item.step { Some(name.as_str()) } else { None })
        .collect();
    for name in settings.keys().chain(unknowns) {
        if coordinate(name).is_some() || name == "pi" || Function::named(name).is_some() {
            return Err(Fault::in_settings(format!(
                "`{name}` has a meaning of its own in a formula and cannot be set"
            )));
        }
    }
    for name in unknowns {
        if settings.contains_key(name) {
            return Err(Fault::in_settings(format!(
                "`{name}` is set to a value and is to be learned; it is one of both"
            )));
        }
        if !used.contains(name.as_str()) {
            return Err(Fault::in_settings(format!("unknown `{name}` is not used by the formula")));
        }
    }
    for (name, value) in settings {
        if !value.is_finite() {
            return Err(Fault::in_settings(format!("setting `{name}` is {value}, which is not finite")));
        }
        if !used.contains(name.as_str()) {
            return Err(Fault::in_settings(format!("setting `{name}` is not used by the formula")));
        }
    }
    Ok(())
}

fn degrees_of_freedom(items: &[Item], meanings: &BTreeMap<&str, Meaning>) -> Result<usize, Fault> {
    let indices = || {
        items.iter().filter_map(|item| match &item.step {
            Step::Name(name) => match meanings.get(name.as_str()) {
                Some(Meaning::Coordinate { index, .. }) => Some((item.column, name, *index)),
                _ => None,
            },
            _ => None,
        })
    };
    let dof = indices().map(|(_, _, index)| index.unwrap_or(1)).max();
    let dof = dof.ok_or_else(|| Fault::at(1, "the energy must depend on the state: q and p, or q1, p1, q2, p2, …"))?;
    match indices().find(|(_, _, index)| dof > 1 && index.is_none()) {
        Some((column, name, _)) => {
            Err(Fault::at(column, format!("`{name}` is ambiguous with {dof} degrees of freedom; write `{name}1`")))
        }
        None => Ok(dof),
    }
}

struct Builder {
    graph: Graph,
    state: Option<NodeId>,
    dof: usize,
    stack: Vec<Value>,
}

impl Builder {
    fn step(&mut self, item: &Item, meanings: &BTreeMap<&str, Meaning>) -> Result<(), Fault> {
        let at = |error: GraphError| Fault::at(item.column, error.to_string());
        let value = match &item.step {
            Step::Number(value) => Value::Number(*value),
            Step::Name(name) => match meanings.get(name.as_str()) {
                Some(Meaning::Number(value)) => Value::Number(*value),
                Some(Meaning::Unknown) => Value::Node(self.graph.parameter(name, &[1]).map_err(at)?),
                Some(Meaning::Coordinate { momentum, index }) => {
                    let offset = if *momentum { self.dof } else { 0 };
                    Value::Node(self.coordinate(offset + index.unwrap_or(1) - 1).map_err(at)?)
                }
                None => return Err(Fault::at(item.column, format!("unknown name `{name}`"))),
            },
            Step::Negate => match self.pop(item)? {
                Value::Number(value) => Value::Number(-value),
                Value::Node(x) => Value::Node(self.graph.neg(x).map_err(at)?),
            },
            Step::Call(function) => match self.pop(item)? {
                Value::Number(value) => {
                    let result = function_of_number(*function, value);
                    Value::Number(result.map_err(|error| Fault::at(item.column, error.to_string()))?)
                }
                Value::Node(x) => Value::Node(function.build(&mut self.graph, x).map_err(at)?),
            },
            Step::Operator(operator) => {
                let (b, a) = (self.pop(item)?, self.pop(item)?);
                if let (Operator::Div, Value::Node(_), Value::Number(0.0)) = (operator, a, b) {
                    return Err(Fault::at(item.column, "division by 0"));
                }
                self.combine(*operator, a, b).map_err(at)?
            }
        };
        if let Value::Number(number) = value
            && !number.is_finite()
        {
            return Err(Fault::at(item.column, format!("this constant part is {number}, which is not finite")));
        }
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self, item: &Item) -> Result<Value, Fault> {
        // The parser puts every operand before its operator.
        self.stack.pop().ok_or_else(|| Fault::at(item.column, "an operand is missing"))
    }

    fn finish(mut self) -> Result<Model, Fault> {
        let Some(Value::Node(energy)) = self.stack.pop() else {
            return Err(Fault::at(1, "the energy must depend on the state, but this is constant"));
        };
        self.graph.set_output(ENERGY, energy);
        Model::new(self.graph).map_err(|error: DynamicsError| Fault::in_settings(error.to_string()))
    }

    /// Element `index` of the state, `[batch, 1]`.
    fn coordinate(&mut self, index: usize) -> Result<NodeId, GraphError> {
        let state = match self.state {
            Some(state) => state,
            None => self.graph.input(STATE, Shape::batched(&[2 * self.dof])?)?,
        };
        self.state = Some(state);
        self.graph.slice(state, 1, index, 1)
    }

    fn node(&mut self, value: Value) -> Result<NodeId, GraphError> {
        match value {
            Value::Number(number) => self.graph.scalar(number),
            Value::Node(id) => Ok(id),
        }
    }

    fn combine(&mut self, operator: Operator, a: Value, b: Value) -> Result<Value, GraphError> {
        if let (Value::Number(a), Value::Number(b)) = (a, b) {
            return Ok(Value::Number(operator_of_numbers(operator, a, b)));
        }
        if let (Operator::Pow, Value::Node(base), Value::Number(exponent)) = (operator, a, b) {
            return self.power(base, exponent);
        }
        let op = match operator {
            Operator::Add => Binary::Add,
            Operator::Sub => Binary::Sub,
            Operator::Mul => Binary::Mul,
            Operator::Div => Binary::Div,
            Operator::Pow => Binary::Pow,
        };
        let args = [self.node(a)?, self.node(b)?];
        Ok(Value::Node(self.graph.add(Op::Binary(op), &args)?))
    }

    fn power(&mut self, base: NodeId, exponent: f64) -> Result<Value, GraphError> {
        if exponent == 0.0 {
            return Ok(Value::Number(1.0));
        }
        if exponent == 0.5 {
            return self.graph.sqrt(base).map(Value::Node);
        }
        if exponent.fract() == 0.0 && exponent.abs() <= f64::from(MAX_POWER) {
            #[allow(clippy::cast_possible_truncation, reason = "a whole number of at most MAX_POWER")]
            let exponent = exponent as i32;
            return self.graph.powi(base, exponent).map(Value::Node);
        }
        let exponent = self.graph.scalar(exponent)?;
        self.graph.pow(base, exponent).map(Value::Node)
    }
}

/// The function's one definition, evaluated at a constant.
fn function_of_number(function: Function, x: f64) -> Result<f64, EvaluateError> {
    let mut graph = Graph::new();
    let x = graph.scalar(x)?;
    let value = function.build(&mut graph, x)?;
    graph.set_output("value", value);
    let values = evaluate(&graph, &[])?;
    Ok(values.first().and_then(|value| value.data().first()).copied().unwrap_or(f64::NAN))
}

fn operator_of_numbers(operator: Operator, a: f64, b: f64) -> f64 {
    match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => a / b,
        Operator::Pow => libm::pow(a, b),
    }
}
