//! Exports, end to end: what is written, what it says, and what is refused without leaving a trace.

use std::fs;

use super::*;
use crate::graph::Graph;
use crate::lower::Operations;
use crate::manifest::{FILE_NAME, MAX_SAMPLES};
use crate::onnx;

fn model(text: &str) -> Model {
    crate::expression::parse(text, &Default::default()).unwrap()
}

fn pendulum() -> Model {
    model("p^2/2 + 3*(1-cos(q))")
}

fn room() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const FILES: [&str; 5] = ["field.onnx", "hamiltonian.onnx", "manifest.json", "model.hnn", "step.onnx"];

#[test]
fn an_export_holds_five_files_and_a_manifest_that_fits_its_schema() {
    let schema = include_str!("../../../docs/schema/manifest.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for text in [
        "p^2/2 + q^2/2",
        "p^2/2 + 3*(1-cos(q))",
        "(1+q^2)*p^2/2",
        "(p1^2+p2^2+p3^2+p4^2)/2 - 1/sqrt((q1-q3)^2+(q2-q4)^2)",
    ] {
        let room = room();
        let out = room.path().join("deep/out");
        let manifest = export(&model(text), &ExportOptions::default(), &out).unwrap();
        assert_eq!(names(&out), FILES);
        assert_eq!(names(room.path()), ["deep"]);
        assert_eq!(names(&room.path().join("deep")), ["out"], "nothing temporary stays");
        let value = serde_json::from_slice(&fs::read(out.join(FILE_NAME)).unwrap()).unwrap();
        let faults: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{text}: {faults:?}");
        assert_eq!(Manifest::read(&out).unwrap(), manifest, "{text}");
        for file in &manifest.files {
            assert_eq!(*file, FileRecord::of(&file.name, &fs::read(out.join(&file.name)).unwrap()));
        }
        for graph in &manifest.onnx.graphs {
            let read = onnx::read(&fs::read(out.join(&graph.file)).unwrap()).unwrap();
            let [inputs, outputs] = record::ports(&read, onnx::Batch::Dynamic);
            assert_eq!((inputs, outputs), (graph.inputs.clone(), graph.outputs.clone()));
        }
    }
}

#[test]
fn the_hash_is_that_of_the_written_program_stepped_by_the_runtime() {
    use hnn_runtime::{AnyStepper, Compiled, Program, State, Stepper, TrajectoryHash, Workspace};
    let room = room();
    let options = ExportOptions { x0: Some(vec![1.0, 0.25]), steps: 100, dt: 0.05, ..ExportOptions::default() };
    let manifest = export(&pendulum(), &options, &room.path().join("out")).unwrap();
    let bytes = fs::read(room.path().join("out/model.hnn")).unwrap();
    let words: Vec<u32> = bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    let program = Program::parse(&words).unwrap();
    let DeviceRecord::Program(record) = &manifest.device else { panic!("no program") };
    assert_eq!(record.flash_bytes, bytes.len());
    assert_eq!(record.workspace_bytes, program.workspace_len() * 4);
    let mut workspace = Workspace::<64>::for_program(&program).unwrap();
    let mut compiled = Compiled::bind(&program, &mut workspace).unwrap();
    let stepper = AnyStepper::for_program(&program).unwrap();
    let mut state = State::<f32, 1>::new(&[1.0], &[0.25]).unwrap();
    let mut hash = TrajectoryHash::new();
    hash.update(&state);
    for _ in 0..100 {
        stepper.step(&mut compiled, &mut state, &[], program.dt()).unwrap();
        hash.update(&state);
    }
    let trajectory = manifest.trajectory.unwrap();
    assert_eq!(trajectory.hash, format!("{:016x}", hash.value()));
    let bits = [state.q()[0], state.p()[0]].map(|value| format!("{:08x}", value.to_bits()));
    assert_eq!(trajectory.final_bits, bits);
    assert_eq!(trajectory.scheme, "leapfrog");
}

#[test]
fn the_same_export_twice_gives_the_same_bytes() {
    let room = room();
    let places = ["a", "b"].map(|name| room.path().join(name));
    for place in &places {
        export(&pendulum(), &ExportOptions::default(), place).unwrap();
    }
    for file in FILES {
        assert_eq!(fs::read(places[0].join(file)).unwrap(), fs::read(places[1].join(file)).unwrap(), "{file}");
    }
}

#[test]
fn a_leapfrog_step_costs_two_forces_and_one_velocity() {
    let room = room();
    let manifest = export(&pendulum(), &ExportOptions::default(), &room.path().join("out")).unwrap();
    let DeviceRecord::Program(record) = manifest.device else { panic!("no program") };
    let expected = Operations::default().plus(record.entries["force"], 2).plus(record.entries["velocity"], 1);
    assert_eq!(record.step, expected);
    assert_eq!(record.step.transcendental_calls, 2);
}

#[test]
fn an_explicit_scheme_on_a_mixing_energy_is_refused_with_both_remedies() {
    let room = room();
    for scheme in [Scheme::Leapfrog, Scheme::Yoshida4] {
        let options = ExportOptions { scheme: Some(scheme), ..ExportOptions::default() };
        let error = export(&model("(1+q^2)*p^2/2"), &options, &room.path().join("out")).unwrap_err().to_string();
        assert!(
            error.contains("mixes q and p") && error.contains("midpoint") && error.contains("separable"),
            "{error}"
        );
        assert!(names(room.path()).is_empty());
    }
    let manifest = export(&model("(1+q^2)*p^2/2"), &ExportOptions::default(), &room.path().join("out")).unwrap();
    assert_eq!((manifest.integration.scheme.as_str(), manifest.integration.iterations), ("midpoint", 8));
    assert!(manifest.model.separability.reason.is_some());
}

#[test]
fn a_model_too_large_for_the_device_still_gets_its_onnx_files() {
    let mut graph = Graph::new();
    let x = graph.input(dynamics::STATE, crate::graph::Shape::batched(&[130]).unwrap()).unwrap();
    let square = graph.mul(x, x).unwrap();
    let energy = graph.sum_keep(square, &[1]).unwrap();
    graph.set_output(dynamics::ENERGY, energy);
    let room = room();
    let out = room.path().join("out");
    let options = ExportOptions { steps: 1, ..ExportOptions::default() };
    let manifest = export(&Model::new(graph).unwrap(), &options, &out).unwrap();
    let DeviceRecord::Absent { reason } = &manifest.device else { panic!("a program of 65 degrees of freedom") };
    assert!(reason.contains("65") && reason.contains("64"), "{reason}");
    assert_eq!(names(&out), ["field.onnx", "hamiltonian.onnx", "manifest.json", "step.onnx"]);
    assert_eq!(Manifest::read(&out).unwrap(), manifest);
}

#[test]
fn an_export_is_replaced_only_by_force_and_what_else_lies_there_stays() {
    let room = room();
    let out = room.path().join("out");
    export(&pendulum(), &ExportOptions::default(), &out).unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let before = fs::read(out.join(FILE_NAME)).unwrap();
    let other = ExportOptions { dt: 0.5, ..ExportOptions::default() };
    let error = export(&pendulum(), &other, &out).unwrap_err();
    assert!(matches!(error, ExportError::Occupied { .. }) && error.to_string().contains("--force"), "{error}");
    assert_eq!(fs::read(out.join(FILE_NAME)).unwrap(), before);
    export(&pendulum(), &ExportOptions { force: true, ..other }, &out).unwrap();
    assert_eq!(Manifest::read(&out).unwrap().integration.dt, 0.5);
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
    assert_eq!(names(room.path()), ["out"]);
}

fn words(path: &Path) -> Vec<u32> {
    fs::read(path).unwrap().as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

#[test]
fn a_measured_velocity_becomes_a_momentum_and_steps_along_a_straight_line() {
    use hnn_runtime::{AnyStepper, Compiled, CompiledFunction, Function, Program, State, Stepper, Workspace};
    // A free particle of mass 2 in polar coordinates: p = (2ṙ, 2r²φ̇), H does not split, and the motion is a straight line.
    let room = room();
    let out = room.path().join("out");
    let options = ExportOptions {
        scheme: Some(Scheme::Midpoint { iterations: 6 }),
        functions: vec![GraphKind::Momentum],
        graphs: Vec::new(),
        ..ExportOptions::default()
    };
    let manifest = export(&model("p1^2/4 + p2^2/(4*q1^2)"), &options, &out).unwrap();
    assert_eq!(names(&out), ["manifest.json", "model.hnn", "momentum.hnn"]);
    let (blob, momentum) = (words(&out.join("model.hnn")), words(&out.join("momentum.hnn")));

    let (q, v) = ([1.5f32, 0.0], [0.3f32, 0.4]);
    let function = Function::parse(&momentum).unwrap();
    let record = &manifest.functions[0];
    assert_eq!((record.flash_bytes, record.workspace_len), (4 * momentum.len(), function.workspace_len()));
    let mut scratch = Workspace::<64>::for_function(&function).unwrap();
    let mut p = [0.0f32; 2];
    CompiledFunction::bind(&function, &mut scratch).unwrap().call(&[q, v].concat(), &mut p);
    for (found, wanted) in p.iter().zip([2.0 * 0.3, 2.0 * 1.5 * 1.5 * 0.4]) {
        assert!((found - wanted).abs() < 1e-6, "{found}, not {wanted}");
    }

    let program = Program::parse(&blob).unwrap();
    let mut workspace = Workspace::<128>::for_program(&program).unwrap();
    let mut compiled = Compiled::bind(&program, &mut workspace).unwrap();
    let stepper = AnyStepper::for_program(&program).unwrap();
    let mut state = State::<f32, 2>::new(&q, &p).unwrap();
    for _ in 0..200 {
        stepper.step(&mut compiled, &mut state, &[], program.dt()).unwrap();
    }
    // In Cartesian coordinates it starts at (1.5, 0) with (ṙ, rφ̇) = (0.3, 0.6), and 200 steps are 2 s.
    let (x, y) = (1.5 + 2.0 * 0.3f32, 2.0 * 0.6f32);
    for (found, wanted) in state.q().iter().zip([x.hypot(y), y.atan2(x)]) {
        assert!((found - wanted).abs() < 2e-5, "{found}, not {wanted}");
    }
}

#[test]
fn what_the_device_program_answers_for_is_no_function_of_its_own() {
    let room = room();
    let options = |kind| ExportOptions { functions: vec![kind], ..ExportOptions::default() };
    for (text, kind, reason) in [
        ("p^2/2 + q^2", GraphKind::Field, "`field` is no function for a device; there are velocity, momentum"),
        ("p^4/4 + q^2", GraphKind::Momentum, "quadratic in p"),
    ] {
        let message = export(&model(text), &options(kind), &room.path().join("out")).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    assert!(names(room.path()).is_empty());
}

#[test]
fn a_replaced_export_leaves_none_of_its_graphs_behind() {
    let room = room();
    let out = room.path().join("out");
    let all = ExportOptions {
        graphs: GraphKind::ALL.to_vec(),
        functions: GraphKind::FUNCTIONS.to_vec(),
        steps: 3,
        force: true,
        ..ExportOptions::default()
    };
    export(&pendulum(), &all, &out).unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    fs::create_dir(out.join("plots")).unwrap();
    fs::write(out.join("plots/one.svg"), "mine").unwrap();
    // The files are those of the second model, not the first.
    let manifest = export(&model("p^2/2 + 5*(1-cos(q))"), &all, &out).unwrap();
    assert_eq!(manifest.files.len(), 12);
    for file in &manifest.files {
        assert_eq!(*file, FileRecord::of(&file.name, &fs::read(out.join(&file.name)).unwrap()));
    }
    // What the third leaves out is gone, and what is the user's stays.
    let fewer = ExportOptions { graphs: GraphKind::DEFAULT.to_vec(), functions: Vec::new(), ..all };
    export(&pendulum(), &fewer, &out).unwrap();
    let mut expected = [&FILES[..], &["notes.txt", "plots"]].concat();
    expected.sort_unstable();
    assert_eq!(names(&out), expected);
    assert_eq!(fs::read_to_string(out.join("plots/one.svg")).unwrap(), "mine");
    assert_eq!(names(room.path()), ["out"]);
}

#[test]
fn a_file_in_the_way_leaves_everything_where_it_was() {
    let room = room();
    let [old, new] = ["old", "new"].map(|name| room.path().join(name));
    fs::create_dir(&old).unwrap();
    fs::create_dir(&new).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(old.join(name), "mine").unwrap();
    }
    fs::write(new.join("b"), "other").unwrap();
    let aside = room.path().join("aside");
    let failure = directory::replace(&old, &new, &aside, &Default::default()).unwrap_err();
    assert!(failure.restored, "{failure:?}");
    // The swap itself fails as well without harm: the place to put the old one is taken.
    fs::remove_file(new.join("b")).unwrap();
    fs::create_dir(&aside).unwrap();
    fs::write(aside.join("taken"), "").unwrap();
    let failure = directory::replace(&old, &new, &aside, &Default::default()).unwrap_err();
    assert!(failure.restored, "{failure:?}");
    fs::write(new.join("b"), "other").unwrap();
    assert_eq!((names(&old), names(&new)), (["a", "b", "c"].map(String::from).to_vec(), vec!["b".to_owned()]));
    assert_eq!(fs::read_to_string(new.join("b")).unwrap(), "other");
}

#[test]
fn what_is_no_export_is_never_replaced() {
    let room = room();
    let (file, home) = (room.path().join("file"), room.path().join("home"));
    fs::write(&file, "mine").unwrap();
    fs::create_dir(&home).unwrap();
    fs::write(home.join("thesis.tex"), "mine").unwrap();
    for place in [&file, &home] {
        let options = ExportOptions { force: true, ..ExportOptions::default() };
        assert!(matches!(export(&pendulum(), &options, place), Err(ExportError::Occupied { .. })));
    }
    assert_eq!(fs::read_to_string(home.join("thesis.tex")).unwrap(), "mine");
    assert_eq!(names(room.path()), ["file", "home"]);
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let room = room();
    let base = ExportOptions::default;
    let sampled = |x: Vec<Vec<f64>>| Samples { x, ..Samples::default() };
    for options in [
        ExportOptions { dt: 0.0, ..base() },
        ExportOptions { dt: f64::NAN, ..base() },
        ExportOptions { dt: 1e-50, ..base() },
        ExportOptions { x0: Some(vec![1.0]), ..base() },
        ExportOptions { x0: Some(vec![1.0, f64::INFINITY]), ..base() },
        ExportOptions { steps: MAX_TRAJECTORY_STEPS + 1, ..base() },
        ExportOptions { samples: sampled(vec![vec![0.0; 3]]), ..base() },
        ExportOptions { samples: sampled(vec![vec![0.0, f64::NAN]]), ..base() },
        ExportOptions { coordinates: vec![Coordinate { name: "q".to_owned(), unit: String::new() }], ..base() },
    ] {
        let error = export(&pendulum(), &options, &room.path().join("out")).unwrap_err();
        assert!(matches!(error, ExportError::Request(_)), "{error}");
        assert!(names(room.path()).is_empty());
    }
}

#[test]
fn samples_are_kept_to_a_limit_with_the_box_of_all() {
    let room = room();
    let x: Vec<Vec<f64>> = (0..300).map(|index| vec![f64::from(index) / 100.0, -1.0]).collect();
    let options = ExportOptions { samples: Samples { x, ..Samples::default() }, steps: 3, ..ExportOptions::default() };
    let samples = export(&pendulum(), &options, &room.path().join("out")).unwrap().samples;
    assert_eq!(samples.x.len(), MAX_SAMPLES);
    assert_eq!((samples.x_min, samples.x_max), (vec![0.0, -1.0], vec![2.99, -1.0]));
}

#[test]
fn made_up_samples_fill_their_box_evenly() {
    let samples = samples::complete(&Samples::default(), &pendulum()).unwrap();
    for axis in 0..2 {
        let mut bins = [0; 8];
        for state in &samples.x {
            assert!((-1.0..=1.0).contains(&state[axis]));
            bins[(((state[axis] + 1.0) * 4.0) as usize).min(7)] += 1;
        }
        assert!(bins.iter().all(|count| (24..=40).contains(count)), "{bins:?}");
    }
}

#[test]
fn what_is_not_the_usual_encoding_says_so_in_the_manifest() {
    use crate::onnx::{Batch, Precision, Profile};
    let schema = include_str!("../../../docs/schema/manifest.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let room = room();
    let all = GraphKind::ALL.to_vec();
    let without_rollout = all[..8].to_vec();
    let onnx = |precision, profile, batch| WriteOptions { precision, profile, batch, ..WriteOptions::default() };
    for (name, onnx, graphs, changes) in [
        ("half", onnx(Precision::F16, Profile::Standard, Batch::Dynamic), all.clone(), 0),
        ("double", onnx(Precision::F64, Profile::Standard, Batch::Fixed(4)), all, 0),
        ("st", onnx(Precision::F32, Profile::St, Batch::Dynamic), without_rollout, 8),
    ] {
        let out = room.path().join(name);
        let options = ExportOptions { onnx: onnx.clone(), graphs, ..ExportOptions::default() };
        let manifest = export(&pendulum(), &options, &out).unwrap();
        assert_eq!((manifest.onnx.precision, manifest.onnx.profile), (onnx.precision, onnx.profile));
        let changed = manifest.onnx.graphs.iter().filter(|graph| !graph.changes.is_empty()).count();
        assert_eq!(changed, changes, "{name}");
        let value = serde_json::from_slice(&fs::read(out.join(FILE_NAME)).unwrap()).unwrap();
        let faults: Vec<String> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
        assert_eq!(Manifest::read(&out).unwrap(), manifest, "{name}");
        let inspection = crate::inspect::path(&out).unwrap();
        assert_eq!(inspection.graphs.len(), manifest.onnx.graphs.len(), "{name}");
    }
    let options = ExportOptions {
        onnx: onnx(Precision::F32, Profile::St, Batch::Dynamic),
        graphs: vec![GraphKind::Rollout],
        ..ExportOptions::default()
    };
    let message = export(&pendulum(), &options, &room.path().join("scan")).unwrap_err().to_string();
    assert!(message.contains("rollout.onnx") && message.contains("Scan"), "{message}");
}
