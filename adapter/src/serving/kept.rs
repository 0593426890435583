//! Answers that are over, kept in Redis for the client that asks for them once more without a stream.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Claim;
use crate::{
    state::AppState,
    stream::{
        close::End,
        delta::{Call, Delta, Finish, Usage},
    },
    turn::Ending,
};

/// Claude Code asks again at once; a gateway in between may take its time to notice that a stream is broken.
const LIFE: Duration = Duration::from_secs(120);

/// An answer that is over.
#[derive(Debug)]
pub(super) struct Kept {
    pub id: String,
    pub created: u64,
    pub deltas: Vec<Delta>,
    pub ending: Ending,
}

/// How it is written down.
#[derive(Serialize, Deserialize)]
struct Record {
    id: String,
    created: u64,
    said: Vec<Piece>,
    finish: String,
    /// Prompt, completion, cached, reasoning.
    usage: (u64, u64, Option<u64>, Option<u64>),
}

#[derive(Serialize, Deserialize)]
enum Piece {
    Text(String),
    Reasoning(String),
    Call { id: String, name: String, arguments: String },
}

/// Keeps an answer. If that fails, it is generated anew when the client asks again.
pub(super) async fn keep(app: AppState, claim: Claim, kept: Kept) {
    let record = serde_json::to_vec(&Record::from(kept)).expect("texts and numbers always serialize");
    let sealed = app.vault.seal_answer(&record, &claim.digest);
    if let Err(error) = app.store.keep_answer(&claim.digest, &sealed, LIFE).await {
        tracing::warn!(%error, "cannot keep the answer for a client that asks again");
    }
}

/// Takes the answer that a whole one is asked for again.
pub(super) async fn take(app: &AppState, claim: &Claim) -> Option<Kept> {
    let sealed = match app.store.take_answer(&claim.digest).await {
        Ok(sealed) => sealed?,
        Err(error) => {
            tracing::warn!(%error, "cannot look for the answer of a client that asks again");
            return None;
        }
    };
    let opened = app.vault.open_answer(&sealed, &claim.digest);
    let record = opened.inspect_err(|error| tracing::warn!(%error, "cannot open a kept answer")).ok()?;
    serde_json::from_slice::<Record>(&record).ok()?.into_kept()
}

impl From<Kept> for Record {
    fn from(kept: Kept) -> Self {
        let Kept { id, created, deltas, ending } = kept;
        let said = deltas.into_iter().filter_map(|delta| match delta {
            Delta::Text(text) => Some(Piece::Text(text)),
            Delta::Reasoning(text) => Some(Piece::Reasoning(text)),
            Delta::Call(Call { id, name, arguments }) => Some(Piece::Call { id, name, arguments }),
            Delta::Fragment(_) | Delta::Usage(_) | Delta::Finish(_) => None,
        });
        let Usage { prompt, completion, cached, reasoning } = ending.usage;
        let finish = ending.end.finish.as_str().to_owned();
        Self { id, created, said: said.collect(), finish, usage: (prompt, completion, cached, reasoning) }
    }
}

impl Record {
    fn into_kept(self) -> Option<Kept> {
        let (prompt, completion, cached, reasoning) = self.usage;
        let usage = Usage { prompt, completion, cached, reasoning };
        let end = End { finish: Finish::parse(&self.finish)?, usage: Some(usage) };
        let ending = Ending { end, usage };
        let deltas = self.said.into_iter().map(|piece| match piece {
            Piece::Text(text) => Delta::Text(text),
            Piece::Reasoning(text) => Delta::Reasoning(text),
            Piece::Call { id, name, arguments } => Delta::Call(Call { id, name, arguments }),
        });
        Some(Kept { id: self.id, created: self.created, deltas: deltas.collect(), ending })
    }
}
