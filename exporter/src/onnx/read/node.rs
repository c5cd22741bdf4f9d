//! One node of a file: an operator, a call of one of the file's functions, or a choice between two graphs that is settled.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::super::OnnxError;
use super::super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};
use super::names::Names;
use super::options::Weights;
use super::reader::Reader;
use super::structure::{check_graph, domain, opset, text};
use super::within;
use crate::legalize::{Attribute, Length, Operator, Value, legalize};

/// Most nodes once the functions of a file are expanded.
pub const MAX_EXPANDED_NODES: usize = 1 << 18;
/// Most calls of functions, and graphs within nodes, inside each other.
pub const MAX_CALL_DEPTH: usize = 32;

/// Where a node stands: in the model itself or in the body of a function.
pub(super) struct Context<'a> {
    /// Version of the standard operators; none where a function asks for no version.
    opset: Option<i64>,
    /// What the body's references to attributes mean; those that the call gave.
    attributes: Rc<BTreeMap<String, Attribute>>,
    /// The functions this is inside of, outermost first.
    calls: Vec<&'a FunctionProto>,
    /// Calls and inner graphs around this.
    depth: usize,
}

impl Context<'_> {
    pub(super) fn of_model(opset: i64) -> Self {
        Self { opset: Some(opset), attributes: Rc::default(), calls: Vec::new(), depth: 0 }
    }
}

/// The name by which a node is known to its author: its own, or that of its first result.
fn label(node: &NodeProto, context: &Context<'_>) -> String {
    let own = text(&node.name);
    let own = if own.is_empty() { node.output.first().map_or("", String::as_str) } else { own };
    let path: Vec<&str> = context.calls.iter().map(|function| text(&function.name)).chain([own]).collect();
    path.join("/")
}

/// An error that says where.
fn located(node: &NodeProto, context: &Context<'_>, message: impl Into<String>) -> OnnxError {
    OnnxError::Node {
        node: label(node, context),
        operator: text(&node.op_type).to_owned(),
        inputs: node.input.join(", "),
        message: message.into(),
    }
}

impl<'a> Reader<'a> {
    /// Gives meaning to a node and names its results.
    pub(super) fn node(
        &mut self,
        names: &mut Names<'a>,
        node: &'a NodeProto,
        context: &Context<'a>,
    ) -> Result<(), OnnxError> {
        self.expanded += 1;
        within("nodes once functions are expanded", self.expanded, MAX_EXPANDED_NODES)?;
        let kind = text(&node.op_type);
        let key = (domain(node.domain.as_deref()), kind, text(&node.overload));
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(match (name.as_str(), names.find(name)) {
                ("", _) => None,
                (_, Some(value)) => value.clone(),
                (_, None) => {
                    return Err(located(node, context, format!("input `{name}` is not computed before this node")));
                }
            });
        }
        let results = if let Some(function) = self.structure.functions.get(&key) {
            self.call(node, function, inputs, context)?
        } else if !key.0.is_empty() {
            let message = format!(
                "operators of domain `{}` are not supported; export with standard ones, or as functions",
                key.0
            );
            return Err(located(node, context, message));
        } else if kind == "If" {
            self.branch(names, node, &inputs, context)?
        } else {
            self.operator(node, inputs, context)?
        };
        for (name, value) in node.output.iter().zip(results) {
            if !name.is_empty() {
                names.define(name, value)?;
            }
        }
        Ok(())
    }

    fn operator(
        &mut self,
        node: &'a NodeProto,
        inputs: Vec<Option<Value>>,
        context: &Context<'a>,
    ) -> Result<Vec<Option<Value>>, OnnxError> {
        let fail = |message: String| located(node, context, message);
        let Some(opset) = context.opset else {
            return Err(fail("its function asks for no version of the standard operators".to_owned()));
        };
        let mut operator = Operator {
            kind: text(&node.op_type),
            inputs,
            output_count: node.output.len(),
            attributes: self.attributes(&node.attribute, context).map_err(|error| fail(error.to_string()))?,
            opset,
            frozen_batch: self.frozen_batch(),
        };
        self.settler.inputs(&self.graph, &mut operator).map_err(|error| fail(error.to_string()))?;
        for input in operator.inputs.iter().flatten() {
            self.count_known(input)?;
        }
        let results = legalize(&mut self.graph, &operator).map_err(|error| fail(error.to_string()))?;
        self.count_nodes()?;
        self.settler.update(&self.graph);
        self.notes.add(|| label(node, context), &operator, &self.graph, &self.settler);
        let mut settled = Vec::with_capacity(results.len());
        for result in results {
            let result = self.settler.truth(&self.graph, result).map_err(|error| fail(error.to_string()))?;
            self.count_known(&result)?;
            settled.push(Some(result));
        }
        Ok(settled)
    }

    /// The attributes of a node; one that refers to an attribute the call did not give is not there.
    fn attributes(
        &mut self,
        attributes: &'a [AttributeProto],
        context: &Context<'a>,
    ) -> Result<BTreeMap<String, Attribute>, OnnxError> {
        let mut read = BTreeMap::new();
        for attribute in attributes {
            let name = text(&attribute.name);
            let value = match text(&attribute.ref_attr_name) {
                "" => Some(self.decoder.attribute(name, attribute)?),
                outer => self.decoder.copied(context.attributes.get(outer))?,
            };
            if let Some(value) = value
                && read.insert(name.to_owned(), value).is_some()
            {
                return Err(OnnxError::value(name, "this attribute is given twice"));
            }
        }
        Ok(read)
    }

    /// Expands a function: its body sees its inputs and attributes, and nothing else of the file.
    fn call(
        &mut self,
        node: &'a NodeProto,
        function: &'a FunctionProto,
        inputs: Vec<Option<Value>>,
        context: &Context<'a>,
    ) -> Result<Vec<Option<Value>>, OnnxError> {
        let fail = |message: String| located(node, context, message);
        if context.calls.iter().any(|outer| std::ptr::eq(*outer, function)) {
            return Err(fail("this function calls itself".to_owned()));
        }
        let depth = context.depth + 1;
        within("calls of functions inside each other", depth, MAX_CALL_DEPTH)?;
        if inputs.len() > function.input.len() || node.output.len() > function.output.len() {
            let (takes, gives) = (function.input.len(), function.output.len());
            return Err(fail(format!("this function takes {takes} inputs and gives {gives} results")));
        }
        let mut attributes = self.attributes(&node.attribute, context)?;
        let declared = |name: &String| {
            function.attribute.contains(name)
                || function.attribute_proto.iter().any(|default| text(&default.name) == name)
        };
        if let Some(name) = attributes.keys().find(|name| !declared(name)) {
            return Err(fail(format!("this function has no attribute `{name}`")));
        }
        for default in &function.attribute_proto {
            let name = text(&default.name);
            if !attributes.contains_key(name) {
                attributes.insert(name.to_owned(), self.decoder.attribute(name, default)?);
            }
        }
        let calls = context.calls.iter().copied().chain([function]).collect();
        let inner = Context { opset: opset(&function.opset_import)?, attributes: Rc::new(attributes), calls, depth };
        let mut names = Names::default();
        names.enter();
        let given = inputs.into_iter().chain(std::iter::repeat(None));
        for (name, value) in function.input.iter().zip(given) {
            names.define(name, value)?;
        }
        for node in &function.node {
            self.node(&mut names, node, &inner)?;
        }
        results(&names, function.output.iter().take(node.output.len()).map(String::as_str))
    }

    /// The graph that a condition known now chooses; it sees all names around it.
    fn branch(
        &mut self,
        names: &mut Names<'a>,
        node: &'a NodeProto,
        inputs: &[Option<Value>],
        context: &Context<'a>,
    ) -> Result<Vec<Option<Value>>, OnnxError> {
        let fail = |message: &str| located(node, context, message);
        let [Some(Value::Integers(condition))] = inputs else {
            return Err(fail("its condition depends on the state; choose between the two results with Where"));
        };
        let [Length::Known(condition)] = condition.values() else {
            return Err(fail("its condition must be one truth value"));
        };
        let wanted = if *condition == 0 { "else_branch" } else { "then_branch" };
        let branch = node.attribute.iter().find(|attribute| text(&attribute.name) == wanted);
        let Some(graph): Option<&'a GraphProto> = branch.and_then(|attribute| attribute.g.as_ref()) else {
            return Err(fail("it has no graph for its condition"));
        };
        check_graph(graph)?;
        let depth = context.depth + 1;
        within("graphs inside each other", depth, MAX_CALL_DEPTH)?;
        let (attributes, calls) = (Rc::clone(&context.attributes), context.calls.clone());
        let inner = Context { opset: context.opset, attributes, calls, depth };
        names.enter();
        self.initializers(graph, names, Weights::Constants)?;
        for node in &graph.node {
            self.node(names, node, &inner)?;
        }
        let found = results(names, graph.output.iter().map(|info| text(&info.name)));
        names.leave();
        found
    }
}

/// What the results of a body stand for.
fn results<'n>(names: &Names<'_>, wanted: impl Iterator<Item = &'n str>) -> Result<Vec<Option<Value>>, OnnxError> {
    let value = |name: &str| {
        let value = names.find(name).cloned();
        value.ok_or_else(|| OnnxError::value(name, "no node computes this result"))
    };
    wanted.map(value).collect()
}
