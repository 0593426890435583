//! An answer as server-sent events: chunks as they come, comments while nothing comes, and never a false end.

use std::{io, time::Duration};

use axum::{
    body::Body,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use futures::stream;
use tokio::time::Instant;

use super::{auth::Place, error::ApiError};
use crate::{
    alarm::Alarm,
    config::Delivery,
    serving::Serving,
    state::AppState,
    stream::{
        chunk::{self, Chunks},
        delta::{Delta, Finish, Usage},
        fault::Fault,
        message::{self, Events},
        response::ResponseEvents,
    },
};

/// Room for some chunks: what one read of a site brings.
const BUFFER_BYTES: usize = 1024;

/// In whose words an answer is written.
pub(super) enum Encoder {
    /// OpenAI's chat completions.
    Chat(Chunks),
    /// The same, for a gateway that makes an Anthropic message of them: it would end an error event well.
    Converted(Chunks),
    /// Anthropic's messages.
    Messages(Events),
    /// OpenAI's responses.
    Responses(Box<ResponseEvents>),
}

impl Encoder {
    fn begin(&mut self, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) | Self::Converted(chunks) => chunks.begin(out),
            Self::Messages(events) => events.begin(out),
            Self::Responses(events) => events.begin(out),
        }
    }

    fn push(&mut self, delta: &Delta, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) | Self::Converted(chunks) => chunks.push(delta, out),
            Self::Messages(events) => events.push(delta, out),
            Self::Responses(events) => events.push(delta, out),
        }
    }

    fn silence(&mut self, out: &mut BytesMut) {
        match self {
            Self::Chat(_) | Self::Converted(_) => out.extend_from_slice(chunk::HEARTBEAT),
            Self::Messages(events) => events.silence(out),
            Self::Responses(events) => events.silence(out),
        }
    }

    fn end(&mut self, finish: Finish, usage: Usage, out: &mut BytesMut) {
        match self {
            Self::Chat(chunks) | Self::Converted(chunks) => chunks.end(finish, usage, out),
            Self::Messages(events) => events.end(finish, usage, out),
            Self::Responses(events) => events.end(finish, usage, out),
        }
    }

    /// Tells of a fault; then the connection breaks, unless the fault is an end of its own.
    fn fault(&mut self, error: &ApiError, out: &mut BytesMut) -> Stage {
        match self {
            Self::Chat(_) => error.view(|view| chunk::fault(view, out)),
            // Only a broken connection tells such a gateway that the answer is not whole.
            Self::Converted(_) => {}
            Self::Messages(_) => error.anthropic_view(|view| message::fault(view, out)),
            Self::Responses(events) => {
                error.response_view(|code, message| events.fault(code, message, out));
                return Stage::Over;
            }
        }
        Stage::Cut
    }
}

/// Answers with a stream.
///
/// # Errors
/// When answers are buffered and this one fails: nothing is sent yet, so it is still a status.
pub(super) async fn answer(
    mut serving: Serving,
    encoder: Encoder,
    place: Place,
    app: &AppState,
) -> Result<Response, Fault> {
    match app.delivery {
        Delivery::Live { heartbeat } => {
            let (batch, out) = (Vec::new(), BytesMut::with_capacity(BUFFER_BYTES));
            Ok(response(live(Live {
                serving,
                encoder,
                batch,
                out,
                heartbeat,
                alarm: Alarm::default(),
                _place: place,
            })))
        }
        Delivery::Buffered => {
            let (said, ending) = serving.collect().await?;
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
    serving: Serving,
    encoder: Encoder,
    batch: Vec<Delta>,
    /// What is sent is split off it; once that is on the wire, its room is used again.
    out: BytesMut,
    heartbeat: Duration,
    alarm: Alarm,
    _place: Place,
}

impl Live {
    /// Takes what was written, to be sent.
    fn send(&mut self) -> Bytes {
        let bytes = self.out.split().freeze();
        self.serving.sent(&bytes);
        bytes
    }
}

/// Where the stream stands.
enum Stage {
    Begin(Box<Live>),
    Running(Box<Live>),
    Cut,
    Over,
}

fn live(live: Live) -> Body {
    Body::from_stream(stream::unfold(Stage::Begin(Box::new(live)), |stage| async move {
        match stage {
            Stage::Begin(live) => Some(begin(live)),
            Stage::Running(live) => Some(step(live).await),
            Stage::Cut => Some((cut().await, Stage::Over)),
            Stage::Over => None,
        }
    }))
}

fn begin(mut live: Box<Live>) -> (io::Result<Bytes>, Stage) {
    live.encoder.begin(&mut live.out);
    (Ok(live.send()), Stage::Running(live))
}

/// Sends what one read of the site brought, or a heartbeat when nothing comes.
async fn step(mut live: Box<Live>) -> (io::Result<Bytes>, Stage) {
    let Live { serving, encoder, batch, out, heartbeat, alarm, .. } = &mut *live;
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
            let stage = encoder.fault(&ApiError::from(fault), out);
            (Ok(live.send()), stage)
        }
    }
}

/// Breaks the connection: a body that ended in order would look like an answer that did.
async fn cut() -> io::Result<Bytes> {
    // The server sends what it has while it waits; without that the error event would be lost with the connection.
    tokio::task::yield_now().await;
    Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the site's answer was cut off"))
}
