//! The console of a machine that a debugger or QEMU watches, and the only panic handler of the firmware examples.

use core::panic::PanicInfo;

use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
use cortex_m_semihosting::hio::{self, HostStream};

use crate::{Console, Report};

/// Text that proves, where it is found in an ELF file, that a panic can be reached.
const PANIC_MARKER: &str = "hnn: panic\n";

/// Standard output of the host, where there is one.
#[allow(missing_debug_implementations, reason = "a stream of the host has nothing to show")]
pub struct Semihosting(Option<HostStream>);

impl Console for Semihosting {
    fn write(&mut self, text: &[u8]) {
        if let Some(stream) = &mut self.0
            && stream.write_all(text).is_err()
        {
            // A console that failed once is not worth another try; the exit status still tells.
            self.0 = None;
        }
    }
}

/// Runs the control loop and ends the emulation with its verdict.
pub fn run() -> ! {
    // Opaque to the optimiser: no part of the check is done at build time, and any other model of this size would do.
    let models = core::hint::black_box(crate::MODELS);
    let good = crate::run(models, crate::STEPS, &mut Semihosting(hio::hstdout().ok()));
    stop(good)
}

/// Measures every model and ends the emulation with the verdict.
pub fn measure() -> ! {
    let models = core::hint::black_box(crate::MODELS);
    let good = crate::measure(models, &mut Semihosting(hio::hstdout().ok()));
    stop(good)
}

/// Lets a program report what it did and ends the emulation with its verdict.
pub fn report(program: impl FnOnce(&mut Report<'_, Semihosting>) -> bool) -> ! {
    let mut console = Semihosting(hio::hstdout().ok());
    let mut report = Report(&mut console);
    let good = program(&mut report);
    report.word("done").end();
    stop(good)
}

/// Never inlined: its address is where a debugger waits for the end of a run.
#[inline(never)]
fn stop(good: bool) -> ! {
    loop {
        debug::exit(if good { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    Semihosting(hio::hstdout().ok()).write(PANIC_MARKER.as_bytes());
    stop(false)
}
