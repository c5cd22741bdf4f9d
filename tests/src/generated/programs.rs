//! Programs around generated source, in the language of the source: they print what [`interpreted`](super::interpreted) prints.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use hnn_exporter::emit::{Subject, c, rust};

use super::{Generated, STEPS, check};

/// Writes a Rust crate of all subjects into `folder`; gives the path of its root file.
///
/// # Errors
/// Where a subject has no source, or a file cannot be written.
pub fn rust_program(subjects: &[Generated], folder: &Path) -> Result<PathBuf> {
    let (mut modules, mut calls) = (String::new(), String::new());
    for subject in subjects {
        let name = &subject.name;
        let check = check(subject)?;
        let text =
            rust(&Subject { name, plan: &subject.plan, scheme: subject.scheme, dt: subject.dt, check: Some(&check) })?;
        std::fs::write(folder.join(format!("{name}.rs")), text)?;
        let _ = writeln!(modules, "mod {name};");
        let parts = if subject.plan.separable { "parts" } else { "whole" };
        let _ = writeln!(calls, "    drive!({name}, {parts}, POINTS_{});", name.to_uppercase());
        let points: Vec<String> = subject.points().iter().map(|point| format!("    [{}],\n", bits(point))).collect();
        let len = 2 * subject.plan.dof + subject.plan.inputs;
        let _ = writeln!(
            modules,
            "const POINTS_{}: [[u32; {len}]; {}] = [\n{}];",
            name.to_uppercase(),
            points.len(),
            points.concat()
        );
    }
    let root = folder.join("main.rs");
    let steps = STEPS;
    std::fs::write(&root, format!("{RUST_HEAD}{modules}\nconst STEPS: u32 = {steps};\n\nfn main() {{\n{calls}}}\n"))?;
    Ok(root)
}

fn bits(values: &[f32]) -> String {
    values.iter().map(|value| format!("{:#010x}", value.to_bits())).collect::<Vec<_>>().join(", ")
}

const RUST_HEAD: &str = r#"//! Prints what generated models compute.
#![forbid(unsafe_code)]

fn line(key: &str, values: &[f32]) {
    print!("{key}");
    for value in values {
        print!(" {:08x}", value.to_bits());
    }
    println!();
}

fn hashed(mut hash: u64, values: &[f32]) -> u64 {
    for value in values {
        for byte in value.to_bits().to_le_bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

macro_rules! parts {
    (parts, $model:ident, $q:ident, $p:ident, $u:ident) => {
        line("parts", &[&$model.velocity(&$p)[..], &$model.force(&$q, &$u)[..]].concat())
    };
    (whole, $model:ident, $q:ident, $p:ident, $u:ident) => {};
}

macro_rules! drive {
    ($name:ident, $parts:ident, $points:ident) => {{
        use $name::{DOF, Error, INPUTS, Model};
        println!("model {}", stringify!($name));
        let mut model = Model::new();
        assert_eq!(model.self_check(), Ok(()), stringify!($name));
        let split = |point: &[u32]| {
            let values: Vec<f32> = point.iter().map(|bits| f32::from_bits(*bits)).collect();
            let q: [f32; DOF] = values[..DOF].try_into().unwrap();
            let p: [f32; DOF] = values[DOF..2 * DOF].try_into().unwrap();
            let u: [f32; INPUTS] = values[2 * DOF..].try_into().unwrap();
            (q, p, u)
        };
        for point in &$points {
            let (mut q, mut p, u) = split(point);
            line("energy", &[model.energy(&q, &p)]);
            let (dq, dp) = model.field(&q, &p, &u);
            line("field", &[&dq[..], &dp[..]].concat());
            parts!($parts, model, q, p, u);
            if !q.iter().chain(&p).all(|value| value.is_finite()) {
                println!("start is not finite");
                continue;
            }
            match model.step(&mut q, &mut p, &u) {
                Ok(residual) => line("step", &[&[residual][..], &q, &p].concat()),
                Err(Error::NonFinite) => line("not finite", &[&q[..], &p[..]].concat()),
                #[allow(unreachable_patterns)]
                Err(_) => line("too stiff", &[&q[..], &p[..]].concat()),
            }
        }
        let (mut q, mut p, u) = split(&$points[0]);
        let (mut hash, mut failures) = (0xcbf2_9ce4_8422_2325, 0);
        hash = hashed(hashed(hash, &q), &p);
        for _ in 0..STEPS {
            failures += u32::from(model.step(&mut q, &mut p, &u).is_err());
            hash = hashed(hashed(hash, &q), &p);
        }
        println!("hash {hash:016x} failures {failures}");
    }};
}

"#;

/// Writes C sources of all subjects into `folder`, each in a folder of its own, and a program around them; gives the paths of
/// what is to be compiled together.
///
/// # Errors
/// Where a subject has no source, or a file cannot be written.
pub fn c_program(subjects: &[Generated], folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut head, mut calls, mut sources) = (C_HEAD.to_owned(), String::new(), Vec::new());
    for subject in subjects {
        let name = &subject.name;
        let check = check(subject)?;
        let asked = Subject { name, plan: &subject.plan, scheme: subject.scheme, dt: subject.dt, check: Some(&check) };
        let [header, source] = c(&asked, name)?;
        let own = folder.join(name);
        std::fs::create_dir_all(&own)?;
        std::fs::write(own.join("model.h"), header)?;
        std::fs::write(own.join("model.c"), source)?;
        sources.push(own.join("model.c"));
        let points: Vec<String> = subject.points().iter().map(|point| format!("    {{{}}},\n", bits(point))).collect();
        let (n, m) = (subject.plan.dof, subject.plan.inputs);
        let parts = if subject.plan.separable {
            format!(
                "{name}_velocity(&model, p, rates);\n        {name}_force(&model, q, u, rates + {n});\n        line(\"parts\", rates, 2 * {n});"
            )
        } else {
            String::new()
        };
        let _ = writeln!(head, "#include \"{name}/model.h\"");
        let driver = C_DRIVER
            .replace("@NAME@", name)
            .replace("@CAPITALS@", &name.to_uppercase())
            .replace("@N@", &n.to_string())
            .replace("@LEN@", &(2 * n + m).to_string())
            .replace("@COUNT@", &points.len().to_string())
            .replace("@POINTS@", &points.concat())
            .replace("@PARTS@", &parts)
            .replace("@STEPS@", &STEPS.to_string());
        let _ = writeln!(calls, "    drive_{name}();");
        head += &driver;
    }
    let root = folder.join("main.c");
    std::fs::write(&root, format!("{head}\nint main(void)\n{{\n{calls}    return 0;\n}}\n"))?;
    sources.insert(0, root);
    Ok(sources)
}

const C_HEAD: &str = r#"/* Prints what generated models compute. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static void line(const char *key, const float *values, int len)
{
    int k;
    printf("%s", key);
    for (k = 0; k < len; ++k) {
        printf(" %08x", (unsigned)bits_of(values[k]));
    }
    printf("\n");
}

static uint64_t hashed(uint64_t hash, const float *values, int len)
{
    int k;
    int shift;
    for (k = 0; k < len; ++k) {
        for (shift = 0; shift < 32; shift += 8) {
            hash = (hash ^ ((bits_of(values[k]) >> shift) & 0xffu)) * 0x100000001b3ull;
        }
    }
    return hash;
}

"#;

const C_DRIVER: &str = r#"
static void drive_@NAME@(void)
{
    static const uint32_t points[@COUNT@][@LEN@] = {
@POINTS@    };
    static @NAME@ model;
    float x[@LEN@];
    float *const q = x;
    float *const p = x + @N@;
    float *const u = x + 2 * @N@;
    float rates[2 * @N@];
    uint64_t hash = 0xcbf29ce484222325ull;
    unsigned failures = 0;
    int i;
    int k;
    printf("model @NAME@\n");
    if (@NAME@_self_check(&model) != @CAPITALS@_OK) {
        fprintf(stderr, "@NAME@: the self-check fails\n");
        exit(3);
    }
    for (i = 0; i < @COUNT@; ++i) {
        int finite = 1;
        float stepped[1 + 2 * @N@];
        memcpy(x, points[i], sizeof x);
        rates[0] = @NAME@_energy(&model, q, p);
        line("energy", rates, 1);
        @NAME@_field(&model, q, p, u, rates, rates + @N@);
        line("field", rates, 2 * @N@);
        @PARTS@
        for (k = 0; k < 2 * @N@; ++k) {
            finite = finite && isfinite(x[k]);
        }
        if (!finite) {
            printf("start is not finite\n");
            continue;
        }
        switch (@NAME@_step(&model, q, p, u, &stepped[0])) {
        case @CAPITALS@_OK:
            memcpy(stepped + 1, x, 2 * @N@ * sizeof(float));
            line("step", stepped, 1 + 2 * @N@);
            break;
        case @CAPITALS@_NON_FINITE:
            line("not finite", x, 2 * @N@);
            break;
        default:
            line("too stiff", x, 2 * @N@);
            break;
        }
    }
    memcpy(x, points[0], sizeof x);
    hash = hashed(hash, x, 2 * @N@);
    for (i = 0; i < @STEPS@; ++i) {
        failures += @NAME@_step(&model, q, p, u, NULL) != @CAPITALS@_OK;
        hash = hashed(hash, x, 2 * @N@);
    }
    printf("hash %016llx failures %u\n", (unsigned long long)hash, failures);
}

"#;
