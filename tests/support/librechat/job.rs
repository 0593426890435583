//! One answer of the stand-in: made on its own, listened to by whoever wants.

use axum::{
    body::{Body, Bytes},
    http::HeaderMap,
    response::Response,
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::LibreChatState;

/// What is to be answered.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) conversation: String,
    pub(super) body: Value,
    pub(super) history: Vec<Value>,
    pub(super) stop: CancellationToken,
}

type Listener = UnboundedSender<String>;

impl Job {
    /// Makes the answer and lets one listen. That the listener goes stops nothing.
    pub(super) fn run(self, site: &LibreChatState) -> Response {
        let (listener, events) = unbounded_channel();
        let owner = site.clone();
        let stop = self.stop.clone();
        site.0.tasks.spawn(async move {
            tokio::select! {
                () = self.answer(&owner, &listener) => {}
                () = stop.cancelled() => {
                    let message = json!({"messageId": owner.fresh("message"), "unfinished": true});
                    tell(&listener, "message", &json!({"final": true, "responseMessage": message}));
                }
            }
        });
        let events = futures::stream::unfold(events, |mut events| async move {
            let event = events.recv().await?;
            Some((Ok::<_, std::io::Error>(Bytes::from(event)), events))
        });
        Response::builder()
            .header("content-type", "text/event-stream")
            .body(Body::from_stream(events))
            .unwrap()
    }

    async fn answer(&self, site: &LibreChatState, listener: &Listener) {
        let text = self.body["text"].as_str().unwrap_or_default();
        tell(
            listener,
            "message",
            &json!({"created": true, "message": {"text": text}, "streamId": self.conversation}),
        );
        let said = |message: &Value| json!({"role": message["role"], "content": message["text"]});
        let mut messages: Vec<Value> = self.history.iter().map(said).collect();
        messages.push(json!({"role": "user", "content": text}));
        let request = json!({"model": self.body["model"], "stream": true, "messages": messages}).to_string();
        let answer = site.0.model.answer(&HeaderMap::new(), &request.into()).await;
        let Some(answer) = Self::pass_on(answer, listener).await else {
            tell(listener, "error", &json!({"error": "An error occurred while processing the request."}));
            return;
        };
        let id = site.fresh("message");
        let history = site.known(|known| {
            let history = known.conversations.entry(self.conversation.clone()).or_default();
            history.push(json!({"role": "user", "text": text, "messageId": self.body["messageId"]}));
            history.push(json!({"role": "assistant", "text": answer, "messageId": id}));
            history.len()
        });
        tell(listener, "message", &json!({"event": "on_run_step", "data": {"index": history}}));
        let message = json!({"messageId": id, "conversationId": self.conversation, "text": answer});
        tell(listener, "message", &json!({"final": true, "responseMessage": message}));
    }

    /// The model's words as the product's events; `None` when the model failed.
    async fn pass_on(answer: Response, listener: &Listener) -> Option<String> {
        if !answer.status().is_success() {
            return None;
        }
        let mut body = answer.into_body().into_data_stream();
        let mut bytes = Vec::new();
        let mut said = String::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.ok()?);
            while let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = bytes.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event).into_owned();
                let Some(data) = event.trim().strip_prefix("data: ") else { continue };
                let Ok(chunk) = serde_json::from_str::<Value>(data) else { return Some(said) };
                let delta = &chunk["choices"][0]["delta"];
                if let Some(text) = delta["content"].as_str() {
                    said.push_str(text);
                    tell_delta(listener, "on_message_delta", &json!({"type": "text", "text": text}));
                }
                if let Some(think) = delta["reasoning_content"].as_str() {
                    tell_delta(listener, "on_reasoning_delta", &json!({"type": "think", "think": think}));
                }
            }
        }
        None
    }
}

fn tell_delta(listener: &Listener, event: &str, part: &Value) {
    let data = json!({"id": "step_1", "delta": {"content": [part]}});
    tell(listener, "message", &json!({"event": event, "data": data}));
}

/// Whether anybody listens is not the answer's affair.
fn tell(listener: &Listener, name: &str, data: &Value) {
    listener.send(format!("event: {name}\ndata: {data}\n\n")).unwrap_or_default();
}
