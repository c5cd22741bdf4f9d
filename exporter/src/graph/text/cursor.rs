//! A place in a line, and the tokens that can be read there.

use super::TextError;
use crate::graph::{Dim, MAX_RANK, Shape};

/// A place in a line. Copies remember where something began, so that an error can point at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    line_number: usize,
    /// In bytes, at the beginning of a character.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str, line_number: usize) -> Self {
        Self { line, line_number, at: 0 }
    }

    /// An error at the next token.
    pub(super) fn error(mut self, message: impl Into<String>) -> TextError {
        self.skip_space();
        let column = self.line[..self.at].chars().count() + 1;
        TextError { line: self.line_number, column, message: message.into() }
    }

    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
    }

    /// Whether only blanks or a comment follow.
    pub(super) fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty() || self.rest().starts_with('#')
    }

    /// Whether this token is next.
    pub(super) fn next_is(&mut self, token: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(token)
    }

    /// Reads the token if it is next.
    pub(super) fn accept(&mut self, token: &str) -> bool {
        let found = self.next_is(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Reads the token, which must be next.
    pub(super) fn expect(&mut self, token: &str) -> Result<(), TextError> {
        if self.accept(token) { Ok(()) } else { Err(self.error(format!("expected `{token}`"))) }
    }

    /// Reads letters, digits and the characters of numbers; may be empty.
    fn atom(&mut self) -> &'a str {
        self.skip_space();
        let rest = self.rest();
        let part_of_atom = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
        let atom = &rest[..rest.find(|c| !part_of_atom(c)).unwrap_or(rest.len())];
        self.at += atom.len();
        atom
    }

    /// Reads a name without quotes.
    pub(super) fn word(&mut self) -> Result<&'a str, TextError> {
        let start = *self;
        let word = self.atom();
        if word.starts_with(|c: char| c.is_ascii_lowercase()) { Ok(word) } else { Err(start.error("expected a word")) }
    }

    /// Reads a count.
    pub(super) fn count(&mut self) -> Result<usize, TextError> {
        let start = *self;
        let atom = self.atom();
        let digits = atom.bytes().all(|byte| byte.is_ascii_digit());
        // `parse` refuses the empty text and what does not fit.
        atom.parse().ok().filter(|_| digits).ok_or_else(|| start.error("expected a whole number"))
    }

    /// Reads `%N`.
    pub(super) fn reference(&mut self) -> Result<usize, TextError> {
        self.expect("%")?;
        self.count()
    }

    /// Reads a number of a constant.
    pub(super) fn number(&mut self) -> Result<f64, TextError> {
        let start = *self;
        let atom = self.atom();
        let value = match atom {
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            "nan" => Some(f64::NAN),
            _ => match atom.strip_prefix("0x") {
                Some(bits) => u64::from_str_radix(bits, 16).ok().map(f64::from_bits),
                // The names above are the only words `parse` would take.
                None => atom.parse().ok().filter(|value: &f64| value.is_finite()),
            },
        };
        value.ok_or_else(|| start.error("expected a number"))
    }

    /// Reads a quoted name.
    pub(super) fn quoted(&mut self) -> Result<String, TextError> {
        let start = *self;
        self.expect("\"")?;
        let mut name = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += offset + 1;
                    return Ok(name);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => name.push('\n'),
                    Some((_, escaped @ ('"' | '\\'))) => name.push(escaped),
                    _ => return Err(start.error("a backslash stands only before `\"`, `\\` and `n`")),
                },
                other => name.push(other),
            }
        }
        Err(start.error("the quoted name does not end"))
    }

    /// Reads `[item,item,…]` of at most [`MAX_RANK`] items.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, TextError>) -> Result<Vec<T>, TextError> {
        let start = *self;
        self.expect("[")?;
        let mut items = Vec::new();
        while !self.accept("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            if items.len() == MAX_RANK {
                return Err(start.error(format!("more than {MAX_RANK} dimensions")));
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Reads `[0,2,1]`.
    pub(super) fn counts(&mut self) -> Result<Vec<usize>, TextError> {
        self.list(Self::count)
    }

    /// Reads `[batch,2]`.
    pub(super) fn shape(&mut self) -> Result<Shape, TextError> {
        let start = *self;
        let dim = |cursor: &mut Self| {
            if cursor.accept("batch") { Ok(Dim::Batch) } else { cursor.count().map(Dim::Fixed) }
        };
        let dims = self.list(dim)?;
        Shape::new(dims).map_err(|error| start.error(error.to_string()))
    }
}
