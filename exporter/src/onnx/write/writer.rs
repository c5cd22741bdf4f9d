//! The file being written: its nodes so far, its weights, and the names of its values.

use std::collections::{HashMap, HashSet};

use super::super::OnnxError;
use super::super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::rewire::{Absorbed, Plan};
use super::{WriteOptions, document, elementwise, matmul, structure};
use crate::graph::{Graph, Kind, NodeId, Op};

/// A node about to be written.
pub(super) struct Draft<'a> {
    /// ONNX operator.
    pub(super) operator: &'static str,
    /// Names of the values read.
    pub(super) inputs: &'a [&'a str],
    /// Attributes, in the order of the specification.
    pub(super) attributes: Vec<AttributeProto>,
    /// What it computes, as the right side of an equation.
    pub(super) formula: String,
}

/// State of writing one graph.
pub(super) struct Writer<'g> {
    graph: &'g Graph,
    options: &'g WriteOptions,
    plan: Plan,
    names: Vec<Option<String>>,
    taken: HashSet<String>,
    counts: HashMap<&'static str, usize>,
    integers: HashMap<Vec<i64>, String>,
    batch_length: Option<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    aliases: Vec<(String, NodeId)>,
}

impl<'g> Writer<'g> {
    /// Plans the graph and reserves the names of its inputs and outputs.
    pub(super) fn new(graph: &'g Graph, options: &'g WriteOptions) -> Result<Self, OnnxError> {
        let mut writer = Self {
            graph,
            options,
            plan: Plan::new(graph)?,
            names: vec![None; graph.nodes().len()],
            taken: HashSet::new(),
            counts: HashMap::new(),
            integers: HashMap::new(),
            batch_length: None,
            nodes: Vec::new(),
            initializers: Vec::new(),
            aliases: Vec::new(),
        };
        for (name, id) in graph.inputs() {
            writer.reserve(name)?;
            writer.names[id.index()] = Some(name.to_owned());
        }
        for (name, id) in graph.outputs() {
            if graph.node(*id).ty.kind == Kind::Truth {
                return Err(OnnxError::value(name, "a truth value cannot be an output; select numbers with it"));
            }
            writer.reserve(name)?;
            let computed = !matches!(graph.node(*id).op, Op::Input(..) | Op::Parameter(..) | Op::Constant(..));
            if computed && writer.names[id.index()].is_none() {
                writer.names[id.index()] = Some(name.clone());
            } else {
                writer.aliases.push((name.clone(), *id));
            }
        }
        Ok(writer)
    }

    pub(super) fn graph(&self) -> &'g Graph {
        self.graph
    }

    pub(super) fn options(&self) -> &'g WriteOptions {
        self.options
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Writes the node of one primitive, together with what it absorbs.
    pub(super) fn node(&mut self, id: NodeId) -> Result<(), OnnxError> {
        let node = self.graph.node(id);
        if node.ty.shape.row().contains(&0) {
            return Err(OnnxError::unsupported(
                format!("{id}, a value of shape {} without elements,", node.ty.shape),
                "remove what depends on it",
            ));
        }
        match self.plan.absorbs(id) {
            Some((product, Absorbed::ByBias { bias })) => return matmul::write(self, id, product, Some(bias)),
            Some((sum, Absorbed::ByKeptAxes)) => return structure::sum(self, id, sum, true),
            None => {}
        }
        match &node.op {
            Op::Input(..) | Op::Constant(..) => Ok(()),
            Op::Parameter(name, _) => {
                Err(OnnxError::value(name, "this parameter has no value yet; bind the graph to trained weights first"))
            }
            Op::Unary(_) | Op::Binary(_) | Op::Compare(_) | Op::Select => elementwise::write(self, id),
            Op::MatMul { .. } => matmul::write(self, id, id, None),
            Op::Sum(_) => structure::sum(self, id, id, false),
            _ => structure::write(self, id),
        }
    }

    /// The name of a value, whose weight is stored on first use.
    pub(super) fn value(&mut self, id: NodeId) -> Result<String, OnnxError> {
        self.value_as(id, "constant")
    }

    /// The name of a value; a weight that is stored now is named for its `role`.
    pub(super) fn value_as(&mut self, id: NodeId, role: &'static str) -> Result<String, OnnxError> {
        if let Some(name) = &self.names[id.index()] {
            return Ok(name.clone());
        }
        let name = self.fresh(role);
        if let Some(tensor) = self.graph.constant_value(id) {
            self.initializers.push(document::weight(&name, tensor, self.options.precision)?);
        }
        self.names[id.index()] = Some(name.clone());
        Ok(name)
    }

    /// Names of all values that a node reads.
    pub(super) fn values(&mut self, id: NodeId) -> Result<Vec<String>, OnnxError> {
        let args = self.plan.args(id).to_vec();
        args.into_iter().map(|arg| self.value(arg)).collect()
    }

    /// The name of a stored list of integers; equal lists are stored once.
    pub(super) fn integers(&mut self, role: &'static str, values: &[i64]) -> String {
        if let Some(name) = self.integers.get(values) {
            return name.clone();
        }
        let name = self.fresh(role);
        self.initializers.push(document::integers(&name, values));
        self.integers.insert(values.to_vec(), name.clone());
        name
    }

    /// The value that holds the batch as a list of one integer, if an input tells it.
    pub(super) fn batch_length(&mut self) -> Option<String> {
        if self.batch_length.is_none() {
            let (input, _) = self.graph.inputs().into_iter().find(|(_, id)| self.graph.shape(*id).is_batched())?;
            let shape = self.fresh("shape");
            self.put(&shape, Draft::of("Shape", &[input], format!("shape({input})")), "");
            let (start, end) = (self.integers("indices", &[0]), self.integers("indices", &[1]));
            let length = self.fresh("batch_length");
            self.put(&length, Draft::of("Slice", &[&shape, &start, &end], format!("{shape}[0:1]")), "");
            self.batch_length = Some(length);
        }
        self.batch_length.clone()
    }

    /// Writes the node whose result is the value of `id`.
    pub(super) fn emit(&mut self, id: NodeId, draft: Draft<'_>) {
        let name = match self.names[id.index()].clone() {
            Some(name) => name,
            None => self.fresh(stem(draft.operator)),
        };
        self.names[id.index()] = Some(name.clone());
        self.put(&name, draft, &format!(" : {}", self.graph.shape(id)));
    }

    /// Writes a node whose result is no value of the graph, and gives the name of that result.
    pub(super) fn emit_between(&mut self, draft: Draft<'_>) -> String {
        let name = self.fresh(stem(draft.operator));
        self.put(&name, draft, "");
        name
    }

    fn put(&mut self, output: &str, draft: Draft<'_>, shape: &str) {
        self.nodes.push(NodeProto {
            input: draft.inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: Some(format!("compute_{output}")),
            op_type: Some(draft.operator.to_owned()),
            attribute: draft.attributes,
            doc_string: Some(format!("{output} = {}{shape}", draft.formula)),
            ..NodeProto::default()
        });
    }

    /// The finished graph.
    pub(super) fn finish(mut self) -> Result<GraphProto, OnnxError> {
        for (name, id) in std::mem::take(&mut self.aliases) {
            let source = self.value(id)?;
            self.put(&name, Draft::of("Identity", &[&source], source.clone()), "");
        }
        let info = |(name, id): (&str, NodeId)| document::value_info(name, self.graph.shape(id), self.options);
        let inputs: Vec<ValueInfoProto> = self.graph.inputs().into_iter().map(info).collect();
        let outputs = self.graph.outputs().iter().map(|(name, id)| info((name, *id))).collect();
        Ok(GraphProto {
            node: self.nodes,
            name: Some(self.options.name.clone()),
            initializer: self.initializers,
            doc_string: Some(self.options.description.clone()).filter(|text| !text.is_empty()),
            input: inputs,
            output: outputs,
            ..GraphProto::default()
        })
    }

    fn reserve(&mut self, name: &str) -> Result<(), OnnxError> {
        check_identifier(name)?;
        if self.taken.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(OnnxError::value(name, "two inputs or outputs have this name; rename one"))
        }
    }

    fn fresh(&mut self, stem: &'static str) -> String {
        let count = self.counts.entry(stem).or_insert(0);
        loop {
            *count += 1;
            let name = format!("{stem}_{count}");
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

impl<'a> Draft<'a> {
    /// A node without attributes.
    pub(super) fn of(operator: &'static str, inputs: &'a [&'a str], formula: String) -> Self {
        Self { operator, inputs, attributes: Vec::new(), formula }
    }

    /// The same node with one attribute more.
    pub(super) fn with(mut self, attribute: AttributeProto) -> Self {
        self.attributes.push(attribute);
        self
    }
}

/// The name of results of an operator, before its number.
fn stem(operator: &'static str) -> &'static str {
    match operator {
        "MatMul" => "product",
        "Gemm" => "dense",
        "ReduceSum" => "sum",
        "Where" => "choice",
        "Greater" | "GreaterOrEqual" | "Equal" => "condition",
        "Add" => "total",
        "Sub" => "difference",
        "Mul" => "scaled",
        "Div" => "ratio",
        "Tanh" => "tanh",
        "Concat" => "joined",
        "Slice" => "part",
        "Pad" => "padded",
        "Transpose" => "transposed",
        "Reshape" => "reshaped",
        "Expand" => "expanded",
        _ => "value",
    }
}

/// Refuses names that are no C identifiers.
pub(super) fn check_identifier(name: &str) -> Result<(), OnnxError> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        Ok(())
    } else {
        Err(OnnxError::value(name, "names in a written file are C identifiers (letters, digits, _); rename it"))
    }
}
