//! One module per command: from arguments to libraries and back to a few lines of text.

mod demo;
mod evaluate;
mod export;
mod inspect;
mod list;
mod run;
mod simulate;
mod train;
mod trained;
mod validate;

use std::io::Write;
use std::path::Path;

use anyhow::Context;

pub(crate) use demo::demo;
pub(crate) use evaluate::evaluate;
pub(crate) use export::export;
pub(crate) use inspect::inspect;
pub(crate) use list::{models, schemes, systems};
pub(crate) use run::run;
pub(crate) use simulate::simulate;
pub(crate) use train::train;
pub(crate) use validate::validate;

/// Writes a file whole or not at all: under a temporary name beside it first, then by rename.
///
/// A link is followed; a device or a pipe is written to as it is.
fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    // What the system refuses is about the file; anything else speaks for itself.
    let named = |error: anyhow::Error| if error.is::<std::io::Error>() { error.context(context()) } else { error };
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.exists() && !target.is_file() {
        let mut device = std::fs::OpenOptions::new().write(true).open(&target).with_context(context)?;
        return write(&mut device).map_err(named);
    }
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .tempfile_in(folder)
        .map_err(|error| error.kind())
        .map_err(std::io::Error::from)
        .with_context(context)?;
    {
        let mut buffered = std::io::BufWriter::new(file.as_file_mut());
        write(&mut buffered).map_err(named)?;
        buffered.flush().with_context(context)?;
    }
    file.as_file().sync_all().with_context(context)?;
    file.persist(&target).map_err(|error| error.error).with_context(context)?;
    Ok(())
}

/// Writes a value as indented JSON, whole or not at all.
fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    write_atomically(path, |file| {
        serde_json::to_writer_pretty(&mut *file, value)?;
        writeln!(file)?;
        Ok(())
    })
}
