//! Functions of a file, and choices between graphs.

use super::super::proto::attribute_proto::AttributeType;
use super::super::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto};
use super::super::{MAX_EXPANDED_NODES, MAX_STORED_ELEMENTS, OnnxError};
use super::file::{File, X, evaluated, info, integers_attribute, operator, real_attribute, refusal, version};

/// A function of domain `own`, at opset 17 unless told otherwise.
fn function(name: &str, inputs: &[&str], outputs: &[&str], nodes: Vec<NodeProto>) -> FunctionProto {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    FunctionProto {
        name: Some(name.to_owned()),
        domain: Some("own".to_owned()),
        input: names(inputs),
        output: names(outputs),
        node: nodes,
        opset_import: vec![version(None, 17)],
        ..FunctionProto::default()
    }
}

fn call(name: &str, inputs: &str, outputs: &str) -> NodeProto {
    NodeProto { domain: Some("own".to_owned()), ..operator(name, inputs, outputs) }
}

/// `name` = the attribute `outer` of the call.
fn reference(name: &str, outer: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        ref_attr_name: Some(outer.to_owned()),
        r#type: Some(kind as i32),
        ..AttributeProto::default()
    }
}

fn with_functions(functions: Vec<FunctionProto>, nodes: Vec<NodeProto>) -> File {
    let mut file = File::new(None);
    file.model.functions = functions;
    file.model.opset_import.push(version(Some("own"), 1));
    file.graph.node = nodes;
    file
}

#[test]
fn nested_calls_see_their_inputs_and_attributes_only() {
    // scaled(x) = factor · x, twice(x) = scaled(scaled(x)); names inside repeat those outside.
    let mut scaled =
        function("scaled", &["x"], &["y"], vec![operator("Constant", "", "c"), operator("Mul", "x c", "y")]);
    scaled.node[0].attribute.push(reference("value_float", "factor", AttributeType::Float));
    scaled.attribute_proto.push(real_attribute("factor", 3.0));
    let mut twice = function("twice", &["x"], &["y"], vec![call("scaled", "x", "c"), call("scaled", "c", "y")]);
    twice.node[1].attribute.push(reference("factor", "outer", AttributeType::Float));
    twice.attribute.push("outer".to_owned());
    let mut last = call("twice", "x", "y");
    assert_eq!(
        evaluated(with_functions(vec![scaled.clone(), twice.clone()], vec![last.clone()])).1,
        X.map(|value| value * 9.0)
    );
    last.attribute.push(real_attribute("outer", 2.0));
    assert_eq!(
        evaluated(with_functions(vec![scaled.clone(), twice.clone()], vec![last.clone()])).1,
        X.map(|value| value * 6.0)
    );
    last.attribute[0].name = Some("inner".to_owned());
    assert!(refusal(with_functions(vec![scaled, twice], vec![last])).contains("no attribute `inner`"));
}

#[test]
fn an_input_left_out_is_left_out_inside() {
    let clip = function("bounded", &["x", "low", "high"], &["y"], vec![operator("Clip", "x low high", "y")]);
    let mut file = with_functions(vec![clip], vec![call("bounded", "x - one", "y")]);
    file = file.floats("one", &[], &[1.0]);
    assert_eq!(evaluated(file).1, X.map(|value| value.min(1.0)));
}

#[test]
fn a_function_has_its_own_version_of_the_operators() {
    // Axes as an attribute: opset 11, in a file of opset 17.
    let mut old = function("total", &["x"], &["y"], vec![operator("ReduceSum", "x", "y")]);
    old.node[0].attribute.push(integers_attribute("axes", &[1]));
    old.opset_import = vec![version(None, 11)];
    assert_eq!(evaluated(with_functions(vec![old.clone()], vec![call("total", "x", "y")])).1, [1.75, 2.0]);
    old.opset_import.clear();
    assert!(refusal(with_functions(vec![old.clone()], vec![call("total", "x", "y")])).contains("no version"));
    old.opset_import = vec![version(None, 6)];
    assert!(refusal(with_functions(vec![old], vec![call("total", "x", "y")])).contains("opset 6"));
}

#[test]
fn calls_that_do_not_end_or_do_not_fit_are_refused() {
    let itself = function("loop", &["x"], &["y"], vec![call("loop", "x", "y")]);
    assert!(refusal(with_functions(vec![itself], vec![call("loop", "x", "y")])).contains("calls itself"));
    // Each calls the next twice: 2³⁰ nodes, were they all expanded.
    let level = |index: usize| {
        let next = format!("f{}", index + 1);
        function(&format!("f{index}"), &["x"], &["y"], vec![call(&next, "x", "a"), call(&next, "a", "y")])
    };
    let mut functions: Vec<FunctionProto> = (0..30).map(level).collect();
    functions.push(function("f30", &["x"], &["y"], vec![operator("Neg", "x", "y")]));
    let found = with_functions(functions.clone(), vec![call("f0", "x", "y")]).read();
    assert!(matches!(found, Err(OnnxError::Limit { limit: MAX_EXPANDED_NODES, .. })), "{found:?}");
    let deep = (0..40)
        .map(|index| function(&format!("f{index}"), &["x"], &["y"], vec![call(&format!("f{}", index + 1), "x", "y")]));
    let found = with_functions(deep.collect(), vec![call("f0", "x", "y")]).read();
    assert!(matches!(&found, Err(OnnxError::Limit { what, .. }) if what.contains("inside each other")), "{found:?}");
    let one = function("one", &["x"], &["y"], vec![operator("Neg", "x", "y")]);
    assert!(refusal(with_functions(vec![one.clone()], vec![call("one", "x x", "y")])).contains("takes 1 inputs"));
    assert!(refusal(with_functions(vec![one.clone(), one], vec![call("one", "x", "y")])).contains("two functions"));
    let unknown = refusal(with_functions(Vec::new(), vec![call("one", "x", "y")]));
    assert!(unknown.contains("domain `own`") && unknown.contains("(one of x)"), "{unknown}");
}

#[test]
fn an_error_inside_a_function_names_the_way_to_it() {
    let bad = function("bad", &["x"], &["y"], vec![operator("Loop", "x", "y")]);
    let message = refusal(with_functions(vec![bad], vec![call("bad", "x", "y")]));
    assert!(message.contains("bad/y") && message.contains("unroll"), "{message}");
}

/// An If that squeezes where `condition` is true and passes its outer value on otherwise.
fn choice(condition: &str) -> NodeProto {
    let graph =
        |node: NodeProto| GraphProto { output: vec![info("chosen", &[])], node: vec![node], ..GraphProto::default() };
    let branch = |name: &str, graph: GraphProto| AttributeProto {
        name: Some(name.to_owned()),
        r#type: Some(AttributeType::Graph as i32),
        g: Some(graph),
        ..AttributeProto::default()
    };
    let attribute = vec![
        branch("then_branch", graph(operator("Neg", "x", "chosen"))),
        branch("else_branch", graph(operator("Identity", "x", "chosen"))),
    ];
    NodeProto { attribute, ..operator("If", condition, "y") }
}

#[test]
fn a_choice_that_is_settled_takes_one_graph() {
    // The scripted export of squeeze asks whether a length is 1.
    let file = |length: i64| {
        let mut file = File::new(None)
            .integers("length", &[], &[length])
            .integers("axis", &[], &[1])
            .node("Shape", "x", "shape", &[])
            .node("Gather", "shape axis", "have", &[])
            .node("Equal", "have length", "same", &[]);
        file.graph.node.push(choice("same"));
        file
    };
    assert_eq!(evaluated(file(4)).1, X.map(|value| -value));
    assert_eq!(evaluated(file(1)).1, X);
    let mut open = File::new(None).floats("zero", &[], &[0.0]).node("Less", "x zero", "same", &[]);
    open.graph.node.push(choice("same"));
    assert!(refusal(open).contains("Where"));
}

#[test]
fn attributes_that_are_handed_on_count_each_time() {
    // A list of 2¹⁶ integers, handed from a function to another as often as the limit allows, and once more.
    let mut inner = function("inner", &["x"], &["y"], vec![operator("Identity", "x", "y")]);
    inner.attribute.push("list".to_owned());
    let mut handing = call("inner", "x", "");
    handing.attribute.push(reference("list", "list", AttributeType::Ints));
    let mut outer = function("outer", &["x"], &["y"], vec![handing; MAX_STORED_ELEMENTS >> 16]);
    outer.node.push(operator("Identity", "x", "y"));
    outer.attribute.push("list".to_owned());
    let mut first = call("outer", "x", "y");
    first.attribute.push(integers_attribute("list", &[1; 1 << 16]));
    let message = refusal(with_functions(vec![inner, outer], vec![first]));
    assert!(message.contains(&format!("exceeds the limit of {MAX_STORED_ELEMENTS}")), "{message}");
}
