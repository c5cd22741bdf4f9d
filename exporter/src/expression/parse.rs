//! From text to postfix order, by operator precedence.
//!
//! Postfix needs no tree: what follows walks a list, so neither a long sum nor a deep one can exhaust the stack.

use super::{Fault, MAX_FORMULA_BYTES, MAX_NESTING, function_names};
use crate::graph::Function;

/// What stands between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
}

/// One step of the postfix form.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Number(f64),
    Name(String),
    Negate,
    Operator(Operator),
    Call(Function),
}

/// A step and the column it was read at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) column: usize,
    pub(super) step: Step,
}

/// Binding strengths: an operator continues a term that was begun at its own strength or a looser one.
const SUM: u8 = 1;
const PRODUCT: u8 = 2;
const SIGN: u8 = 3;
const POWER: u8 = 4;

/// Reads a whole formula.
pub(super) fn postfix(text: &str) -> Result<Vec<Item>, Fault> {
    if text.len() > MAX_FORMULA_BYTES {
        return Err(Fault::in_settings(format!(
            "the formula has {} bytes, more than the limit of {MAX_FORMULA_BYTES}",
            text.len()
        )));
    }
    let mut parser = Parser { characters: text.chars().collect(), at: 0, depth: 0, items: Vec::new() };
    parser.expression(SUM)?;
    match parser.peek() {
        None => Ok(parser.items),
        Some(')') => Err(parser.fault("this parenthesis closes nothing")),
        Some(_) => Err(parser.unexpected("an operator")),
    }
}

struct Parser {
    characters: Vec<char>,
    at: usize,
    depth: usize,
    items: Vec<Item>,
}

impl Parser {
    /// The next character that is no blank.
    fn peek(&mut self) -> Option<char> {
        while self.characters.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
        self.characters.get(self.at).copied()
    }

    fn column(&self) -> usize {
        self.at + 1
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::at(self.column(), message)
    }

    fn unexpected(&mut self, expected: &str) -> Fault {
        match self.peek() {
            None => self.fault(format!("expected {expected}, but the formula ends here")),
            Some('*') => self.fault(format!("expected {expected}; a power is written `^`")),
            Some(c) if expected == "an operator" && (c.is_alphanumeric() || c == '(') => {
                self.fault("expected an operator; a product is written `*`")
            }
            Some(c) => self.fault(format!("expected {expected}, found `{c}`")),
        }
    }

    fn push(&mut self, column: usize, step: Step) {
        self.items.push(Item { column, step });
    }

    /// Reads a term and all that binds at least as strongly as `loosest`.
    fn expression(&mut self, loosest: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(self.fault(format!("nested deeper than the limit of {MAX_NESTING}")));
        }
        match self.peek() {
            Some(sign @ ('-' | '+')) => {
                let column = self.column();
                self.at += 1;
                self.expression(SIGN)?;
                if sign == '-' {
                    self.push(column, Step::Negate);
                }
            }
            _ => self.term()?,
        }
        while let Some((operator, strength)) = self.operator() {
            if strength < loosest {
                break;
            }
            let column = self.column();
            self.at += 1;
            // A power groups from the right, everything else from the left.
            self.expression(if operator == Operator::Pow { strength } else { strength + 1 })?;
            self.push(column, Step::Operator(operator));
        }
        self.depth -= 1;
        Ok(())
    }

    fn operator(&mut self) -> Option<(Operator, u8)> {
        match self.peek()? {
            '+' => Some((Operator::Add, SUM)),
            '-' => Some((Operator::Sub, SUM)),
            '*' => Some((Operator::Mul, PRODUCT)),
            '/' => Some((Operator::Div, PRODUCT)),
            '^' => Some((Operator::Pow, POWER)),
            _ => None,
        }
    }

    fn term(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some('(') => self.parenthesis(),
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_alphabetic() || c == '_' => self.name(),
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    fn parenthesis(&mut self) -> Result<(), Fault> {
        let opened = self.column();
        self.at += 1;
        self.expression(SUM)?;
        match self.peek() {
            Some(')') => {
                self.at += 1;
                Ok(())
            }
            None => Err(Fault::at(opened, "this parenthesis is not closed")),
            Some(',') => Err(self.fault("functions take one argument")),
            Some(_) => Err(self.unexpected("an operator")),
        }
    }

    /// Reads characters while they fit.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> String {
        let rest = &self.characters[self.at..];
        let taken: String = rest.iter().take_while(|c| fits(**c)).collect();
        self.at += taken.chars().count();
        taken
    }

    fn number(&mut self) -> Result<(), Fault> {
        let column = self.column();
        let mut digits = self.take(|c| c.is_ascii_digit() || c == '.');
        // An exponent only where digits follow; otherwise the letter begins a name, and an operator is missing.
        let after = |skip: usize| self.characters.get(self.at + skip).copied();
        let signed = usize::from(matches!(after(1), Some('+' | '-')));
        if matches!(after(0), Some('e' | 'E')) && after(1 + signed).is_some_and(|c| c.is_ascii_digit()) {
            digits.extend(&self.characters[self.at..=self.at + signed]);
            self.at += 1 + signed;
            digits.push_str(&self.take(|c| c.is_ascii_digit()));
        }
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                self.push(column, Step::Number(value));
                Ok(())
            }
            _ => Err(Fault::at(column, format!("`{digits}` is no number"))),
        }
    }

    fn name(&mut self) -> Result<(), Fault> {
        let column = self.column();
        let name = self.take(|c| c.is_alphanumeric() || c == '_');
        match (Function::named(&name), self.peek()) {
            (Some(function), Some('(')) => {
                self.parenthesis()?;
                self.push(column, Step::Call(function));
            }
            (Some(_), _) => return Err(Fault::at(column, format!("`{name}` wants its argument in parentheses"))),
            (None, Some('(')) => {
                let names = function_names();
                let message = format!("no function `{name}`; there are {names}; a product is written `{name}*(`");
                return Err(Fault::at(column, message));
            }
            (None, _) => self.push(column, Step::Name(name)),
        }
        Ok(())
    }
}
