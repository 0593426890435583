//! The recording of one turn: what was asked, what the site sent, what the client got, and when.
//!
//! A recorder keeps it sealed and for a while. It never holds a session, a cookie or a header of either side.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// One turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnRecord {
    /// The request's id, which its answer carries as `X-Oneapi-Request-Id`.
    pub id: String,
    /// When it began, Unix time in milliseconds.
    pub at: u64,
    /// Whether contents are as they were, and not masked.
    pub is_whole: bool,
    /// Whether there was more than a recording holds.
    pub is_cut: bool,
    /// The path of the request.
    pub path: String,
    /// The site; `-` where the turn came to none.
    pub site: String,
    /// The model as the site names it; `-` as above.
    pub model: String,
    /// How calls come back: `untouched`, `native`, or the dialect in which they are written.
    pub calls: String,
    /// The nonce in the tags of that dialect.
    pub nonce: String,
    /// How it ended, in the words of the metrics.
    pub outcome: String,
    /// How long it took.
    pub duration_ms: u64,
    /// What happened, in order.
    pub moments: Vec<RecordedEvent>,
}

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedEvent {
    /// Since the turn began.
    pub ms: u64,
    /// What.
    #[serde(flatten)]
    pub event: TurnEvent,
}

/// What may happen in a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TurnEvent {
    /// The client's request came.
    Request {
        /// Its body.
        body: String,
    },
    /// The site began an answer.
    Answer,
    /// The site sent this.
    Site {
        /// The bytes, as text.
        text: String,
    },
    /// The site's answer was over.
    Over {
        /// `ended`, `cut` or `silent`.
        how: String,
    },
    /// An attempt at an account failed, or the turn did.
    Fault {
        /// In the words of the metrics.
        fault: String,
    },
    /// This was said to the client.
    Delta {
        /// `text`, `reasoning` or `call`.
        kind: String,
        /// The text, or the call's arguments.
        text: String,
        /// The call's tool; empty for others.
        name: String,
    },
    /// The site was asked again.
    Again {
        /// What.
        question: String,
    },
    /// The client was sent this.
    Chunk {
        /// The bytes, as text.
        text: String,
    },
}

impl TurnRecord {
    /// The recording as JSON.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(self).expect("texts and numbers always serialize"))
    }

    /// A recording out of JSON.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
