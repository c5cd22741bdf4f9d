//! Reading `model.hnn` from disk into the aligned words that the runtime parses.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hnn_exporter::pipeline::BLOB_FILE;
use hnn_runtime::Program;
use hnn_runtime::format::MAX_BLOB_WORDS;

/// The file itself, where `path` names an export or the file.
pub(crate) fn locate(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(BLOB_FILE) } else { path.to_owned() }
}

/// Reads the words of a blob, or says why the file is none.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u32>> {
    let bytes = crate::file::read(path, (MAX_BLOB_WORDS * 4) as u64)?;
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
