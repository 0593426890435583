//! One request of a client and all that is needed to answer it. The only place that may ask a site again.

use std::{pin::Pin, sync::Arc};

use latchkey_shared::{store::AdapterStore, time::Timestamp};
use tokio::{task::JoinHandle, time::Instant};
use tracing::{Instrument, Span};
use ulid::Ulid;

use crate::{
    config::JudgeMode,
    metrics::ModelLabels,
    models::ModelRoute,
    openai::request::ChatRequest,
    pool::{OpenAnswer, PoolError},
    prompt::{CallMode, Prompt},
    recorder,
    scope::AccountScope,
    sites::DriverRequest,
    stream::{
        delta::{Delta, Usage},
        fault::Fault,
        finish::StreamEnd,
    },
    tokens::TokenCounter,
};

mod answer;
mod context;
mod emulated;
mod end_mark;
mod error;
pub(crate) mod judge;
mod limit;
mod memory;
mod native;
mod nudges;
mod outcomes;
mod preparing;
mod record;
mod repair;
mod shares;
mod tally;

use answer::{TurnAnswer, TurnReader};
pub(crate) use context::TurnContext;
use emulated::{EmulatedTurn, RepairPolicy};
pub(crate) use error::TurnError;
use limit::AnswerLimit;
use memory::ConversationMemory;
use native::NativeCalls;
pub(crate) use outcomes::LearnedOutcomes;
use outcomes::TurnLessons;
use record::TurnObserver;
use tally::TurnMetrics;

/// An answer that has begun. Dropping it cancels the upstream call and frees the account.
pub(crate) struct Turn {
    /// Its id, in all its chunks.
    pub id: String,
    /// When it began, Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
    answer: TurnAnswer,
    counter: TokenCounter,
    counting: Option<JoinHandle<Usage>>,
    /// Completes when nothing more may be said, whatever the site says. One for the whole turn: to begin to wait for it
    /// costs more than a token should.
    broken_off: Pin<Box<dyn Future<Output = Fault> + Send>>,
    record: TurnObserver,
    store: AdapterStore,
    learned: Arc<LearnedOutcomes>,
    memory: Option<ConversationMemory>,
}

/// How a turn ended well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnEnd {
    /// Why and for how much, as the site says.
    pub end: StreamEnd,
    /// For how much, counted by us where the site does not say.
    pub usage: Usage,
}

/// Begins a turn: returns when the first delta is there, so that whatever fails before is still a status.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(crate) async fn open(
    context: &TurnContext,
    scope: AccountScope,
    request: ChatRequest,
) -> Result<Turn, TurnError> {
    let started = Instant::now();
    let name = request.model.clone();
    let mut record = TurnObserver::new(Arc::clone(&context.metrics), started, Span::current());
    let stopping = context.tasks.stopping();
    let begun = tokio::select! {
        begun = begin(context, &scope, request, &mut record) => begun,
        () = stopping.cancelled() => Err(PoolError::Fault(Fault::ShuttingDown).into()),
    };
    let (answer, memory) = begun.inspect_err(|error| record.failed(error.label()))?;
    record.began();
    tracing::debug!(account.id = %answer.account(), site = record.labels.site, "the answer begins");
    let switched_off = answer.switched_off();
    let broken_off = Box::pin(async move {
        tokio::select! {
            biased;
            () = stopping.cancelled_owned() => Fault::ShuttingDown,
            () = switched_off => Fault::AccountDisabled,
        }
    });
    Ok(Turn {
        id: format!("chatcmpl-{}", answer.prompt.minted),
        created: Timestamp::now().millis() / 1000,
        model: name,
        answer,
        counter: TokenCounter::default(),
        counting: None,
        broken_off,
        record,
        store: context.store.clone(),
        learned: Arc::clone(&context.learned),
        memory,
    })
}

async fn begin(
    context: &TurnContext,
    scope: &AccountScope,
    request: ChatRequest,
    record: &mut TurnObserver,
) -> Result<(TurnAnswer, Option<ConversationMemory>), TurnError> {
    let ModelRoute { site, model, listed } = context.models.resolve(scope, &request.model).await?;
    record.labels.site = site.name.to_string();
    // A name that no list confirms is a client's free text, and each would be a series of its own.
    if listed {
        record.labels.model.clone_from(&model);
    }
    let client = request.client;
    let minted = Ulid::generate().to_string().to_lowercase();
    let memory = ConversationMemory::of(context, &site, scope, &model, &request);
    let end_mark = context.learned.lets_ask_for_end_mark(&record.labels);
    let preparing = preparing::prepare(request, &site, model, minted, &context.calls, end_mark);
    let prompt = Box::pin(preparing).await?;
    let memory = memory.map(|memory| memory.with(&prompt));
    let limit = AnswerLimit::of(&prompt, &site)?;
    // Boxed: the futures below it nest deeper than the compiler lays out in one piece.
    let asking = async {
        match Box::pin(memory::go_on(context, &site, scope, &prompt, memory.as_ref())).await? {
            Some(held) => Ok(held),
            None => Box::pin(context.pool.open(&site, scope, &DriverRequest::new(&site, &prompt)))
                .await
                .map_err(TurnError::from),
        }
    };
    // While the site thinks.
    let lessons = lessons(context, &prompt, &record.labels, client);
    let (held, nudges, lessons) = tokio::join!(asking, nudges::recent(&context.store, &prompt), lessons);
    let OpenAnswer { deltas, hold, failovers, asked } = held?;
    record.asked(asked, failovers);
    let mut reader = reader(context, &prompt, limit, record);
    if let TurnReader::Bridged(bridged) = &mut reader {
        bridged.recall(nudges, lessons);
    }
    let mut answer = TurnAnswer::new(deltas, reader, hold, prompt);
    let switched_off = answer.switched_off();
    tokio::select! {
        begun = Box::pin(answer.begin()) => begun.map_err(PoolError::Fault)?,
        () = switched_off => return Err(PoolError::Fault(Fault::AccountDisabled).into()),
    }
    Ok((answer, memory))
}

/// What the turn's nudge goes by: nothing where none is judged, and of a model that no list confirms.
async fn lessons(
    context: &TurnContext,
    prompt: &Prompt,
    labels: &ModelLabels,
    client: Option<[u8; 32]>,
) -> TurnLessons {
    let is_judged = matches!(prompt.calls, CallMode::Emulated(_)) && context.calls.judge != JudgeMode::Off;
    match client {
        Some(client) if is_judged && labels.model != record::NO_NAME => {
            context.learned.recall(&context.store, labels, client).await
        }
        _ => TurnLessons::default(),
    }
}

fn reader(
    context: &TurnContext,
    prompt: &Prompt,
    limit: Option<AnswerLimit>,
    record: &mut TurnObserver,
) -> TurnReader {
    record.calls(&prompt.calls);
    let mut tally = |dialect| {
        record.dialect = dialect;
        TurnMetrics::new(Arc::clone(&record.metrics), record.labels.clone(), dialect)
    };
    match &prompt.calls {
        CallMode::Untouched => TurnReader::Untouched(limit),
        CallMode::Native(declared) => {
            TurnReader::Native(NativeCalls::new(declared.clone(), prompt.minted.clone(), tally("native")))
        }
        CallMode::Emulated(emulation) => {
            let policy = RepairPolicy { repair: context.calls.repair, judge: context.calls.judge };
            let tally = tally(emulation.dialect.form.as_str());
            let bridged = EmulatedTurn::new(Arc::clone(emulation), prompt.minted.clone(), policy, tally);
            TurnReader::Bridged(Box::new(bridged))
        }
    }
}

impl Turn {
    /// Frees the account of a turn that has ended; what `also` is to tell Redis goes out with it.
    pub(crate) fn free(&mut self, also: Option<impl Future<Output = ()> + Send + 'static>) {
        let lease = self.answer.lease();
        match also {
            Some(also) => lease.end_with(also),
            None => lease.end(),
        }
    }

    /// Records what the client is sent, if turns are recorded.
    pub(crate) fn sent(&self, bytes: &[u8]) {
        if let Some(tape) = &self.record.recorder {
            tape.chunk(bytes);
        }
    }

    /// Waits for more deltas; the ending comes once, after the last of them. Cancel-safe.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<TurnEnd>, Fault> {
        let from = out.len();
        let next = tokio::select! {
            biased;
            fault = &mut self.broken_off => Err(fault),
            next = recorder::within(self.record.recorder.clone(), self.answer.next(out)) => next,
        };
        let end = match next {
            Ok(end) => end,
            Err(fault) => {
                self.record.failed(fault.label());
                let account = self.answer.account();
                self.record
                    .span
                    .in_scope(|| tracing::warn!(account.id = %account, cause = %fault, "the answer failed"));
                return Err(fault);
            }
        };
        self.record.said(&out[from..]);
        for delta in &out[from..] {
            self.counter.push(delta);
            self.memory.iter_mut().for_each(|memory| memory.push(delta));
        }
        match end {
            None => Ok(None),
            // Boxed, like what begins a turn: once, where each delta would carry it otherwise.
            Some(end) => {
                let span = self.record.span.clone();
                Ok(Some(Box::pin(self.end(end).instrument(span)).await))
            }
        }
    }

    /// Counts a sign of life that the client was sent meanwhile.
    pub(crate) fn heartbeat(&self) {
        self.record.heartbeat();
    }

    async fn end(&mut self, end: StreamEnd) -> TurnEnd {
        let usage = match end.usage {
            Some(usage) => usage,
            None => self.count().await,
        };
        if self.answer.was_nudged_in_vain() {
            nudges::note(&self.store, &self.answer.prompt).await;
        }
        for (lessons, lesson) in self.answer.lessons() {
            self.learned.note(&self.store, lessons, lesson).await;
        }
        if let Some(memory) = &self.memory {
            let conversation = self.answer.conversation();
            memory.keep(conversation).await;
        }
        self.record.ended(usage);
        TurnEnd { end, usage }
    }

    /// Counts on a thread for blocking work: a long prompt takes a while.
    async fn count(&mut self) -> Usage {
        let Self { counter, answer: TurnAnswer { prompt, .. }, counting, .. } = self;
        let counting = counting.get_or_insert_with(|| {
            let counter = std::mem::take(counter);
            let messages = std::mem::take(&mut prompt.messages);
            let tools = std::mem::take(&mut prompt.tools);
            tokio::task::spawn_blocking(move || counter.usage(&messages, &tools))
        });
        counting.await.unwrap_or_default()
    }
}
