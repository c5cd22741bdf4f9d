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
        let _ = writeln!(modules, "driven!({name}, {parts});");
        let points: Vec<String> = subject.points().iter().map(|point| format!("&[{}]", bits(point))).collect();
        let points = points.join(", ");
        let _ = writeln!(calls, "    drive({name:?}, &mut {name}::Model::new(), &[{points}]);");
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

/// A model with everything of it laid end to end: q, p, u.
trait Driven {
    fn dof(&self) -> usize;
    fn is_right(&mut self) -> bool;
    fn energy(&mut self, x: &[f32]) -> f32;
    fn field(&mut self, x: &[f32]) -> Vec<f32>;
    fn parts(&mut self, x: &[f32]) -> Option<Vec<f32>>;
    fn step(&mut self, x: &mut [f32]) -> Result<f32, &'static str>;
}

fn drive(name: &str, model: &mut dyn Driven, points: &[&[u32]]) {
    println!("model {name}");
    assert!(model.is_right(), "{name}");
    let states = 2 * model.dof();
    let numbers = |point: &[u32]| point.iter().map(|bits| f32::from_bits(*bits)).collect::<Vec<f32>>();
    for point in points {
        let mut x = numbers(point);
        line("energy", &[model.energy(&x)]);
        line("field", &model.field(&x));
        if let Some(parts) = model.parts(&x) {
            line("parts", &parts);
        }
        if !x[..states].iter().all(|value| value.is_finite()) {
            println!("start is not finite");
            continue;
        }
        match model.step(&mut x) {
            Ok(residual) => line("step", &[&[residual], &x[..states]].concat()),
            Err(reason) => line(reason, &x[..states]),
        }
    }
    let mut x = numbers(points[0]);
    let (mut hash, mut failures) = (hashed(0xcbf2_9ce4_8422_2325, &x[..states]), 0);
    for _ in 0..STEPS {
        failures += u32::from(model.step(&mut x).is_err());
        hash = hashed(hash, &x[..states]);
    }
    println!("hash {hash:016x} failures {failures}");
}

macro_rules! parts {
    (parts, $model:ident, $q:ident, $p:ident, $u:ident) => {
        Some([$model.velocity($q), $model.force($p, $u)].concat())
    };
    (whole, $model:ident, $q:ident, $p:ident, $u:ident) => {{
        let _ = ($q, $p, $u);
        None
    }};
}

macro_rules! driven {
    ($name:ident, $parts:ident) => {
        impl Driven for $name::Model {
            fn dof(&self) -> usize {
                $name::DOF
            }
            fn is_right(&mut self) -> bool {
                self.self_check().is_ok()
            }
            fn energy(&mut self, x: &[f32]) -> f32 {
                let (q, rest) = x.split_first_chunk().unwrap();
                $name::Model::energy(self, q, rest.first_chunk().unwrap())
            }
            fn field(&mut self, x: &[f32]) -> Vec<f32> {
                let (q, rest) = x.split_first_chunk().unwrap();
                let (p, rest) = rest.split_first_chunk().unwrap();
                let (dq, dp) = $name::Model::field(self, q, p, rest.first_chunk().unwrap());
                [dq, dp].concat()
            }
            fn parts(&mut self, x: &[f32]) -> Option<Vec<f32>> {
                let (q, rest) = x.split_first_chunk::<{ $name::DOF }>().unwrap();
                let (p, rest) = rest.split_first_chunk::<{ $name::DOF }>().unwrap();
                let u = rest.first_chunk::<{ $name::INPUTS }>().unwrap();
                parts!($parts, self, p, q, u)
            }
            fn step(&mut self, x: &mut [f32]) -> Result<f32, &'static str> {
                let (q, rest) = x.split_first_chunk_mut().unwrap();
                let (p, rest) = rest.split_first_chunk_mut().unwrap();
                $name::Model::step(self, q, p, rest.first_chunk().unwrap()).map_err(|error| match error {
                    $name::Error::NonFinite => "not finite",
                    #[allow(unreachable_patterns)]
                    _ => "too stiff",
                })
            }
        }
    };
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
