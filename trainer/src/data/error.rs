//! What can be wrong with data, and where exactly.
//!
//! Every error names the file, and the row and column where there are any. Rows are lines of the file, the header being
//! line 1, as an editor shows them.

use std::fmt;
use std::path::PathBuf;

/// A cell of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line of the file; the header is line 1.
    pub row: usize,
    /// Column by its name in the header.
    pub column: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, row {}, column `{}`", self.file.display(), self.row, self.column)
    }
}

/// Why data were refused.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be opened or read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than the stated limit.
    #[error("{}: {bytes} bytes exceed the limit of {limit}; split the recording into several files", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The file is no table with a header.
    #[error("{}: {message}", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What was found and what is expected.
        message: String,
    },
    /// A row cannot be used.
    #[error("{}, row {row}: {message}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// Line of the file.
        row: usize,
        /// What was found and what is expected.
        message: String,
    },
    /// A cell cannot be used.
    #[error("{place}: {message}")]
    Cell {
        /// Where.
        place: Place,
        /// What was found and what to do.
        message: String,
    },
    /// A named column is not in the header.
    #[error("{}: no column `{wanted}`{}; present: {}", file.display(), suggestion(nearest.as_deref()), present.join(", "))]
    Column {
        /// The file.
        file: PathBuf,
        /// What was asked for.
        wanted: String,
        /// The most similar name, where one is similar.
        nearest: Option<String>,
        /// All names of the header.
        present: Vec<String>,
    },
    /// The choice of columns makes no sense.
    #[error("{message}")]
    Selection {
        /// What was asked for and what is possible.
        message: String,
    },
    /// A dataset whose parts do not fit each other.
    #[error("{message}")]
    Inconsistent {
        /// What does not fit.
        message: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// `1 row`, `2 rows`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
