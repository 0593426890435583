//! An answer as server-sent events: chunks as they come, comments while nothing comes, and never a false end.

use std::{io, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use axum::{
    body::Body,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::{FutureExt, stream};
use latchkey_shared::time::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use ulid::Ulid;

use super::{
    auth::Place,
    encoder::{Encoder, Failed, Head, Words},
    error::ApiError,
    via::Via,
};
use crate::{
    alarm::Alarm,
    config::Delivery,
    recorder::{self, Tape},
    serving::Serving,
    state::AppState,
    stream::{collect::Collected, delta::Delta},
    turn::{Ending, TurnError},
};

/// Room for some chunks: what one read of a site brings.
const BUFFER_BYTES: usize = 1024;

/// An answer that is still to begin.
type Opening = Pin<Box<dyn Future<Output = Result<Opened, ApiError>> + Send>>;

/// An answer that has begun, and all of it where answers are buffered.
struct Opened {
    serving: Serving,
    whole: Option<(Collected, Ending)>,
}

/// Where an answer goes.
pub(super) struct Way {
    /// By which way.
    pub via: Via,
    /// The model as the client named it.
    pub model: String,
    /// Held as long as the answer lasts.
    pub place: Place,
}

/// Answers with a stream. What fails before the first word is a status, unless the word is long in coming: then the
/// stream begins without it, so that whoever waits knows that we are there, and we learn when they go.
///
/// # Errors
/// Whatever fails before the stream has begun.
pub(super) async fn answer(
    app: &AppState,
    serving: impl Future<Output = Result<Serving, TurnError>> + Send + 'static,
    words: impl FnOnce(&Head<'_>) -> Words,
    Way { via, model, place }: Way,
) -> Result<Response, ApiError> {
    let (heartbeat, buffered) = match app.delivery {
        Delivery::Live { heartbeat } => (heartbeat, false),
        Delivery::Buffered { heartbeat } => (heartbeat, true),
    };
    let opening = opening(serving, buffered).in_current_span();
    // It may go on behind this request's answer: with its log lines, its recording, and its panics.
    let tape = recorder::tape();
    let opening = AssertUnwindSafe(recorder::within(tape.clone(), opening)).catch_unwind();
    let mut opening: Opening = Box::pin(opening.map(|opened| opened.unwrap_or(Err(ApiError::Bug))));
    let opened = match app.begin_after {
        Some(begin_after) => timeout_at(place.since + begin_after, &mut opening).await.ok(),
        None => Some((&mut opening).await),
    };
    let writing = |words: Words| {
        let (encoder, out) = (Encoder::new(words, via), BytesMut::with_capacity(BUFFER_BYTES));
        Writing { encoder, out, heartbeat, _place: place }
    };
    let stage = if let Some(opened) = opened {
        let opened = opened?;
        let Serving { id, created, model, .. } = &opened.serving;
        let words = words(&Head { id, created: *created, model });
        stage_of(opened, writing(words))
    } else {
        tracing::debug!("the stream begins before its first word");
        let id = format!("chatcmpl-{}", Ulid::generate().to_string().to_lowercase());
        let head = Head { id: &id, created: Timestamp::now().millis() / 1000, model: &model };
        Stage::Waiting(Box::new(Waiting { opening, told: false, tape, writing: writing(words(&head)) }))
    };
    Ok(response(body(stage)))
}

async fn opening(
    serving: impl Future<Output = Result<Serving, TurnError>>,
    buffered: bool,
) -> Result<Opened, ApiError> {
    let mut serving = serving.await?;
    let whole = if buffered { Some(serving.collect().await?) } else { None };
    Ok(Opened { serving, whole })
}

fn response(body: Body) -> Response {
    // nginx and its kin buffer streams unless told not to.
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        (CACHE_CONTROL.as_str(), "no-cache"),
        ("x-accel-buffering", "no"),
    ];
    (headers, body).into_response()
}

/// What writes an answer, and what it holds meanwhile.
struct Writing {
    encoder: Encoder,
    /// What is sent is split off it; once that is on the wire, its room is used again.
    out: BytesMut,
    heartbeat: Duration,
    _place: Place,
}

/// A stream that has begun before its answer. Dropping it gives the answer up.
struct Waiting {
    opening: Opening,
    /// Whether the beginning is written.
    told: bool,
    /// Records what is sent before there is a turn that does.
    tape: Option<Tape>,
    writing: Writing,
}

impl Waiting {
    /// Takes what was written, to be sent.
    fn send(&mut self) -> Bytes {
        let bytes = self.writing.out.split().freeze();
        if let Some(tape) = &self.tape {
            tape.chunk(&bytes);
        }
        bytes
    }
}

/// An answer on its way. Whatever is held is in here, so dropping the body frees it.
struct Live {
    serving: Serving,
    batch: Vec<Delta>,
    alarm: Alarm,
    writing: Writing,
}

impl Live {
    /// Takes what was written, to be sent.
    fn send(&mut self) -> Bytes {
        let bytes = self.writing.out.split().freeze();
        self.serving.sent(&bytes);
        bytes
    }
}

/// Where the stream stands.
enum Stage {
    Waiting(Box<Waiting>),
    Begin(Box<Live>),
    Running(Box<Live>),
    Whole(Bytes),
    Cut,
    Over,
}

fn body(stage: Stage) -> Body {
    Body::from_stream(stream::unfold(stage, |stage| async move {
        match stage {
            Stage::Waiting(waiting) => Some(wait(waiting).await),
            Stage::Begin(live) => Some(begin(live)),
            Stage::Running(live) => Some(step(live).await),
            Stage::Whole(bytes) => Some((Ok(bytes), Stage::Over)),
            Stage::Cut => Some((cut().await, Stage::Over)),
            Stage::Over => None,
        }
    }))
}

fn stage_of(Opened { serving, whole }: Opened, mut writing: Writing) -> Stage {
    let Some((said, ending)) = whole else {
        let (batch, alarm) = (Vec::new(), Alarm::default());
        return Stage::Begin(Box::new(Live { serving, batch, alarm, writing }));
    };
    let Writing { encoder, out, .. } = &mut writing;
    encoder.begin(out);
    said.into_deltas().iter().for_each(|delta| encoder.push(delta, out));
    encoder.end(ending.end.finish, ending.usage, out);
    Stage::Whole(writing.out.freeze())
}

/// Waits for the answer, with a sign of life after each silence.
async fn wait(mut waiting: Box<Waiting>) -> (io::Result<Bytes>, Stage) {
    let Waiting { opening, told, writing, .. } = &mut *waiting;
    if !std::mem::replace(told, true) {
        writing.encoder.wait(&mut writing.out);
        return (Ok(waiting.send()), Stage::Waiting(waiting));
    }
    match timeout(writing.heartbeat, opening).await {
        Err(_) => {
            writing.encoder.silence(&mut writing.out);
            (Ok(waiting.send()), Stage::Waiting(waiting))
        }
        Ok(Ok(opened)) => match stage_of(opened, waiting.writing) {
            Stage::Begin(live) => begin(live),
            Stage::Whole(bytes) => (Ok(bytes), Stage::Over),
            stage => (Ok(Bytes::new()), stage),
        },
        Ok(Err(error)) => {
            error.log();
            let failed = writing.encoder.fault(&error, &mut writing.out);
            (Ok(waiting.send()), Stage::from(failed))
        }
    }
}

fn begin(mut live: Box<Live>) -> (io::Result<Bytes>, Stage) {
    let Writing { encoder, out, .. } = &mut live.writing;
    encoder.begin(out);
    (Ok(live.send()), Stage::Running(live))
}

/// Sends what one read of the site brought, or a heartbeat when nothing comes.
async fn step(mut live: Box<Live>) -> (io::Result<Bytes>, Stage) {
    let Live { serving, batch, alarm, writing: Writing { encoder, out, heartbeat, .. } } = &mut *live;
    let Some(next) = alarm.within(Instant::now() + *heartbeat, serving.next(batch)).await else {
        serving.heartbeat();
        encoder.silence(out);
        return (Ok(live.send()), Stage::Running(live));
    };
    for delta in batch.drain(..) {
        encoder.push(&delta, out);
    }
    match next {
        Ok(None) => (Ok(live.send()), Stage::Running(live)),
        Ok(Some(ending)) => {
            encoder.end(ending.end.finish, ending.usage, out);
            (Ok(live.send()), Stage::Over)
        }
        Err(fault) => {
            let failed = encoder.fault(&ApiError::from(fault), out);
            (Ok(live.send()), Stage::from(failed))
        }
    }
}

impl From<Failed> for Stage {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Cut => Self::Cut,
            Failed::Told => Self::Over,
        }
    }
}

/// Breaks the connection: a body that ended in order would look like an answer that did.
async fn cut() -> io::Result<Bytes> {
    // The server sends what it has while it waits; without that the error event would be lost with the connection.
    tokio::task::yield_now().await;
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the site's answer was cut off"))
}
