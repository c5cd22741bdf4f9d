//! From text to graph, line by line.

use super::cursor::Cursor;
use super::{HEADER, MAX_TEXT_BYTES, TextError};
use crate::graph::verify::{MAX_OUTPUTS, verify_name};
use crate::graph::{Binary, Comparison, Graph, Kind, NodeId, Op, Shape, Tensor, Unary};

/// Most attributes between braces; no operator has more than three.
const MAX_ATTRIBUTES: usize = 4;

impl Graph {
    /// Reads the text form that `Display` writes.
    ///
    /// # Errors
    /// [`TextError`] at the first place that is not of that form, or where a node does not type.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let mut graph = Self::new();
        let mut headed = false;
        if text.len() > MAX_TEXT_BYTES {
            return Err(Cursor::new("", 1).error(format!("{} bytes exceed the limit of {MAX_TEXT_BYTES}", text.len())));
        }
        for (index, line) in text.split('\n').enumerate() {
            let mut cursor = Cursor::new(line, index + 1);
            if cursor.at_end() {
                continue;
            }
            if !headed {
                headed = true;
                cursor.expect(HEADER)?;
            } else if cursor.next_is("%") {
                node(&mut graph, &mut cursor)?;
            } else {
                output(&mut graph, &mut cursor)?;
            }
            if !cursor.at_end() {
                return Err(cursor.error("expected the end of the line"));
            }
        }
        if headed { Ok(graph) } else { Err(Cursor::new("", 1).error(format!("expected `{HEADER}`"))) }
    }
}

fn output(graph: &mut Graph, cursor: &mut Cursor<'_>) -> Result<(), TextError> {
    let start = *cursor;
    if !cursor.accept("output") {
        return Err(start.error("expected `%N = …` or `output \"name\" = %N`"));
    }
    let name_start = *cursor;
    let name = name(cursor)?;
    cursor.expect("=")?;
    let node_start = *cursor;
    let id = argument(graph, cursor)?;
    if graph.output(&name).is_some() {
        return Err(name_start.error(format!("output `{name}` is named twice")));
    }
    if graph.outputs().len() == MAX_OUTPUTS {
        return Err(start.error(format!("the graph exceeds the limit of {MAX_OUTPUTS} outputs")));
    }
    if graph.node(id).ty.kind == Kind::Truth {
        return Err(node_start.error("an output is no truth value"));
    }
    graph.set_output(&name, id);
    Ok(())
}

fn node(graph: &mut Graph, cursor: &mut Cursor<'_>) -> Result<(), TextError> {
    let start = *cursor;
    let expected = graph.nodes().len();
    if cursor.reference()? != expected {
        return Err(start.error(format!("expected %{expected}: nodes are numbered without gaps")));
    }
    cursor.expect("=")?;
    let op_start = *cursor;
    let (op, args, stated) = match cursor.word()? {
        "input" => (Op::Input(name(cursor)?.into(), cursor.shape()?), Vec::new(), None),
        "parameter" => (Op::Parameter(name(cursor)?.into(), cursor.shape()?), Vec::new(), None),
        "constant" => (Op::Constant(constant(cursor)?.into()), Vec::new(), None),
        word => {
            let mut args = Vec::new();
            while cursor.next_is("%") {
                args.push(argument(graph, cursor)?);
            }
            let attributes = Attributes::read(cursor)?;
            cursor.expect(":")?;
            let type_start = *cursor;
            let kind = if cursor.accept("truth") { Kind::Truth } else { Kind::Real };
            let shape = cursor.shape()?;
            let op = operator(word, &attributes, &shape).map_err(|message| op_start.error(message))?;
            (op, args, Some((type_start, kind, shape)))
        }
    };
    let id = graph.add(op, &args).map_err(|error| op_start.error(error.to_string()))?;
    if id.index() != expected {
        return Err(op_start.error(format!("this equals {id}; a graph holds equal nodes once")));
    }
    let ty = &graph.node(id).ty;
    match stated {
        Some((type_start, kind, shape)) if kind != ty.kind || shape != ty.shape => {
            let truth = if ty.kind == Kind::Truth { "truth " } else { "" };
            Err(type_start.error(format!("the type of this node is {truth}{}", ty.shape)))
        }
        _ => Ok(()),
    }
}

fn name(cursor: &mut Cursor<'_>) -> Result<String, TextError> {
    let start = *cursor;
    let name = cursor.quoted()?;
    verify_name(&name).map_err(|error| start.error(error.to_string()))?;
    Ok(name)
}

fn argument(graph: &Graph, cursor: &mut Cursor<'_>) -> Result<NodeId, TextError> {
    let start = *cursor;
    let index = cursor.reference()?;
    if index >= graph.nodes().len() {
        return Err(start.error(format!("%{index} is not an earlier node")));
    }
    // Below the number of nodes, which fits.
    Ok(NodeId(u32::try_from(index).unwrap_or(u32::MAX)))
}

fn constant(cursor: &mut Cursor<'_>) -> Result<Tensor, TextError> {
    let start = *cursor;
    let shape = cursor.counts()?;
    cursor.expect("(")?;
    let mut data = Vec::new();
    while !cursor.accept(")") {
        if !data.is_empty() {
            cursor.expect(",")?;
        }
        data.push(cursor.number()?);
    }
    Tensor::new(shape, data).map_err(|error| start.error(error.to_string()))
}

/// What stands between braces: flags, counts and lists of counts by name.
#[derive(Debug, Default)]
struct Attributes<'a> {
    names: Vec<&'a str>,
    counts: Vec<(&'a str, usize)>,
    lists: Vec<(&'a str, Vec<usize>)>,
}

impl<'a> Attributes<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Self, TextError> {
        let mut read = Self::default();
        if !cursor.accept("{") {
            return Ok(read);
        }
        while !cursor.accept("}") {
            if !read.names.is_empty() {
                cursor.expect(",")?;
            }
            let start = *cursor;
            let name = cursor.word()?;
            if read.names.contains(&name) || read.names.len() == MAX_ATTRIBUTES {
                return Err(start.error(format!("`{name}` is one attribute too many")));
            }
            read.names.push(name);
            if cursor.accept("=") {
                if cursor.next_is("[") {
                    read.lists.push((name, cursor.counts()?));
                } else {
                    read.counts.push((name, cursor.count()?));
                }
            }
        }
        Ok(read)
    }

    /// Whether exactly these are there; the error is what should have been.
    fn only(&self, wanted: &[&str]) -> Result<(), String> {
        if self.names.iter().all(|name| wanted.contains(name)) {
            return Ok(());
        }
        let braced = wanted.join(", ");
        Err(format!("the attributes of this operator are {{{braced}}}"))
    }

    fn count(&self, name: &str) -> Result<usize, String> {
        let found = self.counts.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).ok_or_else(|| format!("attribute `{name}=N` is missing"))
    }

    fn list(&self, name: &str) -> Result<Vec<usize>, String> {
        let found = self.lists.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| format!("attribute `{name}=[N,…]` is missing"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        let valued =
            self.counts.iter().any(|(known, _)| *known == name) || self.lists.iter().any(|(known, _)| *known == name);
        if valued { Err(format!("`{name}` takes no value")) } else { Ok(self.names.contains(&name)) }
    }
}

/// The operator of that name; `shape` is the one stated for the result.
fn operator(word: &str, attributes: &Attributes<'_>, shape: &Shape) -> Result<Op, String> {
    let (op, wanted): (Op, &[&str]) = match word {
        "select" => (Op::Select, &[]),
        "matmul" => {
            let (transpose_lhs, transpose_rhs) = (attributes.flag("transpose_lhs")?, attributes.flag("transpose_rhs")?);
            (Op::MatMul { transpose_lhs, transpose_rhs }, &["transpose_lhs", "transpose_rhs"])
        }
        "transpose" => (Op::Transpose(attributes.list("order")?), &["order"]),
        "reshape" => (Op::Reshape(shape.clone()), &[]),
        "broadcast" => (Op::Broadcast(shape.clone()), &[]),
        "concat" => (Op::Concat { axis: attributes.count("axis")? }, &["axis"]),
        "slice" => {
            let (start, len) = (attributes.count("start")?, attributes.count("len")?);
            (Op::Slice { axis: attributes.count("axis")?, start, len }, &["axis", "start", "len"])
        }
        "pad" => {
            let (before, after) = (attributes.count("before")?, attributes.count("after")?);
            (Op::Pad { axis: attributes.count("axis")?, before, after }, &["axis", "before", "after"])
        }
        "sum" => (Op::Sum(attributes.list("axes")?), &["axes"]),
        _ => {
            let unary = Unary::ALL.iter().find(|op| op.name() == word).map(|op| Op::Unary(*op));
            let binary = || Binary::ALL.iter().find(|op| op.name() == word).map(|op| Op::Binary(*op));
            let comparison = || Comparison::ALL.iter().find(|op| op.name() == word).map(|op| Op::Compare(*op));
            (unary.or_else(binary).or_else(comparison).ok_or_else(|| format!("no operator is called `{word}`"))?, &[])
        }
    };
    attributes.only(wanted)?;
    Ok(op)
}
