//! One turn on its way to one client, and to the same client once more if its stream breaks.
//!
//! Coding agents ask the same again then: Claude Code at once and without `stream`, OpenCode after two seconds. What
//! was generated is not bought a second time: a turn that runs waits for a moment, in this process; one that is over is
//! kept in Redis, sealed. Only requests with tools are looked at: a person who asks the same again wants another answer.

use std::sync::Arc;

use latchkey_shared::time::Timestamp;
use ulid::Ulid;

use crate::{
    openai::request::ChatRequest,
    scope::AccountScope,
    stream::{
        collect::CollectedAnswer,
        delta::{Delta, FinishReason},
        fault::Fault,
        finish::StreamEnd,
    },
    tokens::TokenCounter,
    turn::{self, Turn, TurnEnd, TurnError},
};

mod context;
mod detached;
mod fingerprint;
mod shelf;
mod stored;
mod title;
mod transcript;

pub(crate) use context::ServingContext;
use detached::DetachedTurn;
pub(crate) use detached::DetachedTurns;
use fingerprint::RequestFingerprint;
pub(crate) use shelf::ResponseShelf;
use stored::StoredAnswer;
use transcript::Transcript;

/// An answer that is being served. Dropping it cancels the upstream call and frees the account, at once or, if the
/// client may ask again, in a moment.
pub(crate) struct ResumableTurn {
    /// The answer's id, as chats write it.
    pub id: String,
    /// When it began, Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
    /// None where all of it is known.
    turn: Option<Box<Turn>>,
    /// What was said before the client asked again.
    before: Vec<Delta>,
    ending: Option<TurnEnd>,
    context: Option<ResumeContext>,
}

/// What it takes to serve the answer again.
struct ResumeContext {
    context: Arc<ServingContext>,
    fingerprint: RequestFingerprint,
    /// Whether it is a stream that can break; who asks for a whole answer asks for it in vain otherwise.
    streamed: bool,
    transcript: Transcript,
}

impl ResumableTurn {
    /// Begins to serve: returns when the first delta is there, so that whatever fails before is still a status.
    /// `client` is the digest of the client's secret, `scope` what that may use.
    ///
    /// # Errors
    /// Whatever keeps the answer from beginning.
    pub(crate) async fn open(
        context: Arc<ServingContext>,
        client: [u8; 32],
        scope: AccountScope,
        request: ChatRequest,
    ) -> Result<Self, TurnError> {
        // In this order: a title of our own; the turn of a client that has just gone; an answer that is stored; the site.
        let request = ChatRequest { client: Some(client), ..request };
        if let Some(title) = context.short_circuits.titles.then(|| title::of(&request)).flatten() {
            tracing::debug!("a title is answered without a site");
            return Ok(Self::whole(StoredAnswer::of_ours(title, &request).await, request.model));
        }
        let claim =
            context.short_circuits.resent.then(|| RequestFingerprint::of(&client, &request)).flatten();
        let streamed = request.stream;
        let model = request.model.clone();
        let Some(claim) = claim else {
            let turn = turn::open(&context.turns, scope, request).await?;
            return Ok(Self::of(Box::new(turn), Vec::new(), None));
        };
        if let Some(DetachedTurn { turn, transcript: told }) = context.detached.take(&claim) {
            tracing::info!(site.answer = turn.id, "goes on for a client that asks again");
            context.turns.metrics.asked_again("joined");
            let before = told.deltas().unwrap_or_default().to_vec();
            let again = ResumeContext {
                context: Arc::clone(&context),
                fingerprint: claim,
                streamed,
                transcript: told,
            };
            return Ok(Self::of(turn, before, Some(again)));
        }
        // A stream is never answered so: a client that got the end of one, and asks the same, wants another answer.
        if !streamed && let Some(kept) = stored::take(&context, &claim).await {
            tracing::info!(site.answer = kept.id, "was answered before, to a client that asks again");
            context.turns.metrics.asked_again("kept");
            return Ok(Self::whole(kept, model));
        }
        let turn = Box::new(Box::pin(turn::open(&context.turns, scope, request)).await?);
        let again = ResumeContext {
            context: Arc::clone(&context),
            fingerprint: claim,
            streamed,
            transcript: Transcript::default(),
        };
        Ok(Self::of(turn, Vec::new(), Some(again)))
    }

    fn of(turn: Box<Turn>, before: Vec<Delta>, context: Option<ResumeContext>) -> Self {
        let id = turn.id.clone();
        let created = turn.created;
        let model = turn.model.clone();
        Self { id, created, model, turn: Some(turn), before, ending: None, context }
    }

    fn whole(stored: StoredAnswer, model: String) -> Self {
        let StoredAnswer { id, created, deltas, ending } = stored;
        Self { id, created, model, turn: None, before: deltas, ending: Some(ending), context: None }
    }

    /// Waits for more deltas; the ending comes once, with the last of them or after. Cancel-safe.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<TurnEnd>, Fault> {
        if !self.before.is_empty() {
            out.append(&mut self.before);
            return Ok(self.ending);
        }
        let Some(turn) = &mut self.turn else { return Ok(self.ending) };
        let from = out.len();
        let next = turn.next(out).await;
        if let Some(again) = &mut self.context {
            out[from..].iter().for_each(|delta| again.transcript.push(delta));
        }
        match &next {
            Ok(None) => {}
            Ok(Some(ending)) => {
                self.ending = Some(*ending);
                self.free(*ending);
            }
            // There is nothing to go on with.
            Err(_) => self.context = None,
        }
        next
    }

    /// Records what the client is sent, if turns are recorded.
    pub(crate) fn sent(&self, bytes: &[u8]) {
        if let Some(turn) = &self.turn {
            turn.sent(bytes);
        }
    }

    /// Counts a sign of life that the client was sent meanwhile.
    pub(crate) fn heartbeat(&self) {
        if let Some(turn) = &self.turn {
            turn.heartbeat();
        }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn collect(&mut self) -> Result<(CollectedAnswer, TurnEnd), Fault> {
        let mut collected = CollectedAnswer::default();
        let mut deltas = Vec::new();
        loop {
            let ending = self.next(&mut deltas).await?;
            for delta in deltas.drain(..) {
                collected.push(delta)?;
            }
            if let Some(ending) = ending {
                return Ok((collected, ending));
            }
        }
    }

    /// Frees the account of an answer that is over, and keeps the answer if it was streamed: of its stream the client
    /// may not have got all.
    fn free(&mut self, ending: TurnEnd) {
        let keep = self.context.take().and_then(
            |ResumeContext { context, fingerprint: claim, streamed, transcript: told }| {
                let deltas = told.into_deltas().filter(|_| streamed)?;
                let kept = StoredAnswer { id: self.id.clone(), created: self.created, deltas, ending };
                Some(stored::keep(context, claim, kept))
            },
        );
        if let Some(turn) = &mut self.turn {
            turn.free(keep);
        }
    }
}

impl Drop for ResumableTurn {
    fn drop(&mut self) {
        // Over, or not to be asked for again.
        let (Some(turn), Some(ResumeContext { context, fingerprint: claim, transcript: told, .. })) =
            (self.turn.take(), self.context.take())
        else {
            return;
        };
        if told.deltas().is_some() {
            DetachedTurns::put(&context.detached, claim, DetachedTurn { turn, transcript: told });
        }
    }
}

impl StoredAnswer {
    /// An answer of our own.
    async fn of_ours(text: String, request: &ChatRequest) -> Self {
        let deltas = vec![Delta::Text(text)];
        let mut counter = TokenCounter::default();
        let messages = request.messages.clone();
        counter.push(&deltas[0]);
        // On a thread for blocking work: the first count loads a table.
        let usage =
            tokio::task::spawn_blocking(move || counter.usage(&messages, &[])).await.unwrap_or_default();
        let ending = TurnEnd { end: StreamEnd { finish: FinishReason::Stop, usage: Some(usage) }, usage };
        let id = format!("chatcmpl-{}", Ulid::generate().to_string().to_lowercase());
        Self { id, created: Timestamp::now().millis() / 1000, deltas, ending }
    }
}
