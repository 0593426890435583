//! An answer as server-sent events: chunks as they come, comments while nothing comes, and never a false end.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::stream;
use tokio::time::sleep;
use tracing::Instrument;

use super::error::ApiError;
use crate::{
    config::Delivery,
    metrics::Metrics,
    state::AppState,
    stream::{
        chunk::{self, Chunks},
        delta::{Delta, Finish, Usage},
        fault::Fault,
        message::{self, Events},
    },
    turn::Turn,
};

/// In whose words an answer is written.
pub(super) enum Encoder {
    /// OpenAI's chat completions.
    Chat(Chunks),
    /// Anthropic's messages.
    Messages(Events),
}

impl Encoder {
    fn begin(&self, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) => chunks.begin(out),
            Self::Messages(events) => events.begin(out),
        }
    }

    fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) => chunks.push(delta, out),
            Self::Messages(events) => events.push(delta, out),
        }
    }

    fn silence(&mut self, out: &mut BytesMut) {
        match self {
            Self::Chat(_) => out.extend_from_slice(chunk::HEARTBEAT),
            Self::Messages(events) => events.silence(out),
        }
    }

    fn end(&mut self, finish: Finish, usage: Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) => chunks.end(finish, usage, out),
            Self::Messages(events) => events.end(finish, usage, out),
        }
    }

    fn fault(&self, error: &ApiError, out: &mut BytesMut) {
        match self {
            Self::Chat(_) => error.view(|view| chunk::fault(view, out)),
            Self::Messages(_) => error.anthropic_view(|view| message::fault(view, out)),
        }
    }
}

/// Answers with a stream.
///
/// # Errors
/// When answers are buffered and this one fails: nothing is sent yet, so it is still a status.
pub(super) async fn answer(mut turn: Turn, encoder: Encoder, app: &AppState) -> Result<Response, Fault> {
    match app.delivery {
        Delivery::Live { heartbeat } => {
            let metrics = Arc::clone(&app.metrics);
            Ok(response(live(Live { turn, encoder, batch: Vec::new(), heartbeat, metrics })))
        }
        Delivery::Buffered => {
            let (said, ending) = turn.collect().await?;
            Ok(response(Body::from(whole(encoder, &said.into_deltas(), ending))))
        }
    }
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

fn whole(mut encoder: Encoder, deltas: &[Delta], ending: crate::turn::Ending) -> Bytes {
    let mut out = BytesMut::new();
    encoder.begin(&mut out);
    deltas.iter().for_each(|delta| encoder.push(delta, &mut out));
    encoder.end(ending.end.finish, ending.usage, &mut out);
    out.freeze()
}

/// An answer on its way. Whatever is held is in here, so dropping the body frees it.
struct Live {
    turn: Turn,
    encoder: Encoder,
    batch: Vec<Delta>,
    heartbeat: Duration,
    metrics: Arc<Metrics>,
}

/// Where the stream stands.
enum Stage {
    Begin(Live),
    Running(Live),
    Cut,
    Over,
}

fn live(live: Live) -> Body {
    Body::from_stream(stream::unfold(Stage::Begin(live), |stage| async move {
        match stage {
            Stage::Begin(live) => Some(begin(live)),
            Stage::Running(live) => {
                let span = live.turn.span.clone();
                Some(step(live).instrument(span).await)
            }
            Stage::Cut => Some((cut().await, Stage::Over)),
            Stage::Over => None,
        }
    }))
}

fn begin(live: Live) -> (io::Result<Bytes>, Stage) {
    let mut out = BytesMut::new();
    live.encoder.begin(&mut out);
    (Ok(out.freeze()), Stage::Running(live))
}

/// Sends what one read of the site brought, or a heartbeat when nothing comes.
async fn step(mut live: Live) -> (io::Result<Bytes>, Stage) {
    let next = tokio::select! {
        biased;
        next = live.turn.next(&mut live.batch) => next,
        () = sleep(live.heartbeat) => {
            live.metrics.heartbeats.inc();
            let mut out = BytesMut::new();
            live.encoder.silence(&mut out);
            return (Ok(out.freeze()), Stage::Running(live));
        }
    };
    let mut out = BytesMut::new();
    for delta in live.batch.drain(..) {
        live.encoder.push(&delta, &mut out);
    }
    match next {
        Ok(None) => (Ok(out.freeze()), Stage::Running(live)),
        Ok(Some(ending)) => {
            live.encoder.end(ending.end.finish, ending.usage, &mut out);
            (Ok(out.freeze()), Stage::Over)
        }
        Err(fault) => {
            live.encoder.fault(&ApiError::from(fault), &mut out);
            (Ok(out.freeze()), Stage::Cut)
        }
    }
}

/// Breaks the connection: a body that ended in order would look like an answer that did.
async fn cut() -> io::Result<Bytes> {
    // The server sends what it has while it waits; without that the error event would be lost with the connection.
    tokio::task::yield_now().await;
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the site's answer was cut off"))
}
