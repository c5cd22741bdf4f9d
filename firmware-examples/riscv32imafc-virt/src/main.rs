//! The control loop on a RISC-V core with hardware single-precision floating point.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[riscv_rt::entry]
fn main() -> ! {
    semihosting::run()
}
