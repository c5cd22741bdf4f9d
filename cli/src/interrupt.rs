//! Ctrl-C as a flag that long work looks at.
//!
//! While somebody looks, the first Ctrl-C asks for an orderly stop and a second one ends the process; otherwise the first ends
//! it, as if there were no handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a process ended by Ctrl-C: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// Listens as long as it lives.
pub(crate) struct Interrupt {
    requested: Arc<AtomicBool>,
    watched: Arc<AtomicBool>,
}

impl Interrupt {
    /// Starts to listen; once per process.
    ///
    /// # Errors
    /// Where the operating system refuses the handler.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let (requested, watched) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let (request, watch) = (Arc::clone(&requested), Arc::clone(&watched));
        ctrlc::set_handler(move || {
            if request.swap(true, Ordering::SeqCst) || !watch.load(Ordering::SeqCst) {
                std::process::exit(INTERRUPTED);
            }
        })?;
        Ok(Self { requested, watched })
    }

    /// Turns true at the first Ctrl-C.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.requested
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.watched.store(false, Ordering::SeqCst);
    }
}
