//! The control loop on a Cortex-M0: no floating-point unit, no atomics, 256 KiB of flash, 16 KiB of RAM.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cortex_m_rt::entry]
fn main() -> ! {
    semihosting::run()
}
