//! Reading a file that may be of any size, or still grow: never more than a limit is held in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error(transparent)]
    System(std::io::Error),
    /// There is more than the limit.
    #[error("it is larger than the limit")]
    TooLarge,
}

/// The content of a file of at most `limit` bytes. What the file system says about its size is not asked: it is 0 for a
/// device or a pipe, and may change before the content is read.
///
/// # Errors
/// [`ReadError`].
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let file = File::open(path).map_err(ReadError::System)?;
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(ReadError::System)?;
    if content.len() as u64 > limit { Err(ReadError::TooLarge) } else { Ok(content) }
}

/// Exactly `len` bytes of a file from `offset` on.
///
/// # Errors
/// [`ReadError::System`], also where the file ends before.
pub fn read_part(path: &Path, offset: u64, len: usize) -> Result<Vec<u8>, ReadError> {
    let mut file = File::open(path).map_err(ReadError::System)?;
    file.seek(SeekFrom::Start(offset)).map_err(ReadError::System)?;
    let mut content = Vec::new();
    // Grows with what is there, so that a length that lies takes no memory.
    file.take(len as u64).read_to_end(&mut content).map_err(ReadError::System)?;
    if content.len() == len {
        return Ok(content);
    }
    let missing = format!("{} bytes from byte {offset} on, {len} are wanted", content.len());
    Err(ReadError::System(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit_and_refused_beyond() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
        assert!(matches!(read_limited(&path, 4), Err(ReadError::TooLarge)));
        assert!(matches!(read_limited(&room.path().join("none"), 4), Err(ReadError::System(_))));
    }

    #[test]
    fn a_part_of_a_file_is_read_whole_or_not_at_all() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_part(&path, 1, 3).unwrap(), b"234");
        assert_eq!(read_part(&path, 5, 0).unwrap(), b"");
        assert!(read_part(&path, 3, 3).unwrap_err().to_string().contains("2 bytes from byte 3"));
        assert!(read_part(&path, u64::MAX, 1).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_size_is_refused_all_the_same() {
        assert!(matches!(read_limited(Path::new("/dev/zero"), 1000), Err(ReadError::TooLarge)));
    }
}
