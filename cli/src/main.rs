//! The binary `hnn`; everything it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    hnn::run(std::env::args_os())
}
