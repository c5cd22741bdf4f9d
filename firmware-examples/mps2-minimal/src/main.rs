//! The least that steps a network: one model, one scheme, the kernels they need. Its flash is the price of the runtime.
#![no_std]
#![no_main]

use core::hint::black_box;

use hnn_runtime::integrate::LEAPFROG;
use hnn_runtime::{Compiled, Error, Program, State, Stepper as _, Workspace};

/// A network with tanh, H = T(p) + V(q), that learned the pendulum.
static MODEL: &[u32] = hnn_runtime::include_blob!("../../model/pendulum_network.hnn");
/// Room for that model, in elements.
const WORKSPACE_LEN: usize = 40;
const STEPS: u32 = 1000;

#[cortex_m_rt::entry]
fn main() -> ! {
    let good = swing(black_box(MODEL)).is_ok();
    semihosting::stop(good)
}

fn swing(blob: &[u32]) -> Result<f32, Error> {
    let program = Program::parse(blob)?;
    let mut workspace = Workspace::<WORKSPACE_LEN>::for_program(&program)?;
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let mut model = model.separable()?;
    let mut state = State::<f32, 1>::new(&[1.0], &[0.0])?;
    for _ in 0..STEPS {
        LEAPFROG.step(&mut model, &mut state, &[], program.dt())?;
    }
    Ok(black_box(state.q().iter().sum()))
}

/// How a run ends, with an exit code for QEMU and nothing printed.
mod semihosting {
    use core::panic::PanicInfo;

    use cortex_m_semihosting::debug::{self, EXIT_FAILURE, EXIT_SUCCESS};
    use cortex_m_semihosting::hio;

    /// Text that proves, where it is found in an ELF file, that a panic can be reached.
    const PANIC_MARKER: &str = "hnn: panic\n";

    /// Never inlined: its address is where a debugger waits for the end of a run.
    #[inline(never)]
    pub(super) fn stop(good: bool) -> ! {
        loop {
            debug::exit(if good { EXIT_SUCCESS } else { EXIT_FAILURE });
        }
    }

    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        if let Ok(mut stream) = hio::hstdout() {
            // There is nowhere else to say it.
            let _ = stream.write_all(PANIC_MARKER.as_bytes());
        }
        stop(false)
    }
}
