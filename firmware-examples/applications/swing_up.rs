//! Swings a simulated pendulum up with a motor that cannot lift it, by the energy of a learned model, and holds it there.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[cfg_attr(target_arch = "arm", cortex_m_rt::entry)]
#[cfg_attr(target_arch = "riscv32", riscv_rt::entry)]
fn main() -> ! {
    semihosting::swing_up()
}
