//! Means in closed form, disagreement against known errors, and directories.

use hnn_exporter::dynamics::separability;
use hnn_exporter::expression;

use super::*;
use crate::architecture::{self, Scaling};
use crate::run::{Config, DataSummary};
use crate::system::{self, Energy, Field, ModelField, Settings};
use crate::{fit, loss};

fn model(formula: &str) -> Model {
    expression::parse(formula, &Settings::new()).unwrap()
}

const STATES: [f64; 8] = [1.0, 2.0, -0.5, 0.25, 0.3, -1.5, 2.0, 0.0];

#[test]
fn the_mean_of_energies_has_the_mean_field_and_stays_separable() {
    let members = [model("p^2/2 + q^2"), model("p^2 + cos(q)"), model("3*p^2 + q^4")];
    let mean = mean(&members).unwrap();
    assert!(separability(&mean).unwrap().is_separable());
    let mut field = vec![0.0; STATES.len()];
    ModelField::new(&mean).unwrap().evaluate(&STATES, &mut field).unwrap();
    let energy = Energy::new(&mean).unwrap().evaluate(&STATES).unwrap();
    for (row, x) in STATES.chunks_exact(2).enumerate() {
        let (q, p) = (x[0], x[1]);
        let expected = [(p + 2.0 * p + 6.0 * p) / 3.0, -(2.0 * q - q.sin() + 4.0 * q.powi(3)) / 3.0];
        assert!((0..2).all(|at| (field[2 * row + at] - expected[at]).abs() < 1e-13), "{x:?}");
        let total = p * p / 2.0 + q * q + p * p + q.cos() + 3.0 * p * p + q.powi(4);
        assert!((energy[row] - total / 3.0).abs() < 1e-13);
    }
    assert!(super::mean(&[]).is_err());
    assert!(super::mean(&[model("p^2 + q^2"), model("p1^2 + p2^2 + q1^2 + q2^2")]).is_err());
}

#[test]
fn disagreement_is_the_spread_of_the_fields_in_units_of_the_mean_one() {
    // dp = −k q with k = 1 and 3, mean 2: in units of 2 rms q the deviation is √2/2 |q|/rms q; dq agrees.
    let members = [model("p^2/2 + q^2/2"), model("p^2/2 + 3*q^2/2")];
    let truth = model("p^2/2 + q^2/2");
    let probe = Probe { name: "made", x: &STATES, u: &[] };
    let report = disagreement(&members, Some(&truth), &probe).unwrap();
    assert_eq!(report.rows, 4);
    // Over rows the rms of q/rms q is 1; half of the coordinates disagree.
    assert!((report.spread_rms - 0.5).abs() < 1e-14, "{report:?}");
    // The mean errs by 1 in k, the spread of k is √2: everywhere within two, in the same order.
    assert!((report.error_over_spread.unwrap() - 0.5f64.sqrt()).abs() < 1e-14);
    assert_eq!((report.within_two_spreads, report.rank_correlation), (Some(1.0), Some(1.0)));
    let sure = disagreement(&[truth.clone(), truth.clone()], Some(&members[1]), &probe).unwrap();
    assert_eq!((sure.spread_rms, sure.error_over_spread), (0.0, None), "who agrees and errs has no calibration");
    assert!(disagreement(&members[..1], None, &probe).is_err());
}

fn run(path: &Path, seed: u64) -> Run {
    let spring = system::find("spring").unwrap();
    let protocol = system::Protocol { trajectories: 2, held_out: 1, rows: 4, ..spring.reference };
    let data = system::generate(spring, &Settings::new(), &protocol, 3).unwrap();
    let scaling = Scaling::measure(&data.train);
    let settings = architecture::Settings { hidden: vec![2], ..architecture::Settings::default() };
    let config = Config {
        version: run::VERSION,
        model: settings.clone().into(),
        loss: loss::Settings::Field,
        fit: fit::Settings { seed, ..fit::Settings::default() },
        source: serde_json::Value::Null,
    };
    let architecture = architecture::build(&settings, &scaling, seed).unwrap();
    run::create(path, &config, &DataSummary::new(&data.train, &data.train, &scaling), &architecture, false).unwrap()
}

#[test]
fn a_directory_is_an_ensemble_once_it_is_complete_and_foreign_files_are_safe() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ensemble");
    clear(&path, false).unwrap();
    assert!(create(&path, 2, 7).is_err(), "members are missing");
    for index in 0..2 {
        run(&member_path(&path, index), 7 + index as u64);
    }
    assert!(!is_ensemble(&path));
    create(&path, 2, 7).unwrap();
    let opened = open(&path).unwrap();
    let seeds: Vec<u64> = opened.members().iter().map(|run| run.config().unwrap().fit.seed).collect();
    assert_eq!((seeds, opened.losses().unwrap(), opened.best().unwrap()), (vec![7, 8], vec![None, None], 0));
    assert!(matches!(clear(&path, false), Err(RunError::Exists(_))));
    fs::write(member_path(&path, 1).join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(clear(&path, true), Err(RunError::Foreign { file, .. }) if file == "thesis.tex"));
    assert!(open(&path).is_ok(), "a refusal removed something");
    fs::remove_file(member_path(&path, 1).join("thesis.tex")).unwrap();
    clear(&path, true).unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn members_are_named_by_word_or_number() {
    assert_eq!("mean".parse(), Ok(Member::Mean));
    assert_eq!("best".parse(), Ok(Member::Best));
    assert_eq!("3".parse(), Ok(Member::Index(3)));
    assert!("third".parse::<Member>().unwrap_err().contains("third"));
}
