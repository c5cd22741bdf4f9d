//! Spells a plan as one Rust file: `no_std`, without unsafe code, a parser, a dependency or a way to panic.
//!
//! The mathematics is the runtime's own text, the kernels those of `rust/kernels.rs`; of both only what the model needs is
//! written out. Every size is a constant of a type. The bits are those of the blob on the interpreter.

mod expression;
mod interface;
mod text;

use std::fmt::Write as _;

use crate::lower::{EntryKind, Kernel, Operand, Plan, Slope};

use super::source::library::Wanted;
use super::source::statement::{Statement, Term, Value, target};
use super::source::table::{PanelTable, Table, panel};
use super::source::{Listing, Routine, SourceError, Subject};
use crate::graph::Unary;
use expression::{number, pairwise_call, unary_call};

/// Rows of a group of a panel.
const GROUP: usize = 4;
/// Words in a line of a table.
const LINE: usize = 8;

/// The text of a Rust file that computes and steps a model.
///
/// # Errors
/// [`SourceError`] for what generated source cannot do; it names what can.
pub fn rust(subject: &Subject<'_>) -> Result<String, SourceError> {
    let listing = Listing::new(subject)?;
    let mut writer = Writer { listing: &listing, wanted: Vec::new(), quads: Vec::new() };
    let interface = writer.interface(subject)?;
    let mut entries = String::new();
    for routine in &listing.routines {
        entries += &writer.entry(routine)?;
    }
    entries += &writer.quad_functions();
    let library = text::library(&writer.wanted)?;
    Ok(format!("{interface}\n{entries}{}\n{library}", tables(&listing)))
}

/// What is being spelled, and what it turned out to need.
struct Writer<'l, 'a> {
    listing: &'l Listing<'a>,
    wanted: Vec<Wanted>,
    /// Functions of four numbers.
    quads: Vec<Unary>,
}

impl Writer<'_, '_> {
    fn want(&mut self, module: &'static str, name: &str) {
        self.wanted.push((module, name.to_owned()));
    }

    /// The name of a kernel, which is then written out.
    fn kernel(&mut self, name: &'static str) -> String {
        self.want("kernels", name);
        format!("kernels::{name}")
    }

    /// One entry as a function that gives its result.
    fn entry(&mut self, routine: &Routine<'_>) -> Result<String, SourceError> {
        let mut body = String::new();
        for statement in &routine.statements {
            let _ = writeln!(body, "    {}", self.statement(statement)?);
        }
        let len = routine.result_len;
        let element = match routine.result {
            Operand::Workspace(_) => "Cell<f32>",
            Operand::Constant(_) => "u32",
        };
        let result = self.operand(routine.result, len)?;
        let result = result.strip_suffix('?').map_or_else(|| format!("Some({result})"), str::to_owned);
        let w = if body.contains('w') || result.contains("(w)") { "w" } else { "_" };
        let lifetime = if w == "_" { "'static " } else { "" };
        let lifetime = if element == "u32" { "'static " } else { lifetime };
        Ok(format!(
            "/// {}\n#[allow(clippy::too_many_lines, reason = \"generated: a line for each element\")]\n\
             fn {}({w}: &Cells) -> Option<&{lifetime}[{element}; {len}]> {{\n{body}    {result}\n}}\n\n",
            meaning(routine.kind),
            routine.kind.name()
        ))
    }

    fn statement(&mut self, statement: &Statement<'_>) -> Result<String, SourceError> {
        match statement {
            Statement::Element { dst, value } => Ok(format!("w[{dst}].set({});", self.value(value, &[])?)),
            Statement::Each { dst, len, value } => self.each(*dst, *len, value),
            Statement::Quads { op, src, dst, len } => {
                let (function, kernel) = (self.quad(*op), self.kernel("by_quads"));
                let (src, dst) = (self.operand(*src, *len)?, self.cells(*dst, *len));
                Ok(format!("{kernel}({src}, {dst}, {function});"))
            }
            Statement::Call(kernel) => self.call(kernel),
        }
    }

    /// A loop over an expression; its operands are bound first.
    fn each(&mut self, dst: usize, len: usize, value: &Value) -> Result<String, SourceError> {
        let mut bound: Vec<(Operand, usize)> = Vec::new();
        for term in value.terms() {
            if let Term::Indexed(at, len) = term
                && !bound.contains(&(at, len))
            {
                bound.push((at, len));
            }
        }
        let mut text = String::new();
        for (index, (at, len)) in bound.iter().enumerate() {
            let _ = write!(text, "let {} = {}; ", ["a", "b", "c"].get(index).unwrap_or(&"d"), self.operand(*at, *len)?);
        }
        let (kernel, dst) = (self.kernel("tabulate"), self.cells(dst, len));
        let value = self.value(value, &bound)?;
        let index = if value.contains("at(") { "i" } else { "_" };
        Ok(format!("{text}{kernel}({dst}, |{index}| {value});"))
    }

    fn value(&mut self, value: &Value, bound: &[(Operand, usize)]) -> Result<String, SourceError> {
        Ok(match value {
            Value::Term(term) => self.term(*term, bound),
            Value::Unary(op, term) => {
                let term = self.term(*term, bound);
                unary_call(*op, &term, &mut self.wanted)
            }
            Value::Pairwise(op, a, b) => {
                let (a, b) = (self.term(*a, bound), self.term(*b, bound));
                pairwise_call(*op, &a, &b, &mut self.wanted)
            }
            Value::Select(condition, a, b) => {
                let [condition, a, b] = [condition, a, b].map(|term| self.term(*term, bound));
                format!("if {condition} != 0.0 {{ {a} }} else {{ {b} }}")
            }
            Value::Sum(terms) => terms.iter().fold("0.0".to_owned(), |sum, term| {
                let term = self.term(*term, bound);
                format!("{sum} + {term}")
            }),
            Value::Products(pairs) => pairs.iter().fold("0.0".to_owned(), |sum, (a, b)| {
                let (a, b) = (self.term(*a, bound), self.term(*b, bound));
                format!("{sum} + {a} * {b}")
            }),
        })
    }

    fn term(&mut self, term: Term, bound: &[(Operand, usize)]) -> String {
        match term {
            Term::Cell(index) => format!("w[{index}].get()"),
            Term::Number(value) => number(value),
            Term::Indexed(at, len) => {
                let index = bound.iter().position(|known| *known == (at, len)).unwrap_or(0);
                let at = self.kernel("at");
                format!("{at}({}, i)", ["a", "b", "c"].get(index).unwrap_or(&"d"))
            }
        }
    }

    /// A reference to `len` elements of the workspace.
    fn cells(&mut self, start: usize, len: usize) -> String {
        let part = self.kernel("part");
        format!("{part}::<_, {start}, {len}>(w)?")
    }

    /// A reference to `len` elements of the workspace or of a table.
    fn operand(&mut self, at: Operand, len: usize) -> Result<String, SourceError> {
        let start = match at {
            Operand::Workspace(start) => return Ok(self.cells(start, len)),
            Operand::Constant(start) => start,
        };
        self.want("kernels", "Element");
        let (table, skip) = self.listing.tables.holding(start).ok_or(SourceError::Entry("constants"))?;
        if skip == 0 && len == table.len {
            return Ok(format!("&C{}", table.start));
        }
        let part = self.kernel("part");
        Ok(format!("{part}::<_, {skip}, {len}>(&C{})?", table.start))
    }

    fn optional(&mut self, at: Option<Operand>, len: usize) -> Result<String, SourceError> {
        match at {
            Some(at) => self.operand(at, len),
            None => {
                let zero = self.kernel("Zero");
                Ok(format!("&[{zero}; {len}]"))
            }
        }
    }

    /// The name of a function that replaces four numbers.
    fn quad(&mut self, op: Unary) -> String {
        if !self.quads.contains(&op) {
            self.quads.push(op);
        }
        format!("{}_quad", op.name())
    }

    fn activation(&mut self, op: Option<Unary>) -> String {
        match op {
            Some(op) => self.quad(op),
            None => self.kernel("identity"),
        }
    }

    fn slope(&mut self, slope: Option<Slope>) -> String {
        self.kernel(match slope {
            None => "straight",
            Some(Slope::Value) => "by_value",
            Some(Slope::OneMinusSquare) => "by_one_minus_square",
            Some(Slope::Logistic) => "by_logistic",
        })
    }

    fn call(&mut self, kernel: &Kernel<Operand>) -> Result<String, SourceError> {
        let reads = kernel.reads();
        let dst = self.cells(target(kernel.write().at), kernel.write().span);
        let source = |writer: &mut Self, index: usize| match reads.get(index) {
            Some(access) => writer.operand(access.at, access.span),
            None => Err(SourceError::Entry("operands")),
        };
        let panel = panel(kernel).map(|panel| format!("&PANEL_{}", panel.start)).unwrap_or_default();
        Ok(match kernel {
            Kernel::Copy { dims, src_strides, dst_strides, .. } => {
                let (name, src) = (self.kernel("copy_strided"), source(self, 0)?);
                format!("{name}({dims:?}, {src}, {src_strides:?}, {dst}, {dst_strides:?});")
            }
            Kernel::Sum { outer, len, inner, .. } => {
                let (name, src) = (self.kernel("add_up"), source(self, 0)?);
                format!("{name}([{outer}, {len}, {inner}], {src}, {dst});")
            }
            Kernel::MatMul { lhs, rhs, batch, rows, inner, cols, .. } => {
                let (name, left, right) = (self.kernel("multiply"), source(self, 0)?, source(self, 1)?);
                let [left_strides, right_strides] = [lhs, rhs].map(|matrix| [matrix.batch, matrix.row, matrix.col]);
                let sizes = [batch, rows, inner, cols];
                format!("{name}({sizes:?}, {left}, {left_strides:?}, {right}, {right_strides:?}, {dst});")
            }
            Kernel::Dense { bias, rows, activation, .. } => {
                let (name, src) = (self.kernel("forward"), source(self, 1)?);
                let (bias, function) = (self.optional(*bias, *rows)?, self.activation(*activation));
                format!("{name}({panel}, {bias}, {src}, {dst}, {function});")
            }
            Kernel::DenseAdjoint { slope, rows, .. } => {
                let (name, src) = (self.kernel("adjoint"), source(self, 1)?);
                let values = self.optional(slope.map(|(_, values)| values), *rows)?;
                let slope = self.slope(slope.map(|(slope, _)| slope));
                format!("{name}({panel}, {src}, {values}, {dst}, {slope});")
            }
            Kernel::DenseGradient { bias, factor, rows, activation, slope, .. } => {
                let (name, src) = (self.kernel("gradient"), source(self, 1)?);
                let (bias, factor) = (self.optional(*bias, *rows)?, self.operand(*factor, *rows)?);
                let (function, slope) = (self.activation(Some(*activation)), self.slope(Some(*slope)));
                format!("{name}({panel}, {bias}, {factor}, {src}, {dst}, {function}, {slope});")
            }
            Kernel::Unary { .. } | Kernel::Binary { .. } | Kernel::Select { .. } | Kernel::Fill { .. } => {
                return Err(SourceError::Entry("statements"));
            }
        })
    }

    /// Functions that replace four numbers, so that each stands in flash once.
    fn quad_functions(&mut self) -> String {
        let mut text = String::new();
        for op in std::mem::take(&mut self.quads) {
            let body = match expression::lanes(op) {
                Some((module, name)) => {
                    self.want(module, name);
                    format!("    *values = {module}::{name}(*values);\n")
                }
                None => {
                    let call = unary_call(op, "*value", &mut self.wanted);
                    format!("    for value in values {{\n        *value = {call};\n    }}\n")
                }
            };
            self.want("lanes", "Quad");
            let name = op.name();
            // A tanh is so short that it costs less where it is needed than a call, whose registers would go to the stack.
            let inline = if op == Unary::Tanh { "always" } else { "never" };
            let _ = write!(
                text,
                "/// Replaces four numbers by {name}.\n#[inline({inline})]\nfn {name}_quad(values: &mut lanes::Quad) {{\n{body}}}\n\n"
            );
        }
        text
    }
}

fn meaning(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Energy => "H of the x in the workspace.",
        EntryKind::Velocity => "∂H/∂p of the p in the workspace.",
        EntryKind::Force => "−∂H/∂q + G u of the q and u in the workspace.",
        EntryKind::Field => "∂H/∂p, then −∂H/∂q + G u, of the x and u in the workspace.",
        EntryKind::Damping => "R of the x in the workspace.",
        EntryKind::Constraint => "Constraints.",
    }
}

/// The tables of constants.
fn tables(listing: &Listing<'_>) -> String {
    let (mut text, mut slices) = (String::new(), Vec::new());
    for Table { start, len } in &listing.tables.runs {
        slices.push(format!("&C{start}"));
        let words = words(listing.plan, *start, *len);
        let _ = writeln!(text, "static C{start}: [u32; {len}] = [\n{}];", lines(&words, "    "));
    }
    for PanelTable { start, rows, cols } in &listing.tables.panels {
        let (groups, rest) = (rows / GROUP, rows % GROUP);
        let words = words(listing.plan, *start, rows * cols);
        let (full, ragged) = words.split_at((groups * GROUP * cols).min(words.len()));
        let group = |group: &[u32]| format!("        [{}],\n", columns(group, GROUP));
        let groups_text: String = full.chunks(GROUP * cols).map(group).collect();
        let rest_text = if rest == 0 { format!("[[]; {cols}]") } else { format!("[{}]", columns(ragged, rest)) };
        let _ = writeln!(
            text,
            "static PANEL_{start}: kernels::Panel<{groups}, {cols}, {rest}> = kernels::Panel {{\n    groups: [\n{groups_text}    ],\n    \
             rest: {rest_text},\n}};"
        );
        slices.push(format!("PANEL_{start}.groups.as_flattened().as_flattened()"));
        slices.push(format!("PANEL_{start}.rest.as_flattened()"));
    }
    let Some(hash) = listing.tables_hash() else { return text };
    let (count, slices) = (slices.len(), slices.join(",\n        "));
    let _ = write!(
        text,
        "\n/// Whether the tables are those that were written: FNV-1a over their words.\nfn are_intact() -> bool {{\n    \
         let tables: [&[u32]; {count}] = [\n        {slices},\n    ];\n    let mut hash = 0xcbf2_9ce4_8422_2325_u64;\n    \
         // Opaque, so that the sum is over what lies in flash, and not over what the compiler knows of it.\n    \
         for word in core::hint::black_box(tables).into_iter().flatten() {{\n        \
         hash = (hash ^ u64::from(*word)).wrapping_mul(0x0000_0100_0000_01b3);\n    }}\n    hash == {hash:#018x}\n}}\n"
    );
    text
}

fn words(plan: &Plan, start: usize, len: usize) -> Vec<u32> {
    plan.constants.iter().skip(start).take(len).copied().collect()
}

fn columns(words: &[u32], rows: usize) -> String {
    let column = |column: &[u32]| {
        format!("[{}]", column.iter().map(|word| format!("{word:#010x}")).collect::<Vec<_>>().join(", "))
    };
    words.chunks(rows).map(column).collect::<Vec<_>>().join(", ")
}

fn lines(words: &[u32], indent: &str) -> String {
    let line = |line: &[u32]| {
        let words: Vec<String> = line.iter().map(|word| format!("{word:#010x},")).collect();
        format!("{indent}{}\n", words.join(" "))
    };
    words.chunks(LINE).map(line).collect()
}
