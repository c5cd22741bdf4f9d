//! One field and one step of every model, between marks: `cargo xtask bench mcu` counts what is executed between them.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cortex_m_rt::entry]
fn main() -> ! {
    semihosting::measure()
}
