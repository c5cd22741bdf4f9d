//! The control loop on a Cortex-M7 with hardware single-precision floating point.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cortex_m_rt::entry]
fn main() -> ! {
    semihosting::run()
}
