//! The command line of `hnn`: from what was typed to a request, and from a result to a short table or JSON.
//!
//! The only crate that knows all the others, and the only one that prints. Results go to stdout, progress and notices to
//! stderr. Exit codes: 0 good, 1 a check failed, 2 the request or its input is wrong.

mod arguments;
mod baseline;
mod blob;
mod command;
mod console;
mod file;
mod interrupt;
mod plan;
mod progress;
mod settings;
mod source;
mod subject;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// How a command that could be carried out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It did what was asked, and what it checked held.
    Good,
    /// What it checked did not hold, or it was interrupted before it was done.
    Failed,
}

/// Runs one command line and returns its exit code.
pub fn run<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> ExitCode {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are answers, everything else is a wrong request; clap knows which stream each belongs to.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match dispatch(parsed.command) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::from(1),
        Err(error) => {
            console::complain(&error);
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Demo(arguments) => command::demo(&arguments),
        Command::Train(arguments) => command::train(&arguments),
        Command::Export(arguments) => command::export(&arguments),
        Command::Validate(arguments) => command::validate(&arguments),
        Command::Simulate(arguments) => command::simulate(&arguments),
        Command::Run(arguments) => command::run(&arguments),
        Command::Inspect(arguments) => command::inspect(&arguments),
        Command::Evaluate(arguments) => command::evaluate(&arguments),
        Command::Systems => command::systems(),
        Command::Models => command::models(),
        Command::Schemes => command::schemes(),
    }
}
