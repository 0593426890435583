//! Answers that are over, kept in Redis for the client that asks for them once more without a stream.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{context::ServingContext, fingerprint::RequestFingerprint};
use crate::{
    stream::{
        delta::{Delta, FinishReason, ToolCall, Usage},
        finish::StreamEnd,
    },
    turn::TurnEnd,
};

/// Claude Code asks again at once; a gateway in between may take its time to notice that a stream is broken.
const LIFE: Duration = Duration::from_secs(120);

/// An answer that is over.
#[derive(Debug)]
pub(super) struct StoredAnswer {
    pub id: String,
    pub created: u64,
    pub deltas: Vec<Delta>,
    pub ending: TurnEnd,
}

/// How it is written down.
#[derive(Serialize, Deserialize)]
struct StoredRecord {
    id: String,
    created: u64,
    said: Vec<StoredPiece>,
    finish: String,
    /// Prompt, completion, cached, reasoning.
    usage: (u64, u64, Option<u64>, Option<u64>),
}

#[derive(Serialize, Deserialize)]
enum StoredPiece {
    Text(String),
    Reasoning(String),
    Call { id: String, name: String, arguments: String },
}

/// Keeps an answer. If that fails, it is generated anew when the client asks again.
pub(super) async fn keep(
    context: Arc<ServingContext>,
    fingerprint: RequestFingerprint,
    stored: StoredAnswer,
) {
    let record = serde_json::to_vec(&StoredRecord::from(stored)).expect("texts and numbers always serialize");
    let sealed = context.vault.seal_answer(&record, &fingerprint.digest);
    if let Err(error) = context.turns.store.keep_answer(&fingerprint.digest, &sealed, LIFE).await {
        tracing::warn!(%error, "cannot keep the answer for a client that asks again");
    }
}

/// Takes the answer that a whole one is asked for again.
pub(super) async fn take(context: &ServingContext, fingerprint: &RequestFingerprint) -> Option<StoredAnswer> {
    let sealed = match context.turns.store.take_answer(&fingerprint.digest).await {
        Ok(sealed) => sealed?,
        Err(error) => {
            tracing::warn!(%error, "cannot look for the answer of a client that asks again");
            return None;
        }
    };
    let opened = context.vault.open_answer(&sealed, &fingerprint.digest);
    let record = opened.inspect_err(|error| tracing::warn!(%error, "cannot open a kept answer")).ok()?;
    serde_json::from_slice::<StoredRecord>(&record).ok()?.into_kept()
}

impl From<StoredAnswer> for StoredRecord {
    fn from(stored: StoredAnswer) -> Self {
        let StoredAnswer { id, created, deltas, ending } = stored;
        let said = deltas.into_iter().filter_map(|delta| match delta {
            Delta::Text(text) => Some(StoredPiece::Text(text)),
            Delta::Reasoning(text) => Some(StoredPiece::Reasoning(text)),
            Delta::Call(ToolCall { id, name, arguments }) => Some(StoredPiece::Call { id, name, arguments }),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => None,
        });
        let Usage { prompt, completion, cached, reasoning } = ending.usage;
        let finish = ending.end.finish.as_str().to_owned();
        Self { id, created, said: said.collect(), finish, usage: (prompt, completion, cached, reasoning) }
    }
}

impl StoredRecord {
    fn into_kept(self) -> Option<StoredAnswer> {
        let (prompt, completion, cached, reasoning) = self.usage;
        let usage = Usage { prompt, completion, cached, reasoning };
        let end = StreamEnd { finish: FinishReason::parse(&self.finish)?, usage: Some(usage) };
        let ending = TurnEnd { end, usage };
        let deltas = self.said.into_iter().map(|piece| match piece {
            StoredPiece::Text(text) => Delta::Text(text),
            StoredPiece::Reasoning(text) => Delta::Reasoning(text),
            StoredPiece::Call { id, name, arguments } => Delta::Call(ToolCall { id, name, arguments }),
        });
        Some(StoredAnswer { id: self.id, created: self.created, deltas: deltas.collect(), ending })
    }
}
