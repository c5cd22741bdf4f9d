//! A CSV file as header and text cells.
//!
//! Comma, semicolon and tab are told apart by the header; a byte order mark, CRLF and quoted cells are understood. A file
//! without header, with ragged rows, not UTF-8, empty or beyond the limits is refused. Cells stay text: what they mean is
//! `read`'s business.

use std::path::{Path, PathBuf};

use super::error::{DataError, plural};

/// Largest file read, in bytes.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// Most columns of a file.
pub const MAX_FILE_COLUMNS: usize = 4096;

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A table of text.
pub(super) struct Table {
    pub(super) file: PathBuf,
    pub(super) header: Vec<String>,
    reader: csv::Reader<std::io::Cursor<Vec<u8>>>,
}

impl Table {
    /// Reads a file of at most `limit` bytes and its header.
    pub(super) fn open(file: &Path, limit: u64) -> Result<Self, DataError> {
        let io = |source| DataError::Io { file: file.to_path_buf(), source };
        let bytes = std::fs::metadata(file).map_err(io)?.len();
        if bytes > limit {
            return Err(DataError::TooLarge { file: file.to_path_buf(), bytes, limit });
        }
        let content = std::fs::read(file).map_err(io)?;
        Self::from_bytes(file, content)
    }

    fn from_bytes(file: &Path, mut content: Vec<u8>) -> Result<Self, DataError> {
        let refuse = |message: &str| Err(DataError::Format { file: file.to_path_buf(), message: message.to_owned() });
        if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
            return refuse("this is UTF-16; save it as UTF-8");
        }
        if content.starts_with(&[0xef, 0xbb, 0xbf]) {
            content.drain(..3);
        }
        if content.iter().all(u8::is_ascii_whitespace) {
            return refuse("the file is empty; a header with column names and at least one row are expected");
        }
        let delimiter = delimiter(&content);
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(std::io::Cursor::new(content));
        let header = match reader.headers() {
            Ok(record) => record.iter().map(str::to_owned).collect::<Vec<_>>(),
            Err(_) => return refuse("the header is not UTF-8 text"),
        };
        if header.len() > MAX_FILE_COLUMNS {
            return refuse(&format!("{} columns exceed the limit of {MAX_FILE_COLUMNS}", header.len()));
        }
        if header.iter().all(|name| name.parse::<f64>().is_ok()) {
            return refuse("the first row holds only numbers; a header with column names is expected");
        }
        Ok(Self { file: file.to_path_buf(), header, reader })
    }

    /// Position of a column, which must be there exactly once.
    pub(super) fn column(&self, wanted: &str) -> Result<usize, DataError> {
        let found: Vec<usize> = (0..self.header.len()).filter(|at| self.header[*at] == wanted).collect();
        match found[..] {
            [at] => Ok(at),
            [] => Err(DataError::Column {
                file: self.file.clone(),
                wanted: wanted.to_owned(),
                nearest: nearest(wanted, &self.header),
                present: self.header.clone(),
            }),
            _ => Err(DataError::Format {
                file: self.file.clone(),
                message: format!("the header names `{wanted}` {} times", found.len()),
            }),
        }
    }

    /// Hands every row to `visit`, with its line in the file.
    pub(super) fn rows(
        mut self,
        mut visit: impl FnMut(usize, &csv::StringRecord) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut record = csv::StringRecord::new();
        let mut lines = Lines { byte: 0, line: 1 };
        let mut count = 0usize;
        loop {
            let start = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
            let more = self.reader.read_record(&mut record);
            let row = lines.at(self.reader.get_ref().get_ref(), start);
            let refuse = |message: String| DataError::Row { file: self.file.clone(), row, message };
            match more {
                Ok(false) if count == 0 => {
                    let message = "there is a header but no row".to_owned();
                    return Err(DataError::Format { file: self.file.clone(), message });
                }
                Ok(false) => return Ok(()),
                Ok(true) if record.len() == self.header.len() => visit(row, &record)?,
                Ok(true) => {
                    let (found, expected) = (plural(record.len(), "cell"), self.header.len());
                    return Err(refuse(format!("{found}, but the header has {expected}")));
                }
                Err(_) => return Err(refuse("not UTF-8 text".to_owned())),
            }
            count += 1;
        }
    }
}

/// Counts lines up to a byte of the file. The reader's own count differs between LF and CRLF files.
struct Lines {
    byte: usize,
    line: usize,
}

impl Lines {
    /// Line of the first byte at or after `start` that ends no line; `start` may not decrease.
    fn at(&mut self, content: &[u8], start: usize) -> usize {
        while let Some(byte) = content.get(self.byte) {
            let ends = match byte {
                b'\n' => true,
                b'\r' => content.get(self.byte + 1) != Some(&b'\n'),
                _ if self.byte >= start => break,
                _ => false,
            };
            // A carriage return before a line feed is neither a line's end nor the row's first byte.
            self.line += usize::from(ends);
            self.byte += 1;
        }
        self.line
    }
}

/// The delimiter that the header uses most outside quotes; comma where it uses none.
fn delimiter(content: &[u8]) -> u8 {
    let mut counts = [0usize; DELIMITERS.len()];
    let mut quoted = false;
    let leading = content.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
    for byte in &content[leading..] {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(at) = DELIMITERS.iter().position(|candidate| candidate == byte) {
                    counts[at] += 1;
                }
            }
        }
    }
    let mut best = 0;
    for at in 1..counts.len() {
        if counts[at] > counts[best] {
            best = at;
        }
    }
    DELIMITERS[best]
}

/// The most similar name, if it is similar at all (normalised Damerau–Levenshtein similarity above a half).
fn nearest(wanted: &str, present: &[String]) -> Option<String> {
    let similarity = |name: &str| strsim::normalized_damerau_levenshtein(&wanted.to_lowercase(), &name.to_lowercase());
    let scored = present.iter().map(|name| (similarity(name), name));
    let best = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 > 0.5).then(|| best.1.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_one_the_header_uses_outside_quotes() {
        assert_eq!(delimiter(b"a,b;c,d\n1;2;3;4;5\n"), b',');
        assert_eq!(delimiter(b"a;b\n"), b';');
        assert_eq!(delimiter(b"a\tb\r\n"), b'\t');
        assert_eq!(delimiter(b"\"a,b,c\";d\n"), b';');
        assert_eq!(delimiter(b"only\n1,2,3\n"), b',');
    }

    #[test]
    fn only_similar_names_are_suggested() {
        let names = ["time".to_owned(), "position".to_owned(), "velocity".to_owned()];
        assert_eq!(nearest("Postion", &names).as_deref(), Some("position"));
        assert_eq!(nearest("torque", &names), None);
    }
}
