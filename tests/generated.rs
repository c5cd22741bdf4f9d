//! Generated source computes the bits of the interpreter: Rust by rustc, C by the machine's compiler, on every kind of model; and
//! a build that would not is refused, by its compiler or by its self-check.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hnn_conformance::cases;
use hnn_conformance::generated::{Generated, c_program, check, interpreted, rust_program, subjects};
use hnn_conformance::repository;
use hnn_exporter::dynamics::Scheme;
use hnn_exporter::emit::{SourceError, Subject, blob, c, read_blob, rust};
use hnn_exporter::lower::lower;
use hnn_runtime::math;

/// What generated C promises to compile with.
const C_FLAGS: [&str; 9] = [
    "-std=c99",
    "-ffp-contract=off",
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Werror",
];

fn is_there(program: &str) -> bool {
    let run = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = run.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: {program} is missing");
    }
    found
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a program prints.
fn run(program: &Path) -> String {
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Demands that two accounts agree, and says where the first difference is.
fn same(account: &str, expected: &str, who: &str) {
    let mut model = "";
    for (number, (found, expected)) in account.lines().zip(expected.lines()).enumerate() {
        model = expected.strip_prefix("model ").unwrap_or(model);
        assert_eq!(found, expected, "{who}: line {number}, model {model}");
    }
    assert_eq!(account.lines().count(), expected.lines().count(), "{who}");
}

fn account(subjects: &[Generated]) -> String {
    subjects.iter().map(|subject| interpreted(subject).unwrap()).collect()
}

fn rustc(root: &Path, program: &Path) -> Output {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    command.args(["--edition", "2024", "--crate-name", "program", "-D", "warnings", "-C", "opt-level=1"]);
    command.arg(root).arg("-o").arg(program).output().unwrap()
}

/// Compiles each source with every warning an error, but the program around them, and links them.
fn compile_c(compiler: &str, sources: &[PathBuf], folder: &Path, flags: &[&str]) -> PathBuf {
    let (program, around) = (folder.join(compiler), folder.join(format!("{compiler}.o")));
    let done = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{compiler}: {}", text(&output.stderr));
    };
    let include = format!("-I{}", folder.display());
    done(
        Command::new(compiler)
            .args(["-std=c99", "-O1", "-c", &include])
            .args(flags)
            .arg(&sources[0])
            .arg("-o")
            .arg(&around),
    );
    done(
        Command::new(compiler)
            .args(C_FLAGS)
            .arg("-O1")
            .args(flags)
            .arg(&around)
            .args(&sources[1..])
            .arg("-o")
            .arg(&program),
    );
    program
}

/// One model of the list.
fn subject(name: &str) -> Generated {
    subjects().unwrap().into_iter().find(|subject| subject.name == name).unwrap()
}

#[test]
fn generated_rust_computes_what_the_interpreter_computes() {
    let folder = tempfile::tempdir().unwrap();
    let subjects = subjects().unwrap();
    let root = rust_program(&subjects, folder.path()).unwrap();
    let program = folder.path().join("program");
    let output = rustc(&root, &program);
    assert!(output.status.success(), "{}", text(&output.stderr));
    same(&run(&program), &account(&subjects), "generated Rust");
}

#[test]
fn generated_c_computes_what_the_interpreter_computes() {
    let compilers: Vec<&str> = ["cc", "clang"].into_iter().filter(|compiler| is_there(compiler)).collect();
    let folder = tempfile::tempdir().unwrap();
    let subjects = subjects().unwrap();
    let sources = c_program(&subjects, folder.path()).unwrap();
    let expected = account(&subjects);
    for compiler in compilers {
        let program = compile_c(compiler, &sources, folder.path(), &[]);
        same(&run(&program), &expected, &format!("generated C by {compiler}"));
    }
}

/// The vector table and the start of a Cortex-M4F: the coprocessor first, then newlib.
const START: &str = "#include <stdint.h>\nextern void _start(void);\nstatic void reset(void)\n{\n    \
    *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20;\n    __asm volatile(\"dsb\\n\\tisb\");\n    _start();\n}\n\
    __attribute__((section(\".vectors\"), used)) static const void *const vectors[2] = \
    {(const void *)0x20400000u, (const void *)reset};\n";

#[test]
fn generated_c_on_a_cortex_m4f_computes_what_the_interpreter_computes() {
    if !is_there("arm-none-eabi-gcc") || !is_there("qemu-system-arm") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let wanted =
        ["every_inverse", "every_activation", "every_function", "wide_tanh", "wide_gelu", "port_full_in_state"];
    let subjects: Vec<Generated> =
        subjects().unwrap().into_iter().filter(|subject| wanted.contains(&subject.name.as_str())).collect();
    assert_eq!(subjects.len(), wanted.len());
    let sources = c_program(&subjects, folder.path()).unwrap();
    let (start, program) = (folder.path().join("start.c"), folder.path().join("program.elf"));
    fs::write(&start, START).unwrap();
    let output = Command::new("arm-none-eabi-gcc")
        .args([
            "-mcpu=cortex-m4",
            "-mfpu=fpv4-sp-d16",
            "-mfloat-abi=hard",
            "-mthumb",
            "-std=c99",
            "-ffp-contract=off",
            "-O2",
        ])
        .args(["--specs=rdimon.specs", "-Wl,--section-start=.vectors=0"])
        .arg(format!("-I{}", folder.path().display()))
        .args(&sources)
        .arg(&start)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = Command::new("timeout")
        .args(["120", "qemu-system-arm", "-M", "mps2-an386", "-cpu", "cortex-m4", "-nographic"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(&program)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    same(&text(&output.stdout), &account(&subjects), "generated C on a Cortex-M4F");
}

#[test]
fn fast_math_is_refused_by_the_compiler() {
    if !is_there("cc") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sources = c_program(&[subject("spring")], folder.path()).unwrap();
    for (flag, is_accepted) in [("-ffp-contract=off", true), ("-ffast-math", false), ("-Ofast", false)] {
        let output = Command::new("cc").args(["-std=c99", flag, "-fsyntax-only"]).arg(&sources[1]).output().unwrap();
        assert_eq!(output.status.success(), is_accepted, "{flag}: {}", text(&output.stderr));
        assert!(is_accepted || text(&output.stderr).contains("without -ffast-math"), "{}", text(&output.stderr));
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn fused_products_and_sums_are_caught_by_the_self_check() {
    if !is_there("cc") || !std::arch::is_x86_feature_detected!("fma") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let sources = c_program(&[subject("wide_tanh")], folder.path()).unwrap();
    let fused = ["-O2", "-mfma", "-ffp-contract=fast"];
    let output = Command::new(compile_c("cc", &sources, folder.path(), &fused)).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("self-check fails"), "{}", text(&output.stderr));
}

#[test]
fn one_changed_bit_of_a_weight_is_caught_by_the_self_check() {
    let folder = tempfile::tempdir().unwrap();
    let original = subject("wide_tanh");
    let check = check(&original).unwrap();
    let asked =
        Subject { name: "good", plan: &original.plan, scheme: original.scheme, dt: original.dt, check: Some(&check) };
    let good = rust(&asked).unwrap();
    // The first word of the first table; the trajectory of the check rounds such a change away.
    let (_, table) = good.split_once("static C").unwrap();
    let word = &table[table.find("0x").unwrap()..][..10];
    let turned = format!("{:#010x}", u32::from_str_radix(&word[2..], 16).unwrap() ^ 1);
    let bad = good.replacen(word, &turned, 1);
    assert_ne!(good, bad);
    fs::write(folder.path().join("good.rs"), good).unwrap();
    fs::write(folder.path().join("bad.rs"), bad).unwrap();
    let root = folder.path().join("main.rs");
    let main = "mod good;\nmod bad;\nfn main() {\n    print!(\"{:?} {:?}\", good::Model::new().self_check(), \
                bad::Model::new().self_check());\n}\n";
    fs::write(&root, main).unwrap();
    let program = folder.path().join("program");
    let output = rustc(&root, &program);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(run(&program), "Ok(()) Err(Bits)");
}

#[test]
fn what_a_model_does_not_need_is_not_in_its_source() {
    let spring = subject("spring");
    let asked = Subject { name: "spring", plan: &spring.plan, scheme: spring.scheme, dt: spring.dt, check: None };
    let source = rust(&asked).unwrap();
    let modules: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("mod ")).collect();
    assert_eq!(modules, ["scheme {", "kernels {", "math {", "float_mode {"]);
    let [header, source] = c(&asked, "spring").unwrap();
    for absent in ["exp_of", "sqrt_of", "tanh_of", "forward", "hashed", "midpoint", "product"] {
        assert!(!source.contains(absent), "{absent}");
    }
    assert!(header.contains("SPRING_DOF 1\n") && source.contains("splitting"));
}

#[test]
fn constraints_and_impossible_prefixes_are_refused_with_a_remedy() {
    let rod = cases::all().unwrap().into_iter().find(|case| case.name == "rod").unwrap();
    let plan = lower(&rod.model).unwrap();
    let asked = Subject { name: "rod", plan: &plan, scheme: Scheme::RATTLE, dt: 0.01, check: None };
    for refused in [rust(&asked).unwrap_err(), c(&asked, "rod").unwrap_err()] {
        assert!(refused.to_string().contains("rattle") && refused.to_string().contains("blob"), "{refused}");
    }
    let spring = subject("spring");
    let asked = Subject { name: "spring", plan: &spring.plan, scheme: spring.scheme, dt: spring.dt, check: None };
    for prefix in ["", "2nd", "a-b", "ä", "a b"] {
        assert_eq!(c(&asked, prefix), Err(SourceError::Prefix(prefix.to_owned())));
    }
}

#[test]
fn a_blob_that_is_read_back_gives_the_same_words() {
    let mut all = subjects().unwrap();
    // Those that no source is written for, too.
    let spring = all.iter().find(|subject| subject.name == "spring").unwrap().clone();
    let schemes = Scheme::ALL.into_iter().filter(|scheme| !scheme.keeps_constraints());
    all.extend(schemes.map(|scheme| Generated { scheme, ..spring.clone() }));
    for subject in all {
        let words = subject.blob();
        let (plan, scheme, dt) = read_blob(&words).unwrap();
        assert_eq!(blob(&plan, scheme, dt), words, "{} {scheme}", subject.name);
    }
}

/// A function of one number.
type Function = fn(f32) -> f32;

/// Functions of one number in C and in the runtime.
const FUNCTIONS: [(&str, Function); 13] = [
    ("sqrt_of", math::sqrt),
    ("log_of", math::log),
    ("atan_of", math::atan),
    ("floor_of", math::floor),
    ("round_of", math::round),
    ("exp_of", math::exp),
    ("sigmoid_of", math::sigmoid),
    ("softplus_of", math::softplus),
    ("erf_of", math::erf),
    ("tanh_of", math::tanh),
    ("sin_of", math::sin),
    ("cos_of", math::cos),
    ("sign", math::sign),
];

fn hashed(hash: u64, value: f32) -> u64 {
    (hash ^ u64::from(math::canonical(value).to_bits())).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Every so many bit patterns are tried; a prime.
const STRIDE: u32 = 39_119;

#[test]
fn functions_in_c_have_the_bits_of_the_runtime() {
    if !is_there("cc") {
        return;
    }
    let stride: u32 = std::env::var("HNN_MATH_STRIDE").ok().and_then(|text| text.parse().ok()).unwrap_or(STRIDE);
    let count = u32::MAX / stride;
    let fragment = fs::read_to_string(repository().join("exporter/src/emit/c/math.c")).unwrap();
    let mut program = format!(
        "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\n{fragment}\nint main(void)\n{{\n"
    );
    let mut expected = String::new();
    for (name, function) in FUNCTIONS {
        program += &format!(
            "    {{\n        uint64_t h = 0;\n        uint32_t i;\n        for (i = 0; i <= {count}u; ++i) {{\n            \
             h = (h ^ bits_of(canonical({name}(float_of(i * {stride}u))))) * 0x100000001b3ull;\n        }}\n        \
             printf(\"{name} %016llx\\n\", (unsigned long long)h);\n    }}\n"
        );
        let hash = (0..=count).fold(0, |hash, index| hashed(hash, function(f32::from_bits(index * stride))));
        expected += &format!("{name} {hash:016x}\n");
    }
    for (name, function) in [("pow_of", math::pow as fn(f32, f32) -> f32), ("max_of", math::max), ("min_of", math::min)]
    {
        program += &format!(
            "    {{\n        uint64_t h = 0;\n        uint32_t i;\n        for (i = 0; i <= {count}u; ++i) {{\n            \
             const float y = float_of((i * 2654435761u) ^ (i >> 3));\n            const float x = float_of(i * {stride}u);\n            \
             h = (h ^ bits_of(canonical({name}(x, y)))) * 0x100000001b3ull;\n            \
             h = (h ^ bits_of(canonical({name}(x, (float)(int32_t)(i % 64u) * 0.25f - 8.0f)))) * 0x100000001b3ull;\n        }}\n        \
             printf(\"{name} %016llx\\n\", (unsigned long long)h);\n    }}\n"
        );
        let hash = (0..=count).fold(0, |hash, index| {
            let x = f32::from_bits(index * stride);
            let y = f32::from_bits(index.wrapping_mul(2_654_435_761) ^ (index >> 3));
            hashed(hashed(hash, function(x, y)), function(x, (index % 64) as f32 * 0.25 - 8.0))
        });
        expected += &format!("{name} {hash:016x}\n");
    }
    program += "    return 0;\n}\n";
    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("math.c"), folder.path().join("math"));
    fs::write(&source, program).unwrap();
    let output = Command::new("cc").args(C_FLAGS).arg("-O2").arg(&source).arg("-o").arg(&binary).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    same(&run(&binary), &expected, "functions in C");
}
