//! Error codes and what they are called.

use core::ffi::{CStr, c_char};

use hnn_runtime::Error;

/// What a function returns: 0 where all is well.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HnnError {
    /// All is well.
    None = 0,
    /// A pointer that must not be null is.
    NullPointer = 1,
    /// A pointer is not aligned as its type asks for: 4 bytes, of a model 8.
    Misaligned = 2,
    /// The model has not been loaded, or its memory was not zero before it was.
    NotLoaded = 3,
    /// The model has no workspace yet.
    NotBound = 4,
    /// Workspace, model and blob share memory.
    Overlap = 5,
    /// A buffer is shorter than what is to be written to it.
    ShortBuffer = 6,
    /// The processor's floating-point mode is not IEEE round-to-nearest with subnormals.
    FloatMode = 7,
    /// The blob is shorter than a header.
    TooShort = 8,
    /// The blob is larger than any reader accepts.
    TooLarge = 9,
    /// It does not start with the bytes `HNN1`.
    Magic = 10,
    /// The blob has another format version.
    Version = 11,
    /// The blob is truncated or padded.
    Length = 12,
    /// The blob is corrupt: its checksum does not match.
    Checksum = 13,
    /// The blob holds a function, and a model is asked for.
    Form = 14,
    /// The blob needs kernels that this build leaves out.
    MissingKernel = 15,
    /// A header field of the blob is out of range or contradicts another.
    Header = 16,
    /// An entry of the blob is missing, unexpected or out of range.
    Entry = 17,
    /// An instruction of the blob is not valid.
    Instruction = 18,
    /// The workspace holds fewer elements than the model needs.
    WorkspaceTooSmall = 19,
    /// A state has another length than the model's.
    StateLength = 20,
    /// The input has another length than the model's.
    InputLength = 21,
    /// The step would give a state that is not finite; the old one was kept.
    NonFinite = 22,
    /// Damping is too strong for this time step; the old state was kept.
    DampingTooStiff = 23,
    /// The scheme does not suit the model.
    Scheme = 24,
    /// The runtime refused something that this interface never asks for.
    Internal = 25,
    /// This build has room for fewer degrees of freedom.
    Capacity = 26,
}

impl HnnError {
    const ALL: [Self; 27] = [
        Self::None,
        Self::NullPointer,
        Self::Misaligned,
        Self::NotLoaded,
        Self::NotBound,
        Self::Overlap,
        Self::ShortBuffer,
        Self::FloatMode,
        Self::TooShort,
        Self::TooLarge,
        Self::Magic,
        Self::Version,
        Self::Length,
        Self::Checksum,
        Self::Form,
        Self::MissingKernel,
        Self::Header,
        Self::Entry,
        Self::Instruction,
        Self::WorkspaceTooSmall,
        Self::StateLength,
        Self::InputLength,
        Self::NonFinite,
        Self::DampingTooStiff,
        Self::Scheme,
        Self::Internal,
        Self::Capacity,
    ];

    fn text(self) -> &'static CStr {
        match self {
            Self::None => c"no error",
            Self::NullPointer => c"a pointer is null",
            Self::Misaligned => c"a pointer is not aligned",
            Self::NotLoaded => c"the model is not loaded",
            Self::NotBound => c"the model has no workspace: call hnn_bind",
            Self::Overlap => c"workspace, model and blob share memory",
            Self::ShortBuffer => c"a buffer is too short",
            Self::FloatMode => c"the processor's floating-point mode is not IEEE round-to-nearest with subnormals",
            Self::TooShort => c"the blob is shorter than a header",
            Self::TooLarge => c"the blob is larger than any reader accepts",
            Self::Magic => c"not a model blob: it does not start with HNN1",
            Self::Version => c"the blob has another format version",
            Self::Length => c"the blob is truncated or padded",
            Self::Checksum => c"the blob is corrupt: its checksum does not match",
            Self::Form => c"the blob holds a function, and a model is asked for",
            Self::MissingKernel => c"the blob needs kernels that this build leaves out",
            Self::Header => c"a header field of the blob is out of range or contradicts another",
            Self::Entry => c"an entry of the blob is missing, unexpected or out of range",
            Self::Instruction => c"an instruction of the blob is not valid",
            Self::WorkspaceTooSmall => c"the workspace is too small",
            Self::StateLength => c"the state's length is not the model's",
            Self::InputLength => c"the input's length is not the model's",
            Self::NonFinite => c"the step would give a state that is not finite",
            Self::DampingTooStiff => c"damping is too strong for this time step",
            Self::Scheme => c"the scheme does not suit the model",
            Self::Internal => c"the runtime refused something that is never asked for",
            Self::Capacity => c"this build has room for fewer degrees of freedom",
        }
    }
}

impl From<Error> for HnnError {
    fn from(error: Error) -> Self {
        match error {
            Error::FloatMode => Self::FloatMode,
            Error::TooShort => Self::TooShort,
            Error::TooLarge => Self::TooLarge,
            Error::Magic => Self::Magic,
            Error::Version(_) => Self::Version,
            Error::Length => Self::Length,
            Error::Checksum => Self::Checksum,
            Error::Form => Self::Form,
            Error::MissingKernel(_) => Self::MissingKernel,
            Error::Header => Self::Header,
            Error::Entry(_) => Self::Entry,
            Error::Instruction { .. } => Self::Instruction,
            Error::WorkspaceTooSmall { .. } => Self::WorkspaceTooSmall,
            Error::StateLength => Self::StateLength,
            Error::InputLength => Self::InputLength,
            Error::NonFinite => Self::NonFinite,
            Error::DampingTooStiff => Self::DampingTooStiff,
            Error::NotSeparable
            | Error::NotQuadratic
            | Error::Constraints
            | Error::Iterations
            | Error::Binding
            | Error::NotDoubled => Self::Scheme,
            Error::NotExplicit | Error::OutOfRange | Error::RecorderFull => Self::Internal,
        }
    }
}

/// The text of an error code, in English; of a code that is none, that it is none. Never null, never to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn hnn_error_name(code: u32) -> *const c_char {
    let known = HnnError::ALL.iter().find(|known| **known as u32 == code);
    known.map_or(c"no error code", |known| known.text()).as_ptr()
}
