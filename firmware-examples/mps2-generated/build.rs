//! Puts generated models into the firmware: every `NAME.rs` in the folder that `HNN_FIRMWARE_MODELS` names, or none.

use std::path::PathBuf;
use std::{env, fs, io};

#[path = "../board.rs"]
mod board;

fn main() -> io::Result<()> {
    board::main()?;
    println!("cargo::rerun-if-env-changed=HNN_FIRMWARE_MODELS");
    let mut sources: Vec<PathBuf> = Vec::new();
    if let Some(folder) = env::var_os("HNN_FIRMWARE_MODELS") {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(folder)? {
            sources.push(entry?.path());
        }
    }
    sources.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    sources.sort();
    println!("cargo::rustc-check-cfg=cfg(no_models)");
    if sources.is_empty() {
        println!("cargo::rustc-cfg=no_models");
    }
    let (mut modules, mut calls) = (String::new(), String::new());
    for source in &sources {
        println!("cargo::rerun-if-changed={}", source.display());
        let name = source.file_stem().and_then(|name| name.to_str()).ok_or_else(|| io::Error::other("no name"))?;
        let allowed = "#[allow(unreachable_pub, clippy::all, reason = \"generated, and not for other crates\")]";
        modules += &format!("{allowed}\nmod {name} {{\n    include!({source:?});\n}}\n");
        calls += &format!("    measured!(report, {name});\n");
    }
    let function = "/// Measures every model.\nfn every(report: &mut Report<'_, impl Console>) -> bool";
    let text = format!("{modules}\n{function} {{\n    let _ = &report;\n{calls}    true\n}}\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(out.join("models.rs"), text)
}
