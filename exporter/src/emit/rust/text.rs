//! The library of generated Rust: the runtime's mathematics, and the kernels and steps that stand here as text.

use std::fmt::Write as _;

use hnn_runtime::source;

use crate::emit::source::SourceError;
use crate::emit::source::library::{Module, Wanted, closure};

/// Every module, in the order in which they are written.
fn modules() -> Vec<Module> {
    vec![
        Module::new("scheme", include_str!("scheme.rs")),
        Module::new("kernels", include_str!("kernels.rs")),
        Module::new("tanh", source::TANH),
        Module::new("exponential", source::EXPONENTIAL),
        Module::new("circle", source::CIRCLE),
        Module::new("lanes", source::LANES),
        Module::new("math", source::MATH),
        Module::new("ported", include_str!("ported.rs")),
        Module::new("float_mode", source::FLOAT_MODE),
    ]
}

/// The modules with what is wanted of them and what that needs.
///
/// # Errors
/// [`SourceError::Missing`] where a name has no text.
pub(super) fn library(wanted: &[Wanted]) -> Result<String, SourceError> {
    let modules = modules();
    let kept = closure(&modules, wanted).map_err(SourceError::Missing)?;
    let mut text = String::new();
    for module in &modules {
        let items: Vec<_> =
            module.items.iter().filter(|item| kept.contains(&(module.name, item.name.clone()))).collect();
        if items.is_empty() {
            continue;
        }
        let mut body = String::new();
        for (path, names) in &module.imports {
            let used = module.used(names, &kept);
            // The error of the crate that the text comes from is the one of this file.
            let path = if path == "crate::error" { "super" } else { path };
            match used[..] {
                [] => {}
                [one] => body += &format!("use {path}::{one};\n"),
                _ => body += &format!("use {path}::{{{}}};\n", used.join(", ")),
            }
        }
        for item in items {
            let _ = write!(body, "\n{}\n", visible(&item.text));
        }
        let _ = write!(text, "\nmod {} {{\n{}}}\n", module.name, indented(&body));
    }
    Ok(text)
}

/// The item visible to the rest of the file, and no further.
fn visible(text: &str) -> String {
    let mut is_done = false;
    let line = |line: &str| {
        let code =
            ["pub(super) ", "pub(crate) ", "pub "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
        let is_item = ["fn ", "const ", "struct ", "trait ", "type "].iter().any(|word| code.starts_with(word));
        if is_done || !is_item {
            return line.to_owned();
        }
        is_done = true;
        format!("pub(super) {code}")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn indented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") };
    text.trim_start_matches('\n').lines().map(line).collect()
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "compiled to be tested, used as text")]
#[path = "ported.rs"]
mod ported;

#[cfg(test)]
mod tests {
    use super::ported;

    fn arguments() -> impl Iterator<Item = f32> {
        // Every 40009th bit pattern, and the neighbourhood of every exponent.
        let edges =
            (0..=0x1ff_u32).flat_map(|high| (0..4).map(move |low| (high << 23).wrapping_add(low).wrapping_sub(2)));
        (0..=u32::MAX / 40_009).map(|index| index * 40_009).chain(edges).map(f32::from_bits)
    }

    fn same(name: &str, x: f32, own: f32, reference: f32) {
        let agree = own.to_bits() == reference.to_bits() || (own.is_nan() && reference.is_nan());
        assert!(agree, "{name}({x:?}) = {own:?}, libm gives {reference:?}");
    }

    #[test]
    fn ported_functions_have_the_bits_of_libm() {
        for x in arguments() {
            same("sqrt", x, ported::sqrt(x), libm::sqrtf(x));
            same("floor", x, ported::floor(x), libm::floorf(x));
            same("round", x, ported::round(x), libm::rintf(x));
            same("log", x, ported::log(x), libm::logf(x));
            same("atan", x, ported::atan(x), libm::atanf(x));
        }
    }

    #[test]
    fn powers_have_the_bits_of_libm() {
        let exponents = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 3.0, -3.0, 1.5, -0.3, 7.25, 30.0, -40.5, 1e9, -3e8, 1e-9];
        let special = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 4_194_303.5, 8_388_607.0, -8_388_609.0, 1e30];
        for x in arguments().step_by(7) {
            for y in exponents.into_iter().chain(special) {
                same("pow", x, ported::pow(x, y), libm::powf(x, y));
            }
        }
        for (x, y) in arguments().zip(arguments().skip(50_000).step_by(3)) {
            same("pow", x, ported::pow(x, y), libm::powf(x, y));
        }
        for step in -400_000..400_000 {
            let (x, y) = (1.0 + step as f32 * 2e-6, 100.0 + step as f32 * 0.001);
            same("pow", x, ported::pow(x, y), libm::powf(x, y));
        }
    }
}
