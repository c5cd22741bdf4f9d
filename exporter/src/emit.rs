//! Writers of what runs on a device. They spell a [`Plan`](crate::lower::Plan) or a
//! [`FunctionPlan`](crate::lower::FunctionPlan) and decide nothing.
//!
//! ONNX files are written by [`crate::onnx`], from a graph.

mod blob;
mod c;
mod q15;
mod read;
mod rust;
mod source;

pub use blob::{blob, blob_bytes, function_blob};
pub use c::c;
pub use q15::{PlacedNetwork, q15_blob};
pub use read::read_blob;
pub use rust::rust;
pub use source::{Check, SourceError, Subject};

/// Names of all files that source is written to.
pub const SOURCE_FILES: [&str; 3] = ["model.rs", "model.h", "model.c"];

/// What names in C begin with unless something else is asked for.
pub const C_PREFIX: &str = "hnn_model";

/// A language that source is written in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// One `no_std` file, `model.rs`.
    Rust,
    /// C99, `model.h` and `model.c`.
    C {
        /// What names that are seen outside begin with.
        prefix: String,
    },
}

impl Language {
    /// The files of a model, each with its name.
    ///
    /// # Errors
    /// [`SourceError`] for what generated source cannot do.
    pub fn files(&self, subject: &Subject<'_>) -> Result<Vec<(&'static str, String)>, SourceError> {
        match self {
            Self::Rust => Ok(vec![("model.rs", rust(subject)?)]),
            Self::C { prefix } => {
                let [header, source] = c(subject, prefix)?;
                Ok(vec![("model.h", header), ("model.c", source)])
            }
        }
    }
}
