//! A client of the Responses API that speaks over a WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Url;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

/// No event of a test is longer in coming.
const LIMIT: Duration = Duration::from_secs(30);

/// An open socket.
#[derive(Debug)]
pub struct ResponsesSocket {
    /// The id of the request that opened it.
    pub id: String,
    stream: WebSocketStream<TcpStream>,
}

impl ResponsesSocket {
    /// Opens one at an adapter or a balancer.
    ///
    /// # Errors
    /// The status, and the body of an answer that opens none.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn open(url: &Url, secret: &str) -> Result<Self, (u16, String)> {
        let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let stream = TcpStream::connect(&authority).await.unwrap();
        let mut request = format!("ws://{authority}/v1/responses").into_client_request().unwrap();
        let bearer = HeaderValue::from_str(&format!("Bearer {secret}")).unwrap();
        let beta = HeaderValue::from_static("responses_websockets=2026-02-06");
        request.headers_mut().insert("authorization", bearer);
        request.headers_mut().insert("openai-beta", beta);
        match timeout(LIMIT, client_async(request, stream)).await.expect("an answer") {
            Ok((stream, answer)) => {
                let id = answer.headers().get("x-oneapi-request-id").and_then(|id| id.to_str().ok());
                Ok(Self { id: id.unwrap_or_default().to_owned(), stream })
            }
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
            }
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Asks, by the fields of a request.
    pub async fn create(&mut self, request: &Value) {
        let mut event = request.clone();
        event["type"] = "response.create".into();
        self.say(&event.to_string()).await;
    }

    /// Says a text.
    ///
    /// # Panics
    /// When it cannot be sent.
    pub async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await.unwrap();
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the socket takes none.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.stream.send(message).await
    }

    /// The next event, or the code with which the socket was closed; 0 where it was only cut.
    ///
    /// # Errors
    /// When there is no event any more.
    ///
    /// # Panics
    /// When nothing comes.
    pub async fn event(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(LIMIT, self.stream.next()).await.expect("an event, or an end") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("each event is JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(0),
            }
        }
    }

    /// The events up to the end of a turn.
    ///
    /// # Errors
    /// When the socket ends before.
    pub async fn rest(&mut self) -> Result<Vec<Value>, u16> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await?;
            let is_last = matches!(
                event["type"].as_str(),
                Some("response.completed" | "response.incomplete" | "response.failed" | "error")
            );
            events.push(event);
            if is_last {
                return Ok(events);
            }
        }
    }

    /// Asks, and gives the last event of the turn.
    ///
    /// # Panics
    /// When the turn has no end.
    pub async fn ask(&mut self, request: &Value) -> Value {
        self.create(request).await;
        self.rest().await.expect("each turn has an end").pop().unwrap()
    }
}
