//! Whole exports, validated as a user would: every engine that can be loaded, and the physics of the device program.

use std::path::Path;

use super::super::*;
use crate::dynamics::{Model, Scheme};
use crate::graph::{Shape, Tensor};
use crate::pipeline::{ExportOptions, export};

fn conservative(text: &str) -> Model {
    crate::expression::parse(text, &Default::default()).unwrap()
}

/// The pendulum with friction that depends on the position, and a torque with a gain.
fn driven_pendulum() -> Model {
    let mut graph = conservative("p^2/2 + 3*(1-cos(q))").graph().clone();
    graph.input("u", Shape::batched(&[1]).unwrap()).unwrap();
    let x = graph.leaf("x").unwrap();
    let q = graph.slice(x, 1, 0, 1).unwrap();
    let (square, base) = (graph.mul(q, q).unwrap(), graph.scalar(0.1).unwrap());
    let scaled = graph.scale(square, 0.05).unwrap();
    let friction = graph.add_values(base, scaled).unwrap();
    let gain = graph.constant(Tensor::new(vec![1, 1], vec![0.7]).unwrap()).unwrap();
    graph.set_output("R", friction);
    graph.set_output("G", gain);
    Model::new(graph).unwrap()
}

fn exported(model: &Model, options: &ExportOptions, directory: &Path) -> Artifact {
    export(model, options, directory).unwrap();
    Artifact::load(directory).unwrap()
}

/// Runs short enough for a test; engines that are not there are listed, not wanted.
fn settings() -> Settings {
    Settings { length: RunLength { drift_steps: 4000, reversal_steps: 500, starts: 3 }, ..Settings::default() }
}

#[test]
fn exports_pass_in_every_engine_that_is_there() {
    let options = |scheme| ExportOptions { scheme, dt: 0.02, ..ExportOptions::default() };
    for (name, model, scheme) in [
        ("leapfrog", conservative("p^2/2 + 3*(1-cos(q))"), Some(Scheme::Leapfrog)),
        ("yoshida4", conservative("(p1^2+p2^2)/2 + q1^2*q2^2 + q1^2 + q2^2"), Some(Scheme::Yoshida4)),
        ("midpoint", conservative("(1+q^2)*p^2/2 + q^2"), None),
        ("driven", driven_pendulum(), Some(Scheme::Leapfrog)),
    ] {
        let room = tempfile::tempdir().unwrap();
        let artifact = exported(&model, &options(scheme), &room.path().join("out"));
        let report = validate(&artifact, &settings()).unwrap();
        assert!(report.passes, "{name}\n{report}");
        let ran = |kind| report.engines.iter().any(|record| record.engine == kind && record.state == EngineState::Ran);
        assert!(ran(EngineKind::Reference) && ran(EngineKind::Runtime), "{name}\n{report}");
        for record in report.engines.iter().filter(|record| record.state == EngineState::Missing) {
            println!("skipped: {} is not available: {}", record.engine, record.reason.clone().unwrap_or_default());
        }
        let physics = report.physics.unwrap();
        assert_eq!(physics.reversal.is_some(), name != "driven");
        assert_eq!(physics.drift.unwrap().damped, name == "driven");
    }
}

#[test]
fn a_scheme_that_is_not_reversible_is_found_out() {
    let room = tempfile::tempdir().unwrap();
    // One iteration of the midpoint rule is explicit Euler.
    let scheme = Some(Scheme::Midpoint { iterations: 1 });
    let options = ExportOptions { scheme, dt: 0.02, ..ExportOptions::default() };
    let artifact = exported(&conservative("p^2/2 + 3*(1-cos(q))"), &options, &room.path().join("out"));
    let reversal = validate(&artifact, &settings()).unwrap().physics.unwrap().reversal.unwrap();
    assert!(!reversal.passes && reversal.value > 1e-4, "{reversal:?}");
}

#[test]
fn a_step_file_of_another_model_is_found_out_twice() {
    let room = tempfile::tempdir().unwrap();
    let model = conservative("p^2/2 + 3*(1-cos(q))");
    let options = ExportOptions { scheme: Some(Scheme::Leapfrog), dt: 0.02, ..ExportOptions::default() };
    let out = room.path().join("out");
    exported(&model, &options, &out);
    let stiffer = conservative("p^2/2 + 3.01*(1-cos(q))");
    exported(&stiffer, &options, &room.path().join("other"));
    std::fs::copy(room.path().join("other/step.onnx"), out.join("step.onnx")).unwrap();
    let artifact = Artifact::load(&out).unwrap();
    assert_eq!(artifact.changed_files, ["step.onnx"]);
    let only = Settings { engines: Some(vec![EngineKind::Runtime]), ..settings() };
    let report = validate(&artifact, &only).unwrap();
    assert!(!report.passes);
    let disagrees =
        |output: &str| report.outputs.iter().any(|record| record.output == output && !record.metrics.agrees);
    assert!(disagrees("x_next") && !disagrees("dx") && !disagrees("H"), "{report}");
}

#[test]
fn a_time_step_beyond_stability_fails_the_physics() {
    let room = tempfile::tempdir().unwrap();
    // Leapfrog on q'' = −ω²q is unstable beyond dt = 2/ω (Hairer, Lubich, Wanner, chapter I.5): here 0.2.
    let model = conservative("p^2/2 + 50*q^2");
    let options = ExportOptions { scheme: Some(Scheme::Leapfrog), dt: 0.21, steps: 5, ..ExportOptions::default() };
    let artifact = exported(&model, &options, &room.path().join("out"));
    let report = validate(&artifact, &settings()).unwrap();
    assert!(!report.passes && report.physics.unwrap().failure.is_some());
}

#[test]
fn damaged_directories_are_refused_by_file() {
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("out");
    exported(&conservative("p^2/2 + q^2/2"), &ExportOptions::default(), &out);
    std::fs::write(out.join("model.hnn"), [0; 7]).unwrap();
    assert!(Artifact::load(&out).unwrap_err().to_string().contains("model.hnn: 7 bytes"));
    std::fs::remove_file(out.join("model.hnn")).unwrap();
    assert!(Artifact::load(&out).unwrap_err().to_string().contains("model.hnn"));
    assert!(Artifact::load(room.path()).unwrap_err().to_string().contains("manifest.json"));
}

#[test]
fn a_changed_file_is_found_out_also_where_it_is_not_evaluated() {
    use crate::pipeline::GraphKind;
    let room = tempfile::tempdir().unwrap();
    let out = room.path().join("out");
    let options = ExportOptions { graphs: GraphKind::ALL.to_vec(), steps: 3, ..ExportOptions::default() };
    let artifact = exported(&conservative("p^2/2 + 3*(1-cos(q))"), &options, &out);
    assert!(artifact.changed_files.is_empty());
    std::fs::write(out.join("hessian.onnx"), "another").unwrap();
    std::fs::remove_file(out.join("hvp.onnx")).unwrap();
    assert_eq!(Artifact::load(&out).unwrap().changed_files, ["hessian.onnx", "hvp.onnx"]);
    // A manifest that names a file elsewhere is not followed.
    let manifest = out.join("manifest.json");
    let text =
        std::fs::read_to_string(&manifest).unwrap().replace("\"name\": \"hvp.onnx\"", "\"name\": \"../hvp.onnx\"");
    std::fs::write(&manifest, text).unwrap();
    assert_eq!(Artifact::load(&out).unwrap().changed_files, ["hessian.onnx", "../hvp.onnx"]);
}

#[test]
fn an_export_without_the_compared_graphs_says_what_to_do() {
    use crate::pipeline::GraphKind;
    let room = tempfile::tempdir().unwrap();
    for (place, graphs, missing) in [
        ("blob", vec![], "no hamiltonian.onnx, field.onnx, step.onnx,"),
        ("some", vec![GraphKind::Hessian, GraphKind::Field], "no hamiltonian.onnx, step.onnx,"),
    ] {
        let out = room.path().join(place);
        export(&conservative("p^2/2 + q^2"), &ExportOptions { graphs, ..ExportOptions::default() }, &out).unwrap();
        let message = Artifact::load(&out).unwrap_err().to_string();
        assert!(message.contains(missing) && message.contains("default graphs"), "{message}");
    }
}

/// A particle in the plane in polar coordinates, its mass 2: p = (2ṙ, 2r²φ̇).
fn polar() -> Model {
    conservative("p1^2/4 + p2^2/(4*q1^2) + (q1 - 2)^2")
}

#[test]
fn momenta_and_velocities_are_compared_on_every_engine_and_with_the_states() {
    use crate::onnx::{Batch, WriteOptions};
    use crate::pipeline::GraphKind;
    let room = tempfile::tempdir().unwrap();
    let states: Vec<Vec<f64>> =
        (0..9).map(|row| f64::from(row) / 9.0).map(|part| vec![1.5 + part, part, 0.4 - part, 0.9 * part]).collect();
    let samples = crate::manifest::Samples { x: states, ..Default::default() };
    let options = |functions: &[GraphKind], batch| ExportOptions {
        graphs: [&GraphKind::DEFAULT[..], &GraphKind::FUNCTIONS].concat(),
        functions: functions.to_vec(),
        samples: samples.clone(),
        onnx: WriteOptions { batch, ..WriteOptions::default() },
        ..ExportOptions::default()
    };
    for (name, functions, batch) in [
        ("all", &GraphKind::FUNCTIONS[..], Batch::Dynamic),
        ("momentum", &[GraphKind::Momentum], Batch::Fixed(4)),
        ("none", &[], Batch::Dynamic),
    ] {
        let artifact = exported(&polar(), &options(functions, batch), &room.path().join(name));
        let report = validate(&artifact, &settings()).unwrap();
        assert!(report.passes && report.other_graphs.is_empty(), "{name}\n{report}");
        let compared = |output: &str, kind| {
            report.outputs.iter().filter(|record| record.output == output && record.engine == kind).count()
        };
        let found = [compared("v", EngineKind::Runtime), compared("p", EngineKind::Runtime)];
        assert_eq!(found, [usize::from(name == "all"), usize::from(name != "none")], "{name}\n{report}");
        assert!(report.physics.unwrap().momentum.unwrap().value < 1e-6, "{name}");
    }

    // Functions and files of a heavier particle: files and functions agree with each other, and not with the energy.
    let heavier = conservative("p1^2/4.1 + p2^2/(4.1*q1^2) + (q1 - 2)^2");
    let (all, other) = (room.path().join("all"), room.path().join("other"));
    exported(&heavier, &options(&GraphKind::FUNCTIONS, Batch::Dynamic), &other);
    std::fs::copy(other.join("momentum.hnn"), all.join("momentum.hnn")).unwrap();
    let only = Settings { engines: Some(vec![EngineKind::Runtime]), ..settings() };
    let report = validate(&Artifact::load(&all).unwrap(), &only).unwrap();
    assert_eq!(report.changed_files, ["momentum.hnn"]);
    assert!(report.problems.iter().any(|problem| problem.contains("runtime disagrees on p of momentum")), "{report}");
    std::fs::copy(other.join("momentum.onnx"), all.join("momentum.onnx")).unwrap();
    let report = validate(&Artifact::load(&all).unwrap(), &only).unwrap();
    assert!(!report.problems.iter().any(|problem| problem.contains("runtime disagrees")), "{report}");
    assert!(report.problems.iter().any(|problem| problem.contains("not those of their velocities")), "{report}");
}

#[test]
fn files_of_a_fixed_batch_are_validated_like_any_other() {
    use crate::onnx::{Batch, WriteOptions};
    let room = tempfile::tempdir().unwrap();
    for (name, model) in [("free", conservative("p^2/2 + 3*(1-cos(q))")), ("driven", driven_pendulum())] {
        for batch in [1, 4, 300] {
            let onnx = WriteOptions { batch: Batch::Fixed(batch), ..WriteOptions::default() };
            let options = ExportOptions { onnx, dt: 0.02, ..ExportOptions::default() };
            let artifact = exported(&model, &options, &room.path().join(format!("{name}{batch}")));
            // 7 is no multiple of 4.
            let report = validate(&artifact, &Settings { samples: Some(7), ..settings() }).unwrap();
            assert!(report.passes, "{name}, batch {batch}\n{report}");
        }
    }
}

#[test]
fn files_of_every_precision_and_profile_are_validated_with_their_own_tolerance() {
    use crate::onnx::{Precision, Profile, WriteOptions};
    let room = tempfile::tempdir().unwrap();
    for (name, precision, profile, limit) in [
        ("half", Precision::F16, Profile::Standard, metrics::TOLERANCE_F16),
        ("double", Precision::F64, Profile::Standard, metrics::TOLERANCE),
        ("st", Precision::F32, Profile::St, metrics::TOLERANCE),
    ] {
        let onnx = WriteOptions { precision, profile, ..WriteOptions::default() };
        let options = ExportOptions { onnx, dt: 0.02, ..ExportOptions::default() };
        let artifact = exported(&driven_pendulum(), &options, &room.path().join(name));
        let report = validate(&artifact, &Settings { samples: Some(7), ..settings() }).unwrap();
        assert!(report.passes, "{name}\n{report}");
        assert!(report.outputs.iter().all(|record| record.metrics.tolerance == limit), "{name}");
        assert!(report.to_string().contains(&format!("{precision} files")), "{report}");
        let runtime = report.outputs.iter().filter(|record| record.engine == EngineKind::Runtime);
        let worst = runtime.map(|record| record.metrics.worst).fold(0.0, f64::max);
        assert_eq!(worst > metrics::TOLERANCE, precision == Precision::F16, "{name}: {worst:e}");
    }
}

#[test]
fn shapes_that_a_file_does_not_declare_are_refused_by_every_engine() {
    let room = tempfile::tempdir().unwrap();
    let artifact = exported(&conservative("p^2/2 + 3*(1-cos(q))"), &ExportOptions::default(), &room.path().join("out"));
    for kind in [EngineKind::Reference, EngineKind::Tract, EngineKind::Ort] {
        let Ok(mut engine) = open(kind, artifact.file(Part::Hamiltonian).unwrap()) else {
            println!("skipped: {kind} is not available");
            continue;
        };
        for shape in [&[5, 3][..], &[5, 1], &[2], &[5, 2, 1]] {
            let x = Tensor::full(shape, 0.5).unwrap();
            assert!(engine.run(&[("x", &x)]).is_err(), "{kind} takes {shape:?}");
        }
        assert_eq!(engine.run(&[("x", &Tensor::full(&[5, 2], 0.5).unwrap())]).unwrap()[0].1.shape(), [5, 1]);
    }
}

#[test]
fn a_run_too_short_for_a_slope_does_not_pass() {
    let room = tempfile::tempdir().unwrap();
    let artifact = exported(&conservative("p^2/2 + 3*(1-cos(q))"), &ExportOptions::default(), &room.path().join("out"));
    for (drift_steps, passes) in [(78, false), (79, true)] {
        let length = RunLength { drift_steps, ..settings().length };
        let report = validate(&artifact, &Settings { length, ..settings() }).unwrap();
        let physics = report.physics.as_ref().unwrap();
        assert_eq!((physics.drift.is_some(), physics.failure.is_none()), (passes, passes), "{report}");
        assert!(passes || report.problems.iter().any(|problem| problem.contains("79 are needed")), "{report}");
    }
}
