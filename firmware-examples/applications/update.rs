//! Replaces the model that runs while power fails at every word of the replacement.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    semihosting::update()
}
