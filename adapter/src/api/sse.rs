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
    stream::{chunk, chunk::Chunks, delta::Delta, fault::Fault},
    turn::Turn,
};

/// Answers with a stream.
///
/// # Errors
/// When answers are buffered and this one fails: nothing is sent yet, so it is still a status.
pub(super) async fn answer(mut turn: Turn, app: &AppState) -> Result<Response, Fault> {
    let chunks = Chunks::new(&turn.id, turn.created, &turn.model);
    match app.delivery {
        Delivery::Live { heartbeat } => {
            let metrics = Arc::clone(&app.metrics);
            Ok(response(live(Live { turn, chunks, batch: Vec::new(), heartbeat, metrics })))
        }
        Delivery::Buffered => {
            let (said, ending) = turn.collect().await?;
            Ok(response(Body::from(whole(chunks, &said.into_deltas(), ending))))
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

fn whole(mut chunks: Chunks, deltas: &[Delta], ending: crate::turn::Ending) -> Bytes {
    let mut out = BytesMut::new();
    chunks.begin(&mut out);
    deltas.iter().for_each(|delta| chunks.push(delta, &mut out));
    chunks.end(ending.end.finish, ending.usage, &mut out);
    out.freeze()
}

/// An answer on its way. Whatever is held is in here, so dropping the body frees it.
struct Live {
    turn: Turn,
    chunks: Chunks,
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
    live.chunks.begin(&mut out);
    (Ok(out.freeze()), Stage::Running(live))
}

/// Sends what one read of the site brought, or a heartbeat when nothing comes.
async fn step(mut live: Live) -> (io::Result<Bytes>, Stage) {
    let next = tokio::select! {
        biased;
        next = live.turn.next(&mut live.batch) => next,
        () = sleep(live.heartbeat) => {
            live.metrics.heartbeats.inc();
            return (Ok(Bytes::from_static(chunk::HEARTBEAT)), Stage::Running(live));
        }
    };
    let mut out = BytesMut::new();
    for delta in live.batch.drain(..) {
        live.chunks.push(&delta, &mut out);
    }
    match next {
        Ok(None) => (Ok(out.freeze()), Stage::Running(live)),
        Ok(Some(ending)) => {
            live.chunks.end(ending.end.finish, ending.usage, &mut out);
            (Ok(out.freeze()), Stage::Over)
        }
        Err(fault) => {
            ApiError::from(fault).view(|view| chunk::fault(view, &mut out));
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
