//! Putting files in place: whole or not at all, and never over something that is not an earlier export.
//!
//! Everything is written to a temporary sibling, flushed, and renamed. Where an export is replaced, what else lies beside it
//! moves into the new one first, then the old one is renamed aside; whatever fails, all of it is put back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{BLOB_FILE, ExportError, GraphKind};
use crate::emit::SOURCE_FILES;
use crate::manifest::{FILE_NAME, Manifest};

fn failed(path: &Path) -> impl Fn(std::io::Error) -> ExportError + '_ {
    move |source| ExportError::Write { path: path.to_owned(), source }
}

/// Refuses early what [`write`] would refuse.
pub(super) fn check(directory: &Path, force: bool) -> Result<(), ExportError> {
    let occupied = |reason| Err(ExportError::Occupied { path: directory.to_owned(), reason });
    // A dangling link is in the way as well.
    if fs::symlink_metadata(directory).is_err() {
        return Ok(());
    }
    if !directory.is_dir() {
        return occupied("is not a directory; give another `--out`");
    }
    let is_empty = fs::read_dir(directory).map_err(failed(directory))?.next().is_none();
    let is_export = directory.join(FILE_NAME).is_file();
    match (is_empty, is_export, force) {
        (true, _, _) | (_, true, true) => Ok(()),
        (_, true, false) => occupied("holds an export already; give another `--out`, or `--force` to replace it"),
        (_, false, _) => occupied("is not empty and holds no export; give another `--out`"),
    }
}

/// Writes the files; `directory` then holds them all, or is as it was.
pub(super) fn write(directory: &Path, files: &[(String, Vec<u8>)], force: bool) -> Result<(), ExportError> {
    let place = absolute(directory)?;
    let parent = place.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed(parent))?;
    let staging = tempfile::Builder::new().prefix(".hnn-").tempdir_in(parent).map_err(failed(parent))?;
    // A directory inside, so that the new one has the user's permissions and not the private ones of a temporary one.
    let (fresh, old) = (staging.path().join("new"), staging.path().join("old"));
    fs::create_dir(&fresh).map_err(failed(&fresh))?;
    for (name, bytes) in files {
        let path = fresh.join(name);
        let mut file = File::create(&path).map_err(failed(&path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(&path))?;
    }
    check(&place, force)?;
    if fs::symlink_metadata(&place).is_err() {
        return fs::rename(&fresh, &place).map_err(failed(&place));
    }
    let Err(failure) = replace(&place, &fresh, &old, &own_names(&place, files)) else { return Ok(()) };
    // What was there must not vanish with the temporary directory.
    let path = if failure.restored { failure.path } else { staging.keep() };
    Err(ExportError::Write { path, source: failure.source })
}

/// Why an export was not replaced.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) path: PathBuf,
    pub(super) source: std::io::Error,
    /// Whether everything is where it was.
    pub(super) restored: bool,
}

/// Puts `fresh` in the place of an export, with what is not of an export carried over, and the old one aside.
pub(super) fn replace(place: &Path, fresh: &Path, old: &Path, own: &BTreeSet<OsString>) -> Result<(), Failure> {
    let mut moved = Vec::new();
    let swap = || {
        fs::rename(place, old)?;
        fs::rename(fresh, place).or_else(|error| fs::rename(old, place).and(Err(error)))
    };
    let result = carry_over(place, fresh, own, &mut moved).and_then(|()| swap());
    result.map_err(|source| {
        let put_back = || moved.iter().try_for_each(|name| move_entry(name, fresh, place));
        // Where the place is empty, the old export is still aside.
        let restored = fs::symlink_metadata(place).is_ok() && put_back().is_ok();
        Failure { path: place.to_owned(), source, restored }
    })
}

/// What belongs to exports: all that the old one lists, all that was written, and all that any export may write.
fn own_names(old: &Path, files: &[(String, Vec<u8>)]) -> BTreeSet<OsString> {
    // A manifest of another version lists nothing that can be understood.
    let listed = Manifest::read(old).map(|manifest| manifest.files).unwrap_or_default();
    let graphs = GraphKind::ALL.iter().map(|kind| kind.file_name());
    let functions = GraphKind::FUNCTIONS.iter().map(|kind| kind.function_name());
    let fixed = [BLOB_FILE, FILE_NAME].map(str::to_owned);
    let source = SOURCE_FILES.map(str::to_owned);
    let written = files.iter().map(|(name, _)| name.clone());
    let listed = listed.into_iter().map(|file| file.name);
    listed.chain(written).chain(graphs).chain(functions).chain(source).chain(fixed).map(OsString::from).collect()
}

/// Moves what is not of an export from the old directory to the new one; `moved` holds what was moved, also on failure.
fn carry_over(old: &Path, new: &Path, own: &BTreeSet<OsString>, moved: &mut Vec<OsString>) -> std::io::Result<()> {
    let entries: Vec<OsString> =
        fs::read_dir(old)?.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>()?;
    for name in entries.into_iter().filter(|name| !own.contains(name)) {
        move_entry(&name, old, new)?;
        moved.push(name);
    }
    Ok(())
}

/// Renames an entry, never onto another one.
fn move_entry(name: &OsString, from: &Path, to: &Path) -> std::io::Result<()> {
    let target = to.join(name);
    if fs::symlink_metadata(&target).is_ok() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(from.join(name), target)
}

/// The directory with links in it resolved as far as it exists, so that a rename stays on one file system.
fn absolute(directory: &Path) -> Result<PathBuf, ExportError> {
    match fs::canonicalize(directory) {
        Ok(path) => Ok(path),
        Err(_) => std::path::absolute(directory).map_err(failed(directory)),
    }
}
