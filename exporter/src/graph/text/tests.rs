//! Round trips, and exact places of errors.

use super::TextError;
use crate::graph::{Graph, Op, Shape, Tensor};

/// One node of every kind of operator.
const EVERY_OPERATOR: &str = r#"hnn-graph 1
%0 = input "x" [batch,2]
%1 = parameter "layer \"0\"\\weights\n" [3,2]
%2 = matmul %0 %1 {transpose_rhs} : [batch,3]
%3 = constant [] (-0)
%4 = constant [3] (0.1, 1e300, -1e-300)
%5 = constant [2,2] (inf, -inf, nan, 0xfff8000000000001)
%6 = constant [0,4] ()
%7 = tanh %2 : [batch,3]
%8 = add %7 %4 : [batch,3]
%9 = greater_or_equal %8 %3 : truth [batch,3]
%10 = select %9 %8 %3 : [batch,3]
%11 = transpose %1 {order=[1, 0]} : [2,3]
%12 = matmul %11 %1 : [2,2]
%13 = matmul %1 %11 {transpose_lhs, transpose_rhs} : [2,2]
%14 = matmul %1 %1 {transpose_lhs} : [2,2]
%15 = reshape %10 : [batch,1,3]
%16 = broadcast %15 : [batch,2,3]
%17 = concat %16 %15 %15 {axis=1} : [batch,4,3]
%18 = slice %17 {axis=1, start=1, len=2} : [batch,2,3]
%19 = pad %18 {axis=2, before=1, after=0} : [batch,2,4]
%20 = sum %19 {axes=[1, 2]} : [batch]
%21 = reshape %20 : [batch,1]
output "H" = %21
output "gradient of H" = %12
"#;

fn failure(line: &str) -> TextError {
    let text = format!("hnn-graph 1\n%0 = input \"x\" [batch,2]\n%1 = constant [2] (1, 2)\n{line}\n");
    Graph::parse(&text).unwrap_err()
}

#[test]
fn every_operator_round_trips_to_the_letter() {
    let graph = Graph::parse(EVERY_OPERATOR).unwrap();
    graph.verify().unwrap();
    assert_eq!(graph.to_string(), EVERY_OPERATOR);
    let again = Graph::parse(&graph.to_string()).unwrap();
    assert_eq!(again.nodes(), graph.nodes());
    assert_eq!(again.outputs(), graph.outputs());
}

#[test]
fn comments_blank_lines_and_blanks_do_not_matter() {
    let loose = "# by hand\r\n\n  hnn-graph 1 # header\r\n%0=input \"x\"[ batch , 2 ]\r\n\toutput\"y\"=%0\r\n";
    let graph = Graph::parse(loose).unwrap();
    assert_eq!(graph.to_string(), "hnn-graph 1\n%0 = input \"x\" [batch,2]\noutput \"y\" = %0\n");
}

#[test]
fn constants_keep_their_bits() {
    // Steps through the exponents, with odd mantissas.
    let mut bits = 0x0000_0000_0000_0001_u64;
    for _ in 0..4096 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut graph = Graph::new();
        let id = graph.scalar(f64::from_bits(bits)).unwrap();
        let again = Graph::parse(&graph.to_string()).unwrap();
        assert_eq!(again.constant_value(id), graph.constant_value(id), "{bits:016x}");
    }
}

#[test]
fn unused_nodes_are_kept() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let _ = graph.sin(x).unwrap();
    let _ = graph.constant(Tensor::scalar(2.0)).unwrap();
    assert_eq!(Graph::parse(&graph.to_string()).unwrap().nodes(), graph.nodes());
    assert!(Graph::parse("hnn-graph 1").unwrap().nodes().is_empty());
}

#[test]
fn errors_name_line_and_column() {
    let cases = [
        ("%3 = sin %0 : [batch,2]", 1, "expected %2: nodes are numbered without gaps"),
        ("%2 = sine %0 : [batch,2]", 6, "no operator is called `sine`"),
        ("%2 = sin %2 : [batch,2]", 10, "%2 is not an earlier node"),
        ("%2 = sin %0 : [batch,3]", 15, "the type of this node is [batch,2]"),
        ("%2 = sin %0 : truth [batch,2]", 15, "the type of this node is [batch,2]"),
        ("%2 = greater %0 %1 : [batch,2]", 22, "the type of this node is truth [batch,2]"),
        ("%2 = sin %0", 12, "expected `:`"),
        ("%2 = sin %0 %0 : [batch,2]", 6, "sin does not take 2 arguments"),
        ("%2 = sin %0 : [batch,2] %1", 25, "expected the end of the line"),
        ("%2 = sin %0 {axis=1} : [batch,2]", 6, "the attributes of this operator are {}"),
        ("%2 = slice %0 {axis=1, start=1} : [batch,1]", 6, "attribute `len=N` is missing"),
        ("%2 = slice %0 {axis=1, axis=1} : [batch,1]", 24, "`axis` is one attribute too many"),
        ("%2 = matmul %0 %0 {transpose_rhs=1} : [batch,1]", 6, "`transpose_rhs` takes no value"),
        ("%2 = slice %0 {axis=1, start=1, len=2} : [batch,1]", 6, "slice: 1+2 exceeds axis 1 of [batch,2]"),
        ("%2 = constant [2] (1, 2)", 6, "this equals %1; a graph holds equal nodes once"),
        ("%2 = constant [2] (1)", 15, "1 values cannot fill shape [2]"),
        ("%2 = constant [2] (1, infinity)", 23, "expected a number"),
        ("%2 = constant [2] (1, 1e999)", 23, "expected a number"),
        ("%2 = input \"x\" [3]", 6, "`x` is declared twice"),
        ("%2 = input \"\" [3]", 12, "a name has 0 bytes; 1 to 256 are allowed"),
        ("%2 = input \"a [3]", 12, "the quoted name does not end"),
        ("%2 = input \"ä\" [2,batch]", 16, "`batch` may only be the first dimension"),
        ("%2 = input \"a\" [1,1,1,1,1,1,1]", 16, "more than 6 dimensions"),
        ("%2 = input \"a\" [99999999999999999999]", 17, "expected a whole number"),
        ("%2 = input \"a\" [-1]", 17, "expected a whole number"),
        ("output \"y\" = %9", 14, "%9 is not an earlier node"),
        ("result \"y\" = %0", 1, "expected `%N = …` or `output \"name\" = %N`"),
    ];
    for (line, column, message) in cases {
        assert_eq!(failure(line), TextError { line: 4, column, message: message.to_owned() }, "{line}");
    }
    assert_eq!(Graph::parse("").unwrap_err().to_string(), "line 1, column 1: expected `hnn-graph 1`");
    assert_eq!(Graph::parse("hnn-graph 2\n").unwrap_err().to_string(), "line 1, column 1: expected `hnn-graph 1`");
}

#[test]
fn an_output_is_named_once_and_no_truth_value() {
    assert_eq!(
        failure("output \"y\" = %0\noutput \"y\" = %1").to_string(),
        "line 5, column 8: output `y` is named twice"
    );
    let truth = failure("%2 = equal %0 %1 : truth [batch,2]\noutput \"y\" = %2");
    assert_eq!(truth.to_string(), "line 5, column 14: an output is no truth value");
}

#[test]
fn hostile_text_is_an_error_or_a_well_formed_graph() {
    for (end, _) in EVERY_OPERATOR.char_indices() {
        let _ = Graph::parse(&EVERY_OPERATOR[..end]).map(|graph| graph.verify().unwrap());
    }
    for (at, byte) in EVERY_OPERATOR.bytes().enumerate() {
        for replacement in ["", "9", "\"", "%", "[", "]", "(", ",", "-", "\n", "é", "\\", "e"] {
            let text = format!("{}{replacement}{}", &EVERY_OPERATOR[..at], &EVERY_OPERATOR[at + 1..]);
            if let Ok(graph) = Graph::parse(&text) {
                graph.verify().unwrap();
                assert_eq!(Graph::parse(&graph.to_string()).unwrap().nodes(), graph.nodes(), "{at} {byte}");
            }
        }
    }
}

#[test]
fn outputs_beyond_the_limit_are_refused() {
    let mut text = "hnn-graph 1\n%0 = input \"x\" [batch,2]\n".to_owned();
    for index in 0..=crate::graph::MAX_OUTPUTS {
        text.push_str(&format!("output \"y{index}\" = %0\n"));
    }
    assert!(Graph::parse(&text).unwrap_err().message.contains("exceeds the limit of 1024 outputs"));
}

/// A graph of random operators on random earlier nodes, from a small linear congruential generator.
fn random_graph(seed: u64) -> Graph {
    let mut state = seed.wrapping_mul(2) + 1;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut graph = Graph::new();
    let mut pool = vec![graph.input("x", Shape::batched(&[4]).unwrap()).unwrap()];
    pool.push(graph.parameter("w", &[4, 4]).unwrap());
    for _ in 0..40 {
        let (a, b) = (pool[next(pool.len())], pool[next(pool.len())]);
        let op = match next(9) {
            0 => Op::Unary(crate::graph::Unary::ALL[next(crate::graph::Unary::ALL.len())]),
            1 | 2 => Op::Binary(crate::graph::Binary::ALL[next(crate::graph::Binary::ALL.len())]),
            3 => Op::MatMul { transpose_lhs: next(2) == 0, transpose_rhs: next(2) == 0 },
            4 => Op::Slice { axis: 1, start: next(3), len: 1 + next(2) },
            5 => Op::Pad { axis: 1, before: next(3), after: next(3) },
            6 => Op::Concat { axis: next(2) },
            7 => Op::Sum(vec![next(2)]),
            _ => Op::Constant(Tensor::full(&[1 + 3 * next(2)], [0.5, -0.0, 1e-9, f64::NAN][next(4)]).unwrap().into()),
        };
        let args = match &op {
            Op::Constant(..) => vec![],
            Op::Binary(..) | Op::MatMul { .. } | Op::Concat { .. } => vec![a, b],
            _ => vec![a],
        };
        // What does not type is not added.
        pool.extend(graph.add(op, &args));
    }
    graph.set_output("last", pool[pool.len() - 1]);
    graph
}

#[test]
fn random_graphs_round_trip() {
    for seed in 0..500 {
        let graph = random_graph(seed);
        graph.verify().unwrap();
        let again = Graph::parse(&graph.to_string()).unwrap();
        assert_eq!((again.nodes(), again.outputs()), (graph.nodes(), graph.outputs()), "seed {seed}");
    }
}
