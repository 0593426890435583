//! One request of a client and all that is needed to answer it. The only place that may ask a site again.

use std::sync::Arc;

use latchkey_shared::time::Timestamp;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Span;
use ulid::Ulid;

use crate::{
    metrics::{Metrics, ModelLabels, OutcomeLabels, SiteLabels, TokenLabels},
    models::{ModelError, Route},
    openai::request::{ChatRequest, Invalid},
    pool::{Held, PoolError},
    prompt::Prompt,
    sites::Ask,
    state::AppState,
    stream::{
        close::End,
        collect::Collected,
        delta::{Delta, Usage},
        fault::Fault,
    },
    tokens::Counter,
};

/// Why a turn does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TurnError {
    /// The site cannot do what is asked.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The model's name leads nowhere.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No account gives an answer.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// An answer that has begun. Dropping it cancels the upstream call and frees the account.
pub(crate) struct Turn {
    /// Its id, in all its chunks.
    pub id: String,
    /// When it began, Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
    /// The request's span, for what happens after the handler has returned.
    pub span: Span,
    held: Held,
    prompt: Prompt,
    counter: Counter,
    counting: Option<JoinHandle<Usage>>,
    stopping: CancellationToken,
    record: Record,
}

/// How a turn ended well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    /// Why and for how much, as the site says.
    pub end: End,
    /// For how much, counted by us where the site does not say.
    pub usage: Usage,
}

/// Begins a turn: returns when the first delta is there, so that whatever fails before is still a status.
///
/// # Errors
/// Whatever keeps the answer from beginning.
pub(crate) async fn open(app: &AppState, request: ChatRequest) -> Result<Turn, TurnError> {
    let started = Instant::now();
    let name = request.model.clone();
    let mut record = Record::new(Arc::clone(&app.metrics), started, Span::current());
    let stopping = app.tasks.stopping();
    let begun = tokio::select! {
        begun = begin(app, request, &mut record) => begun,
        () = stopping.cancelled() => Err(PoolError::Fault(Fault::Stopping).into()),
    };
    let (prompt, held) = begun.inspect_err(|error| record.outcome = Some(error.label()))?;
    record.began(held.failovers);
    tracing::debug!(account.id = %held.lease.account, site = record.labels.site, "the answer begins");
    Ok(Turn {
        id: format!("chatcmpl-{}", prompt.minted),
        created: Timestamp::now().millis() / 1000,
        model: name,
        span: Span::current(),
        held,
        prompt,
        counter: Counter::default(),
        counting: None,
        stopping,
        record,
    })
}

async fn begin(
    app: &AppState,
    request: ChatRequest,
    record: &mut Record,
) -> Result<(Prompt, Held), TurnError> {
    let Route { site, model, listed } = app.models.resolve(&request.model).await?;
    record.labels.site = site.name.to_string();
    // A name that no list confirms is a client's free text, and each would be a series of its own.
    if listed {
        record.labels.model.clone_from(&model);
    }
    let minted = Ulid::generate().to_string().to_lowercase();
    let prompt = Prompt::new(request, &site, model, minted)?;
    // Boxed: the futures below it nest deeper than the compiler lays out in one piece.
    let held = Box::pin(app.pool.open(&site, &Ask::new(&site, &prompt))).await?;
    Ok((prompt, held))
}

impl TurnError {
    /// The outcome that metrics show.
    fn label(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::Model(ModelError::Unknown(_) | ModelError::Ambiguous { .. }) => {
                "invalid"
            }
            Self::Model(ModelError::NotKnown(_)) | Self::Pool(PoolError::NoAccount) => "no_account",
            Self::Model(ModelError::Unlisted(fault)) | Self::Pool(PoolError::Fault(fault)) => fault.label(),
            Self::Pool(PoolError::Busy { .. }) => "busy",
            Self::Pool(PoolError::QueueFull) => "queue_full",
        }
    }
}

impl Turn {
    /// Waits for more deltas; the ending comes once, with the last of them. Cancel-safe.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn next(&mut self, out: &mut Vec<Delta>) -> Result<Option<Ending>, Fault> {
        let from = out.len();
        let next = tokio::select! {
            biased;
            () = self.stopping.cancelled() => Err(Fault::Stopping),
            next = self.held.deltas.next(out) => next,
        };
        let end = match next {
            Ok(end) => end,
            Err(fault) => {
                self.record.outcome = Some(fault.label());
                tracing::warn!(account.id = %self.held.lease.account, cause = %fault, "the answer failed");
                return Err(fault);
            }
        };
        for delta in &out[from..] {
            self.counter.push(delta);
        }
        match end {
            None => Ok(None),
            Some(end) => Ok(Some(self.end(end).await)),
        }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// Whatever cuts the answer.
    pub(crate) async fn collect(&mut self) -> Result<(Collected, Ending), Fault> {
        let mut collected = Collected::default();
        let mut deltas = Vec::new();
        loop {
            let ending = self.next(&mut deltas).await?;
            for delta in deltas.drain(..) {
                collected.push(delta).inspect_err(|fault| self.record.outcome = Some(fault.label()))?;
            }
            if let Some(ending) = ending {
                return Ok((collected, ending));
            }
        }
    }

    async fn end(&mut self, end: End) -> Ending {
        let usage = match end.usage {
            Some(usage) => usage,
            None => self.count().await,
        };
        self.record.ended(usage);
        Ending { end, usage }
    }

    /// Counts on a thread for blocking work: a long prompt takes a while.
    async fn count(&mut self) -> Usage {
        let Self { counter, prompt, counting, .. } = self;
        let counting = counting.get_or_insert_with(|| {
            let counter = std::mem::take(counter);
            let (messages, tools) = (std::mem::take(&mut prompt.messages), std::mem::take(&mut prompt.tools));
            tokio::task::spawn_blocking(move || counter.usage(&messages, &tools))
        });
        counting.await.unwrap_or_default()
    }
}

/// What the metrics learn of a turn. A turn that is dropped before its end was left by the client.
struct Record {
    metrics: Arc<Metrics>,
    labels: ModelLabels,
    started: Instant,
    span: Span,
    outcome: Option<&'static str>,
}

impl Record {
    fn new(metrics: Arc<Metrics>, started: Instant, span: Span) -> Self {
        let labels = ModelLabels { site: "-".to_owned(), model: "-".to_owned() };
        Self { metrics, labels, started, span, outcome: None }
    }

    fn began(&self, failovers: usize) {
        let waited = self.started.elapsed().as_secs_f64();
        self.metrics.first_delta.get_or_create(&self.labels).observe(waited);
        if failovers > 0 {
            let site = SiteLabels { site: self.labels.site.clone() };
            self.metrics.failovers.get_or_create(&site).inc_by(failovers as u64);
        }
    }

    fn ended(&mut self, usage: Usage) {
        self.outcome = Some("ok");
        for (kind, count) in [("prompt", usage.prompt), ("completion", usage.completion)] {
            let ModelLabels { site, model } = self.labels.clone();
            self.metrics.tokens.get_or_create(&TokenLabels { site, model, kind }).inc_by(count);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let ModelLabels { site, model } = self.labels.clone();
        let outcome = self.outcome.unwrap_or("left");
        let took = self.started.elapsed();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.span.in_scope(|| tracing::info!(site, model, outcome, duration_ms, "turn ended"));
        self.metrics.requests.get_or_create(&OutcomeLabels { site, model, outcome }).inc();
        self.metrics.turn.get_or_create(&self.labels).observe(took.as_secs_f64());
    }
}
