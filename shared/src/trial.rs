//! What `latchkey-broker site try` tells the adapter that it starts, and hears from it: lines of JSON over two pipes.
//!
//! The one place where a session leaves memory unsealed. It goes into a pipe that only the two processes have, and
//! never onto a command line, into the environment or into a file.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// One question to one site, with a session that was just captured. Its line is all that the adapter reads.
#[derive(Serialize, Deserialize)]
pub struct TrialQuestion {
    /// The site file, as it was named.
    pub file: String,
    /// What stands in it.
    pub text: String,
    /// Where the site is.
    pub base_url: String,
    /// The session, as [`crate::session::Session::to_bytes`] writes it.
    pub session: Zeroizing<String>,
    /// What the site is asked.
    pub question: String,
    /// The model; the first that the site has without it.
    pub model: Option<String>,
}

/// What the adapter tells, as it happens. Secrets are masked already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TrialEvent {
    /// The models that the site has, and the one that is asked.
    Models {
        /// All of them.
        models: Vec<String>,
        /// The one.
        asked: String,
    },
    /// The site answered a request.
    Answered {
        /// Its method.
        method: String,
        /// Its path.
        path: String,
        /// The answer's status.
        status: u16,
        /// Since the question, in milliseconds.
        at_ms: u64,
    },
    /// The site sent an event of its answer.
    Event {
        /// The event as it came.
        raw: String,
        /// What came of it.
        said: Vec<TrialText>,
        /// Since the question, in milliseconds.
        at_ms: u64,
    },
    /// The answer is whole.
    End {
        /// The whole text.
        text: String,
        /// Why it ended, in OpenAI's word.
        finish: String,
        /// To the first text or thought, in milliseconds.
        first_ms: Option<u64>,
        /// To the end, in milliseconds.
        total_ms: u64,
    },
    /// There is no answer, or not all of it.
    Failed {
        /// What kind of failure it is.
        code: String,
        /// What happened.
        message: String,
        /// What the author of the site file does about it.
        remedy: String,
    },
}

/// A piece of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialText {
    /// `text`, `reasoning`, `call`, `usage` or `finish`.
    pub what: String,
    /// The piece.
    pub piece: String,
}
