//! Reading `model.hnn` from disk into the aligned words that the runtime parses.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hnn_runtime::Program;
use hnn_runtime::format::MAX_BLOB_WORDS;

/// The device program of an export.
pub(crate) const FILE_NAME: &str = "model.hnn";

/// The file itself, where `path` names an export or the file.
pub(crate) fn locate(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_owned() }
}

/// Reads the words of a blob, or says why the file is none.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u32>> {
    let context = || format!("cannot read {}", path.display());
    let limit = (MAX_BLOB_WORDS * 4) as u64;
    let mut bytes = Vec::new();
    // One byte beyond the limit is enough to know that the file is too large.
    std::fs::File::open(path).with_context(context)?.take(limit + 1).read_to_end(&mut bytes).with_context(context)?;
    if bytes.len() as u64 > limit {
        bail!("{} is larger than {limit} bytes, the limit of a device program", path.display());
    }
    if bytes.len() % 4 != 0 {
        bail!(
            "{} is {} bytes long, which is no whole number of words: it is truncated, or no device program",
            path.display(),
            bytes.len()
        );
    }
    Ok(bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect())
}

/// Checks the words; an error names the file.
pub(crate) fn parse<'a>(path: &Path, words: &'a [u32]) -> anyhow::Result<Program<'a>> {
    Program::parse(words).with_context(|| format!("{} is refused", path.display()))
}
