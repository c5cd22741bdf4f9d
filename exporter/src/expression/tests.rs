//! Values against the same formula in Rust, and errors to the letter.

use super::*;
use crate::evaluate::evaluate;
use crate::graph::Tensor;

fn settings(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn energy(model: &Model, state: &[f64]) -> f64 {
    let x = Tensor::new(vec![1, state.len()], state.to_vec()).unwrap();
    evaluate(model.graph(), &[("x", &x)]).unwrap()[0].data()[0]
}

/// The value of a formula at q = 0.7, p = −1.3.
fn value(text: &str) -> f64 {
    energy(&parse(text, &BTreeMap::new()).unwrap(), &[0.7, -1.3])
}

fn message(text: &str, pairs: &[(&str, f64)]) -> String {
    parse(text, &settings(pairs)).unwrap_err().to_string()
}

#[test]
fn the_pendulum_of_the_manual_has_its_energy() {
    let text = "p^2/(2*m*l^2) + m*g*l*(1-cos(q))";
    let model = parse(text, &settings(&[("m", 1.0), ("l", 0.5), ("g", 9.81)])).unwrap();
    assert_eq!((model.dof(), model.inputs()), (1, 0));
    let found = energy(&model, &[0.7, -1.3]);
    let wanted = 1.3 * 1.3 / (2.0 * 0.25) + 9.81 * 0.5 * (1.0 - 0.7f64.cos());
    assert!((found - wanted).abs() < 1e-14);
}

#[test]
fn operators_bind_as_in_mathematics() {
    let (q, p) = (0.7f64, -1.3f64);
    let cases = [
        ("q - p - 2", q - p - 2.0),
        ("q / p / 2", q / p / 2.0),
        ("q + p * 2 ^ 2", q + p * 4.0),
        ("-q^2", -(q * q)),
        ("(-q)^2", q * q),
        ("2^3^2 + 0*q", 512.0),
        ("q^-2", 1.0 / (q * q)),
        ("2^-p^2", 2f64.powf(-(p * p))),
        ("2*-q", -2.0 * q),
        ("q--p", q + p),
        ("+q", q),
        ("- - q", q),
        ("-q*p", -q * p),
        ("1.5e1*q + .5 + 2.", 15.0 * q + 2.5),
        ("(((q)))", q),
    ];
    for (text, wanted) in cases {
        assert!((value(text) - wanted).abs() < 1e-13, "{text}: {} is not {wanted}", value(text));
    }
}

#[test]
fn functions_and_powers_have_their_values() {
    let (q, p) = (0.7f64, -1.3f64);
    let cases = [
        ("sin(q)", q.sin()),
        ("cos(q)", q.cos()),
        ("tan(q)", q.tan()),
        ("tanh(q)", q.tanh()),
        ("exp(q)", q.exp()),
        ("log(q)", q.ln()),
        ("sqrt(q)", q.sqrt()),
        ("abs(p)", 1.3),
        ("asin(q)", q.asin()),
        ("acosh(2*q)", (2.0 * q).acosh()),
        ("sinh(p)", p.sinh()),
        ("floor(p) + ceil(p) + round(q)", -2.0),
        ("relu(p) + relu(q) + sign(p)", q - 1.0),
        ("softplus(p)", p.exp().ln_1p()),
        ("q*erf(0.5)", q * 0.520_499_877_813_046_5),
        ("q + asinh(-1)", q - (1.0 + std::f64::consts::SQRT_2).ln()),
        ("p^3", p * p * p),
        ("p^-3", 1.0 / (p * p * p)),
        ("p^7", p.powi(7)),
        ("q^0.5", q.sqrt()),
        ("q^1.5", q.powf(1.5)),
        ("q^q", q.powf(q)),
        ("q^0 + q", 1.0 + q),
        ("q*sin(pi/6)", q * 0.5),
        ("q^(1+1)*tan(0)+sqrt(4)*q", 2.0 * q),
    ];
    for (text, wanted) in cases {
        assert!(
            (value(text) - wanted).abs() < 1e-12 * wanted.abs().max(1.0),
            "{text}: {} is not {wanted}",
            value(text)
        );
    }
}

#[test]
fn several_degrees_of_freedom_are_numbered() {
    let model = parse("p1^2/2 + p3^2 + q1*q2", &BTreeMap::new()).unwrap();
    assert_eq!(model.dof(), 3);
    assert_eq!(energy(&model, &[2.0, 3.0, 50.0, 4.0, 60.0, 5.0]), 8.0 + 25.0 + 6.0);
    assert_eq!(parse("q1 + p1", &BTreeMap::new()).unwrap().dof(), 1);
}

#[test]
fn the_graph_is_the_formula() {
    let model = parse("p^2/(2*m) + 3*(1-cos(q))", &settings(&[("m", 2.0)])).unwrap();
    let wanted = r#"hnn-graph 1
%0 = input "x" [batch,2]
%1 = slice %0 {axis=1, start=1, len=1} : [batch,1]
%2 = mul %1 %1 : [batch,1]
%3 = constant [] (4)
%4 = div %2 %3 : [batch,1]
%5 = slice %0 {axis=1, start=0, len=1} : [batch,1]
%6 = cos %5 : [batch,1]
%7 = constant [] (1)
%8 = sub %7 %6 : [batch,1]
%9 = constant [] (3)
%10 = mul %9 %8 : [batch,1]
%11 = add %4 %10 : [batch,1]
output "H" = %11
"#;
    assert_eq!(model.graph().to_string(), wanted);
}

#[test]
fn the_caret_points_at_the_fault() {
    assert_eq!(
        message("p^2/2 + 3*(1-cos(q)", &[]),
        "column 11: this parenthesis is not closed\n  p^2/2 + 3*(1-cos(q)\n            ^"
    );
    assert_eq!(message("p^2/(2*m) + q", &[("g", 9.81)]), "setting `g` is not used by the formula");
    assert_eq!(
        message("p^2/(2*m) + g*q", &[("g", 9.81)]),
        "column 8: unknown name `m`; known are q, p (or q1, q2, …, p1, p2, …), pi, the settings g, and the functions \
         abs, acos, acosh, asin, asinh, atan, atanh, ceil, cos, cosh, erf, exp, floor, gelu, log, mish, relu, round, \
         sigmoid, sign, sin, sinh, softplus, softsign, sqrt, tan, tanh; a constant is given by `--set m=VALUE`\n  p^2/(2*m) + g*q\n         ^"
    );
    assert_eq!(message("2q", &[]), "column 2: expected an operator; a product is written `*`\n  2q\n   ^");
}

#[test]
fn faults_have_their_column_and_reason() {
    let cases = [
        ("", 1, "expected a number, a name or `(`, but the formula ends here"),
        ("p^2/", 5, "expected a number, a name or `(`, but the formula ends here"),
        ("q)", 2, "this parenthesis closes nothing"),
        ("q**2", 3, "expected a number, a name or `(`; a power is written `^`"),
        (
            "q(p)",
            1,
            "no function `q`; there are abs, acos, acosh, asin, asinh, atan, atanh, ceil, cos, cosh, erf, exp, floor, \
             gelu, log, mish, relu, round, sigmoid, sign, sin, sinh, softplus, softsign, sqrt, tan, tanh; a product is \
             written `q*(`",
        ),
        ("sin q", 1, "`sin` wants its argument in parentheses"),
        ("sin(q, p)", 6, "functions take one argument"),
        ("(q) p", 5, "expected an operator; a product is written `*`"),
        ("q = 1", 3, "expected an operator, found `=`"),
        ("q + $", 5, "expected a number, a name or `(`, found `$`"),
        ("1.2.3*q", 1, "`1.2.3` is no number"),
        ("1e999*q", 1, "`1e999` is no number"),
        ("q*1 + 1/0", 8, "this constant part is inf, which is not finite"),
        ("q + log(-1)", 5, "this constant part is NaN, which is not finite"),
        ("1 + pi", 1, "the energy must depend on the state: q and p, or q1, p1, q2, p2, …"),
        ("q^0", 1, "the energy must depend on the state, but this is constant"),
        ("q + p2", 1, "`q` is ambiguous with 2 degrees of freedom; write `q1`"),
        ("q0 + p1", 1, "`q0`: coordinates are counted from 1"),
        ("q1 + p1025", 6, "`p1025` exceeds the limit of 1024 degrees of freedom"),
        ("q1 + p99999999999999999999999", 6, "`p99999999999999999999999` exceeds the limit of 1024 degrees of freedom"),
    ];
    for (text, column, wanted) in cases {
        let error = parse(text, &BTreeMap::new()).unwrap_err();
        assert_eq!((error.column, error.message.as_str()), (Some(column), wanted), "{text}");
    }
}

#[test]
fn settings_cannot_replace_what_has_a_meaning() {
    for name in ["q", "p2", "pi", "sin"] {
        let wanted = format!("`{name}` has a meaning of its own in a formula and cannot be set");
        assert_eq!(message("q*p", &[(name, 1.0)]), wanted);
    }
    assert_eq!(message("q*m", &[("m", f64::NAN)]), "setting `m` is NaN, which is not finite");
    // Close to a coordinate's name, but none.
    assert!(parse("q*q01*qm", &settings(&[("q01", 1.0), ("qm", 2.0)])).is_ok());
}

#[test]
fn long_formulas_show_the_part_around_the_fault() {
    let text = format!("{}$", "q+".repeat(400));
    let shown = message(&text, &[]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].len() <= 102 && lines[1].ends_with("q+$"));
    assert_eq!(lines[1].find('$'), lines[2].find('^'));
}

#[test]
fn depth_and_length_have_limits_and_long_sums_do_not_nest() {
    let nested = |depth: usize| format!("{}q{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_NESTING - 1), &BTreeMap::new()).is_ok());
    for text in [nested(MAX_NESTING), "-".repeat(60_000), "2^".repeat(30_000), "sin(".repeat(16_000)] {
        assert!(message(&text, &[]).contains("nested deeper than the limit of 200"));
    }
    assert!(parse(&format!("{}q", "q*p+".repeat(16_000)), &BTreeMap::new()).is_ok());
    assert!(message(&"q+".repeat(40_000), &[]).contains("more than the limit of 65536"));
}

#[test]
fn every_prefix_of_a_formula_is_a_formula_or_an_error() {
    let text = "-p^2/(2*1.5e-3) + 3*(1-cos(q))^2 − tanh(q·p)";
    for (end, _) in text.char_indices() {
        let _ = parse(&text[..end], &BTreeMap::new()).map_err(|error| error.to_string());
    }
}

#[test]
fn a_division_by_a_constant_zero_is_refused_where_it_is() {
    for (text, column) in [("p^2/0", 4), ("q + p/(1-1)", 6), ("p/-0", 2)] {
        let error = parse(text, &BTreeMap::new()).unwrap_err();
        assert_eq!((error.column, error.message.as_str()), (Some(column), "division by 0"), "{text}");
    }
}

#[test]
fn unknowns_are_parameters_of_the_graph_and_everything_else_stays() {
    let unknowns = ["I", "g"].map(str::to_owned).into_iter().collect();
    let text = "p^2/(2*I) + m*g*(1 - cos(q))";
    let model = parse_with_unknowns(text, &settings(&[("m", 3.0)]), &unknowns).unwrap();
    let names: Vec<&str> = model.graph().parameters().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["I", "g"]);
    let value = |name: &str| Tensor::new(vec![1], vec![if name == "I" { 0.25 } else { 9.81 }]).ok();
    let known = parse(text, &settings(&[("m", 3.0), ("I", 0.25), ("g", 9.81)])).unwrap();
    let state = [0.7, -1.3];
    assert!((energy(&model.bind(&value).unwrap(), &state) - energy(&known, &state)).abs() < 1e-14);
}

#[test]
fn an_unknown_that_is_set_unused_or_a_coordinate_is_refused_by_name() {
    let refusal = |text: &str, pairs: &[(&str, f64)], name: &str| {
        parse_with_unknowns(text, &settings(pairs), &[name.to_owned()].into_iter().collect()).unwrap_err().to_string()
    };
    assert!(refusal("p^2 + k*q", &[("k", 1.0)], "k").contains("`k` is set to a value"));
    assert!(refusal("p^2 + q", &[], "k").contains("`k` is not used"));
    assert!(refusal("p^2 + q", &[], "q").contains("`q` has a meaning of its own"));
}
