//! The runtime for programs in C: load a blob, bind it to memory of the caller's, step it.
//!
//! Nothing is allocated and no path panics; the steps are those of [`hnn_runtime`], to the bit. This is the one crate with
//! unsafe code, because a pointer from C is all there is to go by: it is checked for null and alignment, lengths are
//! checked against the model, and memory that must not overlap is checked not to. That it points to as much memory as its length
//! says, and that the memory stays, is the caller's word. `include/hnn.h` is what cbindgen makes of this file and its modules.

#![no_std]

#[cfg(any(feature = "std", test))]
extern crate std;

mod error;
mod model;
mod pointer;

pub use error::{HnnError, hnn_error_name};
pub use model::{
    HnnInfo, HnnModel, hnn_begin, hnn_bind, hnn_energy, hnn_field, hnn_info, hnn_load, hnn_scheme_name, hnn_step,
};

#[cfg(all(feature = "panic-handler", not(feature = "std"), not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
