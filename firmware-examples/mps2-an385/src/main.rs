//! The control loop on a Cortex-M3 without floating-point unit.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cortex_m_rt::entry]
fn main() -> ! {
    semihosting::run()
}
