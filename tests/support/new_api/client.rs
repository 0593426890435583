//! The client's side of one relayed request: nothing leaves before the first word, and with it status and headers do.
//!
//! Measured on v1.0.0-rc.24: whatever fails after the first word, and be that a ping, is JSON behind it under a 200; of
//! a stream that fails before it, status and error arrive under `text/event-stream`.

use axum::{
    body::{Body, Bytes},
    response::Response,
};
use futures::stream;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// The header by which clients know a request.
pub(super) const REQUEST_ID: &str = "x-oneapi-request-id";
/// Pieces that a slow client may be behind.
const BEHIND: usize = 1024;
const EVENTS: &str = "text/event-stream";

/// Where answers go.
#[derive(Debug)]
pub(super) struct AnswerClient {
    head: Option<oneshot::Sender<Head>>,
    body: mpsc::Sender<Bytes>,
    streamed: bool,
}

/// What the server waits for.
#[derive(Debug)]
pub(super) struct Pending {
    head: oneshot::Receiver<Head>,
    body: mpsc::Receiver<Bytes>,
    streamed: bool,
    id: String,
}

#[derive(Debug)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl AnswerClient {
    /// Both sides of one request.
    pub(super) fn open(streamed: bool, id: &str) -> (Self, Pending) {
        let (head, waiting) = oneshot::channel();
        let (body, pieces) = mpsc::channel(BEHIND);
        let pending = Pending { head: waiting, body: pieces, streamed, id: id.to_owned() };
        (Self { head: Some(head), body, streamed }, pending)
    }

    /// Writes a piece of a stream.
    pub(super) async fn write(&mut self, piece: String) {
        self.streamed = true;
        self.begin(200, Vec::new());
        // A client that has gone is seen by `gone`.
        self.body.send(piece.into()).await.unwrap_or_default();
    }

    /// Writes an event with its name, as Anthropic and the Responses API have them.
    pub(super) async fn event(&mut self, data: &str, parsed: &Value) {
        let name = parsed["type"].as_str().unwrap_or_default();
        self.write(format!("event: {name}\ndata: {data}\n\n")).await;
    }

    /// A line that keeps the connection.
    pub(super) async fn ping(&mut self) {
        self.write(": PING\n\n".to_owned()).await;
    }

    /// Ends with a whole answer; after a first word only its body is seen.
    pub(super) async fn answer(&mut self, status: u16, headers: Vec<(String, String)>, body: String) {
        self.begin(status, headers);
        self.body.send(body.into()).await.unwrap_or_default();
    }

    /// Waits until the client has gone.
    pub(super) async fn gone(&self) {
        self.body.closed().await;
    }

    fn begin(&mut self, status: u16, mut headers: Vec<(String, String)>) {
        let Some(head) = self.head.take() else { return };
        if self.streamed {
            headers = vec![("content-type".to_owned(), EVENTS.to_owned())];
        }
        head.send(Head { status, headers }).unwrap_or_default();
    }
}

impl Pending {
    /// The answer, as soon as there is a word of it.
    pub(super) async fn response(self) -> Response {
        let events = vec![("content-type".to_owned(), EVENTS.to_owned())];
        let nothing = Head { status: 200, headers: if self.streamed { events } else { Vec::new() } };
        let head = self.head.await.unwrap_or(nothing);
        let mut response = Response::builder().status(head.status).header(REQUEST_ID, &self.id);
        for (name, value) in head.headers {
            response = response.header(name, value);
        }
        let pieces = stream::unfold(self.body, async |mut body| {
            let piece = body.recv().await?;
            Some((Ok::<_, std::io::Error>(piece), body))
        });
        response.body(Body::from_stream(pieces)).unwrap()
    }
}
