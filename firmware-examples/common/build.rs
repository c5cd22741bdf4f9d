//! Turns blob files into word arrays in flash.
//!
//! A blob is read as `&[u32]`; an array of words has the right alignment by its type, where bytes would need unsafe code.
//! `HNN_FIRMWARE_MODELS` names another folder of blobs and `HNN_FIRMWARE_STEPS` another length of the run, both for tests.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The models that the firmware carries, relative to this package.
const MODELS: &str = "../model";
/// Steps of a run.
const STEPS: u32 = 10_000;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=HNN_FIRMWARE_MODELS");
    println!("cargo::rerun-if-env-changed=HNN_FIRMWARE_STEPS");
    let folder = env::var_os("HNN_FIRMWARE_MODELS").map_or_else(|| PathBuf::from(MODELS), PathBuf::from);
    let steps = env::var("HNN_FIRMWARE_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(STEPS);
    println!("cargo::rerun-if-changed={}", folder.display());

    let listed: Result<Vec<PathBuf>, io::Error> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut files: Vec<PathBuf> =
        listed?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "hnn")).collect();
    files.sort();
    let mut source = format!("/// Steps of a run.\npub const STEPS: u32 = {steps};\n");
    source.push_str("/// The models in flash, in the order of their names.\npub static MODELS: &[Example] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        source.push_str(&example(&file)?);
    }
    source.push_str("];\n");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(out.join("models.rs"), source)
}

/// One element of the list.
fn example(file: &Path) -> io::Result<String> {
    let wrong = |what: &str| io::Error::other(format!("{}: {what}", file.display()));
    let name = file.file_stem().and_then(|name| name.to_str()).ok_or_else(|| wrong("the name is no text"))?;
    let bytes = fs::read(file)?;
    let (words, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(wrong("its length is no whole number of words"));
    }
    let mut text = format!("    Example {{ name: {name:?}, blob: &[");
    for word in words {
        write!(text, "{:#010x},", u32::from_le_bytes(*word)).map_err(io::Error::other)?;
    }
    text.push_str("] },\n");
    Ok(text)
}
