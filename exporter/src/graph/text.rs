//! A graph as text, for golden tests, for reading by eye, and for bug reports.
//!
//! ```text
//! hnn-graph 1
//! %0 = input "x" [batch,2]
//! %1 = constant [1,2] (0.5, -0)
//! %2 = matmul %0 %1 {transpose_rhs} : [batch,1]   # a comment
//! output "H" = %2
//! ```
//!
//! Every node is written, also those no output needs, in ascending order without gaps; after the colon stands the type,
//! with `truth` before the shape of a truth value. Numbers are the shortest decimals that round-trip, `inf`, `-inf`, `nan`,
//! or the bits of another NaN in hexadecimal. [`Graph::parse`] of the text gives the same graph, node for node and bit for
//! bit. What is read may be hostile: it gives an error with its place, and takes time and memory in proportion to its length.

mod cursor;
mod parse;

use std::fmt;

use super::{Graph, Kind, Op, Tensor};

/// First line of the text form.
const HEADER: &str = "hnn-graph 1";
/// Longest text that is read, in bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 30;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TextError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        for id in self.ids() {
            let node = self.node(id);
            write!(f, "{id} = {}", node.op.name())?;
            match &node.op {
                Op::Input(name, shape) | Op::Parameter(name, shape) => write!(f, " {} {shape}", Quoted(name))?,
                Op::Constant(tensor) => write_constant(f, tensor)?,
                op => {
                    for arg in &node.args {
                        write!(f, " {arg}")?;
                    }
                    write_attributes(f, op)?;
                    let truth = if node.ty.kind == Kind::Truth { "truth " } else { "" };
                    write!(f, " : {truth}{}", node.ty.shape)?;
                }
            }
            writeln!(f)?;
        }
        self.outputs().iter().try_for_each(|(name, id)| writeln!(f, "output {} = {id}", Quoted(name)))
    }
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}

fn write_constant(f: &mut fmt::Formatter<'_>, tensor: &Tensor) -> fmt::Result {
    f.write_str(" [")?;
    for (axis, len) in tensor.shape().iter().enumerate() {
        write!(f, "{}{len}", if axis > 0 { "," } else { "" })?;
    }
    f.write_str("] (")?;
    for (index, value) in tensor.data().iter().enumerate() {
        f.write_str(if index > 0 { ", " } else { "" })?;
        if value.is_nan() && value.to_bits() != f64::NAN.to_bits() {
            write!(f, "0x{:016x}", value.to_bits())?;
        } else if value.is_nan() {
            f.write_str("nan")?;
        } else {
            let digits = format!("{value:?}");
            f.write_str(digits.strip_suffix(".0").unwrap_or(&digits))?;
        }
    }
    f.write_str(")")
}

fn write_attributes(f: &mut fmt::Formatter<'_>, op: &Op) -> fmt::Result {
    match op {
        Op::MatMul { transpose_lhs: true, transpose_rhs: true } => f.write_str(" {transpose_lhs, transpose_rhs}"),
        Op::MatMul { transpose_lhs: true, .. } => f.write_str(" {transpose_lhs}"),
        Op::MatMul { transpose_rhs: true, .. } => f.write_str(" {transpose_rhs}"),
        Op::Transpose(order) => write!(f, " {{order={order:?}}}"),
        Op::Concat { axis } => write!(f, " {{axis={axis}}}"),
        Op::Slice { axis, start, len } => write!(f, " {{axis={axis}, start={start}, len={len}}}"),
        Op::Pad { axis, before, after } => write!(f, " {{axis={axis}, before={before}, after={after}}}"),
        Op::Sum(axes) => write!(f, " {{axes={axes:?}}}"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
