//! Programs around generated source, in the language of the source: they print what [`interpreted`](super::interpreted) prints.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use hnn_exporter::emit::{Subject, rust};

use super::{Generated, STEPS, check};

/// Writes a Rust crate of all subjects into `folder`; gives the path of its root file.
///
/// # Errors
/// Where a subject has no source, or a file cannot be written.
pub fn rust_program(subjects: &[Generated], folder: &Path) -> Result<std::path::PathBuf> {
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
