//! Turns blob files into word arrays in flash: the models of the control loop, and those of the scenarios by name.
//!
//! A blob is read as `&[u32]`; an array of words has the right alignment by its type, where bytes would need unsafe code.
//! `HNN_FIRMWARE_MODELS` names another folder of blobs and `HNN_FIRMWARE_STEPS` another length of the run, both for tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The models that the firmware carries, relative to this package.
const MODELS: &str = "../model";
/// Models of the simulated machine of the scenarios, relative to this package.
const LEARNED: &str = "../learned";
/// Steps of a run.
const STEPS: u32 = 10_000;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=HNN_FIRMWARE_MODELS");
    println!("cargo::rerun-if-env-changed=HNN_FIRMWARE_STEPS");
    let folder = env::var_os("HNN_FIRMWARE_MODELS").map_or_else(|| PathBuf::from(MODELS), PathBuf::from);
    let steps = env::var("HNN_FIRMWARE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(STEPS);
    let mut source = format!("/// Steps of a run.\npub const STEPS: u32 = {steps};\n");
    source.push_str("/// The models in flash, in the order of their names.\npub static MODELS: &[Example] = &[\n");
    for file in blobs(&folder)? {
        let _ = writeln!(source, "    Example {{ name: {:?}, blob: {} }},", name(&file)?, words(&file)?);
    }
    source.push_str("];\n\n/// Models learned from recordings of the simulated machine.\npub mod learned {\n");
    for file in blobs(Path::new(LEARNED))? {
        let name = name(&file)?;
        let _ = writeln!(
            source,
            "    /// `{name}.hnn`.\n    pub static {}: &[u32] = {};",
            name.to_uppercase(),
            words(&file)?
        );
    }
    source.push_str("}\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(out.join("models.rs"), source)
}

/// The blobs of a folder, in the order of their names.
fn blobs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let listed: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut files: Vec<PathBuf> =
        listed?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "hnn")).collect();
    files.sort();
    Ok(files)
}

/// The name of a file without its extension.
fn name(file: &Path) -> io::Result<&str> {
    let name = file.file_stem().and_then(|name| name.to_str());
    name.ok_or_else(|| io::Error::other(format!("{}: the name is no text", file.display())))
}

/// A blob as an array of words.
fn words(file: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", file.display());
    let bytes = fs::read(file)?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(io::Error::other(format!("{}: its length is no whole number of words", file.display())));
    }
    let words: Vec<String> = words.iter().map(|word| format!("{:#010x}", u32::from_le_bytes(*word))).collect();
    Ok(format!("&[{}]", words.join(",")))
}
