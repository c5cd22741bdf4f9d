//! A blob as part of a program: its bytes become words while the program is compiled.

/// The file of a blob as `&'static [u32]`, aligned and in flash; the path is relative to the file that says it.
///
/// A file whose length is no multiple of four bytes does not compile. Whether it holds a blob is found by
/// [`Program::parse`](crate::Program::parse).
///
/// ```ignore
/// static MODEL: &[u32] = hnn_runtime::include_blob!("model.hnn");
/// ```
#[macro_export]
macro_rules! include_blob {
    ($path:expr $(,)?) => {{
        const BYTES: &[u8] = include_bytes!($path);
        static WORDS: [u32; BYTES.len() / 4] = $crate::words(BYTES);
        &WORDS
    }};
}

/// Little-endian words of bytes.
///
/// # Panics
/// Where `N` words are not all there is; in a constant that is an error of the compiler.
#[doc(hidden)]
#[must_use]
pub const fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let (chunks, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty() && chunks.len() == N, "the length of a blob is a multiple of four bytes");
    let mut words = [0; N];
    let mut index = 0;
    while index < N {
        words[index] = u32::from_le_bytes(chunks[index]);
        index += 1;
    }
    words
}
