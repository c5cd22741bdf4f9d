//! The binary as its own `main` is: arguments in, exit code out. Built here so that tests never meet a stale executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    hnn::run(std::env::args_os())
}
