//! A socket that is open: one turn after the other, each to an end that its client can read.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message, Utf8Bytes,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    conversation::HeldConversation,
    end::{SocketEnd, text_of},
    event::ClientEvent,
};
use crate::{
    api::{
        auth::AuthorizedClient,
        error::ApiError,
        request_id::{self, RequestId},
        responses::{self, UnresolvedRequest},
        via::ClientPath,
    },
    recorder,
    responses::request::ResponsesBody,
    state::AppState,
    stream::sse::SseParser,
};

/// Between two turns, for balancers that close what is silent.
const PING: Duration = Duration::from_secs(30);
/// What a socket reads at once: the library's own 128 KiB are taken by each, however little it says.
const READ_BYTES: usize = 8 << 10;
/// How long a client may take to hear that its socket ends.
const LAST_WORD: Duration = Duration::from_secs(1);
/// A sign of life within a turn: Codex counts texts and no pings.
const KEEPALIVE: &str = r#"{"type":"keepalive"}"#;

/// Who opened a socket, and how.
pub(super) struct SocketClient {
    pub client: AuthorizedClient,
    pub via: ClientPath,
    /// The session that its headers name.
    pub session: Option<String>,
    pub path: String,
    /// The id of the request that opened it; each turn has it with a number.
    pub id: RequestId,
}

/// An open socket.
pub(super) struct ServedSocket {
    app: AppState,
    opened_by: Arc<SocketClient>,
    stream: WebSocketStream<TokioIo<Upgraded>>,
    turns: u64,
    /// The last response.
    held: Option<HeldConversation>,
    /// The next request, which came while a turn ran.
    next: Option<Utf8Bytes>,
}

/// An answer on its way, and the items that it was asked with.
struct BegunAnswer {
    events: Body,
    asked: Value,
}

impl ServedSocket {
    /// One that was just opened.
    pub(super) async fn new(app: AppState, opened_by: SocketClient, upgraded: Upgraded) -> Self {
        let limit = Some(app.body_limit);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(limit)
            .max_frame_size(limit);
        let io = TokioIo::new(upgraded);
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Self { app, opened_by: Arc::new(opened_by), stream, turns: 0, held: None, next: None }
    }

    /// Serves it until it ends.
    pub(super) async fn run(mut self) {
        let until = Instant::now() + self.app.socket_limits.lifetime;
        let end = loop {
            let said = match self.wait(until).await {
                Ok(said) => said,
                Err(end) => break end,
            };
            if let Err(end) = self.turn(said).await {
                break end;
            }
        };
        tracing::debug!(?end, turns = self.turns, "a socket ends");
        timeout(LAST_WORD, self.close(end)).await.ok();
        // What is still on its way is read and thrown away, or the client would not see why.
        self.stream.get_mut().shutdown().await.ok();
    }

    /// Waits for the next request.
    async fn wait(&mut self, until: Instant) -> Result<Utf8Bytes, SocketEnd> {
        let draining = self.app.sockets.draining().clone();
        if draining.is_cancelled() {
            return Err(SocketEnd::Draining);
        }
        if until <= Instant::now() {
            return Err(SocketEnd::Old);
        }
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        let idle = Instant::now() + self.app.socket_limits.idle;
        loop {
            tokio::select! {
                () = draining.cancelled() => return Err(SocketEnd::Draining),
                () = sleep_until(until) => return Err(SocketEnd::Old),
                () = sleep_until(idle) => return Err(SocketEnd::Idle),
                () = sleep(PING) => self.send(Message::Ping(Bytes::new())).await?,
                came = self.stream.next() => if let Some(said) = text_of(came)? {
                    return Ok(said);
                },
            }
        }
    }

    /// One turn, in a span and with a recording of its own.
    async fn turn(&mut self, said: Utf8Bytes) -> Result<(), SocketEnd> {
        self.turns += 1;
        let id = self.opened_by.id.turn(self.turns);
        let path = self.opened_by.path.clone();
        let app = self.app.clone();
        // Apart: a turn is large, and what runs it is polled on a thread's stack.
        let answer = Box::pin(self.answer(said));
        let answered = AssertUnwindSafe(request_id::within(&app, &id, &path, answer));
        match answered.catch_unwind().await {
            Ok(answered) => answered,
            Err(_) => {
                self.refuse(&ApiError::Bug).await?;
                Err(SocketEnd::Broken)
            }
        }
    }

    async fn answer(&mut self, said: Utf8Bytes) -> Result<(), SocketEnd> {
        if let Some(tape) = recorder::tape() {
            tape.request(said.as_bytes());
        }
        let request = match ClientEvent::read(&said) {
            Ok(ClientEvent::Create { previous, generate }) => {
                self.request(&said, previous.as_deref()).map(|request| (request, generate))
            }
            Ok(ClientEvent::Notice) => return Ok(()),
            Err(error) => Err(error),
        };
        let begun = match request {
            Ok((request, generate)) => {
                let begun = Box::pin(begin(self.app.clone(), Arc::clone(&self.opened_by), request, generate));
                self.hearing(begun).await?
            }
            Err(error) => Err(error),
        };
        match begun {
            Ok(begun) => self.forward(begun).await,
            Err(error) => self.refuse(&error).await,
        }
    }

    /// Reads a request, behind what it goes on with.
    fn request(&self, said: &str, previous: Option<&str>) -> Result<UnresolvedRequest, ApiError> {
        let session = self.opened_by.session.clone();
        let held = match previous {
            None => None,
            Some(id) => {
                let held = self.held.as_ref().filter(|held| held.is_up_to(id));
                Some(held.ok_or(ApiError::NoResponse)?)
            }
        };
        let limit = self.app.body_limit;
        if held.is_some_and(|held| limit < held.bytes() + said.len()) {
            return Err(ApiError::BodyTooLong { limit });
        }
        let precede = |body: &mut ResponsesBody| {
            body.stream = Some(true.into());
            if let Some(held) = held {
                held.precede(body);
            }
        };
        let body = ResponsesBody::read_with(said.as_bytes(), precede)
            .map_err(|invalid| ApiError::Invalid(invalid.0))?;
        Ok(UnresolvedRequest { body, session })
    }

    /// Sends the events of an answer, to the last.
    async fn forward(&mut self, begun: BegunAnswer) -> Result<(), SocketEnd> {
        let BegunAnswer { events, asked } = begun;
        let mut events = events.into_data_stream();
        let mut parser = SseParser::default();
        loop {
            let came = self.hearing(events.next()).await?;
            let mut texts = Vec::new();
            let mut is_over = false;
            let read = came.and_then(Result::ok).is_some_and(|bytes| {
                let push = parser.push(&bytes, &mut |event| {
                    is_over |= matches!(
                        event.name,
                        b"response.completed" | b"response.incomplete" | b"response.failed"
                    );
                    texts.push(String::from_utf8_lossy(event.data).into_owned());
                    Ok(())
                });
                push.is_ok()
            });
            if is_over && let Some(last) = texts.last() {
                self.hold(asked, last);
                return self.send_all(texts).await;
            }
            if !read {
                self.refuse(&ApiError::Bug).await?;
                return Err(SocketEnd::Broken);
            }
            if texts.is_empty() {
                texts.push(KEEPALIVE.to_owned());
            }
            self.send_all(texts).await?;
        }
    }

    /// Remembers an answer that ended well.
    fn hold(&mut self, asked: Value, last: &str) {
        let event: Value = serde_json::from_str(last).unwrap_or_default();
        if event["response"]["status"] != "failed" {
            self.held = None;
            self.held =
                HeldConversation::of(asked, &event["response"], &self.app.sockets, self.app.body_limit);
        }
    }

    /// Waits for something, and hears meanwhile whether the client goes. A request that comes waits; behind it nothing is
    /// read.
    async fn hearing<T>(&mut self, awaited: impl Future<Output = T>) -> Result<T, SocketEnd> {
        let mut awaited = std::pin::pin!(awaited);
        while self.next.is_none() {
            tokio::select! {
                biased;
                done = &mut awaited => return Ok(done),
                came = self.stream.next() => self.next = text_of(came)?,
            }
        }
        Ok(awaited.await)
    }

    /// Tells that nothing is answered, and why.
    async fn refuse(&mut self, error: &ApiError) -> Result<(), SocketEnd> {
        self.send_all(vec![error.response_event()]).await
    }

    async fn send_all(&mut self, texts: Vec<String>) -> Result<(), SocketEnd> {
        for text in texts {
            self.stream.feed(Message::text(text)).await.map_err(|_| SocketEnd::Left)?;
        }
        self.stream.flush().await.map_err(|_| SocketEnd::Left)
    }

    async fn send(&mut self, message: Message) -> Result<(), SocketEnd> {
        self.stream.send(message).await.map_err(|_| SocketEnd::Left)
    }

    /// Ends it so that the client knows why, and waits until it has heard it.
    async fn close(&mut self, end: SocketEnd) {
        let told = match end {
            SocketEnd::Old => self.refuse(&ApiError::OldSocket).await,
            SocketEnd::TooLong => self.refuse(&ApiError::BodyTooLong { limit: self.app.body_limit }).await,
            _ => Ok(()),
        };
        if told.is_ok() && self.stream.close(end.frame()).await.is_ok() {
            while self.stream.next().await.is_some_and(|came| came.is_ok()) {}
        }
    }
}

/// Begins an answer: that of a site, or an empty one where none is wanted.
async fn begin(
    app: AppState,
    opened_by: Arc<SocketClient>,
    request: UnresolvedRequest,
    generate: bool,
) -> Result<BegunAnswer, ApiError> {
    let entry = opened_by.client.clone().enter(&app)?;
    let shelf = entry.shelf(&app.serving);
    let (request, asked) = request.resolve(&shelf, app.body_limit).await?;
    let events = match generate {
        true => responses::answer(&app, request, shelf, opened_by.via, entry).await?.into_body(),
        false => Body::from(responses::nothing(&request)),
    };
    Ok(BegunAnswer { events, asked })
}
