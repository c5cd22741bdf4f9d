//! The file being written: its nodes so far, its weights, and the names of its values.

use std::collections::{HashMap, HashSet};

use super::super::OnnxError;
use super::super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::rewire::{Absorbed, Plan};
use super::{Batch, WriteOptions, activation, document, elementwise, matmul, operators, structure};
use crate::graph::{Graph, Kind, NodeId, Op, Shape, Tensor};

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
    numbers: HashMap<u64, String>,
    batch_length: Option<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    aliases: Vec<(String, NodeId)>,
    changes: Vec<String>,
}

impl<'g> Writer<'g> {
    /// Plans the graph and reserves the names of its inputs and outputs.
    pub(super) fn new(graph: &'g Graph, options: &'g WriteOptions) -> Result<Self, OnnxError> {
        let mut writer = Self {
            graph,
            options,
            plan: Plan::new(graph, activation::is_written(options))?,
            names: vec![None; graph.nodes().len()],
            taken: HashSet::new(),
            counts: HashMap::new(),
            integers: HashMap::new(),
            numbers: HashMap::new(),
            batch_length: None,
            nodes: Vec::new(),
            initializers: Vec::new(),
            aliases: Vec::new(),
            changes: Vec::new(),
        };
        for (name, id) in graph.inputs() {
            writer.reserve(name)?;
            options.profile.check_shape(&format!("input `{name}`"), &writer.lengths(graph.shape(id)))?;
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

    /// Lengths of a value in the file; a dynamic batch counts as 1.
    pub(super) fn lengths(&self, shape: &Shape) -> Vec<usize> {
        let Batch::Fixed(batch) = self.options.batch_written() else { return shape.resolve(1) };
        shape.resolve(batch)
    }

    /// Records that the usual encoding was not taken.
    pub(super) fn change(&mut self, what: String) {
        if !self.changes.contains(&what) {
            self.changes.push(what);
        }
    }

    /// Writes every node that the outputs need, and gives the graph with what was changed.
    pub(super) fn write(mut self) -> Result<(GraphProto, Vec<String>), OnnxError> {
        for id in self.plan.order(self.graph) {
            if !matches!(self.graph.node(id).op, Op::Input(..) | Op::Constant(..)) {
                self.node(id)?;
            }
        }
        self.finish()
    }

    /// Writes the node of one primitive, together with what it absorbs.
    fn node(&mut self, id: NodeId) -> Result<(), OnnxError> {
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
        if let Some(activation) = self.plan.activation(id).cloned() {
            return elementwise::activation(self, id, &activation);
        }
        if self.plan.is_exponential(id) {
            return elementwise::exponential(self, id);
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
        let name = match self.graph.constant_value(id) {
            Some(tensor) => self.store(role, tensor)?,
            None => self.fresh(role),
        };
        self.names[id.index()] = Some(name.clone());
        Ok(name)
    }

    /// The name of a weight that is stored now.
    pub(super) fn store(&mut self, role: &'static str, tensor: &Tensor) -> Result<String, OnnxError> {
        let name = self.fresh(role);
        self.options.profile.check_shape(&format!("weight `{name}`"), tensor.shape())?;
        let precision = self.options.precision;
        self.initializers.push(document::weight(&name, tensor, precision)?);
        let is_lost = |value: &&f64| **value != 0.0 && precision.round(**value) == 0.0;
        let lost = tensor.data().iter().filter(is_lost).count();
        if lost > 0 {
            let len = tensor.data().len();
            self.change(format!("`{name}` has {lost} of {len} numbers too small for {precision}, which became 0"));
        }
        Ok(name)
    }

    /// The name of a stored number; equal numbers are stored once.
    pub(super) fn number(&mut self, value: f64) -> Result<String, OnnxError> {
        if let Some(name) = self.numbers.get(&value.to_bits()) {
            return Ok(name.clone());
        }
        let name = self.store("constant", &Tensor::scalar(value))?;
        self.numbers.insert(value.to_bits(), name.clone());
        Ok(name)
    }

    /// Lets a stored weight be the value of `id`.
    pub(super) fn alias(&mut self, id: NodeId, stored: &str) -> Result<(), OnnxError> {
        if self.names[id.index()].is_some() {
            return self.emit(id, Draft::of("Identity", &[stored], stored.to_owned()));
        }
        self.names[id.index()] = Some(stored.to_owned());
        Ok(())
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
    pub(super) fn batch_length(&mut self) -> Result<Option<String>, OnnxError> {
        if self.batch_length.is_none() {
            let batched = self.graph.inputs().into_iter().find(|(_, id)| self.graph.shape(*id).is_batched());
            let Some((input, _)) = batched else { return Ok(None) };
            let shape = self.fresh("shape");
            self.put(&shape, Draft::of("Shape", &[input], format!("shape({input})")), "")?;
            let (start, end) = (self.integers("indices", &[0]), self.integers("indices", &[1]));
            let length = self.fresh("batch_length");
            self.put(&length, Draft::of("Slice", &[&shape, &start, &end], format!("{shape}[0:1]")), "")?;
            self.batch_length = Some(length);
        }
        Ok(self.batch_length.clone())
    }

    /// Writes the node whose result is the value of `id`.
    pub(super) fn emit(&mut self, id: NodeId, draft: Draft<'_>) -> Result<(), OnnxError> {
        let name = match self.names[id.index()].clone() {
            Some(name) => name,
            None => self.fresh(stem(draft.operator)),
        };
        self.names[id.index()] = Some(name.clone());
        let shape = self.graph.shape(id);
        self.options.profile.check_shape(&format!("`{name}`"), &self.lengths(shape))?;
        self.put(&name, draft, &format!(" : {shape}"))
    }

    /// Writes a node whose result is no value of the graph, and gives the name of that result.
    pub(super) fn emit_between(&mut self, draft: Draft<'_>) -> Result<String, OnnxError> {
        let name = self.fresh(stem(draft.operator));
        self.put(&name, draft, "")?;
        Ok(name)
    }

    fn put(&mut self, output: &str, draft: Draft<'_>, shape: &str) -> Result<(), OnnxError> {
        operators::check(draft.operator, self.options.opset)?;
        self.options.profile.check_operator(draft.operator)?;
        self.nodes.push(draft.into_node(output, shape));
        Ok(())
    }

    fn finish(mut self) -> Result<(GraphProto, Vec<String>), OnnxError> {
        for (name, id) in std::mem::take(&mut self.aliases) {
            let source = self.value(id)?;
            let shape = format!(" : {}", self.graph.shape(id));
            self.put(&name, Draft::of("Identity", &[&source], source.clone()), &shape)?;
        }
        let info = |(name, id): (&str, NodeId)| document::value_info(name, self.graph.shape(id), self.options);
        let inputs: Vec<ValueInfoProto> = self.graph.inputs().into_iter().map(info).collect();
        let outputs = self.graph.outputs().iter().map(|(name, id)| info((name, *id))).collect();
        let graph = GraphProto {
            node: self.nodes,
            name: Some(self.options.name.clone()),
            initializer: self.initializers,
            doc_string: Some(self.options.description.clone()).filter(|text| !text.is_empty()),
            input: inputs,
            output: outputs,
            ..GraphProto::default()
        };
        Ok((graph, self.changes))
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

    /// The node that computes `output`; `shape` ends its line.
    pub(super) fn into_node(self, output: &str, shape: &str) -> NodeProto {
        NodeProto {
            input: self.inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: vec![output.to_owned()],
            name: Some(format!("compute_{output}")),
            op_type: Some(self.operator.to_owned()),
            attribute: self.attributes,
            doc_string: Some(format!("{output} = {}{shape}", self.formula)),
            ..NodeProto::default()
        }
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
