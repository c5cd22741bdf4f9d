//! What reaches the terminal: lines, tables and complaints.
//!
//! A reader that closes the pipe early ends the output, not the program.

use std::io::Write;

/// Prints one result line to stdout.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints one notice to stderr.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Prints an error with its causes to stderr.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut message = format!("error: {error}");
    let mut before = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Errors of libraries often repeat what they wrap.
        if !before.contains(&cause) {
            message.push_str(&format!("\n  because: {cause}"));
        }
        before = cause;
    }
    note(message);
}

/// Prints rows in aligned columns: text to the left, the rest to the right.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { 2 }, 0));
    }
    for line in table.to_string().lines() {
        say(line.trim_end());
    }
}
