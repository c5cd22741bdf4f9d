//! The console of a machine that a debugger or QEMU watches, and the only panic handler of the firmware examples.

use core::panic::PanicInfo;

#[cfg(target_arch = "arm")]
use cortex_m_semihosting::{debug, hio};
#[cfg(target_arch = "riscv32")]
use riscv_semihosting::{debug, hio};

use crate::{Console, Report, scenario};

/// Text that proves, where it is found in an ELF file, that a panic can be reached.
const PANIC_MARKER: &str = "hnn: panic\n";

/// Standard output of the host, where there is one.
#[allow(missing_debug_implementations, reason = "a stream of the host has nothing to show")]
pub struct Semihosting(Option<hio::HostStream>);

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
    conclude(|console| crate::run(models, crate::STEPS, console))
}

/// Measures every model and ends the emulation with the verdict.
pub fn measure() -> ! {
    let models = core::hint::black_box(crate::MODELS);
    conclude(|console| crate::measure(models, console))
}

/// Counts the instructions of every model and ends the emulation with the verdict.
#[cfg(target_arch = "riscv32")]
pub fn cost() -> ! {
    let models = core::hint::black_box(crate::MODELS);
    conclude(|console| crate::cost(models, console, || riscv::register::minstret::read() as u32))
}

/// Runs [`scenario::swing_up`] and ends the emulation with its verdict.
pub fn swing_up() -> ! {
    conclude(scenario::swing_up)
}

/// Runs [`scenario::fault`] and ends the emulation with its verdict.
pub fn fault() -> ! {
    conclude(scenario::fault)
}

/// Runs [`scenario::update`] and ends the emulation with its verdict.
pub fn update() -> ! {
    conclude(scenario::update)
}

fn conclude(work: impl FnOnce(&mut Semihosting) -> bool) -> ! {
    stop(work(&mut Semihosting(hio::hstdout().ok())))
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
        debug::exit(if good { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    Semihosting(hio::hstdout().ok()).write(PANIC_MARKER.as_bytes());
    stop(false)
}
