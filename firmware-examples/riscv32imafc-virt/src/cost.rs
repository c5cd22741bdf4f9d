//! Counts the instructions of a field and a step of every model, which must not depend on the state.
#![no_std]
#![no_main]

use hnn_firmware_common::semihosting;

#[riscv_rt::entry]
fn main() -> ! {
    semihosting::cost()
}
