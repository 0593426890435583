//! An answer as server-sent events: chunks as they come, comments while nothing comes, and never a false end.

use std::{io, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use axum::{
    body::Body,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::{FutureExt, future::ready, stream};
use latchkey_shared::time::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;
use ulid::Ulid;

use super::{
    auth::AdmissionPermit,
    encoder::{AnswerEncoder, AnswerHead, StreamFailure, Surface},
    error::ApiError,
    via::ClientPath,
};
use crate::{
    config::DeliveryMode,
    deadline::LazyDeadline,
    recorder::{self, TurnRecorder},
    serving::ResumableTurn,
    state::AppState,
    stream::{collect::CollectedAnswer, delta::Delta},
    turn::{TurnEnd, TurnError},
};

/// Room for some chunks: what one read of a site brings.
const BUFFER_BYTES: usize = 1024;

/// An answer that is still to begin.
type PendingTurn = Pin<Box<dyn Future<Output = Result<OpenedAnswer, ApiError>> + Send>>;

/// An answer that has begun, and all of it where answers are buffered.
struct OpenedAnswer {
    turn: ResumableTurn,
    whole: Option<(CollectedAnswer, TurnEnd)>,
}

/// Where an answer goes.
pub(super) struct AnswerRoute {
    /// By which way.
    pub via: ClientPath,
    /// The model as the client named it.
    pub model: String,
    /// Held as long as the answer lasts.
    pub permit: AdmissionPermit,
}

/// Answers with a stream. What fails before the first word is a status, unless the word is long in coming: then the
/// stream begins without it, so that whoever waits knows that we are there, and we learn when they go.
///
/// # Errors
/// Whatever fails before the stream has begun.
pub(super) async fn answer(
    app: &AppState,
    serving: impl Future<Output = Result<ResumableTurn, TurnError>> + Send + 'static,
    words: impl FnOnce(&AnswerHead<'_>) -> Surface,
    AnswerRoute { via, model, permit: place }: AnswerRoute,
) -> Result<Response, ApiError> {
    let (heartbeat, buffered) = match app.delivery {
        DeliveryMode::Live { heartbeat } => (heartbeat, false),
        DeliveryMode::Buffered { heartbeat } => (heartbeat, true),
    };
    let opening = opening(serving, buffered).in_current_span();
    // It may go on behind this request's answer: with its log lines, its recording, and its panics.
    let tape = recorder::tape();
    let opening = AssertUnwindSafe(recorder::within(tape.clone(), opening)).catch_unwind();
    let mut pending: PendingTurn = Box::pin(opening.map(|opened| opened.unwrap_or(Err(ApiError::Bug))));
    let opened = match app.begin_after {
        Some(begin_after) => timeout_at(place.since + begin_after, &mut pending).await.ok(),
        None => Some((&mut pending).await),
    };
    let writing = |words: Surface| {
        let encoder = AnswerEncoder::new(words, via);
        let out = BytesMut::with_capacity(BUFFER_BYTES);
        AnswerWriter { encoder, out, heartbeat, _place: place }
    };
    let pending = match opened {
        Some(Ok(opened)) => {
            let ResumableTurn { id, created, model, .. } = &opened.turn;
            let words = words(&AnswerHead { id, created: *created, model });
            return Ok(response(body(stage_of(opened, writing(words)).await)));
        }
        Some(Err(error)) if !error.is_too_long() => return Err(error),
        Some(Err(error)) => Err(error),
        None => Ok(pending),
    };
    let id = format!("chatcmpl-{}", Ulid::generate().to_string().to_lowercase());
    let words = words(&AnswerHead { id: &id, created: Timestamp::now().millis() / 1000, model: &model });
    let pending = match pending {
        Ok(pending) => pending,
        Err(error) if words.tells_length() => Box::pin(ready(Err(error))),
        Err(error) => return Err(error),
    };
    tracing::debug!("the stream begins before its first word");
    let writer = writing(words);
    let waiting = PendingStream { pending, told: false, recorder: tape, writer };
    let stage = StreamStage::Waiting(Box::new(waiting));
    Ok(response(body(stage)))
}

async fn opening(
    serving: impl Future<Output = Result<ResumableTurn, TurnError>>,
    buffered: bool,
) -> Result<OpenedAnswer, ApiError> {
    let mut serving = serving.await?;
    let whole = if buffered { Some(serving.collect().await?) } else { None };
    Ok(OpenedAnswer { turn: serving, whole })
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
struct AnswerWriter {
    encoder: AnswerEncoder,
    /// What is sent is split off it; once that is on the wire, its room is used again.
    out: BytesMut,
    heartbeat: Duration,
    _place: AdmissionPermit,
}

/// A stream that has begun before its answer. Dropping it gives the answer up.
struct PendingStream {
    pending: PendingTurn,
    /// Whether the beginning is written.
    told: bool,
    /// Records what is sent before there is a turn that does.
    recorder: Option<TurnRecorder>,
    writer: AnswerWriter,
}

impl PendingStream {
    /// Takes what was written, to be sent.
    fn send(&mut self) -> Bytes {
        let bytes = self.writer.out.split().freeze();
        if let Some(tape) = &self.recorder {
            tape.chunk(&bytes);
        }
        bytes
    }
}

/// An answer on its way. Whatever is held is in here, so dropping the body frees it.
struct LiveStream {
    turn: ResumableTurn,
    batch: Vec<Delta>,
    deadline: LazyDeadline,
    writer: AnswerWriter,
}

impl LiveStream {
    /// Takes what was written, to be sent.
    fn send(&mut self) -> Bytes {
        let bytes = self.writer.out.split().freeze();
        self.turn.sent(&bytes);
        bytes
    }
}

/// Where the stream stands.
enum StreamStage {
    Waiting(Box<PendingStream>),
    Begin(Box<LiveStream>),
    Running(Box<LiveStream>),
    Whole(Bytes),
    Cut,
    Over,
}

fn body(stage: StreamStage) -> Body {
    Body::from_stream(stream::unfold(stage, |stage| async move {
        match stage {
            StreamStage::Waiting(waiting) => Some(wait(waiting).await),
            StreamStage::Begin(live) => Some(begin(live)),
            StreamStage::Running(live) => Some(step(live).await),
            StreamStage::Whole(bytes) => Some((Ok(bytes), StreamStage::Over)),
            StreamStage::Cut => Some((cut().await, StreamStage::Over)),
            StreamStage::Over => None,
        }
    }))
}

async fn stage_of(
    OpenedAnswer { turn: serving, whole }: OpenedAnswer,
    mut writer: AnswerWriter,
) -> StreamStage {
    let Some((said, ending)) = whole else {
        let batch = Vec::new();
        let alarm = LazyDeadline::default();
        return StreamStage::Begin(Box::new(LiveStream { turn: serving, batch, deadline: alarm, writer }));
    };
    let AnswerWriter { encoder, out, .. } = &mut writer;
    encoder.begin(out);
    said.into_deltas().iter().for_each(|delta| encoder.push(delta, out));
    encoder.end(ending.end.finish, ending.usage, out).await;
    StreamStage::Whole(writer.out.freeze())
}

/// Waits for the answer, with a sign of life after each silence.
async fn wait(mut pending: Box<PendingStream>) -> (io::Result<Bytes>, StreamStage) {
    let PendingStream { pending: opening, told, writer: writing, .. } = &mut *pending;
    if !std::mem::replace(told, true) {
        writing.encoder.wait(&mut writing.out);
        return (Ok(pending.send()), StreamStage::Waiting(pending));
    }
    match timeout(writing.heartbeat, opening).await {
        Err(_) => {
            writing.encoder.silence(&mut writing.out);
            (Ok(pending.send()), StreamStage::Waiting(pending))
        }
        Ok(Ok(opened)) => match stage_of(opened, pending.writer).await {
            StreamStage::Begin(live) => begin(live),
            StreamStage::Whole(bytes) => (Ok(bytes), StreamStage::Over),
            stage => (Ok(Bytes::new()), stage),
        },
        Ok(Err(error)) => {
            error.log();
            let failed = writing.encoder.fault(&error, &mut writing.out);
            (Ok(pending.send()), StreamStage::from(failed))
        }
    }
}

fn begin(mut stream: Box<LiveStream>) -> (io::Result<Bytes>, StreamStage) {
    let AnswerWriter { encoder, out, .. } = &mut stream.writer;
    encoder.begin(out);
    (Ok(stream.send()), StreamStage::Running(stream))
}

/// Sends what one read of the site brought, or a heartbeat when nothing comes.
async fn step(mut stream: Box<LiveStream>) -> (io::Result<Bytes>, StreamStage) {
    let LiveStream {
        turn: serving,
        batch,
        deadline: alarm,
        writer: AnswerWriter { encoder, out, heartbeat, .. },
    } = &mut *stream;
    let Some(next) = alarm.timeout_at(Instant::now() + *heartbeat, serving.next(batch)).await else {
        serving.heartbeat();
        encoder.silence(out);
        return (Ok(stream.send()), StreamStage::Running(stream));
    };
    for delta in batch.drain(..) {
        encoder.push(&delta, out);
    }
    match next {
        Ok(None) => (Ok(stream.send()), StreamStage::Running(stream)),
        Ok(Some(ending)) => {
            encoder.end(ending.end.finish, ending.usage, out).await;
            (Ok(stream.send()), StreamStage::Over)
        }
        Err(fault) => {
            let failed = encoder.fault(&ApiError::from(fault), out);
            (Ok(stream.send()), StreamStage::from(failed))
        }
    }
}

impl From<StreamFailure> for StreamStage {
    fn from(failed: StreamFailure) -> Self {
        match failed {
            StreamFailure::Cut => Self::Cut,
            StreamFailure::Told => Self::Over,
        }
    }
}

/// Breaks the connection: a body that ended in order would look like an answer that did.
async fn cut() -> io::Result<Bytes> {
    // The server sends what it has while it waits; without that the error event would be lost with the connection.
    tokio::task::yield_now().await;
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the site's answer was cut off"))
}
