//! Watches the power balance of a simulated pendulum, to which things happen, with a learned model.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    semihosting::fault()
}
