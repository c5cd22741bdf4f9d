//! Every executor gives the oracle's answer to every question about every case.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeSet;

use hnn_conformance::cases::{self, Case};
use hnn_conformance::executors::{
    Blob, Executor, OnnxEngine, OnnxReread, Optimised, Oracle, Question, TextForm, disagreement,
};
use hnn_exporter::dynamics::{Separability, separability};
use hnn_exporter::graph::Tensor;

/// Compares on all cases and questions; returns how many answers there were, and what was wrong.
fn compare(executor: &dyn Executor) -> (usize, Vec<String>) {
    let (mut answers, mut complaints) = (0, Vec::new());
    for case in cases::all().unwrap() {
        for question in Question::ALL {
            let place = format!("{}: {}, {question:?}", executor.name(), case.name);
            let expected = Oracle.answer(&case, question).unwrap().unwrap();
            match executor.answer(&case, question) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    answers += 1;
                    let wrong = disagreement(&found, &expected, executor.tolerance());
                    complaints.extend(wrong.map(|wrong| format!("{place}: {wrong}")));
                }
                Err(error) => complaints.push(format!("{place}: {error:#}")),
            }
        }
    }
    (answers, complaints)
}

fn assert_agrees(executor: &dyn Executor, answers_min: usize) {
    let (answers, complaints) = compare(executor);
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert!(answers >= answers_min, "{} gave only {answers} answers, not {answers_min}", executor.name());
}

fn all_questions() -> usize {
    cases::all().unwrap().len() * Question::ALL.len()
}

#[test]
fn optimising_does_not_change_what_a_graph_means() {
    assert_agrees(&Optimised, all_questions());
}

#[test]
fn the_text_form_keeps_what_a_graph_means() {
    assert_agrees(&TextForm, all_questions());
}

#[test]
fn an_onnx_file_read_again_means_the_same() {
    assert_agrees(&OnnxReread, all_questions());
}

#[test]
fn tract_agrees_with_the_oracle() {
    assert_agrees(&OnnxEngine::tract(), all_questions());
}

#[test]
fn onnx_runtime_agrees_with_the_oracle() {
    match OnnxEngine::onnx_runtime() {
        Ok(engine) => assert_agrees(&engine, all_questions()),
        Err(reason) => eprintln!("skipped: {reason:#} (`cargo xtask setup` fetches ONNX Runtime)"),
    }
}

#[test]
fn the_blob_on_the_runtime_agrees_with_the_oracle() {
    assert_agrees(&Blob, 3 * cases::all().unwrap().len());
}

/// An executor that is slightly wrong: the comparison must notice.
struct Perturbed;

impl Executor for Perturbed {
    fn name(&self) -> &'static str {
        "perturbed oracle"
    }

    fn tolerance(&self) -> f64 {
        1e-5
    }

    fn answer(&self, case: &Case, question: Question) -> anyhow::Result<Option<Tensor>> {
        let mut answer = Oracle.answer(case, question)?;
        if let Some(value) = answer.as_mut().and_then(|tensor| tensor.data_mut().last_mut()) {
            *value += 1e-3 * (1.0 + value.abs());
        }
        Ok(answer)
    }
}

#[test]
fn a_wrong_last_element_is_noticed_in_every_answer() {
    let (answers, complaints) = compare(&Perturbed);
    assert_eq!(complaints.len(), answers);
}

#[test]
fn not_a_number_is_a_disagreement() {
    let nan = Tensor::new(vec![1], vec![f64::NAN]).unwrap();
    let one = Tensor::new(vec![1], vec![1.0]).unwrap();
    assert!(disagreement(&nan, &one, 1.0).is_some());
    assert!(disagreement(&one, &nan, 1.0).is_some());
    assert!(disagreement(&one, &one, 0.0).is_none());
}

#[test]
fn separability_is_found_where_it_was_written_and_nowhere_else() {
    for case in cases::all().unwrap() {
        let found = matches!(separability(&case.model).unwrap(), Separability::Separable { .. });
        assert_eq!(found, case.separable, "{}", case.name);
    }
}

#[test]
fn the_cases_together_use_every_operator() {
    let mut used = BTreeSet::new();
    for case in cases::all().unwrap() {
        for question in Question::ALL {
            used.extend(question.graph(&case).unwrap().nodes().iter().map(|node| node.op.name()));
        }
    }
    let wanted = "neg reciprocal sqrt exp log sin cos tanh sigmoid softplus abs sign erf atan floor round add sub mul \
                  div pow max min select matmul transpose reshape broadcast concat slice pad sum";
    let missing: Vec<_> = wanted.split_whitespace().filter(|name| !used.contains(name)).collect();
    assert!(missing.is_empty(), "no case uses {missing:?}; used are {used:?}");
}
