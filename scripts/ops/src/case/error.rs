//! Why there is no case.

/// Why a recording makes no case, or a file is none.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Masked contents cannot be played.
    #[error("turn {0} was recorded without its contents: set LATCHKEY_RECORDER=full, and have it fail again")]
    Masked(String),
    /// Not all of it is there.
    #[error("turn {0} was longer than a recording: what is missing cannot be played")]
    Cut(String),
    /// It is of no API that can be played.
    #[error("a turn of {0} cannot be played: only those of /chat/completions, /messages and /responses")]
    Path(String),
    /// What the site sent can be read with its site file only, and a case has none.
    #[error("the site {0} has a chat protocol of its own: only turns of sites like OpenAI can be played")]
    Protocol(String),
    /// The request cannot be read.
    #[error("the request of turn {0} is no JSON")]
    Request(String),
    /// The file is none.
    #[error("{path} is no case: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
}
