//! Reading whole files of bounded size, with the file named in every error.

use std::path::Path;

use anyhow::Context;
use hnn_exporter::limited::{ReadError, read_limited};

/// The content of a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    match read_limited(path, limit) {
        Ok(content) => Ok(content),
        Err(ReadError::TooLarge) => {
            anyhow::bail!("{} is larger than {limit} bytes, the limit for such a file", path.display())
        }
        Err(ReadError::System(error)) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
