//! What is measured and gates nothing: export times, and the cost of gradients in ONNX Runtime.

use std::path::PathBuf;

use anyhow::Result;
use xshell::cmd;

use crate::workspace::Workspace;

/// Runs the exporter's benchmark over `paths`, or the committed corpus where there are none.
///
/// # Errors
/// Where the benchmark fails or cannot be built.
pub(crate) fn export(workspace: &Workspace, paths: &[PathBuf], json: Option<&PathBuf>) -> Result<()> {
    let corpus = [workspace.root.join("tests").join("corpus").join("files")];
    let paths = if paths.is_empty() { &corpus[..] } else { paths };
    // Cargo runs a benchmark in its package's folder.
    let paths = paths.iter().map(std::path::absolute).collect::<std::io::Result<Vec<_>>>()?;
    let json = json.map(std::path::absolute).transpose()?;
    let json = json.iter().flat_map(|file| ["--json".into(), file.as_os_str().to_owned()]);
    let shell = &workspace.shell;
    let bench = cmd!(shell, "cargo bench --quiet -p hnn-exporter --features ort --bench export --");
    Ok(bench.args(paths).args(json).run()?)
}
