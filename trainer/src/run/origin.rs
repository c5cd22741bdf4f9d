//! Where a run's model comes from: an architecture by name, or a graph that was imported.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::hexadecimal;
use crate::architecture::Settings;

/// The model of a run; in `run.json` told apart by its `kind`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Origin {
    /// An architecture of this crate.
    Named(Settings),
    /// A graph of somebody else, whose weights are trained further.
    Imported(Imported),
}

/// What was imported. The graph itself is the run's own: the file is not needed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imported {
    kind: Tag,
    /// Name of the file, without its folder.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its input that takes the positions, where it has one for them.
    pub q: Option<String>,
    /// Its input that takes the momenta, where it has one for them.
    pub p: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tag {
    Imported,
}

impl Imported {
    /// The provenance of a file of these bytes, with one input for the whole state.
    #[must_use]
    pub fn new(file: String, bytes: &[u8]) -> Self {
        Self { kind: Tag::Imported, file, sha256: hexadecimal(&Sha256::digest(bytes)), q: None, p: None }
    }
}

impl Origin {
    /// Indices of the positions that are angles; none are known of an imported graph.
    #[must_use]
    pub fn angles(&self) -> &[usize] {
        match self {
            Self::Named(settings) => &settings.angles,
            Self::Imported(_) => &[],
        }
    }
}

impl From<Settings> for Origin {
    fn from(settings: Settings) -> Self {
        Self::Named(settings)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(settings) => write!(f, "{}", settings.kind),
            Self::Imported(imported) => write!(f, "imported {}", imported.file),
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Which of the two it is decides before either is read, so that a fault is named and not just "no variant fits".
        let value = serde_json::Value::deserialize(deserializer)?;
        let imported = value.get("kind").is_some_and(|kind| kind == "imported");
        if imported {
            serde_json::from_value(value).map(Self::Imported).map_err(D::Error::custom)
        } else {
            serde_json::from_value(value).map(Self::Named).map_err(D::Error::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_origins_survive_their_file_form_and_name_their_faults() {
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let imported =
            Imported { q: Some("pos".into()), p: Some("mom".into()), ..Imported::new("a.onnx".into(), b"abc") };
        assert_eq!(imported.sha256, sha256);
        for origin in [Origin::Imported(imported), Settings::default().into()] {
            let text = serde_json::to_string(&origin).unwrap();
            assert_eq!(serde_json::from_str::<Origin>(&text).unwrap(), origin, "{text}");
        }
        for (text, fault) in [(r#"{"kind":"imported","file":"a"}"#, "sha256"), (r#"{"kind":"mlp","depth":3}"#, "depth")]
        {
            let message = serde_json::from_str::<Origin>(text).unwrap_err().to_string();
            assert!(message.contains(fault), "{message}");
        }
    }
}
