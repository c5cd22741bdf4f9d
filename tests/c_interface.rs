//! A program in C steps what `hnn export` wrote and prints the trajectory hash of its manifest, and the energy of `hnn simulate`.
//!
//! Compiled with every warning an error, against the committed header and the static library. Without a C compiler the test
//! says so and passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hnn_conformance::repository;

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn compiler(known: &[&'static str]) -> Option<&'static str> {
    let known = known.iter().copied();
    let found = known.clone().find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        eprintln!("skipped: no C compiler ({})", known.collect::<Vec<_>>().join(", "));
    }
    found
}

/// The static library, built as these options say.
fn library(options: &[&str]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    run(Command::new(cargo)
        .current_dir(repository())
        .args(["build", "--release", "--quiet", "--locked", "--package", "hnn-capi", "--target-dir"])
        .arg(&target)
        .args(options));
    let machine = options.iter().position(|option| *option == "--target").map_or("", |at| options[at + 1]);
    target.join(machine).join("release/libhnn_capi.a")
}

/// The example, compiled and linked in `directory`.
fn swing(compiler: &str, directory: &Path) -> PathBuf {
    let (root, library) = (repository(), library(&[]));
    let (source, program) = (root.join("runtime-capi/examples/swing.c"), directory.join("swing"));
    run(Command::new(compiler)
        .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-I"])
        .arg(root.join("runtime-capi/include"))
        .arg(source)
        .arg(library)
        .args(["-lpthread", "-ldl", "-lm", "-o"])
        .arg(&program));
    program
}

#[test]
fn a_program_in_c_gives_the_hash_of_the_manifest_and_the_energy_of_simulate() {
    let Some(compiler) = compiler(&["cc", "gcc", "clang"]) else { return };
    let place = tempfile::tempdir().unwrap();
    let program = swing(compiler, place.path());
    for (name, formula, scheme) in [
        ("pendulum", "p^2/2 + 1 - cos(q)", "leapfrog"),
        ("charge", "(p1 + q2/2)^2/2 + (p2 - q1/2)^2/2", "midpoint"),
        ("doubled", "(p1 + q2/2)^2/2 + (p2 - q1/2)^2/2 + q1^4/4", "tao4"),
    ] {
        let hnn = |arguments: &[&str]| {
            run(Command::new(env!("CARGO_BIN_EXE_hnn-under-test")).current_dir(place.path()).args(arguments))
        };
        hnn(&["export", "--hamiltonian", formula, "--scheme", scheme, "--dt", "0.02", "--out", name]);
        let manifest = std::fs::read_to_string(place.path().join(name).join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let trajectory = &manifest["trajectory"];
        let (steps, start) = (trajectory["steps"].to_string(), trajectory["x0"].as_array().unwrap());
        let start: Vec<String> = start.iter().map(ToString::to_string).collect();
        let blob = place.path().join(name).join("model.hnn");
        let printed = text(&run(Command::new(&program).arg(&blob).arg(&steps).args(&start)));
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[0], format!("{scheme} {}", trajectory["hash"].as_str().unwrap()), "{name}");
        let bits: Vec<&str> =
            trajectory["final_bits"].as_array().unwrap().iter().map(|bits| bits.as_str().unwrap()).collect();
        assert_eq!(lines[1..lines.len() - 1], bits, "{name}");
        hnn(&["simulate", name, "--x0", &start.join(","), "--steps", &steps, "--out", "o.csv"]);
        let table = std::fs::read_to_string(place.path().join("o.csv")).unwrap();
        let energy: f32 = table.lines().last().unwrap().rsplit(',').next().unwrap().parse().unwrap();
        assert_eq!(lines[lines.len() - 1].parse::<f32>().unwrap().to_bits(), energy.to_bits(), "{name}");
    }
    // What is not a model is refused by name.
    let refused = Command::new(&program).arg("/dev/null").arg("1").output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("shorter than a header"));
}

#[test]
fn no_path_of_the_interface_panics_on_a_machine_without_an_operating_system() {
    const MACHINE: &str = "thumbv7em-none-eabihf";
    let Some(compiler) = compiler(&["arm-none-eabi-gcc"]) else { return };
    let sysroot = text(&run(Command::new(option_env!("RUSTC").unwrap_or("rustc")).args(["--print", "sysroot"])));
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(MACHINE).is_dir() {
        eprintln!("skipped: rustup target {MACHINE} is missing (`cargo xtask setup` adds it)");
        return;
    }
    let library = library(&["--target", MACHINE, "--no-default-features", "--features", "panic-handler,dof-8,dof-64"]);
    let place = tempfile::tempdir().unwrap();
    let (root, program) = (repository().join("runtime-capi"), place.path().join("every_call"));
    run(Command::new(compiler)
        .args([
            "-mcpu=cortex-m4",
            "-mthumb",
            "-mfloat-abi=hard",
            "-mfpu=fpv4-sp-d16",
            "-std=c99",
            "-O2",
            "-Wall",
            "-Werror",
        ])
        .args(["--specs=nosys.specs", "-Wl,--gc-sections", "-I"])
        .arg(root.join("include"))
        .arg(root.join("examples/every_call.c"))
        .arg(library)
        .arg("-o")
        .arg(&program));
    let symbols = text(&run(Command::new("arm-none-eabi-nm").arg(&program)));
    assert!(symbols.contains("hnn_step"), "{symbols}");
    let panics: Vec<&str> = symbols.lines().filter(|line| line.contains("panic") || line.contains("unwind")).collect();
    assert!(panics.is_empty(), "{panics:?}");
}
