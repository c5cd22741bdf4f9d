//! A graph to be read by eye: its text form, with long constants cut short.

use super::GraphSummary;

/// Most numbers of a constant that are listed; of a longer one the first of them are.
const LISTED_LEN: usize = 6;

impl GraphSummary {
    /// One line per node and output, as [`Graph`](crate::graph::Graph) writes them; of a long constant only its beginning
    /// and its length, so that this text is not read back.
    #[must_use]
    pub fn listing(&self) -> String {
        let text = self.graph.to_string();
        let lines = text.lines().skip(1).map(|line| format!("  {}\n", shortened(line)));
        lines.collect()
    }
}

/// A line without the end of its constant, where that is long.
fn shortened(line: &str) -> String {
    let numbers = line.split_once(" = constant ").and_then(|(_, constant)| constant.split_once('('));
    let Some((_, numbers)) = numbers else { return line.to_owned() };
    match numbers.match_indices(", ").nth(LISTED_LEN - 1) {
        Some((cut, _)) => {
            let kept = line.len() - numbers.len() + cut;
            format!("{}, …) {} numbers", &line[..kept], numbers.split(", ").count())
        }
        None => line.to_owned(),
    }
}
