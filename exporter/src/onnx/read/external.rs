//! Weights in a file of their own, next to the model.
//!
//! The file is named by the model, so the name is not trusted: it must stay inside the model's folder once all links are
//! followed, and no more is read of it than the tensor's shape asks for.

use std::path::{Component, Path};

use super::super::OnnxError;
use super::super::proto::TensorProto;
use crate::limited::read_part;

/// Exactly the `len` bytes of the tensor called `name`.
pub(super) fn read(
    directory: Option<&Path>,
    name: &str,
    proto: &TensorProto,
    len: usize,
) -> Result<Vec<u8>, OnnxError> {
    let wrong = |message: String| OnnxError::value(name, message);
    let Some(directory) = directory else {
        return Err(OnnxError::unsupported(
            format!("`{name}`, a weight in a second file (external data),"),
            "give the model as a file next to it, or save it in Python with \
             onnx.save(model, path, save_as_external_data=False)",
        ));
    };
    let entry = |wanted: &str| {
        let found = proto.external_data.iter().find(|entry| entry.key.as_deref() == Some(wanted));
        found.and_then(|entry| entry.value.as_deref())
    };
    let number = |wanted: &str| match entry(wanted) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| wrong(format!("external data with {wanted} `{text}`"))),
    };
    let location = entry("location").ok_or_else(|| wrong("external data without a location".to_owned()))?;
    let relative = Path::new(location);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain || location.contains(['\\', ':']) || location.is_empty() {
        return Err(wrong(format!(
            "external data in `{location}`, which is not a plain path within the model's folder"
        )));
    }
    let (offset, given) = (number("offset")?.unwrap_or(0), number("length")?);
    if given.is_some_and(|given| usize::try_from(given) != Ok(len)) {
        let given = given.unwrap_or_default();
        return Err(wrong(format!("external data of {given} bytes, its shape and type need {len}")));
    }
    let resolve = |path: &Path| {
        path.canonicalize().map_err(|error| wrong(format!("external data in {}: {error}", path.display())))
    };
    // The parent of a bare file name is empty, and means here.
    let folder = resolve(if directory.as_os_str().is_empty() { Path::new(".") } else { directory })?;
    let path = resolve(&folder.join(relative))?;
    if !path.starts_with(&folder) {
        return Err(wrong(format!("external data in `{location}`, a link that leads out of the model's folder")));
    }
    if !path.is_file() {
        return Err(wrong(format!("external data in `{location}`, which is no file")));
    }
    read_part(&path, offset, len).map_err(|error| wrong(format!("external data in `{location}`: {error}")))
}
