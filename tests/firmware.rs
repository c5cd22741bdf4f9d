//! The emulated devices give the host's bits, and the host's bits are those of `hnn simulate`.
//!
//! Accounts of the same runs must agree: what a device prints, what the same control loop prints here, what the runtime gives
//! without that loop, and what `hnn simulate` writes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::process::Command;

use hnn_conformance::cases;
use hnn_conformance::emulator::{self, APPLICATIONS, BOARDS, Load};
use hnn_conformance::executors::{DT, scheme};
use hnn_conformance::{misfits, repository};
use hnn_exporter::emit::{Subject, blob, blob_bytes, read_blob, rust};
use hnn_exporter::graph::Tensor;
use hnn_exporter::lower::lower;
use hnn_exporter::manifest::Samples;
use hnn_exporter::quantize::quantize;
use hnn_firmware_common::{
    Console, Example, INITIAL_MOMENTUM, INITIAL_POSITION, INPUT, MAX_DOF, MAX_INPUTS, MODELS, STEPS, checkpoint_every,
    scenario,
};
use hnn_runtime::{AnyStepper, Compiled, Program, State, Stepper as _, TrajectoryHash, Workspace};

/// Steps of every case; few, because a Cortex-M0 has no floating-point unit.
const CASE_STEPS: u32 = 50;

struct Text(String);

impl Console for Text {
    fn write(&mut self, text: &[u8]) {
        self.0.push_str(std::str::from_utf8(text).unwrap());
    }
}

/// What the control loop prints on this machine, and whether it was content.
fn printed_here(models: &[Example], steps: u32) -> (String, bool) {
    let mut console = Text(String::new());
    let good = hnn_firmware_common::run(models, steps, &mut console);
    (console.0, good)
}

/// The words after `key`, of every line that begins with it.
fn lines<'a>(text: &'a str, key: &str) -> Vec<Vec<&'a str>> {
    let words = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.first() == Some(&key)).map(|words| words[1..].to_vec()).collect()
}

fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<String> {
    values.into_iter().map(|value| format!("{:08x}", value.to_bits())).collect()
}

fn emulator_is_missing() -> bool {
    let missing = !emulator::available();
    if missing {
        eprintln!("skipped: qemu-system-arm or qemu-system-riscv32 is missing (`cargo xtask setup` installs it)");
    }
    missing
}

fn device_prints_what_the_host_prints(board: &str) {
    if emulator_is_missing() {
        return;
    }
    let (host, good) = printed_here(MODELS, STEPS);
    assert!(good, "{host}");
    let device = emulator::emulate(board, None).unwrap();
    println!("{board}:\n{device}");
    assert_eq!(device, host, "{board} and the host differ");
}

#[test]
fn every_core_prints_what_the_host_prints() {
    for board in BOARDS {
        device_prints_what_the_host_prints(board);
    }
}

/// The same case with its networks in fixed point, where it has any that can.
fn in_fixed_point(case: &cases::Case) -> Option<(&'static str, &'static [u32])> {
    let rows = |tensor: Tensor, len: usize| tensor.data().chunks(len).map(<[f64]>::to_vec).collect::<Vec<_>>();
    let states = 2 * case.model.dof();
    let samples = Samples {
        x: rows(case.states().unwrap(), states),
        u: case.inputs().unwrap().map(|u| rows(u, case.model.inputs())).unwrap_or_default(),
        ..Samples::default()
    };
    let quantized = quantize(&case.model, scheme(case), DT as f32, &samples).ok()?;
    Some((format!("{}_q15", case.name).leak(), quantized.words.leak()))
}

#[test]
fn every_case_gives_the_same_bits_on_host_and_devices() {
    if emulator_is_missing() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut models = Vec::new();
    for case in cases::all().unwrap() {
        let words = blob(&lower(&case.model).unwrap(), scheme(&case), DT as f32);
        std::fs::write(directory.path().join(format!("{}.hnn", case.name)), blob_bytes(&words)).unwrap();
        models.push(Example { name: case.name, blob: words.leak() });
        if let Some((name, words)) = in_fixed_point(&case) {
            std::fs::write(directory.path().join(format!("{name}.hnn")), blob_bytes(words)).unwrap();
            models.push(Example { name, blob: words });
        }
    }
    assert!(models.iter().any(|example| example.name == "mlp_tanh_q15"), "no case runs in fixed point");
    models.sort_by_key(|example| example.name);
    let (host, good) = printed_here(&models, CASE_STEPS);
    assert!(good, "{host}");
    assert_eq!(lines(&host, "trajectory_hash").len(), models.len());
    for board in BOARDS {
        let load = Load { models: directory.path(), steps: CASE_STEPS };
        let device = emulator::emulate(board, Some(&load)).unwrap();
        assert_eq!(device, host, "{board} and the host differ");
    }
}

/// What the scenario of an application prints on this machine.
fn scenario_here(application: &str) -> String {
    let mut console = Text(String::new());
    let good = match application {
        "swing-up" => scenario::swing_up(&mut console),
        "fault" => scenario::fault(&mut console),
        "update" => scenario::update(&mut console),
        other => panic!("no scenario is called {other}"),
    };
    assert!(good, "{application} did not go as it should:\n{}", console.0);
    console.0
}

#[test]
fn every_application_does_on_devices_to_the_bit_what_it_does_here() {
    if emulator_is_missing() {
        return;
    }
    for (application, boards) in APPLICATIONS {
        let host = scenario_here(application);
        for board in boards {
            let device = emulator::emulate_application(board, application).unwrap();
            assert_eq!(device, host, "{application} on {board} and on the host differ");
        }
    }
}

#[test]
fn the_pendulum_is_upright_within_six_seconds_and_faults_are_flagged_in_order() {
    let swing_up = scenario_here("swing-up");
    let (learned, controls) = swing_up.split_once("run without torque").unwrap();
    let upright: u32 = lines(learned, "upright_from_ms")[0][0].parse().unwrap();
    assert!(upright < 6000, "{swing_up}");
    assert_eq!(lines(controls, "never_upright").len(), 2, "{swing_up}");

    let fault = scenario_here("fault");
    let begins: u32 = lines(&fault, "fault_begins_ms")[0][0].parse().unwrap();
    let flagged = lines(&fault, "flagged_ms");
    assert_eq!((flagged.len(), lines(&fault, "not_flagged").len()), (3, 1), "{fault}");
    for delay in flagged.iter().map(|words| words[0].parse::<u32>().unwrap() - begins) {
        assert!(delay < 5000, "{fault}");
    }
}

#[test]
fn the_control_loop_prints_what_the_runtime_computes() {
    for example in MODELS {
        let (host, _) = printed_here(&[*example], STEPS);
        let program = Program::parse(example.blob).unwrap();
        let mut workspace = Workspace::<4096>::for_program(&program).unwrap();
        let mut model = Compiled::bind(&program, &mut workspace).unwrap();
        let stepper = AnyStepper::for_program(&program).unwrap();
        let (dof, u) = (program.dof(), &[INPUT; MAX_INPUTS][..program.inputs()]);
        let (q, p) = (vec![INITIAL_POSITION; dof], vec![INITIAL_MOMENTUM; dof]);
        let mut state = State::<f32, MAX_DOF>::new(&q, &p).unwrap();
        let mut hash = TrajectoryHash::new();
        hash.update(&state);

        let every = checkpoint_every(STEPS);
        let checkpoints = lines(&host, "state");
        assert_eq!(checkpoints.len(), 1 + (STEPS / every) as usize);
        for step in 0..=STEPS {
            if step > 0 {
                stepper.step(&mut model, &mut state, u, program.dt()).unwrap();
                hash.update(&state);
            }
            if step % every == 0 {
                let line = &checkpoints[(step / every) as usize];
                assert_eq!(line[0], step.to_string());
                assert_eq!(line[1..=2 * dof], bits(state.q().iter().chain(state.p())), "{}, step {step}", example.name);
            }
        }
        assert_eq!(lines(&host, "trajectory_hash"), [[format!("{:016x}", hash.value())]]);
    }
}

#[test]
fn hnn_simulate_writes_the_same_bits() {
    for example in MODELS {
        let (host, _) = printed_here(&[*example], STEPS);
        let dof = Program::parse(example.blob).unwrap().dof();
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("orbit.csv");
        let start = [vec![INITIAL_POSITION.to_string(); dof], vec![INITIAL_MOMENTUM.to_string(); dof]].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_hnn-under-test"))
            .arg("simulate")
            .arg(repository().join("firmware-examples/model").join(example.name).with_extension("hnn"))
            .args(["--x0", &start.join(","), "--steps", &STEPS.to_string(), "--out"])
            .arg(&out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

        let table = std::fs::read_to_string(&out).unwrap();
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), STEPS as usize + 1);
        for checkpoint in lines(&host, "state") {
            let row = &rows[checkpoint[0].parse::<usize>().unwrap()];
            let values: Vec<f32> = row[1..=2 * dof].iter().map(|field| field.parse().unwrap()).collect();
            assert_eq!(checkpoint[1..=2 * dof], bits(&values), "{}, step {}", example.name, checkpoint[0]);
        }
    }
}

#[test]
fn states_move_and_energies_stay() {
    assert!(!MODELS.is_empty());
    for example in MODELS {
        let (host, _) = printed_here(&[*example], STEPS);
        let mut states: Vec<_> = lines(&host, "state").into_iter().map(|line| line[1..].to_vec()).collect();
        let count = states.len();
        states.sort();
        states.dedup();
        assert_eq!(states.len(), count, "{}: two checkpoints hold the same state", example.name);
        let error = f32::from_bits(u32::from_str_radix(lines(&host, "energy_error_max")[0][0], 16).unwrap());
        assert!(error > 0.0 && error < 1e-2, "{}: energy error {error}", example.name);
    }
}

/// Without a conditional move the sine and the cosine of a formula branch; a network of tanh layers does not.
#[test]
fn on_rv32imafc_a_network_executes_the_same_instructions_at_every_state_and_formulas_nearly_so() {
    if emulator_is_missing() {
        return;
    }
    let printed = emulator::emulate_application("riscv32imafc-virt", "cost").unwrap();
    println!("{printed}");
    let models: Vec<&str> = printed.split("model ").skip(1).collect();
    assert_eq!(models.len(), MODELS.len());
    for (text, example) in models.into_iter().zip(MODELS) {
        let counts: Vec<Vec<f64>> = lines(text, "instructions")
            .into_iter()
            .map(|words| words.into_iter().map(|word| word.parse().unwrap()).collect())
            .collect();
        let [first, second] = &counts[..] else { panic!("{text}") };
        let limit = if example.name.ends_with("_network") { 0.0 } else { 0.02 };
        for (first, second) in first.iter().zip(second) {
            let spread = (first - second).abs() / first;
            assert!(*first > 100.0 && spread <= limit, "{}: {first} and {second} instructions", example.name);
        }
    }
}

#[test]
fn generated_rust_on_a_cortex_m4f_gives_the_bits_of_the_interpreter() {
    if emulator_is_missing() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for example in MODELS {
        let (plan, scheme, dt) = read_blob(example.blob).unwrap();
        let source = rust(&Subject { name: example.name, plan: &plan, scheme, dt, check: None }).unwrap();
        std::fs::write(folder.path().join(example.name).with_extension("rs"), source).unwrap();
    }
    let mut console = Text(String::new());
    assert!(hnn_firmware_common::measure(MODELS, &mut console), "{}", console.0);
    let expected: Vec<&str> = console.0.lines().filter(|line| !line.starts_with("blob_bytes")).collect();
    let device = emulator::emulate("mps2-generated", Some(&Load { models: folder.path(), steps: 0 })).unwrap();
    assert_eq!(device.lines().collect::<Vec<_>>(), expected);
}

/// The figures of `cargo xtask bench mcu` in the documentation: what has hardware for f32 takes one time, whatever the state.
#[test]
fn recorded_costs_fit_their_schema_and_depend_on_no_data() {
    let json = std::fs::read_to_string(repository().join("docs/mcu.json")).unwrap();
    assert_eq!(misfits("bench-mcu", &json).unwrap(), [""; 0]);
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let models = report["models"].as_array().unwrap();
    let generated = report["generated"].as_array().unwrap();
    assert!(models.iter().chain(generated).all(|model| model["is_constant"] == true), "{json}");
    assert_eq!(generated.len(), models.len(), "{json}");
    let recorded = |name: &str| models.iter().any(|model| model["name"] == name);
    assert!(MODELS.iter().map(|example| example.name).chain(["tanh_32", "tanh_200"]).all(recorded), "{json}");
}

#[test]
fn a_damaged_model_is_refused_before_the_first_step() {
    for example in MODELS {
        let mut words = example.blob.to_vec();
        *words.last_mut().unwrap() ^= 1;
        let (text, good) = printed_here(&[Example { name: "damaged", blob: words.leak() }], STEPS);
        assert!(!good && lines(&text, "error").len() == 1 && lines(&text, "state").is_empty(), "{text}");
    }
}
