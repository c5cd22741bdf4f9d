//! Reading a manifest back: size first, then version, then structure.

use std::path::Path;

use super::{FILE_NAME, FORMAT_VERSION, MAX_BYTES, Manifest};
use crate::limited::{ReadError, read_limited};

/// Why a manifest cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("{path} has more bytes than the limit of {MAX_BYTES}")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// The file is no manifest.
    #[error("{path} is no manifest: {source}")]
    Malformed {
        /// The file.
        path: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The manifest is of another version.
    #[error("{path} has format {found}; this version reads format {FORMAT_VERSION}. Export the model again")]
    Version {
        /// The file.
        path: String,
        /// What it says.
        found: u32,
    },
}

impl Manifest {
    /// Reads the manifest of an export directory.
    ///
    /// # Errors
    /// [`ManifestError`] naming the file and what is wrong with it.
    pub fn read(directory: &Path) -> Result<Self, ManifestError> {
        let file = directory.join(FILE_NAME);
        let path = file.display().to_string();
        let text = read_limited(&file, MAX_BYTES).map_err(|error| match error {
            ReadError::System(source) => ManifestError::Read { path: path.clone(), source },
            ReadError::TooLarge => ManifestError::TooLarge { path: path.clone() },
        })?;
        let malformed = |source| ManifestError::Malformed { path: path.clone(), source };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(malformed)?;
        // The version is looked at first, so that another version is not reported as damage.
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(FORMAT_VERSION) => {
                Err(ManifestError::Version { path, found: u32::try_from(found).unwrap_or(u32::MAX) })
            }
            _ => serde_json::from_value(value).map_err(malformed),
        }
    }
}
