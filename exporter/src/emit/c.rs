//! Spells a plan as C99: `model.h` and `model.c`, without allocation, recursion, a library or an implicit conversion.
//!
//! Mathematics, kernels and steps stand as text in `c/`; only what a model needs is written out. Functions inside are static;
//! names that are seen outside begin with a prefix. The bits are those of the blob on the interpreter, where the compiler
//! neither contracts nor reorders; the file refuses what it can at compile time and detects the rest in its self-check.

mod interface;

use std::fmt::Write as _;

use crate::graph::{Binary, Comparison, Unary};
use crate::lower::{EntryKind, Kernel, Operand, Pairwise, Slope};

use super::source::library::{Module, Wanted, closure};
use super::source::statement::{Statement, Term, Value, target};
use super::source::table::{PanelTable, Table, panel};
use super::source::{Listing, Routine, SourceError, Subject};

/// The module all fragments are in: C has one name space.
const MODULE: &str = "c";
/// Numbers in a line of a table.
const LINE: usize = 6;
/// Most letters of a prefix.
const PREFIX_MAX: usize = 40;

/// The texts of `model.h` and `model.c`; names that are seen outside begin with `prefix`.
///
/// # Errors
/// [`SourceError`] for what generated source cannot do; it names what can.
pub fn c(subject: &Subject<'_>, prefix: &str) -> Result<[String; 2], SourceError> {
    let is_name = prefix.starts_with(|first: char| first.is_ascii_alphabetic())
        && prefix.len() <= PREFIX_MAX
        && prefix.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !is_name {
        return Err(SourceError::Prefix(prefix.to_owned()));
    }
    let listing = Listing::new(subject)?;
    let mut writer = Writer { listing: &listing, wanted: Vec::new(), quads: Vec::new() };
    let mut entries = String::new();
    for routine in &listing.routines {
        entries += &writer.entry(routine)?;
    }
    let quads = writer.quad_functions();
    let ends = writer.interface(subject, prefix);
    let before = format!("{}{}", include_str!("c/math.c"), include_str!("c/kernels.c"));
    let mut library = Module::new(MODULE, &format!("{before}{}", include_str!("c/scheme.c")));
    // Forward declarations of the entries are the writer's; what a step needs of itself is in the order of the file.
    let kept = closure(std::slice::from_ref(&library), &writer.wanted).map_err(SourceError::Missing)?;
    library.items.retain(|item| kept.contains(&(MODULE, item.name.clone())));
    let split = Module::new(MODULE, &before);
    let is_early = |name: &str| split.items.iter().any(|item| item.name == name);
    let text = |early: bool| -> String {
        let items = library.items.iter().filter(|item| is_early(&item.name) == early);
        items.map(|item| format!("{}\n\n", item.text)).collect()
    };
    let source = format!(
        "{}{}{}{quads}{entries}{}{}{}",
        ends.head,
        text(true),
        tables(&listing),
        ends.stepping,
        text(false),
        ends.functions
    );
    Ok([ends.header, source])
}

/// What is being spelled, and what it turned out to need.
struct Writer<'l, 'a> {
    listing: &'l Listing<'a>,
    wanted: Vec<Wanted>,
    quads: Vec<Unary>,
}

impl Writer<'_, '_> {
    fn want<'n>(&mut self, name: &'n str) -> &'n str {
        self.wanted.push((MODULE, name.to_owned()));
        name
    }

    /// One entry as a function that gives where its result lies.
    fn entry(&mut self, routine: &Routine<'_>) -> Result<String, SourceError> {
        let mut body = String::new();
        for statement in &routine.statements {
            body += &self.statement(statement)?;
        }
        let result = self.operand(routine.result)?;
        let unused = if body.contains('w') || result.contains('w') { "" } else { "    (void)w;\n" };
        let index = if body.contains("for (i") { "    size_t i;\n" } else { "" };
        let name = routine.kind.name();
        Ok(format!(
            "/* {} */\nstatic const float *{name}(float *w)\n{{\n{index}{unused}{body}    return {result};\n}}\n\n",
            meaning(routine.kind)
        ))
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<String, SourceError> {
        Ok(match statement {
            Statement::Element { dst, value } => format!("    w[{dst}] = {};\n", self.value(value)?),
            Statement::Each { dst, len, value } => {
                let value = self.value(value)?;
                format!("    for (i = 0U; i < {len}U; ++i) {{\n        w[{dst}U + i] = {value};\n    }}\n")
            }
            Statement::Quads { op, src, dst, len } => {
                let term = Term::Indexed(*src, *len);
                let value = self.value(&Value::Unary(*op, term))?;
                format!("    for (i = 0U; i < {len}U; ++i) {{\n        w[{dst}U + i] = {value};\n    }}\n")
            }
            Statement::Call(kernel) => self.call(kernel)?,
        })
    }

    fn value(&mut self, value: &Value) -> Result<String, SourceError> {
        Ok(match value {
            Value::Term(term) => self.term(*term)?,
            Value::Unary(op, term) => {
                let term = self.term(*term)?;
                self.unary(*op, &term)
            }
            Value::Pairwise(op, a, b) => {
                let (a, b) = (self.term(*a)?, self.term(*b)?);
                self.pairwise(*op, &a, &b)
            }
            Value::Select(condition, a, b) => {
                let (condition, a, b) = (self.term(*condition)?, self.term(*a)?, self.term(*b)?);
                format!("({condition} != 0.0f) ? {a} : {b}")
            }
            Value::Sum(terms) => {
                let mut sum = "0.0f".to_owned();
                for term in terms {
                    sum = format!("{sum} + {}", self.term(*term)?);
                }
                sum
            }
            Value::Products(pairs) => {
                let mut sum = "0.0f".to_owned();
                for (a, b) in pairs {
                    sum = format!("{sum} + {} * {}", self.term(*a)?, self.term(*b)?);
                }
                sum
            }
        })
    }

    fn term(&mut self, term: Term) -> Result<String, SourceError> {
        Ok(match term {
            Term::Cell(index) => format!("w[{index}]"),
            Term::Number(value) => number(value),
            Term::Indexed(Operand::Workspace(start), _) => format!("w[{start}U + i]"),
            Term::Indexed(Operand::Constant(start), _) => {
                let (table, skip) = self.listing.tables.holding(start).ok_or(SourceError::Entry("constants"))?;
                if skip == 0 { format!("c{}[i]", table.start) } else { format!("c{}[{skip}U + i]", table.start) }
            }
        })
    }

    /// A pointer to where an operand begins.
    fn operand(&mut self, at: Operand) -> Result<String, SourceError> {
        Ok(match at {
            Operand::Workspace(start) => format!("&w[{start}]"),
            Operand::Constant(start) => {
                let (table, skip) = self.listing.tables.holding(start).ok_or(SourceError::Entry("constants"))?;
                format!("&c{}[{skip}]", table.start)
            }
        })
    }

    fn optional(&mut self, at: Option<Operand>) -> Result<String, SourceError> {
        at.map_or(Ok("NULL".to_owned()), |at| self.operand(at))
    }

    fn unary(&mut self, op: Unary, x: &str) -> String {
        let name = match op {
            Unary::Neg => return format!("-{x}"),
            Unary::Reciprocal => return format!("1.0f / {x}"),
            Unary::Abs => "absolute",
            Unary::Sign => "sign",
            Unary::Sqrt => "sqrt_of",
            Unary::Log => "log_of",
            Unary::Atan => "atan_of",
            Unary::Floor => "floor_of",
            Unary::Round => "round_of",
            Unary::Exp => "exp_of",
            Unary::Sigmoid => "sigmoid_of",
            Unary::Softplus => "softplus_of",
            Unary::Erf => "erf_of",
            Unary::Sin => "sin_of",
            Unary::Cos => "cos_of",
            Unary::Tanh => "tanh_of",
        };
        format!("{}({x})", self.want(name))
    }

    fn pairwise(&mut self, op: Pairwise, a: &str, b: &str) -> String {
        let comparison = match op {
            Pairwise::Binary(Binary::Add) => return format!("{a} + {b}"),
            Pairwise::Binary(Binary::Sub) => return format!("{a} - {b}"),
            Pairwise::Binary(Binary::Mul) => return format!("{a} * {b}"),
            Pairwise::Binary(Binary::Div) => return format!("{a} / {b}"),
            Pairwise::Binary(Binary::Pow) => return format!("{}({a}, {b})", self.want("pow_of")),
            Pairwise::Binary(Binary::Max) => return format!("{}({a}, {b})", self.want("max_of")),
            Pairwise::Binary(Binary::Min) => return format!("{}({a}, {b})", self.want("min_of")),
            Pairwise::Compare(Comparison::Greater) => ">",
            Pairwise::Compare(Comparison::GreaterOrEqual) => ">=",
            Pairwise::Compare(Comparison::Equal) => "==",
        };
        format!("{}({a} {comparison} {b})", self.want("truth"))
    }

    fn activation(&mut self, op: Option<Unary>) -> String {
        let Some(op) = op else { return self.want("identity").to_owned() };
        if !self.quads.contains(&op) {
            self.quads.push(op);
        }
        format!("{}_quad", op.name())
    }

    fn slope(&mut self, slope: Option<Slope>) -> &'static str {
        self.want(match slope {
            None => "straight",
            Some(Slope::Value) => "by_value",
            Some(Slope::OneMinusSquare) => "by_one_minus_square",
            Some(Slope::Logistic) => "by_logistic",
        })
    }

    fn call(&mut self, kernel: &Kernel<Operand>) -> Result<String, SourceError> {
        let dst = format!("&w[{}]", target(kernel.write().at));
        let panel = panel(kernel).map(|panel| format!("panel_{}", panel.start)).unwrap_or_default();
        Ok(match kernel {
            Kernel::Copy { src, dims, src_strides, dst_strides, .. } => {
                let (name, src) = (self.want("copy_strided"), self.operand(*src)?);
                let [dims, from, to] = [dims, src_strides, dst_strides].map(|values| sizes(values));
                block(
                    &[("dims[4]", dims), ("from[4]", from), ("to[4]", to)],
                    &format!("{name}(dims, {src}, from, {dst}, to);"),
                )
            }
            Kernel::Sum { src, outer, len, inner, .. } => {
                let (name, src) = (self.want("add_up"), self.operand(*src)?);
                format!("    {name}({outer}U, {len}U, {inner}U, {src}, {dst});\n")
            }
            Kernel::MatMul { lhs, rhs, batch, rows, inner, cols, .. } => {
                let (name, left, right) = (self.want("multiply_strided"), self.operand(lhs.at)?, self.operand(rhs.at)?);
                let [from, to] = [lhs, rhs].map(|matrix| sizes(&[matrix.batch, matrix.row, matrix.col]));
                let all = sizes(&[*batch, *rows, *inner, *cols]);
                let call = format!("{name}(sizes, {left}, left, {right}, right, {dst});");
                block(&[("sizes[4]", all), ("left[3]", from), ("right[3]", to)], &call)
            }
            Kernel::Dense { bias, src, rows, cols, activation, .. } => {
                let (name, bias, src) = (self.want("forward"), self.optional(*bias)?, self.operand(*src)?);
                let function = self.activation(*activation);
                format!("    {name}({panel}, {bias}, {src}, {dst}, {rows}U, {cols}U, {function});\n")
            }
            Kernel::DenseAdjoint { src, slope, rows, cols, .. } => {
                let (name, src) = (self.want("adjoint"), self.operand(*src)?);
                let values = self.optional(slope.map(|(_, values)| values))?;
                let slope = self.slope(slope.map(|(slope, _)| slope));
                format!("    {name}({panel}, {src}, {values}, {dst}, {rows}U, {cols}U, {slope});\n")
            }
            Kernel::DenseGradient { bias, src, factor, rows, cols, activation, slope, .. } => {
                let (name, bias, factor) = (self.want("gradient"), self.optional(*bias)?, self.operand(*factor)?);
                let (src, function, slope) =
                    (self.operand(*src)?, self.activation(Some(*activation)), self.slope(Some(*slope)));
                format!("    {name}({panel}, {bias}, {factor}, {src}, {dst}, {rows}U, {cols}U, {function}, {slope});\n")
            }
            Kernel::Unary { .. } | Kernel::Binary { .. } | Kernel::Select { .. } | Kernel::Fill { .. } => {
                return Err(SourceError::Entry("statements"));
            }
        })
    }

    /// Functions that replace four numbers.
    fn quad_functions(&mut self) -> String {
        let mut text = String::new();
        for op in std::mem::take(&mut self.quads) {
            let name = op.name();
            let calls: String = (0..4)
                .map(|lane| format!("    values[{lane}] = {};\n", self.unary(op, &format!("values[{lane}]"))))
                .collect();
            let _ = write!(
                text,
                "/* Replaces four numbers by {name}. */\nstatic void {name}_quad(float values[4])\n{{\n{calls}}}\n\n"
            );
        }
        text
    }
}

/// A call whose arguments are arrays of their own.
fn block(arrays: &[(&str, String)], call: &str) -> String {
    let array = |(name, values): &(&str, String)| format!("        static const size_t {name} = {values};\n");
    format!("    {{\n{}        {call}\n    }}\n", arrays.iter().map(array).collect::<String>())
}

fn sizes(values: &[usize]) -> String {
    format!("{{{}}}", values.iter().map(|value| format!("{value}U")).collect::<Vec<_>>().join(", "))
}

/// A number as C99 writes its bits; negative ones in parentheses.
fn number(value: f32) -> String {
    let text = literal(value);
    if text.starts_with('-') { format!("({text})") } else { text }
}

/// The same, for a table.
fn literal(value: f32) -> String {
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}(1.0f / 0.0f)");
    }
    let eighths = value * 8.0;
    if value.abs() <= 1024.0 && eighths == eighths.trunc() {
        return format!("{value:?}f");
    }
    let (exponent, mantissa) = (value.to_bits() >> 23 & 0xff, value.to_bits() & 0x7f_ffff);
    match exponent {
        0 => format!("{sign}0x{mantissa:x}p-149f"),
        _ => format!("{sign}0x1.{:06x}p{:+}f", mantissa << 1, exponent.cast_signed() - 127),
    }
}

fn meaning(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Energy => "H of the x in the workspace.",
        EntryKind::Velocity => "dH/dp of the p in the workspace.",
        EntryKind::Force => "-dH/dq + G u of the q and u in the workspace.",
        EntryKind::Field => "dH/dp, then -dH/dq + G u, of the x and u in the workspace.",
        EntryKind::Damping => "R of the x in the workspace.",
        EntryKind::Constraint => "Constraints.",
    }
}

/// The tables of constants.
fn tables(listing: &Listing<'_>) -> String {
    let runs = listing.tables.runs.iter().map(|Table { start, len }| (format!("c{start}"), *start, *len));
    let panels = listing
        .tables
        .panels
        .iter()
        .map(|PanelTable { start, rows, cols }| (format!("panel_{start}"), *start, rows * cols));
    let mut text = String::new();
    for (name, start, len) in runs.chain(panels) {
        let _ = writeln!(text, "static const float {name}[{len}] = {{\n{}}};\n", table_lines(listing, start, len));
    }
    text
}

fn table_lines(listing: &Listing<'_>, start: usize, len: usize) -> String {
    let words = listing.plan.constants.iter().skip(start).take(len);
    let values: Vec<f32> = words.map(|word| f32::from_bits(*word)).collect();
    let line = |line: &[f32]| {
        format!("    {}\n", line.iter().map(|value| format!("{},", literal(*value))).collect::<Vec<_>>().join(" "))
    };
    values.chunks(LINE).map(line).collect()
}
