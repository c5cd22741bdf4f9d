//! Where things lie: the repository, the cache outside it, and a shell that starts at the repository's root.
//!
//! Honours `CARGO_TARGET_DIR` and `XDG_CACHE_HOME`; writes nothing by itself.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::Shell;

/// The places a command needs.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Repository root.
    pub(crate) root: PathBuf,
    /// `${XDG_CACHE_HOME:-$HOME/.cache}/hnn`: what `setup` fetches; shared by all clones.
    pub(crate) cache: PathBuf,
    /// Shell whose working directory is the root.
    pub(crate) shell: Shell,
}

impl Workspace {
    /// Finds the repository from this package's manifest and prepares the shell.
    ///
    /// # Errors
    /// Where neither `XDG_CACHE_HOME` nor a home directory is known.
    pub(crate) fn locate() -> Result<Self> {
        let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest).parent().context("the xtask package has no parent directory")?.to_owned();
        let shell = Shell::new()?;
        if let Some(target) = env::var_os("CARGO_TARGET_DIR") {
            // Nested cargo runs start in other directories: a relative path must not change its meaning.
            shell.set_var("CARGO_TARGET_DIR", env::current_dir()?.join(target));
        }
        shell.change_dir(&root);
        Ok(Self { cache: cache()?, root, shell })
    }

    /// Target directory of a nested workspace at `directory`.
    pub(crate) fn target_of(&self, directory: &Path) -> PathBuf {
        self.shell.var_os("CARGO_TARGET_DIR").map_or_else(|| directory.join("target"), PathBuf::from)
    }
}

fn cache() -> Result<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
        Some(value) => PathBuf::from(value),
        None => env::home_dir().context("no home directory: set XDG_CACHE_HOME")?.join(".cache"),
    };
    Ok(base.join("hnn"))
}
